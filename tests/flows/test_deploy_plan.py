"""The plan: what is declared against what was found, without a server."""

from datetime import UTC
from pathlib import Path
from textwrap import dedent
from uuid import UUID

import pytest
from prefect.client.schemas.objects import WorkPool
from prefect.client.schemas.schedules import RRuleSchedule
from pydantic import SecretStr

from flows.deployment.automations import as_thing as automation_as_thing
from flows.deployment.automations import automations
from flows.deployment.deployments import as_thing, deployments, pools, said
from flows.deployment.plan import Change, Step, Thing, as_object, lines, plan
from nightsort.errors import ConfigError
from nightsort.pipelines import Declaration, load

ONE, TWO = UUID(int=1), UUID(int=2)


@pytest.fixture
def declared(tmp_path: Path) -> Declaration:
    file = tmp_path / "pipelines.yaml"
    file.write_text(
        dedent("""
        storage: root
        server: {zombie_seconds: 300}
        pools:
          boxes: {type: docker, job_variables: {image: "nightsort:1", env: {A: 1, B: of pool}}, concurrency: 2}
        pipelines:
          monthly:
            flow: train
            pool: boxes
            tags: [gold]
            job_variables: {mem_limit: 4g, env: {B: its own}}
            schedule: {rrule: "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=22", timezone: Europe/Berlin}
          again: {flow: retrain, triggers: [labels]}
        """)
    )
    return load(file)


def thing(name: str, **fields: object) -> Thing:
    return Thing("deployment", name, fields)


def test_what_is_equal_is_left_alone() -> None:
    same = thing("a", parameters={"epochs": 3}, tags=["x"], url=SecretStr("s3cret"))
    assert plan([same], [same], prune=True) == [Step("unchanged", "deployment", "a")]


def test_a_change_names_its_field_with_both_values() -> None:
    before = thing("a", parameters={"epochs": 3, "gone": 1, "list": [{"x": 1}]}, tags=["x", "y"])
    after = thing("a", parameters={"epochs": 4, "list": [{"x": 2}]}, tags=["x"])
    (step,) = plan([after], [before], prune=False)
    assert (step.action, step.changes) == (
        "update",
        [
            Change("parameters.epochs", "3", "4"),
            Change("parameters.list.0.x", "1", "2"),
            Change("tags", "y", "none"),
            Change("parameters.gone", "1", "none"),
        ],
    )
    assert lines([step])[:2] == ["update    deployment a", "            parameters.epochs: 3 -> 4"]
    assert lines([step])[-1] == "plan: 1 update"


def test_a_secret_is_compared_and_never_shown() -> None:
    steps = plan(
        [thing("a", url=SecretStr("n3w"), env={"A": SecretStr("n3w")})], [thing("a", url=SecretStr("0ld"))], True
    )
    assert steps[0].changes == [Change("url", "(secret)", "(secret)"), Change("env.A", "none", "(secret)")]
    assert not {"n3w", "0ld"} & set(f"{lines(steps)}{as_object(steps)}".split("'"))


def test_a_long_value_is_cut() -> None:
    (step,) = plan([thing("a", text="n" * 1000)], [thing("a", text="o")], prune=False)
    assert step.changes == [Change("text", "o", "n" * 87 + "...")]


@pytest.mark.parametrize("prune", [False, True])
def test_what_is_no_longer_declared_stays_unless_it_is_pruned(prune: bool) -> None:
    found = [thing("often", schedule=["every 60 s"]), thing("by-hand"), Thing("automation", "tell", {})]
    steps = {step.name: step for step in plan([], found, prune)}
    assert steps["tell"].action == "remove", "it would act on what is not declared"
    assert {steps[name].action for name in ("often", "by-hand")} == {"remove" if prune else "keep"}
    if not prune:
        assert "its schedule goes on starting it; --prune removes it" in steps["often"].note
        assert steps["by-hand"].note == "no longer declared; --prune removes it"


