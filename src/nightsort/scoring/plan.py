"""Owns how new pictures are cut into chunks, the unit of work, of retry and of commit.

Invariant: every undecided row is in one chunk, in the order of the listing; the plan depends on nothing but its
arguments. Does not know what is done with a chunk.
"""

import math
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SMALLEST = 32
"""Pictures of a chunk, at least: below this, sending and committing one costs more than it spreads.

Where there are more lanes than this, at least as many as lanes: chunks are committed one after another, and while one
of each lane is, the others have to last."""


def plan(decided: pa.Table, lanes: int, largest: int) -> Iterator[pa.Table]:
    """Chunks that shrink towards the end, so that all lanes finish at about the same time.

    Each is a share of what is left (guided self-scheduling, Polychronopoulos and Kuck 1987): few commits while there
    is much to do, and no lane that waits long for another's last chunk.

    :param decided: table of the schema FINGERPRINTS; may lie in a memory-mapped file, of which one chunk is read at
        a time
    :param lanes: chunks that are worked on at the same time
    :param largest: pictures of a chunk, at most
    """
    smallest = max(SMALLEST, lanes)
    new = np.flatnonzero(pc.is_null(decided["outcome"]))
    start = 0
    while start < len(new):
        share = math.ceil((len(new) - start) / (2 * lanes))
        rows = new[start : start + min(largest, max(smallest, share))]
        stretch = decided.slice(rows[0], rows[-1] - rows[0] + 1)
        yield stretch.filter(pc.is_null(stretch["outcome"]))
        start += len(rows)
