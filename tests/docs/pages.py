"""The pages that people read, and the fenced blocks, links and words in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
TOPS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "deploy/README.md", "benchmarks/README.md")
_OPERATORS = {"&&", "||", ";", "|", "(", ")", "&"}
_SUBSTITUTED = re.compile(r"\$\(([^()]*)\)")
_KEYWORDS = {"for", "do", "done", "then", "fi", "if", "while", "in"}


def pages() -> list[str]:
    """Every page by its path in the repository, the ones to come included."""
    within = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/README.md"), *ROOT.glob("examples/README.md")]
    named = [ROOT / top for top in TOPS if (ROOT / top).exists()]
    return sorted(str(page.relative_to(ROOT)) for page in [*named, *within] if "_build" not in page.parts)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    line: int  # of its first line of text, from 1
    language: str  # empty is output
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Line:
    """A command line as typed, joined where it went on in the next line."""

    place: str  # page:line
    text: str

    @property
    def page(self) -> str:
        """The page that it is on."""
        return self.place.partition(":")[0]

    @property
    def code(self) -> int:
        """How it ends: 0, unless a comment behind it says `exit code N`."""
        said = re.search(r"#.*\bexit code (\d+)", self.text)
        return int(said[1]) if said else 0

    def commands(self) -> list[list[str]]:
        """The words of each simple command in it, redirections and assignments left out."""
        within = _SUBSTITUTED.findall(self.text)
        text = " ; ".join([*within, _SUBSTITUTED.sub("SUBSTITUTED", self.text)])
        return [words for command in _simple(text) if (words := _without_shell(command))]


def _simple(text: str) -> list[list[str]]:
    """The words between operators."""
    found: list[list[str]] = [[]]
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.wordchars += "$@:,%+{}"
    skip = False
    for word in lexer:
        if word in _OPERATORS:
            found.append([])
        elif word in (">", ">>", "<"):
            skip = True
        elif skip:
            skip = False
        else:
            found[-1].append(word)
    return found


def _without_shell(words: list[str]) -> list[str]:
    if words[:1] == ["for"]:
        return []
    while words and (words[0] in _KEYWORDS or re.match(r"[A-Z_]+=", words[0])):
        words = words[1:]
    return words


@cache
def tokens(page: str) -> list[Token]:
    """The page as Markdown."""
    return MarkdownIt("commonmark").enable("table").parse((ROOT / page).read_text(encoding="utf-8"))


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in their order; one that is only indented has the language `indented`."""
    found = []
    for token in tokens(page):
        if token.type in ("fence", "code_block") and token.map:
            language = "indented" if token.type == "code_block" else token.info.split()[0] if token.info else ""
            found.append(Block(page, token.map[0] + 1 + (token.type == "fence"), language, token.content))
    return found


def lines(block: Block) -> Iterator[Line]:
    """The command lines of a block."""
    joined, start = "", 0
    for number, text in enumerate(block.text.splitlines(), start=block.line):
        joined, start = joined + text.strip(), start or number
        if joined.endswith("\\"):
            joined = f"{joined[:-1]} "
        elif joined:
            if not joined.startswith("#"):
                yield Line(f"{block.page}:{start}", joined)
            joined, start = "", 0


def inline(page: str, kind: str) -> Iterator[tuple[int, Token]]:
    """Tokens of a kind within the text of a page (code_inline, link_open, image), each with its line."""
    for token in tokens(page):
        if token.type == "inline" and token.map:
            yield from ((token.map[0] + 1, child) for child in token.children or [] if child.type == kind)