def test_a_deployment_has_what_its_pipeline_declares(declared: Declaration) -> None:
    monthly, again = (as_thing(item.flow_name or "", item) for item in deployments(declared, "people"))
    assert (monthly.name, monthly.fields["pool"], again.fields["pool"]) == ("train/monthly", "boxes", "people")
    assert {"nightsort", "gold"} < set(monthly.fields["tags"])
    (rule,) = monthly.fields["schedule"]
    assert rule == "DTSTART:20260101T000000 RRULE:FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=22 Europe/Berlin"
    assert monthly.fields["parameters"]["storage"] == declared.storage
    assert as_thing("train", deployments(declared)[0]).fields["pool"] is None, "up serves it itself"


def test_variables_of_the_pool_and_of_the_pipeline_are_put_together(declared: Declaration) -> None:
    monthly, again = deployments(declared, "people")
    assert monthly.job_variables == {
        "image": "nightsort:1",
        "mem_limit": "4g",
        "env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "100", "A": "1", "B": "its own"},
    }
    assert again.job_variables == {"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "100"}}


def test_a_rule_comes_up_at_the_clock_of_its_time_zone(declared: Declaration) -> None:
    (entry,) = deployments(declared)[0].schedules or []
    assert isinstance(entry.schedule, RRuleSchedule) and said(entry).endswith("Europe/Berlin")
    first, second = entry.schedule.to_rrule()[5], entry.schedule.to_rrule()[6]
    assert [item.astimezone(UTC).isoformat() for item in (first, second)] == [
        "2026-06-26T20:00:00+00:00",
        "2026-07-31T20:00:00+00:00",
    ]


def test_pools_are_those_that_are_used(declared: Declaration) -> None:
    made = list(pools(declared, "people", {}))
    assert [(item.name, item.fields) for item in made] == [
        ("boxes", {"type": "docker", "concurrency": 2}),
        ("people", {"type": "process", "concurrency": None}),
    ]
    theirs = {"people": WorkPool(name="people", type="kubernetes", concurrency_limit=7)}
    assert list(pools(declared, "people", theirs))[1].fields == {"type": "kubernetes", "concurrency": 7}


def test_a_pool_of_another_type_is_one_line(declared: Declaration) -> None:
    there = {"boxes": WorkPool(name="boxes", type="process")}
    with pytest.raises(
        ConfigError, match=r"^pools\.boxes: is a docker pool, but the server has a process pool"
    ) as caught:
        list(pools(declared, "people", there))
    assert len(caught.value.lines) == 1


def test_a_run_that_is_not_heard_of_is_ended_for_every_deployment_alike(declared: Declaration) -> None:
    ids = {"monthly": ONE, "again": TWO}
    made = {core.name: core for core in automations(declared, ids, None)}
    assert made.keys() == {"nightsort: again when labels arrive", "nightsort: crash what is dead"}
    trigger = made["nightsort: crash what is dead"].trigger
    assert trigger.within.total_seconds() == 300 and trigger.after < trigger.expect
    assert trigger.match_related["prefect.resource.id"] == [f"prefect.deployment.{item}" for item in (ONE, TWO)]
    never = declared.model_copy(update={"server": declared.server.model_copy(update={"zombie_seconds": 0})})
    assert [core.name for core in automations(never, ids, None)] == ["nightsort: again when labels arrive"]
    assert "env" not in deployments(never, "people")[1].job_variables


def test_automations_are_told_apart_by_names_and_not_by_ids(declared: Declaration) -> None:
    def things(first: UUID, second: UUID) -> list[Thing]:
        named = {str(first): "train/monthly", str(second): "retrain/again"}
        made = automations(declared, {"monthly": first, "again": second}, None)
        return [automation_as_thing(core, named) for core in made]

    assert {step.action for step in plan(things(ONE, TWO), things(UUID(int=8), UUID(int=9)), True)} == {"unchanged"}
    assert "retrain/again" in str(things(ONE, TWO))
