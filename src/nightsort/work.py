"""Owns the work on one chunk of a listing: the clock of its stages, and what becomes of rows that cannot be used.

Invariant: every row that is taken is settled, set aside with its reason, or deferred, once.
Does not know what settling is: an ingest builds a picture, a classification asks the model.
"""

import time
from abc import ABC, abstractmethod
from typing import Any

import pyarrow as pa

from nightsort import quarantine
from nightsort.errors import PictureError
from nightsort.sources.files import Access
from nightsort.sources.reader import read

Row = dict[str, Any]


class Work(ABC):
    """A chunk being worked on.

    :param flow: whose work it is, for quarantine rows; so is `run_id`
    :param since: when it began, by `time.perf_counter`
    """

    def __init__(self, flow: str, run_id: str, since: float) -> None:
        self.seen: set[str] = set()  # SHA-256 of what was settled
        self.repeated: list[Row] = []
        self.bad: list[Row] = []
        self.deferred = 0
        self.seconds: dict[str, float] = {}  # stage -> seconds of this thread
        self._flow = flow
        self._run_id = run_id
        self._since = since

    def lap(self, stage: str) -> None:
        """Put the time since the last lap down to a stage."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now

    def take_all(self, chunk: pa.Table, access: Access) -> None:
        """Read each row of a chunk once, and bring it to its outcome.

        :param chunk: rows of the schema LISTING, or of one that has its columns
        """
        for row, data in read(chunk, access):
            self.lap("read")
            if isinstance(data, bytes) and not row["member"] and row["size"] not in (None, len(data)):
                self.deferred += 1  # it changed after it was listed: somebody is still writing it
            else:
                self._take(row, data)

    def _take(self, row: Row, data: bytes | PictureError) -> None:
        try:
            if isinstance(data, PictureError):
                raise data
            self.settle(row, data)
        except PictureError as error:
            content = data if isinstance(data, bytes) else None
            self.bad.append(
                quarantine.row(row, error.reason, error.detail, flow=self._flow, run_id=self._run_id, content=content)
            )

    @abstractmethod
    def settle(self, row: Row, data: bytes) -> None:
        """Bring a row whose bytes could be read to its outcome; :class:`PictureError` sets it aside."""
