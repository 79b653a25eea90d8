"""pipelines.yaml: right in every value, or every fault at once with its dotted place."""

from pathlib import Path
from textwrap import dedent

import pytest
from pydantic import ValidationError

from nightsort.config.catalogue import PARAMS
from nightsort.config.curation import AugmentParams
from nightsort.config.search import CompareParams
from nightsort.config.training import TrainParams
from nightsort.errors import ConfigError
from nightsort.faults import faults_of
from nightsort.pipelines import Declaration, load


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pipelines.yaml"


def faults(file: Path, text: str) -> list[str]:
    """The faults of a file, each without the name of the file, which each must begin with."""
    file.write_text(dedent(text))
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert all(line.startswith("pipelines.yaml: ") for line in caught.value.lines)
    return [line.removeprefix("pipelines.yaml: ") for line in caught.value.lines]


FLOWS = "'ingest', 'train', 'classify', 'retrain', 'compare', 'tune', 'ensemble', 'augment', 'audit' or 'promote'"


def test_three_mistakes_are_three_lines_with_their_places(file: Path) -> None:
    text = """
        storage: data
        pipelines:
          nightly:
            flow: classify
            parameters: {source: in, batch_size: 0}
            schedule: {cron: "0 25 * * *"}
          weekly:
            flow: retain
    """
    assert sorted(faults(file, text)) == [
        "pipelines.nightly.parameters.batch_size: must be greater than or equal to 1, got 0",
        "pipelines.nightly.schedule.cron: is not a cron line (Bad hour), got '0 25 * * *'",
        f"pipelines.weekly.flow: must be {FLOWS}, got 'retain'; did you mean 'retrain'?",
    ]


