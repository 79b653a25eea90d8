"""A running `nightsort up` that the tests of a file take their steps with: four pipelines, a webhook, a client."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings

from nightsort.pipelines import Declaration, load
from tests.waiting import until
from tests.webhooks import Webhook

DECLARED = """
storage: {root}
compute: {{workers: 1}}
server: {{port: {port}}}
pipelines:
  nightly:
    flow: classify
    description: Classify what came in today.
    parameters: {{source: drop, settle_seconds: 0, sample: 0}}
    schedule: {{cron: 0 2 * * *, timezone: Europe/Berlin}}
  often:
    flow: train
    schedule: {{interval_seconds: 7200}}
  again:
    flow: retrain
    parameters: {{epochs: 3}}
    triggers: [labels, drift]
  by-hand:
    flow: ingest
    parameters: {{source: labelled}}
"""


@dataclass
class Served:
    """A running `nightsort up`."""

    process: subprocess.Popen[bytes]
    file: Path
    declaration: Declaration
    client: SyncPrefectClient
    listening: set[str] = field(default_factory=set)  # addresses seen so far

    @property
    def family(self) -> list[psutil.Process]:
        """The process and all below it."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def look(self) -> None:
        """Note who listens where."""
        for member in self.family:
            try:
                sockets = member.net_connections(kind="inet")
            except psutil.NoSuchProcess:
                continue
            self.listening |= {item.laddr.ip for item in sockets if item.status == psutil.CONN_LISTEN}

    def deployment(self, name: str) -> Any:
        """A deployment by the name of its pipeline."""
        flow = self.declaration.pipelines[name].flow
        return self.client.read_deployment_by_name(f"{flow}/{name}")

    def start(self, name: str, **changes: Any) -> FlowRun:
        """Start a run as the form of the UI does: with all parameters, some of them changed."""
        deployment = self.deployment(name)
        params = {**deployment.parameters["params"], **changes}
        return self.client.create_flow_run_from_deployment(deployment.id, parameters={"params": params})

    def finished(self, run: FlowRun) -> FlowRun:
        """A flow run once it has ended."""

        def ended() -> bool:
            self.look()
            state = self.client.read_flow_run(run.id).state
            return bool(state and state.is_final())

        self.until(ended)
        return self.client.read_flow_run(run.id)

    def until(self, ready: Callable[[], Any]) -> None:
        """Wait for something to happen."""

        def look() -> Any:
            assert self.process.poll() is None, "nightsort up ended"
            return ready()

        until(look, "what nightsort up was to do")


def free_port() -> int:
    """A port of loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory,
    trained: Any,
    pictures: Any,
    environment: dict[str, str],
    receiver: Webhook,
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(trained.root, folder / "root")
    pictures.mixed(folder / "drop")
    file = folder / "pipelines.yaml"
    file.write_text(DECLARED.format(root="root", port=free_port()))
    declaration = load(file)
    process = subprocess.Popen(
        [Path(sys.executable).parent / "nightsort", "up", "--config", file],
        cwd=folder,
        env={**environment, "PREFECT_RUNNER_POLL_FREQUENCY": "1", "NIGHTSORT_WEBHOOK": receiver.address},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        while (line := process.stdout.readline()) and b"serving by-hand" not in line:
            pass
        assert line, "it ended before it served"
        with temporary_settings({PREFECT_API_URL: declaration.server.api}), get_client(sync_client=True) as client:
            serving = Served(process, file, declaration, client)
            serving.until(lambda: len(client.read_deployments()) == 4)
            yield serving
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
