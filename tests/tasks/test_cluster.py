"""Clusters that are made for a run: what each kind is asked for, and what is said when it cannot be had."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dask_jobqueue import SLURMCluster
from dask_kubernetes.operator import make_cluster_spec
from distributed import LocalCluster

from nightsort.config.compute import Cluster, Tls
from nightsort.config.run import RunParams
from nightsort.errors import ConfigError
from tasks import cluster
from tasks.cluster import class_of, make, settings
from tasks.compute import Workers
from tasks.connection import security


class Adaptive(LocalCluster):
    """Stands for a cluster of a batch system: workers come when there is work, and options are what it was given."""

    made: list["Adaptive"] = []  # noqa: RUF012

    def __init__(self, **options: Any) -> None:
        self.options = options
        Adaptive.made.append(self)
        loopback = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "worker_dashboard_address": "127.0.0.1:0"}
        super().__init__(n_workers=0, threads_per_worker=1, silence_logs=50, **loopback)


@pytest.fixture
def adaptive(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Adaptive]]:
    monkeypatch.setattr(cluster, "class_of", lambda kind: Adaptive)
    Adaptive.made.clear()
    yield Adaptive.made


def test_slurm_is_asked_for_what_the_options_say_by_tls(tls: Tls) -> None:
    options = {
        "queue": "night", "cores": 8, "processes": 1, "memory": "32GB", "walltime": "08:00:00",
        "job_extra_directives": ["--gres=gpu:1"], "worker_extra_args": ["--resources", "GPU=1"],
        "scheduler_options": {"host": "127.0.0.1"},
    }  # fmt: skip
    with SLURMCluster(**settings(Cluster(kind="slurm", options=options), security(tls))) as made:
        script = made.job_script()
        assert made.scheduler_address.startswith("tls://127.0.0.1:")
    for word in ("#SBATCH -p night", "#SBATCH --cpus-per-task=8", "--gres=gpu:1", "--resources GPU=1", "08:00:00"):
        assert word in script
    assert f"--tls-ca-file {tls.ca}" in script


def test_a_batch_system_without_certificates_gets_some_for_the_run() -> None:
    made = settings(Cluster(kind="pbs"), None)
    assert made["security"].require_encryption and "BEGIN CERTIFICATE" in made["security"].tls_ca_file
    assert made["scheduler_options"] == {"dashboard_address": "127.0.0.1:0"}


def test_kubernetes_is_asked_for_what_the_options_say() -> None:
    options = {
        "name": "night", "namespace": "pictures", "image": "nightsort:1",
        "resources": {"limits": {"cpu": "4"}}, "worker_command": ["dask", "worker", "--resources", "GPU=1"],
    }  # fmt: skip
    asked = settings(Cluster(kind="kubernetes", minimum=2, maximum=9, options=options), None)
    known = {name: asked[name] for name in ("name", "image", "n_workers", "resources", "worker_command")}
    worker = make_cluster_spec(**known)["spec"]["worker"]
    container = worker["spec"]["containers"][0]
    assert worker["replicas"] == 2
    assert container["image"] == "nightsort:1"
    assert container["args"][:4] == ["dask", "worker", "--resources", "GPU=1"]
    assert asked["namespace"] == "pictures"


def test_gpus_of_this_machine_listen_on_loopback_and_are_as_many_as_the_maximum() -> None:
    asked = settings(Cluster(kind="cuda", maximum=4, options={"threads_per_worker": 1}), None)
    expected = {"n_workers": 4, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "threads_per_worker": 1}
    assert asked == expected


@pytest.mark.parametrize(
    ("kind", "module", "extra"),
    [
        ("kubernetes", "dask_kubernetes.operator", "kubernetes"),
        ("lsf", "dask_jobqueue", "jobqueue"),
        ("cuda", "dask_cuda", "cuda"),
    ],
)
def test_a_library_that_is_not_installed_is_named_by_its_extra(
    kind: Any, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=rf"^cluster {kind}: .*; pip install 'nightsort\[{extra}\]'$"):
        class_of(kind)


@pytest.mark.parametrize("kind", ["kubernetes", "slurm", "pbs", "sge", "lsf"])
def test_each_kind_has_its_class(kind: Any) -> None:
    assert callable(class_of(kind))


def test_nothing_of_a_cluster_is_imported_until_it_is_asked_for() -> None:
    loaded = "import sys, tasks.compute; print([n for n in sys.modules if n.startswith('dask_')])"
    done = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "[]"


def test_options_that_a_cluster_refuses_are_one_line() -> None:
    with pytest.raises(ConfigError, match=r"^cluster slurm: SLURMCluster could not be made \(.*\); see its options$"):
        make(Cluster(kind="slurm", options={"colour": "red"}), None)


def test_workers_of_a_cluster_for_the_run_come_with_the_work_and_end_with_the_run(adaptive: list[Adaptive]) -> None:
    params = RunParams(cluster=Cluster(kind="sge", maximum=2, options={"queue": "q"}))
    with Workers(params) as workers:
        assert workers.call(max, 3, 4) == 4
        assert (workers.count, workers.threads) == (2, 1)
        (made,) = adaptive
        assert made.options["queue"] == "q"
    assert made.status.name == "closed"


def test_a_cluster_for_the_run_ends_when_the_run_fails(adaptive: list[Adaptive]) -> None:
    params = RunParams(cluster=Cluster(kind="sge", maximum=1))
    with pytest.raises(KeyError), Workers(params) as workers:
        workers.call({}.__getitem__, "nothing")
    assert [made.status.name for made in adaptive] == ["closed"]


def test_a_cluster_that_cannot_adapt_is_closed(adaptive: list[Adaptive], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Adaptive, "adapt", lambda self, **_: (_ for _ in ()).throw(OSError("no right to scale")))
    with pytest.raises(ConfigError, match=r"could not be made \(OSError: no right to scale\)"):
        make(Cluster(kind="sge"), None)
    assert [made.status.name for made in adaptive] == ["closed"]
