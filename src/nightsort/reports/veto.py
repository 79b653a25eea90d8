"""Owns how suspicion of new labels is put: why there is a veto, and which pictures to look at.

Invariant: a veto says what to do about it, and shows a picture of each of its reasons.
Does not know how suspicion arises.
"""

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.curation.suspicion import Lot, Repeated
from nightsort.dataset.versions import Dataset
from nightsort.reports.formats import count, percent, shorten
from nightsort.reports.gallery import stored_thumbnails
from nightsort.reports.shown import Thumbnail
from nightsort.reports.suspected import MAX_SUSPECTS

_SHOWN = ["sha256", "path", "member", "label"]
_REMEDY = "look at the suspects in the report, and correct them or raise max_suspect_labels"


def veto(odd: Lot | None, repeated: Repeated | None) -> str:
    """Why no model trained on these labels may be promoted; empty where nothing is too odd."""
    reasons = []
    if odd:
        where = f" that came with {shorten(odd.name, 80)}" if odd.name else ""
        reasons.append(
            f"about {percent(odd.wrong)} of the new labels{where} look wrong: the champion denies {count(odd.denied)} "
            f"of {count(odd.pictures)} while it is sure of another class"
        )
    if repeated:
        reasons.append(
            f"{count(repeated.pictures)} of {count(repeated.of)} new pictures of {shorten(repeated.label, 40)} are "
            "near-duplicates of a single one"
        )
    return f"{' and '.join(reasons)}; {_REMEDY}" if reasons else ""


def suspects(dataset: Dataset, denied: pa.Table, labels: pa.Table, repeated: Repeated | None) -> list[Thumbnail]:
    """At most MAX_SUSPECTS: the picture that came too often, then those whose label is denied, the surest first.

    :param denied: columns sha256, path, member and label, and what the champion sees: runner_up and confidence
    :param labels: all that arrived: the first four of these columns
    """
    shown = denied.select([*_SHOWN, "runner_up", "confidence"])
    shown = shown.sort_by([("confidence", "descending"), ("sha256", "ascending")]).slice(0, MAX_SUSPECTS)
    if repeated:
        once = labels.select(_SHOWN).filter(pc.equal(labels["sha256"], repeated.sha256))
        note = f"came {count(repeated.pictures)} times, nearly the same"
        once = once.append_column("note", pa.array([note]))
        shown = pa.concat_tables([once, shown], promote_options="default").slice(0, MAX_SUSPECTS)
    return stored_thumbnails(dataset, shown)
