"""Owns the words of a judgement about drift: each test's figures, and whether there is an alarm.

Invariant: plain data, bounded, so a report can be read without what computed it. Does not know how a figure is
computed.
"""

from typing import Literal

from pydantic import BaseModel

Family = Literal["quality", "mix", "confidence", "embedding"]

MAX_FINDINGS = 30
"""Tests listed in a report, at most."""


class Finding(BaseModel):
    """One test of a run's pictures against the training reference."""

    family: Family
    name: str  # such as "sharpness", "predicted mix", "embeddings"
    test: str  # such as "Kolmogorov-Smirnov", "maximum mean discrepancy, 999 permutations"
    pictures: int  # of the run
    reference: int  # pictures of the reference
    effect: float  # how large: PSI, total variation or the like, named in `scale`
    scale: str
    least: float  # effect below which there is no alarm, however many pictures show it
    p_value: float  # as it is
    adjusted: float  # for all tests of the run (Holm 1979)
    drifted: bool
    note: str = ""  # in words: what moved where


class Drift(BaseModel):
    """What a run's pictures say against the reference of the model that classified them."""

    model_version: int
    alpha: float  # share of runs without drift that raise an alarm, at most
    pictures: int  # of the run that were tested
    findings: list[Finding] = []  # at most MAX_FINDINGS
    notes: list[str] = []  # what could not be tested, and why

    @property
    def alarms(self) -> list[Finding]:
        """The findings that are alarms."""
        return [finding for finding in self.findings if finding.drifted]
