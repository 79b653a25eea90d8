"""The command line: one line for each mistake, exit codes, JSON, and the commands that only look."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nightsort.config.intake import ClassifyParams
from nightsort.leases import lease
from nightsort.storage import Storage
from tests.flows.commands import Said

KEYS = {"run_id", "discovered", "quarantined", "duplicate", "deferred", "skipped", "balanced", "report"}
THREE_MISTAKES = """
storage: data
compute:
  workers: -1
pipelines:
  nightly:
    flow: classify
    parameters: {source: incoming, batch_size: 0}
    schedule: {cron: every night}
"""


@pytest.fixture
def bad(tmp_path: Path, pictures: Any) -> dict[str, Path]:
    """Places that cannot be used."""
    places = {name: tmp_path / "bad" / name for name in ("missing", "empty", "unlabelled", "file", "good")}
    places["empty"].mkdir(parents=True)
    places["unlabelled"].mkdir()
    (places["unlabelled"] / "a.png").write_bytes(pictures.one("red", 0))
    pictures.labelled(places["good"], {"red": 3, "green": 3})
    places["file"].write_text("not a folder")
    places["below-file"] = places["file"] / "storage"
    (tmp_path / "bad" / "three.yaml").write_text(THREE_MISTAKES)
    places["three"] = tmp_path / "bad" / "three.yaml"
    return places


MISTAKES = [
    ("ingest {missing}", ["does not exist"]),
    ("ingest {empty}", ["is empty"]),
    ("ingest {unlabelled}", ["no picture has a label; expected SOURCE/<class>/picture.jpg, or --manifest"]),
    ("ingest {good} --manifest {missing}.csv", ["manifest {missing}.csv: does not exist; give a file"]),
    ("ingest {good} --rules blurry", ["< <= > >=; got 'blurry'"]),
    ("quarantine requeue", ["--reason REASON or --all"]),
    ("quarantine export --into {good}", ["is not empty"]),
    ("augment", ["below: is required"]),
    ("audit", ["is empty; run 'nightsort ingest"]),
    ("ingest {file}", ["is a single file"]),
    ("ingest {good} --storage {below-file}", ["{below-file}"]),
    ("classify {good} --storage {below-file}", ["{below-file}"]),
    ("train --storage {below-file}", ["{below-file}"]),
    ("retrain --storage {below-file}", ["{below-file}"]),
    ("ingest", ["SOURCE"]),
    ("ingest {good} --test 0.9", ["test: must be less than 0.5, got '0.9'"]),
    ("ingest {good} --group-by (", ["group_by"]),
    ("train", ["is empty; run 'nightsort ingest"]),
    ("train --epochs 0", ["epochs: must be greater than or equal to 1, got '0'"]),
    ("train --balance magic", ["balance"]),
    ("train --epochs 0 --seed x", ["epochs", "seed"]),
    ("train --dataset-version 7", ["is empty"]),
    ("retrain", ["is empty"]),
    ("retrain --source {missing}", ["does not exist"]),
    ("classify {good}", ["no champion in"]),
    ("classify {missing}", [""]),
    ("classify {good} --no-such-option 1", ["--no-such-option"]),
    ("classfy {good}", ["classfy"]),
    ("run nightly", ["pipelines.yaml"]),
    ("run nightly --config {three}", ["compute.workers", "schedule.cron", "parameters.batch_size"]),
    ("check --config {three}", ["compute.workers", "schedule.cron", "parameters.batch_size"]),
    ("check", ["pipelines.yaml"]),
    ("check --config {missing}", ["{missing}"]),
    ("check --config {empty}", ["{empty}"]),
    ("status --config {missing}", ["{missing}"]),
    ("up --config {three}", ["compute.workers", "schedule.cron", "parameters.batch_size"]),
    ("deploy --config {missing}", ["{missing}"]),
    ("report", ["holds no report yet"]),
    ("quarantine --limit many", ["--limit"]),
    ("demo --data {missing}", ["is not a folder"]),
    ("demo --data {empty}", ["holds no pictures in folders"]),
]


@pytest.mark.parametrize(("words", "expected"), MISTAKES, ids=[words for words, _ in MISTAKES])
def test_a_mistake_is_one_line_and_writes_nothing(
    words: str, expected: list[str], nightsort: Callable[..., Said], bad: dict[str, Path], tmp_path: Path
) -> None:
    said = nightsort(*(word.format(**bad) for word in words.split()))
    assert said.code == 2
    assert len(said.err) == len(expected), said.err
    for line in said.err:
        assert line.startswith("nightsort: ") and "Traceback" not in line
    for part in expected:
        assert any(part.format(**bad) in line for line in said.err), said.err
    assert said.out == []
    assert list((tmp_path / "here").iterdir()) == []


def test_a_mistake_is_an_object_too_with_json(nightsort: Callable[..., Said], bad: dict[str, Path]) -> None:
    said = nightsort("ingest", bad["missing"], "--json")
    assert (said.code, len(said.err), len(said.out)) == (2, 1, 1)
    assert said.data["state"] == "failed" and "does not exist" in said.data["error"]


def test_the_loop_by_commands(
    nightsort: Callable[..., Said], tmp_path: Path, root: Path, trained: Any, pictures: Any
) -> None:
    drop = pictures.mixed(tmp_path / "drop")
    words = ("--storage", root, "--json", "--settle-seconds", 0)
    ingested = nightsort("ingest", trained.labelled, *words)
    assert (ingested.code, len(ingested.out)) == (0, 1)
    assert ingested.data.keys() >= KEYS | {"ingested"}
    assert (ingested.data["ingested"], ingested.data["skipped"], ingested.data["balanced"]) == (0, 120, True)

    classified = nightsort("classify", drop.folder, *words)
    assert (classified.code, len(classified.out)) == (0, 1)
    assert classified.data.keys() >= KEYS | {"classified"}
    expected = {"classified" if name == "done" else name: count for name, count in drop.tally.items()}
    assert classified.data | expected == classified.data
    assert Path(classified.data["report"]).is_file() and classified.data["balanced"] is True

    again = nightsort("classify", drop.folder, *words).data
    assert (again["classified"], again["balanced"]) == (0, True)

    status = nightsort("status", "--storage", root, "--json").data
    assert (status["champion"], status["labelled"], status["classified"], status["quarantined"]) == (1, 120, 12, 3)
    assert [run["run_id"] for run in status["runs"]][:2] == [again["run_id"], classified.data["run_id"]]
    assert nightsort("report", "--storage", root, "--json").data["run_id"] == again["run_id"]
    aside = nightsort("quarantine", "--storage", root, "--limit", 2)
    assert aside.out[2:] == ["... and 1 more", "3 in quarantine, empty 1, not_an_image 1, truncated 1"]
    assert nightsort("quarantine", "--storage", root, "--json").data["reasons"] == {
        "empty": 1,
        "not_an_image": 1,
        "truncated": 1,
    }


def test_without_json_a_person_reads_lines(
    nightsort: Callable[..., Said], tmp_path: Path, root: Path, pictures: Any
) -> None:
    drop = pictures.plain(tmp_path / "drop", 3)
    said = nightsort("classify", drop.folder, "--storage", root, "--settle-seconds", 0, "--sample", 0)
    assert said.code == 0 and said.err == []
    assert said.out[0].startswith("classify completed in ")
    assert "3 discovered = 3 classified + 0 quarantined + 0 duplicate + 0 deferred + 0 skipped" in said.out[1]
    assert nightsort("report", "--storage", root).out == [
        said.out[-1].removeprefix("  report: "),
        f"all reports: {root}/reports/index.html",
    ]


def test_models_marks_the_champion(nightsort: Callable[..., Said], root: Path, tmp_path: Path) -> None:
    said = nightsort("models", "--storage", root, "--json")
    assert (said.data["champion"], [item["version"] for item in said.data["models"]]) == (1, [1])
    line, standing = nightsort("models", "--storage", root).out
    assert line.startswith("*   1  ") and "small_resnet" in line
    assert nightsort("models", "--storage", tmp_path / "none").out == ["no model yet; run 'nightsort train'"]
    assert standing.startswith("champion 1: judged ") and ": first champion: macro-F1" in standing


def test_looking_at_nothing_yet_writes_nothing(nightsort: Callable[..., Said], tmp_path: Path) -> None:
    for command in ("status", "models", "quarantine"):
        assert nightsort(command, "--storage", tmp_path / "none").code == 0
    assert nightsort("status", "--storage", tmp_path / "none", "--json").data["champion"] is None
    assert not (tmp_path / "none").exists() and list((tmp_path / "here").iterdir()) == []


def test_a_moved_storage_root_knows_its_reports(nightsort: Callable[..., Said], root: Path) -> None:
    """The fixture's root was copied from where it was trained."""
    place, _ = nightsort("report", "--storage", root).out
    assert Path(place).is_relative_to(root) and Path(place).is_file()


