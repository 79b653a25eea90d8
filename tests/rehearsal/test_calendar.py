"""The moments of a month are those of its schedule, the change of the clocks included."""

from datetime import UTC, date, datetime, timedelta

import pytest

from nightsort.pipelines import Schedule
from rehearsal.calendar import ahead, moments

NIGHTLY = Schedule(cron="30 2 * * *", timezone="Europe/Berlin")


def test_a_month_has_a_night_for_each_day_also_where_half_past_two_does_not_exist() -> None:
    nights = moments(NIGHTLY, date(2026, 3, 1), 31)
    assert [night.date() for night in nights] == [date(2026, 3, day) for day in range(1, 32)]
    assert [f"{night:%H:%M %Z}" for night in nights[26:30]] == ["02:30 CET", "02:30 CET", "03:00 CEST", "02:30 CEST"]
    assert nights[28].astimezone(UTC) - nights[27].astimezone(UTC) == timedelta(hours=23, minutes=30)


def test_a_night_that_is_there_twice_is_one_night() -> None:
    nights = moments(NIGHTLY, date(2026, 10, 24), 3)
    assert [night.date().day for night in nights] == [24, 25, 26]


def test_an_interval_has_no_moments() -> None:
    with pytest.raises(ValueError, match="interval_seconds=60"):
        moments(Schedule(interval_seconds=60), date(2026, 3, 1), 1)


def test_a_clock_that_is_set_off_shows_the_moment() -> None:
    moment = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
    assert abs(datetime.now(UTC) + timedelta(seconds=ahead(moment)) - moment) < timedelta(minutes=1)
