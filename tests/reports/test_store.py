"""Where reports lie, and what makes one complete."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from nightsort.errors import StorageError, WriteError
from nightsort.reports import store
from nightsort.reports.data import Report
from nightsort.storage import Storage


class Recording(Storage):
    """A storage that remembers the order of writes, and refuses names that end in `refuse`."""

    def __init__(self, root: Path, refuse: str = "\0") -> None:
        super().__init__(str(root))
        self.written: list[str] = []
        self.refuse = refuse

    def write_bytes(self, name: str, data: bytes) -> None:
        if name.endswith(self.refuse):
            raise OSError(28, "No space left on device")
        super().write_bytes(name, data)
        self.written.append(name)


def test_the_json_is_written_last_and_then_the_index(tmp_path: Path, classified_report: Callable[..., Report]) -> None:
    storage, report = Recording(tmp_path), classified_report()
    location = store.write(storage, report)
    folder = f"reports/{report.run_id}"
    written = [f"{folder}/report.html", f"{folder}/digest.json", f"{folder}/report.json", "reports/index.html"]
    assert storage.written == written
    assert Path(location) == tmp_path / folder / "report.html"
    assert Path(location).read_text("utf-8").startswith("<!doctype html>")


def test_without_its_json_a_report_is_not_there(tmp_path: Path, classified_report: Callable[..., Report]) -> None:
    storage = Recording(tmp_path, refuse="report.json")
    with pytest.raises(OSError, match="No space left"):
        store.write(storage, classified_report())
    assert [name.rsplit("/")[-1] for name in storage.written] == ["report.html", "digest.json"]
    assert store.latest(storage) == []


@pytest.mark.parametrize("error", [WriteError("no space left on device"), RuntimeError("a template is broken")])
def test_a_report_without_an_index_is_complete(
    tmp_path: Path,
    classified_report: Callable[..., Report],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def refuse(storage: Storage) -> None:
        raise error

    told: list[str] = []
    listener = logging.Handler()
    monkeypatch.setattr(listener, "emit", lambda record: told.append(record.getMessage()))
    monkeypatch.setattr(logging.getLogger(store.__name__), "handlers", [listener])
    monkeypatch.setattr("nightsort.reports.index.refresh", refuse)
    storage = Storage(str(tmp_path))
    store.write(storage, classified_report())
    assert len(store.latest(storage)) == 1 and not storage.exists("reports/index.html")
    assert told == [f"reports/index.html: {type(error).__name__}: {error}"]


def test_what_is_read_is_what_was_written(
    tmp_path: Path, classified_report: Callable[..., Report], trained_report: Callable[..., Report]
) -> None:
    storage = Storage(str(tmp_path))
    reports = [
        classified_report(run_id="20261121T020000Z-classify-1"),
        trained_report(run_id="20261121T030000Z-train-1"),
    ]
    for report in reports:
        store.write(storage, report)
    assert store.latest(storage, 5) == reports[::-1]


def test_latest_is_newest_first_and_bounded(
    tmp_path: Path, classified_report: Callable[..., Report], ingested_report: Callable[..., Report]
) -> None:
    storage = Storage(str(tmp_path))
    for day in (3, 1, 2):
        store.write(storage, classified_report(run_id=f"2026110{day}T020000Z-classify-a{9 - day}"))
    store.write(storage, ingested_report(run_id="20261109T020000Z-ingest-00"))
    found = [report.run_id[:8] for report in store.latest(storage, 3)]
    assert found == ["20261109", "20261103", "20261102"]
    assert [report.flow for report in store.latest(storage)] == ["ingest"]


def test_no_reports_yet(tmp_path: Path) -> None:
    assert store.latest(Storage(str(tmp_path)), 3) == []


def test_a_damaged_report_is_named(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    storage.write_bytes("reports/20261121T020000Z-train-1/report.json", b'{"run_id": 5}')
    with pytest.raises(StorageError, match=r"20261121T020000Z-train-1/report\.json: \d+ faults"):
        store.latest(storage)
