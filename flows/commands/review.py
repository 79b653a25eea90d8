"""Owns the commands by which people are asked about pictures, and their answers taken in.

Invariant: nothing heavy is imported before it is needed. Does not know how anything is done.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from flows.commands.help import examples
from flows.terminal import common, declaration_of, quiet, say, storage_of

_FORMATS = ("csv", "label-studio", "fiftyone", "gallery")


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "nightsort review", "nightsort review export --into questions", "nightsort review import questions/queue.csv"
    ),
)
@common
@click.pass_context
def review(context: click.Context, **options: Any) -> None:
    """Ask people about the pictures where it matters most, and learn from what they answer."""
    if context.invoked_subcommand is None:
        context.invoke(status, **options)


@review.command(epilog=examples("nightsort review status", "nightsort review status --json"))
@common
def status(as_json: bool, config: Path | None, storage: str | None) -> None:
    """Show how many pictures are open, and why, and what was answered."""
    from flows.actions import review

    say(*review.status(storage_of(config, storage)), as_json)


@review.command(
    epilog=examples(
        "nightsort review export --into questions --count 100",
        "nightsort review export --into questions --format label-studio --since 2026-01-31",
    )
)
@click.option("--into", type=click.Path(path_type=Path), required=True, help="Folder to make; must not hold anything.")
@click.option("--count", default=200, show_default=True, type=click.IntRange(1), help="Pictures, at most.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only what was classified on this day, UTC, or later.")
@click.option("--run", metavar="RUN_ID", help="Only what this run classified.")
@click.option(
    "--format",
    "formats",
    type=click.Choice(_FORMATS),
    multiple=True,
    default=_FORMATS,
    show_default=True,
    help="What to write; may be given several times.",
)
@common
def export(
    into: Path,
    count: int,
    since: datetime | None,
    run: str | None,
    formats: tuple[str, ...],
    as_json: bool,
    config: Path | None,
    storage: str | None,
) -> None:
    """Write the pictures that are most worth a look into a folder, with what it takes to answer them."""
    from flows.actions import review
    from nightsort.review.queue import Asked

    asked = Asked(count, since and since.replace(tzinfo=UTC), run)
    say(*review.export(storage_of(config, storage), into, asked, tuple(dict.fromkeys(formats))), as_json)


@review.command(
    "import",
    epilog=examples(
        "nightsort review import questions/queue.csv",
        "nightsort review import answers.json --new-classes dent --ingest false",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--new-classes", multiple=True, metavar="LABEL", help="A label to allow though no picture has it yet. "
              "May be given several times.")  # fmt: skip
@click.option("--overwrite", default=False, show_default=True, type=bool, metavar="true|false",
              help="Let answers replace earlier ones that differ.")  # fmt: skip
@click.option("--ingest", default=True, show_default=True, type=bool, metavar="true|false",
              help="Make labelled data of the answers at once.")  # fmt: skip
@common
def import_answers(
    file: Path,
    new_classes: tuple[str, ...],
    overwrite: bool,
    ingest: bool,
    as_json: bool,
    config: Path | None,
    storage: str | None,
) -> None:
    """Take in the answers in FILE: queue.csv, a JSON export of Label Studio, or labels.json of FiftyOne."""
    quiet()
    from flows.actions import answering

    declaration = declaration_of(config, storage)
    say(*answering.import_answers(declaration, file, list(new_classes), overwrite, ingest), as_json)


COMMANDS = (review,)
