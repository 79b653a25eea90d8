"""Owns how --help looks: options under headings, examples at the end.

Invariant: an example is what somebody could type as it stands. Does not know what a command does.
"""

from typing import Any

import click

SHARED = "Other options"
"""Heading of the options that many commands have."""

_ARGUMENTS = "Arguments"


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\b\n" + "\n".join(["Examples:", *(f"  {line}" for line in lines)])


class Headed(click.Option):
    """An option under a heading."""

    def __init__(self, *args: Any, heading: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.heading = heading


class Described(click.Argument):
    """An argument that help says something of."""

    def __init__(self, *args: Any, about: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.about, self.heading = about, _ARGUMENTS

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """Its name, and what it is."""
        return self.make_metavar(ctx), self.about


class Sectioned(click.Command):
    """A command with many options, those of its own first."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """A paragraph for each heading, the argument first; last what many commands have."""
        sections: dict[str, list[tuple[str, str]]] = {_ARGUMENTS: []}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                sections.setdefault(getattr(parameter, "heading", SHARED), []).append(record)
        sections[SHARED] = sections.pop(SHARED, [])
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
