"""Owns the order of events: deliveries, nights, what people do by day, a power cut; and the diary of it.

Invariant: whatever Nightsort does, it does by its commands and of its own accord; the script only makes the world.
Does not know whether it ended well.
"""

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from nightsort import pipelines
from rehearsal import people, story, telling
from rehearsal.calendar import moments
from rehearsal.diary import Diary, Night
from rehearsal.drops import Drops
from rehearsal.labels import write_labelled, write_poisoned
from rehearsal.pictures import Digits
from rehearsal.program import Program
from rehearsal.records import Records

_DECLARATION = Path(__file__).with_name("pipelines.yaml")
_MORNING = timedelta(hours=8)  # from a night's run to when people come to work


class Month:
    """The month.

    :param folder: empty; everything is made below it
    :param say: called with the words for each night as it ends
    """

    def __init__(self, folder: Path, say: Callable[[str], Any]) -> None:
        shutil.copy(_DECLARATION, folder)
        declared = pipelines.load(folder / _DECLARATION.name).pipelines
        schedules = [declared[name].schedule for name in ("nightly", "retrain")]
        self._nightly, self._retrain = (moments(each, story.FIRST, story.DAYS) for each in schedules if each)
        self._folder, self._say = folder, say
        self._rng, self._digits = np.random.default_rng(2026), Digits()
        self._drops = Drops(folder / "pictures" / "incoming", self._digits, story.UNSEEN, self._rng)
        self._program = Program(folder, folder / "log.txt")
        self._review: int | None = None  # the day on which people answer
        self.records = Records(folder / "storage")
        self.sent = self._drops.sent
        self.diary = Diary()

    def live(self) -> None:
        """From the eve of the first night to the morning after the last."""
        self._prepare(self._nightly[0] - timedelta(hours=12))
        self._say(telling.HEAD)
        for day, (nightly, retrain) in enumerate(zip(self._nightly, self._retrain, strict=True), 1):
            night = Night(story.delivery(day, nightly, "late" if self.diary.answered else "early"))
            self.diary.nights.append(night)
            self._drops.deliver(night.delivery)
            if day == story.CUT:
                self._cut(night)
            else:
                self._classify(night)
                self._train(night, retrain)
            self._work(day, night, nightly + _MORNING)
            self._say(telling.of(night, self.sent))
        self.diary.models = self._program.run(self._nightly[-1] + _MORNING, "models", "list")

    def _prepare(self, eve: datetime) -> None:
        self._say(telling.before(eve))
        write_labelled(self._folder / "pictures" / "labelled", self._digits, story.UNSEEN, self._rng)
        self._program.run(eve, "run", "ingest")
        trained = self._program.run(eve + timedelta(hours=1), "run", "train")
        self._say(telling.trained(self.records.report(trained["run_id"])["training"]) + "\n")

    def _classify(self, night: Night) -> None:
        earlier = self.diary.reports()[-7:]
        ran = self._program.run(night.delivery.moment, "run", "nightly")
        night.report = self.records.report(ran["run_id"])
        night.odd = people.oddities(night.report, earlier)
        if night.delivery.night == story.CUT + 1:
            night.happened.append("classifies what the power cut left over")
        if night.delivery.night == story.CLOCKS:
            night.happened.append("the clocks were put forward: 02:30 did not exist")

    def _cut(self, night: Night) -> None:
        before = self.records.commits("predictions")
        rows = len(self.records.rows("predictions", "sha256"))
        cut = self._program.cut(
            night.delivery.moment, lambda: self.records.commits("predictions") > before + 1, "run", "nightly"
        )
        self.diary.cut_at = len(self.records.rows("predictions", "sha256")) - rows if cut else 0
        night.happened.append(f"power cut after {self.diary.cut_at} pictures")

    def _train(self, night: Night, moment: datetime) -> None:
        ran = self._program.run(moment, "run", "retrain")
        if ran["state"] != "skipped":
            night.training = self.records.report(ran["run_id"])
            night.happened.append(telling.trained(night.training["training"]))

    def _work(self, day: int, night: Night, moment: datetime) -> None:
        """What people do by day."""
        if night.report and night.odd:
            self._look(day, night)
        if day == self._review:
            self._answer(night, moment)
        if day == story.POISON:
            folder = self._folder / "pictures" / "delivered"
            self.diary.flipped = write_poisoned(folder, self._digits, story.DELIVERED, story.FLIPPED, self._rng)
            self._program.run(moment, "run", "ingest", "--set", f"source={folder}")
            night.happened.append(f"{story.DELIVERED} labelled pictures delivered, {len(self.diary.flipped)} wrong")

    def _look(self, day: int, night: Night) -> None:
        assert night.report is not None
        truth = {each.place: each.truth for each in self.sent if each.fate == "classified"}
        seen = people.looked_at(night.report, truth)
        what, count = seen.most_common(1)[0] if seen else ("", 0)
        if what == "dark" and self.diary.dark_noticed is None:
            self.diary.dark_noticed = day
            night.happened.append(f"people see {count} dark pictures: camera b is dead")
        if what == str(story.UNSEEN) and self.diary.unseen_noticed is None:
            self.diary.unseen_noticed, self._review = day, day + story.PATIENCE
            night.happened.append(f"people see {count} pictures of a {what}, which the model does not know")

    def _answer(self, night: Night, moment: datetime) -> None:
        queue, answers = self._folder / "review", self._folder / "answers.csv"
        wanted = 2 * story.LABELS  # of what is open some shows nothing
        self._program.run(moment, "review", "export", "--into", queue, "--count", wanted)
        self.diary.answered = people.answer(queue / "queue.csv", answers, self.sent, story.LABELS)
        self._program.run(moment, "review", "import", answers, "--new-classes", story.UNSEEN)
        words = ", ".join(f"{count} {what}" for what, count in self.diary.answered.items())
        night.happened.append(f"people answer: {words}")
