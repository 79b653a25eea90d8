"""Owns what a flow would do, said before it does it.

Invariant: nothing is written and no lease is taken; what is said comes of the stages that the flow itself begins with.
Each function gives lines for a person and an object for a program. Does not know how they are printed.
"""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from flows.terminal import Told
from nightsort.arrow import frequencies
from nightsort.balance.plan import make_plan
from nightsort.config.curation import AugmentParams
from nightsort.config.gate import PromoteParams
from nightsort.config.intake import ClassifyParams, IngestParams, IntakeParams
from nightsort.config.run import RunParams
from nightsort.config.training import RetrainParams, TrainParams
from nightsort.dataset.policy import agree
from nightsort.dataset.versions import Dataset
from nightsort.learning.card import check_weights, load_card
from nightsort.learning.registry import Registry
from nightsort.learning.zoo import check_name
from nightsort.reports import digest
from nightsort.reports.formats import count, duration, plural
from nightsort.scoring.trials.choice import backend_for
from tasks.augment import plan_copies
from tasks.classify import how_many_new, leave_out_known
from tasks.ingest import check_labels, leave_out_unchanged
from tasks.intake import list_pictures, new_rows
from tasks.lesson import taught
from tasks.preview import Preview
from tasks.promoting import asked_for, check_asked, predecessor
from tasks.retrain import weigh_need
from tasks.runs import Run

_CLASSES = 20  # named, the rarest first


def preview(flow: str, params: RunParams) -> Told:
    """What a flow would do with these parameters.

    :param flow: one of PREVIEWS
    """
    with Preview(flow, params) as run:
        lines, data = PREVIEWS[flow](run, params)
    return [*lines, "dry run: nothing was written"], {"dry_run": True, "flow": flow, **data}


def _classify(run: Run, params: ClassifyParams) -> Told:
    card = load_card(run.storage, Registry(run.storage).require_champion())
    check_weights(run.storage, card)
    decided = leave_out_known(run, params, card, list_pictures(run, params))
    new = how_many_new(decided)
    backend = backend_for(run.storage, card, params.backend)[0]
    last = next((night for night in digest.recent(run.storage, 100, "classify") if night.rate), None)
    seconds = new / last.rate if last else None
    on = f" on {backend}" if backend else ", once it is measured what this machine computes it with"
    lines = [_found(params, decided), f"model {card.version} would classify {plural(new, 'picture')}{on}"]
    lines[1] += "; those with the bytes of a known picture turn out as duplicates" if new else ""
    if last and seconds:
        lines.append(f"about {duration(seconds)}, at the {last.rate:.0f} pictures a second of {last.run_id}")
    data = {"model": card.version, "backend": backend, "new": new, "seconds": seconds and round(seconds, 1)}
    return lines, {**_outcomes(decided), **data}


def _ingest(run: Run, params: IngestParams) -> Told:
    policy = agree(run.storage, params)
    listing = list_pictures(run, params, params.manifest, policy.folder_splits)
    check_labels(listing, params)
    decided = leave_out_unchanged(run, listing)
    new = new_rows(decided)
    classes = frequencies(new["label"].drop_null())
    version = Dataset(run.storage).version()
    before = Dataset(run.storage).counts(version) if version else {}
    lines = [_found(params, decided)]
    if unlabelled := new["label"].null_count:
        lines.append(f"{plural(unlabelled, 'picture')} without a label would be quarantined")
    lines.append(
        f"{plural(sum(classes.values()), 'picture')} of {plural(len(classes), 'class')} would be read, into "
        + (f"a version after version {version}" if version else "the first version of a dataset")
    )
    have = {label: sum(splits.values()) for label, splits in before.items()}
    rows = [(label, have.get(label, 0), have.get(label, 0) + number) for label, number in classes.items()]
    lines += _table("class", "now", "then, at most", rows)
    return lines, {**_outcomes(decided), "dataset_version": version, "classes": classes, "unlabelled": unlabelled}


