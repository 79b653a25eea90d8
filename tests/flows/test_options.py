"""The words of a command are the fields of its flow's parameters."""

import click
import pytest

from flows.commands.options import of_model
from nightsort.config.catalogue import PARAMS
from nightsort.config.run import RunParams

DECLARED = {key for key, field in RunParams.model_fields.items() if "pipelines.yaml only" in str(field.description)}


@pytest.mark.parametrize("flow", PARAMS)
def test_every_field_has_one_word(flow: str) -> None:
    words = [parameter.name for parameter in of_model(PARAMS[flow])]
    assert sorted(words) == sorted(set(PARAMS[flow].model_fields) - {"storage"} - DECLARED)


@pytest.mark.parametrize(
    ("flow", "own", "inherited"),
    [("ingest", "group_by", "chunk_size"), ("ingest", "source", "scheduler"), ("classify", "rescore", "chunk_size")],
)
def test_what_a_flow_alone_takes_comes_before_what_it_shares(flow: str, own: str, inherited: str) -> None:
    words = [parameter.name for parameter in of_model(PARAMS[flow])]
    assert words.index(own) < words.index(inherited)


@pytest.mark.parametrize("flow", PARAMS)
def test_a_form_has_the_order_of_the_command_line(flow: str) -> None:
    words = [parameter.name for parameter in of_model(PARAMS[flow])]
    properties = PARAMS[flow].model_json_schema()["properties"]
    assert [name for name in properties if name not in {"storage"} | DECLARED] == words
    assert [part["position"] for part in properties.values()] == list(range(len(properties)))


@pytest.mark.parametrize(
    ("words", "value"),
    [(["--if-needed"], "true"), (["--if-needed", "false"], "false"), (["--if-needed=true"], "true"), ([], None)],
)
def test_yes_need_not_be_typed(words: list[str], value: str | None) -> None:
    given = click.Command("retrain", params=of_model(PARAMS["retrain"])).make_context(
        "retrain", [*words, "--epochs", "3"]
    )
    assert (given.params["if_needed"], given.params["epochs"]) == (value, "3")
