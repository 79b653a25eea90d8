"""Owns the stages of an audit: embeddings, then what they and the perceptual hashes say of the dataset.

Invariant: the dataset is read and never written.
Does not know the order of the stages.
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightsort.config.curation import AuditParams
from nightsort.curation import leak
from nightsort.curation.embedding import Embedder, embed
from nightsort.curation.label_noise import FOLDS, find_suspects
from nightsort.curation.outliers import deviations
from nightsort.dataset.policy import Policy
from nightsort.dataset.twins import HASHES
from nightsort.dataset.versions import Dataset
from nightsort.reports import findings, gallery
from nightsort.reports.data import Leak, Twins
from nightsort.reports.leaks import OURS, RANDOM
from nightsort.reports.shown import MAX_THUMBNAILS, Thumbnail
from nightsort.schema import SPLITS
from tasks.progress import progress
from tasks.runs import Run
from tasks.stage import stage

_COLUMNS = ("sha256", "label", "split", "group", "path", "member", *HASHES)

Embeddings = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Subject:
    """What is audited: the original pictures of a version that are in a split, in the order of their SHA-256.

    :param examples: the columns _COLUMNS, N rows
    :param classes: names; a label is an index into them
    :param labels: class ids, int64 (N,)
    :param groups: group ids, int64 (N,)
    """

    dataset_version: int
    examples: pa.Table
    classes: list[str]
    labels: Rows
    groups: Rows


@dataclass(frozen=True)
class Findings:
    """Pictures to look at: how many, None if they were not looked for, the first of them, and all of them."""

    count: int | None
    shown: list[Thumbnail] = field(default_factory=list)
    listed: pa.Table = field(default_factory=findings.FINDINGS.empty_table)


@stage(retries=2)
def read_subject(run: Run, params: AuditParams) -> Subject:
    """The rows to audit."""
    dataset = Dataset(run.storage)
    version = dataset.resolve(params.dataset_version)
    rows = dataset.examples(_COLUMNS, pc.is_null(pc.field("parent")), version).sort_by("sha256")
    rows = rows.filter(pc.is_in(rows["split"], value_set=pa.array(SPLITS)))
    classes, labels = _ids(rows["label"])
    return Subject(version, rows, classes, labels, _ids(rows["group"])[1])


@stage(retries=2)
def embed_pictures(run: Run, subject: Subject, embedder: Embedder) -> Embeddings:
    """Embeddings of the pictures, float32 (N, D), memory-mapped, rows of unit length."""
    wanted = subject.examples["sha256"].combine_chunks()
    with progress(f"embedding by {embedder.name}", len(wanted)) as advance:
        return embed(Dataset(run.storage), wanted, embedder, run.scratch, advance)


@stage(retries=0)
def count_leaks(
    run: Run, params: AuditParams, subject: Subject, embeddings: Embeddings
) -> tuple[list[Leak], dict[str, list[Twins]], pa.Table]:
    """How many test pictures have a near-twin in train, by two criteria, under a random split and under ours.

    Also, by the way of splitting, pairs to look at that it tears apart; and all leaks of ours.
    """
    splits = np.array(subject.examples["split"].to_pylist())
    names = np.array(subject.classes)[subject.labels]
    radius = Dataset(run.storage).policy().near_duplicates
    radius = radius if radius >= 0 else Policy().near_duplicates  # an audit looks, also where an ingest does not
    counts: list[Leak] = []
    torn: dict[str, list[Twins]] = {}
    with progress("looking for leaks", None):
        vectors = leak.whiten(embeddings)
        for way, drawn in ((RANDOM, leak.random_splits(splits, params.seed)), (OURS, splits)):
            by = {
                "perceptual hash": leak.by_hash(subject.examples, drawn, radius),
                "embedding": leak.by_embedding(vectors, drawn, params.similarity),
            }
            for criterion, found in by.items():
                by_class = found.by_class(names)
                counts.append(
                    Leak(
                        splitting=way,
                        criterion=criterion,
                        test=found.test,
                        leaking=len(found.rows),
                        by_class=by_class,
                    )
                )
            pairs = pa.concat_tables(_pairs(subject, found, vectors, criterion) for criterion, found in by.items())
            torn[way] = gallery.twins(Dataset(run.storage), subject.examples, pairs)
        return counts, torn, _leaks(subject, pairs)


@stage(retries=0)
def find_outliers(run: Run, params: AuditParams, subject: Subject, embeddings: Embeddings) -> Findings:
    """Pictures far from the others of their class, the furthest first."""
    with progress("looking for outliers", None):
        distances = deviations(embeddings, subject.labels, subject.groups)
    order = np.argsort(-np.nan_to_num(distances, nan=-np.inf), kind="stable")
    found = order[: int(np.sum(distances > params.outliers))]
    listed = findings.table(subject.examples, "outlier", pa.array(found), figure=pa.array(distances[found]))
    return Findings(len(found), _thumbnails(run, subject, found, margin=distances[found]), listed)


@stage(retries=0)
def find_label_issues(run: Run, params: AuditParams, subject: Subject, embeddings: Embeddings) -> Findings:
    """Pictures whose label is probably wrong, the most suspect first.

    A champion's embeddings raise few false alarms and find fewer of the wrong labels in its training split, which
    it has learned; those of the descriptor know no labels, and are no good for pictures too hard for it.
    """
    with progress("cross-validating", FOLDS) as advance:
        suspects = find_suspects(embeddings, subject.labels, subject.groups, params.seed, advance)
    suggested = np.array(subject.classes, object)[suspects.suggested]
    shown = _thumbnails(run, subject, suspects.rows, runner_up=suggested, confidence=suspects.confidence)
    listed = findings.table(
        subject.examples,
        "label",
        pa.array(suspects.rows),
        suggestion=pa.array(suggested, pa.string()),
        figure=pa.array(suspects.confidence),
    )
    return Findings(len(suspects.rows), shown, listed)


@stage(retries=2)
def list_findings(run: Run, *tables: pa.Table) -> None:
    """Write all that was found beside the report, which shows only the first of it."""
    findings.write(run.storage, run.id, pa.concat_tables(tables))


def _pairs(subject: Subject, found: leak.Leak, vectors: Embeddings, criterion: str) -> pa.Table:
    """Leaking pictures and their twins, the nearest first."""
    names = subject.examples["sha256"].combine_chunks()
    cosine = np.sum(vectors[found.rows] * vectors[found.twins], axis=1)
    bits = found.closeness if criterion == "perceptual hash" else np.full(len(found.rows), np.nan)
    table = pa.table(
        {
            "left": names.take(pa.array(found.rows)),
            "right": names.take(pa.array(found.twins)),
            "distance": pa.array(bits, from_pandas=True).cast(pa.int64()),
            "cosine": cosine,
        }
    )
    return table.sort_by([("distance", "ascending"), ("cosine", "descending")])


def _leaks(subject: Subject, pairs: pa.Table) -> pa.Table:
    """Findings, one for each leaking picture: a hash and an embedding may tell of the same."""
    names = subject.examples["sha256"].combine_chunks()
    left = pairs["left"].combine_chunks()
    first = pc.equal(pc.index_in(left, left), pa.array(np.arange(len(left)), pa.int32()))
    pairs = pairs.filter(first)
    twin = subject.examples.take(pc.index_in(pairs["right"], names))
    more = {"figure": pairs["cosine"], "twin": twin["path"], "twin_member": twin["member"]}
    return findings.table(subject.examples, "leak", pc.index_in(pairs["left"], names), **more)


def _thumbnails(run: Run, subject: Subject, found: Rows, **columns: NDArray[np.generic]) -> list[Thumbnail]:
    """The first of the pictures that were found, with a value each of some columns of a thumbnail."""
    rows = subject.examples.select(["sha256", "path", "member", "label"]).take(pa.array(found[:MAX_THUMBNAILS]))
    for name, values in columns.items():
        rows = rows.append_column(name, pa.array(values[:MAX_THUMBNAILS]))
    return gallery.stored_thumbnails(Dataset(run.storage), rows)


def _ids(column: pa.ChunkedArray) -> tuple[list[str], Rows]:
    """The distinct values, sorted, and the position of each value among them."""
    values = pc.unique(column).sort()
    return values.to_pylist(), np.asarray(pc.index_in(column, value_set=values), np.int64)
