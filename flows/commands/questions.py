"""Owns the questions that `nightsort init` asks.

Invariant: what was given as an option is not asked, and nothing where nobody can answer; an answer that cannot be is
asked for again. Does not know what is made of the answers.
"""

import math
import os
from collections.abc import Callable
from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import click

PRECISION = click.FloatRange(0, 1, min_open=True, max_open=True)
_MISTAKES = "Of 100 pictures that get a class, how many may be wrong? Empty: confidence decides"
_RARE = "Are some classes rare?"
_LOCALTIME = Path("/etc/localtime")


class Clock(click.DateTime):
    """A time of day."""

    def __init__(self) -> None:
        super().__init__(["%H:%M"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The time, without a day."""
        if isinstance(value, time):
            return value
        try:
            return super().convert(value, param, ctx).time()
        except click.BadParameter:
            return self.fail(f"{value!r} is not a time of day, such as 02:00", param, ctx)


class Zone(click.ParamType):
    """A time zone of the IANA database."""

    name = "zone"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The zone, if there is such a one."""
        try:
            return ZoneInfo(value).key
        except (KeyError, ValueError, OSError):
            from nightsort.faults import did_you_mean

            hint = did_you_mean(value, available_timezones()) or ", such as Europe/Berlin"
            return self.fail(f"{value!r} is not a time zone{hint}", param, ctx)


def here() -> str:
    """This machine's time zone; UTC if it does not say."""
    named = os.environ.get("TZ", "").lstrip(":") or str(_LOCALTIME.resolve()).rpartition("zoneinfo/")[2]
    return named if named in available_timezones() and not named.endswith("UTC") else "UTC"


def interview(given: dict[str, Any], folder: Path, interactive: bool, tell: Callable[[str], Any]) -> dict[str, Any]:
    """The answers, from what was given as options, from what lies in the folders, and from a person.

    :param given: option -> its value; None where it was left out
    :param folder: where relative places begin
    :param interactive: whether there is a person to ask
    :param tell: called with what was seen
    """
    from flows.actions.first_look import seen_at
    from flows.actions.starting import Answers

    def answer(name: str, question: str, default: Any, ask: Callable[..., Any] = click.prompt, **how: Any) -> Any:
        if given[name] is not None:
            return given[name]
        return ask(question, default=default, show_default=default != "", err=True, **how) if interactive else default

    labelled = answer("labelled", "Labelled pictures: which folder, archive or bucket?", Answers.labelled)
    manifest = given["manifest"]
    seen = seen_at(labelled, manifest, folder, tell)
    if not manifest and not (seen and seen.classes):
        beside = seen.manifests[0] if seen and seen.manifests else ""
        manifest = answer("manifest", "Which file names their labels? Empty: the folders do", beside)
        seen = seen_at(labelled, manifest, folder, tell) if manifest and "://" not in labelled else seen
    return {
        "labelled": labelled,
        "manifest": manifest or None,
        "folder_splits": True if seen and seen.splits else None,
        "incoming": answer("incoming", "Where do new pictures arrive?", Answers.incoming),
        "storage": answer("storage", "Where to keep datasets, models and results?", Answers.storage),
        "at": Clock().convert(
            answer("at", "When to classify, each night?", f"{Answers.at:%H:%M}", type=Clock()), None, None
        ),
        "timezone": answer("timezone", "In which time zone?", here(), type=Zone()),
        "target_precision": answer("target_precision", _MISTAKES, "", value_proc=_precision) or None,
        "retrain": answer("retrain", "Retrain when labels arrive or pictures drift?", Answers.retrain, click.confirm),
        "rare": seen.rare if seen and given["rare"] is None else answer("rare", _RARE, Answers.rare, click.confirm),
        **({"image_size": seen.image_size} if seen and seen.image_size else {}),
    }


def _precision(wrong: str) -> float | None:
    """The precision at which so many of a hundred are wrong."""
    if not wrong:
        return None
    number: float = click.FloatRange(0, 100, min_open=True, max_open=True).convert(wrong.rstrip("% "), None, None)
    if math.isnan(number):  # which no bound keeps out
        raise click.BadParameter(f"{wrong!r} is not a number")
    return round(1 - number / 100, 6)
