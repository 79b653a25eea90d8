"""Kill -9 at the worst moments; the next run leaves every file accounted for once, as if nothing had happened."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.classify import classify
from flows.ingest import ingest
from nightsort.config.intake import ClassifyParams, IngestParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import ConfigError
from nightsort.images.decode import decode
from nightsort.quarantine import Quarantine
from nightsort.reports import store
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage

COMMIT, DELTA = "nightsort.dataset.versions:Dataset.commit", "deltalake:DeltaTable.create_write_transaction"
LEDGER, COPIES = "nightsort.scoring.ledger:Ledger.commit", "nightsort.scoring.ledger:Ledger.remember"
QUARANTINE, LEASE = "nightsort.quarantine:Quarantine.append", "nightsort.leases.lease:Lease"
DATA, DURABLE = "nightsort.tables:write_file", "nightsort.storage:Storage.make_durable"
WRITE = "nightsort.storage:Storage.write_bytes"
# A classification of 19 files, 15 of them new, in chunks of 4: of each chunk what is bad, then the predictions, which
# are the marker, then the copies. The first commit to a table makes the table.
POINTS = [
    ("nightsort.leases.lease:claim", "before", 1),
    ("nightsort.leases.lease:claim", "after", 1),  # the lease is taken, and nobody does anything with it
    (f"{LEASE}.fence", "before", 1),
    (f"{LEASE}.fence", "after", 1),
    (f"{LEASE}.ticket", "after", 1),
    (f"{LEASE}._write", "before", 2),  # renewed
    (f"{LEASE}._write", "after", 2),
    (QUARANTINE, "before", 1),
    (QUARANTINE, "after", 1),
    (LEDGER, "before", 1),
    (LEDGER, "after", 1),
    (LEDGER, "before", 2),
    (LEDGER, "after", 3),
    (COPIES, "before", 1),
    (COPIES, "after", 1),
    *(
        (f"{DATA}@/{table}'", when, 1)
        for table in ("quarantine", "predictions", "copies")
        for when in ("before", "after")
    ),
    ("deltalake:DeltaTable.create", "before", 1),
    ("deltalake:DeltaTable.create", "after", 2),  # the table of the predictions is there, and empty
    (DURABLE, "before", 2),
    (DURABLE, "after", 2),
    *((DELTA, when, count) for count in (1, 2, 3, 4) for when in ("before", "after")),
    ("nightsort.commits:Commits._make_log_durable", "before", 2),
    ("nightsort.scoring.ledger:Ledger.tidy", "before", 1),
    ("nightsort.scoring.ledger:Ledger.tidy", "after", 1),
    ("nightsort.reports.account:Account.part", "before", 1),
    (f"{WRITE}@/report.html'", "before", 1),
    (f"{WRITE}@/report.html'", "after", 1),  # the page is there, and not its marker
    (f"{WRITE}@/report.json'", "after", 1),
    (f"{LEASE}._release", "before", 1),
    (f"{LEASE}._release", "after", 1),
]
REPORTED = POINTS[-3:]  # these died after they had said that they were done
# An ingest commits the quarantine (the source has a bad picture), the images, and last the examples: the marker.
FIRST = [  # of the first ingest
    (DELTA, "before", 1),  # the table of the quarantine is there, and empty
    (COMMIT, "before", 1),
    ("nightsort.tables:Table.append_files", "before", 2),  # the policy is there, no table of the dataset is
    (DELTA, "before", 2),
    (DELTA, "after", 2),  # pixels that no row names
    (DELTA, "before", 3),  # the table of the examples is there, and empty
]
SECOND = [
    (DELTA, "before", 1),
    (DELTA, "after", 1),
    (COMMIT, "before", 1),
    (DELTA, "after", 2),
    (DELTA, "before", 3),
    (DELTA, "after", 3),
    (COMMIT, "after", 1),
]
MARKED = {(DELTA, "after", 3), (COMMIT, "after", 1)}
Crash = dict[str, Any]


def name_of(point: tuple[str, str, int]) -> str:
    """A point as the id of a test."""
    target, when, count = point
    return f"{when}-{re.sub('[^A-Za-z_.]+', '-', target.partition(':')[2]).strip('-')}-{count}"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, trained: Any, pictures: Any) -> dict[str, Any]:
    """Sources, and one storage root for each crash."""
    folder = tmp_path_factory.mktemp("crash")
    drop = pictures.mixed(folder / "drop")
    labelled = pictures.labelled(folder / "labelled", {"red": 8, "green": 8, "blue": 8}, start=700)
    (labelled / "red" / "bad.png").write_text("not a picture")
    cases: dict[str, Crash] = {}
    for flow, points, source in (
        ("classify", POINTS, drop.folder),
        ("second", SECOND, labelled),
        ("first", FIRST, labelled),
    ):
        for point in points:
            root = folder / f"{flow}-{name_of(point)}"
            if flow != "first":
                shutil.copytree(trained.root, root)
            name, more = ("classify", {"sample": 0}) if flow == "classify" else ("ingest", {})
            params = {"source": str(source), "storage": str(root), "settle_seconds": 0, "chunk_size": 4, "workers": 1}
            params |= more
            target, when, count = point
            cases[root.name] = {"flow": name, "params": params, "target": target, "when": when, "count": count}
    return {"drop": drop, "labelled": labelled, "cases": cases, "folder": folder}


@pytest.fixture(scope="module")
def crashed(scene: dict[str, Any], environment: dict[str, str]) -> dict[str, Crash]:
    """All runs, and how each ended."""
    program = Path(__file__).with_name("crashing.py")
    top = program.parents[2]
    done = subprocess.run(
        [sys.executable, program],
        input=json.dumps(list(scene["cases"].values())),
        env={**environment, "PYTHONPATH": f"{top / 'src'}{os.pathsep}{top}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    ends = json.loads(done.stdout.splitlines()[-1])
    return {name: case | {"end": end} for (name, case), end in zip(scene["cases"].items(), ends, strict=True)}


def params_of(crash: Crash) -> dict[str, Any]:
    """What a run was started with that died where it was to die."""
    assert crash["end"] == -signal.SIGKILL, "it did not come to that point"
    params: dict[str, Any] = crash["params"]
    return params


@pytest.fixture(scope="module")
def undisturbed(scene: dict[str, Any], trained: Any, inline_workers: type) -> dict[str, str]:
    """SHA-256 to label of a run that nobody kills."""
    root = shutil.copytree(trained.root, scene["folder"] / "undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.classify.Workers", inline_workers)
        classify(ClassifyParams(source=str(scene["drop"].folder), storage=str(root), settle_seconds=0, sample=0))
    return labels(root)


def labels(root: Path) -> dict[str, str]:
    """SHA-256 to label of every prediction; each SHA-256 is there once."""
    rows = Ledger(Storage(str(root))).predictions("sha256", "label").to_pylist()
    assert max(Counter(row["sha256"] for row in rows).values(), default=1) == 1
    return {row["sha256"]: row["label"] for row in rows}


def set_aside(root: Path) -> Counter[str]:
    """How often each file is in quarantine."""
    rows = Quarantine(Storage(str(root))).rows("path", "member").to_pylist()
    return Counter(f"{Path(row['path']).name}!{row['member']}" for row in rows)


def everything_is_there_once(dataset: Dataset, version: int) -> int:
    """How many pictures a version has: each in one row, with its pixels, which are read once and can be decoded."""
    named = dataset.examples(["sha256"], version=version)["sha256"].to_pylist()
    pixels = [
        row
        for split in ("train", "validation", "test")
        for batch in dataset.images(version, split)
        for row in batch.to_pylist()
    ]
    assert sorted(row["sha256"] for row in pixels) == sorted(set(named)) == sorted(named)
    assert all(decode(row["image"], 400).shape == (20, 20, 3) for row in pixels)
    return len(named)


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize("point", POINTS, ids=name_of)
def test_a_killed_classification_goes_on_where_it_stopped(
    point: tuple[str, str, int], crashed: dict[str, Crash], undisturbed: dict[str, str]
) -> None:
    params = ClassifyParams(**params_of(crashed[f"classify-{name_of(point)}"]))
    root = Path(params.storage)
    before = labels(root)
    assert before.items() <= undisturbed.items()
    reports = [each for each in store.latest(Storage(params.storage), 9) if each.flow == "classify"]
    assert len(reports) == (1 if point in REPORTED else 0), "a run that died has no report"
    again = classify(params)
    assert again.intake.tally.balanced and again.intake.tally.discovered == 19
    assert again.intake.tally.done == len(undisturbed) - len(before)
    assert labels(root) == undisturbed
    assert set_aside(root) == Counter(["cut.jpg!", "notes.png!", "nothing.png!"])
    third = classify(params).intake.tally
    assert (third.done, third.quarantined, third.balanced) == (0, 0, True)


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize("point", FIRST, ids=name_of)
def test_a_killed_first_ingest_leaves_no_dataset(point: tuple[str, str, int], crashed: dict[str, Crash]) -> None:
    params = IngestParams(**params_of(crashed[f"first-{name_of(point)}"]))
    dataset = Dataset(Storage(params.storage))
    assert (dataset.version(), dataset.counts()) == (None, {})
    orphans = list(Path(dataset.folder).glob("*.parquet"))
    assert orphans, "it died after shards were written"
    report = ingest(params)
    assert everything_is_there_once(dataset, 1) == 24
    assert report.intake.tally.balanced and report.intake.tally.done == 24
    assert {label: sum(splits.values()) for label, splits in dataset.counts().items()} == {
        "blue": 8,
        "green": 8,
        "red": 8,
    }
    assert all(file.exists() for file in orphans), "invisible, not counted"
    assert sum(set_aside(Path(params.storage)).values()) == 1


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize("point", SECOND, ids=name_of)
def test_a_killed_ingest_is_a_whole_version_or_none(point: tuple[str, str, int], crashed: dict[str, Crash]) -> None:
    params = IngestParams(**params_of(crashed[f"second-{name_of(point)}"]))
    dataset = Dataset(Storage(params.storage))
    committed = point in MARKED
    assert dataset.version() == (2 if committed else 1)
    assert everything_is_there_once(dataset, dataset.version() or 0) == (144 if committed else 120)
    report = ingest(params)
    assert report.intake.tally.balanced and report.intake.tally.done == (0 if committed else 24)
    assert dataset.version() == 2
    assert everything_is_there_once(dataset, 2) == 144
    assert everything_is_there_once(dataset, 1) == 120
    assert set_aside(Path(params.storage)) == Counter(["bad.png!"])


@pytest.mark.usefixtures("inline")
def test_pixels_that_no_row_names_are_never_taken_for_those_of_another_cleaning(
    tmp_path: Path, pictures: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first ingest died between its two commits; the next one would find its pictures there, cleaned otherwise."""
    source = pictures.labelled(tmp_path / "in", {"red": 4, "green": 4})
    params = IngestParams(source=str(source), storage=str(tmp_path / "root"), settle_seconds=0)
    with monkeypatch.context() as patch:
        patch.setattr("nightsort.tables.Table.upsert", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ingest(params)
    with pytest.raises(ConfigError, match=r"colour: .* was begun with 'rgb'"):
        ingest(params.model_copy(update={"colour": "grey"}))
    assert ingest(params).intake.tally.done == 8
    assert everything_is_there_once(Dataset(Storage(params.storage)), 1) == 8


@pytest.mark.usefixtures("inline")
def test_kill_9_of_the_command_in_the_middle(
    tmp_path: Path,
    root: Path,
    pictures: Any,
    environment: dict[str, str],
    classify_params: Callable[..., ClassifyParams],
) -> None:
    drop = pictures.plain(tmp_path / "drop", 200)
    script = Path(sys.executable).parent / "nightsort"
    words = ["classify", drop.folder, "--storage", root, "--workers", "1", "--chunk-size", "1", "--settle-seconds", "0"]
    words += ["--sample", "0"]
    with subprocess.Popen(
        [script, *words], cwd=tmp_path, env=environment, start_new_session=True, stdout=subprocess.DEVNULL
    ) as run:
        log = root / "predictions" / "_delta_log"
        while run.poll() is None and len(list(log.glob("*.json"))) < 3:
            time.sleep(0.01)
        assert run.poll() is None, "it ended before it could be killed"
        os.killpg(run.pid, signal.SIGKILL)
    committed = len(labels(root))
    assert 1 <= committed < 200
    report = classify(classify_params(drop.folder))
    assert report.intake.tally.balanced
    assert (report.intake.tally.done, report.intake.tally.skipped) == (200 - committed, committed)
    assert len(labels(root)) == 200
    rows = Ledger(Storage(str(root))).predictions("path", "label").to_pylist()
    assert {Path(row["path"]).name: row["label"] for row in rows} == drop.truth
