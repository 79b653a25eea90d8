"""Owns the commands that look at models, or say which one is the champion.

Invariant: nothing heavy is imported before it is needed; whatever moves the champion runs as the flow `promote`.
Does not know how anything is found out.
"""

from pathlib import Path
from typing import Any

import click

from flows.commands.help import examples
from flows.commands.launching import launch
from flows.terminal import common, declaration_of, dry_run, quiet, say, storage_of


@click.group(
    invoke_without_command=True,
    epilog=examples("nightsort models", "nightsort models show 3", "nightsort models compare 3 4"),
)
@common
@click.pass_context
def models(context: click.Context, **options: Any) -> None:
    """List the models and mark the champion; show one with all its figures."""
    if context.invoked_subcommand is None:
        context.invoke(known, **options)


@models.command("list", epilog=examples("nightsort models list", "nightsort models list --json"))
@common
def known(as_json: bool, config: Path | None, storage: str | None) -> None:
    """List the models and mark the champion."""
    from flows.actions import inspection

    say(*inspection.models(storage_of(config, storage)), as_json)


@models.command(epilog=examples("nightsort models show 3", "nightsort models show 3 --card"))
@click.argument("version", type=click.IntRange(min=1))
@click.option("--card", is_flag=True, help="Its card, in Markdown: what it is for, what it learned, can and cannot.")
@common
def show(version: int, card: bool, as_json: bool, config: Path | None, storage: str | None) -> None:
    """Show model VERSION: where it comes from, how good it is, and what computes its answers on which machine."""
    from flows.actions import bundles

    told = bundles.card_of if card else bundles.shown
    say(*told(storage_of(config, storage), version), as_json)


@models.command("compare", epilog=examples("nightsort models compare 3 4", "nightsort models compare 3 4 --json"))
@click.argument("first", type=click.IntRange(min=1), metavar="A")
@click.argument("second", type=click.IntRange(min=1), metavar="B")
@common
def compare_models(first: int, second: int, as_json: bool, config: Path | None, storage: str | None) -> None:
    """Score models A and B afresh on the same test pictures: figures, speed and size side by side."""
    quiet()
    from flows.actions import difference

    say(*difference.compare(storage_of(config, storage), first, second), as_json)


_who = click.option("--who", help="Who decides [default: the user of this process].")


@models.command(
    epilog=examples(
        "nightsort models promote 4", "nightsort models promote 4 --force --why 'the test split was mislabelled'"
    )
)
@click.argument("version", type=click.IntRange(min=1))
@click.option("--force", is_flag=True, help="Past the gate; --why is kept with it.")
@click.option("--why", default="", help="Why; needed with --force.")
@_who
@dry_run
@common
def promote(
    version: int, force: bool, dry_run: bool, as_json: bool, config: Path | None, storage: str | None, **words: Any
) -> None:
    """Judge model VERSION against the champion on the newest dataset version, and make it champion if it wins."""
    _promote({"model": version, "force": force, **words}, as_json, config, storage, dry_run)


@models.command(
    epilog=examples(
        "nightsort models rollback --why 'takes shadows for cracks'",
        "nightsort models rollback --why 'wrong lens' --who ann",
    )
)
@click.option("--why", required=True, help="Why; it is kept.")
@_who
@dry_run
@common
def rollback(dry_run: bool, as_json: bool, config: Path | None, storage: str | None, **words: Any) -> None:
    """Make the champion before this one champion again."""
    _promote({"rollback": True, **words}, as_json, config, storage, dry_run)


def _promote(asked: dict[str, Any], as_json: bool, config: Path | None, storage: str | None, dry_run: bool) -> None:
    declaration = declaration_of(config, storage)
    given = {name: value for name, value in asked.items() if value is not None}
    launch("promote", {**declaration.defaults(), **given}, declaration, as_json, dry_run)


COMMANDS = (models,)
