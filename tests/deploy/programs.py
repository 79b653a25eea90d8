"""Whether a command line is one: its program has that command, with these options, and takes these values."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from distributed.cli import dask_scheduler, dask_worker

from flows.cli import cli

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = DEPLOY / "compose"
KUBERNETES = DEPLOY / "kubernetes"
SYSTEMD = DEPLOY / "systemd"

_DASK = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}


def understand(words: list[str]) -> dict[str, Any]:
    """Parse a command line as its program does, and go no further; what it would be told."""
    program, command, *rest = Path(words[0]).name, *words[1:]
    if program == "nightsort":
        assert command in cli.commands, f"nightsort has no command {command!r}"
        return cli.commands[command].make_context(command, rest).params
    if program == "dask":
        there = [  # the files need only be there
            re.sub(r"^(--tls-[a-z-]+=).*", rf"\g<1>{__file__}", word) for word in rest
        ]
        return _DASK[command].make_context(command, there).params
    if program == "prefect":
        from prefect.cli._app import _app as app  # seconds to import

        return app.parse_args([command, *rest], print_error=False, exit_on_error=False)[1].arguments
    raise AssertionError(f"{words}: unknown program {program!r}")


def documents(file: Path) -> list[dict[str, Any]]:
    """What a YAML file holds."""
    return [document for document in yaml.safe_load_all(file.read_text()) if document]


def services() -> dict[str, dict[str, Any]]:
    """The services of the compose file."""
    found: dict[str, dict[str, Any]] = documents(COMPOSE / "compose.yaml")[0]["services"]
    return found


def manifests() -> list[dict[str, Any]]:
    """Every object of the Kubernetes base."""
    listed = documents(KUBERNETES / "base" / "kustomization.yaml")[0]["resources"]
    return [document for name in listed for document in documents(KUBERNETES / "base" / name)]


def pods() -> dict[str, dict[str, Any]]:
    """The pod of every object that makes some, by its name."""
    made = {item["metadata"]["name"]: item["spec"] for item in manifests() if "template" in item.get("spec", {})}
    return {name: spec["template"]["spec"] for name, spec in made.items()}


def containers() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every container of the Kubernetes base, with the name of its pod."""
    for name, pod in pods().items():
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            yield name, container


def unit(file: Path) -> dict[str, list[str]]:
    """The settings of a systemd unit, of all its sections, in their order."""
    text = file.read_text().replace("\\\n", " ")
    settings: dict[str, list[str]] = {}
    for line in text.splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            settings.setdefault(key, []).append(value)
    return settings


def units() -> list[Path]:
    """The systemd units."""
    return sorted(SYSTEMD.glob("*.service"))
