"""Owns where reports lie: reports/<run_id>/report.html, digest.json and report.json under the storage root.

Invariant: report.json is written last, so its existence means that the report is complete; a folder
without it is never read. The index of all reports follows. Does not know what a report looks like.
"""

import logging

from pydantic import ValidationError

from nightsort.errors import StorageError
from nightsort.reports import digest, index
from nightsort.reports.data import Report
from nightsort.reports.digest import ROOT
from nightsort.reports.render import to_html
from nightsort.storage import Storage


def write(storage: Storage, report: Report) -> str:
    """Write the HTML and the digest, then the JSON that completes it, then the index anew.

    A report whose index could not be written is complete all the same; the next one writes the index again.

    :return: location of the HTML, a path or URI
    :raises StorageError: the storage root cannot be written
    """
    page = f"{ROOT}/{report.run_id}/report.html"
    storage.write_bytes(page, to_html(report).encode("utf-8"))
    digest.write(storage, digest.of(report))
    storage.write_bytes(_data(report.run_id), report.model_dump_json(indent=1).encode("utf-8"))
    try:
        index.refresh(storage)
    except Exception as error:  # whatever ails the index, this run is done and its report is there
        logging.getLogger(__name__).warning("%s/index.html: %s: %s", ROOT, type(error).__name__, error)
    return storage.locate(page)


def location(report: Report) -> str:
    """Where the HTML of a report lies, a path or URI; empty for a skipped run, which leaves none."""
    return "" if report.state == "skipped" else Storage(report.storage).locate(f"{ROOT}/{report.run_id}/report.html")


def latest(storage: Storage, n: int = 1) -> list[Report]:
    """The newest complete reports, newest first; run ids sort by time.

    :param n: how many, at most
    :raises StorageError: a complete report cannot be read
    """
    found: list[Report] = []
    for run_id in reversed(digest.run_ids(storage)):
        if len(found) >= n:
            break
        if storage.exists(_data(run_id)):
            found.append(_read(storage, run_id))
    return found


def _data(run_id: str) -> str:
    return f"{ROOT}/{run_id}/report.json"


def _read(storage: Storage, run_id: str) -> Report:
    try:
        return Report.model_validate_json(storage.read_bytes(_data(run_id)))
    except ValidationError as error:
        raise StorageError(
            f"{storage.locate(_data(run_id))}: {error.error_count()} faults, first {error.errors()[0]['msg']!r}; "
            "remove this report's folder, nothing else refers to it"
        ) from error
