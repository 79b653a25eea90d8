"""The files that ask and answer: what is written fits the tools it is for, and what they give back is read."""

import base64
import csv
import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from nightsort.reports import queued
from nightsort.review.formats import fiftyone, label_studio, recognition, sheet
from nightsort.review.formats.dates import moment
from nightsort.review.pictures import Shown
from nightsort.review.queue import Item
from nightsort.review.reply import Reply

EVIL = "<script>alert('x')</script>"
CLASSES = ["crack", "dent", EVIL]


@pytest.fixture
def shown(tmp_path: Path, item: Callable[..., Item]) -> list[Shown]:
    """Two pictures of 700 x 600 and one that cannot be read, with names that mean harm."""
    (tmp_path / "pictures").mkdir()
    items = [
        item(1, "margin", "drift"),
        item(2, label=EVIL, path="=HYPERLINK(1).jpg", runner_up="@SUM(1)"),
        item(3, path="/in/a.zip", member=f"{EVIL}\u202egpj.jpg"),
    ]
    for one in items[:2]:
        cv2.imwrite(str(tmp_path / "pictures" / f"{one.sha256}.jpg"), np.full((600, 700, 3), 90, np.uint8))
    files = [f"pictures/{one.sha256}.jpg" for one in items[:2]]
    return [Shown(items[0], files[0]), Shown(items[1], files[1]), Shown(items[2], "", "unreadable: it is gone")]


def test_the_sheet_has_no_formula_and_room_for_answers(shown: list[Shown], tmp_path: Path) -> None:
    sheet.write(shown, tmp_path / "queue.csv")
    data = (tmp_path / "queue.csv").read_bytes()
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert tuple(rows[0]) == sheet.COLUMNS and [row["sha256"] for row in rows] == [one.item.sha256 for one in shown]
    assert not [cell for row in rows for cell in row.values() if cell[:1] in ("=", "+", "-", "@")]
    assert rows[0]["reasons"] == "margin drift" and rows[2]["picture"] == "cannot be read: unreadable: it is gone"
    assert {row[name] for row in rows for name in ("verdict", "label", "reviewer", "note")} == {""}
    assert sheet.read(data) == Reply("csv", untouched=3)


def filled(*answers: str, head: str = "sha256,label,verdict,reviewer,note") -> str:
    return "\r\n".join([head, *answers, ""])


SHA = "ab" * 32


@pytest.mark.parametrize(
    "data",
    [
        filled(f"{SHA},crack,,ann,ok").encode(),
        filled(f"{SHA},crack,,ann,ok").encode("utf-8-sig"),
        filled(f"{SHA},crack,,ann,ok").encode("utf-16"),
        filled(f"{SHA};crack;;ann;ok", head="Sha256;LABEL; Verdict;reviewer;note").encode(),
        filled(f" {SHA.upper()} \tcrack \tLabel\tann\tok", head="sha256\tlabel\tverdict\treviewer\tnote").encode(),
        filled(
            "sha256;label;verdict;reviewer;note", "", ";;;;", f'"{SHA}";"crack";"label";ann;ok', head="sep=;"
        ).encode(),
    ],
)
def test_what_spreadsheets_make_of_a_sheet_is_read(data: bytes) -> None:
    reply = recognition.read(data)
    assert (reply.tool, reply.faults, len(reply.answers)) == ("csv", [], 1)
    (given,) = reply.answers
    assert (given.sha256, given.label, given.reviewer, given.note) == (SHA, "crack", "ann", "ok")
    assert given.verdict in ("", "label")


