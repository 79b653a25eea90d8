"""The catalogue of knobs says what the models enforce, of every knob."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Literal, get_args

import pytest
from pydantic import BaseModel

from nightsort import knobs
from nightsort.config.catalogue import PARAMS
from nightsort.errors import ConfigError
from nightsort.glossary import meanings
from nightsort.knobs import PARAMETERS, Knob
from nightsort.pipelines import Declaration
from nightsort.words import Balance, Tunable


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models of pipelines.yaml, from the outside in."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation)
    for part in get_args(annotation):
        yield from models_in(part)


@pytest.mark.parametrize("knob", knobs.every(), ids=lambda knob: f"{knob.path} {','.join(knob.of)}")
def test_every_knob_is_described_in_a_sentence(knob: Knob) -> None:
    assert knob.description[:1].isupper() or knob.description.split()[0].rstrip(":") in knob.words
    assert knob.description.endswith(".")
    assert all(knob.words.values())


def test_every_field_of_every_model_is_a_knob() -> None:
    models = list(models_in(Declaration))
    fields = {name for model in models for name in model.model_fields}
    assert len(models) > 6 and {knob.name for knob in knobs.of_file()} == fields
    for flow, model in PARAMS.items():
        assert {knob.name for knob in knobs.of_flow(flow)} == set(model.model_fields)


def test_what_flows_take_alike_is_there_once() -> None:
    of = {knob.default: knob.of for knob in knobs.of_flows() if knob.name == "chunk_size"}
    assert of == {4096: ("ingest",), 512: ("classify",)}
    (balance,) = (knob for knob in knobs.of_flows() if knob.name == "balance")
    assert balance.of == ("train", "retrain", "compare", "tune")


@pytest.mark.parametrize(
    ("word", "kind", "allowed", "default"),
    [
        ("train.epochs", "whole number", "1 to 1,000", "60"),
        ("train.warmup", "number", "at least 0 and less than 1", "0.25"),
        ("train.promote", "true or false", "", "true"),
        ("train.features", "list of words", "at least 1 item", "hog, colour"),
        ("train.weights", "text", "not empty", "empty"),
        ("tune.study", "text", "like ^[A-Za-z0-9_-]{1,60}$", "default"),
        ("promote.who", "text", "at most 200 characters", "empty"),
        ("ensemble.models", "list of whole numbers", "at least 2 items", "required"),
        ("classify.source", "text", "not empty", "required"),
        ("ingest.rules", "list of text", "", "empty"),
        ("compute.tls.ca", "text", "not empty", "required"),
        ("compute.resources", "names with values", "", "empty"),
        ("pools", "settings, by name", "", "empty"),
        ("pipelines.<name>.flow", "one word", "", "required"),
    ],
)
def test_a_knob_says_what_its_model_enforces(word: str, kind: str, allowed: str, default: str) -> None:
    knob = knobs.find(word)[0]
    assert (knob.type, knob.allowed, knob.default_text) == (kind, allowed, default)


@pytest.mark.parametrize("flow", PARAMS)
def test_a_default_is_what_the_model_has(flow: str) -> None:
    needed = {"source": "x", "below": 1, "models": [1, 2]}
    given = {name: value for name, value in needed.items() if name in PARAMS[flow].model_fields}
    made = PARAMS[flow].model_validate(given).model_dump()
    said = {knob.name: knob.default for knob in knobs.of_flow(flow)}
    assert {**said, **given} == made


@pytest.mark.parametrize(
    ("word", "paths"),
    [
        ("compute.tls", ["compute.tls", "compute.tls.ca", "compute.tls.cert", "compute.tls.key"]),
        ("port", ["server.port"]),
        ("--chunk-size", [f"{PARAMETERS}.chunk_size"] * 2),
        ("train.epochs", [f"{PARAMETERS}.epochs"]),
        ("pipelines.my-night.schedule.cron", ["pipelines.<name>.schedule.cron"]),
        ("pipelines.nightly.parameters.sample", [f"{PARAMETERS}.sample"]),
        ("adasyn", [f"{PARAMETERS}.balance", f"{PARAMETERS}.strategies"]),
        ("torch-bf16", [f"{PARAMETERS}.backends", f"{PARAMETERS}.backend"]),
    ],
)
def test_a_word_finds_what_it_means(word: str, paths: list[str]) -> None:
    assert [knob.path for knob in knobs.find(word)] == paths


def test_a_flow_of_the_same_name_as_a_knob_comes_first() -> None:
    found = knobs.find("augment")
    assert found[0].of == ("augment",)
    assert [knob.of for knob in found if knob.name == "augment"] == [("train", "retrain", "compare", "tune")]


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("trian", "; did you mean 'train'?"),
        ("train.epoch", "; did you mean 'epochs'?"),
        ("compute.tsl", "; did you mean 'compute.tls'?"),
        ("zzz", ""),
    ],
)
def test_a_word_that_means_nothing_is_one_line(word: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        knobs.find(word)
    assert str(caught.value) == f"{word}: is no setting and no flow{hint}; see 'nightsort check --explain'"
    with pytest.raises(ConfigError, match="zzz: is no flow; flows are ingest, "):
        knobs.of_flow("zzz")


def test_every_word_of_a_literal_has_a_meaning() -> None:
    assert set(meanings(Balance)) == set(get_args(Balance))
    assert meanings(Tunable)["ema"] == knobs.find("train.ema")[0].description
    with pytest.raises(KeyError):
        meanings(Literal["new"])
    literal = [knob for knob in knobs.every() if knob.type in ("one word", "list of words")]
    assert len(literal) > 15 and all(knob.words for knob in literal)


def test_a_knob_is_plain_data() -> None:
    plain = [asdict(knob) for knob in knobs.every()]
    assert [item["name"] for item in json.loads(json.dumps(plain))] == [knob.name for knob in knobs.every()]
