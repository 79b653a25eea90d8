"""Owns what the commands on backups say, and their progress bars.

Invariant: each function gives lines for a person and an object for a program. Does not know how they are printed.
"""

from flows.terminal import Told
from nightsort.operations.backup import making, restoring
from nightsort.operations.backup.vault import Vault
from nightsort.reports.formats import plural
from nightsort.storage import Storage
from tasks.progress import progress, reaching


def back_up(storage: Storage, into: str, check: bool, newest: int | None) -> Told:
    """Make a backup, and read it again if asked to."""
    target = Storage(into)
    with progress("backing up", None) as advance:
        made = making.back_up(storage, target, reaching(advance), newest)
    lines = [
        f"backup {made.name} in {target.root}: {plural(made.files, 'file')}, {_size(made.bytes)}",
        f"{plural(made.copied, 'file')}, {_size(made.copied_bytes)}, were new",
        *made.notes,
    ]
    if made.dropped:
        lines.append(f"{plural(made.dropped, 'older backup')} removed")
    data = {"backup": made.name, "files": made.files, "bytes": made.bytes, "copied": made.copied}
    if check:
        lines += verify(into, made.name)[0]
    return lines, data | {"copied_bytes": made.copied_bytes, "dropped": made.dropped, "verified": check}


def verify(place: str, name: str | None) -> Told:
    """Read a backup, and change nothing."""
    with progress("verifying", None) as advance:
        done = restoring.verify(Vault(Storage(place)), name, reaching(advance))
    count = len(done.manifest.files)
    line = f"backup {done.name}: {plural(count, 'file')}, {_size(done.manifest.bytes)}, as they were kept"
    return [line], {"backup": done.name, "files": count, "bytes": done.manifest.bytes, "verified": True}


def restore(place: str, name: str | None, into: Storage) -> Told:
    """Put a backup back."""
    with progress("restoring", None) as advance:
        done = restoring.restore(Vault(Storage(place)), name, into, reaching(advance))
    count, made = len(done.manifest.files), done.manifest.made
    line = f"{into.root} is as {done.manifest.root} was at {made:%Y-%m-%d %H:%M:%S} UTC: {plural(count, 'file')}"
    return [line], {"backup": done.name, "files": count, "bytes": done.manifest.bytes, "storage": into.root}


def would_restore(place: str, name: str | None, into: Storage) -> Told:
    """Which backup there is to put back, and whether there is room for it."""
    found = restoring.ready(Vault(Storage(place)), name, into)
    count, made = len(found.manifest.files), found.manifest.made
    what = f"backup {found.name} of {found.manifest.root}, made {made:%Y-%m-%d %H:%M:%S} UTC"
    line = f"{what}, would be put into {into.root}: {plural(count, 'file')}, {_size(found.manifest.bytes)}"
    data = {"dry_run": True, "backup": found.name, "files": count, "bytes": found.manifest.bytes, "storage": into.root}
    return [line, "dry run: nothing was written"], data


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
