"""Owns a dataset's policy: what must stay the same for as long as the dataset lives.

Invariant: written once, with the first ingest; a later ingest that asks for something else is
refused, since pictures would change split or size.
Does not know the pictures.
"""

import hashlib
import re

from pydantic import BaseModel, ConfigDict, ValidationError

from nightsort.config.intake import IngestParams
from nightsort.errors import ConfigError, StorageError
from nightsort.images.clean import Cleaning
from nightsort.storage import Storage

_FILE = "dataset/dataset.json"
_BEGUN = "dataset/images/_delta_log"  # a first ingest that died before it kept a picture binds nobody


class Policy(BaseModel):
    """How pictures are cleaned and kept, and how split; see :class:`nightsort.config.intake.IngestParams`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    store_side: int = 256
    validation: float = 0.15
    test: float = 0.15
    group_by: str | None = None
    folder_splits: bool = False
    near_duplicates: int = 10
    cleaning: Cleaning = Cleaning()

    def captured(self, name: str) -> str | None:
        """What `group_by` captures of a picture's name; None if that is nothing."""
        match = re.search(self.group_by, name) if self.group_by else None
        return (match[min(1, match.re.groups)] or None) if match else None

    def split_of(self, group: str) -> str:
        """`train`, `validation` or `test`: a hash of the group alone, whatever else the dataset holds."""
        share = int.from_bytes(hashlib.sha256(f"split:{group}".encode()).digest()[:8]) / 2**64
        if share < self.test:
            return "test"
        return "validation" if share < self.test + self.validation else "train"


def load(storage: Storage) -> Policy | None:
    """The policy of the storage root's dataset; None if there is none yet."""
    try:
        return Policy.model_validate_json(storage.read_bytes(_FILE))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise StorageError(f"{storage.locate(_FILE)}: is damaged ({error.error_count()} faults)") from None


def agree(storage: Storage, params: IngestParams) -> Policy:
    """The policy to ingest under: the dataset's own, or a new one for the first ingest.

    :raises ConfigError: if the dataset was begun under another than is asked for; one line per difference
    """
    wanted = params.model_dump(include={*Policy.model_fields, *Cleaning.model_fields}, exclude_none=True)
    settled = load(storage)
    if not storage.exists(_BEGUN):  # from then on there are pixels, which the next run would take for its own
        cleaning = {name: wanted.pop(name) for name in Cleaning.model_fields if name in wanted}
        return Policy(**wanted, cleaning=Cleaning(**cleaning))
    if settled is None:
        raise StorageError(
            f"{storage.locate(_FILE)}: is missing, so new pictures cannot be split like the old; restore it"
        )
    begun = {**settled.model_dump(), **settled.cleaning.model_dump()}
    faults = [
        f"{name}: the dataset in {storage.root} was begun with {begun[name]!r}, which cannot change; got {value!r}"
        for name, value in wanted.items()
        if value != begun[name]
    ]
    if faults:
        raise ConfigError("\n".join(faults))
    return settled


def save(storage: Storage, policy: Policy) -> None:
    """Write the policy, before the first version is committed."""
    storage.write_bytes(_FILE, policy.model_dump_json(indent=1).encode())
