"""Owns the check of the Dask scheduler: whether it can be reached, over TLS, and who works for it.

Invariant: no work is sent but a question. Does not know what will be computed.
"""

from collections.abc import Iterator

from nightsort.config.compute import Compute
from nightsort.errors import ConfigError
from nightsort.operations.checks.finding import Finding, fail, ok, warn


def scheduler(compute: Compute) -> Iterator[Finding]:
    """What computes, as pipelines.yaml declares it."""
    if compute.cluster:
        yield ok("compute", f"a cluster of kind {compute.cluster.kind} is made for each run; it is not tried here")
        return
    if not compute.scheduler:
        yield ok("compute", "processes of this machine")
        return
    from tasks.connection import Connection
    from tasks.worker_check import require_same_release

    if not compute.scheduler.startswith("tls://"):
        yield warn("compute", f"{compute.scheduler} is not at tls://: who reaches it can run what he likes on the "
                   "workers", "have it listen at tls://, and name compute.tls; see docs/cluster.md")  # fmt: skip
    connection = Connection(compute, 1, 1, 0)
    try:
        everyone, fit = connection.everyone(), connection.workers()
        require_same_release(connection)
        told = f"{connection.name}: {len(everyone)} workers, {len(fit)}{connection.needed or ' of them usable'}"
        if fit:
            yield ok("compute", f"{told}, {sum(connection.slots(worker) for worker in fit.values())} chunks at a time")
        else:
            yield fail("compute", told, "start workers; docs/cluster.md says how")
    except ConfigError as error:
        yield fail("compute", str(error), "mend it; docs/cluster.md says how")
    finally:
        connection.close()
