"""Owns what every part of a report shows: a picture, a count of a class.

Invariant: a picture is re-encoded, and small. Does not know which part shows it.
"""

from pydantic import BaseModel

MAX_THUMBNAILS = 24
"""Pictures shown in a report for one reason: the least certain, the flagged, the outlying, the mislabelled."""


class Thumbnail(BaseModel):
    """One picture to look at; `image` is a re-encoded JPEG as a data URI, empty if it could not be read."""

    path: str
    label: str
    confidence: float = 0.0
    runner_up: str = ""
    margin: float = 0.0
    note: str = ""  # why it is shown, such as the flag that it carries
    image: str


class ClassCount(BaseModel):
    """Pictures of one class; by split in an ingest report, else only `total`."""

    label: str
    total: int  # of all splits, and withheld
    train: int = 0
    validation: int = 0
    test: int = 0
    withheld: int = 0  # in the dataset and in no split
