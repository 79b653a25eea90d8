"""Owns the renderings of a report: one HTML file, and a short Markdown for the run's page.

Invariant: all text is escaped by the template engine, which is never switched off; the page loads
nothing and runs nothing. Does not know where a rendering is kept.
"""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from nightsort.reports import (
    compared,
    data,
    diagrams,
    distributions,
    figures,
    formats,
    headline,
    judged,
    leaks,
    learned,
    robust,
    sections,
    shown,
    sparkline,
    suspected,
    tuned,
)
from nightsort.reports.data import Report


def to_html(report: Report) -> str:
    """The whole report as one self-contained page, UTF-8 encodable."""
    return _render("report.html", report, figures=figures.of(report))


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
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
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
        distributions=distributions,
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
    modules = (data, learned, shown, suspected)
    return {name: value for module in modules for name, value in vars(module).items() if name.startswith("MAX_")}
