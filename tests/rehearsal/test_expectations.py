"""A month as it should be breaks no expectation; each thing that went wrong breaks one, by name."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from nightsort.pipelines import Schedule
from rehearsal import story
from rehearsal.account import Account
from rehearsal.calendar import moments
from rehearsal.diary import Diary, Night
from rehearsal.expectations import broken
from rehearsal.records import Records
from rehearsal.truth import Held

FILES = 10  # of a night
CUT_AT = 4
SENT = Counter(dict.fromkeys(range(1, story.DAYS + 1), FILES))


def training(version: int, promoted: bool, suspects: tuple[str, ...] = ()) -> dict[str, Any]:
    classes = [{"label": str(digit)} for digit in range(10)]
    decision = {"promoted": promoted, "reason": "because"}
    part = {"model_version": version, "decision": decision, "scores": {"classes": classes}}
    suspicion = {"veto": "too odd", "suspects": [{"path": f"/in/{name}"} for name in suspects]} if suspects else None
    return {"training": part, "suspicion": suspicion}


def report(night: Night) -> dict[str, Any]:
    day, started = night.delivery.night, night.delivery.moment.astimezone(UTC) + timedelta(seconds=3)
    return {
        "run_id": f"run-{day}", "flow": "classify", "state": "completed", "message": "", "started": started.isoformat(),
        "intake": {"tally": {"balanced": True, "discovered": FILES * day}},
        "drift": {"findings": [{"name": "brightness", "drifted": day in story.DARK}]},
    }  # fmt: skip


@pytest.fixture
def diary() -> Diary:
    nights = moments(Schedule(cron="30 2 * * *", timezone="Europe/Berlin"), story.FIRST, story.DAYS)
    diary = Diary([Night(story.delivery(day, moment, "early")) for day, moment in enumerate(nights, 1)])
    for night in diary.nights:
        night.report = None if night.delivery.night == story.CUT else report(night)
    diary.dark_noticed, diary.unseen_noticed, diary.cut_at = story.DARK[0], story.UNSEEN_FROM, CUT_AT
    diary.answered = Counter(confirmed=story.LABELS - 100, corrected=100, unusable=7)
    diary.flipped, diary.models = {"a.png", "b.png"}, {"champion": 2, "models": []}
    diary.nights[story.UNSEEN_FROM + story.PATIENCE].training = training(2, True)
    diary.nights[story.POISON].training = training(3, False, ("a.png", "c.png"))
    return diary


@pytest.fixture
def records(tmp_path: Path, diary: Diary) -> Records:
    for each in diary.reports():
        folder = tmp_path / "reports" / each["run_id"]
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(json.dumps(each))
        (folder / "report.html").write_text("")
    (tmp_path / "reports" / "index.html").write_text(" ".join(each["run_id"] for each in diary.reports()))
    ids = ["run-cut"] * CUT_AT + ["run-1"]
    write_deltalake(str(tmp_path / "predictions"), pa.table({"run_id": ids}))
    return Records(tmp_path)


def faults(diary: Diary, records: Records, recall: float = 1.0) -> list[str]:
    return broken(diary, records, Account({}, []), Held(500, 0.96, {str(story.UNSEEN): recall}), SENT)


def test_a_month_as_it_should_be(diary: Diary, records: Records) -> None:
    assert faults(diary, records) == []


def forget_a_night(diary: Diary, records: Records) -> None:
    diary.nights[2].report = None


def begin_late(diary: Diary, records: Records) -> None:
    assert diary.nights[2].report
    diary.nights[2].report["started"] = diary.nights[3].delivery.moment.astimezone(UTC).isoformat()


def overlook_a_file(diary: Diary, records: Records) -> None:
    assert diary.nights[2].report
    diary.nights[2].report["intake"]["tally"]["discovered"] -= 1


def see_no_dark(diary: Diary, records: Records) -> None:
    diary.dark_noticed = None


def raise_no_alarm(diary: Diary, records: Records) -> None:
    report = diary.nights[story.DARK[0] - 1].report
    assert report
    report["drift"] = None


def cut_too_late(diary: Diary, records: Records) -> None:
    diary.cut_at = FILES


def see_it_before_it_was_there(diary: Diary, records: Records) -> None:
    diary.unseen_noticed = 3


def answer_less(diary: Diary, records: Records) -> None:
    diary.answered["confirmed"] -= 1


def promote_the_poison(diary: Diary, records: Records) -> None:
    diary.nights[story.POISON].training = training(3, True, ("a.png",))
    diary.models["champion"] = 3


def suspect_the_wrong_ones(diary: Diary, records: Records) -> None:
    diary.nights[story.POISON].training = training(3, False, ("c.png",))


def learn_nothing(diary: Diary, records: Records) -> None:
    diary.nights[story.POISON].training = None


def unlink_a_report(diary: Diary, records: Records) -> None:
    (records.root / "reports" / "index.html").write_text("")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (forget_a_night, "other nights than the one with the power cut"),
        (begin_late, "03 March: the run began"),
        (overlook_a_file, "for 30 files"),
        (see_no_dark, "the dead camera: noticed on day None"),
        (raise_no_alarm, "no alarm on 07 March"),
        (cut_too_late, "the power cut: 10 pictures were committed"),
        (see_it_before_it_was_there, "the unseen class: noticed on day 3"),
        (answer_less, "people gave"),
        (promote_the_poison, "the poisoned delivery"),
        (suspect_the_wrong_ones, "names 0"),
        (learn_nothing, "nothing was trained after the poisoned delivery"),
        (unlink_a_report, "the index lacks 30 reports"),
    ],
)
def test_what_went_wrong_is_named(
    harm: Callable[[Diary, Records], None], words: str, diary: Diary, records: Records
) -> None:
    harm(diary, records)
    assert words in " | ".join(faults(diary, records))


def test_a_champion_that_does_not_recognise_the_new_class_is_no_right_champion(diary: Diary, records: Records) -> None:
    assert any("accuracy 0.960, 9: 0.5" in fault for fault in faults(diary, records, recall=0.5))
