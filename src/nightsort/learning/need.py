"""Owns the rule whether a retraining is due: by labels that arrived, by drift, by the time since the last one.

Invariant: the same facts give the same answer, whoever asks, with a server or without; it is given in words, with
its figures. Does not know where a fact comes from.
"""

from dataclasses import dataclass
from datetime import datetime

from nightsort.config.training import RetrainParams


@dataclass(frozen=True)
class Facts:
    """What the rule goes by.

    :param now: the time, UTC
    :param labels: pictures of the newest dataset version that the last trained model has not seen under their label
    :param model: version of the last trained model, promoted or not; None while there is none
    :param began: when the last training began, whether it ended well or not; None if none ever did
    :param drifted: run ids of the classifications since then whose pictures had drifted, newest first
    """

    now: datetime
    labels: int
    model: int | None
    began: datetime | None
    drifted: list[str]


@dataclass(frozen=True)
class Need:
    """Whether a retraining is due, and why, for people."""

    due: bool
    reason: str


def weigh(facts: Facts, params: RetrainParams) -> Need:
    """Decide by the first of these that applies.

    Not so soon after the last training began. Yes, if enough labels are new to the last trained model; it need not
    be the champion, else a challenger that was refused would be trained again for ever. Yes, if pictures drifted
    since then and any label is new: a training on the same labels would give the same model.
    """
    since = f"since model {facts.model}" if facts.model else "and no model yet"
    labels = "label" if facts.labels == 1 else "labels"
    arrived = f"{facts.labels} new {labels} {since} ({params.min_new_labels} are enough)"
    hours = (facts.now - facts.began).total_seconds() / 3600 if facts.began else None
    if hours is not None and hours < params.cool_down_hours:
        return Need(
            False,
            f"{arrived}, but the last training began {hours:.1f} hours ago, less than cool_down_hours "
            f"{params.cool_down_hours:g}",
        )
    if facts.labels >= params.min_new_labels:
        return Need(True, arrived)
    if not facts.drifted:
        return Need(False, f"{arrived}, and no drift was found")
    drift = f"pictures drifted in {facts.drifted[0]}"
    if not params.on_drift:
        return Need(False, f"{arrived}; {drift}, but on_drift is off")
    if not facts.labels:
        return Need(False, f"{arrived}; {drift}, but a training on the same labels would not help")
    return Need(True, f"{arrived}, and {drift}")
