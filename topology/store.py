"""Owns the S3 server of the topology: moto, which keeps everything in memory, behind a journal on disk.

Invariant: what it acknowledged is there after kill -9 and a new start, with the same dates and the same ids of
uploads. It serves this machine only, and believes every key. Does not know what is kept in it.

python -m topology.store PORT JOURNAL
"""

import hashlib
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

from moto.moto_api._internal import mock_random
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3 import models
from werkzeug.serving import make_server

from topology.journal import Change, Journaled


def main(port: int, journal: Path) -> None:
    """Serve until killed."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    backend = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", port, Journaled(backend, journal, repeatable), True, 1, MotoRequestHandler)
    server.serve_forever()


def repeatable(change: Change) -> None:
    """Give moto the clock and the chance of a change: dates of objects, ids of versions and of uploads."""
    moment = datetime.fromtimestamp(change.moment, UTC).replace(tzinfo=None)  # as moto keeps its own
    models.utcnow = lambda: moment
    mock_random.seed(change.number)
    chance = hashlib.shake_256(str(change.number).encode())
    models.os = SimpleNamespace(urandom=chance.digest)  # ids of uploads are all that asks it


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
