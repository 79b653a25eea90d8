"""Owns when a pipeline starts by itself: a cron line, an interval or a recurrence rule of RFC 5545.

Invariant: exactly one of the three; a rule comes up at least once, and in any time zone at the wall clock's time.
Does not know who starts it.
"""

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from dateutil.rrule import rruleset, rrulestr
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

START = datetime(2026, 1, 1)
"""Intervals and rules without a start of their own are counted from here; else each deploy would put them off."""

_NOON = datetime(2026, 1, 1, 12)  # a cron line is only parsed with a time to start from
_LONGEST = 6500  # characters of a rule that Prefect takes
_REFUSED = {
    r"\bCOUNT=": "must not have COUNT, which is counted from the rule's start and soon used up; UNTIL ends a rule",
    r"\bFREQ=(SECONDLY|MINUTELY)\b": "must not come up by the minute; interval_seconds does that",
    r"\b(DTSTART|UNTIL|EXDATE|RDATE)[^\n;]*\dZ|TZID": "must give times without Z and TZID; timezone says what they are",
}


class Schedule(BaseModel):
    """When a pipeline starts by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cron: str | None = Field(None, description="Five fields, as in crontab: '0 2 * * *' is 02:00 every day.")
    interval_seconds: int | None = Field(None, ge=60, description="Start this often instead.")
    rrule: str | None = Field(
        None,
        description="Or a rule of RFC 5545: 'FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=22;BYMINUTE=0;BYSECOND=0'. What it leaves "
        "open is taken from its DTSTART, or from midnight of 1 January 2026, a Thursday; EXDATE lines leave days out.",
    )
    timezone: str = Field("UTC", description="Time zone of the cron line or the rule, such as Europe/Berlin.")

    @property
    def rule(self) -> str:
        """The recurrence rule with its start."""
        rule = self.rrule or ""
        if "DTSTART" in rule:
            return rule
        named = "" if re.match(r"(RRULE|RDATE|EXDATE|EXRULE)\b", rule) else "RRULE:"
        return f"DTSTART:{START:%Y%m%dT%H%M%S}\n{named}{rule}"

    def __str__(self) -> str:
        if self.cron:
            return f"{self.cron} {self.timezone}"
        return f"{' '.join(self.rrule.split())} {self.timezone}" if self.rrule else f"every {self.interval_seconds} s"

    @field_validator("cron")
    @classmethod
    def _cron(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if len(value.split()) != 5:  # a sixth is seconds to some, years to others
            raise ValueError("is not a cron line of five fields")
        try:
            CronSim(value, _NOON)
        except CronSimError as error:
            raise ValueError(f"is not a cron line ({error})") from None
        return value

    @field_validator("rrule")
    @classmethod
    def _rrule(cls, value: str | None) -> str | None:
        if value is None:
            return None
        value = "\n".join(line.strip() for line in value.upper().splitlines() if line.strip())
        for pattern, words in _REFUSED.items():
            if re.search(pattern, value):
                raise ValueError(words)
        if len(value) > _LONGEST:
            raise ValueError(f"must have at most {_LONGEST} characters")
        try:
            whole = rrulestr(cls.model_construct(rrule=value).rule, cache=False)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:  # it tells them not apart
            raise ValueError(f"is not a rule of RFC 5545 ({error})") from None
        _must_come_up(whole)
        return value

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("is not a time zone of the IANA database") from None
        return value

    @model_validator(mode="after")
    def _one_of(self) -> "Schedule":
        if sum(item is not None for item in (self.cron, self.interval_seconds, self.rrule)) != 1:
            raise ValueError("give either cron, interval_seconds or rrule")
        return self


def _must_come_up(whole: Any) -> None:
    """:raises ValueError: the rule never comes up, such as on 30 February; Prefect would look for it again and again.

    dateutil looks until the year 9999, so the rule is begun shortly before, as many years after a leap year.
    """
    rules = whole._rrule if isinstance(whole, rruleset) else [whole]
    for rule in rules:
        if rule._interval < 1:
            raise ValueError("must have an INTERVAL of at least 1")
        late = rule._dtstart.replace(year=9960 + rule._dtstart.year % 8, day=min(rule._dtstart.day, 28))
        if next(iter(rule.replace(dtstart=late, until=None)), None):
            return
    if not isinstance(whole, rruleset) or not whole._rdate:
        raise ValueError("never comes up")
