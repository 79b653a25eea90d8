"""Owns the check of what is installed, against what this release of Nightsort asks for.

Invariant: the floors and caps come from the release's own metadata; nothing is imported to learn its version.
Does not know why a package is needed.
"""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from nightsort.operations import gpus
from nightsort.operations.checks.finding import Finding, fail, ok, warn

_OPENCV = ("opencv-python", "opencv-contrib-python", "opencv-python-headless", "opencv-contrib-python-headless")
_PIXELS = "OPENCV_IO_MAX_IMAGE_PIXELS"
_LEAST_PIXELS = 2**30  # OpenCV's own limit
_REINSTALL = "install again from requirements.lock"


def packages() -> Iterator[Finding]:
    """Versions of Python and of every package that Nightsort names, the extras that are there included."""
    yield _python()
    required, extras = _requirements()
    missing = [str(item) for item in required if _installed(item.name) is None]
    wrong = [item for item in required + extras if not _fits(item)]
    if missing:
        yield fail("packages", f"not installed: {', '.join(missing)}", _REINSTALL)
    for item in wrong:
        yield fail("packages", f"{item.name} {_installed(item.name)} is installed, wanted {item.specifier}", _REINSTALL)
    if not missing and not wrong:
        there = sum(_installed(item.name) is not None for item in extras)
        caps = ", ".join(
            f"{item.name} {_installed(item.name)} ({item.specifier})" for item in required if _capped(item)
        )
        yield ok("packages", f"{len(required)} packages and {there} of extras fit{'; ' if caps else ''}{caps}")
    yield from _opencv()
    yield from _openvino()


def _python() -> Finding:
    here, wanted = platform.python_version(), distribution("nightsort").metadata["Requires-Python"] or ""
    if SpecifierSet(wanted).contains(here, prereleases=True):
        return ok("python", f"Python {here}, Nightsort {version('nightsort')} on {platform.platform()}")
    return fail("python", f"Python {here} is running, wanted {wanted}", "make the environment with a newer Python")


def _requirements() -> tuple[list[Requirement], list[Requirement]]:
    """What Nightsort needs, and what its extras do."""
    named = [Requirement(line) for line in distribution("nightsort").requires or []]
    required = [item for item in named if item.marker is None or item.marker.evaluate({"extra": ""})]
    return required, [item for item in named if item not in required]


def _fits(item: Requirement) -> bool:
    there = _installed(item.name)
    return there is None or item.specifier.contains(there, prereleases=True)


def _capped(item: Requirement) -> bool:
    return any(part.operator.startswith("<") for part in item.specifier)


def _installed(name: str) -> str | None:
    try:
        return version(canonicalize_name(name))
    except PackageNotFoundError:
        return None


def _opencv() -> Iterator[Finding]:
    there = [f"{name} {found}" for name in _OPENCV if (found := _installed(name))]
    if len(there) > 1:
        remedy = f"uninstall all of them, then {_REINSTALL}"
        yield fail("opencv", f"{' and '.join(there)} are installed, and write over each other's files", remedy)
    limit = os.environ.get(_PIXELS, "")
    if limit.isdecimal() and int(limit) < _LEAST_PIXELS:
        yield warn("opencv", f"{_PIXELS}={limit}: larger pictures will be quarantined", f"unset {_PIXELS}")


def _openvino() -> Iterator[Finding]:
    if _installed("openvino") is None and not gpus.seen():
        told = "OpenVINO is not installed: torch computes on this processor, at a third of the speed or less"
        yield warn("openvino", told, "pip install 'nightsort[openvino]'")
