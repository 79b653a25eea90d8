"""The image: what its Dockerfile promises, and the two scripts in it."""

import os
import re
import subprocess
import threading
import tomllib
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from docker.utils.build import exclude_paths
from dockerfile_parse import DockerfileParser

from tests.deploy.programs import COMPOSE, DEPLOY, KUBERNETES, documents, services

ROOT = DEPLOY.parent
FILE = DockerfileParser(path=str(DEPLOY / "docker" / "Dockerfile"), cache_content=True)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENTRYPOINT = DEPLOY / "docker" / "entrypoint.sh"


def _values(instruction: str) -> list[str]:
    return [step["value"] for step in FILE.structure if step["instruction"] == instruction]


def test_the_base_is_pinned_and_has_the_python_of_the_lock() -> None:
    floor = PROJECT["requires-python"].removeprefix(">=")
    assert len(set(FILE.parent_images)) == 1
    assert re.fullmatch(rf"python:{floor}\.\d+-slim-bookworm", FILE.baseimage)
    assert FILE.labels["org.opencontainers.image.base.name"] == FILE.baseimage
    assert f"--python-version {floor}" in (ROOT / "Makefile").read_text()
    assert all(f"--python-version {floor}" in run for run in _values("RUN") if "pip compile" in run)


def test_the_last_stage_runs_nothing_as_root_and_holds_no_compiler() -> None:
    last = max(place for place, step in enumerate(FILE.structure) if step["instruction"] == "FROM")
    steps = FILE.structure[last + 1 :]
    users = [step["value"] for step in steps if step["instruction"] == "USER"]
    assert users == ["10001:10001"]
    assert steps[-1]["instruction"] == "CMD"
    assert {step["instruction"] for step in steps[-2:]} == {"ENTRYPOINT", "CMD"}
    runs = " ".join(step["value"] for step in steps if step["instruction"] == "RUN")
    assert "apt" not in runs
    assert "pip" not in runs
    assert "--uid 10001" in runs


def test_what_is_installed_is_what_is_locked_hash_by_hash() -> None:
    runs = _values("RUN")
    assert any("--require-hashes" in run and "requirements-uv.lock" in run for run in runs)
    assert any("uv pip sync --quiet --require-hashes requirements.lock" in run for run in runs)
    later = next(run for run in runs if "pip compile" in run)
    assert "--constraint requirements.lock" in later
    assert all("--offline" in part for part in re.findall(r"pip (?:sync|install) [^&]*", later))
    assert "uv==" in (ROOT / "requirements-uv.lock").read_text()


def test_the_extras_of_the_image_are_declared_and_locked() -> None:
    extras = set(re.findall(r"--extra ([a-z0-9-]+)", " ".join(_values("RUN"))))
    assert {"s3", "redis", "docker", "kubernetes"} <= extras <= set(PROJECT["optional-dependencies"])
    assert extras <= set(re.findall(r"--extra ([a-z0-9-]+)", (ROOT / "Makefile").read_text()))


def test_its_version_is_that_of_the_project_everywhere() -> None:
    version = PROJECT["version"]
    kustomization = documents(KUBERNETES / "base" / "kustomization.yaml")[0]
    template = (KUBERNETES / "base" / "job-template.json").read_text()
    assert FILE.labels["org.opencontainers.image.version"] == version
    assert FILE.labels["org.opencontainers.image.licenses"] == PROJECT["license"]
    assert services()["server"]["image"] == f"${{NIGHTSORT_IMAGE:-nightsort:{version}}}"
    assert f"NIGHTSORT_IMAGE=nightsort:{version}\n" in (COMPOSE / ".env.example").read_text()
    assert kustomization["images"][0]["newTag"] == version
    assert re.findall(r'"(nightsort:[^"]+)"', template) == [f"nightsort:{version}"]
    assert f"image: nightsort:{version}" in (KUBERNETES / "base" / "pipelines.yaml").read_text()


def test_no_secret_is_built_in() -> None:
    assert _values("ARG") == ["REVISION=unknown"]
    assert not [name for name in FILE.envs if re.search("PASSWORD|SECRET|KEY|TOKEN|AUTH", name)]


def test_all_that_is_copied_is_there_and_nothing_else_is_sent() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    sent = exclude_paths(str(ROOT), ignored) - {".dockerignore"}
    copied = [value.split()[:-1] for value in _values("COPY") if not value.startswith("--from=")]
    sources = {word for words in copied for word in words if not word.startswith("--")}
    assert len(sources) > 8
    assert sources <= sent
    assert {Path(name).parts[0] for name in sent} == {Path(name).parts[0] for name in sources}
    assert not [name for name in sent if "__pycache__" in name or "secret" in name]


def _start(words: list[str], **variables: str) -> "subprocess.CompletedProcess[str]":
    path = f"{Path(os.__file__).parents[2] / 'bin'}:{os.environ['PATH']}"
    return subprocess.run(["sh", ENTRYPOINT, *words], env={"PATH": path, **variables}, capture_output=True, text=True)


def test_the_entrypoint_reads_secrets_from_files(tmp_path: Path) -> None:
    secret = tmp_path / "auth"
    secret.write_text("ada:p$(id) `x` \"'\\ word\n")
    done = _start(["sh", "-c", 'printf %s "$PREFECT_API_AUTH_STRING"; env'], PREFECT_API_AUTH_STRING_FILE=str(secret))
    assert done.stdout.startswith("ada:p$(id) `x` \"'\\ word")
    assert "PREFECT_API_AUTH_STRING_FILE" not in done.stdout


def test_the_entrypoint_names_a_secret_that_it_cannot_read(tmp_path: Path) -> None:
    done = _start(["sh", "-c", "true"], NIGHTSORT_WEBHOOK_FILE=str(tmp_path / "gone"))
    assert done.returncode == 2
    assert f"NIGHTSORT_WEBHOOK_FILE={tmp_path / 'gone'}: cannot be read" in done.stderr


def test_words_that_are_no_program_are_a_command_of_nightsort(tmp_path: Path) -> None:
    for name in ("nightsort", "dask"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert _start(["classify", "in box"], PATH=path).stdout == "nightsort classify in box\n"
    assert _start(["dask", "worker"], PATH=path).stdout == "dask worker\n"


@pytest.mark.parametrize(("name", "code"), [("there", 0), ("gone", 1)])
def test_healthy_says_whether_an_address_answers(name: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("ok")
    server = HTTPServer(("127.0.0.1", 0), lambda *given: SimpleHTTPRequestHandler(*given, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/{name}"
    done = subprocess.run(["sh", DEPLOY / "docker" / "healthy.sh", address], capture_output=True)
    server.shutdown()
    server.server_close()
    assert done.returncode == code
