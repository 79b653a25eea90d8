"""Owns what a shell is told may come next on the line.

Invariant: nothing heavy is imported, and nothing is raised: a file that cannot be read completes nothing. Does not
know shells.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from flows.terminal import DEFAULT_CONFIG

Completing = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
"""(context, parameter, what is typed so far) -> what it may become."""


def words(literal: Any) -> Completing:
    """Completes to the words of a `Literal`, with what each means."""

    def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
        from nightsort.glossary import meanings

        return [CompletionItem(word, help=said) for word, said in meanings(literal).items() if word.startswith(begun)]

    return complete


def truth(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Completes to true or false."""
    return _items(["true", "false"], begun)


def places(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Completes to files and folders, as the shell knows them."""
    return [CompletionItem(begun, type="file")]


def pipelines(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Completes to what pipelines.yaml declares; its faults are another's matter."""
    import yaml

    try:
        declared = yaml.safe_load(Path(context.params.get("config") or DEFAULT_CONFIG).read_text(encoding="utf-8"))
        found = {str(name): str(item["flow"]) for name, item in declared["pipelines"].items()}
    except (OSError, ValueError, yaml.YAMLError, TypeError, KeyError, AttributeError):
        return []
    return [CompletionItem(name, help=flow) for name, flow in found.items() if name.startswith(begun)]


def settings(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Completes to flows and to settings; by its name alone what is below `<name>`, which a shell would redirect."""
    from nightsort import knobs
    from nightsort.config.catalogue import PARAMS

    named = (knob.name if "<" in knob.path else knob.path for knob in knobs.every())
    return _items(dict.fromkeys([*PARAMS, *named]), begun)


def _items(known: Iterable[str], begun: str) -> list[CompletionItem]:
    return [CompletionItem(word) for word in known if word.startswith(begun)]
