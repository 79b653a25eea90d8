"""Hugging Face `datasets`: ImageFolder, one `map` over all cores, Parquet.

It lists, and writes at the end, in one process. The pictures are decoded by OpenCV in the `map`, which is faster
than the library's own Pillow. A zip is unpacked first: version 5.2.0 takes the zip's own folder for the class of
what is in it ("Invalid string class label").
"""

from pathlib import Path
from typing import Any

import datasets

from peers.picture import Job, folder, job, row


def main(job: Job) -> None:
    """Load, convert, write."""
    datasets.disable_progress_bars()
    pictures = datasets.load_dataset(
        "imagefolder",
        data_files={"train": f"{folder(job)}/**/*.jpg"},
        split="train",
        cache_dir=str(job.out / "cache"),
        drop_labels=False,
    )
    pictures = pictures.cast_column("image", datasets.Image(decode=False))
    converted = pictures.map(
        convert,
        batched=True,
        batch_size=100,
        num_proc=job.workers,
        remove_columns=["image", "label"],
        fn_kwargs={"checks": job.checks},
    )
    converted.to_parquet(str(job.out / "pictures.parquet"))


def convert(batch: dict[str, list[Any]], checks: bool) -> dict[str, list[Any]]:
    """A batch of pictures to a batch of rows; a picture that cannot be decoded is left out."""
    rows = []
    for image, label in zip(batch["image"], batch["label"], strict=True):
        made = row(image["bytes"] or Path(image["path"]).read_bytes(), checks)
        if made is not None:
            rows.append({"label": label, **made})
    return {name: [each[name] for each in rows] for name in rows[0]} if rows else {}


if __name__ == "__main__":
    main(job(__doc__))
