"""When a pipeline starts by itself: what is taken, what is refused, and in which words."""

from datetime import datetime

import pytest
from dateutil.rrule import rrulestr  # type: ignore[import-untyped]
from pydantic import ValidationError

from nightsort.config.schedule import Schedule


def refusal(**given: object) -> str:
    """What is said of a schedule."""
    with pytest.raises(ValidationError) as caught:
        Schedule.model_validate(given)
    (detail,) = caught.value.errors()
    return str(detail["msg"]).removeprefix("Value error, ")


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        ("FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=22;BYMINUTE=0;BYSECOND=0", "2026-01-30 22:00"),
        ("rrule:freq=weekly;interval=2;byday=mo", "2026-01-12 00:00"),
        ("DTSTART:20270301T090000\nRRULE:FREQ=DAILY;UNTIL=20270401T000000", "2027-03-01 09:00"),
        ("RRULE:FREQ=DAILY;BYHOUR=2\n EXDATE:20260101T020000", "2026-01-02 02:00"),
        ("RDATE:20260301T020000,20260401T020000", "2026-03-01 02:00"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2028-02-29 00:00"),
    ],
)
def test_a_rule_comes_up_when_it_says(rule: str, first: str) -> None:
    declared = Schedule(rrule=rule, timezone="Europe/Berlin")
    assert next(iter(rrulestr(declared.rule))) == datetime.fromisoformat(first)
    assert str(declared).endswith(" Europe/Berlin") and "\n" not in str(declared)
    assert Schedule(rrule=declared.rule).rule == declared.rule


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("FREQ=DAILY;COUNT=3", "must not have COUNT, which is counted from the rule's start"),
        ("FREQ=MINUTELY", "must not come up by the minute; interval_seconds does that"),
        ("DTSTART:20260101T090000Z\nRRULE:FREQ=DAILY", "must give times without Z and TZID"),
        ("DTSTART;TZID=Europe/Berlin:20260101T090000\nRRULE:FREQ=DAILY", "must give times without Z and TZID"),
        ("FREQ=DAILY;UNTIL=20270101T000000Z", "must give times without Z and TZID"),
        ("FREQ=SOMETIMES", "is not a rule of RFC 5545"),
        ("every friday", "is not a rule of RFC 5545"),
        ("", "is not a rule of RFC 5545"),
        ("FREQ=DAILY;INTERVAL=0", "must have an INTERVAL of at least 1"),
        ("FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30", "never comes up"),
        ("RDATE:" + ",".join(["20260301T020000"] * 500), "must have at most 6500 characters"),
    ],
)
def test_a_rule_that_would_not_do_is_refused(rule: str, words: str) -> None:
    assert refusal(rrule=rule).startswith(words)


@pytest.mark.parametrize(
    "given", [{"cron": "0 2 * * *", "rrule": "FREQ=DAILY"}, {"interval_seconds": 60, "rrule": "FREQ=DAILY"}, {}]
)
def test_exactly_one_of_the_three(given: dict[str, object]) -> None:
    assert refusal(**given) == "give either cron, interval_seconds or rrule"


def test_a_schedule_in_words() -> None:
    assert str(Schedule(cron="0 2 * * *")) == "0 2 * * * UTC"
    assert str(Schedule(interval_seconds=90)) == "every 90 s"
