"""Owns the folder that a rehearsal works in.

Invariant: begun anew each time, but never by emptying a folder that somebody else has filled.
Does not know what is put there.
"""

import shutil
from pathlib import Path

from nightsort.errors import SourceError

_MARKER = ".nightsort-month"


def claim(folder: Path) -> None:
    """Make the folder, empty.

    :raises SourceError: if it holds something that no rehearsal made
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARKER).exists():
        raise SourceError(f"--into {folder}: holds files that no rehearsal made; name a new folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / _MARKER).write_text("Made by 'make month', which removes this folder when it is run again.\n")
