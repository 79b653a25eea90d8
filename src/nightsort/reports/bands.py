"""Owns the bands of certainty: which pictures a model was sure of, nearly unsure of, or too unsure of to name.

Invariant: every picture is in one band, by its calibrated confidence against the threshold of its class; those shown
are drawn at random, the same ones every time. Does not know how a picture is read.
"""

from typing import Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.learning.card import Card
from nightsort.reports.night import MAX_BAND, Band, Seen
from nightsort.reports.shown import Thumbnail

Name = Literal["confident", "almost", "abstained"]

REACH = 0.15
"""A named picture whose confidence is less than this above its threshold was almost not named."""


def split(sample: pa.Table, card: Card) -> dict[Name, pa.Table]:
    """The rows of each band, in an order that has nothing to do with what they show.

    A class with a threshold above 1 - 2 * REACH has little room above it: there, the lower half of the room is
    "almost".

    :param sample: a random sample of a run's predictions, by the schema PREDICTIONS
    """
    rows = sample.sort_by("sha256")
    thresholds = [card.least(label) for label in rows["label"].to_pylist()]
    names = pa.array(
        [
            _band(confidence, threshold, abstained)
            for confidence, threshold, abstained in zip(
                rows["confidence"].to_pylist(), thresholds, rows["abstained"].to_pylist(), strict=True
            )
        ],
        pa.string(),
    )
    return {name: rows.filter(pc.equal(names, name)) for name in get_args(Name)}


def _band(confidence: float, threshold: float, abstained: bool) -> Name:
    if abstained:
        return "abstained"
    return "almost" if confidence < threshold + min(REACH, (1 - threshold) / 2) else "confident"


def shown(bands: dict[Name, pa.Table]) -> pa.Table:
    """The pictures of the galleries, at most MAX_BAND of each band, one after the other.

    :param bands: of :func:`split`
    """
    return pa.concat_tables([rows.slice(0, MAX_BAND) for rows in bands.values()])


def totals(bands: dict[Name, pa.Table], named: int, abstained: int) -> dict[Name, int]:
    """Pictures of the whole run in each band: those named, shared out as in the sample, and those abstained from.

    :param named: pictures of the run that were given a name
    :param abstained: pictures of the run that were not
    """
    almost, confident = bands["almost"].num_rows, bands["confident"].num_rows
    near = round(named * almost / max(almost + confident, 1))
    return {"confident": named - near, "almost": near, "abstained": abstained}


def galleries(
    bands: dict[Name, pa.Table], totals: dict[Name, int], thumbnails: list[Thumbnail], activations: dict[str, str]
) -> list[Band]:
    """The bands with their pictures.

    :param thumbnails: of the rows of :func:`shown`, in their order
    :param activations: {sha256: class activation map over the picture, a JPEG as a data URI}
    """
    pictures = iter(thumbnails)
    return [
        Band(
            name=name,
            total=totals[name],
            pictures=[
                Seen(picture=next(pictures), activation=activations.get(sha256, ""))
                for sha256 in rows["sha256"][:MAX_BAND].to_pylist()
            ],
        )
        for name, rows in bands.items()
    ]
