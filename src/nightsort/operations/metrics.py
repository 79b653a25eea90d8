"""Owns what Prometheus is told of a storage root: names, units and labels of the metrics.

Invariant: reading costs the same however many runs there were: of each flow the newest few digests, of tables counts,
of leases the newest notes. A part that cannot be read is missing and says so, the others are there all the same.
Does not know who asks, or how often.

Names follow https://prometheus.io/docs/practices/naming/: base units, `_total` for what only grows.
"""

import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from nightsort.arrow import frequencies
from nightsort.config.catalogue import PARAMS
from nightsort.dataset.versions import Dataset
from nightsort.errors import StorageError
from nightsort.learning.registry import Registry
from nightsort.leases.lease import holders
from nightsort.logs import logger
from nightsort.operations import gpus
from nightsort.operations.room import room
from nightsort.quarantine import Quarantine
from nightsort.reports import digest
from nightsort.reports.digest import Digest
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage
from nightsort.tally import Tally

OUTCOMES = tuple(Tally.model_fields)
_STATES = ("completed", "failed")
_LOOKED_AT = 5  # newest runs of a flow: the first has perhaps not ended, the last completed one is among them
_LOG = logger("metrics")


@dataclass
class Metrics:
    """The metrics of a storage root."""

    storage: Storage
    _counted: dict[int, dict[str, int]] = field(default_factory=dict)  # dataset version -> split -> pictures

    def read(self) -> list[Metric]:
        """All that there is to say now; `nightsort_up` is 0 if the root is away."""
        begun = time.perf_counter()
        try:
            if not self.storage.exists(""):
                raise StorageError(f"storage {self.storage.root}: is not there")
        except Exception as error:  # whatever a filesystem raises
            return [*down(f"{type(error).__name__}: {error}"), *_machine()]
        found: list[Metric] = [_gauge("nightsort_up", "Whether the storage root can be read.", 1)]
        failed = GaugeMetricFamily("nightsort_part_failed", "Whether a part could not be read.", labels=["part"])
        parts: tuple[Callable[[], Iterator[Metric]], ...] = (
            self.runs, self.pictures, self.dataset, self.champion, self.leases, self.disk,
        )  # fmt: skip
        for part in parts:
            try:
                found += part()
                failed.add_metric([part.__name__], 0)
            except Exception as error:  # one damaged table must not hide the others
                _LOG.warning("metrics of %s: %s: %s", part.__name__, type(error).__name__, error)
                failed.add_metric([part.__name__], 1)
        took = _gauge("nightsort_read_seconds", "Time it took to read the storage root.", time.perf_counter() - begun)
        return [*found, failed, *_machine(), took]

    def runs(self) -> Iterator[Metric]:
        """The newest run of each flow."""
        ended = _labelled("nightsort_run_last_timestamp_seconds", "When the last run ended.", "flow")
        good = _labelled("nightsort_run_last_completed_timestamp_seconds", "When the last good run ended.", "flow")
        state = _labelled("nightsort_run_last_state", "1 for the state in which the last run ended.", "flow", "state")
        seconds = _labelled("nightsort_run_last_duration_seconds", "Wall time of the last run.", "flow")
        outcomes = _labelled("nightsort_run_last_pictures", "Pictures of the last run by outcome.", "flow", "outcome")
        rate = _labelled("nightsort_run_last_pictures_per_second", "Pictures classified a second.", "flow")
        unsure = _labelled("nightsort_run_last_abstained_pictures", "Pictures without a sure answer.", "flow")
        drift = _labelled("nightsort_run_last_drift_alarms", "Alarms of drift in the last run.", "flow")
        for flow, newest in self._newest().items():
            last = newest[0]
            ended.add_metric([flow], last.finished.timestamp())
            seconds.add_metric([flow], (last.finished - last.started).total_seconds())
            for word in _STATES:
                state.add_metric([flow, word], float(last.state == word))
            for run in newest:
                if run.state == "completed":
                    good.add_metric([flow], run.finished.timestamp())
                    break
            if last.tally:
                for outcome in OUTCOMES:
                    outcomes.add_metric([flow, outcome], getattr(last.tally, outcome))
            if flow == "classify":
                rate.add_metric([flow], last.rate)
                unsure.add_metric([flow], last.abstained)
                drift.add_metric([flow], len(last.drifted))
        yield from (ended, good, state, seconds, outcomes, rate, unsure, drift)

    def _newest(self) -> dict[str, list[Digest]]:
        """The newest runs of each flow that has any, newest first."""
        listed = digest.run_ids(self.storage)[::-1]
        found: dict[str, list[Digest]] = {}
        for flow in PARAMS:
            ids = [run_id for run_id in listed if f"-{flow}-" in run_id][:_LOOKED_AT]
            if runs := [run for run_id in ids if (run := digest.of_run(self.storage, run_id))]:
                found[flow] = runs
        return found

    def pictures(self) -> Iterator[Metric]:
        """What was ever classified, and what is set aside."""
        yield CounterMetricFamily("nightsort_predictions", "Predictions in the ledger.", Ledger(self.storage).count())
        aside = _labelled("nightsort_quarantined_pictures", "Pictures in quarantine by reason.", "reason")
        for reason, count in frequencies(Quarantine(self.storage).rows("reason")["reason"]).items():
            aside.add_metric([reason], count)
        yield aside

    def dataset(self) -> Iterator[Metric]:
        """The newest version of the dataset."""
        dataset = Dataset(self.storage)
        number = dataset.version()
        if number is None:
            return
        if number not in self._counted:  # a version never changes
            counts = dataset.counts(number).values()
            splits = {split for each in counts for split in each}
            self._counted = {number: {split: sum(each[split] for each in counts) for split in splits}}
        yield _gauge("nightsort_dataset_version", "Newest version of the dataset.", number)
        pictures = _labelled("nightsort_dataset_pictures", "Pictures of the newest version by split.", "split")
        for split, count in sorted(self._counted[number].items()):
            pictures.add_metric([split], count)
        yield pictures

    def champion(self) -> Iterator[Metric]:
        """The model that classifies; 0 while there is none."""
        move = Registry(self.storage).alias()
        yield _gauge("nightsort_champion_version", "Model that classifies; 0 is none.", move.version if move else 0)
        if move:
            when = move.when.timestamp()
            yield _gauge("nightsort_champion_moved_timestamp_seconds", "When it became the champion.", when)

    def leases(self) -> Iterator[Metric]:
        """Who writes, and when it was last heard of."""
        held = _labelled("nightsort_lease_held", "Whether a run holds the lease, dead or alive.", "lease")
        age = _labelled("nightsort_lease_heartbeat_age_seconds", "Since the holder's last sign of life.", "lease")
        for name, note in holders(self.storage):
            held.add_metric([name], float(not note.released))
            if not note.released:
                age.add_metric([name], max(0.0, time.time() - note.heartbeat.timestamp()))
        yield from (held, age)

    def disk(self) -> Iterator[Metric]:
        """Room on the disk of a local root."""
        if left := room(self.storage):
            yield _gauge("nightsort_storage_free_bytes", "Free space where the storage root lies.", left.free)
            yield _gauge("nightsort_storage_size_bytes", "Size of the disk where it lies.", left.total)


def down(why: str) -> list[Metric]:
    """What is said of a root that cannot be read."""
    _LOG.error("the storage root cannot be read: %s", why)
    return [_gauge("nightsort_up", "Whether the storage root can be read.", 0)]


def _machine() -> Iterator[Metric]:
    build = {"version": version("nightsort"), "python": platform.python_version()}
    yield InfoMetricFamily("nightsort_build", "What runs here.", build)
    used = _labelled("nightsort_gpu_memory_used_bytes", "Memory in use of a GPU of this machine.", "gpu")
    total = _labelled("nightsort_gpu_memory_size_bytes", "Memory of a GPU of this machine.", "gpu")
    for gpu in gpus.seen():
        used.add_metric([str(gpu.index)], gpu.used)
        total.add_metric([str(gpu.index)], gpu.total)
    yield from (used, total)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value)


def _labelled(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=labels)
