"""Owns the verdict on each backend, and which one is used: the fastest that gives the reference's answers.

Invariant: exactly one backend is used, and every verdict has its reason in words. The reference is
always acceptable. Does not measure, and reads and writes nothing.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from nightsort.evaluation.agreement import Agreement
from nightsort.words import Backend

REFERENCE: Backend = "torch-fp32"

_NOISE = 0.05  # short runs on an idle machine scatter by this share
_EXACT = 4  # decimals of the mean drift: who differs by less is equally exact


class Tolerance(BaseModel):
    """How far a backend may be from the reference; see TrainParams."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_agreement: float
    max_loss: float


class Measured(BaseModel):
    """A backend on one machine; an absent one has no figures, and `why` says so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backend: Backend
    verdict: Literal["used", "accepted", "refused", "absent"]
    why: str
    batch_size: int | None = None
    rate: float | None = None  # pictures a second, all cores busy: the best of some short runs
    spread: float = 0.0  # share by which the median run is slower than the best
    against: Agreement | None = None  # the reference on the validation split


def choose(measured: list[Measured], tolerance: Tolerance) -> list[Measured]:
    """The verdict on each: the fastest within tolerance is used, and of those equally fast the most exact.

    :param measured: the reference among them, with its figures; verdicts other than `absent` are made anew
    """
    table = [item if item.verdict == "absent" else _within(item, tolerance) for item in measured]
    accepted = [item for item in table if item.verdict == "accepted"]
    fastest = max(accepted, key=_rate)
    used = min((item for item in accepted if _ties(item, fastest)), key=lambda item: (_drift(item), -_rate(item)))
    reasons = {id(item): _passed_over(item, used) for item in accepted}
    reasons[id(used)] = _preferred(used, fastest, len(accepted))
    return [
        item.model_copy(update={"verdict": "used" if item is used else item.verdict, "why": reasons[id(item)]})
        if id(item) in reasons
        else item
        for item in table
    ]


def _within(item: Measured, tolerance: Tolerance) -> Measured:
    faults = [] if item.backend == REFERENCE or item.against is None else _faults(item.against, tolerance)
    return item.model_copy(update={"verdict": "refused" if faults else "accepted", "why": "; ".join(faults)})


def _faults(against: Agreement, tolerance: Tolerance) -> list[str]:
    faults = []
    if round(against.agreement, 9) < tolerance.min_agreement:
        faults.append(
            f"gives the label of {REFERENCE} to {against.agreement:.2%} of the pictures, and "
            f"{tolerance.min_agreement:.2%} are required"
        )
    if round(against.worst_loss, 9) > tolerance.max_loss:
        faults.append(
            f"class {against.worst_class} loses {100 * against.worst_loss:.1f} points of recall on its "
            f"{against.worst_support} pictures, and {100 * tolerance.max_loss:.1f} are allowed"
        )
    return faults


def _ties(item: Measured, fastest: Measured) -> bool:
    return _rate(item) >= _rate(fastest) * (1 - max(_NOISE, item.spread, fastest.spread))


def _rate(item: Measured) -> float:
    return item.rate or 0.0


def _drift(item: Measured) -> float:
    return round(item.against.mean_drift, _EXACT) if item.against else 0.0


def _preferred(used: Measured, fastest: Measured, accepted: int) -> str:
    if used is not fastest:
        return f"as fast as {fastest.backend} within the noise of measuring, and more exact"
    return f"the fastest of {accepted} within tolerance" if accepted > 1 else "nothing else is within tolerance"


def _passed_over(item: Measured, used: Measured) -> str:
    if _rate(item) < _rate(used):
        return "within tolerance, but slower"
    return "faster by no more than the noise of measuring, and less exact"
