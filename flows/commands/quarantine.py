"""Owns the commands that show what was set aside, or do something with it.

Invariant: nothing heavy is imported before it is needed. Does not know how anything is done.
"""

from pathlib import Path
from typing import Any

import click

from flows.commands.help import examples
from flows.terminal import common, dry_run, say, storage_of
from nightsort.schema import REASONS

_reason = click.option("--reason", type=click.Choice(sorted(REASONS)), metavar="REASON", help="Only this reason.")


@click.group(
    invoke_without_command=True,
    epilog=examples("nightsort quarantine", "nightsort quarantine --reason truncated --limit 50"),
)
@click.option("--limit", default=20, show_default=True, help="Rows to print, newest first.")
@_reason
@common
@click.pass_context
def quarantine(context: click.Context, **options: Any) -> None:
    """List what was set aside, and why; export it, or have it looked at again."""
    if context.invoked_subcommand is None:
        context.invoke(listed, **options)


@quarantine.command(
    "list", epilog=examples("nightsort quarantine list", "nightsort quarantine list --reason truncated --limit 50")
)
@click.option("--limit", default=20, show_default=True, help="Rows to print, newest first.")
@_reason
@common
def listed(limit: int, reason: str | None, as_json: bool, config: Path | None, storage: str | None) -> None:
    """List what was set aside, and why."""
    from flows.actions import inspection

    say(*inspection.quarantined(storage_of(config, storage), limit, reason), as_json)


@quarantine.command(
    epilog=examples(
        "nightsort quarantine export --into set-aside", "nightsort quarantine export --into broken --reason corrupt"
    )
)
@click.option("--into", type=click.Path(path_type=Path), required=True, help="Folder to make; must not hold anything.")
@_reason
@common
def export(into: Path, reason: str | None, as_json: bool, config: Path | None, storage: str | None) -> None:
    """Write the original bytes that were kept into a folder, with an index."""
    from flows.actions import upkeep

    say(*upkeep.export(storage_of(config, storage), into, reason), as_json)


@quarantine.command(
    epilog=examples("nightsort quarantine requeue --reason truncated", "nightsort quarantine requeue --all")
)
@_reason
@click.option("--all", "everything", is_flag=True, help="Every reason.")
@dry_run
@common
def requeue(
    reason: str | None, everything: bool, dry_run: bool, as_json: bool, config: Path | None, storage: str | None
) -> None:
    """Forget verdicts, so that the next run over the source looks at those files again."""
    from flows.actions import upkeep

    if (reason is None) != everything:
        raise click.UsageError("give either --reason REASON or --all")
    requeued = upkeep.would_requeue if dry_run else upkeep.requeue
    say(*requeued(storage_of(config, storage), reason), as_json)


COMMANDS = (quarantine,)
