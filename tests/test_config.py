"""Parameters: a form with names, bounds and help that refuses what it does not know and touches nothing."""

import builtins
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from nightsort.config.catalogue import PARAMS
from nightsort.config.compute import Compute
from nightsort.config.intake import IngestParams, IntakeParams
from nightsort.config.run import RunParams
from nightsort.config.training import RetrainParams, TrainParams
from nightsort.dataset.policy import Policy
from nightsort.images.clean import Cleaning

MODELS = sorted(PARAMS.items())


def built(kind: type[RunParams], **values: object) -> RunParams:
    needed = {
        name: value
        for name, value in {"source": "in", "below": 10, "models": [1, 2]}.items()
        if name in kind.model_fields
    }
    return kind.model_validate(needed | values)


@pytest.mark.parametrize(("flow", "kind"), MODELS)
def test_unknown_keys_are_refused(flow: str, kind: type[RunParams]) -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        built(kind, nonsense=1)


@pytest.mark.parametrize(("flow", "kind"), MODELS)
def test_parameters_are_frozen_and_survive_pickle_and_json(flow: str, kind: type[RunParams]) -> None:
    params = built(kind)
    with pytest.raises(ValidationError, match="frozen"):
        params.storage = "elsewhere"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(params)) == params
    assert kind.model_validate_json(params.model_dump_json()) == params


@pytest.mark.parametrize(("flow", "kind"), MODELS)
def test_building_does_no_io(flow: str, kind: type[RunParams], monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_: object, **__: object) -> None:
        pytest.fail("building parameters touched a file")

    built(kind)  # whatever pydantic imports late is imported now
    for where, name in (
        (builtins, "open"),
        (os, "stat"),
        (os, "scandir"),
        (os, "open"),
        (os, "mkdir"),
        (Path, "exists"),
    ):
        monkeypatch.setattr(where, name, touched)
    params = built(kind, storage="/no/such/place", **({"source": "/nowhere"} if "source" in kind.model_fields else {}))
    monkeypatch.undo()
    assert params.storage == "/no/such/place"


@pytest.mark.parametrize(("flow", "kind"), MODELS)
def test_every_number_is_refused_just_outside_its_bounds(flow: str, kind: type[RunParams]) -> None:
    properties = kind.model_json_schema()["properties"]
    tried = 0
    for name, schema in properties.items():
        numeric = next((s for s in [schema, *schema.get("anyOf", [])] if s.get("type") in ("integer", "number")), {})
        for bound, step in (("minimum", -1), ("maximum", 1), ("exclusiveMinimum", 0), ("exclusiveMaximum", 0)):
            if bound in numeric:
                tried += 1
                with pytest.raises(ValidationError, match=name):
                    built(kind, **{name: numeric[bound] + step})
    assert tried >= 2


def test_retrain_is_train_that_may_ingest_first_ask_whether_it_is_due_and_classify_again() -> None:
    own = RetrainParams.model_fields.keys() - TrainParams.model_fields.keys()
    rule = {"if_needed", "min_new_labels", "on_drift", "cool_down_hours"}
    assert own == {"source", "manifest", "rules", "rescore"} | rule
    assert not any(field.is_required() for field in RetrainParams.model_fields.values())
    assert not RetrainParams().if_needed


def test_the_flows_that_read_pictures_need_a_source() -> None:
    for kind in PARAMS.values():
        if issubclass(kind, IntakeParams):
            with pytest.raises(ValidationError, match="source"):
                kind.model_validate({})


def test_the_help_of_an_ingest_names_the_true_defaults_of_a_new_dataset() -> None:
    fields = {**Policy.model_fields, **Cleaning.model_fields}
    for name, field in fields.items():
        if name == "cleaning":
            continue
        help_ = IngestParams.model_fields[name].description or ""
        assert IngestParams.model_fields[name].default is None  # so that it can be told from what was asked for
        assert f"as the dataset was begun, {str(field.default).lower()} for a new one" in help_


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"cluster": {"kind": "slurm", "minimum": 3, "maximum": 2}}, "minimum: must be at most maximum, 2, got 3"),
        ({"cluster": {"kind": "pbs"}, "scheduler": "tcp://host:1"}, "give either scheduler or cluster"),
        ({"scheduler": "tls://host:1"}, "tls: must name ca, cert and key, since the scheduler is at tls://"),
    ],
)
def test_what_computes_is_one_thing_and_whole(asked: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Compute(**asked)


@pytest.mark.parametrize(
    ("asked", "elsewhere"),
    [
        ({}, False),
        ({"scheduler": "tcp://host:1"}, True),
        ({"cluster": {"kind": "cuda"}}, False),
        ({"cluster": {"kind": "slurm"}}, True),
    ],
)
def test_workers_are_elsewhere_unless_this_machine_has_them(asked: dict[str, Any], elsewhere: bool) -> None:
    assert Compute(**asked).elsewhere is elsewhere
