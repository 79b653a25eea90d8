"""Owns which labels arrived between two versions of the dataset.

Invariant: what augmentation made, and what is withheld, has not arrived: its label is nobody's word.
Does not know whether a label is right.
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.dataset.twins import HASHES
from nightsort.dataset.versions import Dataset
from nightsort.schema import SPLITS

RELABELLED = "given another label since"
"""The lot of pictures whose label was changed."""

_COLUMNS = ("sha256", "label", "split", "path", "member", "run_id", *HASHES)


@dataclass(frozen=True)
class Arrived:
    """What one version has and an earlier one had not. All tables have _COLUMNS and are in the order of sha256.

    :param labels: new pictures, and held-out ones whose label changed, with the lot that each came in: the ingest
        run, or RELABELLED. A training picture whose label changed is in neither table: the model learned the other one
    :param held_out: validation and test pictures of both versions, with the same label
    """

    labels: pa.Table
    held_out: pa.Table


def arrived(dataset: Dataset, before: int, now: int) -> Arrived:
    """Compare two versions of the dataset."""
    rows = dataset.examples([*_COLUMNS, "parent"], pc.field("split").isin(SPLITS), now).sort_by("sha256")
    rows = rows.filter(pc.is_null(rows["parent"])).drop_columns("parent")
    known = dataset.examples(["sha256", "label", "split"], version=before)
    place = pc.index_in(rows["sha256"], known["sha256"])
    label, split = known["label"].take(place), known["split"].take(place)
    new, same = pc.is_null(place), pc.equal(label, rows["label"])
    held_out = pc.is_in(split, pa.array(["validation", "test"]))
    rows = rows.append_column("lot", pc.if_else(new, rows["run_id"], RELABELLED))
    relabelled = pc.and_(held_out, pc.invert(same))
    return Arrived(rows.filter(pc.or_kleene(new, relabelled)), rows.filter(pc.and_(held_out, same)))
