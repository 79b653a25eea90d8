"""The shell completes commands, options, words of knobs, flows and declared pipelines."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from click.shell_completion import BashComplete, ZshComplete

from flows.cli import cli
from nightsort import knobs
from nightsort.config.catalogue import PARAMS
from nightsort.glossary import meanings
from nightsort.words import Balance
from tests.flows.commands import Said

pytest_plugins = ["tests.flows.commands"]


def completed(*words: str) -> list[str]:
    """What may stand where the last word has begun."""
    complete = BashComplete(cli, {}, "nightsort", "_NIGHTSORT_COMPLETE")
    return [item.value for item in complete.get_completions(list(words[:-1]), words[-1])]


@pytest.fixture
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a pipelines.yaml, which is the working directory."""
    text = """
        pipelines:
          nightly: {flow: classify, parameters: {source: in}}
          weekly: {flow: train}
    """
    (tmp_path / "pipelines.yaml").write_text(dedent(text))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("ini",), ["init"]),
        (("models", "pro"), ["promote"]),
        (("train", "--balanc"), ["--balance"]),
        (("train", "--balance", "s"), ["square_root_sampling", "smote"]),
        (("augment", "--operations", "fl"), ["flip"]),
        (("train", "--flip", ""), ["none", "horizontal", "both"]),
        (("retrain", "--if-needed", "t"), ["true"]),
        (("completion", ""), ["bash", "zsh", "fish"]),
        (("check", "--explain", "trai"), ["train"]),
        (("check", "--explain", "compute.tls."), ["compute.tls.ca", "compute.tls.cert", "compute.tls.key"]),
        (("check", "--explain", "cro"), ["cron", "crop"]),
        (("quarantine", "requeue", "--al"), ["--all"]),
    ],
)
def test_a_line_is_completed(words: tuple[str, ...], expected: list[str]) -> None:
    assert completed(*words) == expected


def test_what_is_explained_is_completed_without_what_a_shell_would_redirect() -> None:
    offered = completed("check", "--explain", "")
    assert len(offered) > 100 and [word for word in offered if not knobs.find(word)] == []
    assert [word for word in offered if "<" in word] == []


def test_every_flow_is_completed() -> None:
    assert set(PARAMS) <= set(completed(""))


def test_run_is_completed_with_what_is_declared(declared: Path, tmp_path: Path) -> None:
    assert completed("run", "") == ["nightly", "weekly"]
    assert completed("run", "w") == ["weekly"]
    other = tmp_path / "other.yaml"
    other.write_text("pipelines: {archive: {flow: classify}}")
    assert completed("run", "--config", str(other), "") == ["archive"]


@pytest.mark.parametrize("text", ["pipelines: [", "pipelines: 3", "a: b", "", "pipelines: {a: 3}", "\x00"])
def test_a_file_that_cannot_be_read_completes_nothing(text: str, declared: Path) -> None:
    (declared / "pipelines.yaml").write_text(text)
    assert completed("run", "") == []
    (declared / "pipelines.yaml").unlink()
    assert completed("run", "") == []


def test_places_are_left_to_the_shell() -> None:
    complete = BashComplete(cli, {}, "nightsort", "_NIGHTSORT_COMPLETE")
    for words in (["ingest"], ["ingest", "--manifest"], ["retrain", "--source"]):
        assert [(item.type, item.value) for item in complete.get_completions(words, "pic")] == [("file", "pic")]


def test_a_word_comes_with_its_meaning() -> None:
    complete = ZshComplete(cli, {}, "nightsort", "_NIGHTSORT_COMPLETE")
    (item,) = complete.get_completions(["train", "--balance"], "foc")
    assert item.help == meanings(Balance)["focal"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_names_the_variable_that_the_program_reads(shell: str, nightsort: Callable[..., Said]) -> None:
    said = nightsort("completion", shell)
    assert said.code == 0
    assert f"_NIGHTSORT_COMPLETE={shell}_complete" in "\n".join(said.out)


def test_the_program_answers_a_shell(nightsort: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_NIGHTSORT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "nightsort classify --rescore fal")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert nightsort().out == ["plain,false"]
