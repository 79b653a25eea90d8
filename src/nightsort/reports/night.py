"""Owns what the report of a night adds to its counts: what changed, how classes go, pictures to look at.

Invariant: all of it is bounded, whatever the size of the drop. Does not know how it will look.
"""

from typing import Literal

from pydantic import BaseModel

from nightsort.reports.shown import Thumbnail

MAX_BAND = 12
"""Pictures shown of a band."""

MAX_ASIDE = 6
"""Pictures shown of a reason for quarantine."""

MAX_NIGHTS = 30
"""Earlier nights that a night is held against."""

MAX_TRENDS = 1000
"""Classes with a trend in the data file."""


class Seen(BaseModel):
    """A picture, and what the model looked at."""

    picture: Thumbnail
    activation: str = ""  # class activation map over it, a JPEG as a data URI; empty where there is none


class Band(BaseModel):
    """Pictures of one degree of certainty, drawn at random from all of the run."""

    name: Literal["confident", "almost", "abstained"]
    total: int  # pictures of the run in the band, estimated where the whole run was not looked at
    pictures: list[Seen]  # at most MAX_BAND


class Trend(BaseModel):
    """One class over the nights: shares of what was classified, 0 to 1, oldest first; None where nothing was."""

    label: str
    count: int  # in this run
    share: float
    trained: float | None  # its share of the training split
    usual: float | None  # its share of the earlier nights together
    shares: list[float | None]  # at most MAX_NIGHTS earlier nights and this one
    unusual: Literal["", "more", "less"] = ""  # than in the earlier nights, by more than chance


class NightPart(BaseModel):
    """What a classification adds to a report besides its counts."""

    previous: str = ""  # run id of the night before; empty for the first one
    nights: int = 0  # earlier nights that it is held against, at most MAX_NIGHTS
    changes: list[str] = []  # since the run before, in words, the most telling first
    trends: list[Trend] = []  # at most MAX_TRENDS, most predicted first
    appeared: list[str] = []  # classes predicted now, and in no earlier night though there was room for them
    vanished: list[str] = []  # classes usually predicted, and not now though it would be unlikely to miss them
    bands: list[Band] = []
    aside: dict[str, list[Thumbnail]] = {}  # reason for quarantine -> at most MAX_ASIDE pictures
    notes: list[str] = []  # why there are no activation maps, which earlier night cannot be read
