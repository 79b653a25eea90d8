"""Owns the cut: the state of a storage root at one instant, while runs go on writing.

Invariant: what the cut holds is what a kill -9 at that instant would have left, which the next run goes on from.
Does not know what becomes of the files.

Every run adds under names that are never given twice: entries of the logs, generations of the champion, models,
reports. Such names are listed twice; where nothing was added in between, they were all there at one instant between
the two (Afek et al. 1993, "Atomic snapshots of shared memory": the double collect).
"""

import re
import time
from dataclasses import dataclass

from nightsort.errors import StorageError
from nightsort.learning.registry import Registry
from nightsort.storage import Storage

TABLES = (
    "predictions",
    "copies",
    "quarantine",
    "dataset/examples",
    "dataset/images",
    "dataset/copies",
    "review/answers",
    "review/signals",
)
"""Every Delta table of a storage root."""

LEFT_OUT = ("leases", "checkpoints")
"""Who was at work must not be taken over from a copy; an unfinished training begins anew."""

_MADE_AGAIN = {"reports/index.html"}
_LOG = re.compile(r"(\d{20})\.(?:json|checkpoint\.parquet)")  # nothing else: the hint at the last checkpoint moves on
_TRIES = 100
_PAUSE = 0.2  # seconds


@dataclass(frozen=True)
class Cut:
    """What was there.

    :param tables: version of each table, -1 where there is none
    :param generations: moves of the champion
    :param models: complete ones
    :param reports: run ids
    """

    tables: dict[str, int]
    generations: frozenset[str]
    models: frozenset[str]
    reports: frozenset[str]

    def holds(self, name: str) -> bool:
        """Whether a file of the root belongs to the copy; files of data that no commit names yet may."""
        top, _, rest = name.partition("/")
        if top in LEFT_OUT or name in _MADE_AGAIN or not rest:
            return False
        table, log, entry = name.partition("/_delta_log/")
        if log:
            known = _LOG.fullmatch(entry)
            return known is not None and int(known[1]) <= self.tables.get(table, -1)
        if name.startswith("models/champion/"):
            return name.rpartition("/")[2] in self.generations
        if top == "models":
            return rest.partition("/")[0] in self.models
        return top != "reports" or "/" not in rest or rest.partition("/")[0] in self.reports


def cut(storage: Storage) -> Cut:
    """The state at one instant.

    :raises StorageError: if runs never let two looks see the same
    """
    last = _look(storage)
    for _ in range(_TRIES):
        if (now := _look(storage)) == last:
            return now
        last = now
        time.sleep(_PAUSE)
    raise StorageError(
        f"{storage.root}: changed between any two of {_TRIES} looks; start the backup when fewer runs are at work"
    )


def _look(storage: Storage) -> Cut:
    champion = storage.names("models/champion")
    return Cut(
        {table: _version(storage, table) for table in TABLES},
        frozenset(champion),
        frozenset(map(str, Registry(storage).versions())),
        frozenset(storage.names("reports")),
    )


def _version(storage: Storage, table: str) -> int:
    entries = map(_LOG.fullmatch, storage.names(f"{table}/_delta_log"))
    return max((int(entry[1]) for entry in entries if entry), default=-1)
