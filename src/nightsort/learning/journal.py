"""Owns the journal of a study in an object store, to which nothing can be appended: one object for each entry.

Invariant: an entry is made only under a number that was free, and numbers have no gaps, so that every process
reads the same entries in the same order. Does not know what they say.

    <place>/<number>.json
"""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

from optuna.storages.journal import BaseJournalBackend

from nightsort.storage import Storage


class ObjectJournal(BaseJournalBackend):
    """The entries below a place.

    :param place: URI
    """

    def __init__(self, place: str) -> None:
        self._storage = Storage(place)
        self._next = 0

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """The entries from a number on."""
        names = self._storage.names("")
        for number in range(log_number_from, len(names)):
            entry: dict[str, Any] = json.loads(self._storage.read_bytes(f"{number}.json"))
            self._next = number + 1
            yield entry

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write entries behind the last; :class:`WriteError` if the storage fails."""
        for log in logs:
            data = json.dumps(log).encode()
            self._next = next(number + 1 for number in count(self._next) if self._is_ours(number, data))

    def _is_ours(self, number: int, data: bytes) -> bool:
        try:
            self._storage.create_bytes(f"{number}.json", data)
        except FileExistsError:
            return False
        return True
