"""Owns what must be true at the end of the month: a line for each expectation that is broken.

Invariant: goes by what was sent, the reports' data and the tables, never by what a command said of itself.
Does not know how it came about.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rehearsal import story
from rehearsal.account import Account
from rehearsal.diary import Diary, Night
from rehearsal.records import Records
from rehearsal.truth import Held

_ACCURACY = 0.9
_RECALL = 0.7  # of the digit that was new: some sixty pictures of it were labelled
_MINUTES = 10  # that a run may begin late: this machine may be busy


def broken(diary: Diary, records: Records, account: Account, held: Held, sent_by: Counter[int]) -> list[str]:
    """All of them.

    :param sent_by: day -> files and members that were dropped then
    """
    return [
        *account.faults,
        *_nights(diary.nights, sent_by),
        *_power_cut(diary, records, sent_by),
        *_dead_camera(diary),
        *_unseen(diary, held),
        *_poison(diary),
        *_reports(diary, records),
    ]


def _nights(nights: list[Night], sent_by: Counter[int]) -> Iterator[str]:
    """Each began when it should, balances, and found every file that lay there."""
    lying = 0
    for night in nights:
        moment = night.delivery.moment
        lying += sent_by[night.delivery.night]
        if night.report is None:
            continue
        if night.report["state"] != "completed":
            yield f"{moment:%d %B}: the run {night.report['state']}: {night.report['message']}"
        late = (_started(night.report) - moment).total_seconds()
        if not 0 <= late < 60 * _MINUTES:
            yield f"{moment:%d %B}: the run began at {night.report['started']}, not at {moment}"
        tally = night.report["intake"]["tally"]
        if not tally["balanced"] or tally["discovered"] != lying:
            yield f"{moment:%d %B}: {tally} for {lying} files"
    skipped = [night.delivery.moment for night in nights if night.delivery.night == story.CLOCKS]
    if [f"{moment.astimezone(ZoneInfo('Europe/Berlin')):%H:%M %Z}" for moment in skipped] != ["03:00 CEST"]:
        yield f"the night of the clock change: runs at {skipped}, not once at 03:00 summer time"


def _started(report: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(report["started"])


def _power_cut(diary: Diary, records: Records, sent_by: Counter[int]) -> Iterator[str]:
    told = set(records.pages())
    untold = Counter(row["run_id"] for row in records.rows("predictions", "run_id") if row["run_id"] not in told)
    if [night.delivery.night for night in diary.nights if night.report is None] != [story.CUT]:
        yield "other nights than the one with the power cut have no report"
    if not 0 < diary.cut_at < sent_by[story.CUT] or list(untold.values()) != [diary.cut_at]:
        yield f"the power cut: {diary.cut_at} pictures were committed, runs without a report have {dict(untold)}"


def _dead_camera(diary: Diary) -> Iterator[str]:
    if diary.dark_noticed not in story.DARK:
        yield f"the dead camera: noticed on day {diary.dark_noticed}, not on {story.DARK}"
    for night in diary.nights:
        if night.delivery.night in story.DARK and not _alarms(night):
            yield f"the dead camera: no alarm on {night.delivery.moment:%d %B}"


def _alarms(night: Night) -> list[str]:
    drift = (night.report or {}).get("drift") or {"findings": []}
    return [finding["name"] for finding in drift["findings"] if finding["drifted"]]


def _unseen(diary: Diary, held: Held) -> Iterator[str]:
    """It was noticed, answered, learned, promoted, and is known to the champion at the end."""
    unseen, noticed = str(story.UNSEEN), diary.unseen_noticed
    if noticed is None or noticed < story.UNSEEN_FROM:
        yield f"the unseen class: noticed on day {noticed}, and it was there from day {story.UNSEEN_FROM}"
    if diary.answered["confirmed"] + diary.answered["corrected"] != story.LABELS:
        yield f"people gave {dict(diary.answered)} answers, not {story.LABELS} labels"
    champion = diary.models["champion"]
    promoted = [night.training["training"] for night in diary.nights if night.training and _promoted(night)]
    if [each["model_version"] for each in promoted] != [champion]:
        yield f"champion is {champion}; promoted in the month: {[each['model_version'] for each in promoted]}"
    if not any(unseen in [row["label"] for row in each["scores"]["classes"]] for each in promoted):
        yield f"no model that was promoted knows {unseen}"
    if held.accuracy < _ACCURACY or held.recall.get(unseen, 0.0) < _RECALL:
        yield f"last {story.LAST} nights: accuracy {held.accuracy:.3f}, {unseen}: {held.recall.get(unseen)}"


def _promoted(night: Night) -> bool:
    return bool(night.training and night.training["training"]["decision"]["promoted"])


def _poison(diary: Diary) -> Iterator[str]:
    """The model that learned from it was trained, refused, and the report names some of the wrong labels."""
    after = [night.training for night in diary.nights if night.training and night.delivery.night > story.POISON]
    if not after:
        yield "nothing was trained after the poisoned delivery"
    for training in after:
        suspicion = training["suspicion"] or {"veto": "", "suspects": []}
        named = {each["path"].rpartition("/")[2] for each in suspicion["suspects"]} & diary.flipped
        if training["training"]["decision"]["promoted"] or not suspicion["veto"] or not named:
            yield f"the poisoned delivery: {training['training']['decision']}, {suspicion['veto']}, names {len(named)}"


def _reports(diary: Diary, records: Records) -> Iterator[str]:
    pages, index = records.pages(), records.index()
    nights = {report["run_id"] for report in diary.reports()}
    if len(nights) != story.DAYS - 1 or not nights <= {run for run, flow in pages.items() if flow == "classify"}:
        yield f"{len(nights)} nights have a report, {len(pages)} pages exist"
    if missing := [run for run in pages if run not in index]:
        yield f"the index lacks {len(missing)} reports, such as {missing[0]}"
