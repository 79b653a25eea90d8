"""Owns what two answered to the same pictures: how far they agree, what changes into what, the surest disagreements.

Invariant: its size does not grow with the pictures, but for one count a pair of classes. Does not know who answered.
"""

from collections import Counter
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel

from nightsort.evaluation.agreement import kappa
from nightsort.reports.shown import MAX_THUMBNAILS, Thumbnail

MAX_CHANGES = 40
"""Pairs of classes listed, the most frequent."""

_COLUMNS = ["sha256", "path", "member", "label", "confidence", "label_second", "confidence_second", "truth", "sure"]
_RENAMED = ["runner_up" if name == "label_second" else name for name in _COLUMNS]


class Change(BaseModel):
    """Pictures that the first calls one thing, and the second another."""

    first: str
    second: str
    pictures: int


class Disagreement(BaseModel):
    """One picture, shown: label and confidence are the first's."""

    picture: Thumbnail
    second: str
    second_confidence: float
    truth: str = ""  # empty where nobody knows


class Answered(BaseModel):
    """What two answered to the same pictures; pairs of figures are of the first and the second."""

    pictures: int
    agreeing: int
    kappa: float | None = None  # Cohen's
    abstained: tuple[int, int]
    confidence: tuple[float, float]  # mean
    agreed_confidence: tuple[float, float] | None = None  # where they agree
    differing_confidence: tuple[float, float] | None = None  # where they do not
    pairs: int  # of classes that change into one another
    changes: list[Change] = []  # at most MAX_CHANGES of them
    shown: list[Disagreement] = []  # at most MAX_THUMBNAILS, those of which both are surest


class Pairs:
    """The running sum of what two answered."""

    def __init__(self) -> None:
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._abstained = [0, 0]
        self._confidence = {True: [0.0, 0.0], False: [0.0, 0.0]}  # summed where they agree, and where not
        self._surest: pa.Table | None = None

    def add(self, rows: pa.Table) -> None:
        """Take in some pictures.

        :param rows: columns sha256, path, member, label, confidence, abstained, label_second, confidence_second,
            abstained_second, and truth where it is known
        """
        counted = rows.group_by(["label", "label_second"]).aggregate([([], "count_all")]).to_pylist()
        self._pairs.update({(row["label"], row["label_second"]): row["count_all"] for row in counted})
        same = pc.equal(rows["label"], rows["label_second"])
        for side, end in enumerate(("", "_second")):
            self._abstained[side] += pc.sum(rows[f"abstained{end}"]).as_py() or 0
            for agree, mask in ((True, same), (False, pc.invert(same))):
                self._confidence[agree][side] += pc.sum(rows[f"confidence{end}"].filter(mask)).as_py() or 0.0
        self._keep(rows.filter(pc.invert(same)))

    def _keep(self, rows: pa.Table) -> None:
        """The disagreements of which the less sure of the two is surest."""
        if "truth" not in rows.column_names:
            rows = rows.append_column("truth", pa.array([""] * rows.num_rows, pa.string()))
        rows = rows.append_column("sure", pc.min_element_wise(rows["confidence"], rows["confidence_second"]))
        rows = rows.select(_COLUMNS)
        if self._surest is not None:
            rows = pa.concat_tables([self._surest, rows])
        order = pc.sort_indices(rows, [("sure", "descending"), ("sha256", "ascending")])
        self._surest = rows.take(order[:MAX_THUMBNAILS])

    def of(self, thumbnails: Callable[[pa.Table], list[Thumbnail]]) -> Answered | None:
        """The figures; None where there was no picture.

        :param thumbnails: of rows with columns sha256, path, member, label, confidence and runner_up, in their order
        """
        pictures = self._pairs.total()
        if not pictures:
            return None
        agreeing = sum(number for (first, second), number in self._pairs.items() if first == second)
        moved = [(pair, number) for pair, number in self._pairs.items() if pair[0] != pair[1]]
        moved.sort(key=lambda item: (-item[1], item[0]))
        sums = [agreed + differing for agreed, differing in zip(*self._confidence.values(), strict=True)]
        return Answered(
            pictures=pictures,
            agreeing=agreeing,
            kappa=kappa(self._pairs),
            abstained=(self._abstained[0], self._abstained[1]),
            confidence=(sums[0] / pictures, sums[1] / pictures),
            agreed_confidence=_mean(self._confidence[True], agreeing),
            differing_confidence=_mean(self._confidence[False], pictures - agreeing),
            pairs=len(moved),
            changes=[Change(first=a, second=b, pictures=number) for (a, b), number in moved[:MAX_CHANGES]],
            shown=self._shown(thumbnails),
        )

    def _shown(self, thumbnails: Callable[[pa.Table], list[Thumbnail]]) -> list[Disagreement]:
        if self._surest is None:
            return []
        rows = self._surest.rename_columns(_RENAMED)
        return [
            Disagreement(
                picture=picture, second=row["runner_up"], second_confidence=row["confidence_second"], truth=row["truth"]
            )
            for picture, row in zip(thumbnails(rows), rows.to_pylist(), strict=True)
        ]


def _mean(sums: list[float], pictures: int) -> tuple[float, float] | None:
    return (sums[0] / pictures, sums[1] / pictures) if pictures else None
