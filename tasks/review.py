"""Owns the stage that keeps what a closer look said, for the review queue to rank by.

Invariant: one row for each picture that was looked at. Does not know what is asked of people.
"""

import numpy as np
from numpy.typing import NDArray

from nightsort.drift import reference
from nightsort.drift.look import Look
from nightsort.drift.strangeness import strangeness
from nightsort.errors import ModelError
from nightsort.learning.card import Card
from nightsort.leases.lease import Lease
from nightsort.review.signals import Opinion, Signals, rows_of
from tasks.runs import Run
from tasks.stage import dispensable, retrying, stage


@dispensable
@stage(retries=0)  # the commit has its own retry
def note_signals(run: Run, card: Card, look: Look | None, lease: Lease) -> None:
    """Append what the look said of each picture to the table of signals."""
    if look is None or not look.sha256s:
        return
    rows = rows_of(look.sha256s, card.version, _strangeness(run, card, look), _opinion(look), run.id)
    signals, ticket = Signals(run.storage), lease.ticket()
    retrying(retries=2)(signals.append, rows, ticket=ticket)  # the same ticket again commits nothing
    signals.tidy(lease.ticket())


def _strangeness(run: Run, card: Card, look: Look) -> NDArray[np.float32]:
    """How strange each picture is; nan where the model has no usable reference, which the part on drift says."""
    try:
        known = reference.load(run.storage, card.version)
    except ModelError:
        known = None
    unknown = np.full(len(look.sha256s), np.nan, np.float32)
    return unknown if known is None else strangeness(known, look.embeddings)


def _opinion(look: Look) -> Opinion | None:
    if look.challenger is None or look.challenger_labels is None or look.challenger_confidences is None:
        return None
    return Opinion(look.challenger, look.challenger_labels, look.challenger_confidences)
