"""Owns finding the pictures that the ledger holds twice: answered by two models, or in two runs.

Invariant: memory is bounded however many there are; a picture comes out once. Does not know what is made of them.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.schema import PREDICTIONS
from nightsort.scoring.ledger import Ledger

_AT_ONCE = 500_000  # rows of either side in memory
_FIRST = ("sha256", "path", "member", "label", "confidence", "abstained")
_SECOND = ("sha256", "label", "confidence", "abstained")


def both(ledger: Ledger, first: pc.Expression, second: pc.Expression) -> Iterator[pa.Table]:
    """The pictures with a row on both sides, some at a time.

    :param first: which predictions are on the first side, of each picture one at most; so is `second`
    :returns: columns sha256, path, member, label, confidence and abstained of the first side, and label_second,
        confidence_second and abstained_second
    """
    rows = max(sum(batch.num_rows for batch in ledger.batches(["sha256"], side)) for side in (first, second))
    for some in _ranges(-(-rows // _AT_ONCE)):
        left, right = _read(ledger, first & some, _FIRST), _read(ledger, second & some, _SECOND)
        joined = left.join(right, "sha256", join_type="inner", right_suffix="_second")
        if joined.num_rows:
            yield joined


def _ranges(parts: int) -> Iterator[pc.Expression]:
    """SHA-256 are evenly spread, so equal ranges of them hold about as many pictures each."""
    bounds = [f"{part * 2**32 // parts:08x}" for part in range(1, parts)]
    for low, high in zip(["", *bounds], [*bounds, "g"], strict=True):
        yield (pc.field("sha256") >= low) & (pc.field("sha256") < high)


def _read(ledger: Ledger, where: pc.Expression, columns: tuple[str, ...]) -> pa.Table:
    schema = pa.schema([PREDICTIONS.field(name) for name in columns])
    return pa.Table.from_batches(ledger.batches(columns, where), schema)
