"""Owns the group and split of arriving pictures: what is tied together comes into one split.

Pictures are tied by near-duplicate hashes and by a declared or captured group.

Invariant: a picture of the dataset never moves; tied pictures never straddle splits; the outcome does not
depend on the order of the rows.
Does not know the pixels.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightsort.dataset import twins
from nightsort.dataset.policy import Policy
from nightsort.dataset.ties import Bits, Rows, Ties
from nightsort.schema import SPLITS

_NULL = pa.scalar(None, pa.string())


def assign(arriving: pa.Table, present: pa.Table, policy: Policy) -> pa.Table:
    """Give every arriving picture its group and split, or the reason why it can have none.

    A picture tied to one of the dataset follows it; else what is declared counts, else a hash of the group; but the
    first group of a class that has no training picture goes to train. What ties two splits together is left out: at
    once if it is itself tied to both, else as few as a greedy cut finds. A withheld picture ties nothing.

    :param arriving: distinct sha256; label; phash (null or 0 where there is none), dhash and dhash_vertical; group
        and split as declared or null; name, where the picture lies
    :param present: sha256, label, the hashes, group and split of the dataset, without augmented pictures
    :returns: the arriving rows in their order with these columns: group and split, or null and the reason
        `straddles_splits` with its detail; twin, twin_label and twin_distance (bits of phash) of a near-duplicate,
        null if there is none: the nearest of another label if there is one, else the nearest; cluster, which names
        all that is tied together, whatever groups it declares; own, whether that is the picture's declared group
    """
    present = present.filter(pc.is_in(present["split"], pa.array(SPLITS)))
    near = twins.search(arriving, present, policy.near_duplicates)
    declared = _declared(arriving, policy)
    by_look, heirloom = _pull_by_look(present, near)
    pull = by_look | _pull_by_group(present, declared)
    wanted = _bits(arriving["split"])
    links = np.column_stack([near.inner["one"].to_numpy(), near.inner["other"].to_numpy()])
    kept, component, bits = Ties(near.arriving, _codes(declared), links, pull, wanted).cut()
    names = _names(arriving["sha256"], declared, heirloom, component)
    hashed = [_split(name.as_py(), int(tied), policy) for name, tied in zip(names, bits, strict=True)]
    place, stays = pa.array(component), pa.array(kept)
    placed = pa.table({"label": arriving["label"], "component": place, "name": names.take(place)}).filter(stays)
    trained = present["label"].filter(pc.equal(present["split"], "train"))
    splits = _with_a_training_picture(hashed, bits == 0, placed, trained)
    cluster = pc.utf8_slice_codeunits(names, 1).take(place)
    columns = {
        "group": pc.if_else(stays, pc.coalesce(declared, cluster), _NULL),
        "split": pc.if_else(stays, pa.array(splits, pa.string()).take(place), _NULL),
        "reason": pc.if_else(stays, _NULL, "straddles_splits"),
        "cluster": cluster,
        "own": pc.fill_null(pc.equal(cluster, declared), False),
        "detail": _details(pull, arriving["split"], ~kept),
        **twins.nearest(arriving, present, near),
    }
    rest = arriving.drop_columns([name for name in columns if name in arriving.column_names])
    return pa.table({**{name: rest[name] for name in rest.column_names}, **columns})


def _declared(arriving: pa.Table, policy: Policy) -> pa.ChunkedArray:
    """The declared group of every picture, else what `group_by` captures of its name, else null."""
    if not policy.group_by:
        return arriving["group"]
    captured = [policy.captured(name.as_py()) for name in arriving["name"]]
    return pc.coalesce(arriving["group"], pa.array(captured, pa.string()))


def _bits(splits: pa.ChunkedArray) -> Bits:
    """A split as a set of one, the empty set for null."""
    places = pc.fill_null(pc.index_in(splits, pa.array(SPLITS)), len(SPLITS)).to_numpy()
    bits: Bits = np.array([*(1 << place for place in range(len(SPLITS))), 0], np.uint8)[places]
    return bits


def _codes(groups: pa.ChunkedArray) -> Rows:
    """Where each group is among the sorted distinct ones, -1 for null."""
    return np.asarray(pc.fill_null(pc.index_in(groups, pc.unique(groups).drop_null().sort()), -1).to_numpy(), np.int64)


def _pull_by_look(present: pa.Table, near: twins.Near) -> tuple[Bits, pa.Array]:
    """For each arriving picture, the splits of the dataset's pictures that look like it, and a group of theirs."""
    member = np.isin(near.present, near.outer["other"].to_numpy())
    pictures = present.filter(pa.array(member)).select(["group"])
    pictures = pictures.append_column("bits", pa.array(_bits(present["split"])[member]))
    pictures = pictures.append_column("other", pa.array(near.present[member]))
    alike = near.outer.join(pictures, "other", join_type="inner")
    bits = np.zeros(near.count + 1, np.uint8)  # the last for pictures without a look
    np.bitwise_or.at(bits, alike["one"].to_numpy(), alike["bits"].to_numpy())
    group = alike.group_by("one").aggregate([("group", "min")])
    place = pc.index_in(pa.array(near.arriving), group["one"].combine_chunks())
    return bits[near.arriving], group["group_min"].combine_chunks().take(place)


