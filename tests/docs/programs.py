"""Whether a command that is not run here is one: by its own parser, by the files it names, or by the shell alone."""

import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import click

from flows.cli import cli
from nightsort.config.catalogue import PARAMS
from tests.deploy.programs import understand
from tests.docs.pages import ROOT, Block

BY_SHELL = {
    "chmod": "changes an installation",
    "cp": "changes an installation",
    "docker": "there is no daemon",
    "git": "fetches from elsewhere",
    "install": "changes an installation",
    "kubectl": "there is no cluster",
    "mkdir": "changes an installation",
    "mv": "changes an installation",
    "openssl": "tests/deploy/test_docker.py runs it, as deploy/certificates.sh",
    "printf": "changes an installation",
    "source": "this process has its environment already",
    "systemctl": "there is no systemd that runs",
    "useradd": "changes an installation",
}
"""Programs of which only the shell's syntax is looked at, with the files of the project that they name, and why."""

NIGHTSORT = {
    "demo": "tests/flows/test_demo.py runs it",
    "deploy": "tests/flows/test_deploy_server.py runs it, with a server",
    "metrics": "does not end; tests/flows/test_operation_commands.py runs it",
    "up": "does not end; tests/flows/test_server.py runs it",
}
"""Commands of our own that are only parsed, and why. So is what names a bucket."""

_ELSEWHERE = re.compile(r"\b(s3|gs|az|https?|tls|tcp)://")


def why_not_run(words: list[str]) -> str:
    """Why a command is only looked at; empty if it is run."""
    program = Path(words[0]).name
    if program in BY_SHELL or (program in _CHECKS and program != "nightsort"):
        return "is not of ours"
    if words[0] == "nightsort" and _ELSEWHERE.search(" ".join(words)):
        return "names a bucket or a server"
    if words[1:2] == ["metrics"] and "--once" in words:
        return ""
    return NIGHTSORT.get(words[1], "") if words[0] == "nightsort" else ""


def look_at(words: list[str]) -> None:
    """Hold a command against its program, without running it; an unknown program fails."""
    program = Path(words[0]).name
    if program in _CHECKS:
        _CHECKS[program](words)
    elif program not in ("cd", "export") and not list(ROOT.glob(f"*/{program}")):
        assert program in BY_SHELL, f"{words}: say in tests/docs/programs.py how {program!r} is looked at"
    _files_exist(words)


def parsed(words: list[str]) -> dict[str, Any]:
    """What a command of our own would be told; fails where it would not take it."""
    command, rest, path = _descend(words[1:])
    try:
        told = command.make_context(path, rest).params
    except click.exceptions.Exit:  # --help
        return {}
    if path in PARAMS:
        given = {name: value for name, value in told.items() if name in PARAMS[path].model_fields}
        PARAMS[path].model_validate({name: value for name, value in given.items() if value not in (None, ())})
    return told


def _descend(words: list[str]) -> tuple[click.Command, list[str], str]:
    command: click.Command = cli
    path = []
    while words and isinstance(command, click.Group) and words[0] in command.commands:
        command = command.commands[words[0]]
        path.append(words[0])
        words = words[1:]
    assert command is not cli or words[:1] in ([], ["--help"], ["--version"]), f"nightsort has no command {words[0]!r}"
    return command, words, " ".join(path)


def shell_understands(block: Block) -> None:
    """The block is sound to the shell."""
    done = subprocess.run(["bash", "-n", "-c", block.text], capture_output=True, text=True)
    assert done.returncode == 0, f"{block}: {done.stderr}"


@cache
def targets() -> set[str]:
    """The targets of the Makefile."""
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _make(words: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text()
    rest = words[3:] if words[1] == "-C" else words[1:]
    for word in rest:
        name, given, _ = word.partition("=")
        known = re.search(rf"^{name} \?=", makefile, re.MULTILINE) if given else name in targets()
        assert known, f"{' '.join(words)}: the Makefile has no {name!r}"


def _pip(words: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extras in re.findall(r"nightsort\[([^\]]+)\]", " ".join(words)):
        assert set(extras.split(",")) <= project["optional-dependencies"].keys(), " ".join(words)


def _python(words: list[str]) -> None:
    if words[1] in ("-c", "-m") and words[2] in ("venv", "json.tool", "zipfile", "pip", "http.server"):
        return _pip(words)
    named = words[2].replace(".", "/") if words[1] == "-m" else words[1].removesuffix(".py")
    places = (f"{named}.py", f"{named}/__main__.py", f"*/{named}.py", f"*/*/{named}.py")
    found = [file for place in places for file in ROOT.glob(place)]
    assert found or words[1] == "-c", f"{' '.join(words)}: there is no {named}.py"
    source = "".join(file.read_text() for each in found for file in each.parent.glob("*.py"))
    missing = [word for word in words if word.startswith("--") and f'"{word}"' not in source]
    assert missing == [], f"{' '.join(words)}: {named}.py has no {missing}"
    return None


def _installed(words: list[str]) -> None:
    assert (Path(sys.executable).parent / Path(words[0]).name).exists(), f"{words[0]} is not installed"


def _pytest(words: list[str]) -> None:
    missing = [word for word in words[1:] if word.startswith("tests") and not (ROOT / word.split("::")[0]).exists()]
    assert missing == []


def _server(words: list[str]) -> None:
    understand([word for word in words if not word.startswith("$")])


def _files_exist(words: list[str]) -> None:
    for word in words:
        named = word.removeprefix("/opt/nightsort/")
        if re.match(r"(deploy|docs|tests|benchmarks|examples)/", named):
            assert (ROOT / named).exists(), f"{' '.join(words)}: there is no {named}"


_CHECKS = {
    "nightsort": parsed,
    "make": _make,
    "pip": _pip,
    "uv": _pip,
    "python": _python,
    "python3": _python,
    "pytest": _pytest,
    "lint-imports": _installed,
    "mypy": _installed,
    "ruff": _installed,
    "prefect": _server,
    "dask": _server,
}
