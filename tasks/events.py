"""Owns the events of a run: what came of it that others may act on, told to Prefect as the run ends.

Invariant: an event is emitted inside a Prefect flow run alone; it is small, names no picture, and never fails the run.
Does not know who acts on it.

The resource of an event is the storage root, :func:`tasks.notice.resource`; its label STARTED says whether the run is
one of its own, BY_ITSELF, or part of another flow's.
"""

from typing import Any, NamedTuple

from nightsort.reports.data import Report
from nightsort.words import Occasion
from tasks.context import in_flow_run
from tasks.notice import resource, tell
from tasks.progress import never_failing

LABELS = "nightsort.labels.arrived"
DRIFT = "nightsort.drift.detected"
REFUSED = "nightsort.model.refused"
PROMOTED = "nightsort.model.promoted"

EVENTS = {
    LABELS: ("an ingest took in labelled pictures, or relabelled some", ("labels", "dataset_version")),
    DRIFT: ("pictures drifted from what the model learned from", ("alarms", "model_version")),
    REFUSED: ("the gate refused a model", ("model_version", "reason")),
    PROMOTED: ("the champion moved", ("model_version", "reason")),
}
"""When each is emitted, and its payload besides PAYLOAD."""

PAYLOAD = ("text", "run_id", "flow")
"""What each says."""

TOLD: dict[str, Occasion] = {DRIFT: "drift", REFUSED: "refused"}
"""The events that people want to be told of."""

STARTED = "nightsort.started"
BY_ITSELF = "by itself"

_ALARMS = 10  # findings named
_REASON = 500  # characters of a reason


class Event(NamedTuple):
    """Something that came of a run."""

    name: str
    text: str  # for people
    payload: dict[str, Any]


def announce(report: Report) -> None:
    """Emit the events of a run that ended, and tell people of those they want to be told of."""
    for event in events_of(report):
        if in_flow_run():
            _emit(event, report)
        if event.name in TOLD:
            tell(
                report.storage, report.parameters.get("notify", []), TOLD[event.name], event.text, run_id=report.run_id
            )


def events_of(report: Report) -> list[Event]:
    """What came of a run, in the order in which it happened."""
    return [event for event in (_labels(report), _drift(report), _judged(report), _moved(report)) if event]


def _labels(report: Report) -> Event | None:
    labels = report.intake.tally.done if report.ingest and report.intake else 0
    if not labels or not report.ingest:
        return None
    version = report.ingest.dataset_version
    text = f"{labels} labelled pictures arrived, in dataset version {version}"
    return Event(LABELS, text, {"labels": labels, "dataset_version": version})


def _drift(report: Report) -> Event | None:
    if not report.drift or not report.drift.alarms:
        return None
    names = [finding.name for finding in report.drift.alarms][:_ALARMS]
    text = f"the pictures drifted from what model {report.drift.model_version} learned from: {', '.join(names)}"
    return Event(DRIFT, text, {"alarms": names, "model_version": report.drift.model_version})


def _judged(report: Report) -> Event | None:
    """A refusal, and the promotion of a model that was just trained."""
    if report.training and not report.tune:  # a search shows the training that it started, which told of it itself
        return _verdict(report.training.model_version, report.training.decision, report.parameters.get("promote", True))
    if report.promotion and report.promotion.decision:
        return _verdict(report.promotion.model_version, report.promotion.decision, True)
    return None


def _verdict(version: int, decision: Any, wanted: bool) -> Event | None:
    reason = decision.reason[:_REASON]
    payload = {"model_version": version, "reason": reason}
    if decision.promoted:
        return Event(PROMOTED, f"model {version} is the champion: {reason}", payload)
    return Event(REFUSED, f"model {version} was refused: {reason}", payload) if wanted else None


def _moved(report: Report) -> Event | None:
    """A champion that was moved past the gate."""
    part = report.promotion
    if not part or part.decision or part.after is None or part.after == part.before:
        return None
    text = f"model {part.after} is the champion, {part.how} by {part.who}: {part.why}"
    return Event(PROMOTED, text, {"model_version": part.after, "reason": f"{part.how}: {part.why}"[:_REASON]})


@never_failing
def _emit(event: Event, report: Report) -> None:
    from prefect.context import FlowRunContext
    from prefect.events import emit_event

    context = FlowRunContext.get()
    within = context and context.flow_run and context.flow_run.parent_task_run_id
    emit_event(
        event.name,
        resource={
            "prefect.resource.id": resource(report.storage),
            "prefect.resource.name": report.storage,
            STARTED: "by another flow" if within else BY_ITSELF,
        },
        payload={"text": event.text, "run_id": report.run_id, "flow": report.flow, **event.payload},
    )