PLACE = "pipelines.n.parameters."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{flow: ensemble}", f"{PLACE}models: is required: Versions of the models to combine, of one image size"),
        ("{flow: classify, parameters: {source: 3}}", f"{PLACE}source: must be a valid string, got 3"),
        ("{flow: train, parameters: {epochs: many}}",
         f"{PLACE}epochs: must be a whole number, such as 3, got 'many'"),
        ("{flow: train, parameters: {epochs: 1.5}}", f"{PLACE}epochs: must be a whole number, such as 3, got 1.5"),
        ("{flow: train, parameters: {target_precision: '0,95'}}",
         f"{PLACE}target_precision: must be a number, such as 0.95, got '0,95'"),
        ("{flow: ensemble, parameters: {models: [1]}}", f"{PLACE}models: must be at least 2, got [1]"),
        ("{flow: train, parameters: {source: x}}", f"{PLACE}source: is not a known setting"),
        ("{flow: train, parameters: {bath_size: 4}}",
         f"{PLACE}bath_size: is not a known setting; did you mean 'batch_size'?"),
        ("{flow: train, parameters: }", "pipelines.n.parameters: must be a valid dictionary, got None"),
        ("{flow: train, parameters: 3}", "pipelines.n.parameters: must be a valid dictionary, got 3"),
        ("{flow: [train]}", f"pipelines.n.flow: must be {FLOWS}, got ['train']"),
        ("{}", "pipelines.n.flow: is required: What it does"),
        ("{flow: train, scedule: {}}", "pipelines.n.scedule: is not a known setting; did you mean 'schedule'?"),
        ("{flow: train, schedule: {crn: x, interval_seconds: 60}}",
         "pipelines.n.schedule.crn: is not a known setting; did you mean 'cron'?"),
        ("{flow: train, schedule: {interval_seconds: 5}}",
         "pipelines.n.schedule.interval_seconds: must be greater than or equal to 60, got 5"),
        ("{flow: train, schedule: {timezone: UTC}}",
         "pipelines.n.schedule: give either cron, interval_seconds or rrule, got {'timezone': 'UTC'}"),
        ("{flow: train, schedule: {cron: '0 2 * * *', timezone: Mars/Olympus}}",
         "pipelines.n.schedule.timezone: is not a time zone of the IANA database, got 'Mars/Olympus'"),
        ("{flow: train, schedule: {cron: '0 0 2 * * *'}}",
         "pipelines.n.schedule.cron: is not a cron line of five fields, got '0 0 2 * * *'"),
        ("{flow: train, triggers: [labels]}",
         "pipelines.n: triggers: only a pipeline of the flow retrain has them, got {'flow': 'train', 'triggers': "
         "['labels']}"),
        ("{flow: retrain, triggers: [label]}",
         "pipelines.n.triggers.0: must be 'labels' or 'drift', got 'label'; did you mean 'labels'?"),
        ("{flow: train, schedule: {cron: ''}}",
         "pipelines.n.schedule.cron: is not a cron line of five fields, got ''"),
        ("{flow: train, job_variables: {env: [A]}}",
         "pipelines.n.job_variables: env: must hold names with their values, got {'env': ['A']}"),
        ("{flow: train, pool: nightsrt}",
         "pipelines.n.pool: is not declared under pools, got 'nightsrt'; did you mean 'nightsort'?"),
        ("{flow: train, pool: gpu}", "pipelines.n.pool: is not declared under pools, got 'gpu'"),
        ("{flow: train, schedule: {cron: '0 0 31 2 *'}}",
         "pipelines.n.schedule.cron: is not a cron line (Bad day-of-month), got '0 0 31 2 *'"),
    ],
)  # fmt: skip
def test_a_fault_is_one_line_with_its_place_and_value(text: str, expected: str, file: Path) -> None:
    assert faults(file, f"pipelines: {{n: {text}}}") == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("storge: x", "storge: is not a known setting; did you mean 'storage'?"),
        ("zzz: x", "zzz: is not a known setting"),
        ("compute: {worker: 3}", "compute.worker: is not a known setting; did you mean 'workers'?"),
        (
            "server: {zombie_seconds: 30}",
            "server.zombie_seconds: must be 0 or at least 90, got 30",
        ),
        (
            "pools: {gpu: {type: docer, job_variables: {image: x}}}",
            "pools.gpu.type: must be 'process', 'docker' or 'kubernetes', got 'docer'; did you mean 'docker'?",
        ),
        (
            "pools: {gpu: {type: docker}}",
            "pools.gpu: job_variables.image: is required for docker: an image that has Nightsort in it, got "
            "{'type': 'docker'}",
        ),
        (
            "pools: {gpu: {concurrencies: 1}}",
            "pools.gpu.concurrencies: is not a known setting; did you mean 'concurrency'?",
        ),
        ("server: {port: 0}", "server.port: must be greater than or equal to 1, got 0"),
        (
            "notify: [failed, refusal]",
            "notify.1: must be 'failed', 'crashed', 'refused' or 'drift', got 'refusal'; did you mean 'refused'?",
        ),
        ("storage: {a: 1}", "storage: must be a valid string, got {'a': 1}"),
        (
            "storage: 's3://me:secret@bucket/x'",
            "storage: must hold no user or password before the @, since it is kept and shown; the environment gives "
            "them, see docs/security.md, got 's3://[redacted]@bucket/x'",
        ),
        ("pipelines: [a]", "pipelines: must be a valid dictionary, got ['a']"),
        ("", "must hold settings such as 'storage:' and 'pipelines:', got None"),
        ("- a", "must hold settings such as 'storage:' and 'pipelines:', got ['a']"),
        ("storage: x\nstorage: y", "line 2: is not YAML: 'storage' is there twice"),
        ("pipelines:\n  n: {flow: train}\n  n: {flow: train}", "line 3: is not YAML: 'n' is there twice"),
        ("storage: [x", "line 1: is not YAML: expected ',' or ']', but got '<stream end>'"),
    ],
)
def test_a_fault_outside_the_pipelines_too(text: str, expected: str, file: Path) -> None:
    assert faults(file, text) == [expected]


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"a: \x00"])
def test_bytes_that_are_no_text_are_one_line(data: bytes, file: Path) -> None:
    file.write_bytes(data)
    with pytest.raises(ConfigError, match="is not YAML") as caught:
        load(file)
    assert len(caught.value.lines) == 1


def test_a_missing_file_and_a_folder_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read \(No such .*\); 'nightsort init' writes one"):
        load(tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\)"):
        load(tmp_path)


