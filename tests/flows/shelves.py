"""Builders of sources: the same labelled pictures as a folder, as an archive, or flat with a manifest."""

import csv
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nightsort.dataset.versions import Dataset
from nightsort.storage import Storage
from tests.flows.conftest import picture

Pictures = dict[str, tuple[str, bytes]]
"""File name -> class and bytes."""

Shelf = Callable[[Path, Pictures], dict[str, str]]
"""Puts pictures into a folder, replacing what is there; what `ingest` is to be told, `source` relative to it."""


def labelled(count: int, start: int = 0) -> Pictures:
    """So many pictures, the classes in turn; no two have a name in common."""
    seeds = ((("red", "green", "blue")[number % 3], number) for number in range(start, start + count))
    return {f"{label}-{seed:03d}.png": (label, picture(label, seed)) for label, seed in seeds}


def stored(root: Path, version: int | None = None) -> set[tuple[str, str, str, str]]:
    """SHA-256, class, file name and split of everything in the dataset; each SHA-256 is there once."""
    dataset = Dataset(Storage(str(root)))
    rows = dataset.examples(["sha256", "label", "path", "member", "split"], version=version).to_pylist()
    assert len({row["sha256"] for row in rows}) == len(rows)
    return {(row["sha256"], row["label"], Path(row["member"] or row["path"]).name, row["split"]) for row in rows}


def class_folders(folder: Path, pictures: Pictures) -> dict[str, str]:
    for name, (label, data) in pictures.items():
        (folder / "in" / label).mkdir(parents=True, exist_ok=True)
        (folder / "in" / label / name).write_bytes(data)
    return {"source": "in"}


def flat(folder: Path, pictures: Pictures) -> None:
    (folder / "in").mkdir(parents=True, exist_ok=True)
    for name, (_, data) in pictures.items():
        (folder / "in" / name).write_bytes(data)


def zipped(folder: Path, pictures: Pictures) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    _zip(folder / "in.zip", {f"{label}/{name}": data for name, (label, data) in pictures.items()})
    return {"source": "in.zip"}


def zip_with_manifest(folder: Path, pictures: Pictures) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    flat_members = {name: data for name, (_, data) in pictures.items()}
    _zip(folder / "in.zip", flat_members | {"labels.csv": _csv(pictures).encode()})
    return {"source": "in.zip", "manifest": "labels.csv"}


def zip_in_a_folder(folder: Path, pictures: Pictures) -> dict[str, str]:
    """One class comes as an archive; its folder names the class."""
    class_folders(folder, {name: item for name, item in pictures.items() if item[0] != "red"})
    (folder / "in" / "red").mkdir(exist_ok=True)
    _zip(folder / "in" / "red" / "more.zip", {name: data for name, (label, data) in pictures.items() if label == "red"})
    return {"source": "in"}


def tarred(compression: str) -> Shelf:
    """A tar, compressed by what its name ends with."""

    def build(folder: Path, pictures: Pictures) -> dict[str, str]:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode=f"w:{'' if compression == 'zst' else compression}") as archive:
            for name, (label, data) in pictures.items():
                info = tarfile.TarInfo(f"{label}/{name}")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        folder.mkdir(parents=True, exist_ok=True)
        name = ".".join(filter(None, ("in.tar", compression)))
        with pa.output_stream(folder / name, compression="zstd" if compression == "zst" else None) as stream:
            stream.write(buffer.getvalue())
        return {"source": name}

    return build


def csv_manifest(folder: Path, pictures: Pictures) -> dict[str, str]:
    """Beside the pictures; also what names the source."""
    flat(folder, pictures)
    (folder / "in" / "labels.csv").write_text(_csv(pictures))
    return {"source": "in", "manifest": "labels.csv"}


def jsonl_manifest(folder: Path, pictures: Pictures) -> dict[str, str]:
    flat(folder, pictures)
    lines = [json.dumps({"path": name, "label": label}) for name, (label, _) in pictures.items()]
    (folder / "in" / "labels.jsonl").write_text("\n".join(lines))
    return {"source": "in/labels.jsonl"}


def coco(folder: Path, pictures: Pictures) -> dict[str, str]:
    flat(folder, pictures)
    classes = sorted({label for label, _ in pictures.values()})
    said = {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(pictures)],
        "annotations": [
            {"id": number, "image_id": number, "category_id": classes.index(label), "bbox": [0, 0, 9, 9]}
            for number, (label, _) in enumerate(pictures.values())
        ],
        "categories": [{"id": number, "name": label} for number, label in enumerate(classes)],
    }
    (folder / "in" / "instances.json").write_text(json.dumps(said))
    return {"source": "in", "manifest": "instances.json"}


def parquet_manifest(folder: Path, pictures: Pictures, **columns: list[object]) -> dict[str, str]:
    flat(folder, pictures)
    said = {"path": list(pictures), "label": [label for label, _ in pictures.values()]}
    pq.write_table(pa.table(said | columns), folder / "in" / "labels.parquet")
    return {"source": "in", "manifest": "labels.parquet"}


SHELVES: dict[str, Shelf] = {
    "folder": class_folders,
    "zip": zipped,
    "zip with a manifest": zip_with_manifest,
    "zip in a folder": zip_in_a_folder,
    **{f"tar {compression}".strip(): tarred(compression) for compression in ("", "gz", "bz2", "xz", "zst")},
    "csv": csv_manifest,
    "jsonl": jsonl_manifest,
    "parquet": parquet_manifest,
    "coco": coco,
}


def _zip(file: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def _csv(pictures: Pictures) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([("path", "label"), *((name, label) for name, (label, _) in pictures.items())])
    return text.getvalue()
