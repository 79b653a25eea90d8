"""Figures and foreign text as a person reads them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightsort.reports.formats import (
    cell,
    clock,
    count,
    duration,
    figure,
    name,
    percent,
    plural,
    printable,
    score,
    shorten,
)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (1, "100%"), (0.0004, "<0.1%"), (0.99996, ">99.9%"), (0.123, "12.3%"), (0.999, "99.9%")],
)
def test_only_nothing_is_0_percent_and_only_all_is_100(share: float, text: str) -> None:
    assert percent(share) == text


def test_counts_have_separators_and_nouns() -> None:
    assert count(1234567) == "1,234,567"
    assert [plural(1, "class"), plural(2, "class"), plural(1500, "picture")] == [
        "1 class",
        "2 classes",
        "1,500 pictures",
    ]
    assert score(None) == "–"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.123, "0.12 s"), (59.9, "59.9 s"), (59.99, "1 min 00 s"), (3599.7, "1 h 00 min"), (7380, "2 h 03 min")],
)
def test_duration_never_shows_sixty(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_times_are_shown_in_utc() -> None:
    berlin = datetime(2026, 11, 22, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    assert clock(berlin) == "21 November 2026, 23:30:00 UTC"
    assert clock(berlin.astimezone(UTC).replace(tzinfo=None)) == clock(berlin)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (48_012, "48,000"),
        (6451.6, "6,450"),
        (215.3, "215"),
        (1.3333, "1.33"),
        (0.01239, "0.0124"),
        (0, "0"),
        (32, "32"),
    ],
)
def test_a_figure_has_three_significant_digits(value: float, words: str) -> None:
    assert figure(value) == words


@given(st.text(), st.integers(8, 40))
def test_shorten_is_bounded_and_keeps_both_ends(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert short[:3] == text[:3] and short[-4:] == text[-4:]


def test_name_of_paths_uris_and_members() -> None:
    assert name("s3://bucket/night/a.png") == "a.png"
    assert name("C:\\night\\a.png") == "a.png"
    assert name("/night/box.zip!in/a.png") == "a.png"


def test_printable_shows_what_would_act() -> None:
    assert printable("evil\u202egpj.exe") == "evil\\u202egpj.exe"
    assert printable("\udcff\x1b[31m") == "\\udcff\\u001b[31m"
    assert printable("two\nlines") == "two\nlines"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b", r"a\|b"),
        ("`rm`", r"\`rm\`"),
        ("two\nlines\r\nmore", "two lines more"),
        ("[x](http://evil)", r"\[x\](http\://evil)"),
        ("<script>", "&lt;script&gt;"),
        ("back\\|slash", r"back\\\|slash"),
        ("it's", "it&#39;s"),
    ],
)
def test_markdown_cells_are_inert(text: str, escaped: str) -> None:
    assert str(cell(text)) == escaped


@given(st.text())
def test_a_cell_stays_one_cell(text: str) -> None:
    written = str(cell(text))
    assert "\n" not in written and "\r" not in written and "<" not in written
    assert "|" not in written.replace("\\\\", "").replace("\\|", "")
