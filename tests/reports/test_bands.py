"""The bands of certainty: a partition by the threshold of the class, sampled, with totals of the whole run."""

import pyarrow as pa
import pytest

from nightsort.learning.card import Card
from nightsort.reports import bands
from nightsort.reports.night import MAX_BAND
from nightsort.reports.shown import Thumbnail
from nightsort.schema import PREDICTIONS

CARD = Card.model_construct(abstain_below=0.5, thresholds={"strict": 0.9})


def sample(*rows: tuple[str, float], abstain_below: float = 0.5) -> pa.Table:
    """Predictions of (label, confidence); those below the threshold abstained."""
    listed = [
        {"sha256": f"{(i * 7919) % 10007:05d}", "label": label, "confidence": confidence}
        | {"abstained": confidence < CARD.thresholds.get(label, abstain_below)}
        for i, (label, confidence) in enumerate(rows)
    ]
    return pa.Table.from_pylist(listed, PREDICTIONS)


@pytest.mark.parametrize(
    ("label", "confidence", "band"),
    [
        ("plain", 0.49, "abstained"),
        ("plain", 0.5, "almost"),
        ("plain", 0.64, "almost"),
        ("plain", 0.66, "confident"),
        ("strict", 0.89, "abstained"),
        ("strict", 0.94, "almost"),
        ("strict", 0.96, "confident"),  # there would be no room for 0.15 more
    ],
)
def test_a_picture_is_in_the_band_of_its_confidence(label: str, confidence: float, band: str) -> None:
    assert {name: rows.num_rows for name, rows in bands.split(sample((label, confidence)), CARD).items() if rows} == {
        band: 1
    }


def test_no_picture_is_left_out_and_each_band_shows_a_handful() -> None:
    rows = sample(*[("plain", i / 100) for i in range(100)])
    split = bands.split(rows, CARD)
    assert sum(each.num_rows for each in split.values()) == 100
    shown = bands.shown(split)
    assert shown.num_rows == 3 * MAX_BAND and len(set(shown["sha256"].to_pylist())) == 3 * MAX_BAND


def test_what_is_shown_does_not_depend_on_the_order_of_the_rows() -> None:
    rows = sample(*[("plain", i / 100) for i in range(100)])
    back = rows.take(list(range(99, -1, -1)))
    assert bands.shown(bands.split(rows, CARD)).equals(bands.shown(bands.split(back, CARD)))


def test_totals_are_of_the_whole_run() -> None:
    split = bands.split(sample(*[("plain", 0.9)] * 30, *[("plain", 0.55)] * 10, ("plain", 0.2)), CARD)
    assert bands.totals(split, named=4000, abstained=77) == {"confident": 3000, "almost": 1000, "abstained": 77}
    assert bands.totals(bands.split(sample(), CARD), named=0, abstained=0) == {
        "confident": 0,
        "almost": 0,
        "abstained": 0,
    }


def test_each_picture_has_its_own_activation_map() -> None:
    split = bands.split(sample(("a", 0.9), ("b", 0.55), ("c", 0.1)), CARD)
    rows = bands.shown(split).to_pylist()
    thumbnails = [Thumbnail(path=row["sha256"], label=row["label"], image="") for row in rows]
    galleries = bands.galleries(
        split, bands.totals(split, 2, 1), thumbnails, {rows[1]["sha256"]: "data:image/jpeg;base64,x"}
    )
    assert [(band.name, [seen.picture.label for seen in band.pictures]) for band in galleries] == [
        ("confident", ["a"]),
        ("almost", ["b"]),
        ("abstained", ["c"]),
    ]
    assert [seen.activation[:5] for band in galleries for seen in band.pictures] == ["", "data:", ""]
