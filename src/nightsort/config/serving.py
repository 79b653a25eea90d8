"""Owns the settings of the Prefect server that the pipelines are deployed to, with its work pools.

Invariant: a pool of containers names an image. Does not know what is deployed.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

DEFAULT_POOL = "nightsort"
"""Where a pipeline is deployed to that names no pool; a process pool that need not be declared."""


def _with_env(variables: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(variables.get("env", {}), dict):
        raise ValueError("env: must hold names with their values")
    return variables


PoolType = Literal["process", "docker", "kubernetes"]
"""How a worker of a pool runs a flow."""

JobVariables = Annotated[dict[str, Any], AfterValidator(_with_env)]
"""Values for the job template of a work pool, whatever this has; env is a mapping."""


class Pool(BaseModel):
    """A work pool: where Prefect's workers find what to run, and how they run it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: PoolType = Field(
        "process", description="Whether a worker of it runs a flow as a process, a container or a Kubernetes job."
    )
    job_variables: JobVariables = Field(
        default_factory=dict,
        description="What every pipeline in it gets for the pool's job template: image, env, volumes, memory, ...",
    )
    concurrency: int | None = Field(
        None, ge=1, description="Runs at once at most, of all its workers; null is no limit."
    )

    @model_validator(mode="after")
    def _image(self) -> "Pool":
        if self.type != "process" and not self.job_variables.get("image"):
            raise ValueError(f"job_variables.image: is required for {self.type}: an image that has Nightsort in it")
        return self


class Server(BaseModel):
    """Where `nightsort up` starts the Prefect server, and where the command line looks for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on; others than loopback need an auth string.")
    port: int = Field(4200, ge=1, le=65535, description="Port to listen on.")
    zombie_seconds: int = Field(
        600,
        ge=0,
        le=86_400,
        description="A run that is Running and was not heard of for so long is made Crashed; at least 90, 0 is never.",
    )

    @field_validator("zombie_seconds")
    @classmethod
    def _three_beats(cls, value: int) -> int:
        if 0 < value < 90:  # three heartbeats of Prefect, which come every 30 s at the most often
            raise ValueError("must be 0 or at least 90")
        return value

    @property
    def heartbeat_seconds(self) -> int:
        """How often a run is to be heard of; Prefect takes 30 at least."""
        return max(30, self.zombie_seconds // 3)

    @property
    def api(self) -> str:
        """Address of the Prefect API."""
        return f"http://{self.host}:{self.port}/api"
