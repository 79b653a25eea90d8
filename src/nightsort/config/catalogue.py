"""Owns which flow takes which parameters.

Invariant: a flow that is not here does not exist. Does not know what a flow does.
"""

from nightsort.config.curation import AuditParams, AugmentParams
from nightsort.config.gate import PromoteParams
from nightsort.config.intake import ClassifyParams, IngestParams
from nightsort.config.run import RunParams
from nightsort.config.search import CompareParams, EnsembleParams, TuneParams
from nightsort.config.training import RetrainParams, TrainParams

PARAMS: dict[str, type[RunParams]] = {
    "ingest": IngestParams,
    "train": TrainParams,
    "classify": ClassifyParams,
    "retrain": RetrainParams,
    "compare": CompareParams,
    "tune": TuneParams,
    "ensemble": EnsembleParams,
    "augment": AugmentParams,
    "audit": AuditParams,
    "promote": PromoteParams,
}
"""The name of each flow, in the order in which help lists them."""
