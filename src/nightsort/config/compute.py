"""Owns what computes: the processes of one machine, a Dask scheduler that is there, or a cluster made for each run.

Invariant: at most one of the three is asked for; a scheduler that is reached by TLS has its three files named.
Does not know how a cluster is started.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

ClusterKind = Literal["kubernetes", "slurm", "pbs", "sge", "lsf", "cuda"]
"""Who starts the workers of a cluster that is made for a run."""

DECLARED = "only pipelines.yaml has room for it"
"""Marks a setting that is no option of a command."""


class Tls(BaseModel):
    """Three files in PEM form that the scheduler, its workers and their clients know one another by."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ca: str = Field(min_length=1, description="Certificate of the authority that signed those of all others.")
    cert: str = Field(min_length=1, description="Certificate of this side.")
    key: str = Field(min_length=1, description="Its private key; readable by its owner alone.")


class Cluster(BaseModel):
    """A Dask cluster that is made for each run, and grows and shrinks with its work."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: ClusterKind = Field(description="Who starts the workers: Kubernetes, a batch system, or this machine's GPUs.")
    minimum: int = Field(0, ge=0, le=10_000, description="Workers that are kept though there is no work.")
    maximum: int = Field(1, ge=1, le=10_000, description="Workers at most.")
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="Handed on to the class of dask-kubernetes, dask-jobqueue or dask-cuda: image, queue, cores, ...",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "Cluster":
        if self.minimum > self.maximum:
            raise ValueError(f"minimum: must be at most maximum, {self.maximum}, got {self.minimum}")
        return self


class Compute(BaseModel):
    """What computes, as `compute:` in pipelines.yaml says it and every run takes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    workers: int = Field(
        0,
        ge=0,
        le=1024,
        description="Worker processes of the local Dask cluster; 0 means one per core, or, where they train, one for "
        "each GPU or two cores.",
    )
    scheduler: str | None = Field(
        None,
        pattern=r"^\w+://.+:\d+$",
        description="Address of an external Dask scheduler (tls://host:8786 or tcp://...); empty starts a local one.",
    )
    tls: Annotated[Tls | None, DECLARED] = Field(
        None, description="Certificates for a scheduler at tls://; for pipelines.yaml only."
    )
    resources: Annotated[dict[str, float], DECLARED] = Field(
        default_factory=dict,
        description="What each chunk takes of an external worker's resources, such as GPU: 1; for pipelines.yaml only.",
    )
    cluster: Annotated[Cluster | None, DECLARED] = Field(
        None, description="A cluster made for each run; for pipelines.yaml only."
    )
    worker_timeout: Annotated[int, DECLARED] = Field(
        600,
        ge=1,
        description="Seconds that a run waits for workers elsewhere, or their scheduler, to come (back); "
        "for pipelines.yaml only.",
    )

    @property
    def elsewhere(self) -> bool:
        """Whether workers may be on other machines, which see other files."""
        return bool(self.scheduler) or (self.cluster is not None and self.cluster.kind != "cuda")

    @model_validator(mode="after")
    def _one_of(self) -> "Compute":
        if self.scheduler and self.cluster:
            raise ValueError("give either scheduler or cluster")
        if self.scheduler and self.scheduler.startswith("tls://") and self.tls is None:
            raise ValueError("tls: must name ca, cert and key, since the scheduler is at tls://")
        return self
