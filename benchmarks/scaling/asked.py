"""Owns what a commit asks of an object store: its requests, by method, counted by a proxy before an S3 server.

Invariant: the server is moto's, on loopback; no request leaves the machine. Does not know what a request costs.
"""

import logging
import os
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from unittest.mock import patch

import boto3
from moto.server import ThreadedMotoServer

from benchmarks.scaling import made
from benchmarks.scaling.parts import order, rows
from nightsort.datafiles import Ticket
from nightsort.schema import LISTING
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage
from tests.object_store import FaultProxy

_FEW = 20  # pictures of a commit


def requests(folder: Path, count: int) -> None:
    """Commit chunks to a bucket, look at what is known, merge, and count the requests of each."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for each request
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    counted: Counter[str] = Counter()
    proxy = FaultProxy("http://{}:{}".format(*server.get_host_and_port()), busy=0.0, reset=0.0, seed=0)
    parse = BaseHTTPRequestHandler.parse_request

    def counting(handler: BaseHTTPRequestHandler) -> bool:
        done = parse(handler)
        if isinstance(handler.server, FaultProxy):
            counted["LIST" if "list-type" in handler.path else handler.command] += 1
        return done

    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    settings = {
        "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "DEFAULT_REGION": "us-east-1",
        "ENDPOINT_URL": proxy.endpoint, "EC2_METADATA_DISABLED": "true",
    }  # fmt: skip
    os.environ.update({f"AWS_{name}": value for name, value in settings.items()})
    boto3.client("s3").create_bucket(Bucket="scale")
    with patch.object(BaseHTTPRequestHandler, "parse_request", counting):
        ledger = Ledger(Storage("s3://scale/root"))
        for number in range(count):
            if number == 1:
                counted.clear()  # the table is there now
            ledger.commit(made.outcomes(rows(number * _FEW, _FEW), order()).predictions, Ticket("a", number + 1))
        print(f"a commit: { {name: round(n / (count - 1), 2) for name, n in counted.items()} }")
        counted.clear()
        ledger.unchanged(rows(0, 1000).select(LISTING.names), None)
        print(f"a slice compared with {count} files: {dict(counted)}")
        counted.clear()
        ledger.tidy()
        print(f"merging {count} files: {dict(counted)}")
    proxy.shutdown()
    server.stop()
