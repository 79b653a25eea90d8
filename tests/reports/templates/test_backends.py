"""The section on backends: which one is used, why the others are not, inert text, bounded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome

from nightsort.reports.data import Report
from nightsort.reports.learned import MAX_BACKENDS, BackendRow, BackendTable, TrainingPart
from nightsort.reports.render import to_html, to_markdown

USED = BackendRow(
    backend="openvino-bf16", verdict="used", why="the fastest of 2 within tolerance", rate=812.4, agreement=0.9981,
    mean_drift=0.00213, worst_class="pinhole", worst_loss=0.004,
)  # fmt: skip
ROWS = [
    BackendRow(
        backend="torch-fp32", verdict="accepted", why="within tolerance, but slower", rate=143.0, agreement=1.0,
        mean_drift=0.0, worst_loss=0.0,
    ),
    USED,
    BackendRow(
        backend="openvino-int8", verdict="refused", rate=1_684.2, agreement=0.9712, mean_drift=0.0214,
        worst_class="<img src=x onerror=alert(1)>", worst_loss=0.125,
        why="class <img src=x onerror=alert(1)> loses 12.5 points of recall on its 16 pictures, and 1.0 are allowed",
    ),
    BackendRow(backend="cuda-fp32", verdict="absent", why="the machine has no NVIDIA GPU"),
]  # fmt: skip


@pytest.fixture
def report(trained_report: Callable[..., Report], training_part: Callable[..., TrainingPart]) -> Report:
    """A training that measured four backends."""
    return with_rows(trained_report(training=training_part()), ROWS)


def with_rows(report: Report, rows: list[BackendRow]) -> Report:
    assert report.training
    report.training.backends = BackendTable(
        machine="AMD EPYC (avx512_bf16, avx512_vnni), 2 cores, no GPU, torch 2.13.0, OpenVINO 2026.4.0",
        pictures=2000,
        of=14_210,
        min_agreement=0.995,
        max_loss=0.01,
        rows=rows,
    )
    return report


def test_the_section_says_what_is_used_and_why_not_the_others(page: Callable[[str], Any], report: Report) -> None:
    read = page(to_html(report))
    assert read.problems == []
    assert "measured on 2,000 of 14,210 validation pictures" in read.text
    assert "openvino-bf16 812 99.8% 0.0021 0.004 pinhole used" in read.text
    assert "cuda-fp32 – – – – absent" in read.text
    assert all(f"{row.backend} {row.verdict}: {row.why}" in read.text for row in ROWS)
    assert "#backends" in [link["href"] for link in read.all("a")]
    assert not [attributes for attributes in read.all("img") if "onerror" in attributes]


def test_the_gist_has_the_same_table(report: Report) -> None:
    lines = to_markdown(report).splitlines()
    assert "| openvino-bf16 | 812 | 99.8% | 0.004 | used: the fastest of 2 within tolerance |" in lines
    assert "<img" not in to_markdown(report)


def test_without_figures_there_is_no_section(page: Callable[[str], Any], trained_report: Callable[..., Report]) -> None:
    read = page(to_html(trained_report()))
    assert "#backends" not in [link["href"] for link in read.all("a")]


def test_a_list_of_backends_is_bounded(page: Callable[[str], Any], report: Report) -> None:
    many = with_rows(report, [USED.model_copy(update={"backend": f"backend-{i}"}) for i in range(200)])
    text = page(to_html(many)).text
    assert f"backend-{MAX_BACKENDS - 1} " in text and f"backend-{MAX_BACKENDS} " not in text


@pytest.mark.parametrize("width", [1280, 390])
def test_the_section_fits_the_page(chromium: Chrome, tmp_path: Path, report: Report, width: int) -> None:
    (tmp_path / "report.html").write_text(to_html(report), "utf-8")
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    chromium.get((tmp_path / "report.html").as_uri())
    assert chromium.execute_script("return document.documentElement.scrollWidth") <= width
    assert chromium.execute_script("return document.querySelectorAll('#backends tbody tr').length") == len(ROWS)
