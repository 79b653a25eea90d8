"""Owns the near-duplicates of arriving pictures: among themselves, and in the dataset.

A look is one value of the three hashes. Two looks are near if their perceptual hashes are within the dataset's
radius and their difference hashes agree: smooth pictures have perceptual hashes that are near by chance, and one
chance would chain whole classes into one group.

Invariant: equal looks are compared once, so that many pictures of one look cost no more than one.
Does not know splits.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightsort.dataset import neighbours

HASHES = ["phash", "dhash", "dhash_vertical"]

AGREEING = 12
"""Largest distance of the difference hashes of near-duplicates, in bits of 128.

Measured on 218 magnetic tiles, photographed six times each or more: up to 12 bits pairs are of one tile, from 14 on
different tiles chain into one cluster.
"""

_NEAR = pa.schema([("one", pa.int64()), ("other", pa.int64()), ("distance", pa.uint8())])
_OFFERED = ["other", "their_label", "place"]
_KEY = ["look", "label"]
_PART = 1_000_000  # pairs looked at together
_PLACE_BITS = 40
_PLACES = 1 << _PLACE_BITS
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Near:
    """The looks of an ingest, and which are near each other.

    Arriving looks are numbered from 0 in the order of their hashes, the dataset's other looks from `count` on.
    """

    count: int
    arriving: Rows  # (N,) look of each arriving picture, -1 without one
    present: Rows  # (M,) look of each picture of the dataset
    inner: pa.Table  # one, other, distance: two arriving looks, each pair once
    outer: pa.Table  # one, other, distance: an arriving look and one of the dataset


def search(arriving: pa.Table, present: pa.Table, radius: int) -> Near:
    """Find the near looks.

    :param arriving: columns HASHES; null or 0 as phash is no look
    :param present: columns HASHES
    :param radius: largest distance of the perceptual hashes, in bits; -1 finds nothing, not even equal looks
    """
    ours, look = _looks(arriving, radius)
    theirs, their_look = _looks(present, radius)
    inner, outer = _near(ours, ours, radius), _near(ours, theirs, radius)
    inner = inner.filter(pc.less(inner["one"], inner["other"]))
    one, other = outer["one"].to_numpy(), outer["other"].to_numpy()
    equal = (ours[one] == theirs[other]).all(axis=1)
    number = np.arange(len(theirs) + 1) + len(ours)
    number[other[equal]] = one[equal]
    number[-1] = -1
    outer = outer.set_column(1, "other", pa.array(number[other]))
    return Near(len(ours), look, number[their_look], inner, outer)


def _looks(pictures: pa.Table, radius: int) -> tuple[NDArray[np.uint64], Rows]:
    """(K, 3) the distinct looks, sorted, and (N,) the look of each picture."""
    hashes = np.stack([pc.fill_null(pictures[name], 0).to_numpy().astype(np.int64) for name in HASHES], axis=1)
    seen = np.flatnonzero(hashes[:, 0]) if radius >= 0 else np.empty(0, np.int64)
    looks, places = np.unique(hashes[seen], axis=0, return_inverse=True)
    look = np.full(len(hashes), -1, np.int64)
    look[seen] = places.ravel()
    return np.ascontiguousarray(looks).view(np.uint64), look


def _near(ours: NDArray[np.uint64], theirs: NDArray[np.uint64], radius: int) -> pa.Table:
    blocks = [_NEAR.empty_table()]
    sides = np.ascontiguousarray(ours[:, 0]), np.ascontiguousarray(theirs[:, 0])
    for left, right, distance in neighbours.pairs(*sides, radius):
        differing = np.bitwise_count(ours[left, 1:] ^ theirs[right, 1:]).sum(axis=1, dtype=np.int64)
        agree = differing <= AGREEING
        blocks.append(pa.table([left[agree], right[agree], distance[agree]], schema=_NEAR))
    return pa.concat_tables(blocks)


def nearest(arriving: pa.Table, present: pa.Table, near: Near) -> dict[str, pa.ChunkedArray]:
    """For each arriving picture twin, twin_label and twin_distance of a near-duplicate, null without one.

    It is the nearest of another label, else one of the same look, else the nearest; at a tie the smallest sha256.

    :param arriving: columns sha256 and label of the pictures that were built
    :param present: the same of those of the dataset
    :param near: what :func:`search` found among them
    :returns: three columns as long as `arriving`
    """
    involved = _involved(near)
    rows = _keyed(arriving.filter(pa.array(involved)), near.arriving[involved])
    ours, rows = rows, rows.append_column("row", pa.array(np.arange(len(rows))))
    theirs = np.isin(near.present, near.outer["other"].to_numpy())
    looks = _smallest(pa.concat_tables([ours, _keyed(present.filter(pa.array(theirs)), near.present[theirs])]))
    found = rows.join(_best(ours, looks, near), _KEY).join(looks, _KEY).sort_by("row")
    alike = pc.if_else(pc.equal(found["first"], found["sha256"]), found["second"], found["first"])
    same = pc.and_(pc.fill_null(pc.equal(found["twin_label"], found["label"]), True), alike.is_valid())
    columns = {
        "twin": pc.if_else(same, alike, found["twin"]),
        "twin_label": pc.if_else(same, found["label"], found["twin_label"]),
        "twin_distance": pc.if_else(same, pa.scalar(0, pa.uint8()), found["twin_distance"]),
    }
    place = pa.array(involved.cumsum() - 1, mask=~involved)
    return {name: column.take(place) for name, column in columns.items()}


def _involved(near: Near) -> NDArray[np.bool_]:
    """Whether an arriving picture shares its look or has a near one: of most there is nothing to tell."""
    looks = np.bincount(near.arriving[near.arriving >= 0], minlength=near.count) > 1
    for pairs, name in ((near.inner, "one"), (near.inner, "other"), (near.outer, "one")):
        looks[pairs[name].to_numpy()] = True
    return np.append(looks, False)[near.arriving]  # the last for pictures without a look


def _keyed(pictures: pa.Table, look: Rows) -> pa.Table:
    return pictures.select(["sha256", "label"]).append_column("look", pa.array(look))


def _smallest(pictures: pa.Table) -> pa.Table:
    """The smallest and second smallest sha256 of every look and label."""
    first = pictures.group_by(_KEY).aggregate([("sha256", "min")]).rename_columns([*_KEY, "first"])
    rest = pictures.join(first, [*_KEY, "sha256"], [*_KEY, "first"], "left anti")
    second = rest.group_by(_KEY).aggregate([("sha256", "min")]).rename_columns([*_KEY, "second"])
    return first.join(second, _KEY)


def _best(ours: pa.Table, looks: pa.Table, near: Near) -> pa.Table:
    """For every look and label of arriving pictures, the best twin that has another look or another label."""
    swapped = near.inner.select(["other", "one", "distance"]).rename_columns(_NEAR.names)
    every = np.arange(near.count)
    itself = pa.table([every, every, np.zeros(near.count, np.uint8)], schema=_NEAR)
    looks = looks.sort_by([("first", "ascending"), ("label", "ascending")])
    names = pc.unique(looks["label"])
    offered = pa.table([looks["look"], pc.index_in(looks["label"], names), np.arange(len(looks))], _OFFERED)
    asking = pa.table({"look": ours["look"], "label": pc.index_in(ours["label"], names)}).group_by(_KEY).aggregate([])
    ranked = [_ranked(asking, offered, pairs) for pairs in (itself, *_parts(near.inner, swapped, near.outer))]
    best = pa.concat_tables(ranked).group_by(_KEY).aggregate([("rank", "min")])
    place = pc.bit_wise_and(best["rank_min"], _PLACES - 1)
    distance = pc.bit_wise_and(pc.shift_right(best["rank_min"], _PLACE_BITS), 255).cast(pa.uint8())
    twin, label = looks["first"].take(place), looks["label"].take(place)
    columns = [best["look"], names.take(best["label"].combine_chunks()), twin, label, distance]
    return pa.table(columns, [*_KEY, "twin", "twin_label", "twin_distance"])


def _parts(*pairs: pa.Table) -> Iterator[pa.Table]:
    """The pairs, some at a time: of a still camera's frames each is near every other."""
    for each in pairs:
        for start in range(0, len(each), _PART):
            yield each.slice(start, _PART)


def _ranked(asking: pa.Table, offered: pa.Table, pairs: pa.Table) -> pa.Table:
    """The best rank of what is offered to each look and label: another label first, then distance, then sha256."""
    found = asking.join(pairs, "look", "one", "inner").join(offered, "other", join_type="inner")
    same = pc.equal(found["label"], found["their_label"])
    nearness = pc.shift_left(found["distance"].cast(pa.int64()), _PLACE_BITS)
    rank = pc.add(pc.add(pc.multiply(same.cast(pa.int64()), _PLACES << 8), nearness), found["place"])
    itself = pc.and_(same, pc.equal(found["look"], found["other"]))
    found = found.select(_KEY).append_column("rank", rank).filter(pc.invert(itself))
    return found.group_by(_KEY).aggregate([("rank", "min")]).rename_columns([*_KEY, "rank"])
