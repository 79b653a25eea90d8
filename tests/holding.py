"""A lease in the hands of somebody else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nightsort.leases import lease
from nightsort.storage import Storage

_HOLDER = """
import sys
from nightsort.leases.lease import hold
from nightsort.storage import Storage
with hold(Storage(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(storage: Storage, name: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a lease until its standard input is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, storage.root, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(lease.__file__).parents[2])},
    ) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()
