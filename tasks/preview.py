"""Owns a run that only looks ahead: what a flow would do, told by the stages of the flow itself.

Invariant: no lease is taken and no report made, and the storage root refuses to be written to; the scratch folder is
removed at the end. Does not know what is looked at.
"""

from types import TracebackType
from typing import NoReturn

from nightsort.config.run import RunParams
from nightsort.errors import WriteError
from nightsort.storage import Storage
from tasks.runs import Run


class _Untouched(Storage):
    """A storage root that can be read."""

    def _refuse(self, name: str, *_: object, **__: object) -> NoReturn:
        raise WriteError(f"{self.locate(name)}: could not be written (a dry run writes nothing)")

    write_bytes = create_bytes = remove = make_durable = _refuse


class Preview(Run):
    """A run that is not going to happen; a context manager.

    :param flow: name of the flow
    :param params: what it would be started with
    :raises StorageError: if the storage cannot be read, or was not put back whole
    """

    def __init__(self, flow: str, params: RunParams) -> None:
        super().__init__(flow, params)
        self.storage = _Untouched(params.storage)

    def __enter__(self) -> "Preview":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
