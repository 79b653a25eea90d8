"""Hugging Face `datasets`: Parquet with its Image feature, read at random by a DataLoader, decoded by Pillow."""

import tempfile
from typing import Any

import datasets
import torch
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from peers.loader_pass import BATCH, arguments, timed


def main() -> None:
    """Time the passes; the workers stay from one to the next."""
    told = arguments(__doc__)
    datasets.disable_progress_bars()
    change = v2.Compose([v2.RGB(), v2.Resize((told.side, told.side)), v2.PILToTensor()])

    def changed(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
        return {"image": [change(image) for image in rows["image"]], "label": rows["label"]}

    with tempfile.TemporaryDirectory() as cache:
        file = str(told.source / "pictures.parquet")
        data = datasets.load_dataset("parquet", data_files=file, split="train", cache_dir=cache)
        data = data.cast_column("image", datasets.Image()).with_transform(changed)
        loader = DataLoader(
            data, BATCH, shuffle=True, num_workers=told.workers, persistent_workers=True, collate_fn=_collated
        )
        timed(lambda number: loader, told.passes)


def _collated(rows: list[dict[str, Any]]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.stack([row["image"] for row in rows]), torch.tensor([row["label"] for row in rows])


if __name__ == "__main__":
    main()
