"""The flow `retrain`: new labels in, a challenger against the champion out."""

from flows.launch import subflow
from nightsort.config.intake import ClassifyParams, IngestParams
from nightsort.config.run import RunParams
from nightsort.config.training import RetrainParams, TrainParams
from nightsort.reports.data import Report
from tasks.context import log
from tasks.retrain import weigh_need
from tasks.runs import Run


def retrain(params: RetrainParams) -> Report:
    """Run `ingest`, if there is a source; ask whether it is due, with `if_needed`; `train`; `classify`, if wanted."""
    common = params.model_dump(include=set(RunParams.model_fields))
    if params.source:
        taken = IngestParams(source=params.source, manifest=params.manifest, rules=params.rules, **common)
        report = subflow("ingest", taken)
        if report.state == "skipped":
            return report
    said = []
    if params.if_needed:
        run = Run("retrain", params)
        need = weigh_need(run, params)  # after the ingest, since it counts labels
        if not need.due:
            return run.skipped(f"not needed: {need.reason}")
        said.append(f"needed: {need.reason}")
        log(*said)
    report = subflow("train", TrainParams(**params.model_dump(include=set(TrainParams.model_fields))))
    if params.rescore and report.training and report.training.decision.promoted:
        rescored = subflow("classify", ClassifyParams(source=params.rescore, rescore=True, **common))
        said.append(f"classified {params.rescore} again: {rescored.message or f'run {rescored.run_id}'}")
    return report.model_copy(update={"message": "; ".join(filter(None, [report.message, *said]))})
