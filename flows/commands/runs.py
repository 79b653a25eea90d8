"""Owns the commands that run a flow: one for each flow, with the flow's parameters as its options.

Invariant: nothing heavy is imported before it is needed. Does not know what a flow does.
"""

from pathlib import Path
from typing import Any

import click

from flows.catalogue import DESCRIPTIONS, EXAMPLES
from flows.commands import options
from flows.commands.help import Sectioned, examples
from flows.commands.launching import PREVIEWED, launch
from flows.terminal import common, declaration_of, dry_run
from nightsort.config.catalogue import PARAMS


def _command(name: str) -> click.Command:
    @common
    def callback(as_json: bool, config: Path | None, storage: str | None, dry_run: bool = False, **given: Any) -> None:
        declaration = declaration_of(config, storage)
        asked = {key: value for key, value in given.items() if value not in (None, ())}
        launch(name, {**declaration.defaults(), **asked}, declaration, as_json, dry_run)

    parameters, end = options.of_model(PARAMS[name]), examples(*EXAMPLES[name])
    callback = dry_run(callback) if name in PREVIEWED else callback
    return click.command(name, Sectioned, params=parameters, help=DESCRIPTIONS[name], epilog=end)(callback)


COMMANDS = tuple(_command(name) for name in PARAMS)
