"""Owns the check of what is declared: pipelines.yaml, the places it names, the address of the webhook.

Invariant: the address is never shown, and nothing is sent to it. Does not know the server that runs the pipelines.
"""

from collections.abc import Iterator
from pathlib import Path

from fsspec.core import url_to_fs

from nightsort.config.webhook import ADDRESS, address
from nightsort.errors import ConfigError
from nightsort.operations.checks.finding import Finding, fail, ok, warn
from nightsort.pipelines import load


def pipelines(file: Path) -> Iterator[Finding]:
    """Faults of a declaration, and sources that are not there."""
    if not file.exists():
        yield warn("pipelines", f"{file} is not there: nothing runs by itself", "run 'nightsort init'")
        return
    try:
        declaration = load(file)
    except ConfigError as error:
        for line in error.lines:
            yield fail("pipelines", line, "mend it; 'nightsort check' says when it is right")
        return
    timed = sum(pipeline.schedule is not None for pipeline in declaration.pipelines.values())
    yield ok("pipelines", f"{file}: {len(declaration.pipelines)} pipelines, {timed} of them with a schedule")
    for name, pipeline in declaration.pipelines.items():
        if source := pipeline.parameters.get("source"):
            yield from _source(name, str(source))


def _source(name: str, source: str) -> Iterator[Finding]:
    try:
        filesystem, path = url_to_fs(source)
        there = filesystem.exists(path)
    except Exception as error:  # whatever the library of a store raises
        words = " ".join(str(error).split())
        yield fail(
            "sources", f"{name}: {source}: {type(error).__name__}: {words}", "mend the address or its credentials"
        )
        return
    if there:
        yield ok("sources", f"{name}: {source} is there")
    else:
        yield fail("sources", f"{name}: {source} is not there", "see whether it is mounted, and its name is right")


def webhook() -> Iterator[Finding]:
    """Whether the address that people are told at could be one."""
    try:
        given = address()
    except ConfigError as error:
        yield fail("webhook", str(error), "set it to where people want to be told, or unset it")
        return
    yield ok("webhook", f"{ADDRESS} is an address" if given else f"{ADDRESS} is not set: nobody is told of failures")
