"""Real processes: many starts at once, a picture that kills its decoder, an interrupt in the middle."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from flows.classify import classify
from nightsort.config.intake import ClassifyParams
from nightsort.reports import store
from nightsort.storage import Storage
from tests.soak.checker import check, survey
from tests.soak.pictures import make_drop

TOP = Path(__file__).parents[2]


@pytest.fixture
def environ(environment: dict[str, str]) -> dict[str, str]:
    """The checkout's, as every program started here needs it."""
    return environment | {"PYTHONPATH": f"{TOP / 'src'}{os.pathsep}{TOP}"}


def words(source: Path, root: Path, chunk: int) -> Sequence[str]:
    script = Path(sys.executable).with_name("nightsort")
    options = ["--settle-seconds", "0", "--workers", "1", "--chunk-size", str(chunk)]
    return [str(script), "classify", str(source), "--storage", str(root), "--sample", "0", *options]


def test_of_eight_starts_at_once_one_works_and_seven_say_who(
    root: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    source = make_drop(tmp_path / "drop", 40)
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("starting.py")],
        input=json.dumps({"source": str(source), "storage": str(root), "starts": 8}),
        env=environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    ends = json.loads(done.stdout.splitlines()[-1])
    assert [end["code"] for end in ends] == [0] * 8, ends
    (winner,) = [end for end in ends if not any("this run is skipped" in line for line in end["said"])]
    skipped = re.compile(rf"predictions on {root}: process {winner['pid']} on .* has been running since \d{{4}}-.*; ")
    assert all(any(skipped.search(line) for line in end["said"]) for end in ends if end is not winner), ends
    assert not check(root, source, survey(source), {}, 0.0)
    states = [report.state for report in store.latest(Storage(str(root)), 9) if report.flow == "classify"]
    assert states == ["completed"]


def test_one_picture_that_kills_its_decoder_is_set_aside_alone(
    root: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    source = make_drop(tmp_path / "drop", 8, deadly=True)
    preload = {"DASK_DISTRIBUTED__WORKER__PRELOAD": str(TOP / "tests" / "soak" / "deadly.py")}
    done = subprocess.run(words(source, root, 2), env=environ | preload, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected = survey(source)
    assert len(expected.bad) == 2 and any("deadly" in place for place in expected.bad)
    assert not (found := check(root, source, expected, {}, 0.0)), found
    (report,) = store.latest(Storage(str(root)))
    assert report.intake and report.intake.reasons["kills_decoder"] == 1


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize(
    ("sent", "code", "lines"), [(signal.SIGINT, 130, ["interrupted; run it again"]), (signal.SIGTERM, 143, [])]
)
def test_an_interrupt_in_the_middle_keeps_what_is_done(
    sent: signal.Signals,
    code: int,
    lines: list[str],
    root: Path,
    tmp_path: Path,
    environ: dict[str, str],
    pictures: Any,
    classify_params: Callable[..., ClassifyParams],
) -> None:
    source = pictures.plain(tmp_path / "drop", 200).folder
    with subprocess.Popen(
        words(source, root, 1), env=environ, start_new_session=True, stderr=subprocess.PIPE, text=True
    ) as run:
        log = root / "predictions" / "_delta_log"
        while run.poll() is None and len(list(log.glob("*.json"))) < 3:
            time.sleep(0.01)
        assert run.poll() is None, "it ended before it could be interrupted"
        os.killpg(run.pid, sent) if sent == signal.SIGINT else run.send_signal(sent)
        assert run.stderr is not None
        said = [text for text in run.stderr.read().splitlines() if text]  # Ctrl-C shows as ^C on a line of its own
    assert run.returncode == code, said
    assert len(said) == len(lines) and all(line in text for text, line in zip(said, lines, strict=True))
    assert not (found := check(root, source, survey(source), {}, 0.0).midway()), found
    (report,) = store.latest(Storage(str(root)))
    assert report.state == "failed"
    assert classify(classify_params(source)).state == "completed"
    assert not (found := check(root, source, survey(source), {}, 0.0)), found
