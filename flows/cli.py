"""Owns the command line: words in, a flow or a look at the storage, lines and an exit code out.

Invariant: a mistake of the user's prints one line a fault and exits with 2, a failed run prints one
line and exits with 1; neither shows a traceback. Nothing heavy is imported before it is needed.
Does not know how anything is done.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from flows import options
from nightsort.config import PARAMS
from nightsort.errors import ConfigError, NightsortError, UserError

_DEFAULT_CONFIG = Path("pipelines.yaml")
_HELP = {
    "ingest": "Take in labelled pictures (SOURCE/<class>/...) and make a new dataset version of them.",
    "train": "Train a model on the dataset; the gate decides whether it becomes the champion.",
    "classify": "Classify every new picture of a folder or an archive, exactly once.",
    "retrain": "Ingest new labels, if --source names some, then train.",
}


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="nightsort")
def cli() -> None:
    """Learns the classes of your pictures and classifies every new one exactly once, every night."""


def _common(command: Any) -> Any:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line."),
        click.option("--config", type=click.Path(path_type=Path), help="Declaration to use [default: pipelines.yaml]."),
        click.option("--storage", help="Storage root, a folder."),
    ):
        command = option(command)
    return command


def _flow_command(name: str) -> click.Command:
    """A command with the flow's parameters."""

    @_common
    def callback(as_json: bool, config: Path | None, storage: str | None, **given: Any) -> None:
        declaration = _declaration(config, storage)
        asked = {key: value for key, value in given.items() if value is not None}
        _launch(name, {**declaration.defaults(), **asked}, declaration, as_json)

    return click.command(name, params=options.of_model(PARAMS[name]), help=_HELP[name])(callback)


for _name in PARAMS:
    cli.add_command(_flow_command(_name))


@cli.command()
@click.argument("pipeline")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a parameter for this run.")
@_common
def run(pipeline: str, settings: tuple[str, ...], as_json: bool, config: Path | None, storage: str | None) -> None:
    """Run a PIPELINE that pipelines.yaml declares, now."""
    declaration = _declaration(config or _DEFAULT_CONFIG, storage)
    params = declaration.params(pipeline).model_dump()
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting}: must be KEY=VALUE")
        params[key] = value or None
    _launch(declaration.pipelines[pipeline].flow, params, declaration, as_json)


@cli.command()
@_common
def check(as_json: bool, config: Path | None, storage: str | None) -> None:
    """Check pipelines.yaml and name every fault."""
    declaration = _declaration(config or _DEFAULT_CONFIG, storage)
    lines = [f"{name}: {item.flow}{_when(item.schedule)}" for name, item in declaration.pipelines.items()]
    lines.append(f"{config or _DEFAULT_CONFIG}: {len(lines)} pipelines, no fault; storage {declaration.storage}")
    _say(lines, declaration.model_dump(), as_json)


@cli.command()
@_common
def status(as_json: bool, config: Path | None, storage: str | None) -> None:
    """Show the champion, the counts and the last runs."""
    from flows import inspection

    _say(*inspection.status(_storage(config, storage)), as_json)


@cli.command()
@_common
def models(as_json: bool, config: Path | None, storage: str | None) -> None:
    """List the models and mark the champion."""
    from flows import inspection

    _say(*inspection.models(_storage(config, storage)), as_json)


@cli.command()
@click.option("--limit", default=20, show_default=True, help="Rows to print, newest first.")
@_common
def quarantine(limit: int, as_json: bool, config: Path | None, storage: str | None) -> None:
    """List what was set aside, and why."""
    from flows import inspection

    _say(*inspection.quarantined(_storage(config, storage), limit), as_json)


@cli.command()
@click.option("--open", "open_it", is_flag=True, help="Open it in the browser.")
@_common
def report(open_it: bool, as_json: bool, config: Path | None, storage: str | None) -> None:
    """Print where the latest report lies."""
    from flows import inspection

    lines, data = inspection.latest_report(_storage(config, storage))
    if open_it:
        click.launch(data["report"])
    _say(lines, data, as_json)


