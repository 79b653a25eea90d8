"""Owns the running account of an intake: the outcome of every discovered picture, as it becomes known.

Invariant: counts everything, lists at most MAX_ROWS quarantined files.
Does not know how an outcome was reached.
"""

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.reports.data import MAX_ROWS, IntakePart, Setaside
from nightsort.schema import place
from nightsort.tally import Tally


class Account:
    """The account of one run.

    :param source: what is taken in
    :param discovered: rows that were listed, counted before anything was done with them
    :param decided: table of the schema LISTING or FINGERPRINTS, after what is known was decided; its undecided rows
        are expected to be added later
    """

    def __init__(self, source: str, discovered: int, decided: pa.Table) -> None:
        self._source = source
        self._discovered = discovered
        self._outcomes: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._quarantined: list[Setaside] = []
        settled = decided.filter(pc.is_valid(decided["outcome"]))
        self.take(settled)
        self._looked_at = decided.num_rows - settled.num_rows + self._outcomes["quarantined"]

    def add(self, outcome: str, count: int, reason: str = "") -> None:
        """Count pictures that came to one outcome: a field of Tally other than `discovered`."""
        if outcome not in Tally.model_fields:
            raise ValueError(f"outcome {outcome!r} is not one of {', '.join(Tally.model_fields)}")
        self._outcomes[outcome] += count
        if reason and count:
            self._reasons[reason] += count

    def take(self, rows: pa.Table) -> None:
        """Count and remember decided pictures: columns outcome, reason, detail, path and member."""
        for group in rows.group_by(["outcome", "reason"]).aggregate([([], "count_all")]).to_pylist():
            self.add(group["outcome"], group["count_all"], group["reason"])
        self._remember(rows.filter(pc.equal(rows["outcome"], "quarantined")))

    def quarantine(self, rows: pa.Table) -> None:
        """Count and remember quarantined pictures, a table of the schema QUARANTINE."""
        for group in rows.group_by("reason").aggregate([([], "count_all")]).to_pylist():
            self.add("quarantined", group["count_all"], group["reason"])
        self._remember(rows)

    def _remember(self, rows: pa.Table) -> None:
        for row in rows.slice(0, MAX_ROWS - len(self._quarantined)).to_pylist():
            name = place(row["path"], row["member"])
            self._quarantined.append(Setaside(path=name, reason=row["reason"], detail=row["detail"]))

    def tally(self) -> Tally:
        """The counts so far."""
        return Tally(discovered=self._discovered, **self._outcomes)

    def check(self, pending: int = 0) -> None:
        """Raise :class:`UnbalancedError` unless every discovered picture has an outcome.

        :param pending: pictures that the commit to come will make `done`
        """
        tally = self.tally()
        tally.model_copy(update={"done": tally.done + pending}).check()

    def check_ceiling(self, share: float, at_least: int) -> None:
        """Raise :class:`CeilingError` as soon as too large a share of what is looked at was quarantined."""
        self.tally().check_ceiling(share, at_least, self._looked_at)

    def part(self) -> IntakePart:
        """What the report shows of it."""
        return IntakePart(
            source=self._source,
            tally=self.tally(),
            reasons=dict(self._reasons.most_common()),
            quarantined=self._quarantined,
        )
