"""Owns the decision which built pictures become part of the dataset.

Invariant: every built or repeated picture comes out once: admitted, relabelled, or with an outcome and a
reason. Bytes that lie under two labels are in no split until a person has decided; a file that got another label,
or was moved to another class, is relabelled where it is. The order of the rows changes nothing.
Does not read pictures and commits nothing.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightsort import clock
from nightsort.dataset.groups import assign
from nightsort.dataset.policy import Policy
from nightsort.dataset.shards import REPEATED
from nightsort.dataset.twins import HASHES
from nightsort.schema import EXAMPLES, WITHHELD

OTHER_LABEL = "near-duplicate of another label"
"""The flag of a picture whose nearest near-duplicate has another label."""

PRESENT = ("sha256", "label", "split", "parent", *HASHES, "group", "path", "member")
"""The columns of the dataset that decide about what arrives."""

NOT_ADMITTED = REPEATED
for _name in ("outcome", "reason", "detail"):
    NOT_ADMITTED = NOT_ADMITTED.append(pa.field(_name, pa.string()))
"""A picture that is not admitted: what it came to, and why."""


@dataclass(frozen=True)
class Admission:
    """What became of the pictures of a run.

    :param examples: admitted pictures, schema EXAMPLES
    :param relabelled: pictures of the dataset that have another label or place now, schema REPEATED
    :param disputed: sha256 of the pictures of the dataset whose label is in dispute now
    :param not_admitted: the others, schema NOT_ADMITTED
    :param twins: sha256, label, twin, twin_label and twin_distance of the admitted pictures with a near-duplicate
    :param clusters: groups of near-duplicates that have an admitted picture
    :param largest_cluster: admitted pictures of the largest that is more than one declared group
    :param policy: what was decided under
    :param narrowed: its radius of near-duplicates was made smaller, lest too much be tied together
    """

    examples: pa.Table
    relabelled: pa.Table
    disputed: pa.Array
    not_admitted: pa.Table
    twins: pa.Table
    clusters: int
    largest_cluster: int
    policy: Policy
    narrowed: bool = False

    @property
    def copies(self) -> pa.Table:
        """Those not admitted that have the bytes of a known picture, the files that were touched among them.

        :returns: rows of `not_admitted`
        """
        return self.not_admitted.filter(pc.is_in(self.not_admitted["outcome"], pa.array(["duplicate", "skipped"])))


def admit(
    built: pa.Table, repeated: pa.Table, present: pa.Table, gone: pa.ChunkedArray, set_aside: pa.Table, policy: Policy
) -> Admission:
    """Decide about exact duplicates, labels in dispute, near-duplicates and splits.

    :param built: schema BUILT, of all shards of a run
    :param repeated: schema REPEATED, of the same
    :param present: the columns PRESENT of the newest version
    :param gone: sha256 of the pictures of the dataset that no longer lie where they did
    :param set_aside: sha256, path and member of what was quarantined before, or by these shards
    """
    # A withheld picture that comes again, when nobody disputes it any more, is taken in anew.
    present = present.filter(pc.not_equal(present["split"], WITHHELD))
    clear = _clear(built["sha256"], repeated["sha256"], [present["sha256"], set_aside["sha256"]])
    arrivals = _in_order(built, clear, repeated)
    outcome = _decide(arrivals, present, gone, set_aside)
    others = [_not_admitted(arrivals, outcome)]
    # Bytes under another label are settled above; of equal ones the first that was built is kept.
    first = arrivals["built"].filter(pc.is_null(outcome["outcome"]))
    kept = built if pc.all(clear).as_py() else pa.concat_tables([built.filter(clear), built.take(first)])
    originals = present.filter(pc.is_null(present["parent"]))
    placed = assign(_with_name(kept), originals, policy)
    homeless = pc.is_valid(placed["reason"])
    others.append(_homeless(placed.filter(homeless)))
    placed = placed.filter(pc.invert(homeless))
    disputed = outcome["sha256"].filter(pc.equal(outcome["reason"], "label_conflict"))
    return Admission(
        _examples(placed),
        arrivals.filter(pc.equal(outcome["outcome"], "relabelled")).select(REPEATED.names),
        pc.unique(disputed.filter(pc.is_in(disputed, present["sha256"])).combine_chunks()),
        pa.concat_tables(others),
        placed.select(["sha256", "label", "twin", "twin_label", "twin_distance"]).filter(pc.is_valid(placed["twin"])),
        *_clusters(placed),
        policy,
    )


def _clear(built: pa.ChunkedArray, repeated: pa.ChunkedArray, known: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    """Whether a built picture's bytes came once and are known nowhere: most are, and there is nothing to decide."""
    counted = pc.value_counts(pa.chunked_array([*built.chunks, *repeated.chunks], pa.string()))
    several = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    return pc.invert(pc.is_in(built, pa.chunked_array([several, *(chunk for each in known for chunk in each.chunks)])))


def _in_order(built: pa.Table, clear: pa.ChunkedArray, repeated: pa.Table) -> pa.Table:
    """What is not clear by place, with the row in `built`, if any; of equal bytes a built one stands first."""
    place = pa.array(np.arange(len(built)))
    rows = pa.concat_tables(
        [
            built.select(REPEATED.names).append_column("built", place).filter(pc.invert(clear)),
            repeated.append_column("built", pa.nulls(len(repeated), pa.int64())),
        ]
    )
    rows = rows.append_column("again", pc.is_null(rows["built"]))
    return rows.sort_by([(name, "ascending") for name in ("again", "path", "member")])


