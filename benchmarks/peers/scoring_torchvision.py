"""The script that one writes first: a Dataset, a DataLoader, a torchvision network, one Parquet file at the end."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from peers.scoring_job import MEAN, SIDE, STD, Job, job, write


class Pictures(Dataset):
    """The files of a folder, prepared as torchvision's own weights want it."""

    def __init__(self, folder: Path) -> None:
        self.files = sorted(folder.iterdir())
        self.transform = transforms.Compose(
            [
                transforms.Resize(256),
                transforms.CenterCrop(SIDE),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, str]:
        file = self.files[index]
        return self.transform(Image.open(file).convert("RGB")), str(file)


def main(job: Job) -> None:
    """Load, classify batch by batch, write."""
    network = torchvision.models.get_model(job.network, weights=None, num_classes=job.classes).eval()
    if job.bf16:
        network = network.to(memory_format=torch.channels_last)
    loader = DataLoader(Pictures(job.source), batch_size=job.batch, num_workers=job.workers)
    paths: list[str] = []
    labels: list[int] = []
    confidences: list[float] = []
    precision: Any = torch.autocast("cpu", dtype=torch.bfloat16) if job.bf16 else nullcontext()
    with torch.inference_mode(), precision:
        for pictures, names in loader:
            if job.bf16:
                pictures = pictures.to(memory_format=torch.channels_last)
            best = network(pictures).float().softmax(1).max(1)
            paths += names
            labels += best.indices.tolist()
            confidences += best.values.tolist()
    write(job, paths, labels, confidences)


if __name__ == "__main__":
    main(job(__doc__))
