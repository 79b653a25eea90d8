"""Every command's help ends in examples that the command takes, and shows options under headings."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from flows.cli import cli
from flows.commands.help import SHARED
from nightsort.config.catalogue import PARAMS


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command with the words that lead to it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        yield " ".join([*path, name]), command
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


COMMANDS = {"": cli, **dict(commands(cli))}


def examples_of(command: click.Command) -> list[str]:
    """The examples at the end of a command's help, what is around them in a shell left away."""
    lines = (command.epilog or "").splitlines()
    assert lines[:2] == ["\b", "Examples:"]
    found = [re.search(r"nightsort\b[^>)\n]*", line) for line in lines[2:]]
    return [match[0].strip() for match in found if match]


def parsed(example: str) -> tuple[str, click.Context]:
    """The command that an example reaches, with its parameters; a line that cannot be typed raises UsageError."""
    name, *words = shlex.split(example)
    assert name == "nightsort"
    context, path = cli.make_context("nightsort", words), []
    while isinstance(context.command, click.Group):
        rest = [*context._protected_args, *context.args]
        if not rest:
            break
        name, command, rest = context.command.resolve_command(context, rest)
        assert name and command
        path.append(name)
        context = command.make_context(name, rest, parent=context)
    return " ".join(path), context


@pytest.mark.parametrize("path", COMMANDS)
def test_every_example_can_be_typed(path: str) -> None:
    examples = examples_of(COMMANDS[path])
    assert 2 <= len(examples) <= 3
    for example in examples:
        reached, context = parsed(example)
        assert reached.startswith(path)
        if reached in PARAMS:
            given = {name: value for name, value in context.params.items() if value not in (None, ())}
            model: type[BaseModel] = PARAMS[reached]
            model.model_validate({name: value for name, value in given.items() if name in model.model_fields})


def test_an_example_that_is_stale_is_found() -> None:
    with pytest.raises(click.UsageError):
        parsed("nightsort train --epoch-count 3")
    with pytest.raises(click.UsageError):
        parsed("nightsort models show")


@pytest.mark.parametrize("flow", PARAMS)
def test_options_of_a_flow_stand_under_headings_its_own_first(flow: str) -> None:
    text = COMMANDS[flow].get_help(_context(flow))
    headings = re.findall(r"^(\S.*):$", text, re.MULTILINE)
    assert headings[-1] == SHARED and len(headings) == len(set(headings)) > 2
    fields = PARAMS[flow].model_fields
    own = [name for name in PARAMS[flow].__annotations__ if name in fields and not is_argument(name, fields[name])]
    first = next(heading for heading in headings if heading != "Arguments")
    assert (first == "Options") == bool(own)
    options = re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE)
    assert len(options) == len(set(options)) > 5
    assert set(options[: len(own)]) == {f"--{name.replace('_', '-')}" for name in own}


def is_argument(name: str, field: FieldInfo) -> bool:
    """Whether a field is typed without its name."""
    return name == "source" and field.is_required()


def _context(flow: str) -> click.Context:
    return click.Context(COMMANDS[flow], info_name=flow, terminal_width=100)


def test_what_a_source_may_be_is_said_first() -> None:
    text = COMMANDS["classify"].get_help(_context("classify"))
    assert text.index("Arguments:\n  SOURCE  Pictures: a folder") < text.index("Options:") < text.index(f"{SHARED}:")


def test_many_words_stand_below_an_option_and_few_beside_it() -> None:
    text = COMMANDS["train"].get_help(_context("train"))
    assert "--flip none|horizontal|both" in text and "--balance WORD" in text
    assert "logit_adjustment" in text
