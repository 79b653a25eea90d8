"""Scratch folders: gone at the end of a run, or before the next one if the run was killed."""

import errno
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from nightsort.errors import WriteError
from nightsort.sources.scratch import copying, fetching, let_go, once, scratch, sweep


def put(folder: Path) -> None:
    """Fill a folder of a scratch folder."""
    (folder / "a").write_bytes(b"data")


def _hold(parent: str, tell: Connection) -> None:
    with scratch(parent) as folder:
        once(Path(folder) / "copy", "a file", put)
        tell.send(folder)
        time.sleep(60)


def _use(folder: str, tell: Connection) -> None:
    once(Path(folder) / "copy", "a file", put)
    tell.send(folder)
    time.sleep(60)


def start(target: object, argument: str) -> tuple[multiprocessing.Process, str]:
    """A process at work in a scratch folder, and that folder."""
    hear, tell = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=target, args=(argument, tell), daemon=True)
    process.start()
    return process, hear.recv()


def kill(process: multiprocessing.Process) -> None:
    """End a process that cannot tidy up."""
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()


def test_a_run_leaves_nothing(tmp_path: Path) -> None:
    with scratch(str(tmp_path)) as folder:
        once(Path(folder) / "copy", "a file", put)
        assert (Path(folder) / "copy" / "a").read_bytes() == b"data"
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_goes_with_the_next(tmp_path: Path) -> None:
    process, left = start(_hold, str(tmp_path))
    with scratch(str(tmp_path)):
        assert (Path(left) / "copy" / "a").exists(), "its owner lives"
    kill(process)
    assert (Path(left) / "copy" / "a").exists()
    with scratch(str(tmp_path)) as own:
        assert sorted(tmp_path.iterdir()) == sorted([Path(own), Path(f"{own}.lock")])


def test_a_folder_is_in_use_as_long_as_a_worker_is(tmp_path: Path) -> None:
    folder = tmp_path / "nightsort-scratch-of-elsewhere"
    process, _ = start(_use, str(folder))
    sweep(str(tmp_path))
    assert (folder / "copy" / "a").exists()
    kill(process)
    sweep(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_nobody_elses_folder_is_swept(tmp_path: Path) -> None:
    for name in ("nightsort-leases", "nightsort-scratch-unlocked", "other.lock"):
        (tmp_path / name).mkdir()
    sweep(str(tmp_path))
    assert len(list(tmp_path.iterdir())) == 3


def test_a_failed_copy_is_not_there(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        put(folder)
        raise ValueError("no")

    with scratch(str(tmp_path)) as folder:
        with pytest.raises(ValueError, match="no"):
            once(Path(folder) / "copy", "a file", fail)
        assert [file for file in Path(folder).iterdir() if file.is_dir()] == []


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(WriteError, match=rf"^{tmp_path}/none: no scratch folder can be made \(No such file"),
        scratch(f"{tmp_path}/none"),
    ):
        pass


def test_a_scratch_folder_that_fails_is_no_fault_of_what_is_copied(tmp_path: Path) -> None:
    def fill(building: Path) -> None:
        (building / "nowhere" / "copy.tar").write_bytes(b"")

    with pytest.raises(WriteError, match=r"No such file or directory for rest\.tar\.gz; \d+ bytes are free"):
        once(tmp_path / "scratch" / "copy", "rest.tar.gz", fill)

    def missing(building: Path) -> None:
        (tmp_path / "rest.tar.gz").read_bytes()

    with pytest.raises(FileNotFoundError):
        once(tmp_path / "scratch" / "copy", "rest.tar.gz", missing)


def _write(building: Path) -> None:
    with copying(building / "rest.tar") as copy, Path("/dev/null").open("rb") as other:
        os.dup2(other.fileno(), copy.fileno())  # which cannot be written to
        copy.write(b"plain")


def _fetch(building: Path) -> None:
    with fetching(building / "rest.tar"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("fill", [_write, _fetch])
def test_a_write_that_fails_is_no_fault_of_what_is_copied(fill: Callable[[Path], None], tmp_path: Path) -> None:
    """The operating system says no name of what it could not write, as of what it could not read."""
    copy = tmp_path / "scratch" / "copy"
    with pytest.raises(WriteError, match=r"scratch: (Bad file|Input/output).* for rest\.tar\.gz"):
        once(copy, "rest.tar.gz", fill)
    once(copy, "rest.tar.gz", put)
    assert (copy / "a").exists()


def test_a_scratch_folder_that_cannot_be_held_is_no_fault_of_what_is_copied(tmp_path: Path) -> None:
    (tmp_path / "scratch.lock").mkdir()
    with pytest.raises(WriteError, match=r"scratch: Is a directory for rest\.tar\.gz; set TMPDIR"):
        once(tmp_path / "scratch" / "copy", "rest.tar.gz", put)


def test_a_process_that_outlives_a_run_lets_go_of_its_copies(tmp_path: Path) -> None:
    folder = tmp_path / "nightsort-scratch-run"
    once(folder / "copy", "a file", put)
    process, _ = start(_use, str(folder))
    let_go(str(folder))
    assert (folder / "copy" / "a").exists(), "another process of the machine still uses it"
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    once(folder / "copy", "a file", put)
    let_go(str(folder))
    assert not folder.exists()
    let_go(str(folder))
