"""Owns synthetic rows: the SMOTE family on embeddings or features of the training split.

Invariant: every synthetic row lies between two rows of its own class that were passed in; each class reaches its
target, whatever the method can make of it. Does not know where the rows come from.
"""

import numpy as np
from imblearn.over_sampling import ADASYN, SMOTE, BorderlineSMOTE, RandomOverSampler
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray

from nightsort.words import Balance

NEIGHBOURS = 5
"""SMOTE's k (Chawla et al. 2002); a class with fewer pictures uses all its others."""

SURROUNDING = 10
"""Neighbours of any class by which Borderline-SMOTE knows what is in danger (Han et al. 2005)."""

Rows = NDArray[np.float32]
Labels = NDArray[np.int64]
Wanted = dict[int, int]


def synthesise(
    strategy: Balance, rows: Rows, labels: Labels, targets: Wanted, classes: list[str], seed: int
) -> tuple[Rows, Labels, list[str]]:
    """Raise every class to its target by a method of the SMOTE family.

    A class with one row has no neighbour: that row is repeated. One in which Borderline-SMOTE finds nothing in danger,
    or around which ADASYN finds no other class, is raised by plain SMOTE.

    :param strategy: `borderline_smote` (Han et al. 2005), `adasyn` (He et al. 2008), any other is SMOTE (Chawla et
        al. 2002)
    :param rows: (N, D), of the training split only; cast to float32, because SMOTE on integers wraps round
    :param labels: class ids, int64 (N,), at least two classes
    :param targets: class id -> rows wanted, at least as many as there are
    :param classes: their names, for the notes
    :return: rows and labels, the N given rows first, and notes for the report
    """
    rows = np.asarray(rows, dtype=np.float32)
    held = np.bincount(labels, minlength=len(classes))
    missing = {c: int(n - held[c]) for c, n in targets.items() if n > held[c]}
    made, plain = _by_neighbours(strategy, rows, labels, missing, seed)
    grown = np.concatenate([rows, *made.values()])
    grown_labels = np.concatenate([labels, *(np.full(len(rows), c, np.int64) for c, rows in made.items())])
    return grown, grown_labels, _notes(strategy, held, missing, plain, classes)


def _by_neighbours(
    strategy: Balance, rows: Rows, labels: Labels, missing: Wanted, seed: int
) -> tuple[dict[int, Rows], list[int]]:
    """Class -> its synthetic rows, as many as are missing; and the classes of which the method made none.

    imbalanced-learn takes one number of neighbours a call, so classes go together by the number they can have.
    """
    held = np.bincount(labels)
    made: dict[int, Rows] = {}
    plain: list[int] = []
    neighbours = {c: min(NEIGHBOURS, int(held[c]) - 1) for c in missing}
    for k in sorted(set(neighbours.values())):
        wanted = {c: n for c, n in missing.items() if neighbours[c] == k}
        first = _grow(_sampler(strategy, k, len(rows), seed), rows, labels, wanted)
        short = {c: n - len(first[c]) for c, n in wanted.items() if len(first[c]) < n}
        rest = _grow(_sampler("smote", k, len(rows), seed), rows, labels, short)
        made |= {c: np.concatenate([first[c], rest[c]]) if c in rest else first[c] for c in wanted}
        plain += [c for c in short if not len(first[c])]
    return made, plain


def _sampler(strategy: Balance, k: int, count: int, seed: int) -> BaseOverSampler:
    if not k:
        return RandomOverSampler(random_state=seed)
    if strategy == "borderline_smote":
        return BorderlineSMOTE(k_neighbors=k, m_neighbors=min(SURROUNDING, count - 1), random_state=seed)
    return ADASYN(n_neighbors=k, random_state=seed) if strategy == "adasyn" else SMOTE(k_neighbors=k, random_state=seed)


def _grow(sampler: BaseOverSampler, rows: Rows, labels: Labels, wanted: Wanted) -> dict[int, Rows]:
    """Class -> its synthetic rows, at most as many as wanted; none of a class that the sampler refuses."""
    if not wanted:
        return {}
    held = np.bincount(labels)
    sampler.set_params(sampling_strategy={c: int(held[c]) + n for c, n in wanted.items()})
    try:
        grown, grown_labels = sampler.fit_resample(rows, labels)
    except (ValueError, RuntimeError):  # ADASYN, of any of the classes; those that it takes are asked for alone
        if len(wanted) == 1:
            return dict.fromkeys(wanted, rows[:0])
        return {c: part for one in wanted.items() for c, part in _grow(sampler, rows, labels, dict([one])).items()}
    new, new_labels = grown[len(rows) :], grown_labels[len(rows) :]
    return {c: _evenly(new[new_labels == c], n) for c, n in wanted.items()}


def _evenly(rows: Rows, most: int) -> Rows:
    """At most so many, evenly spread: ADASYN rounds row by row, and may make a few more than it was asked for."""
    return rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)] if len(rows) > most else rows


def _notes(
    strategy: Balance, held: NDArray[np.int64], missing: Wanted, plain: list[int], classes: list[str]
) -> list[str]:
    """What could not be done as usual, for the report."""
    single = [classes[c] for c in missing if held[c] == 1]
    few = [classes[c] for c in missing if 1 < held[c] <= NEIGHBOURS]
    fallen = [classes[c] for c in sorted(plain)]
    notes = {
        f"one training picture of {', '.join(single)}; it is repeated, not interpolated": single,
        f"{', '.join(few)} with {NEIGHBOURS} training pictures or fewer; fewer neighbours are used": few,
        f"no neighbours of other classes to go by for {', '.join(fallen)}; plain SMOTE is used": fallen,
    }
    return [f"{strategy}: {note}" for note, names in notes.items() if names]
