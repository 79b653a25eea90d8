"""The page in a real browser: no errors, nothing runs, something is seen."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import Chrome

from nightsort.reports.data import Report
from nightsort.reports.headline import title
from nightsort.reports.learned import TrainingPart
from nightsort.reports.render import to_html

PAYLOADS = ["<script>document.title='owned'</script>", '"><img src=x onerror="document.title=\'owned\'">']


def show(browser: Chrome, page: Path, html: str, width: int, scheme: str) -> np.ndarray:
    """Open a page at a width and colour scheme and return what is seen, (H, W, 3) uint8."""
    page.write_text(html, "utf-8")
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page.as_uri())
    return np.asarray(Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB"))


def severe(browser: Chrome) -> list[str]:
    """Console errors since the last call."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_hostile_report_opens_in_chromium(
    width: int,
    scheme: str,
    chromium: Chrome,
    tmp_path: Path,
    classified_report: Callable[..., Report],
    training_part: Callable[..., TrainingPart],
) -> None:
    report = classified_report(training=training_part([*PAYLOADS, "plain", "x" * 200]))
    for thumbnail, payload in zip(report.classify.least_certain, PAYLOADS, strict=False):
        thumbnail.label = thumbnail.path = payload
    seen = show(chromium, tmp_path / "report.html", to_html(report), width, scheme)
    assert severe(chromium) == []
    assert chromium.title == title(report)
    assert chromium.execute_script("return document.scripts.length") == 1  # its own, which sorts tables
    broken = "return [...document.images].filter(i => !(i.complete && i.naturalWidth)).length"
    assert chromium.execute_script(broken) == 0
    assert chromium.execute_script("return document.documentElement.scrollWidth") <= width
    assert (seen[-1, 0].mean() < 60) == (scheme == "dark")
    assert len(np.unique(seen.reshape(-1, 3), axis=0)) > 50


@pytest.mark.parametrize("kind", ["full_ingest", "audited"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_a_report_with_everything_in_it_opens_in_chromium(
    kind: str, width: int, scheme: str, chromium: Chrome, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    report = request.getfixturevalue(f"{kind}_report")()
    for pair in (report.ingest or report.audit).twins:
        pair.left.label, pair.right.label = PAYLOADS
    show(chromium, tmp_path / "report.html", to_html(report), width, scheme)
    assert severe(chromium) == []
    assert chromium.title == title(report)
    broken = "return [...document.images].filter(i => !(i.complete && i.naturalWidth && i.clientWidth)).length"
    assert chromium.execute_script(broken) == 0
    assert chromium.execute_script("return document.documentElement.scrollWidth") <= width
    flat = "return [...document.querySelectorAll('rect')].filter(r => !r.getBoundingClientRect().height).length"
    empty = sum(not n for item in (report.ingest.histograms if report.ingest else []) for n in item.counts)
    assert chromium.execute_script(flat) == empty
    aside = "return [...document.querySelectorAll('.scroll')].filter(e => e.tabIndex != 0).length"
    assert chromium.execute_script(aside) == 0


def test_the_policy_is_in_force(chromium: Chrome, tmp_path: Path, trained_report: Callable[..., Report]) -> None:
    html = to_html(trained_report()).replace("</main>", "<script>document.title = 'owned'</script></main>")
    show(chromium, tmp_path / "report.html", html, 1280, "light")
    assert chromium.title == title(trained_report())
    assert any("Content Security Policy" in message for message in severe(chromium))
