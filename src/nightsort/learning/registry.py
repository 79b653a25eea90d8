"""Owns which models there are and which one is the champion.

Invariant: version numbers only grow; the champion moves by compare-and-swap, so that a decision
made against an old champion cannot overwrite a newer one.
Does not know what is in a bundle beyond its card.
"""

import json

from nightsort.errors import ModelError
from nightsort.learning.card import Card, load_card
from nightsort.storage import Storage

_ALIAS = "models/champion.json"


class Registry:
    """The models of a storage root."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def versions(self) -> list[int]:
        """Complete models, oldest first."""
        names = sorted(int(name) for name in self._storage.names("models") if name.isdecimal())
        return [number for number in names if self._storage.exists(f"models/{number}/bundle.json")]

    def next_version(self) -> int:
        """A number that no model has, complete or not."""
        return 1 + max((int(name) for name in self._storage.names("models") if name.isdecimal()), default=0)

    def cards(self) -> list[Card]:
        """The card of every complete model, oldest first."""
        return [load_card(self._storage, version) for version in self.versions()]

    def champion(self) -> int | None:
        """Version of the champion; None while there is none."""
        try:
            return int(json.loads(self._storage.read_bytes(_ALIAS))["version"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, OverflowError):
            raise ModelError(f"{self._storage.locate(_ALIAS)}: is damaged; expected {{'version': N}}") from None

    def require_champion(self) -> int:
        """Version of the champion; :class:`ModelError` while there is none."""
        version = self.champion()
        if version is None and (tried := self.versions()):
            raise ModelError(
                f"no champion in {self._storage.root}: the gate has refused all its models so far ({len(tried)}); "
                "the report of the last training says why; more pictures of each class help most"
            )
        if version is None:
            raise ModelError(f"no champion in {self._storage.root} yet; run 'nightsort train' first")
        return version

    def promote(self, version: int, expected: int | None) -> None:
        """Make a model the champion if `expected` still is; the caller holds the lease `models`.

        :raises ModelError: if the champion is another one by now
        """
        if (now := self.champion()) != expected:
            raise ModelError(f"model {version} was judged against champion {expected}, but the champion is {now}")
        self._storage.write_bytes(_ALIAS, json.dumps({"version": version}).encode())
