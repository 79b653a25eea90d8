"""Owns the commands that copy a storage root to a safe place, and put the copy back.

Invariant: nothing heavy is imported before it is needed. Does not know how anything is copied.
"""

from pathlib import Path
from typing import Any

import click

from flows.commands.help import examples
from flows.terminal import common, dry_run, say, storage_of


@click.command(
    epilog=examples("nightsort backup /mnt/backups", "nightsort backup s3://bucket/backups --verify --keep 7")
)
@click.argument("into")
@click.option("--verify", is_flag=True, help="Then read the whole backup again and compare it with its checksums.")
@click.option("--keep", type=click.IntRange(min=1), metavar="N", help="Keep the newest N backups, and remove others.")
@common
def backup(into: str, verify: bool, keep: int | None, as_json: bool, config: Path | None, storage: str | None) -> None:
    """Copy the storage root INTO a folder or bucket, while runs may go on; only what is new is copied."""
    from flows.actions import backups

    say(*backups.back_up(storage_of(config, storage), into, verify, keep), as_json)


@click.command(
    epilog=examples(
        "nightsort restore /mnt/backups --verify", "nightsort restore s3://bucket/backups --storage nightsort-data"
    )
)
@click.argument("from", metavar="FROM")
@click.option("--backup", "name", metavar="NAME", help="Which backup [default: the newest].")
@click.option("--verify", is_flag=True, help="Only read the backup and compare it with its checksums.")
@dry_run
@common
def restore(
    name: str | None,
    verify: bool,
    dry_run: bool,
    as_json: bool,
    config: Path | None,
    storage: str | None,
    **at: Any,
) -> None:
    """Put a backup FROM a folder or bucket back into the storage root, which must be empty."""
    from flows.actions import backups

    if verify:
        say(*backups.verify(at["from"], name), as_json)
    else:
        restored = backups.would_restore if dry_run else backups.restore
        say(*restored(at["from"], name, storage_of(config, storage)), as_json)


COMMANDS = (backup, restore)