def _pull_by_group(present: pa.Table, declared: pa.ChunkedArray) -> Bits:
    """For each arriving picture, the splits of the dataset's pictures of its declared group."""
    groups = pc.unique(declared).drop_null()
    place = pc.index_in(present["group"], groups)
    member = place.is_valid()
    bits = np.zeros(len(groups) + 1, np.uint8)  # the last for pictures without a group
    np.bitwise_or.at(bits, place.filter(member).to_numpy(), _bits(present["split"].filter(member)))
    return np.asarray(bits[pc.fill_null(pc.index_in(declared, groups), len(groups)).to_numpy()], np.uint8)


def _names(sha256: pa.ChunkedArray, declared: pa.ChunkedArray, heirloom: pa.Array, component: Rows) -> pa.ChunkedArray:
    """What names each component, after a digit that ranks it: a group of the dataset, a declared one, a sha256."""
    ranked = [
        pc.binary_join_element_wise(str(rank), names, "") for rank, names in enumerate([heirloom, declared, sha256])
    ]
    names = pc.coalesce(*ranked)
    # Most pictures are a component of their own, and need no grouping.
    shared = np.bincount(component)[component] > 1
    rows = pa.table({"component": component[shared], "name": names.filter(pa.array(shared))})
    least = rows.group_by("component", use_threads=False).aggregate([("name", "min")])
    place = np.zeros(component.max(initial=-1) + 1, np.int64)
    place[component] = np.arange(len(component))
    place[least["component"].to_numpy()] = len(component) + np.arange(len(least))
    return pa.chunked_array([*names.chunks, *least["name_min"].chunks], pa.string()).take(pa.array(place))


def _split(name: str, bits: int, policy: Policy) -> str:
    return SPLITS[bits.bit_length() - 1] if bits else policy.split_of(name[1:])


def _with_a_training_picture(
    splits: list[str], free: NDArray[np.bool_], placed: pa.Table, trained: pa.ChunkedArray
) -> list[str]:
    """The split of each component, after the first one of each class that would have no training picture went to train.

    What is declared, or tied to the dataset, stays where it is: such a class may go without.

    :param free: (C,) of which components a hash decided
    :param placed: label, component and its name, of every picture that is kept
    :param trained: labels of the dataset's training pictures
    """
    ours = placed["label"].filter(pc.equal(pa.array(splits, pa.string()).take(placed["component"]), "train"))
    begun = pa.chunked_array([*trained.chunks, *ours.chunks], pa.string())
    without = pc.and_(pc.invert(pc.is_in(placed["label"], begun)), pa.array(free).take(placed["component"]))
    rows = placed.filter(without).group_by(["label", "name", "component"], use_threads=False).aggregate([])
    rows = rows.sort_by([("label", "ascending"), ("name", "ascending")]).to_pylist()
    labels: dict[int, set[str]] = {}
    for row in rows:
        labels.setdefault(row["component"], set()).add(row["label"])
    done: set[str] = set()
    splits = list(splits)
    for row in rows:
        if row["label"] not in done:
            splits[row["component"]] = "train"
            done |= labels[row["component"]]
    return splits


def _details(pull: Bits, declared: pa.ChunkedArray, out: NDArray[np.bool_]) -> pa.Array:
    """Why each picture that is left out is; null for the others."""
    details: list[str] = []
    for bits, own in zip(pull[out].tolist(), declared.filter(pa.array(out)).to_pylist(), strict=True):
        splits = " and ".join(split for place, split in enumerate(SPLITS) if bits >> place & 1)
        tied = (
            f"near-duplicate or group of pictures in {splits}"
            if splits
            else "near-duplicate or group of new ones in two splits"
        )
        details.append(f"{tied}, declared {own}" if own else tied)
    return pa.array(details, pa.string()).take(pa.array(out.cumsum() - 1, mask=~out))