def test_a_failed_run_exits_with_one(nightsort: Callable[..., Said], tmp_path: Path, root: Path) -> None:
    (tmp_path / "drop").mkdir()
    for number in range(3):
        (tmp_path / "drop" / f"{number}.png").write_text(f"no picture {number}")
    words = ("--storage", root, "--settle-seconds", 0, "--min-quarantined", 3, "--max-quarantined", 0.1)
    said = nightsort("classify", tmp_path / "drop", *words, "--json")
    assert (said.code, len(said.err)) == (1, 1)
    assert "3 of 3 pictures are quarantined" in said.err[0]
    assert said.data["state"] == "failed"
    assert nightsort("status", "--storage", root, "--json").data["runs"][0]["state"] == "failed"


def test_a_busy_storage_skips_the_run(
    nightsort: Callable[..., Said], tmp_path: Path, root: Path, pictures: Any
) -> None:
    drop = pictures.plain(tmp_path / "drop", 3)
    with lease.hold(Storage(str(root)), "predictions"):
        said = nightsort("classify", drop.folder, "--storage", root, "--settle-seconds", 0, "--sample", 0, "--json")
    assert (said.code, said.data["state"], said.data["report"]) == (0, "skipped", "")
    assert "predictions" in said.data["message"]
    assert nightsort("classify", drop.folder, "--storage", root, "--json").data["classified"] == 3


