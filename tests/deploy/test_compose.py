"""The compose files: right by the schema, closed but for one port, and of one piece."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from check_jsonschema.builtin_schemas import get_builtin_schema

from nightsort.pipelines import load
from tests.deploy.programs import COMPOSE, DEPLOY, documents, pods, services

FILE = documents(COMPOSE / "compose.yaml")[0]
SERVICES = services()
GPU = documents(COMPOSE / "compose.gpu.yaml")[0]
OURS = [name for name, service in SERVICES.items() if "NIGHTSORT_IMAGE" in service["image"]]


@pytest.mark.parametrize("name", ["compose.yaml", "compose.gpu.yaml"])
def test_the_files_are_compose_files(name: str) -> None:
    schema = get_builtin_schema("vendor.compose-spec")
    faults = jsonschema.validators.validator_for(schema)(schema).iter_errors(documents(COMPOSE / name)[0])
    assert [fault.message for fault in faults] == []


@pytest.mark.parametrize("files", [["compose.yaml"], ["compose.yaml", "compose.gpu.yaml"]], ids=["cpu", "gpu"])
def test_docker_understands_them(files: list[str]) -> None:
    compose = ["docker", "compose"]
    if not shutil.which("docker") or subprocess.run([*compose, "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not here")
    words = [word for name in files for word in ("--file", name)]
    done = subprocess.run(
        [*compose, "--env-file", ".env.example", *words, "config", "--format", "json"],
        cwd=COMPOSE,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["services"].keys() == SERVICES.keys()


def test_only_nginx_can_be_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    assert FILE["networks"]["inside"]["internal"]
    assert {name for name, service in SERVICES.items() if "outside" in service["networks"]} == {
        "nginx",
        "server",
        "worker",
    }


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys()
    assert not service.keys() & {"privileged", "cap_add", "network_mode", "pid"}
    assert not [mount for mount in service.get("volumes", []) if "docker.sock" in mount]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_stays_is_looked_after(name: str) -> None:
    service = SERVICES[name]
    stays = service["restart"] == "unless-stopped"
    assert stays or service["restart"] == "no"
    assert ("healthcheck" in service) == stays
    for other, wanted in service.get("depends_on", {}).items():
        ends = SERVICES[other]["restart"] == "no"
        assert wanted["condition"] == ("service_completed_successfully" if ends else "service_healthy")


def test_images_are_pinned() -> None:
    images = {service["image"] for service in SERVICES.values()} - {SERVICES["server"]["image"]}
    assert len(images) == 3
    assert all(re.search(r":(\d+\.\d+(\.\d+)?-bookworm|RELEASE\.[\dTZ-]+)$", image) for image in images)
    assert pods()["postgres"]["containers"][0]["image"] == SERVICES["postgres"]["image"]


def _named(service: dict[str, Any]) -> set[str]:
    return {item if isinstance(item, str) else item["source"] for item in service.get("secrets", [])}


def test_every_secret_is_a_file_that_the_guide_names() -> None:
    used = set().union(*(_named(service) for service in SERVICES.values()))
    guide = (DEPLOY / "README.md").read_text()
    assert used == set(FILE["secrets"])
    for secret in FILE["secrets"].values():
        place = secret["file"]
        assert place.startswith("${SECRETS:-./secrets}/")
        assert place.removeprefix("${SECRETS:-./secrets}/") in guide


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_reads_from_files_it_is_given(name: str) -> None:
    service = SERVICES[name]
    variables = service.get("environment", {})
    read = {value for key, value in variables.items() if key.endswith("_FILE")}
    read |= set(re.findall(r"/run/secrets/\w+", " ".join(service.get("command", []))))
    assert read <= {f"/run/secrets/{secret}" for secret in _named(service)}
    assert not [key for key in variables if re.search("(PASSWORD|SECRET_ACCESS_KEY|AUTH_STRING|WEBHOOK)$", key)]


def test_mounted_files_are_there() -> None:
    bound = [mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])]
    files = {mount for mount in bound if mount.startswith(".")}
    assert files == {"./pipelines.yaml", "../nginx/nightsort.conf"}
    assert all((COMPOSE / file).is_file() for file in files)
    assert set(bound) - files == set(FILE["volumes"])


def test_variables_are_explained() -> None:
    used = set(re.findall(r"\$\{(\w+)", (COMPOSE / "compose.yaml").read_text()))
    assert used == set(re.findall(r"(?m)^(?:# )?(\w+)=", (COMPOSE / ".env.example").read_text()))


def test_its_pipelines_fit_the_services() -> None:
    declared = load(COMPOSE / "pipelines.yaml")
    worker = SERVICES["worker"]
    pool = worker["command"][worker["command"].index("--pool") + 1]
    assert {pipeline.pool for pipeline in declared.pipelines.values()} == {pool}
    assert declared.pools[pool].type == worker["command"][worker["command"].index("--type") + 1]
    assert declared.compute.scheduler in SERVICES["dask-worker"]["command"]
    assert declared.compute.tls is not None
    files = set(declared.compute.tls.model_dump().values())
    assert files == {f"/run/secrets/{name}" for name in _named(worker) if name.startswith("dask")}
    assert declared.storage.startswith("s3://nightsort/")
    assert "makedirs('nightsort'" in SERVICES["bucket"]["command"][-1]


def test_a_gpu_changes_nothing_but_the_dask_workers() -> None:
    assert list(GPU["services"]) == ["dask-worker"]
    plain, command = SERVICES["dask-worker"]["command"], GPU["services"]["dask-worker"]["command"]
    assert [word for word in command if word not in plain] == ["--resources=GPU=1"]
    assert set(plain) <= set(command)
    devices = GPU["services"]["dask-worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]


def test_the_bucket_is_made_once(object_store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    code = SERVICES["bucket"]["command"][-1].replace("'nightsort'", f"'{object_store.bucket}-new'")
    for _ in range(2):
        exec(code, {})
    assert f"{object_store.bucket}-new" in {item["Name"] for item in object_store.client.list_buckets()["Buckets"]}


def test_secrets_are_kept_out_of_git() -> None:
    git = shutil.which("git")
    if not git or not (DEPLOY.parent / ".git").exists():
        pytest.skip("this is no checkout")
    places = [str(COMPOSE / "secrets" / "prefect_auth"), str(COMPOSE / ".env")]
    done = subprocess.run([git, "check-ignore", *places], cwd=Path(DEPLOY), capture_output=True, text=True)
    assert done.stdout.split() == places
