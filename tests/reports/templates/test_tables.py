"""A night's tables in a real browser: they sort and filter, by keyboard too, and nothing else runs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from nightsort.reports.data import Report
from nightsort.reports.headline import title
from nightsort.reports.render import to_html
from nightsort.reports.thumbnails import data_uri

GREY = data_uri(np.full((1, 1, 3), 128, np.uint8))
PAYLOADS = [
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "</script><svg onload=document.title='owned'>",
    "javascript:document.title='owned'",
    "\u202e\u05d0\u200f gpj.exe",
    "x" * 10_000,
]


@pytest.fixture
def opened(chromium: Chrome, tmp_path: Path) -> Callable[..., Chrome]:
    """Opener of a page at a width."""

    def show(html: str, width: int = 1280) -> Chrome:
        page = tmp_path / "report.html"
        page.write_text(html, "utf-8")
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        chromium.get(page.as_uri())
        return chromium

    return show


def severe(browser: Chrome) -> list[str]:
    """Console errors since the last call."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def classes(browser: Chrome) -> list[str]:
    """The classes as they are listed, without those that are filtered out."""
    rows = "return [...document.querySelectorAll('#predicted tbody tr')].filter(r => !r.hidden)"
    return browser.execute_script(rows + ".map(r => r.cells[0].textContent.trim())")


def heading(browser: Chrome, words: str) -> WebElement:
    """The heading of a column of the table of classes."""
    found = browser.find_elements(By.CSS_SELECTOR, "#predicted thead th")
    return next(each for each in found if each.text.startswith(words))


@pytest.mark.parametrize("width", [1280, 390])
def test_a_hostile_night_is_inert(
    width: int, opened: Callable[..., Chrome], watched_report: Callable[..., Report]
) -> None:
    for payload in PAYLOADS:
        report = watched_report([payload, "bolt"], GREY, payload)
        browser = opened(to_html(report), width)
        assert severe(browser) == []
        assert browser.title == title(report)
        assert browser.execute_script("return document.scripts.length") == 1
        assert browser.execute_script("return [...document.images].filter(i => !i.naturalWidth).length") == 0
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        links = "return [...document.links].map(a => a.getAttribute('href')).filter(h => !/^#|^\\.\\.\\/index/.test(h))"
        assert browser.execute_script(links) == []


def test_a_column_sorts_by_its_button(opened: Callable[..., Chrome], watched_report: Callable[..., Report]) -> None:
    browser = opened(to_html(watched_report(["nut", "bolt", "crack"], GREY)))
    assert classes(browser) == ["nut", "bolt", "crack"]
    by_name = heading(browser, "Class").find_element(By.TAG_NAME, "button")
    by_name.click()
    assert classes(browser) == ["bolt", "crack", "nut"]
    assert heading(browser, "Class").get_attribute("aria-sort") == "ascending"
    by_name.send_keys(Keys.ENTER)
    assert classes(browser) == ["nut", "crack", "bolt"]
    heading(browser, "Pictures").find_element(By.TAG_NAME, "button").click()
    assert classes(browser) == ["nut", "bolt", "crack"]  # 9, 6, 3
    assert heading(browser, "Class").get_attribute("aria-sort") is None
    assert severe(browser) == []


def test_a_long_table_has_a_filter(opened: Callable[..., Chrome], watched_report: Callable[..., Report]) -> None:
    labels = [f"class {i}" for i in range(100)]
    browser = opened(to_html(watched_report(labels, GREY)), 390)
    box = browser.find_element(By.CSS_SELECTOR, "#predicted input")
    box.send_keys("CLASS 7")
    assert sorted(classes(browser)) == sorted(["class 7", *[f"class 7{i}" for i in range(10)]])
    assert browser.find_element(By.CSS_SELECTOR, "#predicted output").text == "11 of 100"
    box.send_keys(Keys.BACKSPACE * 7)
    assert classes(browser) == labels
    assert not browser.find_elements(By.CSS_SELECTOR, "#balance input")  # short ones need none


def test_no_other_script_runs(opened: Callable[..., Chrome], watched_report: Callable[..., Report]) -> None:
    report = watched_report(["bolt"], GREY)
    html = to_html(report).replace("</main>", "<script>document.title = 'owned'</script></main>")
    browser = opened(html.replace("<h1>", "<h1 onclick=\"document.title = 'owned'\">"))
    browser.find_element(By.TAG_NAME, "h1").click()
    assert browser.title == title(report)
    assert sum("Content Security Policy" in message for message in severe(browser)) == 2
