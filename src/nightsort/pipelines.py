"""Owns pipelines.yaml: which pipelines there are, when they run, where storage is, what computes, where it is deployed.

Invariant: a file that loads is right in every value; one that does not names all its faults, each
with file and dotted place. Reading it does no other I/O.
Does not know how a pipeline is run.
"""

from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from nightsort.config.catalogue import PARAMS
from nightsort.config.compute import Compute, Tls
from nightsort.config.run import RunParams, without_credentials
from nightsort.config.schedule import Schedule
from nightsort.config.serving import DEFAULT_POOL, JobVariables, Pool, Server
from nightsort.disk import absolute, anchored
from nightsort.errors import ConfigError
from nightsort.faults import did_you_mean, faults_of
from nightsort.words import Flow, Occasion, Trigger

# How a parameter that is a place is found from where the file lies; a file may also be named otherwise.
_PLACES = {"source": absolute, "storage": absolute, "rescore": absolute, "manifest": anchored, "weights": anchored}


class Pipeline(BaseModel):
    """One pipeline: a flow with its parameters and, if it starts by itself, a schedule."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flow: Flow = Field(description="What it does.")
    description: str = Field("", description="What people see of it in the Prefect UI.")
    parameters: dict[str, Any] = Field({}, description="Settings of its flow that differ from their defaults.")
    schedule: Schedule | None = Field(None, description="When it starts by itself; without one, it waits to be run.")
    triggers: list[Trigger] = Field([], description="What starts it besides its schedule.")
    pool: str | None = Field(None, min_length=1, description="Work pool that `nightsort deploy` puts it into.")
    tags: list[str] = Field([], description="Tags of its deployment and of all its runs.")
    job_variables: JobVariables = Field({}, description="Its own besides those of the pool; env is merged.")

    @model_validator(mode="after")
    def _retrains(self) -> "Pipeline":
        if self.triggers and self.flow != "retrain":
            raise ValueError("triggers: only a pipeline of the flow retrain has them")
        return self


def _of_runs(name: str) -> str:
    """What every run takes alike is described alike."""
    return str(RunParams.model_fields[name].description)


class Declaration(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    storage: Annotated[str, AfterValidator(without_credentials)] = Field(
        "nightsort-data", min_length=1, description=_of_runs("storage")
    )
    compute: Compute = Field(Compute(), description="What computes, in every run.")
    notify: list[Occasion] = Field(list(get_args(Occasion)), description=_of_runs("notify"))
    server: Server = Field(Server(), description="The Prefect server that `nightsort up` starts.")
    pools: dict[str, Pool] = Field({}, description="Work pools that `nightsort deploy` makes.")
    pipelines: dict[str, Pipeline] = Field({}, description="What there is to run, by name.")

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
    """Read and check pipelines.yaml; relative folders are taken from where it lies, and files that lie there.

    :raises ConfigError: one line per fault
    """
    raw = _parse(file)
    faults: list[str] = []
    try:
        declaration = Declaration.model_validate(raw)
    except ValidationError as error:
        faults += faults_of(error, Declaration, file.name)
    faults += [*_parameter_faults(raw, file.name), *_pool_faults(raw, file.name)]
    if faults:
        raise ConfigError("\n".join(faults))
    return _anchored(declaration, file.resolve().parent)


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
        hint = "; 'nightsort init' writes one" if isinstance(error, FileNotFoundError) else ""
        raise ConfigError(f"{file}: cannot be read ({error.strerror}){hint}") from None
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
                faults += faults_of(error, PARAMS[pipeline["flow"]], place, "pipelines", str(name), "parameters")
    return faults


def _pool_faults(raw: dict[str, Any], place: str) -> list[str]:
    """Pipelines whose pool is nowhere declared."""
    pipelines, pools = raw.get("pipelines"), raw.get("pools")
    known = [DEFAULT_POOL, *map(str, pools if isinstance(pools, dict) else {})]
    faults: list[str] = []
    for name, pipeline in (pipelines if isinstance(pipelines, dict) else {}).items():
        pool = pipeline.get("pool") if isinstance(pipeline, dict) else None
        if isinstance(pool, str) and pool and pool not in known:
            hint = did_you_mean(pool, known)
            faults.append(f"{place}: pipelines.{name}.pool: is not declared under pools, got {pool!r}{hint}")
    return faults


def _anchored(declaration: Declaration, folder: Path) -> Declaration:
    pipelines = {
        name: pipeline.model_copy(
            update={
                "parameters": {
                    key: _PLACES[key](value, folder) if key in _PLACES and value else value
                    for key, value in pipeline.parameters.items()
                }
            }
        )
        for name, pipeline in declaration.pipelines.items()
    }
    compute = declaration.compute
    if compute.tls:
        files = {name: absolute(path, folder) for name, path in compute.tls.model_dump().items()}
        compute = compute.model_copy(update={"tls": Tls(**files)})
    storage = absolute(declaration.storage, folder)
    return declaration.model_copy(update={"storage": storage, "compute": compute, "pipelines": pipelines})
