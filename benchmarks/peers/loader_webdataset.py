"""WebDataset: tar files, as many as workers, shuffled through its buffer, decoded by Pillow."""

import io

import torch
import webdataset
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from peers.loader_pass import BATCH, arguments, timed

_SHUFFLE = 1000  # pictures, as in its examples


def main() -> None:
    """Time the passes; the workers stay from one to the next."""
    told = arguments(__doc__)
    change = v2.Compose([v2.Resize((told.side, told.side)), v2.PILToTensor()])

    def picture(data: bytes) -> torch.Tensor:
        return change(Image.open(io.BytesIO(data)).convert("RGB"))

    tars = sorted(map(str, (told.source / "tars").glob("*.tar")))
    data = (
        webdataset.WebDataset(tars, shardshuffle=len(tars))
        .shuffle(_SHUFFLE)
        .to_tuple("jpg", "cls")
        .map_tuple(picture, int)
        .batched(BATCH)
    )
    loader = DataLoader(data, None, num_workers=told.workers, persistent_workers=True)
    timed(lambda number: loader, told.passes)


if __name__ == "__main__":
    main()
