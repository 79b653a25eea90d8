"""Owns the commands of whoever keeps an installation running.

Invariant: nothing heavy is imported before it is needed. Does not know how anything is found out.
"""

import sys
from pathlib import Path
from threading import Event

import click

from flows.commands.help import examples
from flows.terminal import common, say, storage_of


@click.command(epilog=examples("nightsort doctor", "nightsort doctor --json"))
@common
def doctor(as_json: bool, config: Path | None, storage: str | None) -> None:
    """Examine the installation, the storage, the server and the cluster, and say what to do.

    Exits with 1 if something fails, with 0 if there are warnings at most.
    """
    from flows.actions.doctor import examined, told

    lines, data = told(list(examined(config, storage)))
    say(lines, data, as_json)
    sys.exit(1 if data["fail"] else 0)


@click.command(epilog=examples("nightsort metrics --port 9464", "nightsort metrics --once"))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; nobody has to log in.")
@click.option("--port", default=9464, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--once", is_flag=True, help="Print them and end.")
@common
def metrics(host: str, port: int, once: bool, as_json: bool, config: Path | None, storage: str | None) -> None:
    """Tell Prometheus of the storage root, at http://HOST:PORT/metrics."""
    from nightsort.operations import exporter
    from nightsort.operations.metrics import Metrics

    read = Metrics(storage_of(config, storage)).read
    if once:
        click.echo(exporter.text(read), nl=False)
        return
    taken, end = exporter.serve(read, host, port)
    address = f"http://{host}:{taken}/metrics"
    say([f"metrics at {address}"], {"address": address}, as_json)
    try:
        Event().wait()
    finally:
        end()


COMMANDS = (doctor, metrics)
