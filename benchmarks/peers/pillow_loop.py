"""The loop that one writes in an hour: Pillow, NumPy and SciPy, one process, Parquet at the end."""

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageFilter, ImageOps
from scipy.fft import dct

from peers.loop import pictures
from peers.picture import SIDE, Job, job


def main(job: Job) -> None:
    """Do all of it in this process."""
    rows, seen = [], set()
    for name, data in pictures(job.source):
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 not in seen and (made := row(data)):
            seen.add(sha256)
            rows.append({"path": name, "label": Path(name).parent.name, "sha256": sha256, **made})
    pq.write_table(pa.Table.from_pylist(rows), job.out / "pictures.parquet")


def row(data: bytes) -> dict[str, Any] | None:
    """The columns of one picture; None if it cannot be decoded."""
    try:
        picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    except Exception:
        return None
    grey = picture.convert("L")
    return {"image": kept(data, picture), **measures(grey), "phash": phash(grey)}


def kept(data: bytes, picture: Image.Image) -> bytes:
    """The bytes as they came, or of the reduced picture."""
    factor = SIDE / min(picture.size)
    if factor >= 1:
        return data
    buffer = io.BytesIO()
    size = round(picture.width * factor), round(picture.height * factor)
    picture.resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def measures(grey: Image.Image) -> dict[str, float]:
    """Size, sharpness, brightness, contrast and entropy."""
    levels = np.asarray(grey, np.float32)
    edges = np.asarray(grey.filter(ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), 1, 128)), np.float32)
    return {
        "width": grey.width,
        "height": grey.height,
        "sharpness": float(edges.var()),
        "brightness": float(levels.mean()),
        "contrast": float(levels.std()),
        "entropy": grey.entropy(),
    }


def phash(grey: Image.Image) -> int:
    """The perceptual hash as the package imagehash takes it."""
    levels = np.asarray(grey.resize((32, 32), Image.Resampling.LANCZOS), np.float32)
    low = dct(dct(levels, axis=0), axis=1)[:8, :8]
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big", signed=True)


if __name__ == "__main__":
    main(job(__doc__))
