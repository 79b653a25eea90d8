"""What classify stands on is changed or goes away: one line, and nothing is committed that would be wrong."""

import hashlib
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nightsort.quarantine import Quarantine
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage
from tests.flows.commands import Said

Run = Callable[..., Said]


def edit(file: Path, **changes: Any) -> None:
    """Change fields of a JSON file."""
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def changed_weights(model: Path) -> None:
    flip(model / "weights.safetensors")


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = str(file)

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (self.file, "w")


def a_pickle(model: Path) -> None:
    """Under the name of the weights, and signed as they were."""
    data = pickle.dumps(Bomb(model / "owned"))
    (model / "weights.safetensors").write_bytes(data)
    edit(model / "bundle.json", weights_sha256=hashlib.sha256(data).hexdigest())
    shutil.rmtree(model / "openvino", ignore_errors=True)
    (model / "backends.json").unlink(missing_ok=True)


def other_classes(model: Path) -> None:
    edit(model / "bundle.json", classes=["blue", "green"])


def other_size(model: Path) -> None:
    edit(model / "bundle.json", image_size=32)


def other_preprocessing(model: Path) -> None:
    edit(model / "bundle.json", preprocessing="0123456789abcdef")


def no_card(model: Path) -> None:
    (model / "bundle.json").write_text("{}")


def no_temperature(model: Path) -> None:
    edit(model / "bundle.json", temperature=0)


def card_of_another(model: Path) -> None:
    edit(model / "bundle.json", version=7)


CHANGES = [  # each with torch, which reads the weights themselves; what OpenVINO reads is tests/scoring's
    (changed_weights, "weights.safetensors was changed: SHA-256"),
    (a_pickle, "weights.safetensors does not fit small_resnet: "),
    (other_classes, "does not fit small_resnet: "),
    (other_size, "was trained with preprocessing"),
    (other_preprocessing, "was trained with preprocessing 0123456789abcdef, this version"),
    (no_card, "bundle.json is damaged"),
    (no_temperature, "bundle.json is damaged (1 faults)"),
    (card_of_another, "bundle.json is the card of model 7"),
]


@pytest.mark.parametrize(("change", "said"), CHANGES, ids=lambda value: getattr(value, "__name__", None))
def test_a_champion_that_is_not_what_it_was(
    change: Callable[[Path], None], said: str, nightsort: Run, root: Path, pictures: Any, tmp_path: Path
) -> None:
    change(root / "models" / "1")
    drop = pictures.plain(tmp_path / "drop", 6)
    run = nightsort(
        "classify", drop.folder, "--storage", root, "--settle-seconds", 0, "--sample", 0, "--backend", "torch-fp32"
    )
    assert (run.code, run.out) == (2, [])
    assert len(run.err) == 1 and said in run.err[0] and "model 1" in run.err[0]
    assert not (root / "models" / "1" / "owned").exists(), "it was unpickled"
    assert Ledger(Storage(str(root))).count() == Quarantine(Storage(str(root))).count() == 0


@pytest.fixture
def after_first_commit(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Have something happen once the first chunk of predictions is committed."""

    def arrange(happen: Callable[[], None]) -> None:
        commit, done = Ledger.commit, []

        def commit_and_go(self: Ledger, *args: Any, **kwargs: Any) -> None:
            commit(self, *args, **kwargs)
            if not done:
                done.append(happen())

        monkeypatch.setattr(Ledger, "commit", commit_and_go)

    return arrange


def words(source: Path, root: Path) -> list[object]:
    return [
        "classify",
        source,
        "--storage",
        root,
        "--settle-seconds",
        0,
        "--sample",
        0,
        "--workers",
        1,
        "--chunk-size",
        4,
    ]


def labels(root: Path, source: Path) -> dict[str, str]:
    """Name to label of every prediction."""
    rows = Ledger(Storage(str(root))).predictions("path", "member", "label").to_pylist()
    assert len(rows) == len({(row["path"], row["member"]) for row in rows})
    return {row["member"] or Path(row["path"]).name: row["label"] for row in rows}


def zipped(folder: Path) -> Path:
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
    return folder.with_suffix(".zip")


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_source_that_vanishes_half_way(
    kind: str, nightsort: Run, root: Path, pictures: Any, tmp_path: Path, after_first_commit: Any
) -> None:
    drop = pictures.plain(tmp_path / "drop", 30)
    source = drop.folder if kind == "folder" else zipped(drop.folder)
    away = source.with_name("away")
    after_first_commit(lambda: source.rename(away))
    run = nightsort(*words(source, root))
    assert run.code in (1, 2)
    assert len(run.err) == 1 and str(source) in run.err[0]
    kept = labels(root, source)
    assert 0 < len(kept) < 30 and kept.items() <= drop.truth.items()
    away.rename(source)
    again = nightsort(*words(source, root))
    assert again.code == 0 and labels(root, source) == drop.truth
    assert Quarantine(Storage(str(root))).count() == 0, "a source that was away is no fault of its pictures"


def test_an_archive_that_is_cut_half_way(
    nightsort: Run, root: Path, pictures: Any, tmp_path: Path, after_first_commit: Any
) -> None:
    drop = pictures.plain(tmp_path / "drop", 30)
    source = zipped(drop.folder)
    whole = source.read_bytes()
    after_first_commit(lambda: source.write_bytes(whole[: len(whole) // 2]) and None)
    run = nightsort(*words(source, root))
    assert run.code in (0, 1, 2) and not any("Traceback" in line for line in run.err)
    kept = labels(root, source)
    assert 0 < len(kept) < 30 and kept.items() <= drop.truth.items()
    source.write_bytes(whole)
    again = nightsort(*words(source, root))
    assert again.code == 0 and labels(root, source) == drop.truth
