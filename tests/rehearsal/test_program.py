"""The program runs in a process of its own, at its own moment, and is killed with all that it started."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from nightsort import pipelines
from nightsort.errors import RunError, SourceError
from rehearsal import month, place
from rehearsal.program import Program

MOMENT = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path, tmp_path / "log.txt")


def test_a_command_runs_to_its_end_and_gives_its_object(program: Program, tmp_path: Path) -> None:
    (tmp_path / "pipelines.yaml").write_text("storage: here\npipelines: {}\n")
    assert program.run(MOMENT, "check")["storage"] == str(tmp_path / "here")
    assert "nightsort check --json  # 2026-03-01 02:30 UTC" in (tmp_path / "log.txt").read_text()


def test_a_command_that_fails_is_an_error_that_names_the_log(program: Program, tmp_path: Path) -> None:
    (tmp_path / "pipelines.yaml").write_text("pipelines: 3\n")
    with pytest.raises(RunError, match=r"nightsort check ended with 2; see .*log\.txt"):
        program.run(MOMENT, "check")
    assert "pipelines.yaml: pipelines" in (tmp_path / "log.txt").read_text()


def test_a_command_is_cut_off_if_it_still_runs(program: Program) -> None:
    assert program.cut(MOMENT, lambda: True, "check")
    assert not program.cut(MOMENT, lambda: False, "--version")


def test_the_month_declares_its_pipelines_without_a_fault() -> None:
    declared = pipelines.load(Path(month.__file__).with_name("pipelines.yaml"))
    assert {name for name, item in declared.pipelines.items() if item.schedule} == {"nightly", "retrain"}
    assert [declared.params(name).storage.rpartition("/")[2] for name in declared.pipelines] == ["storage"] * 4


def test_a_folder_is_begun_anew_only_if_a_rehearsal_made_it(tmp_path: Path) -> None:
    folder = tmp_path / "month"
    place.claim(folder)
    (folder / "old").touch()
    place.claim(folder)
    assert not (folder / "old").exists()
    with pytest.raises(SourceError, match="holds files that no rehearsal made"):
        (tmp_path / "mine").touch()
        place.claim(tmp_path)
