"""One holder at a time, said by name; a holder that dies leaves nothing to clear up."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nightsort import lease
from nightsort.errors import BusyError, NightsortError, RunError, UserError
from nightsort.storage import Storage

HOLDER = """
import sys, time
from nightsort.lease import hold
from nightsort.storage import Storage
with hold(Storage(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(storage: Storage, name: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a lease until its standard input is closed."""
    source = str(Path(lease.__file__).parent.parent)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, storage.root, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
    ) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("remote", [False, True])
def test_the_second_process_is_told_who_is_first(remote: bool, storage: Storage, tmp_path: Path) -> None:
    root = Storage(f"memory://{tmp_path.name}") if remote else storage
    with another_process(root, "dataset") as holder:
        with pytest.raises(BusyError) as caught, lease.hold(root, "dataset"):
            pytest.fail("two holders")
        message = str(caught.value)
        assert f"process {holder.pid} on " in message and root.root in message and message.startswith("dataset on ")
        with lease.hold(root, "predictions"):
            pass  # another name is another lease


def test_a_holder_that_is_killed_leaves_the_lease_free_at_once(storage: Storage) -> None:
    with another_process(storage, "dataset") as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with (
            lease.hold(storage, "dataset"),
            pytest.raises(BusyError, match=f"process {os.getpid()} on"),
            lease.hold(storage, "dataset"),
        ):
            pytest.fail("two holders")


def test_a_holder_that_ends_leaves_nothing_but_the_lock_file(storage: Storage) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), lease.hold(storage, "dataset"):
            raise ZeroDivisionError
    assert storage.names("leases") in ([], ["dataset.lock"])


def test_two_threads_never_hold_it_together(storage: Storage) -> None:
    found: list[str] = []

    def attempt() -> None:
        try:
            with lease.hold(storage, "dataset"):
                found.append("held")
        except BusyError:
            found.append("busy")

    with lease.hold(storage, "dataset"):
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
    attempt()
    assert found == ["busy", "held"]


def test_two_roots_are_two_leases(tmp_path: Path) -> None:
    with lease.hold(Storage(str(tmp_path / "a")), "dataset"), lease.hold(Storage(str(tmp_path / "b")), "dataset"):
        pass


@pytest.mark.parametrize("note", ["", "{", "{}"])
def test_a_holder_that_has_not_signed_yet_is_still_a_holder(note: str, storage: Storage) -> None:
    with another_process(storage, "dataset"):
        storage.write_bytes("leases/dataset.json", note.encode())
        with pytest.raises(BusyError, match="another process is running"), lease.hold(storage, "dataset"):
            pytest.fail("two holders")


def test_being_busy_is_neither_a_mistake_nor_a_failure() -> None:
    assert issubclass(BusyError, NightsortError) and not issubclass(BusyError, UserError | RunError)
