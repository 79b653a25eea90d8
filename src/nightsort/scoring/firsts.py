"""Owns what came to an outcome so far in a run, so that no picture comes to two.

Chunks are classified at the same time and do not know each other; here their outcomes stand in a row.

Invariant: of all that passed through, each SHA-256 was predicted, or set aside for its bytes, once, and none that
was known before the run, whatever the worker could see of that; every row still comes out.
Does not know what made a content known.
"""

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.quarantine import for_its_bytes
from nightsort.schema import COPIES
from nightsort.scoring.outcomes import REPEATED, Outcomes
from nightsort.sources.contents import are_in


class Firsts:
    """The pictures of one run that have an outcome.

    :param known: file of :mod:`nightsort.sources.contents`: those that had one before
    """

    def __init__(self, known: str) -> None:
        self._known = known
        self._seen: set[bytes] = set()  # raw SHA-256: half of what the hexadecimal text takes

    def only(self, outcomes: Outcomes) -> Outcomes:
        """The outcomes of a chunk, in which what has one already is a duplicate.

        Call it once for each chunk, in the order in which they are committed.
        """
        predicted = self._is_first(outcomes.predictions["sha256"])
        aside = for_its_bytes(outcomes.quarantined)["sha256"].combine_chunks()
        of_bytes = pc.is_in(outcomes.quarantined["sha256"], aside, skip_nulls=True)
        kept = pc.or_(pc.invert(of_bytes), self._is_first(outcomes.quarantined["sha256"]))
        late = [outcomes.predictions.filter(pc.invert(predicted)), outcomes.quarantined.filter(pc.invert(kept))]
        return replace(
            outcomes,
            predictions=outcomes.predictions.filter(predicted),
            quarantined=outcomes.quarantined.filter(kept),
            repeated=pa.concat_tables([outcomes.repeated, *(_duplicates(rows) for rows in late)]),
        )

    def _is_first(self, sha256s: pa.ChunkedArray) -> pa.Array:
        digests = [bytes.fromhex(sha256) if sha256 else b"" for sha256 in sha256s.to_pylist()]
        known = are_in(self._known, digests)
        first = [not was and digest not in self._seen for digest, was in zip(digests, known, strict=True)]
        self._seen.update(filter(None, digests))
        return pa.array(first, pa.bool_())


def _duplicates(rows: pa.Table) -> pa.Table:
    texts = {"outcome": "duplicate", "reason": "same_bytes", "detail": ""}
    rows = rows.select(COPIES.names)
    for name, text in texts.items():
        rows = rows.append_column(name, pa.array([text] * rows.num_rows, pa.string()))
    return rows.cast(REPEATED)
