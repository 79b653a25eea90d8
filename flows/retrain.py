"""The flow `retrain`: new labels in, a challenger against the champion out."""

from flows.launch import subflow
from nightsort.config.intake import IngestParams
from nightsort.config.run import RunParams
from nightsort.config.training import RetrainParams, TrainParams
from nightsort.reports.data import Report


def retrain(params: RetrainParams) -> Report:
    """Run `ingest`, if there is a source, then `train` on the newest dataset version."""
    if params.source:
        common = params.model_dump(include=set(RunParams.model_fields))
        report = subflow("ingest", IngestParams(source=params.source, manifest=params.manifest, **common))
        if report.state == "skipped":
            return report
    return subflow("train", TrainParams(**params.model_dump(include=set(TrainParams.model_fields))))