def _train(run: Run, params: TrainParams) -> Told:
    version, classes, counts, _ = taught(run, params)
    check_name(params.model)
    dataset = Dataset(run.storage)
    planned = make_plan(params.balance, dataset.labelled(version, "train", classes)[1], classes)
    pairs = list(zip(classes, planned.before.tolist(), planned.after.tolist(), strict=True))
    splits = {split: sum(counts[label][split] for label in classes) for split in ("train", "validation", "test")}
    lines = [
        f"{params.model} would learn {len(classes)} classes from dataset version {version}: "
        + ", ".join(f"{count(number)} {split}" for split, number in splits.items()),
        f"{params.image_size} pixels, {plural(params.epochs, 'epoch')} at most, weights {params.weights or 'random'}",
        *_table("class", "train", params.balance, pairs),
        *planned.notes,
    ]
    if last := next((it for it in digest.recent(run.storage, 20, "train") if it.state == "completed"), None):
        lines.append(f"the last training took {duration((last.finished - last.started).total_seconds())}")
    rows = {label: {**counts[label], params.balance: after} for label, _, after in pairs}
    return lines, {"dataset_version": version, "model": params.model, "balance": params.balance, "classes": rows}


def _retrain(run: Run, params: RetrainParams) -> Told:
    lines: list[str] = []
    data: dict[str, Any] = {}
    if params.source:
        common = params.model_dump(include=set(RunParams.model_fields))
        taken = IngestParams(source=params.source, manifest=params.manifest, **common)
        lines, data["ingest"] = _ingest(run, taken)
    if params.if_needed:
        need = weigh_need(run, params)
        lines.append(f"{'needed' if need.due else 'not needed'}{' as yet' * bool(params.source)}: {need.reason}")
        data["needed"] = need.due
    if Dataset(run.storage).version() or not params.source:
        told = _train(run, TrainParams(**params.model_dump(include=set(TrainParams.model_fields))))
        lines, data["train"] = [*lines, *told[0]], told[1]
    if params.rescore:
        lines.append(f"{params.rescore} would be classified again by a new champion")
    return lines, data


def _augment(run: Run, params: AugmentParams) -> Told:
    dataset = Dataset(run.storage)
    version = dataset.resolve(None)
    planned = plan_copies(run, params, version)
    copies = frequencies(planned["label"])
    now = {label: splits["train"] for label, splits in dataset.counts(version).items()}
    lines = [
        f"{plural(planned.num_rows, 'varied picture')} of {plural(len(copies), 'class')} would be added to dataset "
        f"version {version}",
        *_table("class", "train", "then", [(label, now[label], now[label] + more) for label, more in copies.items()]),
    ]
    return lines, {"dataset_version": version, "copies": copies}


def _promote(run: Run, params: PromoteParams) -> Told:
    check_asked(params)
    champion = Registry(run.storage).champion()
    card = predecessor(run) if params.rollback else asked_for(run, params)
    check_weights(run.storage, card)
    data = {"model": card.version, "champion": champion}
    if params.rollback or params.force:
        how = "back to being" if params.rollback else "past the gate, made"
        return [f"model {card.version} would be {how} champion, in place of model {champion}"], data
    version = Dataset(run.storage).resolve(None)
    against = f"against champion {champion}" if champion else "as the first champion"
    return [f"model {card.version} would be judged {against}, on the test pictures of dataset version {version}"], data


def _found(params: IntakeParams, decided: pa.Table) -> str:
    reasons = [f"{count(number)} {reason}" for reason, number in _outcomes(decided)["reasons"].items()]
    told = ", ".join([f"{count(how_many_new(decided))} to be read", *reasons])
    return f"{params.source}: {count(decided.num_rows)} discovered: {told}"


def _outcomes(decided: pa.Table) -> dict[str, Any]:
    """What can be said without reading, by the reasons of the schema."""
    return {"discovered": decided.num_rows, "reasons": frequencies(decided["reason"].drop_null())}


def _table(first: str, second: str, third: str, rows: list[tuple[str, int, int]]) -> list[str]:
    """Classes with two numbers each, the rarest first."""
    shown = sorted(rows, key=lambda row: (row[2], row[0]))[:_CLASSES]
    width = max(len(first), *(len(row[0]) for row in shown)) if shown else 0
    last = max(9, len(third))
    lines = [f"  {name:{width}} {before:>9} {after:>{last}}" for name, before, after in shown]
    more = [f"  ... and {len(rows) - len(shown)} more classes"] if len(rows) > len(shown) else []
    return [f"  {first:{width}} {second:>9} {third:>{last}}", *lines, *more] if rows else []


PREVIEWS: dict[str, Callable[[Run, Any], Told]] = {
    "ingest": _ingest,
    "train": _train,
    "classify": _classify,
    "retrain": _retrain,
    "augment": _augment,
    "promote": _promote,
}
"""Of the flows that can say beforehand what they are going to do."""
