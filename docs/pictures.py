"""Owns the pictures of the documentation. Invariant: each is what the program shows, of a folder that it made itself.

    make demo && make month && python -m docs.pictures

Does not know what is on them: look at each before it is committed.
"""

import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

INTO = Path(__file__).parent / "pictures"
HOME = "/home/ada"  # on pictures, in place of where they were made
NIGHTSORT = Path(sys.executable).with_name("nightsort")
_FONT = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)  # from a host on the network


def main() -> None:
    """Make those pictures whose folder is there."""
    demo, month = Path("demo"), Path("month")
    with tempfile.TemporaryDirectory() as scratch:
        if demo.is_dir():
            of_demo(demo.resolve(), Path(scratch))
        if month.is_dir():
            reports = month.resolve() / "storage/reports"
            photograph(next(reports.glob("20260307T*-classify-*")) / "report.html", "night.png")
            photograph(reports / "index.html", "month.png")


def of_demo(demo: Path, scratch: Path) -> None:
    """A training's report, a night in the terminal, and the gallery of what people are asked about."""
    reports = demo / "storage/reports"
    photograph(max(reports.glob("*-train-*")) / "report.html", "training.png", height=1400)
    work = scratch / "demo"
    shutil.copytree(demo, work)
    for part in ("predictions", "quarantine", "copies"):  # as if no night had been
        shutil.rmtree(work / "storage" / part)
    asked = ["classify", "demo/pictures/drop-1", "--storage", "demo/storage"]
    draw([asked, [*asked, "--sample", "0"]], "terminal.svg", scratch)
    run(["review", "export", "--into", "desk", "--count", "24", "--storage", "demo/storage"], scratch)
    photograph(scratch / "desk/index.html", "review.png", height=900)


def run(words: list[str], folder: Path) -> str:
    """What a command prints."""
    told = subprocess.run([NIGHTSORT, *words], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout
    return told.replace(str(folder), HOME)


def draw(commands: list[list[str]], name: str, folder: Path) -> None:
    """Commands with what they print, as a terminal shows them."""
    console = Console(record=True, width=112, file=io.StringIO())
    for words in commands:
        console.print(Text(f"$ nightsort {' '.join(words)}", style="bold"))
        console.print(Text(run(words, folder)))
    drawn = console.export_svg(title="nightsort", code_format=_FONT.sub("", CONSOLE_SVG_FORMAT), unique_id="night")
    (INTO / name).write_text(drawn, encoding="utf-8")


def photograph(page: Path, name: str, width: int = 900, height: int = 1000) -> None:
    """The head of a page in a browser."""
    shown = page.with_name("shown.html")
    shown.write_text(page.read_text(encoding="utf-8").replace(str(Path.cwd()), HOME), encoding="utf-8")
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
    words += [f"--window-size={width},{height}", f"--screenshot={INTO / name}", shown.as_uri()]
    try:
        subprocess.run(["chromium", *words], check=True, stderr=subprocess.DEVNULL)
    finally:
        shown.unlink()


if __name__ == "__main__":
    main()
