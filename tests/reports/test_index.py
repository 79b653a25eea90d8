"""The index of all reports: complete, in order, bounded, inert."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from nightsort.learning.registry import Registry
from nightsort.reports import digest, index, store
from nightsort.reports.data import Report
from nightsort.reports.digest import Digest
from nightsort.storage import Storage
from nightsort.tally import Tally

START = datetime(2026, 11, 1, 2, tzinfo=UTC)
PAYLOAD = "<script>alert(1)</script>"


class Read(HTMLParser):
    """Tags, links and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if tag == "a" and name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def run(day: int, flow: str = "classify", **more: Any) -> Digest:
    """A run that began some days after the first."""
    began = START + timedelta(days=day)
    facts = {
        "run_id": f"{began:%Y%m%dT%H%M%S}000Z-{flow}-{day:04x}",
        "flow": flow,
        "state": "completed",
        "started": began,
        "finished": began + timedelta(minutes=2),
        "title": "Night",
        "verdict": "Balanced",
        "tone": "good",
        "tally": Tally(discovered=10, done=10),
        "predicted": {"crack": 4, "stain": 6},
    }
    return Digest.model_validate(facts | more)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(str(tmp_path))


def refreshed(storage: Storage, *runs: Digest) -> Read:
    for made in runs:
        digest.write(storage, made)
    index.refresh(storage)
    return Read(storage.read_bytes(index.NAME).decode())


def reports(page: Read) -> list[str]:
    """Linked runs in their order, but for the last night at the top."""
    linked = [unquote(link).split("/")[0] for link in page.links if link.endswith("/report.html")]
    if "Last night" in page.text:
        linked.remove(max(run_id for run_id in linked if "-classify-" in run_id))
    return linked


def test_every_report_is_linked_newest_first_and_each_link_leads_somewhere(
    tmp_path: Path, classified_report: Callable[..., Report], trained_report: Callable[..., Report]
) -> None:
    storage = Storage(str(tmp_path / "root"))
    ids = ["20261121T020000Z-classify-1", "20261122T020000Z-train-1", "20261123T020000Z-classify-2"]
    for run_id in ids:
        store.write(storage, (trained_report if "train" in run_id else classified_report)(run_id=run_id))
    moved = (tmp_path / "root").rename(tmp_path / "elsewhere")
    page = Read((moved / index.NAME).read_text())
    assert reports(page) == ids[::-1]
    for link in page.links:
        assert link.startswith("#") or (moved / "reports" / unquote(link)).is_file()
    for run_id in ids:
        assert "../index.html" in Read((moved / "reports" / run_id / "report.html").read_text()).links


def test_a_failed_run_is_there_and_an_alarm_until_the_next_of_its_flow(storage: Storage) -> None:
    failed = run(2, "ingest", state="failed", verdict="Failed", tone="bad", tally=None, predicted={})
    page = refreshed(storage, run(1), failed)
    assert reports(page).count(failed.run_id) == 2 and "1 open alarm" in page.text
    page = refreshed(storage, run(3, "ingest"))
    assert reports(page).count(failed.run_id) == 1 and "No open alarm" in page.text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"drifted": ["brightness", "embeddings"]}, "drift: brightness, embeddings"),
        (
            {"flow": "train", "promoted": False, "reason": "no better", "model_version": 7},
            "model 7 not promoted: no better",
        ),
    ],
)
def test_drift_and_refusal_are_alarms(more: dict[str, Any], words: str) -> None:
    assert [alarm.words for alarm in index.alarms([run(5, **more), run(4, "ingest")])] == [words]


def test_drift_is_an_alarm_until_a_run_with_pictures_has_none() -> None:
    drifted, empty = run(5, drifted=["brightness"]), run(6, predicted={}, tally=Tally(discovered=10, skipped=10))
    assert [alarm.run for alarm in index.alarms([empty, drifted])] == [drifted]
    assert index.alarms([run(7), empty, drifted]) == []


def test_of_many_runs_the_newest_are_listed_and_the_rest_counted(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "MAX_RUNS", 5)
    page = refreshed(storage, *(run(day) for day in range(12)))
    assert reports(page) == [run(day).run_id for day in (11, 10, 9, 8, 7)]
    assert "7 older runs" in page.text


def test_a_trend_is_of_the_last_nights_the_oldest_on_the_left() -> None:
    nights = [run(day, predicted={"crack": day, "stain": 10 - day}) for day in range(1, 6)]
    nights.insert(2, run(9, predicted={}))  # nothing was classified, so it is no night
    crack, stain = sorted(index.trends(nights[::-1]), key=lambda trend: trend.label)
    assert (crack.share, crack.least, crack.most) == (0.5, 0.1, 0.5)
    assert (stain.share, stain.least, stain.most) == (0.5, 0.5, 0.9)
    heights = [float(point.split(",")[1]) for point in crack.drawn.lines[0].split()]
    assert len(heights) == 5 and heights == sorted(heights, reverse=True)


def test_many_classes_are_counted_not_shown(storage: Storage) -> None:
    page = refreshed(storage, run(1, predicted={f"class {i}": 1 for i in range(200)}))
    assert page.tags.count("svg") == index.MAX_TRENDS and f"{200 - index.MAX_TRENDS} classes more" in page.text


def test_names_and_reasons_are_inert(storage: Storage) -> None:
    registry = Registry(storage)
    registry.promote(1, registry.alias(), "forced", who=PAYLOAD, why=PAYLOAD)
    hostile = run(
        1, title=f'"{PAYLOAD}', verdict=PAYLOAD, tone="bad", predicted={PAYLOAD: 3, '" onload="x': 2}, drifted=[PAYLOAD]
    )
    page = refreshed(storage, hostile, run(2, "train", promoted=False, reason=PAYLOAD))
    assert "script" not in page.tags and page.text.count(PAYLOAD) >= 6
    assert all("default-src 'none'" in line for line in _policies(storage))


def _policies(storage: Storage) -> list[str]:
    lines = storage.read_bytes(index.NAME).decode().splitlines()
    found = [line for line in lines if "Content-Security-Policy" in line]
    assert found
    return found


def test_the_champions_are_listed_and_a_damaged_alias_does_not_break_the_index(storage: Storage) -> None:
    registry = Registry(storage)
    for version in (1, 2):
        registry.promote(version, registry.alias(), why=f"because {version}")
    text = refreshed(storage, run(1)).text
    assert text.index("because 2") < text.index("because 1")
    storage.write_bytes("models/champion/3.json", b"{")
    page = refreshed(storage)
    assert reports(page) == [run(1).run_id] and "models/champion/3.json" in page.text


def test_a_run_that_ended_meanwhile_is_in_the_index(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other run ends between the look and the write."""
    late, write = run(2), storage.write_bytes

    def slow(name: str, data: bytes) -> None:
        if name == index.NAME and not digest.exists(storage, late.run_id):
            digest.write(storage, late)
        write(name, data)

    monkeypatch.setattr(storage, "write_bytes", slow)
    assert reports(refreshed(storage, run(1))) == [late.run_id, run(1).run_id]


def test_without_a_report_it_says_so(storage: Storage) -> None:
    assert "No run has left a report yet." in refreshed(storage).text
