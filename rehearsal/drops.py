"""Owns what lies in the drop folder: two cameras' pictures and the rubbish that comes along, night by night.

Invariant: whatever is put there is remembered with its bytes and with what should become of it.
Does not know what becomes of it.
"""

import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np

from rehearsal.pictures import Digits, Picture, dark

Camera = Literal["works", "dark", "silent"]
Fate = Literal["classified", "copy", "quarantined", "ignored"]


@dataclass(frozen=True)
class Sent:
    """A file, or an archive's member, that somebody put into the drop folder."""

    place: str  # path!member, or the path alone
    sha256: str
    night: int  # day of the month
    fate: Fate
    truth: str | None = None  # what is on it


@dataclass(frozen=True)
class Delivery:
    """What arrives before one night's run."""

    night: int
    moment: datetime  # of the run
    pool: str  # of rehearsal.pictures.POOLS
    known: int  # pictures of the other digits, of both cameras together, as chance has it
    unseen: int = 0  # pictures of the digit that was held back
    second_camera: Camera = "works"
    zipped: int = 0  # of them come in an archive


class Drops:
    """The drop folder.

    :param folder: where the nights' folders are made
    :param unseen: the digit that nobody told the model of
    """

    def __init__(self, folder: Path, digits: Digits, unseen: int, rng: np.random.Generator) -> None:
        self._folder, self._digits, self._unseen, self._rng = folder, digits, unseen, rng
        self.sent: list[Sent] = []

    def deliver(self, what: Delivery) -> None:
        """Put one night's pictures there, dated the evening before."""
        folder = self._folder / f"{what.moment:%Y-%m-%d}"
        pictures = self._pictures(what)
        half = len(pictures) // 2
        first, second = pictures[:half], pictures[half:]
        if what.second_camera == "dark":
            second = dark(len(second), self._rng)
        loose, packed = first[what.zipped :], first[: what.zipped]
        self._write(what.night, folder / "cam-a", loose, "classified")
        if what.second_camera != "silent":
            self._write(what.night, folder / "cam-b", second, "classified")
        if packed:
            self._pack(what.night, folder / "cam-a" / "late.zip", packed)
        self._write(what.night, folder / "cam-a", self._rubbish(loose[0]), "quarantined")
        self._write(what.night, folder / "cam-a", [Picture("Thumbs.db", self._noise(), None)], "ignored")
        copy = Picture(f"copy-of-{loose[0].name}", loose[0].data, loose[0].truth)
        self._write(what.night, folder, [copy], "copy")
        _date(folder, what.moment - timedelta(hours=6))

    def _pictures(self, what: Delivery) -> list[Picture]:
        others = [digit for digit in range(10) if digit != self._unseen]
        counts = self._rng.multinomial(what.known, np.full(len(others), 1 / len(others)))
        wanted = dict(zip(others, counts.tolist(), strict=True)) | {self._unseen: what.unseen}
        drawn = [
            picture
            for digit, count in wanted.items()
            for picture in self._digits.draw(self._pool(what, digit), digit, count, self._rng)
        ]
        return [drawn[at] for at in self._rng.permutation(len(drawn))]

    def _pool(self, what: Delivery, digit: int) -> str:
        """What could be labelled of the unseen digit is not, so the cameras may see it."""
        return "labelled" if digit == self._unseen and what.pool == "early" else what.pool

    def _rubbish(self, victim: Picture) -> Iterator[Picture]:
        """What every real drop holds: half a picture, no picture, nothing; by now and then one that is no picture."""
        yield Picture("cut-off.png", victim.data[: len(victim.data) // 2] + self._noise(), None)
        yield Picture("notes.png", b"Cleaned the lens, round %d.\n" % self._rng.integers(10**9), None)
        yield Picture("nothing.png", b"", None)

    def _noise(self) -> bytes:
        return self._rng.bytes(16)

    def _write(self, night: int, folder: Path, pictures: Iterable[Picture], fate: Fate) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for picture in pictures:
            (folder / picture.name).write_bytes(picture.data)
            self._remember(night, str(folder / picture.name), picture, fate)

    def _pack(self, night: int, file: Path, pictures: list[Picture]) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for picture in pictures:
                archive.writestr(zipfile.ZipInfo(picture.name), picture.data)  # dated 1980, the same every time
                self._remember(night, f"{file}!{picture.name}", picture, "classified")

    def _remember(self, night: int, place: str, picture: Picture, fate: Fate) -> None:
        self.sent.append(Sent(place, hashlib.sha256(picture.data).hexdigest(), night, fate, picture.truth))


def _date(folder: Path, when: datetime) -> None:
    for file in folder.rglob("*"):
        os.utime(file, (when.timestamp(), when.timestamp()))
