"""`make topology`: everything that Nightsort runs on, killed one by one. Exits with 1 if an expectation is broken.

python -m topology [--keep FOLDER]
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from nightsort.errors import NightsortError
from topology import telling
from topology.ending import ending
from topology.runs import asking
from topology.services import Services
from topology.story import Story
from topology.supervisor import Supervisor


def main() -> None:
    """Start everything, live the story, account for it, print."""
    parser = argparse.ArgumentParser(prog="python -m topology", description=__doc__)
    parser.add_argument("--keep", type=Path, help="new folder for all that the processes write, kept at the end")
    keep = parser.parse_args().keep
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as an exception, so that no process is left
    folder = keep.resolve() if keep else Path(tempfile.mkdtemp(prefix="nightsort-topology-"))
    try:
        faults = _rehearse(folder)
    except NightsortError as error:
        faults = [str(error)]
    for fault in faults:
        print(f"BROKEN {fault}")
    if not keep and not faults:
        shutil.rmtree(folder)
    elif faults:
        print(f"what the processes wrote is in {folder}")
    sys.exit(bool(faults))


def _rehearse(folder: Path) -> list[str]:
    start = time.monotonic()

    def say(words: str) -> None:
        print(f"{time.monotonic() - start:5.0f} s  {words}", flush=True)

    services = Services(folder)
    services.prepare()
    with Supervisor(folder / "logs") as supervisor:
        database, *others = services.units()
        supervisor.start(database)
        supervisor.start(*others)
        say(telling.started(services))
        with asking(services.api, services.password) as runs:
            story = Story(services, supervisor, runs, say, timedelta(seconds=time.monotonic() - start))
            story.live()
            end = ending(story)
            for line in telling.close(story, end):
                print(line)
    print(f"{time.monotonic() - start:.0f} s; {len(end.faults) or 'no'} expectations broken")
    return end.faults


main()
