"""torchvision: ImageFolder and DataLoader; decoded by Pillow, or by torchvision itself (`--way io`)."""

import torch
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.io import ImageReadMode, decode_image, read_file
from torchvision.transforms import v2

from peers.loader_pass import BATCH, arguments, timed


def main() -> None:
    """Time the passes; the workers stay from one to the next."""
    told = arguments(__doc__)
    if told.way == "io":
        folder = ImageFolder(told.source / "folder", v2.Resize((told.side, told.side)), loader=_decoded)
    else:
        change = v2.Compose([v2.Resize((told.side, told.side)), v2.PILToTensor()])
        folder = ImageFolder(told.source / "folder", change)
    loader = DataLoader(folder, BATCH, shuffle=True, num_workers=told.workers, persistent_workers=True)
    timed(lambda number: loader, told.passes)


def _decoded(path: str) -> torch.Tensor:
    return decode_image(read_file(path), ImageReadMode.RGB)


if __name__ == "__main__":
    main()
