"""The demo: its pictures, and the whole of it as a person runs it."""

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome

from flows.actions.samples import Samples, copy_folder, write_digits
from nightsort.errors import PictureError, SourceError
from nightsort.images.decode import decode

Look = Callable[[Path], dict[str, str]]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return write_digits(tmp_path_factory.mktemp("digits") / "pictures")


def hashes(folder: Path) -> list[str]:
    """SHA-256 of every file below a folder and of every member of its archives."""
    found = []
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        if file.suffix == ".zip":
            with zipfile.ZipFile(file) as archive:
                found += [hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()]
        else:
            found.append(hashlib.sha256(file.read_bytes()).hexdigest())
    return found


def reason(file: Path) -> str:
    """Why a file cannot be decoded."""
    with pytest.raises(PictureError) as raised:
        decode(file.read_bytes(), 10**6)
    return raised.value.reason


def test_the_digits_are_the_same_every_time(digits: Samples, tmp_path: Path, fingerprint: Look) -> None:
    again = write_digits(tmp_path / "pictures")
    (again.labelled / "0" / "left-over.png").touch()
    again = write_digits(tmp_path / "pictures")
    assert fingerprint(again.labelled.parent) == fingerprint(digits.labelled.parent)
    assert again.truth == digits.truth


def test_the_labelled_digits_have_a_long_tail(digits: Samples) -> None:
    counts = [len(list((digits.labelled / str(digit)).iterdir())) for digit in range(10)]
    assert counts == sorted(counts, reverse=True)
    assert 17 < counts[0] / counts[9] < 23
    assert counts[9] >= 5


def test_no_picture_of_a_drop_is_labelled_or_in_another_drop(digits: Samples) -> None:
    known = set(hashes(digits.labelled))
    for drop in digits.drops:
        found = set(hashes(drop))
        assert found and not found & known
        known |= found


def test_the_first_drop_holds_what_every_real_drop_holds(digits: Samples) -> None:
    first, _, third = digits.drops
    assert reason(first / "cut-off.jpg") == "truncated"
    assert reason(first / "notes.png") == "not_an_image"
    assert reason(first / "nothing.png") == "empty"
    (copy,) = first.glob("copy-of-*")
    assert copy.read_bytes() == (first / copy.name.removeprefix("copy-of-")).read_bytes()
    assert [file.suffix for file in third.iterdir()] == [".zip"]


def test_the_truth_names_every_good_picture_of_the_drops(digits: Samples) -> None:
    first, second, third = digits.drops
    with zipfile.ZipFile(third / "night.zip") as archive:
        members = {Path(name).name for name in archive.namelist()}
    odd = {"cut-off.jpg", "notes.png", "nothing.png"}
    (copy,) = (file.name for file in first.glob("copy-of-*"))
    assert digits.truth[copy] == digits.truth[copy.removeprefix("copy-of-")], "either may be classified"
    files = {file.name for drop in (first, second) for file in drop.iterdir()}
    assert digits.truth.keys() == (files - odd) | members
    assert len(digits.truth) > 500 and set(digits.truth.values()) == {str(digit) for digit in range(10)}


def test_a_folder_of_ones_own_is_copied_and_left_alone(tmp_path: Path, pictures: Any, fingerprint: Look) -> None:
    own = pictures.labelled(tmp_path / "own", {"red": 20, "green": 10})
    (own / "red" / "deep").mkdir()
    (own / "red" / "deep" / "000.png").write_bytes(pictures.one("red", 900))  # a name that occurs twice
    (own / ".hidden").mkdir()
    (own / "red" / ".DS_Store").write_bytes(b"junk")
    before = fingerprint(own)
    samples = copy_folder(own, tmp_path / "demo" / "pictures")
    assert fingerprint(own) == before
    assert sorted(folder.name for folder in samples.labelled.iterdir()) == ["green", "red"]
    copied = [*hashes(samples.labelled), *(name for drop in samples.drops for name in hashes(drop))]
    assert set(copied) >= set(hashes(own)) - {hashlib.sha256(b"junk").hexdigest()}, "no picture is lost"
    for name, label in samples.truth.items():
        assert name.removeprefix("copy-of-").startswith(label)


@pytest.mark.parametrize(("data", "into"), [("own", "own/demo"), ("own", "."), ("own/red", "own"), ("own", "own")])
def test_a_folder_of_ones_own_is_never_written_into(
    data: str, into: str, tmp_path: Path, pictures: Any, fingerprint: Look
) -> None:
    pictures.labelled(tmp_path / "own", {"red": 4, "green": 4})
    before = fingerprint(tmp_path)
    with pytest.raises(SourceError, match="would write into it"):
        copy_folder(tmp_path / data, tmp_path / into)
    assert fingerprint(tmp_path) == before


def test_the_whole_demo(tmp_path: Path, environment: dict[str, str], chromium: Chrome) -> None:
    script = Path(sys.executable).parent / "nightsort"
    done = subprocess.run([script, "demo", "--json"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert [run["flow"] for run in told["runs"]] == ["ingest", "train", *["classify"] * 4]
    ingested, trained, first, again, second, archive = told["runs"]
    nights = [first, again, second, archive]
    assert all(run["balanced"] for run in [ingested, *nights]) and trained["promoted"]
    assert again["classified"] == again["quarantined"] == 0 and again["discovered"] == first["discovered"]
    assert (first["quarantined"], first["duplicate"]) == (3, 1)
    assert sum(run["classified"] for run in nights) == told["held_out"] > 500
    assert archive["classified"] == archive["discovered"] > 100
    assert told["macro_f1"] > 0.6 and told["accuracy"] > 0.6
    assert {file.name for file in tmp_path.iterdir()} == {"demo"}
    for run in told["runs"]:
        chromium.get(Path(run["report"]).resolve().as_uri())
        assert chromium.title
        assert [entry for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "pictures" / "labelled" / "0" / "mine.png"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with pytest.raises(SourceError, match="holds files that no demo made"):
        write_digits(tmp_path)
    assert mine.read_bytes() == b"mine"
