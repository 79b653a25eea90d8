"""Owns what makes labelled data of answers: the original bytes, kept below the storage root, and a manifest of them.

Invariant: the bytes are those that were classified, and are written before anything says that they are there; the
manifest follows from the answers and the bytes alone, so it can be written again at any time. The group of a picture is
that of the place where it was found, not of the place where it is kept. Does not know how pictures are ingested.

    review/pictures/<sha256>.<ext>   the original bytes of pictures that were given a label
    review/manifest.parquet          path, label, group of each
"""

import io
from collections.abc import Callable, Collection, Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nightsort.dataset import policy
from nightsort.dataset.versions import Dataset
from nightsort.errors import PictureError
from nightsort.images.header import picture_format
from nightsort.quarantine import Quarantine
from nightsort.schema import WITHHELD
from nightsort.sources import video
from nightsort.sources.files import Access
from nightsort.sources.reader import read_unchanged
from nightsort.storage import Storage

_FOLDER = "review/pictures"
_MANIFEST = "review/manifest.parquet"
_ENDINGS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "BMP": "bmp", "TIFF": "tif", "GIF": "gif"}
_NAMED = pa.schema([("path", pa.string()), ("label", pa.string()), ("group", pa.string())])


class Labelled:
    """The pictures of a storage root that were given a label in review."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @property
    def source(self) -> str:
        """Where the pictures lie."""
        return self._storage.locate(_FOLDER)

    @property
    def manifest(self) -> str:
        """Where the manifest lies."""
        return self._storage.locate(_MANIFEST)

    def kept(self) -> dict[str, str]:
        """File names of the pictures that are kept, by SHA-256."""
        return {name.partition(".")[0]: name for name in self._storage.names(_FOLDER) if not name.startswith(".")}

    def keep(
        self, rows: Iterable[dict[str, Any]], access: Access, on_progress: Callable[[int], object]
    ) -> dict[str, str]:
        """Copy the original bytes of pictures, but for those that are kept already.

        :param rows: sha256, path, member and size of each
        :returns: why not, by SHA-256, for those whose bytes are not to be had any more
        """
        kept = self.kept()
        wanted = [row for row in rows if row["sha256"] not in kept]
        lost: dict[str, str] = {}
        for row, data in read_unchanged(pa.Table.from_pylist(wanted), access) if wanted else ():
            try:
                self._keep(row["sha256"], data)
            except PictureError as error:
                lost[row["sha256"]] = str(error)
            on_progress(1)
        return lost

    def _keep(self, sha256: str, data: bytes | PictureError) -> None:
        if isinstance(data, PictureError):
            raise data
        self._storage.write_bytes(f"{_FOLDER}/{sha256}.{_ENDINGS[picture_format(data)]}", data)

    def write_manifest(self, answers: pa.Table) -> int:
        """Write the manifest, unless it is as it should be.

        :param answers: sha256, path, member and label of all pictures that were given a label
        :returns: how many of them it names: those whose bytes are kept
        """
        kept, begun = self.kept(), policy.load(self._storage)
        rows = [
            {"path": kept[row["sha256"]], "label": row["label"], "group": _group(row, begun)}
            for row in answers.to_pylist()
            if row["sha256"] in kept
        ]
        file = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, _NAMED), file)
        if not (self._storage.exists(_MANIFEST) and self._storage.read_bytes(_MANIFEST) == file.getvalue()):
            self._storage.write_bytes(_MANIFEST, file.getvalue())
        return len(rows)

    def withdrawn(self, given: Collection[str]) -> list[str]:
        """Pictures in a split of the dataset by an answer that another one took the place of.

        :param given: SHA-256 of all pictures that are given a label
        """
        original = self._ours() & pc.is_null(pc.field("parent")) & (pc.field("split") != WITHHELD)
        inside = Dataset(self._storage).examples(["sha256"], original)["sha256"].to_pylist()
        return [sha256 for sha256 in inside if sha256 not in given]

    def outcomes(self, given: dict[str, dict[str, Any]]) -> dict[str, str]:
        """What became of each picture: "" if the dataset has it with its label, else why an ingest set it aside.

        One that no ingest has come to yet is left out.

        :param given: SHA-256 and label of each, by its SHA-256
        """
        columns = ("sha256", "path", "label", "reason", "detail")
        aside = Quarantine(self._storage).rows(*columns).filter(self._ours()).to_pylist()
        became = {(row["sha256"], row["label"]): f"{row['reason']}: {row['detail']}" for row in aside}
        wanted = pc.field("sha256").isin(pa.array(given, pa.string())) & (pc.field("split") != WITHHELD)
        inside = Dataset(self._storage).examples(["sha256", "label"], wanted).to_pylist()
        became |= {(row["sha256"], row["label"]): "" for row in inside}
        found = {sha256: became.get((sha256, row["label"])) for sha256, row in given.items()}
        return {sha256: why for sha256, why in found.items() if why is not None}

    def _ours(self) -> pc.Expression:
        return pc.starts_with(pc.field("path"), f"{self.source}/")


def _group(row: dict[str, Any], begun: policy.Policy | None) -> str | None:
    """The group that an ingest would have given the picture where it was found.

    Where `group_by` captures nothing of that place it is a group of its own; else the place where it is kept would
    be matched too.
    """
    if video.is_one(row["path"]):
        return str(row["path"])
    if begun is None or begun.group_by is None:
        return None
    return begun.captured("/".join(filter(None, (row["path"], row["member"])))) or str(row["sha256"])
