"""Owns synthetic rows: SMOTE on embeddings of the training split.

Invariant: every synthetic row lies between two rows of its own class that were passed in.
Does not know where embeddings come from; pixels do not belong here.
"""

import numpy as np
from imblearn.over_sampling import SMOTE, RandomOverSampler
from numpy.typing import NDArray

NEIGHBOURS = 5
"""SMOTE's k (Chawla et al. 2002); a class with fewer pictures uses all its others."""


def synthesise(
    embeddings: NDArray[np.float32], labels: NDArray[np.int64], targets: dict[int, int], seed: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Raise every class to its target by SMOTE (Chawla et al. 2002).

    A class with one row has no neighbour: that row is repeated.

    :param embeddings: (N, D), of the training split only; cast to float32, because SMOTE on
        integers wraps round
    :param labels: class ids, int64 (N,), at least two classes
    :param targets: class id -> rows wanted, at least as many as there are
    :return: embeddings and labels, the N given rows first
    """
    rows = np.asarray(embeddings, dtype=np.float32)
    counts = np.bincount(labels)
    neighbours = {c: min(NEIGHBOURS, int(counts[c]) - 1) for c in targets}
    parts, part_labels = [rows], [labels]
    # imbalanced-learn takes one k a call, so classes are grouped by the k they can have.
    for k in sorted(set(neighbours.values())):
        wanted = {c: n for c, n in targets.items() if neighbours[c] == k}
        sampler = (
            SMOTE(sampling_strategy=wanted, k_neighbors=k, random_state=seed)
            if k
            else RandomOverSampler(sampling_strategy=wanted, random_state=seed)
        )
        grown, grown_labels = sampler.fit_resample(rows, labels)
        parts.append(grown[len(rows) :])
        part_labels.append(grown_labels[len(rows) :])
    return np.concatenate(parts).astype(np.float32), np.concatenate(part_labels).astype(np.int64)


def synthesis_notes(counts: NDArray[np.int64], classes: list[str]) -> list[str]:
    """What SMOTE could not do as usual, for the report.

    :param counts: training pictures per class, int64 (C,)
    """
    single = [name for name, n in zip(classes, counts, strict=True) if n == 1]
    few = [name for name, n in zip(classes, counts, strict=True) if 1 < n <= NEIGHBOURS]
    notes = []
    if single:
        notes.append(f"SMOTE: one training picture of {', '.join(single)}; it is repeated, not interpolated")
    if few:
        notes.append(f"SMOTE: {', '.join(few)} with {NEIGHBOURS} training pictures or fewer; fewer neighbours are used")
    return notes
