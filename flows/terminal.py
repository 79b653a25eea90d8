"""Owns how commands talk: the options they share, what they print, how they end.

Invariant: what is printed cannot steer the terminal, whatever a file is called, and is coloured on terminals only;
with --json the last line of standard output is one JSON object. Does not know what a command does.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from nightsort.errors import ConfigError
from nightsort.redaction import redacted

Told = tuple[list[str], dict[str, Any]]
"""What a command has to say: lines for a person, and the object for a program."""

DEFAULT_CONFIG = Path("pipelines.yaml")

_PAINTS = (
    (re.compile(r"^(\w+ )?completed\b"), "green"),
    (re.compile(r"^(\w+ )?fail(ed)?\b"), "red"),
    (re.compile(r"^warn\b|\b[1-9][\d,]* quarantined\b"), "yellow"),
)


def common(command: Any) -> Any:
    """The options of every command."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line."),
        click.option("--config", type=click.Path(path_type=Path), help="Declaration to use [default: pipelines.yaml]."),
        click.option("--storage", help="Storage root, a folder or s3://bucket/prefix."),
    ):
        command = option(command)
    return command


dry_run = click.option("--dry-run", is_flag=True, help="Write nothing; only say what would be done.")
"""The option of a command that can say beforehand what it is going to do."""


def declaration_of(config: Path | None, storage: str | None) -> Any:
    """What pipelines.yaml says, or the defaults where there is none; --storage overrides it."""
    from nightsort.pipelines import Declaration, load

    file = config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    declaration = load(file) if file else Declaration()
    if storage is None:
        return declaration
    if not storage:
        raise ConfigError("--storage: must not be empty")
    return declaration.model_copy(update={"storage": storage})


def storage_of(config: Path | None, storage: str | None) -> Any:
    """The storage root that is asked for."""
    from nightsort.storage import Storage

    return Storage(declaration_of(config, storage).storage)


def quiet() -> None:
    """Keep Prefect's log out of the terminal: what a person needs to know is in our own lines."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


def say(lines: list[str], data: dict[str, Any], as_json: bool) -> None:
    """Print lines for a person, and the object for a program if it is asked for."""
    for line in lines:
        click.echo(_painted(_printable(line)), err=as_json, color=colour())
    if as_json:
        click.echo(json.dumps(data, default=str))


def _printable(line: str) -> str:
    """A line whose file names cannot steer the terminal or pass for lines of their own."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)


def colour() -> bool | None:
    """Whether lines are coloured; None: on terminals only. As https://no-color.org and its opposite have it."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or None


def _painted(line: str) -> str:
    """The same line, with what matters most in colour."""
    for pattern, paint in _PAINTS:
        line = pattern.sub(lambda found, paint=paint: click.style(found[0], fg=paint), line)
    return line


def fail(error: str, code: int) -> NoReturn:
    """Print what is wrong, a line each and without secrets, and end the process."""
    error = redacted(error)
    for line in error.splitlines() or [error]:
        click.echo(f"{click.style('nightsort:', fg='red')} {_printable(line)}", err=True, color=colour())
    if "--json" in sys.argv:
        click.echo(json.dumps({"state": "failed", "error": error}))
    sys.exit(code)
