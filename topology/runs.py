"""Owns what a rehearsal asks of the Prefect server: which runs there are, how they ended, and to start one.

Invariant: a server that is away is waited for; what does not come is an error that names it. Does not know why
anything runs.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from topology.waiting import until

T = TypeVar("T")

_EVERY = 0.3  # seconds between two questions to the server
_FLOWS = {"nightly": "classify", "archive": "classify"}  # of a pipeline, where it is not named after its flow


class Runs:
    """Runs of deployments on a server; made by :func:`asking`."""

    def __init__(self, client: SyncPrefectClient) -> None:
        self.client = client

    def deployment(self, pipeline: str) -> Any:
        """The deployment of a pipeline."""
        return self.client.read_deployment_by_name(f"{_FLOWS.get(pipeline, pipeline)}/{pipeline}")

    def all(self) -> list[FlowRun]:
        """Every run that there was, and those to come."""
        return self.client.read_flow_runs(limit=200)

    def of(self, pipeline: str) -> list[FlowRun]:
        """Runs of a pipeline that are due, the newest first; those that a schedule has for later are not."""
        wanted = self.deployment(pipeline).id
        some = FlowRunFilter.model_validate({"deployment_id": {"any_": [wanted]}})
        found = self.client.read_flow_runs(flow_run_filter=some, sort=FlowRunSort.EXPECTED_START_TIME_DESC)
        return [run for run in found if run.start_time]

    def start(self, pipeline: str) -> FlowRun:
        """Start a run as `prefect deployment run` does."""
        deployment = self.deployment(pipeline)
        return self.client.create_flow_run_from_deployment(deployment.id, parameters=deployment.parameters)

    def next(self, pipeline: str, known: set[Any]) -> FlowRun:
        """The run of a pipeline that is not known yet, once it has begun."""

        def begun() -> FlowRun | None:
            return next((run for run in self.of(pipeline) if run.id not in known), None)

        return until(self._patiently(begun), f"a run of {pipeline}", _EVERY)

    def state(self, run: FlowRun) -> str:
        """The name of a run's state."""
        return self.client.read_flow_run(run.id).state_name or ""

    def ended(self, run: FlowRun) -> FlowRun:
        """A run once it has ended."""

        def over() -> FlowRun | None:
            now = self.client.read_flow_run(run.id)
            return now if now.state and now.state.is_final() else None

        return until(self._patiently(over), f"the end of run {run.name}", _EVERY)

    def is_over(self, run: FlowRun) -> bool:
        """Whether a run has ended, as far as the server can say."""
        now = self._patiently(lambda: self.client.read_flow_run(run.id))()
        return bool(now and now.state and now.state.is_final())

    @staticmethod
    def _patiently(ask: Callable[[], T | None]) -> Callable[[], T | None]:
        """A server that is away, or has lost its database, says nothing for a while."""

        def asked() -> T | None:
            try:
                return ask()
            except httpx.HTTPError:
                return None

        return asked


@contextmanager
def asking(api: str, password: str) -> Iterator[Runs]:
    """A client that knows the password, and this process's settings until the end of the with-block."""
    told = {PREFECT_API_URL: api, PREFECT_API_AUTH_STRING: password}
    with temporary_settings(told), get_client(sync_client=True) as client:
        yield Runs(client)
