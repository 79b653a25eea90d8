"""Owns the command line: words in, a flow or a look at the storage, lines and an exit code out.

Invariant: a mistake of the user's prints one line a fault and exits with 2, a failed run prints one
line and exits with 1; neither shows a traceback. Nothing heavy is imported before it is needed.
Does not know how anything is done.
"""

import os
import signal
import sys
import threading
from typing import Any

import click

from flows.commands.catalogue import Catalogued
from flows.commands.help import examples
from flows.terminal import fail
from nightsort import logs
from nightsort.errors import NightsortError, UserError


@click.group(
    cls=Catalogued,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples("nightsort demo", "nightsort init", "nightsort check --explain balance"),
)
@click.version_option(package_name="nightsort")
def cli() -> None:
    """Learns the classes of your pictures and classifies every new one exactly once, every night."""


def _mistyped(error: click.ClickException) -> str:
    """What is wrong with the words, what was meant if that is near, and where it says what there is."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "nightsort"
    if isinstance(error, click.NoSuchOption) and (argument := _argument(context, error.option_name)):
        return f"{error.message.rstrip('.')}; {argument} stands alone, as in '{command} {argument}'"
    near = getattr(error, "possibilities", None)
    if not near:
        return f"{error.format_message().rstrip('.')}; see '{command} --help'"
    meant = near[0] if isinstance(error, click.NoSuchOption) else f"{command} {near[0]}"
    return f"{error.message.rstrip('.')}; did you mean '{meant}'? see '{command} --help'"


def _argument(context: click.Context | None, option: str) -> str | None:
    """The argument that somebody wrote as an option, as `--help` shows it."""
    if not context:
        return None
    arguments = [param for param in context.command.params if isinstance(param, click.Argument)]
    return next((each.make_metavar(context) for each in arguments if option == f"--{each.name}"), None)


def _send_again(lost: Any) -> None:
    """A signal that comes in the midst of a `__del__` is raised where nobody can catch it, and would be forgotten."""
    signals = {SystemExit: signal.SIGTERM, KeyboardInterrupt: signal.SIGINT}
    if again := signals.get(lost.exc_type):
        threading.Timer(0.1, os.kill, (os.getpid(), again)).start()  # when that `__del__` is over
    else:
        sys.__unraisablehook__(lost)


def main() -> None:
    """Entry point of the console script."""
    # Arrow's own allocator keeps what was freed: a quarter more memory at the peak of an ingest of 60,000 pictures.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # Threads of torch that wait for one another spin: beside other work a training then takes twenty times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # What others' libraries would tell their makers stays here; https://consoledonottrack.com, Prefect heeds it.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    logs.install()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as an exception, so that everything is tidied up
    sys.unraisablehook = _send_again
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        fail("interrupted; run it again to complete it", 130)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.ClickException as error:
        fail(_mistyped(error), 2)
    except UserError as error:
        fail(str(error), 2)
    except NightsortError as error:
        fail(str(error), 1)


if __name__ == "__main__":
    main()
