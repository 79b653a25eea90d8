"""What Prometheus is told of a storage root, and the alerts over it."""

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from nightsort.dataset.versions import Dataset
from nightsort.errors import ConfigError
from nightsort.learning.registry import Registry
from nightsort.leases.lease import hold
from nightsort.operations import exporter, gpus
from nightsort.operations.metrics import Metrics
from nightsort.quarantine import Quarantine, row
from nightsort.reports import digest
from nightsort.reports.digest import Digest
from nightsort.schema import QUARANTINE
from nightsort.storage import Storage
from nightsort.tally import Tally

BEGAN = datetime(2026, 11, 20, 2, tzinfo=UTC)
RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "nightsort.rules.yaml"

Samples = dict[tuple[str, ...], float]


def night(storage: Storage, day: int, state: str = "completed", **more: Any) -> None:
    """A classification that ended after an hour."""
    began = BEGAN + timedelta(days=day)
    made = Digest(
        run_id=f"{began:%Y%m%dT%H%M%S}000Z-classify-000{day}", flow="classify", state=state, started=began,
        finished=began + timedelta(hours=1), title="Night", verdict="Balanced", tone="good", **more,
    )  # fmt: skip
    digest.write(storage, made)


def read(storage: Storage) -> Samples:
    """(name, value of each label) -> value, as a scrape sees them."""
    text = exporter.text(Metrics(storage).read)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def there(storage: Storage) -> Storage:
    storage.prepare()
    return storage


def test_a_root_that_is_away_is_down_and_the_exporter_lives(storage: Storage) -> None:
    found = read(storage)
    assert found[("nightsort_up",)] == 0
    assert ("nightsort_champion_version",) not in found
    assert [name for name, *_ in found if name == "nightsort_build_info"]


def test_the_last_run_of_a_flow_and_the_last_good_one(there: Storage) -> None:
    night(there, 0)
    tally = Tally(discovered=10, done=7, quarantined=1, duplicate=2)
    night(there, 1, "failed", tally=tally, rate=3.5, abstained=2, drifted=["blur", "classes"])
    found = read(there)
    ended = (BEGAN + timedelta(days=1, hours=1)).timestamp()
    assert found[("nightsort_run_last_timestamp_seconds", "classify")] == ended
    assert found[("nightsort_run_last_completed_timestamp_seconds", "classify")] == ended - 86400
    assert found[("nightsort_run_last_duration_seconds", "classify")] == 3600
    assert found[("nightsort_run_last_state", "classify", "failed")] == 1
    assert found[("nightsort_run_last_state", "classify", "completed")] == 0
    assert found[("nightsort_run_last_pictures", "classify", "discovered")] == 10
    assert found[("nightsort_run_last_pictures", "classify", "duplicate")] == 2
    assert found[("nightsort_run_last_pictures_per_second", "classify")] == 3.5
    assert found[("nightsort_run_last_abstained_pictures", "classify")] == 2
    assert found[("nightsort_run_last_drift_alarms", "classify")] == 2
    assert ("nightsort_run_last_timestamp_seconds", "train") not in found


def test_what_is_set_aside_by_reason(there: Storage) -> None:
    rows = [row({"path": name}, reason, "", flow="ingest", run_id="r") for name, reason in
            (("a", "empty"), ("b", "empty"), ("c", "truncated"))]  # fmt: skip
    Quarantine(there).append(pa.Table.from_pylist(rows, QUARANTINE))
    found = read(there)
    assert found[("nightsort_quarantined_pictures", "empty")] == 2
    assert found[("nightsort_quarantined_pictures", "truncated")] == 1
    assert found[("nightsort_predictions_total",)] == 0


def test_the_champion(there: Storage) -> None:
    assert read(there)[("nightsort_champion_version",)] == 0
    move = Registry(there).promote(3, None)
    found = read(there)
    assert found[("nightsort_champion_version",)] == 3
    assert found[("nightsort_champion_moved_timestamp_seconds",)] == pytest.approx(move.when.timestamp())


