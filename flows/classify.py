"""The flow `classify`: new pictures in, one outcome for each out. A nightly drop and an archive alike."""

from prefect import flow

from nightsort.config import ClassifyParams
from nightsort.errors import BusyError
from nightsort.learning.card import load_card
from nightsort.learning.registry import Registry
from nightsort.reports.data import Report
from nightsort.scoring.ledger import Ledger
from tasks.classify import classify_pictures, decide_what_is_new, describe_predictions, fingerprint_pictures
from tasks.compute import Workers
from tasks.intake import list_pictures, open_account
from tasks.runs import Run


@flow(name="classify", description="Classify every new picture of a folder or an archive, exactly once.")
def classify(params: ClassifyParams) -> Report:
    """List, fingerprint, leave out what has an outcome, classify the rest chunk by chunk."""
    run = Run("classify", params)
    card = load_card(run.storage, Registry(run.storage).require_champion())
    listing = list_pictures(run, params)
    try:
        with run.lease("predictions"), Workers(params) as workers:
            fingerprints = fingerprint_pictures(run, params, listing, workers)
            known = Ledger(run.storage).known(card.version if params.rescore else None)
            decided = decide_what_is_new(run, fingerprints, known)
            account = open_account(run, params, decided)
            classify_pictures(run, params, decided, card, account, workers)
            account.check()
            run.parts["classify"] = describe_predictions(run, params, card)
    except BusyError as error:
        return run.skipped(str(error))
    return run.finished()
