"""The log: its form, what its lines belong to, what never gets into it."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nightsort import logs
from nightsort.errors import ShardError, SourceError, WriteError

# Prefect's logger is asked from outside a flow run, where its own handler has nowhere to send a line.
pytestmark = pytest.mark.filterwarnings("ignore:Logger 'prefect.flow_runs' attempted to send logs to the API")
CANARY = "canary-6f1c9"
Written = Callable[[], str]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Written]:
    """What standard error got since it was last asked, with logging as it was before and after."""
    root, before, factory = logging.getLogger(), logging.getLogger().handlers[:], logging.getLogRecordFactory()
    levels = {name: logging.getLogger(name).level for name in ("nightsort", "tasks", "flows")}
    logging.setLogRecordFactory(logging.LogRecord)
    monkeypatch.delenv(logs.FORM, raising=False)
    yield lambda: capsys.readouterr().err
    root.handlers[:] = before
    logging.setLogRecordFactory(factory)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def lines(written: Written) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written().splitlines()]


def test_a_json_line_says_when_what_and_for_which_run(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.FORM, "json")
    logs.install()
    with logs.within(run_id="r1", flow="classify"), logs.within(stage="list_pictures"):
        logs.logger("run").info("started with %d", 3, extra={"pictures": 3})
    logs.logger("run").warning("outside")
    first, second = lines(written)
    assert first.pop("time").endswith("+00:00")
    assert first == {
        "level": "INFO", "logger": "nightsort.run", "message": "started with 3", "pictures": 3, "run_id": "r1",
        "flow": "classify", "stage": "list_pictures",
    }  # fmt: skip
    assert second["message"] == "outside" and "run_id" not in second


def test_a_text_line_cannot_steer_the_terminal(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.FORM, "text")
    logs.install()
    with logs.within(run_id="r1"):
        logs.logger("run").info("read %s", "a\x1b[2J\nb.png")
    assert written().endswith("INFO nightsort.run read a\\x1b[2J\\nb.png run_id=r1\n")


def test_where_nobody_asks_for_a_log_nothing_is_written(written: Written) -> None:
    logs.install()
    for handler in logging.getLogger().handlers[:]:  # pytest's own
        logging.getLogger().removeHandler(handler)
    logs.logger("run").error("nobody sees this")
    assert written() == ""


def test_installing_twice_writes_a_line_once(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.FORM, "json")
    logs.install()
    logs.install()
    logs.logger("run").info("once")
    assert [line["message"] for line in lines(written)] == ["once"]


def test_prefects_console_gives_way(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.logging.handlers import PrefectConsoleHandler

    monkeypatch.setenv(logs.FORM, "json")
    logging.getLogger().addHandler(PrefectConsoleHandler(stream=sys.stderr))
    logs.install()
    logging.getLogger("prefect.flow_runs").warning("a line of a flow run")
    assert [line["message"] for line in lines(written)] == ["a line of a flow run"]


def test_no_handler_sees_a_secret(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_PASSWORD", CANARY)
    logs.install()
    seen: list[str] = []

    class Foreign(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(self.format(record) + repr(record.args) + repr(record.exc_info))

    log = logging.getLogger("somebody.elses")
    log.addHandler(Foreign())
    try:
        log.warning("plain %s" % CANARY)  # noqa: UP031
        log.warning("argument %s", CANARY)
        log.warning("error %s", ValueError(CANARY))
        try:
            raise RuntimeError("outer") from ValueError(f"inner {CANARY}")
        except RuntimeError:
            log.exception("traceback")
    finally:
        log.handlers.clear()
    assert len(seen) == 4 and CANARY not in "".join(seen)
    assert "inner [redacted]" in seen[-1]


@pytest.mark.parametrize(
    ("error", "cause", "shown"),
    [
        (SourceError("--source /nowhere: does not exist"), None, False),
        (WriteError("the disk is full"), OSError(28, "No space left"), False),
        (ShardError("shard 3 failed"), ZeroDivisionError("division by zero"), True),
        (ZeroDivisionError("division by zero"), None, True),
    ],
)
def test_a_traceback_is_for_bugs(
    error: Exception, cause: Exception | None, shown: bool, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(logs.FORM, "text")
    logs.install()
    try:
        raise error from cause
    except Exception:
        logging.getLogger("prefect.flow_runs").exception("it failed: %r", error)
    told = written()
    assert str(error) in told and ("Traceback" in told) == shown


def test_extra_fields_have_no_secret(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", CANARY)
    monkeypatch.setenv(logs.FORM, "json")
    logs.install()
    logs.logger("run").warning("x", extra={"address": f"https://host/{CANARY}"})
    assert lines(written)[0]["address"] == "https://host/[redacted]"


def test_arguments_stay_as_many_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """Uvicorn takes the arguments of its records apart."""
    monkeypatch.setenv("MY_TOKEN", CANARY)
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s %s %d", ("GET", f"/{CANARY}", 200), None)
    logs.Redaction().filter(record)
    assert record.args == ("GET", "/[redacted]", 200)


def test_a_message_that_does_not_fit_its_arguments_ends_nothing(written: Written) -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "%d", (CANARY,), None)
    assert logs.Redaction().filter(record)
    assert record.getMessage() == "a log line could not be made: TypeError"


def test_the_context_travels() -> None:
    with logs.within(run_id="r1"):
        fields = logs.carried()
    assert fields == {"run_id": "r1"} and logs.carried() == {}
