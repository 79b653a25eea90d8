"""Owns the stages that move the champion apart from a training: judged anew, by force, or back.

Invariant: past the gate only with a name and a reason, both kept; a model that is not whole never becomes champion.
Does not know how a model is judged.
"""

import getpass
import os

from nightsort.config.gate import PromoteParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import ConfigError, ModelError
from nightsort.evaluation import decisions
from nightsort.evaluation.rival import answers
from nightsort.evaluation.scores import Check
from nightsort.learning.card import Card, check_weights, load_card
from nightsort.learning.registry import How, Registry
from nightsort.leases.lease import Lease
from nightsort.reports.promoted import PromotionPart
from tasks.judging import NEW_LABELS, Challenger, settle
from tasks.mirror import mirror_champion
from tasks.modelcard import renew_model_card
from tasks.runs import Run
from tasks.stage import stage


def check_asked(params: PromoteParams) -> None:
    """Raise :class:`ConfigError` unless it is clear what is to be done, and why where the gate is not asked."""
    if params.force and params.rollback:
        raise ConfigError("promote: force and rollback exclude each other; rollback needs no force")
    if params.rollback and params.model is not None:
        raise ConfigError(
            f"promote: rollback goes to the champion before, not to model {params.model}; leave one out, or use force"
        )
    if (params.force or params.rollback) and not params.why.strip():
        raise ConfigError(f"promote: why: is required with {'force' if params.force else 'rollback'}; it is kept")


@stage(retries=0)
def judge_again(run: Run, params: PromoteParams, lease: Lease) -> PromotionPart:
    """A published model against the champion, on the newest dataset version."""
    card = asked_for(run, params)
    dataset = Dataset(run.storage)
    newest = dataset.resolve(None)
    classes = [label for label, splits in dataset.counts(newest).items() if splits["train"]]
    before = Registry(run.storage).champion()
    challenger = Challenger(card, answers(run.storage, card.version, newest, classes), newest, classes)
    decision = settle(run, params, challenger, lease, _held_against(run, card), _who(params))
    return PromotionPart(
        model_version=card.version,
        before=before,
        after=card.version if decision.promoted else Registry(run.storage).champion(),
        how="judged",
        who=_who(params),
        why=params.why,
        decision=decision,
    )


@stage(retries=0)
def force(run: Run, params: PromoteParams, lease: Lease) -> PromotionPart:
    """Make a published model champion without a judgement."""
    return _moved(run, params, lease, asked_for(run, params), "forced")


@stage(retries=0)
def roll_back(run: Run, params: PromoteParams, lease: Lease) -> PromotionPart:
    """Make the champion before this one champion again."""
    return _moved(run, params, lease, predecessor(run), "rolled back")


@stage(retries=0)
def tell_of_champion(run: Run, part: PromotionPart) -> PromotionPart:
    """Renew what else says who is champion: the cards of both models, and MLflow."""
    if part.after is None or part.after == part.before:
        return part
    for version in filter(None, (part.before, part.after)):
        renew_model_card(run, version)
    return part.model_copy(update={"notes": [*part.notes, *mirror_champion(run, part.after)]})


def _moved(run: Run, params: PromoteParams, lease: Lease, card: Card, how: How) -> PromotionPart:
    check_weights(run.storage, card)
    registry = Registry(run.storage)
    alias = registry.alias()
    lease.check()
    move = registry.promote(card.version, alias, how, _who(params), params.why, run.id)
    return PromotionPart(
        model_version=card.version, before=move.before, after=card.version, how=how, who=move.who, why=move.why
    )


def asked_for(run: Run, params: PromoteParams) -> Card:
    """The card of the named model, or of the newest.

    :raises ModelError: there is none, or it is champion already and is to be forced
    """
    registry = Registry(run.storage)
    versions = registry.versions()
    if not versions:
        raise ModelError(f"no model in {run.storage.root} yet; run 'nightsort train' first")
    card = load_card(run.storage, registry.require(params.model or versions[-1]))
    if params.force and registry.champion() == card.version:
        raise ModelError(f"model {card.version}: is the champion already")
    return card


def predecessor(run: Run) -> Card:
    """The card of the champion before this one; :class:`ModelError` if there is none."""
    registry = Registry(run.storage)
    champion, before = registry.require_champion(), registry.predecessor()
    if before is None:
        raise ModelError(f"model {champion}: there is no champion before it to go back to")
    return load_card(run.storage, before)


def _held_against(run: Run, card: Card) -> list[Check]:
    """What its training found odd about the labels it learned from, which another judgement does not mend."""
    told = [check for past in decisions.decisions(run.storage, card.version) for check in past.checks]
    return [check for check in told if check.name == NEW_LABELS][-1:]


def _who(params: PromoteParams) -> str:
    try:
        return params.who or getpass.getuser()
    except (KeyError, OSError):  # a process of no known user
        return f"user {os.getuid()}"
