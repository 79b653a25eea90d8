"""Owns which models there are and which one is the champion.

Invariant: version numbers only grow; the champion moves by compare-and-swap, so that a decision
made against an old champion cannot overwrite a newer one; every move is kept.
Does not know what is in a bundle beyond its card, or why a model should be the champion.

The alias is a row of numbered files, models/champion/<generation>.json, each made only if it was not there:
of two that move the champion at once, one finds its number taken, on a local disk as in an object store.
"""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from nightsort import clock, logs
from nightsort.errors import ModelError, StaleError
from nightsort.learning.card import Card, load_card
from nightsort.storage import Storage

_LOG = logs.logger("champion")
_ALIAS = "models/champion"

How = Literal["judged", "forced", "rolled back"]
"""How a model became champion."""


class Move(BaseModel):
    """One move of the champion."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    generation: int  # from 1; the largest counts
    version: int
    before: int | None  # champion until then
    when: AwareDatetime
    how: How
    who: str = ""
    why: str = ""
    run_id: str = ""

    @property
    def line(self) -> str:
        """The move in words."""
        who = f" by {self.who}" if self.who else ""
        return f"{self.how} {self.when:%Y-%m-%d %H:%M} UTC{who}" + (f": {self.why}" if self.why else "")


class Registry:
    """The models of a storage root."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def versions(self) -> list[int]:
        """Complete models, oldest first."""
        names = sorted(int(name) for name in self._storage.names("models") if name.isdecimal())
        return [number for number in names if self._storage.exists(f"models/{number}/bundle.json")]

    def require(self, version: int) -> int:
        """The version; :class:`ModelError` if there is no complete model of it."""
        if version not in (versions := self.versions()):
            there = f"there are {', '.join(map(str, versions))}" if versions else "run 'nightsort train' first"
            raise ModelError(f"model {version}: is not in {self._storage.root}; {there}")
        return version

    def next_version(self) -> int:
        """A number that no model has, complete or not."""
        return 1 + max((int(name) for name in self._storage.names("models") if name.isdecimal()), default=0)

    def cards(self, notes: list[str] | None = None) -> list[Card]:
        """The card of every complete model, oldest first.

        :param notes: is told of every model that cannot be read, which is left out
        :raises ModelError: without notes, if one cannot be read
        """
        found = []
        for version in self.versions():
            try:
                found.append(load_card(self._storage, version))
            except ModelError as error:
                if notes is None:
                    raise
                notes.append(f"left out: {error}")
        return found

    def champion(self) -> int | None:
        """Version of the champion; None while there is none."""
        alias = self.alias()
        return alias.version if alias else None

    def require_champion(self) -> int:
        """Version of the champion; :class:`ModelError` while there is none."""
        version = self.champion()
        if version is None and (tried := self.versions()):
            raise ModelError(
                f"no champion in {self._storage.root}: none of its models ({len(tried)}) was promoted; the report of "
                "the last training says why, and more pictures of each class help most; 'nightsort models promote N' "
                "judges one anew, and --force with --why goes past the gate"
            )
        if version is None:
            raise ModelError(f"no champion in {self._storage.root} yet; run 'nightsort train' first")
        return version

    def alias(self) -> Move | None:
        """The last move, which says who is champion; None while there is none.

        :raises ModelError: if it is damaged
        """
        generations = self._generations()
        return self._move(generations[-1]) if generations else None

    def history(self) -> list[Move]:
        """Every move of the champion, oldest first."""
        return [self._move(generation) for generation in self._generations()]

    def predecessor(self) -> int | None:
        """Whom a rollback makes champion: the one before, of those that were not rolled back; None without one."""
        line: list[int] = []
        for move in self.history():
            line = line[:-1] if move.how == "rolled back" else [*line, move.version]
        return line[-2] if len(line) > 1 else None

    def promote(
        self, version: int, expected: Move | None, how: How = "judged", who: str = "", why: str = "", run_id: str = ""
    ) -> Move:
        """Make a model the champion if the last move still is the expected one.

        :param expected: the :meth:`alias` that the decision was made against
        :raises StaleError: if the champion was moved since
        :raises ModelError: if it is judged, and older than the champion
        """
        if how == "judged" and expected and version <= expected.version:
            raise ModelError(f"model {version}: is not newer than champion {expected.version}; roll back, or use force")
        move = Move(
            generation=expected.generation + 1 if expected else 1, version=version,
            before=expected.version if expected else None, when=clock.now(), how=how, who=who, why=why, run_id=run_id,
        )  # fmt: skip
        if (now := self.alias()) != expected:
            raise _overtaken(version, expected, now)
        try:
            self._storage.create_bytes(_name(move.generation), move.model_dump_json(indent=1).encode())
        except FileExistsError:
            raise _overtaken(version, expected, self.alias()) from None
        _LOG.info("champion is model %d: %s", version, move.line, extra={"model_version": version, "how": how})
        return move

    def _generations(self) -> list[int]:
        names = (name.removesuffix(".json") for name in self._storage.names(_ALIAS) if name.endswith(".json"))
        return sorted(int(name) for name in names if name.isdecimal())

    def _move(self, generation: int) -> Move:
        place = _name(generation)
        try:
            move = Move.model_validate_json(self._storage.read_bytes(place))
        except ValidationError as error:
            raise ModelError(
                f"{self._storage.locate(place)}: is damaged ({error.error_count()} faults); delete it, and the "
                "champion is the one before"
            ) from None
        if move.generation != generation:
            raise ModelError(f"{self._storage.locate(place)}: is move {move.generation} of the champion; rename it")
        return move


def _name(generation: int) -> str:
    return f"{_ALIAS}/{generation}.json"


def _overtaken(version: int, expected: Move | None, now: Move | None) -> StaleError:
    was, is_now = (move.version if move else None for move in (expected, now))
    moved = f"the champion is {is_now}" if was != is_now else f"it was moved away from {was} and back"
    return StaleError(
        f"model {version} was judged against champion {was}, but by now {moved}; "
        f"judge it anew with 'nightsort models promote {version}'"
    )
