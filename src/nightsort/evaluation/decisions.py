"""Owns the record of what the gate said of a model, beside the model: models/<n>/decisions/<run>.json.

Invariant: a decision stays, whatever is decided later. Does not know what follows from it.
"""

from pydantic import AwareDatetime, ValidationError

from nightsort import clock
from nightsort.errors import ModelError
from nightsort.evaluation.scores import Decision
from nightsort.storage import Storage


class Recorded(Decision):
    """A decision, and which run made it when."""

    run_id: str
    when: AwareDatetime


def record(storage: Storage, version: int, run_id: str, decision: Decision) -> None:
    """Keep a decision about a model."""
    recorded = Recorded(**decision.model_dump(), run_id=run_id, when=clock.now())
    storage.write_bytes(f"{_folder(version)}/{run_id}.json", recorded.model_dump_json(indent=1).encode())


def decisions(storage: Storage, version: int) -> list[Recorded]:
    """Every decision about a model, oldest first; :class:`ModelError` if one is damaged."""
    return [_read(storage, f"{_folder(version)}/{name}") for name in storage.names(_folder(version))]


def _read(storage: Storage, place: str) -> Recorded:
    try:
        return Recorded.model_validate_json(storage.read_bytes(place))
    except ValidationError as error:
        raise ModelError(f"{storage.locate(place)}: is damaged ({error.error_count()} faults); delete it") from None


def _folder(version: int) -> str:
    return f"models/{version}/decisions"
