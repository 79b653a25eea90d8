"""Owns the renderings of a report: one HTML file, and a short Markdown for the run's page.

Invariant: all text is escaped by the template engine, which is never switched off; the page loads
nothing, and runs nothing but the script of its tables, which its policy names by hash. Does not know where a
rendering is kept.
"""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from nightsort.drift import findings
from nightsort.reports import (
    bands,
    chance,
    changes,
    compared,
    data,
    diagrams,
    distributions,
    drifted,
    figures,
    formats,
    glance,
    headline,
    judged,
    leaks,
    learned,
    night,
    robust,
    sections,
    shown,
    sparkline,
    suspected,
    trends,
    tuned,
)
from nightsort.reports.data import Report

_TEMPLATES = Path(__file__).parent / "templates"


class Script(NamedTuple):
    """The one script of a page, and the word by which its Content-Security-Policy allows it."""

    text: Markup
    allowed: str  # 'sha256-...', of the text


def to_html(report: Report) -> str:
    """The whole report as one self-contained page, UTF-8 encodable."""
    return _render("report.html", report, figures=figures.of(report), script=_script())


def to_markdown(report: Report, location: str = "") -> str:
    """The gist of the report as GitHub-flavoured Markdown.

    :param location: path or URI of the full report, if it was written
    """
    return _render("report.md", report, location=location)


def page(template: str, **what: object) -> str:
    """A page beside the reports, in their look and under their escaping.

    :param template: name of the template
    :param what: what the template names
    """
    return _environment().get_template(template).render(**what)


def _render(template: str, report: Report, **more: object) -> str:
    return (
        _environment()
        .get_template(template)
        .render(
            report=report,
            title=headline.title(report),
            verdict=headline.verdict(report),
            outcomes=sections.outcomes(report),
            **more,
        )
    )


@cache
def _script() -> Script:
    text = (_TEMPLATES / "tables.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return Script(Markup(text), f"'sha256-{digest}'")  # our own file: nothing of a report is in it


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=formats.printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for write in (
        formats.count, formats.plural, formats.percent, formats.score, formats.drift, formats.signed, formats.figure,
        formats.duration, formats.clock, formats.minute, formats.shorten, formats.name, formats.cell,
    ):  # fmt: skip
        environment.filters[write.__name__] = write
    environment.globals.update(
        sections=sections,
        sparkline=sparkline,
        bands=bands,
        chance=chance,
        changes=changes,
        glance=glance,
        trends=trends,
        distributions=distributions,
        drifted=drifted,
        leaks=leaks,
        headline=headline,
        robust=robust,
        judged=judged,
        diagrams=diagrams,
        compared=compared,
        tuned=tuned,
        suspected=suspected,
        limits=_limits(),
        reasons=sections.REASONS_EXPLAINED,
    )
    return environment


def _limits() -> dict[str, int]:
    """Every bound that the parts of a report name."""
    modules = (findings, data, learned, night, shown, suspected)
    return {name: value for module in modules for name, value in vars(module).items() if name.startswith("MAX_")}
