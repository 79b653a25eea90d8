"""Owns the order of events: what starts each pipeline, and what is killed in the middle of it.

Invariant: what was cut off is done by the next run, which nobody has to prepare. Does not know whether it ended well.
"""

import string
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import FlowRun
from prefect.events import emit_event

from nightsort import clock
from nightsort.errors import RunError
from tasks.events import BY_ITSELF, LABELS, STARTED
from tasks.notice import resource
from topology.browser import is_there, person
from topology.bucket import Bucket
from topology.mail import Mail
from topology.runs import Runs
from topology.services import BUCKET, WORKERS, Services
from topology.supervisor import Supervisor
from topology.waiting import until

_DECLARATION = Path(__file__).with_name("pipelines.yaml")
_NOTICE = timedelta(seconds=10)  # the server looks every 5 s what was deployed
_NEW_YEAR = "0 0 1 1 *"  # not on the day on which somebody tries this
_MINUTE = timedelta(minutes=1)
_ATTEMPTS = 3


@dataclass
class Story:
    """What happens.

    :param say: called with the words for each step
    :param deploying: how long a deploy may take; before the first, as long as it took to start everything
    """

    services: Services
    supervisor: Supervisor
    runs: Runs
    say: Callable[[str], Any]
    deploying: timedelta
    killed: dict[str, int] = field(default_factory=dict)  # unit -> processes
    seen: set[Any] = field(default_factory=set)  # runs that were told of

    def __post_init__(self) -> None:
        self.bucket = Bucket(BUCKET, self.services.store)
        self.mail = Mail(self.bucket, self.services.folder / "mail")

    def live(self) -> None:
        """From the first deploy to the last run."""
        self.bucket.make()
        self.mail.label("first", 30)
        self.schedule("ingest", triggers="[]")  # else the first labels' arrival would start retrain beside train
        self.through("ingest", "by schedule", "store", self.writing("dataset"))
        self._press("train")
        self.through("train", "by a person in the UI", "postgres", self.writing("checkpoints"))
        self.drop("incoming", "monday", 60)
        self.schedule("nightly", triggers="[labels]")
        self.through("nightly", "by schedule", WORKERS[0], self.classifying())
        self.drop("archives", "tuesday", 50, zipped=20)
        self._press("archive")
        self.through("archive", "by a person in the UI", "prefect-server", self.classifying())
        for day, victim in (("wednesday", "dask-scheduler"), ("thursday", "prefect-worker")):
            self.drop("incoming", day, 60)
            self.runs.start("nightly")
            self.through("nightly", "by hand", victim, self.classifying())
        self.mail.label("second", 5)
        self._labels_arrive()
        self.through("retrain", "by an event")

    def writing(self, folder: str) -> Callable[[], bool]:
        """Whether a run has written to a folder of the root that was empty before."""
        return lambda: bool(self.bucket.names(f"storage/{folder}"))

    def classifying(self) -> Callable[[], bool]:
        """Whether a run has committed something and goes on."""
        before = self.bucket.commits("predictions")
        return lambda: self.bucket.commits("predictions") > before + 1

    def drop(self, prefix: str, name: str, pictures: int, zipped: int = 0) -> None:
        """Cameras send something."""
        count = self.mail.drop(prefix, name, pictures, zipped)
        self.say(f"{count} files arrive in s3://{BUCKET}/{prefix}/{name}")

    def schedule(self, pipeline: str, triggers: str) -> None:
        """Deploy with a pipeline due soon; again, if that minute was over before the server knew of it.

        :param triggers: what starts retrain
        """
        while True:
            due = (clock.now() + 2 * self.deploying + _NOTICE + _MINUTE).replace(second=0, microsecond=0)
            self._deploy(pipeline, due, triggers)
            if clock.now() < due:
                return

    def _deploy(self, pipeline: str, due: datetime, triggers: str) -> None:
        """Fill in pipelines.yaml, and have the server know it."""
        cron = {"ingest": _NEW_YEAR, "nightly": _NEW_YEAR, pipeline: f"{due.minute} {due.hour} * * *"}
        site = {**self.services.tls.model_dump(), "bucket": BUCKET, "scheduler": self.services.scheduler}
        file = self.services.folder / _DECLARATION.name
        file.write_text(string.Template(_DECLARATION.read_text()).substitute(cron, **site, triggers=triggers))
        start = time.monotonic()
        lines = self.command("deploy", "--config", file)
        self.deploying = timedelta(seconds=time.monotonic() - start)
        # The plan's sums; the last line is "deployed".
        self.say(f"nightsort deploy: {lines[-2]}; {pipeline} is due at {due:%H:%M} UTC")

    def command(self, *words: object) -> list[str]:
        """The lines that a command prints.

        :raises RunError: if it failed
        """
        command = [Path(sys.executable).with_name("nightsort"), *map(str, words)]
        done = subprocess.run(command, env=self.services.client, capture_output=True, text=True)
        if done.returncode:
            raise RunError(f"nightsort {' '.join(map(str, words))} ended with {done.returncode}: {done.stderr}")
        return done.stdout.splitlines()

    def through(self, pipeline: str, started: str, victim: str = "", middle: Callable[[], bool] = bool) -> None:
        """See a run that something started to its end, with something killed in its middle; and what comes after."""
        run = self.runs.next(pipeline, self.seen)
        self.seen.add(run.id)
        self.say(f"{pipeline} started {started}")
        if victim:
            self._kill(victim, run, middle)
        if victim != "prefect-worker":  # whose run is nobody's now: it is seen to be dead later
            run = self.runs.ended(run)
            self.say(f"{pipeline}: {run.state_name}{_why(run)}")
        attempts = 0
        while run.state_name != "Completed" and (attempts := attempts + 1) <= _ATTEMPTS:
            run = self.runs.ended(self.runs.start(pipeline))
            self.seen.add(run.id)
            self.say(f"{pipeline} once more: {run.state_name}{_why(run)}")

    def _kill(self, victim: str, run: FlowRun, middle: Callable[[], bool]) -> None:
        until(lambda: middle() or self.runs.is_over(run), f"the middle of {run.name}")
        if self.runs.is_over(run):
            self.say(f"{victim} is not killed: the run was over before")
            return
        self.killed[victim] = self.supervisor.kill(victim)
        start = time.monotonic()
        self.supervisor.wait(victim)
        back = time.monotonic() - start
        self.say(f"kill -9 {victim} ({self.killed[victim]} processes) in the middle; back after {back:.0f} s")

    def _press(self, pipeline: str) -> None:
        """A person opens the UI, or a program does what the button does."""
        if not is_there():
            self.say("no Chromium here ('make services' installs it): the call that the button makes, instead")
            self.runs.start(pipeline)
            return
        with person(self.services.page, self.services.folder / "screens") as somebody:
            somebody.log_in(self.services.password)
            somebody.quick_run(str(self.runs.deployment(pipeline).id), pipeline)

    def _labels_arrive(self) -> None:
        about = {"prefect.resource.id": resource(self.bucket.root), STARTED: BY_ITSELF}
        emit_event(LABELS, resource=about, payload={"text": "50 labels arrived"})
        self.say(f"50 labelled pictures arrive, and the event {LABELS}")


def _why(run: FlowRun) -> str:
    """The first words of what a run says of its end."""
    message = (run.state.message or "") if run.state else ""
    return f" ({message[:90].splitlines()[0]})" if message else ""
