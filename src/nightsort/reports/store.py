"""Owns where reports lie: reports/<run_id>/report.html and report.json under the storage root.

Invariant: report.json is written last, so its existence means that the report is complete; a folder
without it is never read. Does not know what a report looks like.
"""

from pydantic import ValidationError

from nightsort.errors import StorageError
from nightsort.reports.data import Report
from nightsort.reports.render import to_html
from nightsort.storage import Storage

_ROOT = "reports"


def write(storage: Storage, report: Report) -> str:
    """Write the HTML, then the JSON that completes it.

    :return: location of the HTML, a path or URI
    :raises StorageError: the storage root cannot be written
    """
    page = f"{_ROOT}/{report.run_id}/report.html"
    storage.write_bytes(page, to_html(report).encode("utf-8"))
    storage.write_bytes(_data(report.run_id), report.model_dump_json(indent=1).encode("utf-8"))
    return storage.locate(page)


def location(report: Report) -> str:
    """Where the HTML of a report lies, a path or URI; empty for a skipped run, which leaves none."""
    return "" if report.state == "skipped" else Storage(report.storage).locate(f"{_ROOT}/{report.run_id}/report.html")


def latest(storage: Storage, n: int = 1, flow: str | None = None) -> list[Report]:
    """The newest complete reports, newest first; run ids sort by time.

    :param n: how many, at most
    :param flow: only reports of this flow
    :raises StorageError: a complete report cannot be read
    """
    found: list[Report] = []
    for run_id in sorted(storage.names(_ROOT), reverse=True):
        if len(found) >= n:
            break
        if storage.exists(_data(run_id)):
            report = _read(storage, run_id)
            if flow in (None, report.flow):
                found.append(report)
    return found


def _data(run_id: str) -> str:
    return f"{_ROOT}/{run_id}/report.json"


def _read(storage: Storage, run_id: str) -> Report:
    try:
        return Report.model_validate_json(storage.read_bytes(_data(run_id)))
    except ValidationError as error:
        raise StorageError(
            f"{storage.locate(_data(run_id))}: {error.error_count()} faults, first {error.errors()[0]['msg']!r}; "
            "remove this report's folder, nothing else refers to it"
        ) from error
