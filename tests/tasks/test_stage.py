"""A stage called directly: what it retries, what it does not, and that it is timed."""

import errno
import time
from pathlib import Path

import pytest

from nightsort.errors import ConfigError, LeaseLostError, NightsortError, RunError, ShardError, UserError
from tasks import stage as stage_module
from tasks.runs import Run
from tasks.stage import dispensable, is_passing, stage


@pytest.fixture(autouse=True)
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait for nothing; the waiting itself is tenacity's."""
    monkeypatch.setattr(stage_module, "_DELAY", 0.0)


def failing(error: BaseException, times: int, retries: int) -> tuple[list[int], object]:
    """A stage that raises the first times, and the tries it was given."""
    tries: list[int] = []

    @stage(retries=retries)
    def work(run: Run, factor: int) -> int:
        """Some work."""
        tries.append(1)
        if len(tries) <= times:
            raise error
        return 21 * factor

    return tries, work


@pytest.mark.parametrize("times", [0, 1, 2])
def test_a_passing_fault_is_tried_again(run: Run, times: int) -> None:
    tries, work = failing(OSError(errno.EIO, "hiccup"), times, retries=2)
    assert work(run, 2) == 42
    assert len(tries) == times + 1


def test_a_fault_that_does_not_pass_is_raised_as_it_is(run: Run) -> None:
    error = OSError(errno.EIO, "broken")
    tries, work = failing(error, 9, retries=2)
    with pytest.raises(OSError) as raised:
        work(run, 2)
    assert raised.value is error and len(tries) == 3


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "full"),
        FileNotFoundError(errno.ENOENT, "gone"),
        PermissionError(errno.EACCES, "forbidden"),
        UserError("yours"),
        ConfigError("yours"),
        RunError("ours"),
        ShardError("ours"),
        ValueError("a bug"),
        KeyboardInterrupt(),
    ],
    ids=repr,
)
def test_what_lasts_is_not_tried_again(run: Run, error: BaseException) -> None:
    tries, work = failing(error, 1, retries=2)
    with pytest.raises(type(error)):
        work(run, 2)
    assert len(tries) == 1


def test_without_retries_nothing_is_done_twice(run: Run) -> None:
    tries, work = failing(ConnectionResetError(errno.ECONNRESET, "hiccup"), 1, retries=0)
    with pytest.raises(ConnectionResetError):
        work(run, 2)
    assert len(tries) == 1


def test_the_seconds_of_a_stage_are_added_up_also_when_it_fails(run: Run) -> None:
    @stage(retries=0)
    def nap(run: Run, error: Exception | None) -> None:
        """Sleep."""
        time.sleep(0.02)
        if error:
            raise error

    nap(run, None)
    once = run.seconds["nap"]
    with pytest.raises(ValueError):
        nap(run, ValueError("late"))
    assert 0.02 <= once <= run.seconds["nap"] - 0.02
    assert list(run.seconds) == ["nap"]


def test_a_stage_keeps_its_name_and_docstring() -> None:
    _, work = failing(ValueError(), 0, 0)
    assert (work.__name__, work.__doc__) == ("work", "Some work.")


def test_what_a_run_can_do_without_fails_with_a_remark(run: Run) -> None:
    tries, work = failing(OSError(errno.EIO, "hiccup"), 3, retries=1)
    optional = dispensable(work)  # type: ignore[arg-type]
    assert optional(run, 2) is None and len(tries) == 2
    assert run.remarks == ["the report lacks what 'work' finds, which failed: OSError: [Errno 5] hiccup"]
    assert optional(run, 2) == 42 and len(run.remarks) == 1


def test_who_lost_the_lease_ends(run: Run) -> None:
    _, work = failing(LeaseLostError("overtaken"), 1, retries=0)
    with pytest.raises(LeaseLostError):
        dispensable(work)(run, 2)  # type: ignore[arg-type]
    assert run.remarks == []


@pytest.mark.parametrize("path", ["missing", "file/below"])
def test_a_place_that_is_not_there_is_no_passing_fault(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError) as raised:
        (tmp_path / path).read_bytes()
    assert not is_passing(raised.value)


def test_no_error_of_ours_is_a_passing_fault() -> None:
    def tree(kind: type) -> list[type]:
        return [kind, *(below for child in kind.__subclasses__() for below in tree(child))]

    assert len(tree(NightsortError)) > 10
    assert not any(issubclass(kind, OSError) for kind in tree(NightsortError))
