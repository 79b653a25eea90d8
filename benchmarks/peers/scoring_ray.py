"""Ray Data, after its example "Image Classification Batch Inference with PyTorch".

Read, a `map` that prepares each picture, a `map_batches` with a class of which Ray keeps a pool of actors, Parquet.
Spared are what the example does beside it: the original picture is not carried along, no dashboard is started, and
nothing is reported to anybody. There is an actor a core, as the example has one a GPU; each asks for half a core,
since actors that hold all cores leave none to read on, and Ray waits forever.
"""

import os
import tempfile
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import numpy as np
import ray
import torch
import torchvision
from torchvision import transforms

from peers.scoring_job import MEAN, SIDE, STD, Job, job


def prepare(row: dict[str, Any]) -> dict[str, Any]:
    """One picture as the network wants it."""
    transform = transforms.Compose(
        [
            transforms.ToTensor(),
            transforms.Resize(256, antialias=True),
            transforms.CenterCrop(SIDE),
            transforms.Normalize(MEAN, STD),
        ]
    )
    return {"path": row["path"], "picture": transform(row["image"]).numpy()}


class Network:
    """One replica of the network."""

    def __init__(self, name: str, classes: int) -> None:
        self.network = torchvision.models.get_model(name, weights=None, num_classes=classes).eval()

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Labels and confidences of a batch."""
        with torch.inference_mode():
            best = self.network(torch.from_numpy(batch["picture"])).softmax(1).max(1)
        return {"path": batch["path"], "label": best.indices.numpy(), "confidence": best.values.numpy()}


def main(job: Job) -> None:
    """Read, prepare, classify, write."""
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        ray.init(num_cpus=os.cpu_count(), include_dashboard=False, log_to_driver=False, _temp_dir=folder)
        ray.data.DataContext.get_current().enable_progress_bars = False
        pictures = ray.data.read_images(str(job.source), mode="RGB", include_paths=True)
        answers = pictures.map(prepare).map_batches(
            Network,
            fn_constructor_args=(job.network, job.classes),
            compute=ray.data.ActorPoolStrategy(size=job.workers),
            batch_size=job.batch,
            num_cpus=0.5,
        )
        answers.write_parquet(str(job.out))
        ray.shutdown()


if __name__ == "__main__":
    main(job(__doc__))
