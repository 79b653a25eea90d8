"""What a run leaves for others to act on: which events, with what, and who is told."""

from typing import Any

import pytest

from nightsort.drift.findings import Drift, Finding
from nightsort.evaluation.scores import Decision
from nightsort.reports.data import IngestPart, IntakePart, Report
from nightsort.reports.promoted import PromotionPart
from nightsort.tally import Tally
from tasks.events import DRIFT, EVENTS, LABELS, PROMOTED, REFUSED, announce, events_of
from tasks.runs import Run
from tests.webhooks import Webhook

FINDING: dict[str, Any] = {
    "family": "quality", "test": "Kolmogorov-Smirnov", "pictures": 100, "reference": 90, "effect": 0.5, "scale": "PSI",
    "least": 0.2, "p_value": 1e-9, "adjusted": 1e-8,
}  # fmt: skip


def drift(**drifted: bool) -> Drift:
    findings = [Finding(name=name, drifted=alarm, **FINDING) for name, alarm in drifted.items()]
    return Drift(model_version=3, alpha=0.01, pictures=100, findings=findings)


def promotion(promoted: bool | None, **changes: Any) -> PromotionPart:
    decision = None if promoted is None else Decision(promoted=promoted, reason="because", challenger_macro_f1=0.5)
    after = 4 if promoted is not False else 3
    return PromotionPart(
        **{
            "model_version": 4,
            "before": 3,
            "after": after,
            "how": "judged",
            "who": "me",
            "why": "so",
            "decision": decision,
        }
        | changes
    )


def report(run: Run, **parts: Any) -> Report:
    run.parts = parts
    made = run.skipped("")
    return made.model_copy(update={"state": "completed"})


def ingested(run: Run, labels: int) -> Report:
    made = report(run, ingest=IngestPart(dataset_version=7, classes=[]))
    tally = Tally(discovered=labels, done=labels)
    return made.model_copy(update={"intake": IntakePart(source="here", tally=tally)})


def test_labels_that_arrived(run: Run) -> None:
    (event,) = events_of(ingested(run, 12))
    assert (event.name, event.payload) == (LABELS, {"labels": 12, "dataset_version": 7})
    assert events_of(ingested(run, 0)) == []


def test_drift_is_an_event_where_there_is_an_alarm(run: Run) -> None:
    (event,) = events_of(report(run, drift=drift(sharpness=True, contrast=False, embeddings=True)))
    assert (event.name, event.payload) == (DRIFT, {"alarms": ["sharpness", "embeddings"], "model_version": 3})
    assert event.text.endswith("model 3 learned from: sharpness, embeddings")
    assert events_of(report(run, drift=drift(sharpness=False))) == []


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (promotion(True), [(PROMOTED, "because")]),
        (promotion(False), [(REFUSED, "because")]),
        (promotion(None, how="forced"), [(PROMOTED, "forced: so")]),
        (promotion(None, how="rolled back", after=2), [(PROMOTED, "rolled back: so")]),
        (promotion(None, how="forced", after=3), []),
    ],
)
def test_what_became_of_a_published_model(run: Run, part: PromotionPart, expected: list[tuple[str, str]]) -> None:
    events = events_of(report(run, promotion=part))
    assert [(event.name, event.payload["reason"]) for event in events] == expected


def test_every_event_has_the_payload_that_is_promised(run: Run) -> None:
    told = [
        *events_of(ingested(run, 12)),
        *events_of(report(run, drift=drift(sharpness=True), promotion=promotion(False))),
        *events_of(report(run, promotion=promotion(True))),
    ]
    assert {event.name: tuple(event.payload) for event in told} == {name: keys for name, (_, keys) in EVENTS.items()}


def test_an_event_is_small(run: Run) -> None:
    decision = Decision(promoted=False, reason="x" * 100_000, challenger_macro_f1=0.5)
    part = promotion(False, decision=decision)
    (event,) = events_of(report(run, promotion=part, drift=drift()))
    assert len(str(event)) < 2000
    (event,) = events_of(report(run, drift=drift(**{f"f{number}": True for number in range(30)})))
    assert len(event.payload["alarms"]) == 10


def test_people_are_told_of_drift_and_of_a_refusal_and_of_nothing_else(run: Run, webhook: Webhook) -> None:
    announce(report(run, drift=drift(sharpness=True), promotion=promotion(False)))
    assert [(item["occasion"], item["run_id"]) for item in webhook.told] == [("drift", run.id), ("refused", run.id)]
    announce(ingested(run, 12))
    announce(report(run, promotion=promotion(True)))
    assert len(webhook.told) == 2
