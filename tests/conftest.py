"""Fixtures that many tests share. A missing service skips its tests, unless all services are required."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

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


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
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
