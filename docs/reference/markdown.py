"""Owns Markdown that says what it was given: text of ours cannot become a tag, a link or another cell."""

from collections.abc import Iterable

WRITTEN = "<!-- Written by `make reference` from the code; do not change it here. -->"


def page(title: str, *parts: str) -> str:
    """A whole page; empty parts are left out."""
    return "\n\n".join([WRITTEN, f"# {title}", *(part for part in parts if part)]) + "\n"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; the cells are Markdown already."""
    lines = [list(header), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(text: str) -> str:
    """Text of a cell or a paragraph, with nothing in it that Markdown or HTML would act on but code in backticks."""
    parts = " ".join(text.split()).split("`")
    for index in range(0, len(parts), 2):
        for act in ("\\", "<", "*", "[", "]"):
            parts[index] = parts[index].replace(act, f"\\{act}")
    return "`".join(parts).replace("|", "\\|")


def code(text: str) -> str:
    """Text as it is typed."""
    return f"`{text}`".replace("|", "\\|")