def test_a_guarded_label_comes_back_as_it_is_and_lines_are_those_of_the_file() -> None:
    text = filled(f'{SHA},\'-5,,"two\nlines",', f"{SHA},,,,", f"{SHA},a,b,c,d,e")
    reply = sheet.read(text.encode())
    assert [given.label for given in reply.answers] == ["-5"] and reply.untouched == 1
    assert [fault.partition(":")[0] for fault in reply.faults] == ["line 5"]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"\xff\xe4\xf6;x", "CSV UTF-8"),
        ("sha256;label\n\u00e4".encode("cp1252"), "CSV UTF-8"),
        (b"name,label\nx,y\n", "column 'sha256' is required"),
        (b"sha256,reviewer\n", "'label' or 'verdict' is required"),
        (b"sha256,label,Label\n", "'label' is there 2 times"),
        (b"", "column 'sha256' is required"),
        (filled(f'{SHA},a,,ann,"10 mm', f"{'cd' * 32},b,,,").encode(), "cannot be read to its end"),
        (filled(f"{SHA},a,03/04/2026", head="sha256,label,answered_at").encode(), "could be two days"),
        (b'{"a": 1}', "is neither what Label Studio exports"),
        (b'[{"data": {}', "is no whole JSON file"),
        (b"[" * 100_000, "is no whole JSON file"),
        (b'[{"id": 1, "sha256": "ab", "label": "crack"}]', "not as JSON-MIN"),
        (b'[{"annotations": []}, 7]', "task 1: is not as Label Studio exports it"),
        (b'{"classes": ["a"], "labels": {"x": 1}}', "1 is no class id; there are 1 classes"),
        (b'{"classes": 7, "labels": {}}', "'classes', a list"),
    ],
)
def test_what_cannot_be_read_is_said(data: bytes, fault: str) -> None:
    faults = recognition.read(data).faults
    assert any(fault in line for line in faults), faults


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-12-31", datetime(2026, 12, 31, tzinfo=UTC)),
        ("2026-12-31T14:30:00+02:00", datetime(2026, 12, 31, 12, 30, tzinfo=UTC)),
        ("31.12.2026 14:30", datetime(2026, 12, 31, 14, 30, tzinfo=UTC)),
        ("03.04.2026", datetime(2026, 4, 3, tzinfo=UTC)),
        ("12/31/2026", datetime(2026, 12, 31, tzinfo=UTC)),
        ("31/12/2026 01:02:03", datetime(2026, 12, 31, 1, 2, 3, tzinfo=UTC)),
        ("46387,5", datetime(2026, 12, 31, 12, tzinfo=UTC)),
        ("", None),
    ],
)
def test_dates_of_spreadsheets_are_read(text: str, when: datetime | None) -> None:
    assert moment(text) == when


@pytest.mark.parametrize("text", ["yesterday", "03/04/2026", "2026", "31.13.2026", "99999999"])
def test_a_date_that_is_none_or_two_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        moment(text)


def test_tasks_are_as_label_studio_documents_them(shown: list[Shown], tmp_path: Path) -> None:
    label_studio.write(shown, CLASSES, tmp_path)
    tasks = json.loads((tmp_path / "label-studio" / "tasks.json").read_text())
    config = ET.fromstring((tmp_path / "label-studio" / "config.xml").read_text())
    (image,) = config.findall("Image")
    choices = {tag.attrib["name"]: [choice.attrib["value"] for choice in tag] for tag in config.findall("Choices")}
    assert choices == {"label": CLASSES, "verdict": ["unusable"]} and len(tasks) == 2
    for task, one in zip(tasks, shown, strict=False):
        assert task["data"]["sha256"] == one.item.sha256 and image.attrib["value"] == "$image"
        kind, _, encoded = task["data"]["image"].partition(",")
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_COLOR)
        assert kind == "data:image/jpeg;base64" and picture is not None and picture.shape == (439, 512, 3)
        (prediction,) = task["predictions"]
        (result,) = prediction["result"]
        assert prediction["model_version"] == "nightsort 1" and 0 <= prediction["score"] <= 1
        assert (result["type"], result["to_name"]) == ("choices", image.attrib["name"])
        assert result["value"]["choices"][0] in choices[result["from_name"]]


