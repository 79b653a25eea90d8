"""Owns the calendar of a rehearsal: at which moments the schedules of a pipelines.yaml start their pipelines.

Invariant: a moment is what the schedule says, in its time zone, whatever the machine's clock says.
Does not know what is started.
"""

from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

from nightsort.pipelines import Schedule


def moments(schedule: Schedule, first: date, days: int) -> list[datetime]:
    """Every moment of a cron schedule in so many days, in its own time zone.

    A time that the clocks skip in spring comes as soon as they have been put forward.

    :raises ValueError: if the schedule is no cron line
    """
    if schedule.cron is None:
        raise ValueError(f"schedule {schedule!r}: has no cron line to take moments from")
    zone = ZoneInfo(schedule.timezone)
    begin = datetime(first.year, first.month, first.day, tzinfo=zone)
    end = begin + timedelta(days=days)  # wall time: the day of a clock change counts as one
    starts = CronSim(schedule.cron, begin - timedelta(minutes=1))
    return list(takewhile(lambda moment: moment.astimezone(UTC) < end.astimezone(UTC), starts))


def ahead(moment: datetime) -> float:
    """Seconds by which a clock must be ahead of this machine's to show that moment now."""
    return (moment - datetime.now(UTC)).total_seconds()
