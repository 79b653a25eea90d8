"""`make dist`: builds wheel and sdist into dist/, and proves that they install and work where no checkout is.

python -m tests.release [--previous nightsort-0.1.0-py3-none-any.whl]
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.release.building import REPOSITORY, build, not_reproduced, sha256, version
from tests.release.installing import Installed, install


def main() -> None:
    """Build, build again and compare, install, run the demo, take over the root of an earlier release."""
    asked = _arguments()
    shutil.rmtree(REPOSITORY / "dist", ignore_errors=True)
    with _timed("built three times"):
        wheel, sdist = build(REPOSITORY, REPOSITORY / "dist")
        faults = not_reproduced(wheel, sdist)
    for file in (wheel, sdist):
        print(f"  {sha256(file)}  {file.relative_to(REPOSITORY)}  {file.stat().st_size:,} bytes", flush=True)
    for fault in faults:
        print(f"FAULT {fault}")
    if faults:
        sys.exit(1)
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        new = _installed(wheel, Path(folder, "new"))
        _demo(new)
        if asked.previous:
            _upgrade(_installed(asked.previous.resolve(), Path(folder, "previous")), new)
    print("no fault")


def _installed(wheel: Path, folder: Path) -> Installed:
    with _timed(f"{wheel.name} installed in a new environment"):
        return install(wheel, folder)


def _demo(new: Installed) -> None:
    """The whole loop; the same bytes come of the sdist, so that once is enough."""
    said = new.run("nightsort", "--version").split()[-1]
    if said != version():
        raise RuntimeError(f"nightsort --version: says {said}; pyproject.toml has {version()}")
    with _timed("the demo, in a folder that has a flows.py and a tasks.py of its own"):
        new.run("nightsort", "demo", "--into", "demo")
    _again(new, new.here / "demo")


def _upgrade(old: Installed, new: Installed) -> None:
    """What the earlier release left is gone on with: nothing is classified twice, and there is a next model."""
    with _timed("the demo, by the earlier release"):
        old.run("nightsort", "demo", "--into", "demo")
    with _timed("its storage root taken over"):
        _again(new, old.here / "demo")
        storage = ("--storage", old.here / "demo" / "storage")
        new.run("nightsort", "train", "--epochs", "2", *storage)
        new.run("nightsort", "report", *storage)


def _again(new: Installed, demo: Path) -> None:
    """A drop that has been classified is known, to the last picture."""
    storage = ("--storage", demo / "storage")
    told = new.run("nightsort", "classify", demo / "pictures" / "drop-1", *storage, "--json")
    account = json.loads(told.splitlines()[-1])
    if account["classified"] or not account["balanced"]:
        raise RuntimeError(f"classify: a night that was done was classified again: {account}")
    print(f"  the first night again: {account['discovered']} discovered, 0 classified", flush=True)


@contextmanager
def _timed(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - start:.0f} s", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.release", description=__doc__)
    parser.add_argument("--previous", type=Path, help="wheel of the release before, whose storage root is taken over")
    return parser.parse_args()


if __name__ == "__main__":
    main()
