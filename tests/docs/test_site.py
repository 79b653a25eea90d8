"""The site builds without a warning, and every link of what is read beside it leads somewhere."""

import re
import unicodedata
from pathlib import Path

import pytest
from sphinx.cmd.build import main as sphinx_build

from tests.docs.pages import ROOT, inline, pages, tokens


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning", "ignore::DeprecationWarning")  # of the builder's own
def test_the_site_builds_without_a_warning(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """As `make docs` does."""
    code = sphinx_build(["-W", "--keep-going", "-n", "--quiet", str(ROOT / "docs"), str(tmp_path / "html")])
    assert code == 0, "\n".join(sorted(set(capfd.readouterr().err.splitlines())))
    assert (tmp_path / "html/reference/parameters.html").exists()


def _anchors(page: str) -> set[str]:
    """Of the headings, as GitHub makes them."""
    found: list[str] = []
    for before, token in zip(tokens(page), tokens(page)[1:], strict=False):
        if before.type == "heading_open":
            text = "".join(child.content for child in token.children or [] if child.type in ("text", "code_inline"))
            words = unicodedata.normalize("NFC", text).strip().lower()
            found.append(re.sub(r"[^\w\- ]", "", words).replace(" ", "-"))
    return set(found)


@pytest.mark.parametrize("page", pages())
def test_every_link_within_the_project_leads_somewhere(page: str) -> None:
    links = [str(token.attrs["href"]) for _, token in inline(page, "link_open")]
    images = [str(token.attrs["src"]) for _, token in inline(page, "image")]
    for link in [*links, *images]:
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (ROOT / page).parent / file if file else ROOT / page
        assert target.exists(), f"{page}: {link}"
        if anchor and target.suffix == ".md":
            assert anchor in _anchors(str(target.resolve().relative_to(ROOT))), f"{page}: {link}"
