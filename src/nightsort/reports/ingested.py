"""Owns what an ingest says of itself: its part of the report, from what was admitted.

Invariant: bounded, however much was taken in. Does not know how it will look.
"""

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.arrow import frequencies
from nightsort.dataset.admission import Admission
from nightsort.dataset.versions import Dataset
from nightsort.reports import gallery
from nightsort.reports.data import MANY_COPIES, MAX_ROWS, IngestPart, Setaside, Twins
from nightsort.reports.flags import flagged, flags
from nightsort.reports.formats import count
from nightsort.reports.histograms import histograms
from nightsort.reports.sheets import sheets
from nightsort.reports.shown import ClassCount, Thumbnail
from nightsort.schema import WITHHELD, place

_PAIRS = 10_000  # looked through for those worth showing


def describe(
    dataset: Dataset, admission: Admission, version: int, seconds: float, stages: dict[str, float]
) -> IngestPart:
    """The part of one ingest.

    :param version: the newest version, 0 while nothing was ever admitted
    :param seconds: wall seconds from the first byte read to the last decision
    :param stages: seconds of each stage, summed over the workers
    """
    if not version:
        return IngestPart(dataset_version=0, classes=[], seconds=seconds, stages=stages)
    added = admission.examples
    return IngestPart(
        dataset_version=version,
        classes=_classes(dataset, version),
        seconds=seconds,
        stages=stages,
        sheets=sheets(dataset, added, version),
        histograms=histograms(added),
        near_duplicates=len(admission.twins),
        clusters=admission.clusters,
        largest_cluster=admission.largest_cluster,
        narrowed_to=admission.policy.near_duplicates if admission.narrowed else None,
        admitted=len(added),
        twins=_twins(dataset, admission),
        most_copied=_most_copied(dataset, admission.not_admitted),
        disputed=len(admission.disputed),
        withheld=_withheld(dataset, admission.disputed),
        flags=flags(added),
        flagged=flagged(dataset, added),
    )


def _classes(dataset: Dataset, version: int) -> list[ClassCount]:
    withheld = frequencies(dataset.examples(["label"], pc.field("split") == WITHHELD, version)["label"])
    counts = {label: dict.fromkeys(("train", "validation", "test"), 0) for label in withheld} | dataset.counts(version)
    return [
        ClassCount(label=label, total=sum(splits.values()) + aside, **splits, withheld=aside)
        for label, splits in sorted(counts.items())
        for aside in [withheld.get(label, 0)]
    ]


def _twins(dataset: Dataset, admission: Admission) -> list[Twins]:
    """Each pair once, those of two labels first, then the nearest."""
    found = admission.twins
    found = found.append_column("agree", pc.equal(found["label"], found["twin_label"]))
    found = found.sort_by([("agree", "ascending"), ("twin_distance", "ascending")]).slice(0, _PAIRS)
    pairs = pa.table(
        {
            "left": pc.min_element_wise(found["sha256"], found["twin"]),
            "right": pc.max_element_wise(found["sha256"], found["twin"]),
            "distance": found["twin_distance"],
        }
    )
    pairs = pairs.group_by(["left", "right"], use_threads=False).aggregate([("distance", "min")])
    pairs = pairs.rename_columns(["left", "right", "distance"]).sort_by("distance")
    named = pa.concat_arrays([pairs[side].combine_chunks() for side in ("left", "right")])
    known = dataset.examples(["sha256", "path", "member", "label"], pc.field("sha256").isin(named))
    # The twin of an admitted picture may itself have been left out, for straddling two splits.
    pairs = pairs.filter(pc.and_(*(pc.is_in(pairs[side], known["sha256"]) for side in ("left", "right"))))
    return gallery.twins(dataset, known, pairs)


def _most_copied(dataset: Dataset, not_admitted: pa.Table) -> Thumbnail | None:
    """The picture whose bytes came most often in this run, under whatever label, if they came often."""
    copies = not_admitted.filter(pc.is_in(not_admitted["reason"], pa.array(["same_bytes", "label_conflict"])))
    counted = copies.group_by("sha256", use_threads=False).aggregate([("path", "count")])
    counted = counted.sort_by([("path_count", "descending"), ("sha256", "ascending")]).slice(0, 1).to_pylist()
    if not counted or counted[0]["path_count"] < MANY_COPIES:
        return None
    sha256, times = counted[0]["sha256"], counted[0]["path_count"]
    rows = copies.filter(pc.equal(copies["sha256"], sha256)).select(["sha256", "path", "member", "label"]).slice(0, 1)
    note = pa.array([f"{count(times)} files with the same bytes"])
    return gallery.stored_thumbnails(dataset, rows.append_column("note", note))[0]


def _withheld(dataset: Dataset, disputed: pa.Array) -> list[Setaside]:
    where = pc.field("sha256").isin(disputed)
    rows = dataset.examples(["path", "member", "label"], where).slice(0, MAX_ROWS).to_pylist()
    return [
        Setaside(path=place(row["path"], row["member"]), reason="label_conflict", detail=f"was {row['label']} so far")
        for row in rows
    ]
