"""Fixtures that many tests share. A missing service skips its tests, unless all services are required."""

import io
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, settings
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from nightsort.storage import Storage

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does; torch reads it when it is loaded

pytest_plugins = [
    "tests.object_store",
    "tests.flows.commands",
    "tests.webhooks",
    "tests.flows.served",  # after webhooks, which it imports
    "tests.reports.judged_training",
    "tests.reports.watched_night",
]

settings.register_profile("no-time-limit", deadline=None)
settings.register_profile("mutants", deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
settings.load_profile("no-time-limit")

_BROWSER = Path("/usr/bin/chromium")
_DRIVER = Path("/usr/bin/chromedriver")
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def missing(service: str) -> None:
    """Skip the test, or fail it where NIGHTSORT_REQUIRE_SERVICES=1."""
    if os.environ.get("NIGHTSORT_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{service} is required here and missing; 'make services' installs it")
    pytest.skip(f"{service} is missing; 'make services' installs it")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of few tests first: these take longest, and workers that end with short ones end together."""
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: tests[item.path])  # stable: the tests of a file stay together, in their order


@pytest.fixture(scope="module", autouse=True)
def no_server_outlives_its_module() -> Iterator[None]:
    """Prefect keeps one thread that sends events and one that sends logs, each to the server that it met first.

    Once that is gone, those of later tests never arrive, and each is tried for ten seconds before the process may end.
    """
    yield
    if services := sys.modules.get("prefect._internal.concurrency.services"):
        for service in list(services._active_services):
            if service._started and not service._stopped:
                with service._queue.mutex:
                    service._queue.queue.clear()
                service._stop()


@pytest.fixture
def chromium(browser: webdriver.Chrome) -> webdriver.Chrome:
    """The browser of the session on an empty page, without what earlier pages wrote to its console."""
    browser.get("about:blank")
    browser.get_log("browser")
    return browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A headless Chromium with a profile of its own."""
    for binary in (_BROWSER, _DRIVER):
        if not binary.exists():
            missing(str(binary))
    options = webdriver.ChromeOptions()
    options.binary_location = str(_BROWSER)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for option in (*_OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(option)
    driver = webdriver.Chrome(options=options, service=Service(str(_DRIVER)))
    yield driver
    driver.quit()


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """A storage root of its own for each test, not there yet."""
    return Storage(str(tmp_path / "storage"))


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """Encoder of a random picture: equal arguments give equal bytes, another seed gives other bytes."""

    def encode(seed: int = 0, kind: str = "PNG", width: int = 36, height: int = 24, **options: Any) -> bytes:
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(buffer, kind, **options)
        return buffer.getvalue()

    return encode
