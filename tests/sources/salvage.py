"""What is left of a listing that breaks off."""

from collections.abc import Iterator

from nightsort.sources.entry import DAMAGE, Entry


def salvaged(entries: Iterator[Entry]) -> tuple[list[Entry], Exception | None]:
    """What could be listed, and the damage after it."""
    found: list[Entry] = []
    try:
        for entry in entries:
            found.append(entry)  # noqa: PERF402 (list() would lose what came before the damage)
    except DAMAGE as error:
        return found, error
    return found, None
