"""What deploy/ tells an operating system to run, held against the project."""

import configparser
import re
from pathlib import Path

from flows.cli import cli

ROOT = Path(__file__).parents[1]


def test_the_systemd_unit_starts_a_command_that_exists() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(ROOT / "deploy" / "systemd" / "nightsort.service")
    program, command, *options = unit["Service"]["ExecStart"].split()
    known = {option for parameter in cli.commands[command].params for option in parameter.opts}
    assert program.endswith("/.venv/bin/nightsort")
    assert {option for option in options if option.startswith("--")} <= known


def test_every_command_that_deploy_shows_exists() -> None:
    shown = set(re.findall(r"nightsort (\w+) ", (ROOT / "deploy" / "README.md").read_text()))
    assert shown
    assert shown <= set(cli.commands)
