"""The clock of what is kept, set off by a rehearsal."""

from datetime import UTC, datetime, timedelta

import pytest

from nightsort import clock
from nightsort.errors import ConfigError


@pytest.mark.parametrize(("offset", "seconds"), [("", 0), ("0", 0), ("172800", 172_800), ("-3.6e3", -3600)])
def test_it_is_ahead_by_the_offset(monkeypatch: pytest.MonkeyPatch, offset: str, seconds: float) -> None:
    monkeypatch.setenv(clock.OFFSET, offset)
    before, told, after = datetime.now(UTC), clock.now(), datetime.now(UTC)
    assert before <= told - timedelta(seconds=seconds) <= after


@pytest.mark.parametrize("offset", ["soon", "nan", "inf", "1e300", "-999999999999"])
def test_an_offset_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, offset: str) -> None:
    monkeypatch.setenv(clock.OFFSET, offset)
    with pytest.raises(ConfigError, match=f"{clock.OFFSET}: must be a number of seconds.*{offset}"):
        clock.now()