def _decide(arrivals: pa.Table, present: pa.Table, gone: pa.ChunkedArray, set_aside: pa.Table) -> pa.Table:
    """Outcome, reason and detail of each arrival; null for the first of each bytes that are new."""
    sha256 = arrivals["sha256"].combine_chunks()
    theirs = present["label"].combine_chunks().take(pc.index_in(sha256, present["sha256"]))
    # What is said of a file now takes the place of what was said of it, and of one that is no longer there.
    stale = pc.or_(pc.is_in(_place(present), _place(arrivals)), pc.is_in(present["sha256"], gone))
    live = present.filter(pc.invert(stale)).select(["sha256", "label"])
    labels = _labels(pa.concat_tables([arrivals.select(["sha256", "label"]), live]))
    position = pc.index_in(sha256, labels["sha256"])
    disputed = pc.greater(labels["count"].take(position), 1)
    first = np.zeros(len(sha256), bool)
    first[np.unique(np.asarray(sha256, dtype="S64"), return_index=True)[1]] = True
    known = pc.or_(pc.is_valid(theirs), pc.is_in(sha256, set_aside["sha256"]))
    other_label = pc.fill_null(pc.not_equal(theirs, arrivals["label"].combine_chunks()), False)
    changed = pc.and_(pa.array(first), pc.or_(other_label, pc.is_in(sha256, gone)))
    same_place = pc.or_(pc.is_in(_place(arrivals), _place(present)), pc.is_in(_place(arrivals), _place(set_aside)))
    conditions = pc.make_struct(
        disputed,
        changed,
        pc.and_(known, same_place).combine_chunks(),
        pc.or_(known, pc.invert(pa.array(first))),
    )
    detail = pc.binary_join_element_wise("labels ", labels["labels"].take(position), "")
    return pa.table(
        {
            "sha256": sha256,
            "outcome": pc.case_when(conditions, "quarantined", "relabelled", "skipped", "duplicate"),
            "reason": pc.case_when(conditions, "label_conflict", "", "known", "same_bytes"),
            "detail": pc.case_when(conditions, detail, "", "", ""),
        }
    )


def _labels(rows: pa.Table) -> pa.Table:
    """The distinct labels of each sha256: how many, and their names in one text."""
    rows = rows.group_by(["sha256", "label"], use_threads=False).aggregate([]).sort_by("label")
    grouped = rows.group_by("sha256", use_threads=False).aggregate([("label", "list"), ("label", "count")])
    texts = pc.binary_join(grouped["label_list"].combine_chunks(), ", ")
    columns = [grouped["sha256"].combine_chunks(), texts, grouped["label_count"].combine_chunks()]
    return pa.table(columns, names=["sha256", "labels", "count"])


def _place(rows: pa.Table) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(rows["path"], rows["member"], rows["sha256"], "\x00")


def _not_admitted(arrivals: pa.Table, outcome: pa.Table) -> pa.Table:
    rows = arrivals
    for name in ("outcome", "reason", "detail"):
        rows = rows.append_column(name, outcome[name])
    others = pc.not_equal(rows["outcome"], "relabelled")  # null where it is admitted
    return rows.filter(others).select(NOT_ADMITTED.names).cast(NOT_ADMITTED)


def _homeless(placed: pa.Table) -> pa.Table:
    rows = placed.append_column("outcome", pa.repeat("quarantined", len(placed)))
    return rows.select(NOT_ADMITTED.names).cast(NOT_ADMITTED)


def _with_name(kept: pa.Table) -> pa.Table:
    """The same rows with the name that `group_by` is matched against."""
    inside = pc.not_equal(kept["member"], "")
    name = pc.if_else(inside, pc.binary_join_element_wise(kept["path"], kept["member"], "/"), kept["path"])
    return kept.append_column("name", name)


def _examples(placed: pa.Table) -> pa.Table:
    """Admitted rows by the schema EXAMPLES, flagged where the nearest twin has another label."""
    other = pc.fill_null(pc.not_equal(placed["twin_label"], placed["label"]), False)
    values = {name: placed[name] for name in EXAMPLES.names}
    values["flags"] = _with_flag(placed["flags"], other)
    values["weight"] = pc.fill_null(placed["weight"], 1.0)
    values["ingested_at"] = pa.repeat(pa.scalar(clock.now(), EXAMPLES.field("ingested_at").type), len(placed))
    return pa.table(values).cast(EXAMPLES)


def _with_flag(flags: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.ChunkedArray:
    """The flags with OTHER_LABEL too where it is due, which is seldom: only those become Python objects."""
    longer = [[*some, OTHER_LABEL] for some in flags.filter(other).to_pylist()]
    place = np.arange(len(flags))
    place[other.to_numpy()] = len(flags) + np.arange(len(longer))
    return pa.chunked_array([*flags.chunks, pa.array(longer, flags.type)]).take(pa.array(place))


def _clusters(placed: pa.Table) -> tuple[int, int]:
    """How many there are, and the pictures of the largest; a video's frames are no cluster for looking alike."""
    found = placed.filter(pc.is_valid(placed["twin"]))
    alike = pc.value_counts(found.filter(pc.invert(found["own"]))["cluster"])
    return pc.count_distinct(found["cluster"]).as_py(), pc.max(alike.field("counts")).as_py() or 0
