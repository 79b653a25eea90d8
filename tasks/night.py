"""Owns the stage that tells a night apart from the nights before it: what changed, and which pictures show it.

Invariant: bounded work, whatever the size of the run. Does not know how a report will look.
"""

from nightsort.config.intake import ClassifyParams
from nightsort.drift.look import Look
from nightsort.learning.card import Card
from nightsort.quarantine import Quarantine
from nightsort.reports import aside, bands, changes, digest, trends
from nightsort.reports.account import Account
from nightsort.reports.data import ClassifyPart
from nightsort.reports.gallery import thumbnails
from nightsort.reports.night import MAX_NIGHTS, Band, NightPart
from nightsort.reports.predicted import Predicted
from tasks.intake import access
from tasks.runs import Run
from tasks.stage import dispensable, stage


def choose_shown(predicted: Predicted, card: Card) -> list[str]:
    """SHA-256 of the pictures that the night's galleries show, at most MAX_BAND of each band."""
    return list(bands.shown(bands.split(predicted.sample.rows, card))["sha256"].to_pylist())


@dispensable
@stage(retries=2)
def describe_night(
    run: Run,
    params: ClassifyParams,
    card: Card,
    predicted: Predicted,
    part: ClassifyPart,
    look: Look | None,
    account: Account,
) -> NightPart:
    """What changed since the run before and over the last nights, and pictures of each degree of certainty.

    :param part: the night's own counts
    """
    notes = list(look.notes) if look else []
    runs = digest.recent(run.storage, 2 * MAX_NIGHTS, "classify", before=run.id, notes=notes)
    earlier = [night for night in runs if night.counts]
    tonight = changes.tonight(part, account.part())
    mix = trends.of(tonight.predicted, part.training_share, earlier[:MAX_NIGHTS])
    return NightPart(
        previous=earlier[0].run_id if earlier else "",
        nights=len(earlier[:MAX_NIGHTS]),
        changes=changes.since(earlier[0], tonight) if earlier else [],
        trends=mix,
        appeared=trends.appeared(mix),
        vanished=trends.vanished(mix),
        bands=_bands(run, params, card, predicted, look),
        aside=aside.pictures(Quarantine(run.storage), run.id, account.part().reasons, params.max_pixels),
        notes=notes,
    )


def _bands(run: Run, params: ClassifyParams, card: Card, predicted: Predicted, look: Look | None) -> list[Band]:
    split = bands.split(predicted.sample.rows, card)
    if not any(rows.num_rows for rows in split.values()):
        return []
    named = predicted.counts.total() - predicted.abstained
    shown = thumbnails(bands.shown(split), params.max_pixels, access(run, params))
    return bands.galleries(
        split, bands.totals(split, named, predicted.abstained), shown, look.activations if look else {}
    )
