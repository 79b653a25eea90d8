"""Owns the log of a process: the form of its lines, the run that they belong to.

Invariant: no secret leaves the process in a log line, whatever handler writes it; where nobody asked for a log, the
terminal is as quiet as without one; a traceback is for bugs. Does not know what is worth telling, nor what is secret.

`NIGHTSORT_LOG=json` writes one JSON object a line on standard error, `NIGHTSORT_LOG=text` the same for people.
"""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from nightsort.errors import NightsortError
from nightsort.redaction import redacted

FORM = "NIGHTSORT_LOG"
"""Environment variable: json or text; nothing is logged without it."""

_OURS = ("nightsort", "tasks", "flows")
_context: ContextVar[Mapping[str, str]] = ContextVar("nightsort_log", default=MappingProxyType({}))


@contextmanager
def within(**fields: str) -> Iterator[None]:
    """Lines logged inside carry these fields: run_id, flow, stage, chunk."""
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)


def carried() -> dict[str, str]:
    """The fields that lines logged now carry, to be handed on to another process."""
    return dict(_context.get())


def logger(part: str) -> logging.Logger:
    """Where a part of the program tells operators what it does; silent unless somebody wants to hear it."""
    found = logging.getLogger(f"nightsort.{part}")
    if not found.handlers:
        found.addHandler(logging.NullHandler())  # else Python would print warnings
    return found


def install() -> None:
    """Redact every record of this process from now on, and log in the form that the environment asks for.

    Calling it again, such as after another library set its logging up, changes nothing but what was lost since.
    """
    if not isinstance(logging.getLogRecordFactory(), _Redacting):
        logging.setLogRecordFactory(_Redacting(logging.getLogRecordFactory()))
    form = os.environ.get(FORM, "").lower()
    if form not in ("json", "text"):
        return
    root = logging.getLogger()
    if not any(isinstance(handler, Lines) for handler in root.handlers):
        root.addHandler(Lines(form))
    for handler in root.handlers[:]:
        if type(handler).__name__ == "PrefectConsoleHandler":  # it would write every line a second time
            root.removeHandler(handler)
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)


class _Redacting:
    """Makes log records without secrets, so that they reach no handler, whoever installs it, and whenever."""

    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._make(*args, **kwargs)
        Redaction().filter(record)
        return record


class Redaction(logging.Filter):
    """Takes secrets out of a record: of its message, its arguments, its traceback, its extra fields."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always lets the record pass."""
        try:
            if isinstance(record.args, tuple):  # whoever reads them one by one finds as many as there were
                record.args = tuple(_without(value) for value in record.args)
            message = record.getMessage()
            if (clean := redacted(message)) != message:
                record.msg, record.args = clean, ()
            if record.exc_info:
                record.exc_text, record.exc_info = _traceback(record.exc_info), None
            for key in record.__dict__.keys() - _KEPT:
                record.__dict__[key] = _without(record.__dict__[key])
        except Exception as error:  # a message that does not fit its arguments; the line itself must not end the work
            record.msg, record.args = f"a log line could not be made: {type(error).__name__}", ()
            record.exc_info = record.exc_text = None
        return True


_KEPT = logging.makeLogRecord({}).__dict__.keys()


def _traceback(raised: Any) -> str | None:
    """Of an exception as logging has it; None for one raised on purpose, unless something unforeseen caused it."""
    error = raised[1]
    if isinstance(error, NightsortError) and isinstance(error.__cause__, NightsortError | OSError | None):
        return None
    return redacted(logging.Formatter().formatException(raised))


def _without(value: Any) -> Any:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, BaseException) and redacted(str(value)) != str(value):
        return redacted(str(value))
    return value


class Lines(logging.Handler):  # a private name would tell Prefect to put its own handler in this one's place
    """Writes records on standard error, one a line, with the fields of the context that they were met in.

    :param form: json or text
    """

    def __init__(self, form: str) -> None:
        super().__init__()
        self.setFormatter(_Json() if form == "json" else _Text())
        self.addFilter(Redaction())

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a standard error that is closed loses it."""
        try:
            record.__dict__.update({key: value for key, value in _context.get().items() if key not in record.__dict__})
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            self.handleError(record)


def _seen(record: logging.LogRecord) -> dict[str, Any]:
    when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    return {"time": when, "level": record.levelname, "logger": record.name, "message": record.getMessage()}


class _Json(JsonFormatter):
    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        log_data.update(_seen(record))
        super().add_fields(log_data, record, message_dict)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = [f"{key}={record.__dict__[key]}" for key in record.__dict__.keys() - _KEPT if key in _context.get()]
        line = " ".join([*_seen(record).values(), *sorted(fields)])
        shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)  # nothing steers a terminal
        return f"{shown}\n{record.exc_text}" if record.exc_text else shown
