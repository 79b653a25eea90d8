"""How a Dask client comes about: what is asked of each kind of cluster, and what is said when it cannot be had."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dask_jobqueue import SLURMCluster
from dask_kubernetes.operator import make_cluster_spec
from distributed import LocalCluster

from nightsort.config.compute import Cluster, Compute, Tls
from nightsort.config.run import RunParams
from nightsort.config.search import TuneParams
from nightsort.config.training import TrainParams
from nightsort.errors import ConfigError
from tasks import elastic
from tasks.cluster import Engine, security
from tasks.compute import Workers
from tasks.elastic import class_of, make, settings
from topology.certificates import issue


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return issue(tmp_path_factory.mktemp("certificates") / "one")


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
    monkeypatch.setattr(elastic, "class_of", lambda kind: Adaptive)
    Adaptive.made.clear()
    yield Adaptive.made


def test_certificates_are_readable_by_their_owner_alone(tls: Tls) -> None:
    assert {Path(place).stat().st_mode & 0o777 for place in tls.model_dump().values()} == {0o600}


def test_certificates_serve_every_role_and_nothing_goes_in_clear(tls: Tls) -> None:
    found = security(tls)
    assert found.require_encryption
    for role in ("client", "scheduler", "worker"):
        wanted = {"ca_file": tls.ca, "cert": tls.cert, "key": tls.key, "ciphers": None}
        assert found.get_tls_config_for_role(role) == wanted


@pytest.mark.parametrize("part", ["ca", "cert", "key"])
@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_certificate_that_is_missing_or_wrong_is_named(
    part: str, content: bytes | None, tls: Tls, tmp_path: Path
) -> None:
    place = tmp_path / f"{part}.pem"
    if content is not None:
        place.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        security(tls.model_copy(update={part: str(place)}))
    (line,) = caught.value.lines
    assert line.startswith("tls: ") and str(place) in line


def test_a_key_of_another_certificate_is_named(tls: Tls, tmp_path: Path) -> None:
    other = issue(tmp_path / "other")
    with pytest.raises(ConfigError, match=rf"{other.key}, is wrong \(.*KEY_VALUES_MISMATCH"):
        security(tls.model_copy(update={"key": other.key}))


def test_certificates_that_are_missing_end_a_run_before_anything_is_reached(tls: Tls, tmp_path: Path) -> None:
    lost = tls.model_copy(update={"ca": str(tmp_path / "nowhere.pem")})
    params = RunParams(scheduler="tls://127.0.0.1:9", tls=lost)
    with Workers(params) as workers, pytest.raises(ConfigError, match=r"nowhere\.pem cannot be read \(No such file"):
        workers.start()


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
    done = importlib.import_module("subprocess").run(
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


def test_what_a_run_starts_of_its_own_is_local_whatever_computes_its_chunks() -> None:
    engine = Engine(RunParams(workers=1), 1, 1, 0)
    assert engine.is_local and not engine.is_adaptive


def test_another_flow_that_a_run_starts_computes_where_it_does(tls: Tls) -> None:
    params = TuneParams(scheduler="tls://a:1", tls=tls, resources={"GPU": 1}, worker_timeout=5)
    values = params.model_dump(include=set(TrainParams.model_fields))
    started = TrainParams.model_validate(values | {"dataset_version": 1})
    assert all(getattr(started, name) == getattr(params, name) for name in Compute.model_fields)