@pytest.fixture
def declared(tmp_path: Path, root: Path, pictures: Any) -> Path:
    """A pipelines.yaml beside its pictures and its storage; all folders in it are relative."""
    pictures.plain(tmp_path / "incoming", 4)
    file = tmp_path / "pipelines.yaml"
    file.write_text(
        f"storage: {root.name}\n"
        "pipelines:\n"
        "  nightly:\n"
        "    flow: classify\n"
        "    parameters: {source: incoming, batch_size: 2, settle_seconds: 0}\n"
        "    schedule: {cron: '0 2 * * *', timezone: Europe/Berlin}\n"
    )
    return file


def test_run_takes_what_is_declared_and_set(nightsort: Callable[..., Said], declared: Path, root: Path) -> None:
    said = nightsort("run", "nightly", "--config", declared, "--set", "chunk_size=3", "--json")
    assert (said.code, said.data["classified"]) == (0, 4)
    report = json.loads(Path(said.data["report"]).with_suffix(".json").read_text())
    asked = report["parameters"]
    assert (asked["batch_size"], asked["chunk_size"], asked["storage"]) == (2, 3, str(root))
    assert ClassifyParams(**asked)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("run weekly", "declared are nightly"),
        ("run nightly --set batch_size", "must be KEY=VALUE"),
        ("run nightly --set batch_size=0", "batch_size: must be greater than or equal to 1"),
        ("run nightly --set batchsize=3", "batchsize"),
    ],
)
def test_a_mistake_in_run(nightsort: Callable[..., Said], declared: Path, words: str, expected: str) -> None:
    said = nightsort(*words.split(), "--config", declared)
    assert (said.code, len(said.err), said.out) == (2, 1, [])
    assert expected in said.err[0]


def test_check_names_what_is_declared(nightsort: Callable[..., Said], declared: Path, root: Path) -> None:
    said = nightsort("check", "--config", declared)
    assert said.code == 0
    assert said.out[0] == "nightly: classify, 0 2 * * * Europe/Berlin"
    assert re.search(rf"1 pipelines?, no fault; storage {re.escape(str(root))}$", said.out[-1])
    assert nightsort("check", "--config", declared, "--json").data["pipelines"].keys() == {"nightly"}
    shutil.rmtree(declared.with_name("incoming"))
    said = nightsort("check", "--config", declared)
    assert said.code == 0 and said.out[0].endswith(f"; {declared.with_name('incoming')} is not there yet")


def test_an_option_wins_over_the_file(nightsort: Callable[..., Said], declared: Path, tmp_path: Path) -> None:
    assert nightsort("status", "--config", declared, "--json").data["champion"] == 1
    other = nightsort("status", "--config", declared, "--storage", tmp_path / "other", "--json").data
    assert (other["champion"], other["storage"]) == (None, str(tmp_path / "other"))


@pytest.mark.parametrize(("words", "code"), [(["classify", "nowhere"], 2), (["no-such-command"], 2), (["--help"], 0)])
def test_the_console_script(words: list[str], code: int, tmp_path: Path, environment: dict[str, str]) -> None:
    script = Path(sys.executable).parent / "nightsort"
    done = subprocess.run([script, *words], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == code
    assert [line.startswith("nightsort: ") for line in done.stderr.splitlines()] == [True] * (code == 2)
    assert (done.stdout != "") == (code == 0)
    assert list(tmp_path.iterdir()) == []