def test_who_holds_a_lease(there: Storage) -> None:
    with hold(there, "predictions", "r1"):
        held = read(there)
    assert held[("nightsort_lease_held", "predictions")] == 1
    assert 0 <= held[("nightsort_lease_heartbeat_age_seconds", "predictions")] < 600
    after = read(there)
    assert after[("nightsort_lease_held", "predictions")] == 0
    assert ("nightsort_lease_heartbeat_age_seconds", "predictions") not in after


def test_a_part_that_is_damaged_does_not_hide_the_others(there: Storage) -> None:
    Registry(there).promote(3, None)
    there.write_bytes("models/champion/1.json", b"{")
    night(there, 0)
    found = read(there)
    assert found[("nightsort_up",)] == 1
    assert found[("nightsort_part_failed", "champion")] == 1 and found[("nightsort_part_failed", "runs")] == 0
    assert ("nightsort_champion_version",) not in found
    assert found[("nightsort_run_last_state", "classify", "completed")] == 1


def test_the_memory_of_gpus(there: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "seen", lambda: [gpus.Gpu(0, "H100", 5, 80, "580")])
    found = read(there)
    assert found[("nightsort_gpu_memory_used_bytes", "0")] == 5
    assert found[("nightsort_gpu_memory_size_bytes", "0")] == 80


def test_every_metric_that_an_alert_names_is_told(there: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "seen", lambda: [gpus.Gpu(0, "H100", 5, 80, "580")])
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    named = {name for rule in rules for name in re.findall(r"nightsort_\w+", rule["expr"])}
    monkeypatch.setattr(Dataset, "version", lambda _: 0)
    monkeypatch.setattr(Dataset, "counts", lambda *_: {"red": {"train": 1}})
    told = {metric.name for metric in Metrics(there).read()}
    assert len(rules) >= 8 and named and named <= told
    assert all({"alert", "expr", "labels", "annotations"} <= rule.keys() for rule in rules)


def test_names_follow_the_conventions(there: Storage) -> None:
    """Prometheus: what only grows ends in _total, which is for nothing else; a unit is a base unit."""
    for metric in Metrics(there).read():
        assert metric.name.startswith("nightsort_") and metric.documentation
        assert not re.search(r"_(ms|milliseconds|minutes|hours|kb|mb|gb)\b", metric.name)
        assert not metric.name.endswith("_total")  # the library appends it to counters


def test_what_was_read_is_answered_for_a_while() -> None:
    readings: list[int] = []

    def reading() -> list[Metric]:
        readings.append(1)
        return []

    registry = CollectorRegistry(auto_describe=False)
    registry.register(asking := exporter.Exporter(reading))
    list(asking.collect())
    list(registry.collect())
    assert len(readings) == 1


def test_a_root_that_hangs_is_down_and_is_not_asked_twice_at_once(storage: Storage) -> None:
    free, begun = threading.Event(), []

    def reading() -> list[Metric]:
        begun.append(1)
        free.wait()
        return Metrics(storage).read()

    hanging = exporter.Exporter(reading, patience=0.01)
    for _ in range(2):
        assert [(metric.name, metric.samples[0].value) for metric in hanging.collect()] == [("nightsort_up", 0)]
    free.set()
    assert begun == [1]


def test_a_scrape_over_http(there: Storage, scraped: Callable[[str], str]) -> None:
    port, end = exporter.serve(Metrics(there).read, "127.0.0.1", 0)
    try:
        assert "\nnightsort_up 1.0\n" in scraped(f"http://127.0.0.1:{port}/metrics")
        with pytest.raises(ConfigError, match=rf"--host 127.0.0.1 --port {port}: .*in use; choose another"):
            exporter.serve(Metrics(there).read, "127.0.0.1", port)
    finally:
        end()


@pytest.fixture
def scraped() -> Callable[[str], str]:
    return lambda address: httpx.get(address, timeout=60).text
