"""Owns answering Prometheus: what was read is answered for a while, and a root that hangs does not hang the answer.

Invariant: at most one reading is under way, and readings take at most a tenth of the time.
Does not know what is read.
"""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import TimeoutError as Late

from prometheus_client import generate_latest
from prometheus_client.core import CollectorRegistry, Metric
from prometheus_client.exposition import start_http_server
from prometheus_client.registry import Collector

from nightsort.errors import ConfigError
from nightsort.operations.background import Future, begun
from nightsort.operations.metrics import down

FRESH = 10.0
"""Seconds for which what was read is answered again."""

PATIENCE = 8.0
"""Seconds after which a reading is given up; Prometheus waits for ten."""


class Exporter(Collector):
    """What answers a scrape.

    :param read: reads the metrics anew
    :param patience: seconds that it may take
    """

    def __init__(self, read: Callable[[], list[Metric]], patience: float = PATIENCE) -> None:
        self._read = read
        self._patience = patience
        self._lock = threading.Lock()
        self._reading: Future[Metric] | None = None
        self._known: list[Metric] = []
        self._until = 0.0

    def collect(self) -> Iterable[Metric]:
        """The metrics: read now, or a moment ago; `nightsort_up 0` if the storage does not answer in time."""
        with self._lock:
            now = time.monotonic()
            if now < self._until:
                return self._known
            self._reading = self._reading or begun(self._read)
            try:
                self._known = self._reading.result(self._patience)
            except Late:  # the next scrape asks for the same reading again
                return down(f"it did not answer within {self._patience:.0f} s")
            self._reading = None
            self._until = time.monotonic() + max(FRESH, 9 * (time.monotonic() - now))
            return self._known


def text(read: Callable[[], list[Metric]]) -> str:
    """The metrics once, in the text format."""
    return generate_latest(_registry(Exporter(read, patience=60.0))).decode()


def serve(read: Callable[[], list[Metric]], host: str, port: int) -> tuple[int, Callable[[], None]]:
    """Answer scrapes in threads of their own.

    :param port: 0 takes a free one
    :returns: the port, and what ends it
    :raises ConfigError: if the port cannot be had
    """
    try:
        server, thread = start_http_server(port, host, _registry(Exporter(read)))
    except (OSError, OverflowError) as error:
        raise ConfigError(f"--host {host} --port {port}: {error}; choose another") from None

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return int(server.server_port), end


def _registry(exporter: Exporter) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(exporter)
    return registry
