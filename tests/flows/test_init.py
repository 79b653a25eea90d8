"""`nightsort init` writes a commented pipelines.yaml that loads, from options, from what lies there, from answers."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from flows.actions.starting import Answers, rendered, target, write
from nightsort import knobs
from nightsort.errors import ConfigError, WriteError
from nightsort.pipelines import Declaration, load
from tests.flows.commands import Said

pytest_plugins = ["tests.flows.commands"]

Nightsort = Callable[..., Said]


def pictures(folder: Path, side: int = 40, **classes: int) -> Path:
    """So many pictures of each class, in a folder of its own."""
    for label, count in classes.items():
        (folder / label).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (side + 20, side)).save(folder / label / f"{number}.png")
    return folder


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Answers that somebody types at a terminal, one a line."""

    def type_(*answers: str) -> None:
        lines = iter(answers)

        def next_line(prompt: str = "") -> str:
            return next(lines)

        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr("click.termui.visible_prompt_func", next_line)

    return type_


def test_with_nothing_said_it_asks_nothing_and_loads(nightsort: Nightsort) -> None:
    said = nightsort("init")
    assert said.code == 0
    declared = load(Path("pipelines.yaml"))
    assert list(declared.pipelines) == ["ingest", "train", "nightly", "retrain"]
    assert Path("pictures/incoming").is_dir() and not Path("pictures/labelled").exists()
    assert said.out[-3:] == ["  nightsort run ingest", "  nightsort run train", "  nightsort up"]
    assert nightsort("check").code == 0


def test_options_are_what_the_file_says(nightsort: Nightsort) -> None:
    words = ("--labelled", "s3://bucket/in", "--manifest", "labels.csv", "--incoming", "/mnt/camera one",
             "--at", "2:05", "--storage", "s3://bucket/root", "--timezone", "Europe/Berlin",
             "--target-precision", "0.98", "--retrain", "false", "--rare", "true")  # fmt: skip
    said = nightsort("init", "my project", *words, "--json")
    assert said.code == 0 and said.data["next"][0] == "cd 'my project'"
    declared = load(Path(said.data["file"]))
    assert (declared.storage, list(declared.pipelines)) == (
        "s3://bucket/root",
        ["ingest", "train", "nightly", "compare"],
    )
    assert declared.pipelines["ingest"].parameters == {"source": "s3://bucket/in", "manifest": "labels.csv"}
    assert declared.pipelines["nightly"].parameters == {"source": "/mnt/camera one"}
    assert str(declared.pipelines["nightly"].schedule) == "5 2 * * * Europe/Berlin"
    assert declared.pipelines["train"].parameters["target_precision"] == 0.98


def test_it_says_what_it_saw_and_proposes_by_it(nightsort: Nightsort) -> None:
    pictures(Path("pictures/labelled"), side=30, crack=2, good=12)
    said = nightsort("init")
    assert said.out[0] == (
        "pictures/labelled: 14 pictures in 2 classes, rarest 2 (crack); about 30 px on the shorter side"
    )
    declared = load(Path("pipelines.yaml"))
    assert declared.pipelines["train"].parameters["image_size"] == 32
    assert "compare" in declared.pipelines


def test_what_is_not_there_yet_is_said_and_written_down(nightsort: Nightsort) -> None:
    said = nightsort("init", "--labelled", "nowhere")
    assert said.code == 0 and "nowhere" in said.out[0] and said.out[0].endswith("written down all the same")


def test_a_manifest_in_the_project_keeps_its_name_and_is_found(nightsort: Nightsort) -> None:
    pictures(Path("project/flat"), a=1, b=1)
    Path("project/labels.csv").write_text("path,label\na/0.png,x\nb/0.png,y\n")
    said = nightsort("init", "project", "--labelled", "flat", "--manifest", "labels.csv")
    assert said.code == 0 and "in 2 classes, rarest 1 (x)" in said.out[0]
    assert "manifest: labels.csv" in Path("project/pipelines.yaml").read_text()


def test_each_fault_of_a_manifest_is_a_line_of_its_own(nightsort: Nightsort) -> None:
    pictures(Path("flat"), one=2)
    Path("labels.csv").write_text("Datei;Klasse\na.png;x\n")
    said = nightsort("init", "--labelled", "flat", "--manifest", "labels.csv")
    assert said.code == 0 and said.out[0].startswith("manifest labels.csv: column 'Datei': is not known")
    assert "\\n" not in "".join(said.out) and said.out[3].endswith("their classes so; written down all the same")


def test_one_class_is_said_to_be_too_few(nightsort: Nightsort) -> None:
    pictures(Path("whole") / "labelled", good=2, crack=1)
    assert nightsort("init", "--labelled", "whole").out[0] == (
        "whole: 3 pictures in 1 class (labelled);"
        " a classifier needs two or more, each a folder at the top or named by a manifest"
    )


