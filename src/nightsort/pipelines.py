"""Owns pipelines.yaml: which pipelines there are, when they run, where storage is, what computes.

Invariant: a file that loads is right in every value; one that does not names all its faults, each
with file and dotted place. Reading it does no other I/O.
Does not know how a pipeline is run.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Literal, cast, get_args
from zoneinfo import ZoneInfo

import yaml
from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from nightsort.config.catalogue import PARAMS
from nightsort.config.run import RunParams
from nightsort.errors import ConfigError
from nightsort.words import Occasion, Trigger

_NOON = datetime(2026, 1, 1, 12)  # a cron line is only parsed with a time to start from


class Schedule(BaseModel):
    """When a pipeline starts by itself: a cron line or an interval."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cron: str | None = Field(None, description="Five fields, as in crontab: '0 2 * * *' is 02:00 every day.")
    interval_seconds: int | None = Field(None, ge=60, description="Start this often instead.")
    timezone: str = Field("UTC", description="Time zone of the cron line, such as Europe/Berlin.")

    @field_validator("cron")
    @classmethod
    def _cron(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if len(value.split()) != 5:  # a sixth is seconds to some, years to others
            raise ValueError("is not a cron line of five fields")
        try:
            CronSim(value, _NOON)
        except CronSimError as error:
            raise ValueError(f"is not a cron line ({error})") from None
        return value

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("is not a time zone of the IANA database") from None
        return value

    @model_validator(mode="after")
    def _one_of(self) -> "Schedule":
        if (self.cron is None) == (self.interval_seconds is None):
            raise ValueError("give either cron or interval_seconds")
        return self


class Pipeline(BaseModel):
    """One pipeline: a flow with its parameters and, if it starts by itself, a schedule."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flow: Literal[
        "ingest", "train", "classify", "retrain", "compare", "tune", "ensemble", "augment", "audit", "promote"
    ]
    description: str = ""
    parameters: dict[str, Any] = {}
    schedule: Schedule | None = None
    triggers: list[Trigger] = Field([], description="What starts it besides its schedule.")

    @model_validator(mode="after")
    def _retrains(self) -> "Pipeline":
        if self.triggers and self.flow != "retrain":
            raise ValueError("triggers: only a pipeline of the flow retrain has them")
        return self


class Compute(BaseModel):
    """What computes; see the fields of the same names in :class:`nightsort.config.run.RunParams`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    workers: int = Field(0, ge=0, le=1024)
    scheduler: str | None = None


class Server(BaseModel):
    """Where `nightsort up` starts the Prefect server, and where the command line looks for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(4200, ge=1, le=65535)

    @property
    def api(self) -> str:
        """Address of the Prefect API."""
        return f"http://{self.host}:{self.port}/api"


class Declaration(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    storage: str = Field("nightsort-data", min_length=1)
    compute: Compute = Compute()
    notify: list[Occasion] = list(get_args(Occasion))
    server: Server = Server()
    pipelines: dict[str, Pipeline] = {}

    def params(self, name: str) -> RunParams:
        """The parameters of a pipeline, with storage and compute filled in.

        :raises ConfigError: if there is no such pipeline
        """
        if name not in self.pipelines:
            known = ", ".join(sorted(self.pipelines)) or "none"
            raise ConfigError(f"pipeline {name!r}: is not declared; declared are {known}")
        pipeline = self.pipelines[name]
        return PARAMS[pipeline.flow].model_validate({**self.defaults(), **pipeline.parameters})

    def defaults(self) -> dict[str, Any]:
        """What every run takes from the file unless told otherwise."""
        return {"storage": self.storage, "notify": self.notify, **self.compute.model_dump()}


def load(file: Path) -> Declaration:
    """Read and check pipelines.yaml; relative folders are taken from where it lies.

    :raises ConfigError: one line per fault
    """
    raw = _parse(file)
    faults: list[str] = []
    try:
        declaration = Declaration.model_validate(raw)
    except ValidationError as error:
        faults += faults_of(error, file.name)
    faults += _parameter_faults(raw, file.name)
    if faults:
        raise ConfigError("\n".join(faults))
    return _anchored(declaration, file.resolve().parent)


def faults_of(error: ValidationError, place: str, *inside: str) -> list[str]:
    """One line per fault: the dotted place, what is wrong, the value.

    :param error: of :class:`Declaration` or of a model of PARAMS
    :param inside: where in the file that model stands
    """
    models: list[type[BaseModel]] = [Declaration, *PARAMS.values()]
    model = {model.__name__: model for model in models}[error.title]
    return [_fault(detail, place, inside, model) for detail in error.errors(include_url=False)]


def _fault(detail: Any, place: str, inside: tuple[str, ...], model: type[BaseModel]) -> str:
    dotted = ".".join(str(part) for part in (*inside, *detail["loc"]))
    where = f"{place}: {dotted}" if dotted else place
    match detail["type"]:
        case "missing":
            return f"{where}: is required"
        case "bool_parsing":
            return f"{where}: must be true or false, got {detail['input']!r}"
        case "too_short":
            return f"{where}: must be at least {detail['ctx']['min_length']}, got {detail['input']!r}"
        case "extra_forbidden":
            *parents, name = detail["loc"]
            near = get_close_matches(str(name), _settings(model, parents), n=1, cutoff=0.75)
            return f"{where}: is not a known setting" + (f"; did you mean {near[0]!r}?" if near else "")
    message = detail["msg"].removeprefix("Value error, ")
    hint = _near(detail) if detail["type"] == "literal_error" and isinstance(detail["input"], str) else ""
    message = "must " + message.removeprefix("Input should ") if message.startswith("Input should ") else message
    got = f"got {detail['input']!r}"
    return (f"{where}: {message}" if message.endswith(got) else f"{where}: {message}, {got}") + hint


def _near(detail: Any) -> str:
    """The word that was meant, if one is near."""
    allowed = re.findall("'(.+?)'", detail["ctx"]["expected"])
    near = get_close_matches(detail["input"], allowed, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _settings(model: Any, path: list[Any]) -> Iterable[str]:
    """The names that are known at a place inside a model."""
    for part in path:
        is_model = isinstance(model, type) and issubclass(model, BaseModel)
        model = model.model_fields[part].annotation if is_model else get_args(model)[-1]  # of a dict[str, model]
        if isinstance(model, UnionType):
            model = get_args(model)[0]
    return cast("Iterable[str]", model.model_fields)


class _Loader(yaml.SafeLoader):
    """YAML lets the last of two equal keys win, and would lose a pipeline without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if (name := str(key.value)) in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{name!r} is there twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def _parse(file: Path) -> dict[str, Any]:
    try:
        raw = yaml.load(file.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ConfigError(f"{file.name}: {line}is not YAML: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file.name}: is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{file.name}: must hold settings such as 'storage:' and 'pipelines:', got {raw!r}")
    return raw


def _parameter_faults(raw: dict[str, Any], place: str) -> list[str]:
    """Faults in the parameters, which the file's own model leaves to the flow's model."""
    faults: list[str] = []
    pipelines = raw.get("pipelines")
    for name, pipeline in (pipelines if isinstance(pipelines, dict) else {}).items():
        parameters = pipeline.get("parameters", {}) if isinstance(pipeline, dict) else None
        if isinstance(parameters, dict) and str(pipeline.get("flow")) in PARAMS:
            try:
                PARAMS[pipeline["flow"]].model_validate(parameters)
            except ValidationError as error:
                faults += faults_of(error, place, "pipelines", str(name), "parameters")
    return faults


def _anchored(declaration: Declaration, folder: Path) -> Declaration:
    pipelines = {
        name: pipeline.model_copy(
            update={
                "parameters": {
                    key: _anchor(value, folder) if key in ("source", "storage") and value else value
                    for key, value in pipeline.parameters.items()
                }
            }
        )
        for name, pipeline in declaration.pipelines.items()
    }
    return declaration.model_copy(update={"storage": _anchor(declaration.storage, folder), "pipelines": pipelines})


def _anchor(path: str, folder: Path) -> str:
    return path if "://" in path else str(folder / Path(path).expanduser())
