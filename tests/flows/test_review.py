"""The commands that ask people and take in what they answer: from the export to the dataset, whatever interrupts."""

import csv
import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from flows.ingest import ingest
from nightsort.config.intake import IngestParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import WriteError
from nightsort.review.answers import Answers
from nightsort.review.labelled import Labelled
from nightsort.schema import PREDICTIONS
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage
from tests.flows.commands import Said
from tests.object_store import ObjectStore

Nightsort = Callable[..., Said]


def classified(storage: Storage, drop: Path, pictures: Any) -> dict[str, str]:
    """A ledger of eight pictures of a drop, two of them in an archive; what each is, by its SHA-256."""
    drop.mkdir()
    truth, rows = {}, []
    with zipfile.ZipFile(drop / "more.zip", "w") as archive:
        for number in range(8):
            label = ("red", "blue")[number % 2]
            data = pictures.one(label, 500 + number)
            inside = number > 5
            archive.writestr(f"{number}.png", data) if inside else (drop / f"{number}.png").write_bytes(data)
            digest = hashlib.sha256(data).hexdigest()
            truth[digest] = label
            rows.append(
                {
                    "sha256": digest, "model_version": 1, "size": len(data), "label": "red", "confidence": 0.6,
                    "path": str(drop / ("more.zip" if inside else f"{number}.png")), "runner_up": "=blue",
                    "member": f"{number}.png" if inside else "", "margin": 0.2, "run_id": "run-1",
                    "run_date": "2026-11-21", "classified_at": 1_800_000_000_000_000 + number,
                }
            )  # fmt: skip
    Ledger(storage).commit(pa.Table.from_pylist(rows, PREDICTIONS))
    return truth


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory, pictures: Any, inline_workers: Any) -> Path:
    """A storage root with a dataset of two classes."""
    folder = tmp_path_factory.mktemp("learned")
    source = pictures.labelled(folder / "labelled", {"red": 3, "blue": 3})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.ingest.Workers", inline_workers)
        ingest(IngestParams(source=str(source), storage=str(folder / "root"), settle_seconds=0))
    return folder / "root"


@pytest.fixture
def place(learned: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(learned, tmp_path / "place"))


@pytest.fixture
def truth(place: Path, tmp_path: Path, pictures: Any) -> dict[str, str]:
    return classified(Storage(str(place)), tmp_path / "drop", pictures)


