"""Owns the words of an answer as it comes in a file, before anybody has looked whether it can be right.

Invariant: values are as they were written but for space at their ends. Does not know the kind of file.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Given:
    """One answer, as a file has it.

    :param line: where it stands, for messages: "line 3", "task 7"
    :param verdict: one of words.Verdict if it is right; empty if only a label was given
    :param reasons: why it was asked about, separated by space or comma
    :param answered_at: None where the file does not say
    """

    line: str
    sha256: str
    verdict: str = ""
    label: str = ""
    reviewer: str = ""
    note: str = ""
    reasons: str = ""
    answered_at: datetime | None = None

    @property
    def names_a_picture(self) -> bool:
        """Whether its sha256 can be one."""
        return re.fullmatch("[0-9a-f]{64}", self.sha256) is not None


@dataclass
class Reply:
    """What a file holds.

    :param tool: csv, label-studio or fiftyone
    :param answers: those that somebody filled in
    :param untouched: pictures about which it says nothing
    :param faults: what could not be read, each with where it stands
    """

    tool: str
    answers: list[Given] = field(default_factory=list)
    untouched: int = 0
    faults: list[str] = field(default_factory=list)
