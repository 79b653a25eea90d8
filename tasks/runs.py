"""Owns one run of a flow: its id, its lease, its scratch folder, the clock of its stages, the report at its end.

Invariant: a run that began to work leaves a report, whether it completed or failed; a mistake of
the user's leaves nothing. Two runs that write the same things never overlap.
Does not know what the flow does.
"""

import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from nightsort import clock, logs
from nightsort.config.run import RunParams
from nightsort.errors import BusyError, ConfigError, NightsortError, UserError, WriteError
from nightsort.leases.lease import Lease, hold
from nightsort.operations.backup.restoring import refuse_unfinished
from nightsort.redaction import cleanse, redacted
from nightsort.reports import store, summary
from nightsort.reports.account import Account
from nightsort.reports.data import Report, State
from nightsort.reports.render import to_markdown
from nightsort.sources.scratch import scratch
from nightsort.storage import Storage
from tasks.context import in_flow_run, log
from tasks.deaths import mourn, watch
from tasks.events import announce
from tasks.progress import never_failing

_LOG = logs.logger("run")


class Run:
    """One run in progress.

    :param flow: name of the flow
    :param params: what it was started with
    :raises StorageError: if the storage cannot be read, or was not put back whole
    """

    def __init__(self, flow: str, params: RunParams) -> None:
        logs.install()  # what started this process may not know of it
        self.flow = flow
        self.params = params
        self.started = clock.now()
        stamp = self.started.strftime("%Y%m%dT%H%M%S") + f"{self.started.microsecond // 1000:03d}Z"
        self.id = f"{stamp}-{flow}-{secrets.token_hex(2)}"
        self.storage = Storage(params.storage)
        refuse_unfinished(self.storage)  # before what it lacks is looked for in it
        self.seconds: dict[str, float] = {}  # stage -> wall seconds, in the order they ran
        self.worker_seconds: Counter[str] = Counter()  # read, decode, ... -> seconds summed over the workers' threads
        self.account: Account | None = None  # where the pictures went so far
        self.remarks: list[str] = []  # what its report says first, though it completed
        self._open = ExitStack()
        self.parts: dict[str, Any] = {}  # what else the report has to say: a field of Report -> its value
        self._report: Report | None = None

    @cached_property
    def scratch(self) -> Path:
        """A folder for what need not outlive the run; made when it is first asked for."""
        return Path(self._open.enter_context(scratch()))

    @cached_property
    def shared_scratch(self) -> Path:
        """The same, for what workers read too: below the storage root where they may be on other machines.

        :raises ConfigError: if those have no folder in common
        """
        if not self.params.elsewhere:
            return self.scratch
        if not self.storage.is_local:
            raise ConfigError(
                f"{self.flow}: workers on other machines learn from files that they share, so storage must be a folder "
                f"that all of them see, got {self.storage.root}; or leave compute to this machine's own processes"
            )
        folder = Path(self.storage.locate("scratch"))
        folder.mkdir(exist_ok=True)
        return Path(self._open.enter_context(scratch(str(folder))))

    @contextmanager
    def lease(self, name: str) -> Iterator[Lease]:
        """Work inside: the storage is there and writable, nobody else writes, and the end is reported.

        :raises BusyError: if another run holds the lease
        """
        with logs.within(run_id=self.id, flow=self.flow), self._logged():
            self.storage.prepare()
            with self._open, hold(self.storage, name, self.id, watch()) as held:
                _LOG.info("started, under lease %s", name, extra={"lease": name, "token": held.token})
                try:
                    if held.dead:
                        whose = f"run {held.dead.run}, process {held.dead.pid} on {held.dead.host}"
                        _LOG.warning("took lease %s over from %s", name, whose, extra={"lease": name})
                        self.remarks.append(mourn(self.storage.root, self.params.notify, held.dead))
                    yield held
                except UserError:
                    raise
                except BaseException as error:  # an interrupt too
                    with suppress(WriteError):  # the disk may be what failed
                        self._finish("failed", f"{type(error).__name__}: {error}".rstrip(": "))
                    raise
                self._finish("completed", "; ".join(self.remarks))

    @contextmanager
    def _logged(self) -> Iterator[None]:
        """Have operators, and Prefect, learn of an error without the secrets in its words."""
        try:
            yield
        except BusyError:
            raise  # the run is skipped, which it says itself
        except BaseException as error:
            cleanse(error)
            _LOG.error("%s: %s", type(error).__name__, error, exc_info=not isinstance(error, NightsortError))
            raise

    def finished(self) -> Report:
        """The report of a run whose lease has ended."""
        if self._report is None:
            raise RuntimeError(f"run {self.id}: asked for its report before its end")
        return self._report

    def so_far(self) -> Report:
        """The report of what there is to say before its end."""
        return self._compose("completed", "")

    def skipped(self, message: str) -> Report:
        """The report, not written anywhere, of a run that found another one at work, or no need."""
        report = self._compose("skipped", message)
        with logs.within(run_id=self.id, flow=self.flow):
            _LOG.info("skipped: %s", message, extra={"state": "skipped"})
        log(*summary.as_lines(report, ""))
        return report

    def _finish(self, state: State, message: str) -> None:
        self._report = self._compose(state, message)
        _LOG.info("%s", state, extra={"state": state, **_figures(self._report)})
        place = store.write(self.storage, self._report)
        if in_flow_run():
            _show(self._report, place)
        announce(self._report)

    def _compose(self, state: State, message: str) -> Report:
        return Report(
            run_id=self.id,
            flow=self.flow,
            state=state,
            started=self.started,
            finished=clock.now(),
            storage=self.storage.root,
            parameters=self.params.model_dump(mode="json"),
            message=redacted(message),
            seconds=self.seconds,
            intake=self.account.part() if self.account else None,
            **self.parts,
        )


def _figures(report: Report) -> dict[str, Any]:
    """What operators count."""
    seconds = round((report.finished - report.started).total_seconds(), 3)
    if report.intake is None:
        return {"seconds": seconds}
    return {"seconds": seconds, **report.intake.tally.model_dump(), "reasons": report.intake.reasons}


@never_failing
def _show(report: Report, place: str) -> None:
    """The counts as a table, the report as text and its gist in the log, on the run's page in the Prefect UI."""
    from prefect.artifacts import create_markdown_artifact, create_table_artifact

    if report.intake:
        table = [summary.counts(report)]
        create_table_artifact(table, key=f"{report.flow}-counts", description="Where every picture went")
    create_markdown_artifact(to_markdown(report, place), key=f"{report.flow}-report", description=report.run_id)
    log(*summary.as_lines(report, place))
