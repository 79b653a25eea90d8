"""docs/server.md names settings that the installed Prefect has, with the values that the topology is started with."""

import re
from pathlib import Path

from prefect.settings.legacy import _get_settings_fields
from prefect.settings.models.root import Settings
from prefect_redis.client import RedisMessagingSettings

from topology.server import CLIENT, SERVER

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "server.md"


def known() -> set[str]:
    """Every setting of Prefect, and of what connects it to Redis."""
    redis = {f"PREFECT_REDIS_MESSAGING_{name.upper()}" for name in RedisMessagingSettings.model_fields}
    return set(_get_settings_fields(Settings)) | redis


def test_every_setting_is_one_of_the_installed_prefect() -> None:
    named = set(re.findall(r"PREFECT_[A-Z_]+", PAGE.read_text()))
    assert len(named) > 20 and named - known() == set()
    assert {*SERVER, *CLIENT} - known() == set()


def test_the_page_gives_the_values_that_the_topology_has(monkeypatch: object) -> None:
    rows = dict(re.findall(r"^\| `(PREFECT_\w+)` \| `([^`]+)`", PAGE.read_text(), re.MULTILINE))
    said = {name: rows[name] for name in ({*SERVER, *CLIENT} & rows.keys())}
    assert len(said) >= 6
    assert said == {name: {**SERVER, **CLIENT}[name] for name in said}
