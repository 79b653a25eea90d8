"""Owns the commands that look at a storage root, or keep it in order.

Invariant: nothing heavy is imported before it is needed. Does not know how anything is found out.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from flows.commands.help import examples
from flows.terminal import common, say, storage_of
from nightsort import disk
from nightsort.errors import ConfigError


@click.command(epilog=examples("nightsort status", "nightsort status --storage s3://bucket/nightsort"))
@common
def status(as_json: bool, config: Path | None, storage: str | None) -> None:
    """Show the champion, the counts and the last runs."""
    from flows.actions import inspection

    say(*inspection.status(storage_of(config, storage)), as_json)


@click.command(epilog=examples("nightsort datasets", "nightsort datasets --limit 3 --compact"))
@click.option("--limit", default=10, show_default=True, help="Versions to print, newest first.")
@click.option("--compact", is_flag=True, help="First merge small files of pictures into large ones.")
@click.option("--dry-run", is_flag=True, help="With --compact: only say how many files would be merged.")
@common
def datasets(limit: int, compact: bool, dry_run: bool, as_json: bool, config: Path | None, storage: str | None) -> None:
    """List the dataset's versions with their pictures by class and split."""
    from flows.actions import inspection, upkeep

    if dry_run and not compact:
        raise click.UsageError("--dry-run: is for --compact; without it nothing is written anyway")
    root = storage_of(config, storage)
    compacted = upkeep.would_compact if dry_run else upkeep.compact
    done = compacted(root) if compact else ([], {})
    lines, data = inspection.datasets(root, limit)
    say([*done[0], *lines], {**done[1], **data}, as_json)


@click.group(
    invoke_without_command=True,
    epilog=examples("nightsort predictions --limit 50", "nightsort predictions export --into night.csv"),
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(0), help="Rows to print, newest first.")
@common
@click.pass_context
def predictions(context: click.Context, **options: Any) -> None:
    """List the newest predictions, or export them."""
    if context.invoked_subcommand is None:
        context.invoke(predicted, **options)


@predictions.command("list", epilog=examples("nightsort predictions list", "nightsort predictions list --limit 50"))
@click.option("--limit", default=20, show_default=True, type=click.IntRange(0), help="Rows to print, newest first.")
@common
def predicted(limit: int, as_json: bool, config: Path | None, storage: str | None) -> None:
    """List the newest predictions."""
    from flows.actions import inspection

    say(*inspection.predictions(storage_of(config, storage), limit), as_json)


@predictions.command(
    "export",
    epilog=examples(
        "nightsort predictions export --into night.csv --date 2026-01-31",
        "nightsort predictions export --into all.parquet --model 3",
    ),
)
@click.option("--into", type=click.Path(path_type=Path), required=True, help="New file: .csv, .jsonl or .parquet.")
@click.option("--run", metavar="RUN_ID", help="Only of this run.")
@click.option("--date", type=click.DateTime(["%Y-%m-%d"]), help="Only of runs that began on this day, UTC.")
@click.option("--model", type=click.IntRange(1, 2**31 - 1), metavar="N", help="Only of this model.")
@common
def export_predictions(
    into: Path,
    run: str | None,
    date: datetime | None,
    model: int | None,
    as_json: bool,
    config: Path | None,
    storage: str | None,
) -> None:
    """Write predictions into one file that a spreadsheet or a program reads."""
    from flows.actions import upkeep

    day = date and date.date().isoformat()
    say(*upkeep.export_predictions(storage_of(config, storage), into, run, day, model), as_json)


def _two(context: click.Context, option: click.Parameter, value: tuple[str, str] | None) -> tuple[str, str] | None:
    """Two words: of one alone the next option would be taken for the second."""
    if value and (strange := next((word for word in value if word.startswith("-")), None)):
        raise click.UsageError(f"--diff: takes two, A and B, such as previous latest; got {strange!r}", context)
    return value


@click.command(
    epilog=examples(
        "nightsort report --open", "nightsort report --diff previous latest", "nightsort report --diff model:2 model:3"
    )
)
@click.option("--open", "open_it", is_flag=True, help="Open it in the browser.")
@click.option(
    "--diff",
    type=(str, str),
    metavar="A B",
    callback=_two,
    help="Compare two runs of classify (a run id or its beginning, latest, previous), or two models on the pictures "
    "that both classified (2 or model:2).",
)
@common
def report(
    open_it: bool, diff: tuple[str, str] | None, as_json: bool, config: Path | None, storage: str | None
) -> None:
    """Print where the latest report lies, and the index of all; or compare two runs, or two models."""
    from flows.actions import difference, inspection

    root = storage_of(config, storage)
    lines, data = difference.differ(root, *diff) if diff else inspection.latest_report(root)
    page = data["page"] if diff else data["report"]
    if open_it and disk.is_uri(page):
        raise ConfigError(f"--open: no browser opens {page}; fetch it from the bucket first")
    if open_it:
        click.launch(page)
    say(lines, data, as_json)


COMMANDS = (status, datasets, predictions, report)
