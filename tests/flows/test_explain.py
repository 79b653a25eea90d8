"""`nightsort check --explain` documents every knob, without a pipelines.yaml."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.actions.explaining import WIDTH, explain
from nightsort import knobs
from tests.flows.commands import Said

pytest_plugins = ["tests.flows.commands"]

Nightsort = Callable[..., Said]


def test_without_a_word_it_is_every_knob(nightsort: Nightsort) -> None:
    said = nightsort("check", "--explain")
    assert said.code == 0 and not Path("pipelines.yaml").exists()
    text = "\n".join(said.out)
    described = " ".join(text.split())
    assert [knob.path for knob in knobs.every() if knob.description not in described] == []
    assert max(map(len, said.out)) <= WIDTH
    assert "\x1b" not in text


def test_a_heading_comes_once_and_says_whose_its_knobs_are() -> None:
    lines = explain("")[0]
    headings = [line for line in lines if line and not line.startswith(" ")]
    assert len(headings) == len(set(headings)) > 10
    assert "How a model learns (train, retrain, compare, tune)" in headings
    assert explain("workers")[0][-3].startswith("  workers: whole number, 0 to 1,024")


def test_a_knob_is_explained_with_each_of_its_words(nightsort: Nightsort) -> None:
    said = nightsort("check", "--explain", "train.balance")
    assert said.out[:3] == [
        "How a model learns",
        "  balance: one word, default balanced_softmax",
        "      How rare classes are given their due in training.",
    ]
    assert [line.split()[0] for line in said.out[3:] if line[8:9].strip()] == list(knobs.find("train.balance")[0].words)


def test_all_of_them_name_words_without_explaining_each() -> None:
    assert any(line == "      one of: kubernetes, slurm, pbs, sge, lsf, cuda" for line in explain("")[0])
    assert any(line.startswith("        slurm") for line in explain("cluster")[0])


def test_as_json_it_is_objects(nightsort: Nightsort) -> None:
    (knob,) = nightsort("check", "--explain", "max_class_loss", "--json").data["knobs"]
    assert (knob["path"], knob["default"], knob["required"]) == (
        "pipelines.<name>.parameters.max_class_loss",
        0.05,
        False,
    )
    assert knob["of"] == ["train", "retrain", "tune", "ensemble", "promote"]
    assert len(nightsort("check", "--explain", "--json").data["knobs"]) == len(knobs.every())


def test_what_is_meant_is_asked_back(nightsort: Nightsort) -> None:
    said = nightsort("check", "--explain", "balence")
    assert (said.code, said.out) == (2, [])
    assert said.err == [
        "nightsort: balence: is no setting and no flow; did you mean 'balance'?; see 'nightsort check --explain'"
    ]


@pytest.mark.parametrize("word", ["schedule", "compute", "pools", "augment", "classify"])
def test_a_section_and_a_flow_are_explained_whole(word: str) -> None:
    lines, data = explain(word)
    assert len(data["knobs"]) > 3
    assert all(any(knob["name"] in line for line in lines) for knob in data["knobs"])
