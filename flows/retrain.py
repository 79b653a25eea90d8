"""The flow `retrain`: new labels in, a challenger against the champion out."""

from prefect import flow

from flows.ingest import ingest
from flows.launch import subflow
from flows.train import train
from nightsort.config import IngestParams, RetrainParams, RunParams, TrainParams
from nightsort.reports.data import Report


@flow(name="retrain", description="Ingest new labels if a source is given, then train and let the gate decide.")
def retrain(params: RetrainParams) -> Report:
    """Run `ingest`, if there is a source, then `train` on the newest dataset version."""
    if params.source:
        common = params.model_dump(include=set(RunParams.model_fields))
        report = subflow(ingest, IngestParams(source=params.source, manifest=params.manifest, **common))
        if report.state == "skipped":
            return report
    return subflow(train, TrainParams(**params.model_dump(include=set(TrainParams.model_fields))))
