"""Owns the commands with which somebody begins.

Invariant: nothing heavy is imported before it is needed. Does not know how anything is done.
"""

import shlex
import sys
from pathlib import Path
from typing import Any

import click
from click.shell_completion import get_completion_class

from flows.commands.help import examples
from flows.commands.questions import PRECISION, Clock, Zone, interview
from flows.terminal import quiet, say


@click.command(epilog=examples("nightsort demo", "nightsort demo --data my-pictures --into trial"))
@click.option("--data", type=click.Path(path_type=Path), help="Your own folder of class folders.")
@click.option("--into", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help="Where to work.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")
def demo(data: Path | None, into: Path, as_json: bool) -> None:
    """Show the whole loop on handwritten digits, or on your own pictures."""
    quiet()
    from flows.actions.demo import demo as run_demo

    say(*run_demo(data, into, lambda text: say(text.split("\n"), {}, False)), as_json)


@click.command(
    epilog=examples(
        "nightsort init",
        "nightsort init --labelled pictures/labelled --incoming /mnt/camera --at 02:30 --yes",
        "nightsort init warehouse --manifest labels.csv --target-precision 0.98 --timezone Europe/Berlin --yes",
    )
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--labelled", metavar="PLACE", help="Labelled pictures: a folder of class folders, an archive, a bucket.")
@click.option("--manifest", metavar="FILE", help="What names their labels, if the folders do not: CSV, Parquet, COCO.")
@click.option("--incoming", metavar="PLACE", help="Where new pictures arrive.")
@click.option("--storage", metavar="PLACE", help="Where datasets, models and results are kept.")
@click.option("--at", type=Clock(), metavar="HH:MM", help="When to classify, each night.")
@click.option(
    "--timezone", type=Zone(), metavar="ZONE", help="Of that time, such as Europe/Berlin; else this machine's."
)
@click.option(
    "--target-precision", type=PRECISION, metavar="SHARE", help="Of what gets a class, so much is to be right."
)
@click.option("--retrain", type=bool, metavar="true|false", help="Retrain when labels arrive or pictures drift.")
@click.option("--rare", type=bool, metavar="true|false", help="Some classes are rare, whatever a look at them says.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.option("--force", is_flag=True, help="Replace a pipelines.yaml that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")
def init(folder: Path, yes: bool, force: bool, as_json: bool, **given: Any) -> None:
    """Write a commented pipelines.yaml into FOLDER, after a few questions.

    Asks nothing where standard input is no terminal. Relative places are taken from FOLDER, as the file has them.
    """
    from flows.actions import starting

    file = starting.target(folder, force)
    answers = interview(given, folder, sys.stdin.isatty() and not yes, lambda line: say([line], {}, False))
    starting.write(file, starting.Answers(**answers), force)
    then = [f"cd {shlex.quote(str(folder))}"] if folder.resolve() != Path.cwd() else []
    then += ["nightsort run ingest", "nightsort run train", "nightsort up"]
    say(
        [f"written: {file}", "next:", *(f"  {line}" for line in then)],
        {"file": str(file), "next": then, **answers},
        as_json,
    )


@click.command(
    epilog=examples(
        'eval "$(nightsort completion bash)"',
        "nightsort completion zsh > ~/.zfunc/_nightsort",
        "nightsort completion fish > ~/.config/fish/completions/nightsort.fish",
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script by which SHELL completes commands, options, words and pipelines.

    For bash, put the first line below into ~/.bashrc; zsh needs 'fpath+=~/.zfunc' before compinit in ~/.zshrc.
    """
    whole = context.find_root()
    name = whole.info_name or "nightsort"
    script = get_completion_class(shell)
    assert script  # one of click's own
    click.echo(script(whole.command, {}, name, f"_{name.replace('-', '_').upper()}_COMPLETE").source())


COMMANDS = (demo, init, completion)
