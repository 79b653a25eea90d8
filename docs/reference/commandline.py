"""Owns the page of commands: what the command line itself says of each. Does not know what a command does."""

from collections.abc import Iterator

import click

from docs.reference.markdown import code, page, plain, table
from flows.cli import cli

_EVERYWHERE = {"--json", "--config", "--storage", "--help"}


def commands() -> str:
    """Every command with its usage, arguments, options and examples."""
    names = [(name, command) for name, command in cli.commands.items()]
    described = [section for name, command in names for section in _described(name, command)]
    return page(
        "Commands",
        "What `nightsort COMMAND --help` says. Where a parameter of a flow needs more words, they are in "
        "[parameters](parameters.md).",
        _common(names[0][1]),
        "Exit codes are in [errors](errors.md).",
        *described,
    )


def _common(command: click.Command) -> str:
    rows = {opts: told for name in cli.commands for opts, told in _options(cli.commands[name], common=True)}
    return "Every command takes:\n\n" + table(("option", "what it does"), rows.items())


def _described(name: str, command: click.Command) -> Iterator[str]:
    """The sections of a command and of those within it."""
    context = click.Context(command, info_name=name)
    usage = " ".join(["nightsort", name, *command.collect_usage_pieces(context)])
    yield f"{'##' if ' ' not in name else '###'} nightsort {name}"
    yield "\n\n".join(plain(part) for part in (command.help or "").split("\n\n"))
    yield f"```text\n{usage}\n```"
    if options := list(_options(command)):
        yield table(("option", "what it does"), options)
    if command.epilog:
        yield _examples(command.epilog)
    if isinstance(command, click.Group):
        for word, within in command.commands.items():
            yield from _described(f"{name} {word}", within)


def _options(command: click.Command, common: bool = False) -> Iterator[tuple[str, str]]:
    """Name and help of the arguments and options of a command: its own, or those that every command has."""
    context = click.Context(command)
    for parameter in command.params:
        told = parameter.get_help_record(context)
        if told and (parameter.opts[0] in _EVERYWHERE) == common:
            yield code(told[0]), plain(told[1])


def _examples(epilog: str) -> str:
    lines = [line.strip() for line in epilog.splitlines() if line.strip().startswith("nightsort ")]
    return "```console\n" + "\n".join(lines) + "\n```" if lines else ""
