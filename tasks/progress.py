"""Owns showing how far a stage is: a bar with rate and ETA in a terminal, an artifact in the Prefect UI.

Invariant: showing progress never fails the work and costs at most a call a second to the server.
Does not know what is counted.
"""

import functools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, Protocol
from uuid import UUID

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from tasks.context import in_flow_run

P = ParamSpec("P")

_EVERY = 1.0  # seconds between updates of the artifact
_BAR = 16  # characters wide, so that 80 have room for the figures too


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.{0 if speed >= 10 else 1}f}/s" if speed else "")


class _Detail(ProgressColumn):
    """The only column that a narrow terminal cuts off, at its end; the others stay whole and in one line."""

    def render(self, task: Task) -> Text:
        return Text(task.fields["detail"], style="dim", no_wrap=True, overflow="ellipsis")


class Advance(Protocol):
    """Say that `count` more are done, and, if it has become known, of how many, of what, and more about it."""

    def __call__(
        self, count: int, *, total: int | None = None, what: str | None = None, detail: str | None = None
    ) -> None: ...


_shown: ContextVar[Advance | None] = ContextVar("progress", default=None)


def remark(detail: str) -> None:
    """Say something beside the progress that is shown around this call, until it says something else."""
    if advance := _shown.get():
        advance(0, detail=detail)


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Advance]:
    """Show progress for the length of a with-block.

    :param total: how many there are; None if nobody knows yet
    """
    whole = Column(no_wrap=True)
    console = Console(stderr=True)
    bar = Progress(
        SpinnerColumn(table_column=whole),
        TextColumn("{task.description}", markup=False),
        BarColumn(_BAR, table_column=whole),
        MofNCompleteColumn(table_column=whole),
        _Rate(table_column=whole),
        TimeRemainingColumn(table_column=whole),
        _Detail(),
        console=console,
        disable=not console.is_terminal,
    )
    artifact = _Artifact(what, total)
    with bar:
        task = bar.add_task(what, total=total, detail="")

        def advance(
            count: int, *, total: int | None = None, what: str | None = None, detail: str | None = None
        ) -> None:
            bar.update(task, advance=count, total=total, description=what)
            if detail is not None:
                bar.update(task, detail=detail)
            artifact.advance(count, total, what, detail)

        before = _shown.get()
        _shown.set(advance)
        try:
            yield advance
        finally:
            _shown.set(before)  # no token: a generator may be closed in another context
        artifact.finish()


def reaching(advance: Advance) -> Callable[[int, int], None]:
    """For work that says how many are done by now, and of how many."""
    before = 0

    def reached(done: int, total: int) -> None:
        nonlocal before
        advance(done - before, total=total)
        before = done

    return reached


def never_failing(show: Callable[P, None]) -> Callable[P, None]:
    """Showing something to the Prefect server must not fail the work: it is logged, and that is all."""

    @functools.wraps(show)
    def attempt(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            show(*args, **kwargs)
        except Exception as error:
            logging.getLogger(__name__).warning("%s: %s: %s", show.__name__, type(error).__name__, error)

    return attempt


class _Artifact:
    """A progress artifact of the Prefect run; does nothing outside one."""

    def __init__(self, what: str, total: int | None) -> None:
        self._done, self._total, self._sent = 0, total, 0.0
        self._what, self._detail = what, ""
        self._id: UUID | None = None
        if in_flow_run():
            self._create(what)

    def advance(self, count: int, total: int | None, what: str | None, detail: str | None) -> None:
        self._done += count
        self._total = total or self._total
        self._what = what or self._what
        self._detail = self._detail if detail is None else detail
        if self._total and time.monotonic() - self._sent > _EVERY:
            self._sent = time.monotonic()
            self._update(min(100.0, 100 * self._done / self._total))

    def finish(self) -> None:
        self._update(100.0)

    @never_failing
    def _create(self, what: str) -> None:
        from prefect.artifacts import create_progress_artifact

        self._id = create_progress_artifact(0.0, description=what)

    @never_failing
    def _update(self, percent: float) -> None:
        if self._id is not None:
            from prefect.artifacts import update_progress_artifact

            described = f"{self._what} ({self._detail})" if self._detail else self._what
            update_progress_artifact(self._id, percent, description=described)
