"""Every command line and Prefect setting of the files in deploy/, held against the programs that are installed."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import Settings
from prefect_kubernetes.settings import KubernetesSettings
from pydantic_settings import BaseSettings

from tests.deploy.programs import COMPOSE, DEPLOY, KUBERNETES, containers, documents, services, understand, unit, units
from topology.server import CLIENT, SERVER
from topology.services import POOL, Services


def _names(model: type[BaseSettings]) -> Iterator[str]:
    """The environment variables of Prefect's settings, and of the settings within them."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseSettings):
            yield from _names(field.annotation)
        else:
            aliases = getattr(field.validation_alias, "choices", [f"{model.model_config['env_prefix']}{name}"])
            yield from (alias.upper() for alias in aliases if isinstance(alias, str))


_KNOWN = {*_names(Settings), *_names(KubernetesSettings)}


def _of_compose() -> Iterator[tuple[str, list[str]]]:
    for file in ("compose.yaml", "compose.gpu.yaml"):
        for name, service in documents(COMPOSE / file)[0]["services"].items():
            if service.get("command", ["python"])[0] in ("nightsort", "prefect", "dask"):
                yield f"{file} {name}", service["command"]


def _of_kubernetes() -> Iterator[tuple[str, list[str]]]:
    for name, container in containers():
        if container["image"] == "nightsort":
            yield f"kubernetes {name} {container['name']}", container["args"]


def _of_systemd() -> Iterator[tuple[str, list[str]]]:
    for file in units():
        yield file.name, shlex.split(unit(file)["ExecStart"][0])


_LINES = dict([*_of_compose(), *_of_kubernetes(), *_of_systemd()])


@pytest.mark.parametrize("place", _LINES)
def test_a_command_line_is_understood_by_its_program(place: str) -> None:
    understand(_LINES[place])


def test_commands_were_found_everywhere() -> None:
    for place, least in {"compose.yaml": 6, "compose.gpu.yaml": 1, "kubernetes": 7}.items():
        assert sum(name.startswith(place) for name in _LINES) >= least, place
    assert len(units()) == 6


def _environments() -> Iterator[tuple[str, dict[str, str]]]:
    for name, service in services().items():
        yield f"compose {name}", dict(service.get("environment", {}))
    for name, container in containers():
        yield f"kubernetes {name}", {item["name"]: item.get("value", "") for item in container.get("env", [])}
    settings = documents(KUBERNETES / "base" / "kustomization.yaml")[0]["configMapGenerator"][1]["literals"]
    yield "kubernetes settings", dict(literal.split("=", 1) for literal in settings)
    for file in units():
        yield file.name, dict(setting.split("=", 1) for setting in unit(file).get("Environment", []))


_ENVIRONMENTS = dict(_environments())


def test_every_prefect_variable_is_a_setting_of_the_installed_prefect() -> None:
    told = {name.removesuffix("_FILE") for variables in _ENVIRONMENTS.values() for name in variables}
    of_prefect = {name for name in told if name.startswith("PREFECT_")}
    assert len(of_prefect) > 15
    assert of_prefect <= _KNOWN
    texts = "".join(file.read_text() for file in DEPLOY.rglob("*") if file.is_file())
    written = {name.removesuffix("_FILE") for name in re.findall(r"PREFECT_[A-Z_]+[A-Z](?![A-Z_*])", texts)}
    assert written <= _KNOWN


@pytest.mark.parametrize("place", ["compose server", "kubernetes server", "nightsort-server.service"])
def test_a_server_is_told_what_the_topology_tells_its_own(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = _ENVIRONMENTS[place]
    expected = {name: value for name, value in SERVER.items() if name != "PREFECT_LOGGING_LEVEL"}
    assert expected.items() <= told.items()

    for name, value in told.items():
        if name.startswith("PREFECT_SERVER") and not name.endswith("_FILE") and value:
            monkeypatch.setenv(name, value.replace("%S", "/tmp"))
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_PASSWORD", "p@ss/word")
    server = Settings().server
    assert server.services.db_vacuum.enabled_vacuum_types == {"events", "flow_runs", "orphans"}
    assert server.services.db_vacuum.retention_period.days == 90
    assert server.events.retention_period.days == 7
    assert server.api.csrf_protection_enabled
    assert server.database.connection_url is not None
    url = server.database.connection_url.get_secret_value()
    assert re.fullmatch(r"postgresql\+asyncpg://prefect:p%40ss%2Fword@(postgres|127\.0\.0\.1):5432/prefect", url)


@pytest.mark.parametrize("place", ["compose worker", "kubernetes settings", "nightsort-worker.service"])
def test_a_client_waits_for_a_server_as_the_topology_does(place: str) -> None:
    assert {name: value for name, value in CLIENT.items() if "_CLIENT_" in name}.items() <= _ENVIRONMENTS[place].items()


@pytest.mark.parametrize("role", ["scheduler", "worker"])
def test_dask_is_started_as_the_topology_starts_it(role: str, tmp_path: Path) -> None:
    services = Services(tmp_path)
    own = understand((services._scheduler() if role == "scheduler" else services._worker("dask-worker-1")).command)
    alike = {"protocol", "nthreads", "memory_limit", "nanny", "jupyter"} & own.keys()
    lines = [words for words in _LINES.values() if words[0].endswith("dask") and words[1] == role]
    assert len(lines) == (3 if role == "scheduler" else 4)
    for words in lines:
        told = understand(words)
        assert {name: told[name] for name in alike} == {name: own[name] for name in alike}
        assert all(told[f"tls_{part}"] for part in ("ca_file", "cert", "key"))
        assert told["dashboard_address"].startswith("127.0.0.1:")  # it asks for no password


def test_runs_are_looked_for_where_the_topology_looks_for_them() -> None:
    lines = [words for words in _LINES.values() if words[1:3] == ["worker", "start"] and "--type" in words]
    assert len(lines) == 3
    assert {words[words.index("--pool") + 1] for words in lines} == {POOL}
