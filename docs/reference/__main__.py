"""Owns writing the reference: `make reference`, or `python -m docs.reference`.

Invariant: the same code gives the same pages on every machine. Does not know what a page says.
"""

from collections.abc import Callable
from pathlib import Path

from docs.reference import commandline, running, settings, storage

FOLDER = Path(__file__).parent
PAGES: dict[str, Callable[[], str]] = {
    "commands": commandline.commands,
    "parameters": settings.parameters,
    "pipelines": settings.pipelines,
    "tables": storage.tables,
    "reasons": storage.reasons,
    "errors": running.error_tree,
    "environment": running.environment,
    "events": running.events,
}


def main() -> None:
    """Write every page anew."""
    for name, page in PAGES.items():
        (FOLDER / f"{name}.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