def test_an_export_of_label_studio_is_read(shown: list[Shown], tmp_path: Path) -> None:
    label_studio.write([shown[0]], CLASSES, tmp_path)
    (task,) = json.loads((tmp_path / "label-studio" / "tasks.json").read_text())

    def answered(*results: tuple[str, str, str], **annotation: Any) -> dict[str, Any]:
        result = [
            {"from_name": name, "to_name": "image", "type": kind, "value": {kind: [word]}, "origin": "manual"}
            for name, kind, word in results
        ]
        return {**task, "annotations": [{"id": 5, "result": result, "was_cancelled": False, **annotation}]}

    export = [
        answered(
            ("label", "choices", "dent"),
            ("note", "text", "a scratch"),
            completed_by={"email": "a@b.c", "id": 1},
            updated_at="2026-11-21T22:16:08.728378Z",
        ),
        answered(("verdict", "choices", "unusable"), completed_by=7),
        answered(was_cancelled=True),
        answered(),
        {**task, "annotations": []},
    ]
    reply = recognition.read(json.dumps(export).encode())
    assert (reply.tool, reply.faults, reply.untouched) == ("label-studio", [], 2)
    said = [(g.line, g.verdict, g.label, g.reviewer, g.note, g.reasons) for g in reply.answers]
    assert said == [
        ("task 1", "label", "dent", "a@b.c", "a scratch", "margin, drift"),
        ("task 2", "unusable", "", "user 7", "", "margin, drift"),
        ("task 3", "skip", "", "", "", "margin, drift"),
    ]
    assert reply.answers[0].answered_at == datetime(2026, 11, 21, 22, 16, 8, 728378, tzinfo=UTC)


def test_labels_are_as_fiftyone_documents_them_and_empty_until_filled(shown: list[Shown], tmp_path: Path) -> None:
    fiftyone.write(shown, CLASSES, tmp_path)
    folder = tmp_path / "fiftyone"
    labels, predictions = (json.loads((folder / name).read_text()) for name in ("labels.json", "predictions.json"))
    stems = {file.stem for file in (folder / "data").iterdir()}
    assert stems == labels["labels"].keys() == predictions["labels"].keys() == {one.item.sha256 for one in shown[:2]}
    assert labels["classes"] == predictions["classes"] == CLASSES and set(labels["labels"].values()) == {None}
    for one in shown[:2]:
        said = predictions["labels"][one.item.sha256]
        assert CLASSES[said["label"]] == one.item.prediction["label"] and 0 <= said["confidence"] <= 1
        assert said["attributes"]["reasons"] == ", ".join(one.item.reasons)
    assert recognition.read((folder / "labels.json").read_bytes()) == Reply("fiftyone", untouched=2)


@pytest.mark.parametrize(
    "content",
    [
        {"classes": CLASSES, "labels": {SHA: 1, "cd" * 32: None}},
        {"classes": CLASSES, "labels": {f"/home/ann/data/{SHA}.jpg": {"label": 1, "confidence": 0.5}}},
        {"labels": {f"data\\{SHA}": "dent"}},
    ],
)
def test_what_fiftyone_exports_is_read(content: dict[str, Any]) -> None:
    reply = recognition.read(json.dumps(content).encode())
    assert reply.faults == [] and [(g.sha256, g.verdict, g.label) for g in reply.answers] == [(SHA, "label", "dent")]


class Page(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_the_gallery_is_inert_and_can_be_walked_with_the_keyboard(shown: list[Shown]) -> None:
    text = queued.to_html(shown, datetime(2026, 11, 21, tzinfo=UTC))
    sheet_of_styles = Path(queued.__file__).parent / "templates" / "report.css"
    page = Page(text)
    assert page.all("script") == [] and not [a for _, a in page.found for name in a if name.startswith("on")]
    assert EVIL not in text and "&lt;script&gt;" in text and "\u202e" not in text
    assert sheet_of_styles.read_text().rstrip() in text
    pictures = [one.picture for one in shown[:2]]
    assert [a["src"] for a in page.all("img")] == [a["href"] for a in page.all("a")] == pictures
    assert all(a.get("alt") for a in page.all("img")) and "unreadable: it is gone" in text
