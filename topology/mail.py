"""Owns what arrives in the bucket: labelled digits, and what the cameras saw, with rubbish, copies and archives.

Invariant: whatever is put there is remembered with its bytes and with what should become of it. Does not know what
becomes of it.
"""

from pathlib import Path

import numpy as np

from nightsort import clock
from rehearsal.drops import Delivery, Drops, Sent
from rehearsal.pictures import Digits
from topology.bucket import Bucket


class Mail:
    """What people and cameras send to a bucket.

    :param folder: empty; where it is made before it is sent
    """

    def __init__(self, bucket: Bucket, folder: Path, seed: int = 2026) -> None:
        self._bucket, self._folder, self._rng = bucket, folder, np.random.default_rng(seed)
        self._digits = Digits()
        self.sent: list[Sent] = []

    def label(self, name: str, each: int) -> None:
        """So many labelled pictures of each digit."""
        for digit in range(10):
            place = self._folder / name / str(digit)
            place.mkdir(parents=True)
            for picture in self._digits.draw("labelled", digit, each, self._rng):
                (place / picture.name).write_bytes(picture.data)
        self._bucket.put(self._folder / name, "labelled")

    def drop(self, prefix: str, name: str, pictures: int, zipped: int = 0) -> int:
        """Pictures below a prefix, some of them in an archive, with the rubbish that comes along; how many files."""
        folder = self._folder / prefix / name
        drops = Drops(folder, self._digits, 9, self._rng)
        drops.deliver(Delivery(1, clock.now(), "early", known=pictures, unseen=pictures // 9, zipped=zipped))
        self._bucket.put(folder, f"{prefix}/{name}")
        self.sent += self._bucket.sent(folder, f"{prefix}/{name}", drops.sent)
        return len(drops.sent)