def test_a_file_that_is_there_is_not_replaced_unless_asked(nightsort: Nightsort) -> None:
    Path("pipelines.yaml").write_text("mine")
    said = nightsort("init")
    assert said.code == 2 and "pipelines.yaml: is there already; --force replaces it" in said.err[0]
    assert Path("pipelines.yaml").read_text() == "mine"
    assert nightsort("init", "--force").code == 0
    assert load(Path("pipelines.yaml")).pipelines


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--at", "25:00"), "'25:00' is not a time of day, such as 02:00"),
        (("--timezone", "Europe/Berlyn"), "is not a time zone; did you mean 'Europe/Berlin'?"),
        (("--target-precision", "1"), "1.0 is not in the range 0<x<1"),
        (("--labelled", ""), "pipelines.ingest.parameters.source: String should have at least 1 character"),
        (("--storage", "s3://me:secret@bucket/x"), "must hold no user or password"),
        (("--labelled", "pictures"), "--incoming pictures/incoming: lies in the labelled pictures, pictures, and"),
        (("--labelled", "in", "--incoming", "in"), "choose a folder beside them"),
    ],
)
def test_an_answer_that_cannot_be_writes_nothing(words: tuple[str, ...], message: str, nightsort: Nightsort) -> None:
    said = nightsort("init", *words)
    assert said.code == 2 and message in said.err[0]
    assert "secret" not in "".join(said.err)
    assert list(Path().iterdir()) == []


def test_a_person_is_asked_again_until_the_answer_can_be(nightsort: Nightsort, terminal: Callable[..., None]) -> None:
    terminal("in", "labels.csv", "drop", "", "9 o'clock", "03:15", "Mars", "Asia/Tokyo", "100", "nan", "2%", "n", "y")
    assert nightsort("init").code == 0
    declared = load(Path("pipelines.yaml"))
    assert list(declared.pipelines) == ["ingest", "train", "nightly", "compare"]
    assert str(declared.pipelines["nightly"].schedule) == "15 3 * * * Asia/Tokyo"
    assert declared.pipelines["train"].parameters["target_precision"] == 0.98
    assert declared.pipelines["ingest"].parameters["manifest"] == "labels.csv"


def test_what_was_given_or_seen_is_not_asked(nightsort: Nightsort, terminal: Callable[..., None]) -> None:
    pictures(Path("mine"), a=3, b=3)
    terminal("", "", "", "")  # when, where on earth, how sure, retrain
    assert nightsort("init", "--labelled", "mine", "--incoming", "in", "--storage", "kept").code == 0
    terminal()
    assert nightsort("init", "other", "--yes").code == 0


@pytest.mark.parametrize(
    "place",
    [
        "C:\\Users\\Ann Müller\\a: b # c",
        "'q' \"d\"",
        "- x",
        "写真/入力",
        "{a: 1}",
        "@x",
        "null",
        "1e3",
        "a\tb",
        "%x",
        "~/in",
    ],
)
def test_any_place_survives(place: str, tmp_path: Path) -> None:
    declared = load(_written(tmp_path, Answers(labelled=place, incoming="s3://in", storage="s3://kept")))
    source = str(declared.pipelines["ingest"].parameters["source"])
    assert source == str(Path(tmp_path, Path(place).expanduser()))


def _written(folder: Path, answers: Answers) -> Path:
    file = target(folder, force=False)
    write(file, answers, force=False)
    return file


def test_comments_are_the_descriptions_of_the_knobs() -> None:
    text = rendered(Answers(rare=True, target_precision=0.9))
    described = " ".join(text.replace("#", " ").split())
    for word in ("storage", "ingest.source", "train.flip", "retrain.if_needed", "pipelines.<name>.schedule.cron"):
        assert knobs.find(word)[0].description in described
    assert max(map(len, text.splitlines())) <= 120


def test_each_setting_that_is_left_can_be_taken_in(tmp_path: Path) -> None:
    text = rendered(Answers(rare=True))
    left = [line for line in text.splitlines() if line.lstrip().startswith("#") and line.lstrip()[1:2].strip()]
    assert len(left) > 10
    file = tmp_path / "pipelines.yaml"
    for line in left:
        file.write_text(text.replace(line, line.replace("#", "", 1), 1))
        assert load(file)


def test_it_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = _written(tmp_path, Answers())
    before = file.read_bytes()
    with pytest.raises(ConfigError, match="is there already"):
        write(file, Answers(storage="other"), force=False)
    with pytest.raises(ConfigError, match="timezone: is not a time zone"):
        write(file, Answers(timezone="Mars"), force=True)
    assert file.read_bytes() == before and [item.name for item in tmp_path.iterdir()] == ["pictures", "pipelines.yaml"]
    with pytest.raises(WriteError, match="could not be written"):
        write(file / "below" / "pipelines.yaml", Answers(), force=True)


def test_a_disk_that_is_full_is_said_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)  # of the trial, which is read before anything is there
    with pytest.raises(WriteError, match="No space left on device"):
        write(tmp_path / "pipelines.yaml", Answers(), force=False)
    assert list(tmp_path.iterdir()) == []


def test_a_default_answer_is_the_default_of_its_setting() -> None:
    declared: Any = Declaration()
    assert Answers().storage == declared.storage
    assert Answers().image_size == knobs.find("train.image_size")[0].default
