"""The flow `classify`: new pictures in, one outcome for each out. A nightly drop and an archive alike."""

from nightsort.config.intake import ClassifyParams
from nightsort.errors import BusyError
from nightsort.learning.card import check_weights, load_card
from nightsort.learning.registry import Registry
from nightsort.quarantine import Quarantine
from nightsort.reports.data import Report
from nightsort.review.signals import Signals
from nightsort.scoring.ledger import Ledger
from tasks.classify import (
    choose_backend,
    classify_pictures,
    describe_predictions,
    leave_out_known,
    tidy_predictions,
)
from tasks.closer_look import look_closer
from tasks.compute import Workers
from tasks.drift import find_drift
from tasks.intake import list_pictures, open_account
from tasks.night import choose_shown, describe_night
from tasks.review import note_signals
from tasks.runs import Run


def classify(params: ClassifyParams) -> Report:
    """List, leave out what has an outcome, classify the rest chunk by chunk, then look at what came."""
    run = Run("classify", params)
    card = load_card(run.storage, Registry(run.storage).require_champion())
    check_weights(run.storage, card)
    listing = list_pictures(run, params)
    try:
        with run.lease("predictions") as lease, Workers(params, threaded=True) as workers:
            lease.fence(Ledger(run.storage), Quarantine(run.storage), Signals(run.storage))
            decided = leave_out_known(run, params, card, listing)
            del listing  # else its pages stay in memory
            account = open_account(run, params, decided)
            serving = choose_backend(run, params, card, decided)
            predicted = classify_pictures(run, params, decided, card, serving, account, lease, workers)
            account.check()
            look = look_closer(run, params, card, predicted, choose_shown(predicted, card))
            run.parts["drift"] = find_drift(run, params, card, predicted, look)
            note_signals(run, card, look, lease)
            tidy_predictions(run, lease)
            part = run.parts["classify"] = describe_predictions(run, params, card, predicted, serving, workers)
            run.parts["night"] = describe_night(run, params, card, predicted, part, look, account)
    except BusyError as error:
        return run.skipped(str(error))
    return run.finished()
