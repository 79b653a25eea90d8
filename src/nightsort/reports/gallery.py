"""Owns the pictures shown in a report: a bounded handful, read again from the source or from the dataset.

Invariant: a picture that cannot be read any more is shown without pixels, never left out.
Does not know why these were chosen.
"""

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.dataset.versions import Dataset
from nightsort.errors import PictureError
from nightsort.images.decode import Pixels, decode_reduced
from nightsort.images.preprocess import decode_stored, reduce
from nightsort.reports.data import MAX_TWINS, Twins
from nightsort.reports.shown import Thumbnail
from nightsort.reports.thumbnails import data_uri
from nightsort.schema import place
from nightsort.sources.files import Access
from nightsort.sources.reader import read

_CONSIDERED = 10_000  # pairs among which those to show are looked for
_SIDE = 112  # pixels of the longer side of a thumbnail, at most
_SHOWN = ("confidence", "runner_up", "margin", "note")


def thumbnails(rows: pa.Table, max_pixels: int, access: Access) -> list[Thumbnail]:
    """One thumbnail a row, in the order of the rows, read from the source.

    :param rows: columns path, member, label, confidence, runner_up and margin of the predictions
    """
    images = {
        (row["path"], row["member"]): _image(
            data, lambda data: decode_reduced(data, max_pixels, 2 * _SIDE).pixels, _SIDE
        )
        for row, data in read(rows, access)
    }
    return [_thumbnail(row, images[row["path"], row["member"]]) for row in rows.to_pylist()]


def without_pixels(rows: pa.Table) -> list[Thumbnail]:
    """What :func:`thumbnails` gives where no source can be reached."""
    return [_thumbnail(row, "") for row in rows.to_pylist()]


def stored_thumbnails(dataset: Dataset, rows: pa.Table) -> list[Thumbnail]:
    """One thumbnail a row, in the order of the rows, read from the dataset.

    :param rows: a handful; columns sha256, path, member, label, and any of confidence, runner_up, margin and note
    """
    listed = rows.to_pylist()
    images = stored_images(dataset, [row["sha256"] for row in listed])
    return [_thumbnail(row, images[row["sha256"]]) for row in listed]


def stored_images(dataset: Dataset, sha256s: Iterable[str], side: int = _SIDE) -> dict[str, str]:
    """The pictures of a dataset as data URIs: {sha256: URI}, the URI empty where there are no usable pixels.

    :param side: longer side in pixels, at most
    """
    images = dict.fromkeys(sha256s, "")
    if images:
        cleaning = dataset.policy().cleaning
        for batch in dataset.pictures(pa.array(list(images), pa.string())):
            for sha256, data in zip(batch["sha256"], batch["image"], strict=True):
                images[sha256.as_py()] = _image(data.as_py(), lambda data: decode_stored(data, cleaning), side)
    return images


def twins(dataset: Dataset, examples: pa.Table, pairs: pa.Table) -> list[Twins]:
    """At most MAX_TWINS pairs side by side: those with different labels first, then in the order of `pairs`.

    No picture is in two of them, so that one large cluster does not fill the page.

    :param examples: columns sha256, path, member and label, with every picture of the pairs
    :param pairs: columns left and right (sha256), and distance (bits of the perceptual hash), cosine (of the
        embeddings), or both
    """
    labels, known = examples["label"], examples["sha256"].combine_chunks()
    left, right = (labels.take(pc.index_in(pairs[side], value_set=known)) for side in ("left", "right"))
    agree = pc.fill_null(pc.equal(left, right), False).combine_chunks()
    chosen = _disjoint(pairs.take(pc.array_sort_indices(agree)[:_CONSIDERED]).to_pylist())
    shown = [pair[side] for pair in chosen for side in ("left", "right")]
    found = examples.filter(pc.is_in(examples["sha256"], value_set=pa.array(shown, pa.string())))
    looks = {row["sha256"]: row for row in found.to_pylist()}
    images = stored_images(dataset, shown)
    return [
        Twins(note=_closeness(pair), **{s: _thumbnail(looks[pair[s]], images[pair[s]]) for s in ("left", "right")})
        for pair in chosen
    ]


def _disjoint(pairs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    chosen: list[dict[str, Any]] = []
    seen: set[str] = set()
    for pair in pairs:
        if not seen & {pair["left"], pair["right"]} and len(chosen) < MAX_TWINS:
            chosen.append(pair)
            seen |= {pair["left"], pair["right"]}
    return chosen


def _closeness(pair: dict[str, Any]) -> str:
    words = []
    if pair.get("distance") is not None:
        words.append(f"distance {pair['distance']} of 64")
    if pair.get("cosine") is not None:
        words.append(f"cosine {pair['cosine']:.3f}")
    return ", ".join(words)


def _thumbnail(row: dict[str, Any], image: str) -> Thumbnail:
    shown = {name: row[name] for name in _SHOWN if row.get(name) is not None}
    return Thumbnail(path=place(row["path"], row["member"]), label=row["label"], image=image, **shown)


def _image(data: bytes | PictureError, decoded: Callable[[bytes], Pixels], side: int) -> str:
    if isinstance(data, PictureError):
        return ""
    try:
        return data_uri(reduce(decoded(data), 2 * side), side)
    except PictureError:
        return ""
