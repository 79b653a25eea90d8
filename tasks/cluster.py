"""Owns Dask clusters that are made for a run: by Kubernetes, by a batch system, or of this machine's GPUs.

Invariant: a library is imported only when its cluster is asked for. Workers that a batch system starts are reached by
TLS; on GPUs of this machine nothing listens off loopback.
Does not know what is computed, nor when the cluster ends.
"""

import importlib
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, NamedTuple

from distributed import Security

from nightsort.config.compute import Cluster, ClusterKind
from nightsort.errors import ConfigError


class _Maker(NamedTuple):
    module: str
    name: str
    extra: str  # of Nightsort, which has the library


_MAKERS: dict[ClusterKind, _Maker] = {
    "kubernetes": _Maker("dask_kubernetes.operator", "KubeCluster", "kubernetes"),
    "slurm": _Maker("dask_jobqueue", "SLURMCluster", "jobqueue"),
    "pbs": _Maker("dask_jobqueue", "PBSCluster", "jobqueue"),
    "sge": _Maker("dask_jobqueue", "SGECluster", "jobqueue"),
    "lsf": _Maker("dask_jobqueue", "LSFCluster", "jobqueue"),
    "cuda": _Maker("dask_cuda", "LocalCUDACluster", "cuda"),
}


def make(cluster: Cluster, security: Security | None) -> Any:
    """A cluster, which grows with its work up to its maximum; one of GPUs has as many workers from the start.

    :param security: for the workers of a batch system; certificates of its own are made for the run if None
    :raises ConfigError: if the library is missing, or refuses the options
    """
    options = settings(cluster, security)
    kind = class_of(cluster.kind)
    with ExitStack() as undo:
        try:
            made = kind(**options)
            undo.callback(made.close)
            if cluster.kind != "cuda":
                made.adapt(minimum=cluster.minimum, maximum=cluster.maximum)
            undo.pop_all()
            return made
        except Exception as error:  # of whatever library it is: an option, a right, an API that does not answer
            raise ConfigError(
                f"cluster {cluster.kind}: {kind.__name__} could not be made ({type(error).__name__}: "
                f"{' '.join(str(error).split())}); see its options"
            ) from None


def class_of(kind: ClusterKind) -> Callable[..., Any]:
    """The class that makes clusters of a kind.

    :raises ConfigError: names the extra to install
    """
    maker = _MAKERS[kind]
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(maker.module), maker.name)
    except ImportError as error:
        raise ConfigError(f"cluster {kind}: {error}; pip install 'nightsort[{maker.extra}]'") from None
    return found


def settings(cluster: Cluster, security: Security | None) -> dict[str, Any]:
    """The options of a cluster, and what Nightsort says where they say nothing."""
    given = cluster.options
    if cluster.kind == "kubernetes":
        return {"n_workers": cluster.minimum, "quiet": True} | given
    if cluster.kind == "cuda":
        loopback = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
        return {"n_workers": cluster.maximum, **loopback} | given
    scheduler = {"dashboard_address": "127.0.0.1:0"} | given.get("scheduler_options", {})
    # Whoever reaches a scheduler can run code on its workers, so this one never speaks in clear.
    secured = {"security": security or Security.temporary(), "shared_temp_directory": "~"}
    return secured | given | {"scheduler_options": scheduler}
