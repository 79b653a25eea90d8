"""Nights of drops, at random, against a ledger that is two dictionaries: what is read, and what comes of it."""

import hashlib
import itertools
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from nightsort import quarantine
from nightsort.quarantine import Quarantine
from nightsort.schema import COPIES, LISTING, PREDICTIONS, QUARANTINE
from nightsort.scoring.ledger import Ledger
from nightsort.sources.contents import is_in
from nightsort.storage import Storage

Place = tuple[str, str]  # path and member
State = tuple[str, str, int, str]  # and size and stamp
PATHS = ["a.jpg", "b.jpg", "c/a.jpg", "x.zip", "y.zip"]
BAD = "3"  # a content that cannot be decoded
CONTENTS = st.sampled_from("0123")
CHANGES = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(PATHS[:3]), st.fixed_dictionaries({"": CONTENTS})),
    st.tuples(
        st.just("write"), st.sampled_from(PATHS[3:]), st.dictionaries(st.sampled_from("mno"), CONTENTS, min_size=1)
    ),
    st.tuples(st.sampled_from(["copy", "move"]), st.sampled_from(PATHS), st.sampled_from(PATHS)),
    st.tuples(st.sampled_from(["touch", "remove"]), st.sampled_from(PATHS), st.none()),
)
NIGHTS = st.lists(
    st.tuples(st.lists(CHANGES, max_size=4), st.sampled_from([None, None, 1, 2]), st.integers(1, 4), st.booleans()),
    min_size=1,
    max_size=5,
)


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


@dataclass
class Folder:
    """What lies in the folder that is classified every night."""

    files: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)  # path -> stamp, member -> content
    clock: Any = field(default_factory=lambda: map(str, itertools.count(1)))

    def change(self, what: str, path: str, with_: Any) -> None:
        """Do what people do with files; a store that gives no stamps has one file."""
        if what == "write":
            self.files[path] = ("" if path == "b.jpg" else next(self.clock), with_)
        elif path in self.files and path != with_:
            stamp, members = self.files[path]
            if what in ("copy", "move") and (path in PATHS[:3]) == (with_ in PATHS[:3]):
                self.files[with_] = (stamp if what == "move" else next(self.clock), members)
            elif what == "touch":
                self.files[path] = (next(self.clock), members)
            if what in ("move", "remove"):
                del self.files[path]

    def states(self) -> dict[State, str]:
        """Every picture with its content; contents of one size are told apart by the stamp alone."""
        return {
            (path, member, 7, stamp): content
            for path, (stamp, members) in sorted(self.files.items())
            for member, content in sorted(members.items())
        }


@dataclass
class Naive:
    """The ledger by the book."""

    outcomes: dict[str, set[int]] = field(default_factory=dict)  # content -> models; of what is bad, every model
    seen: dict[State, list[tuple[str, int]]] = field(default_factory=dict)  # content and model, 0 for a copy
    last: dict[Place, str] = field(default_factory=dict)

    def has(self, content: str, under: int | None) -> bool:
        models = self.outcomes.get(content, set())
        return bool(models) and (under is None or under in models or content == BAD)

    def is_unchanged(self, state: State, under: int | None) -> bool:
        said = self.seen.get(state, [])
        return bool(state[3]) and any(
            self.has(content, under) and (model in (0, under) or under is None or content == BAD)
            for content, model in said
        )

    def note(self, state: State, content: str, model: int) -> None:
        if model:
            self.outcomes.setdefault(content, set()).add(model)
        if model or state[3]:
            self.seen.setdefault(state, []).append((content, model))
            self.last[state[:2]] = content


def row_of(state: State, content: str, model: int) -> dict[str, Any]:
    return {
        **dict(zip(("path", "member", "size", "stamp"), state, strict=True)),
        "sha256": sha(content), "model_version": model, "preprocessing": "p1", "label": "crack", "run_id": "run",
        "classified_at": datetime.now(UTC), "run_date": f"2026-11-{20 + model}",
    }  # fmt: skip


def look(ledger: Ledger, naive: Naive, states: list[State], under: int | None, size: int) -> list[State]:
    """What is to be read, asked for in slices."""
    rows = []
    for start in range(0, len(states), size):
        items = [row_of(state, "", 0) for state in states[start : start + size]]
        rows += ledger.unchanged(pa.Table.from_pylist(items, schema=LISTING), under).to_pylist()
    for state, row in zip(states, rows, strict=True):
        assert (row["outcome"] == "skipped") == naive.is_unchanged(state, under)
        before = naive.last.get(state[:2])
        assert row["last_sha256"] == (before and sha(before))
    return [state for state, row in zip(states, rows, strict=True) if row["outcome"] is None]


def classify(storage: Storage, naive: Naive, todo: dict[State, str], under: int | None, known: str) -> None:
    """What workers and the driver do with what is new, in the ledger and in the naive one."""
    chunk: dict[str, list[dict[str, Any]]] = {"bad": [], "predicted": [], "copies": []}
    started, model = Naive({content: set(models) for content, models in naive.outcomes.items()}), under or 1
    first: set[str] = set()
    for state, content in todo.items():
        assert is_in(known, sha(content)) == started.has(content, under)
        row = row_of(state, content, model)
        if is_in(known, sha(content)) or content in first:
            chunk["copies"].append(row)
            naive.note(state, content, 0)
            continue
        first.add(content)
        bad = quarantine.row(row, "corrupt", "d", flow="classify", run_id="run")
        chunk["bad" if content == BAD else "predicted"].append(bad if content == BAD else row)
        naive.note(state, content, model)
    Quarantine(storage).append(pa.Table.from_pylist(chunk["bad"], schema=QUARANTINE))
    Ledger(storage).commit(pa.Table.from_pylist(chunk["predicted"], schema=PREDICTIONS))
    Ledger(storage).remember(pa.Table.from_pylist(chunk["copies"], schema=COPIES))


@settings(max_examples=15)
@given(NIGHTS)
def test_what_is_unchanged_is_not_read_and_what_is_new_is_classified_once(nights: list[Any]) -> None:
    naive, folder = Naive(), Folder()
    with tempfile.TemporaryDirectory() as scratch:
        storage = Storage(f"{scratch}/storage")
        ledger = Ledger(storage)
        for changes, under, size, tidy in nights:
            for change in changes:
                folder.change(*change)
            states = folder.states()
            todo = look(ledger, naive, list(states), under, size)
            assert all(naive.has(states[state], under) for state in states.keys() - todo), "skipped, and not new"
            known = ledger.write_contents(Path(scratch), under)
            classify(storage, naive, {state: states[state] for state in todo}, under, known)
            if tidy:
                ledger.tidy()
            again = look(ledger, naive, list(states), under, size)
            assert not any(state[3] for state in again), "read once more though nothing changed"
            keys = ledger.predictions("sha256", "model_version", "preprocessing").to_pylist()
            expected = [(sha(c), m, "p1") for c, models in naive.outcomes.items() if c != BAD for m in models]
            assert Counter(tuple(key.values()) for key in keys) == Counter(expected)