def answered(exported: Path, file: Path, answers: dict[str, str]) -> Path:
    """The exported sheet, its column label filled; "skip" and "unusable" are verdicts."""
    with exported.open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        word = answers.get(row["sha256"], "")
        row["verdict" if word in ("skip", "unusable") else "label"] = word
        row["reviewer"] = "ann" if word else ""
    with file.open("w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.DictWriter(stream, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return file


def labels(storage: Storage) -> dict[str, str]:
    """What the dataset holds from review."""
    rows = Dataset(storage).examples(["sha256", "label", "path", "split"]).to_pylist()
    return {row["sha256"]: row["label"] for row in rows if "/review/" in row["path"] and row["split"] != "withheld"}


def test_what_is_asked_is_answered_learned_and_never_asked_again(
    nightsort: Nightsort, place: Path, tmp_path: Path, truth: dict[str, str]
) -> None:
    said = nightsort("review", "export", "--into", tmp_path / "out", "--count", 6, "--storage", place, "--json")
    assert (said.code, said.data["pictures"], said.data["unreadable"]) == (0, 6, 0)
    names = {"fiftyone", "index.html", "label-studio", "pictures", "queue.csv"}
    assert {file.name for file in (tmp_path / "out").iterdir()} == names
    asked = [file.stem for file in (tmp_path / "out" / "pictures").iterdir()]
    answers = {sha256: truth[sha256] for sha256 in asked[:4]} | {asked[4]: "unusable"}
    file = answered(tmp_path / "out" / "queue.csv", tmp_path / "done.csv", answers)
    shutil.rmtree(tmp_path / "out")
    done = nightsort("review", "import", file, "--storage", place, "--json")
    assert (done.code, done.data["answers"], done.data["not_answered"], done.data["in_dataset"]) == (0, 5, 1, 4)
    storage = Storage(str(place))
    assert labels(storage) == {sha256: truth[sha256] for sha256 in asked[:4]}
    rows = Answers(storage).of(asked)
    assert {row["tool"] for row in rows.values()} == {"csv"} and {row["file"] for row in rows.values()} == {"done.csv"}
    assert {(row["predicted"], row["model_version"], row["reviewer"]) for row in rows.values()} == {("red", 1, "ann")}
    assert all("margin" in row["reasons"] and len(row["file_sha256"]) == 64 for row in rows.values())
    state = nightsort("review", "--storage", place, "--json").data
    assert state == {
        "open": {"margin": 3, "disagreement": 0, "drift": 0, "audit": 3},
        "answered": 5,
        "by": {"ann": {"label": 4, "unusable": 1}},
    }
    again = nightsort("review", "export", "--into", tmp_path / "again", "--format", "csv", "--storage", place)
    left = {file.stem for file in (tmp_path / "again" / "pictures").iterdir()}
    assert again.code == 0 and left == truth.keys() - set(asked[:5])
    assert {file.name for file in (tmp_path / "again").iterdir()} == {"pictures", "queue.csv"}


def test_importing_again_changes_nothing_and_a_quarrel_waits_for_a_word(
    nightsort: Nightsort, place: Path, tmp_path: Path, truth: dict[str, str], fingerprint: Any
) -> None:
    nightsort("review", "export", "--into", tmp_path / "out", "--format", "csv", "--storage", place)
    file = answered(tmp_path / "out" / "queue.csv", tmp_path / "a.csv", truth)
    assert nightsort("review", "import", file, "--storage", place).code == 0

    def tables() -> dict[str, str]:
        return {name: digest for name, digest in fingerprint(place).items() if not name.startswith("leases/")}

    before = tables()
    again = nightsort("review", "import", file, "--storage", place, "--json").data
    assert (again["answers"], again["known"], again["in_dataset"]) == (0, 8, 8) and tables() == before
    one, other, third = list(truth)[:3]
    changed = truth | {one: "blue", other: "unusable"}
    assert truth[one] == "red"
    torn = answered(tmp_path / "out" / "queue.csv", tmp_path / "b.csv", changed)
    told = nightsort("review", "import", torn, "--storage", place)
    assert told.code == 0 and sum(line.startswith("conflict: ") for line in told.out) == 2 and tables() == before
    assert "ann had said red in a.csv" in "\n".join(told.out)
    over = nightsort("review", "import", torn, "--storage", place, "--overwrite", "true", "--json").data
    assert (over["answers"], over["withheld"], over["in_dataset"]) == (2, 1, 7)
    expected = changed | {third: truth[third]}
    assert labels(Storage(str(place))) == {sha256: word for sha256, word in expected.items() if word != "unusable"}


def test_a_fault_is_named_and_nothing_is_taken_in(
    nightsort: Nightsort, place: Path, tmp_path: Path, truth: dict[str, str]
) -> None:
    nightsort("review", "export", "--into", tmp_path / "out", "--format", "csv", "--storage", place)
    one, other = list(truth)[:2]
    file = answered(tmp_path / "out" / "queue.csv", tmp_path / "a.csv", {one: "red", other: "Bleu"})
    refused = nightsort("review", "import", file, "--storage", place)
    assert (refused.code, len(refused.err)) == (2, 1) and "did you mean 'blue'?" in refused.err[0]
    assert Answers(Storage(str(place))).counts() == {} and not (place / "review" / "pictures").exists()
    allowed = nightsort("review", "import", file, "--storage", place, "--new-classes", "Bleu", "--ingest", "false")
    assert allowed.code == 0 and labels(Storage(str(place))) == {}
    known = nightsort("review", "import", file, "--storage", place, "--new-classes", "Bleu", "--json").data
    assert (known["answers"], known["known"], known["in_dataset"]) == (0, 2, 2)
    assert nightsort("review", "import", tmp_path / "none.csv", "--storage", place).code == 2
    full = nightsort("review", "export", "--into", tmp_path / "out", "--storage", place)
    assert full.code == 2 and "is not empty" in full.err[0]


@pytest.mark.parametrize("step", ["Answers.take_in", "Labelled.write_manifest", "launch", "Labelled._keep"])
def test_an_import_that_was_cut_off_is_completed_by_the_next(
    nightsort: Nightsort,
    place: Path,
    tmp_path: Path,
    truth: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    nightsort("review", "export", "--into", tmp_path / "out", "--format", "csv", "--storage", place)
    file = answered(tmp_path / "out" / "queue.csv", tmp_path / "a.csv", truth)
    owner = {"Labelled": Labelled, "Answers": Answers}.get(step.partition(".")[0])
    whole = getattr(owner, step.partition(".")[2]) if owner else None
    calls = 0

    def cut(*words: Any) -> Any:
        nonlocal calls
        calls += 1
        if step == "Labelled._keep" and calls < 4 and whole:
            return whole(*words)
        raise WriteError("the power went out")

    with monkeypatch.context() as patch:
        patch.setattr(*((owner, step.partition(".")[2]) if owner else ("flows.actions.answering.launch",)), cut)  # type: ignore[call-overload]
        assert nightsort("review", "import", file, "--storage", place).code == 1
    done = nightsort("review", "import", file, "--storage", place, "--json")
    assert (done.code, done.data["in_dataset"]) == (0, 8) and labels(Storage(str(place))) == truth
    assert done.data["answers"] == (0 if step in ("Labelled.write_manifest", "launch") else 8)


def test_a_picture_that_is_gone_is_named_and_its_answer_kept(
    nightsort: Nightsort, place: Path, tmp_path: Path, truth: dict[str, str]
) -> None:
    (tmp_path / "drop" / "more.zip").unlink()
    said = nightsort("review", "export", "--into", tmp_path / "out", "--storage", place, "--json")
    assert (said.data["pictures"], said.data["unreadable"]) == (8, 2)
    with (tmp_path / "out" / "queue.csv").open(newline="", encoding="utf-8-sig") as stream:
        cells = [row["picture"] for row in csv.DictReader(stream)]
    assert sum(cell.startswith("cannot be read: ") for cell in cells) == 2
    assert len(json.loads((tmp_path / "out" / "label-studio" / "tasks.json").read_text())) == 6
    file = answered(tmp_path / "out" / "queue.csv", tmp_path / "a.csv", truth)
    done = nightsort("review", "import", file, "--storage", place)
    assert done.code == 0 and sum(line.startswith("cannot be learned: ") for line in done.out) == 2
    assert any("bring these pictures back" in line for line in done.out)
    assert nightsort("review", "--storage", place, "--json").data["open"]["audit"] == 0
    assert len(labels(Storage(str(place)))) == 6


def test_what_leads_nowhere_says_so_and_leaves_the_folder_free(
    nightsort: Nightsort, place: Path, tmp_path: Path, truth: dict[str, str]
) -> None:
    export = ("review", "export", "--into", tmp_path / "out", "--storage", place)
    none = nightsort(*export, "--run", "no-such-run", "--since", "2026-11-21")
    assert none.code == 0 and not (tmp_path / "out").exists()
    assert none.out == [f"no picture to look at in {place} of run no-such-run since 2026-11-21; nothing was written"]
    assert nightsort(*export, "--format", "csv").code == 0
    blank = nightsort("review", "import", tmp_path / "out" / "queue.csv", "--storage", place)
    assert blank.code == 0 and any("write a class into the column label" in line for line in blank.out)


def test_a_storage_root_in_a_bucket_is_no_different(
    nightsort: Nightsort, tmp_path: Path, pictures: Any, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")  # of the tables: this server has no certificate
    root = f"s3://{object_store.bucket}/root"
    truth = classified(Storage(root), tmp_path / "drop", pictures)
    some = dict(list(truth.items())[:3])
    file = tmp_path / "a.csv"
    file.write_text("\n".join(["sha256,label", *(f"{sha256},{label}" for sha256, label in some.items())]))
    words = ("review", "import", file, "--storage", root, "--new-classes", "red", "--new-classes", "blue", "--json")
    done = nightsort(*words).data
    assert (done["answers"], done["in_dataset"]) == (3, 3) and labels(Storage(root)) == some
    again = nightsort(*words).data
    assert (again["answers"], again["known"], again["in_dataset"]) == (0, 3, 3) and "ingest" not in again
