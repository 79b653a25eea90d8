"""Owns the judgement whether a run's pictures are still such as the model was tried on.

Invariant: of runs without drift at most a share of alpha raises an alarm, whatever their size, since the p-values of
all tests are adjusted for one another; and no run raises one over a difference too small to matter, however many
pictures show it. The same run gives the same judgement. Does not know what to do about drift.

Following Rabanser, Günnemann and Lipton (2019), "Failing Loudly": one test a measure and a classifier's output, and
one on embeddings, each family of tests seeing what another is blind to.
"""

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nightsort.drift import two_sample
from nightsort.drift.findings import MAX_FINDINGS, Drift, Family, Finding
from nightsort.drift.reference import Reference

LEAST_PICTURES = 10
"""With fewer pictures on either side nothing is tested: no difference could be told from chance."""

LEAST_SHIFT = 0.2
"""Population stability index of a measure below which there is no alarm."""

LEAST_DOUBT = 0.1
"""Population stability index of the confidence below which there is no alarm: few pictures of a new class move it."""

LEAST_MIX = 0.1
"""Total variation of the predicted mix below which there is no alarm."""

LEAST_DISCREPANCY = 0.004
"""Distance of the embeddings below which there is no alarm, see :func:`two_sample.mean_discrepancy`."""

_COMPARED = 500  # embeddings of a run that are compared, at most
_PERMUTATIONS = 1999, 19_999  # at least, and at most where a small alpha needs more


@dataclass(frozen=True, eq=False)
class Seen:
    """What is known of a run's pictures.

    :param sample: columns of schema.MEASURES, and confidence, of a uniform sample
    :param predicted: label -> pictures of all of the run
    :param embeddings: of a uniform sample, float32 (n, D); None where nobody looked
    """

    sample: pa.Table
    predicted: dict[str, int]
    embeddings: NDArray[np.float32] | None = None


def detect(reference: Reference, seen: Seen, model_version: int, alpha: float, seed: int = 0) -> Drift:
    """Hold a run against the reference of the model that classified it.

    :param alpha: share of runs without drift that may raise an alarm, at most
    :param seed: of the permutations
    """
    drift = Drift(model_version=model_version, alpha=alpha, pictures=seen.sample.num_rows)
    if min(len(reference), seen.sample.num_rows) < LEAST_PICTURES:
        drift.notes.append(
            f"drift was not looked for: the run has {seen.sample.num_rows} and the reference {len(reference)} "
            f"pictures; it takes {LEAST_PICTURES}"
        )
        return drift
    rng = np.random.default_rng(seed)
    findings = _shifts(reference, seen.sample, drift.notes)
    permutations = _permutations(alpha, len(findings) + 2)
    findings.append(_mix(reference, seen.predicted, permutations, rng))
    findings += _embeddings(reference, seen.embeddings, permutations, rng, drift.notes)
    drift.findings = _judged(findings, alpha)[:MAX_FINDINGS]
    return drift


def _permutations(alpha: float, tests: int) -> int:
    """So many that a p-value can become half as small as an alarm takes."""
    least, most = _PERMUTATIONS
    return min(max(least, math.ceil(2 * tests / alpha) - 1), most)


def _judged(findings: list[Finding], alpha: float) -> list[Finding]:
    """With adjusted p-values and a verdict, those of an alarm first, then by p-value."""
    adjusted = two_sample.holm([finding.p_value for finding in findings])
    judged = [
        finding.model_copy(update={"adjusted": p, "drifted": p <= alpha and finding.effect >= finding.least})
        for finding, p in zip(findings, adjusted, strict=True)
    ]
    return sorted(judged, key=lambda finding: (not finding.drifted, finding.p_value))


def _shifts(reference: Reference, sample: pa.Table, notes: list[str]) -> list[Finding]:
    """Each measure, and the confidence, by its distribution."""
    columns: list[tuple[Family, str, NDArray[np.float32]]] = [
        *(("quality", name, values) for name, values in reference.measures.items()),
        ("confidence", "confidence", reference.confidences),
    ]
    found = []
    for family, name, values in columns:
        before, now = _finite(values), _finite(sample[name].to_numpy())
        if min(len(before), len(now)) < LEAST_PICTURES:
            notes.append(f"{name}: not tested, it is a number in {len(now)} pictures of the run")
        elif min(before.min(), now.min()) < max(before.max(), now.max()):  # else it is the same everywhere
            found.append(_shift(family, name, before, now))
    return found


def _finite(values: NDArray[np.float32]) -> NDArray[np.float64]:
    numbers = values.astype(np.float64)
    return np.asarray(numbers[np.isfinite(numbers)])


def _shift(family: Family, name: str, before: NDArray[np.float64], now: NDArray[np.float64]) -> Finding:
    return Finding(
        family=family,
        name=name,
        test="Kolmogorov-Smirnov",
        pictures=len(now),
        reference=len(before),
        effect=two_sample.stability_index(before, now),
        scale="population stability index",
        least=LEAST_DOUBT if family == "confidence" else LEAST_SHIFT,
        p_value=two_sample.kolmogorov_smirnov(before, now),
        adjusted=1,
        drifted=False,
        note=f"median {np.median(before):.3g} in the reference, {np.median(now):.3g} in this run",
    )


def _mix(reference: Reference, predicted: dict[str, int], permutations: int, rng: np.random.Generator) -> Finding:
    """The classes that were predicted, against those predicted of the reference: by one model, so its errors cancel."""
    labels = list(dict.fromkeys([*reference.predicted, *predicted]))
    before, now = (
        np.array([counts.get(label, 0) for label in labels], np.int64) for counts in (reference.predicted, predicted)
    )
    change = now / now.sum() - before / before.sum()
    most = int(np.abs(change).argmax())
    return Finding(
        family="mix",
        name="predicted mix",
        test=f"chi-square, {permutations:,} permutations",
        pictures=int(now.sum()),
        reference=int(before.sum()),
        effect=two_sample.total_variation(before, now),
        scale="total variation",
        least=LEAST_MIX,
        p_value=two_sample.homogeneity(before, now, permutations, rng),
        adjusted=1,
        drifted=False,
        note=f"{labels[most]}: {before[most] / before.sum():.1%} of the reference, {now[most] / now.sum():.1%} here",
    )


def _embeddings(
    reference: Reference,
    embeddings: NDArray[np.float32] | None,
    permutations: int,
    rng: np.random.Generator,
    notes: list[str],
) -> list[Finding]:
    """What the model sees, before it decides."""
    if embeddings is None:
        notes.append("embeddings: not tested, no picture was looked at more closely")
        return []
    before, now = _whole(reference.embeddings), _whole(embeddings)[:_COMPARED]
    if min(len(before), len(now)) < LEAST_PICTURES:
        notes.append(f"embeddings: not tested, there are {len(now)} of the run and {len(before)} of the reference")
        return []
    p_value, effect = two_sample.mean_discrepancy(before, now, permutations, rng)
    return [
        Finding(
            family="embedding",
            name="embeddings",
            test=f"maximum mean discrepancy, {permutations:,} permutations",
            pictures=len(now),
            reference=len(before),
            effect=effect,
            scale="cosine distance of the mean embeddings",
            least=LEAST_DISCREPANCY,
            p_value=p_value,
            adjusted=1,
            drifted=False,
        )
    ]


def _whole(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows without a hole."""
    return np.asarray(embeddings[np.isfinite(embeddings).all(1)])
