"""Owns what must be true at the end: every file accounted for, every run ended, everything killed and back.

Invariant: compares what was sent with what the tables, the reports and the server hold; asks nobody about himself.
Does not know what happened in between.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from nightsort.errors import RunError
from rehearsal.account import Account, account
from topology.bucket import Bucket
from topology.runs import Runs
from topology.services import Services
from topology.story import Story
from topology.waiting import until

_BEGUN = {"RUNNING", "PENDING", "CANCELLING"}
_COMPLETED = {"ingest": 2, "train": 2, "classify": 4}  # a retraining is an ingest and a training


@dataclass
class Ending:
    """How it ended.

    :param faults: a line for each expectation that is broken
    """

    account: Account
    states: dict[str, int]
    faults: list[str]


def ending(story: Story) -> Ending:
    """Wait for the last run to be given up, and look everything up."""
    faults = list(_unended(story.runs))
    found = account(story.mail.sent, story.bucket)
    faults += [*found.faults, *_reports(story.bucket), *_killed(story), *_lasting(story.services, story.runs)]
    states: dict[str, int] = {}
    for run in story.runs.all():
        states[run.state_name or ""] = states.get(run.state_name or "", 0) + 1
    return Ending(found, states, faults)


def _unended(runs: Runs) -> Iterator[str]:
    def begun() -> list[str]:
        return [run.name for run in runs.all() if run.state_type and run.state_type.value in _BEGUN]

    try:
        until(lambda: not begun(), "the end of all runs")
    except RunError:
        yield from (f"run {name} never ended" for name in begun())


def _reports(bucket: Bucket) -> Iterator[str]:
    """Each balances, and none is missing of what completed: a run that was skipped leaves none."""
    completed = Counter[str]()
    for report in bucket.reports():
        if report["intake"] and not report["intake"]["tally"]["balanced"]:
            yield f"{report['run_id']}: {report['intake']['tally']}"
        if report["state"] == "completed":
            completed[report["flow"]] += 1
    for flow, least in _COMPLETED.items():
        if completed[flow] < least:
            yield f"{completed[flow]} completed runs of {flow} left a report, expected {least}"


def _killed(story: Story) -> Iterator[str]:
    wanted = {unit.name for unit in story.services.units()} - {"dask-worker-2"}
    if missing := wanted - story.killed.keys():
        yield f"not killed in the middle of anything: {', '.join(sorted(missing))}"


def _lasting(services: Services, runs: Runs) -> Iterator[str]:
    """What runs there were stands in PostgreSQL, their tasks too."""
    ((flows, tasks),) = services.postgres.ask("SELECT (SELECT count(*) FROM flow_run), (SELECT count(*) FROM task_run)")
    if int(flows) < len(runs.all()) or not int(tasks):
        yield f"PostgreSQL has {flows} flow runs and {tasks} task runs, the server {len(runs.all())} flow runs"
