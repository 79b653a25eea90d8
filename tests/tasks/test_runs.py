"""A run: its lease, and the report that it leaves or does not leave."""

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nightsort.config.intake import IngestParams
from nightsort.config.run import RunParams
from nightsort.config.training import TrainParams
from nightsort.errors import BusyError, ConfigError, ShardError, StorageError, WriteError
from nightsort.reports import store
from nightsort.reports.data import Report
from tasks import runs
from tasks.runs import Run

HOLDER = """
import sys, time
from nightsort.config.run import RunParams
from tasks.runs import Run
with Run("classify", RunParams(storage=sys.argv[1])).lease("predictions"):
    print("held", flush=True)
    sys.stdin.read()
"""


def reports(run: Run) -> list[Report]:
    return store.latest(run.storage, 9)


def test_ids_sort_by_time_and_differ(run: Run) -> None:
    ids = [run.id, *(Run("train", run.params).id for _ in range(50))]
    assert len(set(ids)) == 51
    assert [name[:19] for name in ids] == sorted(name[:19] for name in ids)
    assert all(re.fullmatch(r"\d{8}T\d{9}Z-(train|classify)-[0-9a-f]{4}", name) for name in ids)


def test_a_completed_run_leaves_its_report(run: Run) -> None:
    with run.lease("predictions"):
        run.seconds["list_pictures"] = 1.5
    (left,) = reports(run)
    assert left == run.finished()
    assert (left.run_id, left.flow, left.state, left.message) == (run.id, "classify", "completed", "")
    assert left.seconds == {"list_pictures": 1.5} and left.finished >= left.started
    assert left.parameters == run.params.model_dump()


@pytest.mark.parametrize("error", [ShardError("chunk 7 failed twice"), ValueError("a bug")])
def test_a_failed_run_leaves_its_report_and_raises(run: Run, error: Exception) -> None:
    with pytest.raises(type(error)) as raised, run.lease("predictions"):
        raise error
    assert raised.value is error
    (left,) = reports(run)
    assert (left.state, left.message) == ("failed", f"{type(error).__name__}: {error}")


def test_a_mistake_of_the_users_leaves_no_report(run: Run) -> None:
    with pytest.raises(ConfigError), run.lease("predictions"):
        raise ConfigError("batch_size: must be greater than 0, got 0")
    assert reports(run) == []


def test_a_full_disk_does_not_hide_what_failed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise WriteError("/somewhere: could not be written (No space left on device)")

    monkeypatch.setattr(runs.store, "write", full)
    with pytest.raises(ShardError, match="the first fault"), run.lease("predictions"):
        raise ShardError("the first fault")


def test_a_run_has_no_report_before_its_end(run: Run) -> None:
    with run.lease("predictions"), pytest.raises(RuntimeError, match="before its end"):
        run.finished()


def test_a_root_that_cannot_be_written_to_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = Run("train", TrainParams(storage=str(tmp_path / "file" / "root")))
    with pytest.raises(StorageError, match=r"file/root.*choose another with --storage"), run.lease("models"):
        pytest.fail("worked without storage")


def test_another_process_at_work_is_named(run: Run) -> None:
    command = [sys.executable, "-c", HOLDER, run.storage.root]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BusyError, match=f"process {holder.pid} on"), run.lease("predictions"):
            pytest.fail("two runs at once")
        with run.lease("models"):
            pass  # another kind of writer is free to go
        holder.kill()
        holder.wait()
    with run.lease("predictions"):
        pass  # the dead holder's lease is free


def test_another_thread_at_work_is_busy_too(run: Run) -> None:
    held, done, seen = threading.Event(), threading.Event(), []

    def hold() -> None:
        with run.lease("predictions"):
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        with Run("classify", run.params).lease("predictions"):
            seen.append("two runs at once")
    except BusyError:
        seen.append("busy")
    finally:
        done.set()
        thread.join()
    assert seen == ["busy"]
    assert len(reports(run)) == 1


def test_a_skipped_run_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    run = Run("ingest", IngestParams(source="somewhere", storage=str(tmp_path / "root")))
    report = run.skipped("another one is running")
    assert (report.state, report.message, report.intake) == ("skipped", "another one is running", None)
    assert store.location(report) == ""
    assert not (tmp_path / "root").exists()


def test_building_a_run_writes_nothing(tmp_path: Path) -> None:
    Run("train", RunParams(storage=str(tmp_path / "root")))
    assert list(tmp_path.iterdir()) == []


def test_what_workers_read_lies_where_those_of_other_machines_see_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    elsewhere = Run("tune", RunParams(storage=str(root), scheduler="tcp://10.0.0.1:8786"))
    with elsewhere.lease("study"):
        assert elsewhere.shared_scratch.parent == root / "scratch"
        assert not elsewhere.scratch.is_relative_to(root), "archives are unpacked on the machine that reads them"
    assert list((root / "scratch").iterdir()) == []
    here = Run("tune", RunParams(storage=str(root)))
    with here.lease("study"):
        assert here.shared_scratch == here.scratch


def test_workers_of_other_machines_cannot_learn_without_a_folder_that_all_see() -> None:
    run = Run("tune", RunParams(storage="memory://bucket", scheduler="tcp://10.0.0.1:8786"))
    with pytest.raises(ConfigError, match=r"^tune: workers on other machines .* got memory://bucket; or leave compute"):
        _ = run.shared_scratch
