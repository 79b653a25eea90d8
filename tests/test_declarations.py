"""pipelines.yaml, the parameters, the flows, the deployments and the command line agree with one another."""

import inspect
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from prefect import Flow
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.utilities.schema_tools.validation import ValidationError, validate

from flows import served as served_flows
from flows.catalogue import DESCRIPTIONS, EXAMPLES
from flows.cli import cli
from flows.commands.launching import PREVIEWED
from flows.deployment.deployments import deployments
from flows.served import flow_named
from nightsort import words
from nightsort.config.catalogue import PARAMS
from nightsort.config.run import RunParams
from nightsort.errors import ConfigError
from nightsort.pipelines import Declaration, load

REPOSITORY = Path(__file__).resolve().parent.parent
DECLARED = {key for key, field in RunParams.model_fields.items() if "pipelines.yaml only" in str(field.description)}
FIELDS = [(name, key) for name, params in PARAMS.items() for key in params.model_fields]
EVERY_SIX_HOURS = "pipelines:\n  often:\n    flow: train\n    schedule:\n      interval_seconds: 21600\n"


@pytest.fixture(scope="module")
def declared() -> Declaration:
    return load(REPOSITORY / "pipelines.yaml")


def test_the_file_declares_every_flow(declared: Declaration) -> None:
    assert {pipeline.flow for pipeline in declared.pipelines.values()} == PARAMS.keys()
    assert {"ingest", "train", "nightly", "archive", "retrain"} <= declared.pipelines.keys()


def test_declared_parameters_reach_the_params_model(declared: Declaration) -> None:
    for name, pipeline in declared.pipelines.items():
        params = declared.params(name)
        assert type(params) is PARAMS[pipeline.flow]
        assert pipeline.parameters.items() <= params.model_dump().items()
        assert params.storage == str(REPOSITORY / "nightsort-data")


def test_every_flow_of_the_folder_is_in_the_catalogue_and_has_params() -> None:
    taking = {
        file.stem
        for file in (REPOSITORY / "flows").glob("*.py")
        if re.search(rf"^def {file.stem}\(params: ", file.read_text(), re.MULTILINE)
    }
    served = {name for name, value in vars(served_flows).items() if isinstance(value, Flow)}
    assert taking == set(get_args(words.Flow)) == PARAMS.keys() == DESCRIPTIONS.keys() == EXAMPLES.keys() == served


@pytest.mark.parametrize("name", PARAMS)
def test_a_flow_takes_its_params_model_and_nothing_else(name: str) -> None:
    flow = flow_named(name)
    assert flow.name == name and flow.description
    assert list(inspect.signature(flow.fn).parameters) == ["params"]
    assert get_type_hints(flow.fn)["params"] is PARAMS[name]


@pytest.mark.parametrize(("name", "key"), FIELDS)
def test_every_field_is_described_and_every_number_bounded(name: str, key: str) -> None:
    schema = PARAMS[name].model_json_schema()["properties"][key]
    assert len(schema.get("description", "")) > 15
    for kind in schema.get("anyOf", [schema]):
        if kind.get("type") in ("integer", "number"):
            assert kind.keys() & {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, key in FIELDS if key not in DECLARED])
def test_every_field_is_an_option_or_the_argument_of_its_command(name: str, key: str) -> None:
    offered = {item.name: item for item in cli.commands[name].params}
    assert key in offered
    field = PARAMS[name].model_fields[key]
    assert offered[key].param_type_name == ("argument" if key == "source" and field.is_required() else "option")


@pytest.mark.parametrize("name", PARAMS)
def test_a_command_offers_nothing_that_its_flow_does_not_take(name: str) -> None:
    own = {"as_json", "config"} | ({"dry_run"} if name in PREVIEWED else set())
    assert {item.name for item in cli.commands[name].params} - PARAMS[name].model_fields.keys() == own


@pytest.mark.parametrize("model", [RunParams, *PARAMS.values()])
def test_an_unknown_key_is_refused(model: type[RunParams]) -> None:
    assert model.model_config["extra"] == "forbid" and model.model_config["frozen"]


def test_every_pipeline_becomes_a_deployment(declared: Declaration) -> None:
    made = {deployment.name: deployment for deployment in deployments(declared)}
    assert made.keys() == declared.pipelines.keys()
    for name, deployment in made.items():
        pipeline = declared.pipelines[name]
        assert (deployment.flow_name, deployment.description) == (pipeline.flow, pipeline.description)
        assert deployment.entrypoint == f"flows.served.{pipeline.flow}"
        schedules = [item.schedule for item in deployment.schedules]
        if pipeline.schedule is None:
            assert schedules == []
        else:
            assert schedules == [CronSchedule(cron=pipeline.schedule.cron, timezone=pipeline.schedule.timezone)]


def test_an_interval_and_a_time_zone_reach_the_deployment(tmp_path: Path) -> None:
    file = tmp_path / "pipelines.yaml"
    nightly = "  nightly:\n    flow: train\n    schedule:\n      cron: 30 1 * * *\n      timezone: Europe/Berlin\n"
    file.write_text(EVERY_SIX_HOURS + nightly)
    often, nightly_ = (item.schedules[0].schedule for item in deployments(load(file)))
    assert isinstance(often, IntervalSchedule) and often.interval.total_seconds() == 21600
    assert nightly_ == CronSchedule(cron="30 1 * * *", timezone="Europe/Berlin")


def test_nothing_declared_is_nothing_to_serve() -> None:
    with pytest.raises(ConfigError, match="nothing to serve"):
        deployments(Declaration())


@pytest.mark.parametrize(
    "change", [{}, {"workers": -1}, {"workers": 1025}, {"workers": "many"}, {"no_such": 1}, {"scheduler": 7}]
)
def test_prefect_accepts_the_declared_parameters_and_refuses_others(
    declared: Declaration, change: dict[str, Any]
) -> None:
    for deployment in deployments(declared):
        assert deployment.enforce_parameter_schema
        schema = deployment._parameter_openapi_schema.model_dump()
        given = {"params": {**deployment.parameters["params"], **change}}
        if change:
            with pytest.raises(ValidationError):
                validate(given, schema, raise_on_error=True)
        else:
            validate(given, schema, raise_on_error=True)
