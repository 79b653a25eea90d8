"""Owns which commands there are, a line about each, and which module has it.

Invariant: a command is imported when it is asked for, so that help, and a mistyped word, need nothing heavy.
Does not know what a command does.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from flows.catalogue import DESCRIPTIONS


class Entry(NamedTuple):
    """A line of --help."""

    module: str
    """In flows/commands; its COMMANDS holds the command."""
    about: str


SECTIONS: dict[str, dict[str, Entry]] = {
    "Start": {
        "demo": Entry("starting", "Show the whole loop on handwritten digits, or on your own pictures."),
        "init": Entry("starting", "Write a commented pipelines.yaml, after a few questions."),
        "doctor": Entry("operations", "Examine installation, storage, server, cluster; say what to do."),
        "completion": Entry("starting", "Print the script by which a shell completes its lines."),
    },
    "Learn and classify": {name: Entry("runs", about) for name, about in DESCRIPTIONS.items()},
    "Look": {
        "status": Entry("views", "Show the champion, the counts and the last runs."),
        "report": Entry("views", "Print where the latest report lies; compare runs or models."),
        "models": Entry("models", "List, show, compare and promote models."),
        "datasets": Entry("views", "List the dataset's versions, by class and split."),
        "predictions": Entry("views", "List the newest predictions, or export them."),
        "quarantine": Entry("quarantine", "List what was set aside, and why; export or requeue it."),
        "review": Entry("review", "Ask people about pictures, and learn from what they answer."),
    },
    "Every night": {
        "run": Entry("pipelines", "Run a PIPELINE that pipelines.yaml declares, now."),
        "check": Entry("pipelines", "Check pipelines.yaml and name every fault."),
        "up": Entry("pipelines", "Start a Prefect server here and serve every pipeline."),
        "deploy": Entry("pipelines", "Make a Prefect server have what pipelines.yaml declares."),
        "metrics": Entry("operations", "Tell Prometheus of the storage root."),
        "backup": Entry("backup", "Copy the storage root into a folder or bucket."),
        "restore": Entry("backup", "Put a backup back into an empty storage root."),
    },
}
"""What --help lists, in its order; a command's own help says more."""

ENTRIES = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class _Commands(Mapping[str, click.Command]):
    """The commands by name, each imported when it is asked for."""

    def __getitem__(self, name: str) -> click.Command:
        module = import_module(f"flows.commands.{ENTRIES[name].module}")
        return next(command for command in module.COMMANDS if command.name == name)

    def __iter__(self) -> Iterator[str]:
        return iter(ENTRIES)

    def __len__(self) -> int:
        return len(ENTRIES)


class Catalogued(click.Group):
    """The group of all commands: lists them without importing one."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.commands = _Commands()  # type: ignore[assignment]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """A paragraph for each section."""
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.about) for name, entry in entries.items()], col_max=16)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names that begin so, and the options of the group."""
        found = [(name, entry.about) for name, entry in ENTRIES.items() if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [CompletionItem(name, help=about) for name, about in found] + options
