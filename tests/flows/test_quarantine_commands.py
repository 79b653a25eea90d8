"""The commands that keep a storage root in order: quarantine, datasets, audit, augment; what they say and exit with."""

import csv
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nightsort.dataset.versions import Dataset
from nightsort.leases import lease
from nightsort.storage import Storage
from tests.flows.commands import Said

Nightsort = Callable[..., Said]
REASONS = {"empty": 1, "not_an_image": 1, "truncated": 1}


@pytest.fixture
def source(tmp_path: Path, pictures: Any) -> Path:
    """Twelve labelled pictures and three bad ones."""
    folder: Path = pictures.labelled(tmp_path / "labelled", {"red": 6, "green": 6})
    jpeg = pictures.one("red", 77, ".jpg")
    for name, data in {"cut.jpg": jpeg[: len(jpeg) // 2], "notes.png": b"not a picture", "nothing.png": b""}.items():
        (folder / "red" / name).write_bytes(data)
    return folder


@pytest.fixture
def filled(tmp_path: Path, source: Path, nightsort: Nightsort) -> Path:
    """A storage root that has taken them in."""
    said = nightsort("ingest", source, "--storage", tmp_path / "root", "--settle-seconds", 0, "--json")
    assert (said.code, said.data["ingested"], said.data["quarantined"]) == (0, 12, 3)
    return tmp_path / "root"


def test_the_quarantine_is_listed_by_reason(nightsort: Nightsort, filled: Path, source: Path) -> None:
    whole = nightsort("quarantine", "list", "--storage", filled, "--json")
    assert (whole.code, whole.data["quarantined"], whole.data["reasons"]) == (0, 3, REASONS)
    one = nightsort("quarantine", "list", "--storage", filled, "--reason", "truncated", "--json").data
    assert [row["path"] for row in one["rows"]] == [str(source / "red" / "cut.jpg")]
    lines = nightsort("quarantine", "list", "--storage", filled, "--limit", 1).out
    assert lines[1:] == ["... and 2 more", "3 in quarantine, empty 1, not_an_image 1, truncated 1"]
    assert nightsort("quarantine", "--storage", filled, "--reason", "empty").out[-1] == "1 in quarantine, empty 1"


def test_an_export_is_the_original_bytes_with_an_index(
    nightsort: Nightsort, filled: Path, source: Path, tmp_path: Path
) -> None:
    said = nightsort("quarantine", "export", "--into", tmp_path / "bad", "--storage", filled, "--json")
    assert (said.code, said.data) == (0, {"rows": 3, "files": 3, "folder": str(tmp_path / "bad")})
    with (tmp_path / "bad" / "quarantine.csv").open(newline="") as file:
        index = {Path(row["path"]).name: row for row in csv.DictReader(file)}
    assert index.keys() == {"cut.jpg", "notes.png", "nothing.png"}
    for name, row in index.items():
        data = (tmp_path / "bad" / row["file"]).read_bytes()
        assert data == (source / "red" / name).read_bytes()
        assert row["sha256"] == hashlib.sha256(data).hexdigest() and row["label"] == "red"
    again = nightsort("quarantine", "export", "--into", tmp_path / "bad", "--storage", filled)
    assert (again.code, len(again.err), again.out) == (2, 1, []) and "is not empty" in again.err[0]
    cut = nightsort("quarantine", "export", "--into", tmp_path / "cut", "--storage", filled, "--reason", "truncated")
    assert (cut.code, len(list((tmp_path / "cut").rglob("*.jpg")))) == (0, 1)


def test_what_is_requeued_is_looked_at_again(
    nightsort: Nightsort, filled: Path, source: Path, pictures: Any, tmp_path: Path
) -> None:
    def ingest(*words: object) -> dict[str, Any]:
        said = nightsort("ingest", source, "--storage", filled, "--settle-seconds", 0, "--json", *words)
        assert said.code == 0 and said.data["balanced"]
        return {name: said.data[name] for name in ("ingested", "quarantined", "skipped")}

    assert ingest() == {"ingested": 0, "quarantined": 0, "skipped": 15}
    said = nightsort("quarantine", "requeue", "--reason", "truncated", "--storage", filled, "--json")
    assert (said.code, said.data) == (0, {"requeued": 1})
    assert ingest() == {"ingested": 0, "quarantined": 1, "skipped": 14}, "it is as it was"
    assert nightsort("quarantine", "--storage", filled, "--json").data["reasons"] == REASONS
    (source / "red" / "cut.jpg").write_bytes(pictures.one("red", 77, ".jpg"))
    assert nightsort("quarantine", "requeue", "--all", "--storage", filled, "--json").data == {"requeued": 3}
    assert ingest() == {"ingested": 1, "quarantined": 2, "skipped": 12}
    assert nightsort("quarantine", "requeue", "--reason", "bomb", "--storage", filled, "--json").data == {"requeued": 0}
    assert nightsort("quarantine", "requeue", "--all", "--storage", tmp_path / "none", "--json").data["requeued"] == 0


def test_versions_are_listed_and_compacted(nightsort: Nightsort, filled: Path, tmp_path: Path, pictures: Any) -> None:
    more = pictures.labelled(tmp_path / "more", {"red": 3, "blue": 2}, start=100)
    assert nightsort("ingest", more, "--storage", filled, "--settle-seconds", 0).code == 0
    said = nightsort("datasets", "--storage", filled, "--json")
    versions = said.data["versions"]
    totals = [{label: sum(splits.values()) for label, splits in item["counts"].items()} for item in versions]
    assert said.code == 0 and [item["version"] for item in versions] == [2, 1]
    assert totals == [{"blue": 2, "green": 6, "red": 9}, {"green": 6, "red": 6}]
    assert [item["counts"] for item in versions] == [Dataset(Storage(str(filled))).counts(v) for v in (2, 1)]
    lines = nightsort("datasets", "--storage", filled, "--limit", 1).out
    assert lines[0].startswith("version 2 ") and "17 pictures" in lines[0]
    assert [line.split()[0] for line in lines[1:]] == ["class", "blue", "green", "red"]
    compacted = nightsort("datasets", "--storage", filled, "--compact", "--json").data
    assert compacted["merged"] == 2 and compacted["versions"] == versions
    assert nightsort("datasets", "--storage", filled, "--compact", "--json").data["merged"] == 0
    assert nightsort("datasets", "--storage", tmp_path / "none").out == [
        "no dataset yet; run 'nightsort ingest FOLDER'"
    ]
    assert not (tmp_path / "none").exists()


def test_an_audit_says_what_leaks_and_changes_nothing(
    nightsort: Nightsort, root: Path, fingerprint: Callable[[Path], dict[str, str]]
) -> None:
    before = fingerprint(root / "dataset")
    said = nightsort("audit", "--storage", root, "--json")
    assert said.code == 0 and Path(said.data["report"]).is_file()
    assert fingerprint(root / "dataset") == before
    told = nightsort("audit", "--storage", root)
    leaks = [line.split(":")[0] for line in told.out if line.startswith("  leak, ")]
    ways = [f"  leak, {way} split, by {by}" for by in ("perceptual hash", "embedding") for way in ("random", "dataset")]
    assert (told.code, sorted(leaks)) == (0, sorted(ways))
    missing = nightsort("audit", "--storage", root, "--dataset-version", 7)
    assert (missing.code, len(missing.err)) == (2, 1) and "there are 1 to 1" in missing.err[0]


def test_augmenting_makes_a_version_of_copies_for_training_alone(nightsort: Nightsort, filled: Path) -> None:
    dataset = Dataset(Storage(str(filled)))
    before = dataset.counts()
    said = nightsort("augment", "--below", 9, "--operations", "rotate", "--operations", "flip", "--storage", filled)
    assert said.code == 0
    counts = dataset.counts(2)
    assert {label: splits["train"] for label, splits in counts.items()} == {"green": 9, "red": 9}
    for split in ("validation", "test"):
        assert [counts[label][split] for label in counts] == [before[label][split] for label in counts]
    listed = nightsort("datasets", "--storage", filled, "--json").data["versions"]
    added = sum(9 - splits["train"] for splits in before.values())
    assert [item["augmented"] for item in listed] == [added, 0]
    wrong = nightsort("augment", "--below", 9, "--operations", "sharpen", "--storage", filled)
    assert (wrong.code, len(wrong.err)) == (2, 1) and "operations" in wrong.err[0]


@pytest.mark.parametrize(
    ("words", "kind"), [("datasets --compact", "dataset"), ("quarantine requeue --all", "predictions")]
)
def test_nothing_is_changed_under_a_run(words: str, kind: str, nightsort: Nightsort, filled: Path) -> None:
    with lease.hold(Storage(str(filled)), kind):
        said = nightsort(*words.split(), "--storage", filled)
    assert (said.code, len(said.err)) == (1, 1) and said.err[0].startswith("nightsort: ")
    assert kind in said.err[0]
    assert nightsort("quarantine", "--storage", filled, "--json").data["quarantined"] == 3
    assert nightsort(*words.split(), "--storage", filled).code == 0
