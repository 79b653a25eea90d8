"""The cut: one instant of a root, whatever is added between two looks at it."""

from typing import Any

import pytest

from nightsort.errors import StorageError
from nightsort.operations.backup import cut as cutting
from nightsort.operations.backup.cut import cut
from nightsort.storage import Storage


def growing_when_listed(patch: pytest.MonkeyPatch, made: Any, times: int) -> None:
    """Let a root grow, so many times, just after a look at its champion and before that at its tables."""
    names, number = Storage.names, 10

    def listed(self: Storage, folder: str) -> list[str]:
        nonlocal number
        found = names(self, folder)
        if folder == "models/champion" and number < 10 + times:
            made.grow(number := number + 1)
        return found

    patch.setattr(Storage, "names", listed)


def test_a_look_in_which_something_was_added_is_not_believed(
    root: Storage, growing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "_PAUSE", 0.0)
    with monkeypatch.context() as patch:
        growing_when_listed(patch, growing(root), 2)
        now = cut(root)
    assert now == cut(root)
    assert now.generations == {"1.json", "2.json", "11.json", "12.json"} and now.models == {"1", "2", "11", "12"}
    assert now.tables["dataset/images"] == now.tables["dataset/examples"] == 4  # from 0, the empty table
    assert now.tables["quarantine"] == -1


def test_a_root_that_never_stays_as_it_is_is_not_backed_up(
    root: Storage, growing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "_PAUSE", 0.0)
    monkeypatch.setattr(cutting, "_TRIES", 3)
    growing_when_listed(monkeypatch, growing(root), 99)
    with pytest.raises(StorageError, match="changed between any two of 3 looks"):
        cut(root)


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("dataset/images/_delta_log/00000000000000000002.json", True),
        ("dataset/images/_delta_log/00000000000000000003.json", False),
        ("dataset/images/_delta_log/00000000000000000003.checkpoint.parquet", False),
        ("dataset/images/_delta_log/_last_checkpoint", False),
        ("quarantine/_delta_log/00000000000000000000.json", False),
        ("dataset/images/run-1.parquet", True),
        ("dataset/dataset.json", True),
        ("models/2/weights.safetensors", True),
        ("models/3/weights.safetensors", False),
        ("models/champion/2.json", True),
        ("models/champion/3.json", False),
        ("reports/run/report.html", True),
        ("reports/later/report.html", False),
        ("reports/index.html", False),
        ("review/pictures/ab.png", True),
        ("studies/default.log", True),
        ("leases/dataset/7.json", False),
        ("checkpoints/key/state.safetensors", False),
        ("stray", False),
    ],
)
def test_what_came_after_the_cut_is_not_in_it(root: Storage, name: str, held: bool) -> None:
    assert cut(root).holds(name) is held
