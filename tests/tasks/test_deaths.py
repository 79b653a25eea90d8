"""A run that was killed is told of by the run that finds what it left."""

import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from nightsort.leases.claims import Note
from nightsort.reports import store
from tasks import deaths
from tasks.runs import Run
from tests.webhooks import Webhook

VICTIM = """
import os, signal, sys
from nightsort.config.run import RunParams
from tasks.runs import Run
run = Run("classify", RunParams(storage=sys.argv[1]))
with run.lease("predictions"):
    print(run.id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_is_named_once(run: Run, webhook: Webhook) -> None:
    died = subprocess.run([sys.executable, "-c", VICTIM, run.storage.root], capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL
    victim = died.stdout.strip()
    for after in (run, Run("classify", run.params)):
        with after.lease("predictions"):
            pass
    (told,) = webhook.told
    assert (told["occasion"], told["found_dead"], told["storage"]) == ("crashed", victim, run.storage.root)
    second, first = store.latest(run.storage, 9)
    assert first.run_id == run.id and first.state == "completed"
    assert f"run {victim} before this one died" in first.message
    assert second.message == ""


def test_a_run_that_ended_well_or_failed_is_not_dead(run: Run, webhook: Webhook) -> None:
    with Run("classify", run.params).lease("predictions"):
        pass
    with pytest.raises(ValueError, match="a bug"), Run("classify", run.params).lease("predictions"):
        raise ValueError("a bug")
    with run.lease("predictions"):
        pass
    assert webhook.told == [] and run.finished().message == ""


@pytest.mark.parametrize(
    ("watched", "automated", "seen", "told"),
    [
        ("", True, True, True),  # started from a command line: Prefect did not watch it
        ("f1", False, True, True),
        ("f1", True, False, True),  # the server went down with it, and believes that it runs
        ("f1", True, True, False),
    ],
)
def test_what_an_automation_told_of_is_not_told_again(
    watched: str, automated: bool, seen: bool, told: bool, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deaths, "in_flow_run", lambda: True)
    monkeypatch.setattr(deaths, "is_automated", lambda *_: automated)
    monkeypatch.setattr(deaths, "_seen", lambda _: seen)
    dead = Note.own().model_copy(update={"run": "r1", "watch": watched})
    assert "run r1 before this one died" in deaths.mourn("/srv/data", ["crashed"], dead)
    assert bool(webhook.told) is told


def test_a_note_from_before_runs_were_named_is_read(tmp_path: Path, webhook: Webhook) -> None:
    assert deaths.mourn(str(tmp_path), ["crashed"], Note.own()).startswith("the run before this one died: process")


@pytest.mark.parametrize(("final", "seen"), [(True, True), (False, False), (None, False), ("no answer", False)])
def test_prefect_has_seen_a_death_only_if_it_says_so(
    final: bool | str | None, seen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(flow_run: str) -> SimpleNamespace:
        if final == "no answer":
            raise OSError(final)
        state = None if final is None else SimpleNamespace(is_final=lambda: final)
        return {"f1": SimpleNamespace(state=state)}[flow_run]

    client = nullcontext(SimpleNamespace(read_flow_run=read))
    monkeypatch.setattr("prefect.client.orchestration.get_client", lambda sync_client: client)
    assert deaths._seen("f1") is seen


def test_the_run_that_prefect_watches_is_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", "f1")
    assert deaths.watch() == "f1"
    monkeypatch.delenv("PREFECT__FLOW_RUN_ID")
    assert deaths.watch() == ""