@cli.command()
@_common
def up(as_json: bool, config: Path | None, storage: str | None) -> None:
    """Start the Prefect server on loopback and serve every pipeline with its schedule."""
    from flows import serving

    serving.up(_declaration(config or _DEFAULT_CONFIG, storage))


@cli.command()
@click.option("--pool", default="nightsort", show_default=True, help="Work pool; a process pool is made if missing.")
@_common
def deploy(pool: str, as_json: bool, config: Path | None, storage: str | None) -> None:
    """Register every pipeline with the Prefect server that PREFECT_API_URL names."""
    from flows import serving

    names = serving.deploy(_declaration(config or _DEFAULT_CONFIG, storage), pool)
    _say([f"deployed {name}" for name in names], {"deployed": names, "pool": pool}, as_json)


@cli.command()
@click.option("--data", type=click.Path(path_type=Path), help="Your own folder of class folders.")
@click.option("--into", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help="Where to work.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")
def demo(data: Path | None, into: Path, as_json: bool) -> None:
    """Show the whole loop on handwritten digits, or on your own pictures."""
    _quiet()
    from flows.demo import demo as run_demo

    _say(*run_demo(data, into, click.echo), as_json)


def _declaration(config: Path | None, storage: str | None) -> Any:
    """What pipelines.yaml says, or the defaults where there is none; --storage overrides it."""
    from nightsort.pipelines import Declaration, load

    file = config or (_DEFAULT_CONFIG if _DEFAULT_CONFIG.exists() else None)
    declaration = load(file) if file else Declaration()
    if storage is None:
        return declaration
    if not storage:
        raise ConfigError("--storage: must not be empty")
    return declaration.model_copy(update={"storage": storage})


def _storage(config: Path | None, storage: str | None) -> Any:
    from nightsort.storage import Storage

    return Storage(_declaration(config, storage).storage)


def _launch(flow: str, values: dict[str, Any], declaration: Any, as_json: bool) -> None:
    from pydantic import ValidationError

    from nightsort.pipelines import faults_of

    try:
        params = PARAMS[flow].model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(faults_of(error, flow))) from None
    _quiet()
    from flows.catalogue import flow_named
    from flows.launch import launch
    from nightsort.reports import store, summary

    report = launch(flow_named(flow), params, declaration.server.api)
    place = store.location(report)
    _say(summary.as_lines(report, place), summary.as_object(report, place), as_json)


def _quiet() -> None:
    """Keep Prefect's log out of the terminal: what a person needs to know is in our own lines."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


def _when(schedule: Any) -> str:
    if schedule is None:
        return ""
    return f", {schedule.cron} {schedule.timezone}" if schedule.cron else f", every {schedule.interval_seconds} s"


def _say(lines: list[str], data: dict[str, Any], as_json: bool) -> None:
    for line in lines:
        click.echo(_printable(line), err=as_json)
    if as_json:
        click.echo(json.dumps(data, default=str))


def _printable(line: str) -> str:
    """A line whose file names cannot steer the terminal or pass for lines of their own."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)


def _fail(error: str, code: int) -> NoReturn:
    for line in error.splitlines() or [error]:
        click.echo(f"nightsort: {_printable(line)}", err=True)
    if "--json" in sys.argv:
        click.echo(json.dumps({"state": "failed", "error": error}))
    sys.exit(code)


def main() -> None:
    """Entry point of the console script."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as an exception, so that everything is tidied up
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        _fail("interrupted; run it again to complete it", 130)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.ClickException as error:
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "nightsort"
        _fail(f"{error.format_message().rstrip('.')}; see '{command} --help'", 2)
    except UserError as error:
        _fail(str(error), 2)
    except NightsortError as error:
        _fail(str(error), 1)


if __name__ == "__main__":
    main()
