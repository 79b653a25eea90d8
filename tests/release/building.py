"""Owns the two files of a release: how they are built from a tree, and what has to be in them.

Invariant: nothing is fetched: the build backend is the one that the lock pins. Equal trees give equal bytes.
Does not know whether what was built works.
"""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HATCHLING = Path(sys.executable).with_name("hatchling")


def version(tree: Path = REPOSITORY) -> str:
    """The version that pyproject.toml says, which is the only place that says it to a program."""
    return str(tomllib.loads((tree / "pyproject.toml").read_text())["project"]["version"])


def build(tree: Path, into: Path, *targets: str) -> tuple[Path, Path]:
    """Wheel and sdist of a tree; both are named, whichever was asked for.

    :param targets: sdist, wheel; none means both
    """
    command = [HATCHLING, "build", "--directory", into, *(word for target in targets for word in ("--target", target))]
    # Without it hatchling gives all files one fixed time, whoever builds.
    environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    subprocess.run(command, cwd=tree, env=environment, capture_output=True, check=True)
    name = f"nightsort-{version(tree)}"
    return into / f"{name}-py3-none-any.whl", into / f"{name}.tar.gz"


def not_reproduced(wheel: Path, sdist: Path) -> list[str]:
    """Which of the two come out as other bytes: both from the tree again, and the wheel from the sdist."""
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        again = Path(folder, "again")
        with tarfile.open(sdist) as packed:
            packed.extractall(folder, filter="data")
        wheel_again, sdist_again = build(REPOSITORY, again)
        wheel_of_sdist, _ = build(Path(folder, sdist.name.removesuffix(".tar.gz")), Path(folder, "of-sdist"), "wheel")
        pairs = {
            "the wheel, built again": (wheel, wheel_again),
            "the sdist, built again": (sdist, sdist_again),
            "the wheel, built from the sdist": (wheel, wheel_of_sdist),
        }
        return [f"{what}: has other bytes" for what, (one, other) in pairs.items() if sha256(one) != sha256(other)]


def sha256(file: Path) -> str:
    """Of the bytes of a file, hex."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def in_wheel(wheel: Path) -> set[str]:
    """Names of the files in a wheel."""
    with zipfile.ZipFile(wheel) as packed:
        return set(packed.namelist())


def in_sdist(sdist: Path) -> set[str]:
    """Names of the files in an sdist, below its one folder."""
    with tarfile.open(sdist) as packed:
        return {name.partition("/")[2] for name in packed.getnames()}


def metadata(wheel: Path) -> Message:
    """What the wheel says of itself to an installer."""
    with zipfile.ZipFile(wheel) as packed:
        (name,) = (name for name in packed.namelist() if name.endswith(".dist-info/METADATA"))
        return BytesParser().parsebytes(packed.read(name))


def installed_files(tree: Path = REPOSITORY) -> set[str]:
    """What a wheel has to hold: every file of the three packages, as it is imported."""
    tops = {"nightsort": tree / "src", "tasks": tree, "flows": tree}
    return {
        file.relative_to(above).as_posix()
        for top, above in tops.items()
        for file in (above / top).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
