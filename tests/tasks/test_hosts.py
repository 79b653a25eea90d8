"""Workers on other hosts: files that they do not see, and a network that is cut for a while."""

import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightsort.config.intake import ClassifyParams
from nightsort.config.run import RunParams
from nightsort.errors import ConfigError, RunError
from nightsort.storage import Storage
from tasks.compute import Workers
from tasks.worker_check import Sighted
from tests.conftest import missing
from tests.tasks.outside import Outside
from tests.waiting import until
from topology.certificates import issue

CHUNKS = 24
_ROOT = Path(__file__).resolve().parents[2]
DRIVER = f"""
import pyarrow as pa
from nightsort.config.run import RunParams
from tasks.compute import Workers

def answer(chunk):
    import time
    time.sleep(0.1)
    return chunk["path"][0].as_py()

chunks = [pa.table({{"path": [str(n)], "member": [""]}}) for n in range({CHUNKS})]
params = RunParams.model_validate_json(PARAMS)
with Workers(params) as workers:
    for done in workers.map(answer, chunks):
        print(done.result, flush=True)
"""


def run(*words: str) -> bool:
    """Whether a command succeeds."""
    return subprocess.run(words, capture_output=True).returncode == 0


class Hosts:
    """Two hosts with a cable between them: network namespaces."""

    def __init__(self) -> None:
        self.names = (f"here{os.getpid()}", f"there{os.getpid()}")
        self.addresses = ("10.213.7.1", "10.213.7.2")
        self._ends = (f"va{os.getpid()}", f"vb{os.getpid()}")

    def make(self) -> bool:
        """Whether they could be made: that takes the rights of root."""
        if not all(run("ip", "netns", "add", name) for name in self.names):
            return False
        if not run("ip", "link", "add", self._ends[0], "type", "veth", "peer", "name", self._ends[1]):
            return False
        done = []
        for name, end, address in zip(self.names, self._ends, self.addresses, strict=True):
            done.append(run("ip", "link", "set", end, "netns", name))
            done.append(run("ip", "-n", name, "address", "add", f"{address}/30", "dev", end))
            done += [run("ip", "-n", name, "link", "set", device, "up") for device in ("lo", end)]
        return all(done)

    def cable(self, state: str) -> None:
        """Plug it in, `up`, or out, `down`."""
        assert run("ip", "-n", self.names[0], "link", "set", self._ends[0], state)

    def inside(self, host: int) -> list[str]:
        """The words that run a command on a host."""
        return ["ip", "netns", "exec", self.names[host]]

    def remove(self) -> None:
        """Both, and with them the cable."""
        for name in self.names:
            run("ip", "netns", "del", name)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    made = Hosts()
    try:
        if not made.make():
            missing("ip of iproute2, or the right to make network namespaces,")
        yield made
    finally:
        made.remove()


def test_a_network_that_is_cut_for_a_while_loses_and_doubles_nothing(hosts: Hosts, tmp_path: Path) -> None:
    tls = issue(tmp_path / "certificates", *hosts.addresses)
    outside = Outside(tmp_path, tls, hosts.addresses[1], hosts.inside(1))
    beside_driver = Outside(tmp_path, tls, hosts.addresses[0], hosts.inside(0))
    try:
        outside.scheduler()
        outside.worker("near")
        beside_driver.address = outside.address
        beside_driver.worker("far")
        params = RunParams(scheduler=outside.address, tls=tls, storage=str(tmp_path / "root"))
        code = DRIVER.replace("PARAMS", repr(params.model_dump_json()))
        quick = os.environ | {"PYTHONPATH": f"{_ROOT}/src:{_ROOT}", "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "11s"}
        command = [*hosts.inside(0), sys.executable, "-c", code]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=quick) as driver:
            assert driver.stdout is not None
            came = [driver.stdout.readline().strip() for _ in range(3)]
            hosts.cable("down")
            until(lambda: "Remove client" in outside.log("scheduler"), "the scheduler's loss of the driver")
            until(lambda: not beside_driver.is_up("far"), "the end of the worker that lost its scheduler")
            hosts.cable("up")
            came += driver.stdout.read().split()
        assert driver.returncode == 0
        assert Counter(came) == Counter(map(str, range(CHUNKS)))
    finally:
        beside_driver.stop()
        outside.stop()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A storage root in which a run holds a lease, and a folder of pictures, both in a place of their own."""
    Storage(str(tmp_path / "own" / "root")).write_bytes("leases/dataset/1.json", b"{}")
    (tmp_path / "own" / "pictures").mkdir()
    return tmp_path / "own" / "root"


@pytest.mark.parametrize("hidden", ["root", "pictures"])
def test_a_worker_that_does_not_see_the_files_of_a_run_is_named(hidden: str, root: Path, tmp_path: Path) -> None:
    if not run("unshare", "--mount", "true"):
        missing("unshare, or the right to mount,")
    lacking = root.parent / hidden
    over = root if hidden == "root" else root.parent / "above"
    if hidden == "pictures":
        lacking = over / "pictures"
        lacking.mkdir(parents=True)
    blind = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(over)]
    outside = Outside(tmp_path, None)
    params = ClassifyParams(source=str(lacking), storage=str(root), scheduler="tcp://127.0.0.1:1")
    try:
        outside.scheduler()
        outside.worker("blind", before=blind)
        reached = params.model_copy(update={"scheduler": outside.address})
        with Workers(reached) as workers, pytest.raises(ConfigError) as caught:
            workers.start()
        place = f"the worker {socket.gethostname()} cannot see {lacking}; mount it there at the same path"
        assert str(caught.value) == f"scheduler {outside.address}: {place}"
        assert not list(root.glob(".probe*"))
    finally:
        outside.stop()


def test_a_worker_that_comes_later_and_does_not_see_the_files_fails_its_chunk(root: Path, tmp_path: Path) -> None:
    source = root.parent / "pictures"
    sighted = Sighted(ClassifyParams(source=str(source), storage=str(root)))
    assert sighted(max, 3, 4) == 4
    source.rmdir()
    with pytest.raises(RunError, match=f"cannot see {source}; mount it there at the same path"):
        sighted(max, 3, 4)
