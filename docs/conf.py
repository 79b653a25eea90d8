"""Owns how Sphinx makes the site. Invariant: it is built and read without a network, every link in it leads somewhere.

Pages are read in the repository, too, so they link to each other and to files beside docs/ by relative paths. On the
site a file that a page includes is that page, another file is a download, a folder is its name.
"""

import re
from importlib.metadata import version as installed
from os.path import relpath
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).parent
INCLUDE = re.compile(r"^```\{include\} (\S+)", re.MULTILINE)
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)")

project = "Nightsort"
release = version = installed("nightsort")
copyright = "the authors of Nightsort. Apache License 2.0"

extensions = ["myst_parser", "sphinx_copybutton"]
exclude_patterns = ["_build"]
nitpicky = True
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"Nightsort {release}"
html_copy_source = False


def setup(app: Sphinx) -> None:
    app.connect("source-read", lambda _, page, source: _relink(source, DOCS / page, DOCS / page))
    app.connect(
        "include-read",
        lambda app, path, _, source: _relink(source, DOCS / path, DOCS / app.env.docname),
    )


def _relink(source: list[str], file: Path, page: Path) -> None:
    """Make the links of ``file`` those of the page that shows it."""
    source[0] = LINK.sub(lambda link: _link(*link.groups(default=""), file.parent, page.parent), source[0])


def _link(bang: str, text: str, target: str, anchor: str, here: Path, page: Path) -> str:
    path = (here / target).resolve()
    if path.is_dir():
        return text
    path = INCLUDED.get(path, path)
    scheme = "" if bang or path.is_relative_to(DOCS) else "path:"
    return f"{bang}[{text}]({scheme}{relpath(path, page)}{anchor})"


def _included() -> dict[Path, Path]:
    """Files beside docs/, and the page that each of them is."""
    pages = [page for page in DOCS.rglob("*.md") if "_build" not in page.parts]
    return {(page.parent / file).resolve(): page for page in pages for file in INCLUDE.findall(page.read_text("utf-8"))}


INCLUDED = _included()