def test_relative_folders_are_taken_from_where_the_file_lies(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(
        dedent("""
        storage: data
        pipelines:
          a: {flow: classify, parameters: {source: in/box, storage: own}}
          b: {flow: classify, parameters: {source: /srv/in}}
          c: {flow: classify, parameters: {source: "s3://bucket/in"}}
          d: {flow: ingest, parameters: {source: ~/in}}
          e: {flow: retrain, parameters: {source: null, rescore: archive}}
    """)
    )
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.chdir("/")
    declared, here = load(file), file.parent
    params = {name: declared.params(name) for name in declared.pipelines}
    assert declared.storage == str(here / "data")
    assert (params["a"].source, params["a"].storage) == (str(here / "in/box"), str(here / "own"))
    assert params["b"].source == "/srv/in" and params["b"].storage == str(here / "data")
    assert params["c"].source == "s3://bucket/in"
    assert params["d"].source == "/home/somebody/in"
    assert (params["e"].source, params["e"].rescore) == (None, str(here / "archive"))


def test_a_file_beside_the_pipelines_is_found_from_everywhere(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file.parent / "given").mkdir()
    (file.parent / "labels.csv").touch()
    (file.parent / "given/start.safetensors").touch()
    file.write_text(
        dedent("""
        pipelines:
          project: {flow: ingest, parameters: {source: in, manifest: labels.csv}}
          beside_the_pictures: {flow: ingest, parameters: {source: in, manifest: theirs.csv}}
          stored: {flow: ingest, parameters: {source: in, manifest: "s3://bucket/labels.csv"}}
          own: {flow: train, parameters: {weights: given/start.safetensors}}
          published: {flow: train, parameters: {weights: imagenet}}
    """)
    )
    monkeypatch.chdir("/")
    pipelines, here = load(file).pipelines, file.parent
    assert pipelines["project"].parameters["manifest"] == str(here / "labels.csv")
    assert pipelines["beside_the_pictures"].parameters["manifest"] == "theirs.csv"
    assert pipelines["stored"].parameters["manifest"] == "s3://bucket/labels.csv"
    assert pipelines["own"].parameters["weights"] == str(here / "given/start.safetensors")
    assert pipelines["published"].parameters["weights"] == "imagenet"


def test_params_are_the_defaults_then_the_file_then_the_pipeline(file: Path) -> None:
    file.write_text(
        dedent("""
        storage: "s3://bucket/root"
        compute: {workers: 3, scheduler: "tcp://host:8786"}
        pipelines:
          plain: {flow: train}
          own: {flow: train, parameters: {workers: 1, scheduler: null, epochs: 7}}
    """)
    )
    declared = load(file)
    assert declared.params("plain") == TrainParams(storage="s3://bucket/root", workers=3, scheduler="tcp://host:8786")
    assert declared.params("own") == TrainParams(storage="s3://bucket/root", workers=1, epochs=7)


def test_each_flow_gets_its_own_model(file: Path) -> None:
    given = dict.fromkeys(("train", "compare", "tune", "audit", "promote"), "") | {
        "augment": "below: 9",
        "ensemble": "models: [1, 2]",
    }
    flows = "".join(f"  {flow}: {{flow: {flow}, parameters: {{{given.get(flow, 'source: x')}}}}}\n" for flow in PARAMS)
    file.write_text(f"pipelines:\n{flows}")
    declared = load(file)
    assert {name: type(declared.params(name)) for name in declared.pipelines} == PARAMS


def test_an_undeclared_pipeline_is_one_line_that_names_the_declared() -> None:
    with pytest.raises(ConfigError, match="pipeline 'x': is not declared; declared are none"):
        Declaration().params("x")
    declared = Declaration.model_validate({"pipelines": {"b": {"flow": "train"}, "a": {"flow": "train"}}})
    with pytest.raises(ConfigError, match="declared are a, b"):
        declared.params("x")


@pytest.mark.parametrize("cron", ["0 2 * * *", "*/5 * * * *", "0 4 * * 0", "0 9 1 JAN MON-FRI", "0 0 L * *"])
def test_cron_lines_of_five_fields_are_taken(cron: str, file: Path) -> None:
    file.write_text(f"pipelines: {{n: {{flow: train, schedule: {{cron: '{cron}', timezone: Europe/Berlin}}}}}}")
    schedule = load(file).pipelines["n"].schedule
    assert schedule and (schedule.cron, schedule.timezone) == (cron, "Europe/Berlin")


def test_faults_of_a_flow_given_on_the_command_line() -> None:
    with pytest.raises(ValidationError) as caught:
        AugmentParams.model_validate({"belw": 3})
    assert sorted(faults_of(caught.value, AugmentParams, "augment")) == [
        "augment: below: is required: Classes with fewer training pictures are filled up to this many",
        "augment: belw: is not a known setting; did you mean 'below'?",
    ]


def test_a_word_near_an_allowed_one_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        CompareParams.model_validate({"strategies": "none,balanced_softmx,frobnicate"})
    first, second = faults_of(caught.value, CompareParams, "compare")
    assert first.startswith("compare: strategies.1: must be 'none', 'class_weights', ")
    assert first.endswith(", got 'balanced_softmx'; did you mean 'balanced_softmax'?")
    assert second.startswith("compare: strategies.2: must be") and second.endswith(", got 'frobnicate'")
