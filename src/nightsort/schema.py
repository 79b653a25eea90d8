"""Owns what is on disk: the Arrow schemas of every table, and the words used in them.

Invariant: a column that appears in two tables has one name and one type.
Knows nothing of where the tables lie.
"""

import pyarrow as pa

REASONS = {
    "empty": "the file holds no bytes",
    "not_an_image": "the first bytes are those of no picture format",
    "unsupported_format": "a picture format that is not on the allow-list",
    "truncated": "the picture ends before its end marker",
    "corrupt": "the picture cannot be decoded",
    "too_many_pixels": "the header declares more pixels than allowed",
    "too_large": "the file holds more bytes than allowed",
    "unreadable": "the bytes could not be read",
    "bad_name": "the file's name is not valid UTF-8, so that no table can hold it; rename it",
    "bad_archive": "the archive, a member or the rest of it is damaged",
    "unsafe_member": "the archive member is a link, a device or encrypted",
    "nested_archive": "an archive inside an archive, which is not opened",
    "bomb": "it unpacks to far more than it holds, or needs more memory than a worker may use",
    "decoder_disagrees": "two decoders see different pictures in it (looked for in strict mode only)",
    "poor_quality": "a rule of quality was broken",
    "missing_file": "the manifest names this file, and it is not there",
    "no_label": "the picture has no label: it lies in no class folder, or the manifest gives none",
    "label_conflict": "the same picture came with another label",
    "straddles_splits": "a near-duplicate of pictures in two splits, so it can be in neither",
    "kills_decoder": "the process that decoded this picture died, twice",
}
"""Every reason a picture can be quarantined for, and what it means."""

OTHER_REASONS = {
    "known": "this very file already has an outcome",
    "ignored_name": "the name is that of no picture: hidden, or of the operating system",
    "not_a_file": "a link to a folder or to nothing, a pipe or a device",
    "no_members": "an archive with nothing in it",
    "not_in_manifest": "the manifest does not name this file",
    "same_bytes": "another file with the same bytes has an outcome",
    "still_written": "the file is still growing, or its name says that it is unfinished",
    "changed": "the file changed between being listed and being read",
}
"""Every reason a picture can be skipped, a duplicate or deferred for, and what it means."""

SPLITS = ("train", "validation", "test")

WITHHELD = "withheld"
"""The split of a picture that is in the dataset and, because its label is in dispute, in none of the SPLITS."""

_TIME = pa.timestamp("us", tz="UTC")
_Column = tuple[str, pa.DataType, str]  # name, type, what it means to a person who reads the table


def _schema(columns: list[_Column]) -> pa.Schema:
    return pa.schema([(name, kind) for name, kind, _ in columns])


_PLACE: list[_Column] = [
    ("path", pa.string(), "absolute path or URI of the file"),
    ("member", pa.string(), 'name inside the archive, frame of the video; "" for a plain file'),
]
_FILE: list[_Column] = [
    ("size", pa.int64(), "bytes, as declared"),
    ("stamp", pa.string(), 'changes with the file: its time of change or its etag; "" if nobody knows'),
]
_SHA256: _Column = ("sha256", pa.string(), "of the original bytes: the picture's identity")
_RUN: _Column = ("run_id", pa.string(), "the run that wrote the row")

_LISTING: list[_Column] = [
    *_PLACE,
    ("offset", pa.int64(), "where the member's entry is found in the file; null for a plain file"),
    *_FILE,
    ("label", pa.string(), "class folder, or what the manifest says; null where there is none"),
    ("group", pa.string(), "as the manifest declares it; null where it does not"),
    ("split", pa.string(), "one of SPLITS, as declared; null where it is not"),
    ("weight", pa.float32(), "how much the picture counts in training; null is 1"),
    ("roi", pa.string(), 'region of interest "left,top,width,height" in pixels; null is all of it'),
    ("outcome", pa.string(), "null, or already decided: deferred, skipped, quarantined"),
    ("reason", pa.string(), "why, if already decided"),
    ("detail", pa.string(), "what exactly, if already decided"),
]
LISTING = _schema(_LISTING)
"""One row a discovered file or archive member, before it is read."""

FINGERPRINTS = pa.schema([*LISTING, pa.field("last_sha256", pa.string())])
"""A listing with the hex SHA-256 that each place had when it was last looked at; null where nobody looked.

It says nothing of the bytes that lie there now, so it is never what a row is known by."""

_MEASURES: list[_Column] = [
    ("width", pa.int32(), "of the original, upright, pixels"),
    ("height", pa.int32(), "of the original, upright, pixels"),
    ("aspect", pa.float32(), "width / height"),
    ("sharpness", pa.float32(), "variance of the Laplacian of the grey picture"),
    ("brightness", pa.float32(), "mean grey level, 0 to 255"),
    ("contrast", pa.float32(), "standard deviation of the grey levels"),
    ("entropy", pa.float32(), "of the grey levels, bits, 0 to 8"),
]
MEASURES = _schema(_MEASURES)
"""What is measured of every labelled picture."""

_IMAGES: list[_Column] = [
    _SHA256,
    ("image", pa.large_binary(), "cleaned and encoded; shorter side at most the dataset's store_side"),
]
IMAGES = _schema(_IMAGES)
"""The pixels of the dataset, one table for all versions. What no example names is not part of a version."""

_EXAMPLES: list[_Column] = [
    _SHA256,
    ("label", pa.string(), "its class"),
    ("split", pa.string(), "train, validation or test; withheld where its label is in dispute"),
    ("group", pa.string(), "pictures of one group are in one split"),
    ("weight", pa.float32(), "how much it counts in training"),
    ("parent", pa.string(), "of an augmented picture: the sha256 of the one it was made of; else null"),
    ("operations", pa.string(), "of an augmented picture: what was done to the parent, JSON; else null"),
    *_PLACE,
    *_FILE,
    *_MEASURES,
    ("phash", pa.int64(), "64-bit DCT perceptual hash"),
    ("dhash", pa.int64(), "64-bit difference hash, to the right"),
    ("dhash_vertical", pa.int64(), "the same downwards"),
    ("flags", pa.list_(pa.string()), "the rules that asked for a look, and near-twins of another label"),
    _RUN,
    ("ingested_at", _TIME, "when it came"),
]
EXAMPLES = _schema(_EXAMPLES)
"""Labelled pictures, without their pixels: the dataset. A version of this table is a version of the dataset."""

_PREDICTIONS: list[_Column] = [
    _SHA256,
    ("model_version", pa.int32(), "the model that said it"),
    ("preprocessing", pa.string(), "version of what was done to the pixels before"),
    ("path", pa.string(), "where it was found first under this model"),
    _PLACE[1],
    *_FILE,
    ("label", pa.string(), "most probable class"),
    ("confidence", pa.float32(), "calibrated probability of the label"),
    ("runner_up", pa.string(), "second most probable class"),
    ("margin", pa.float32(), "confidence minus the runner-up's"),
    ("top_labels", pa.list_(pa.string()), "the most probable classes, five at most, the label first"),
    ("top_confidences", pa.list_(pa.float32()), "their probabilities"),
    ("abstained", pa.bool_(), "whether the model is not sure enough to be believed"),
    *_MEASURES,
    ("backend", pa.string(), "what computed it, such as openvino-int8"),
    _RUN,
    ("classified_at", _TIME, "when its chunk was computed"),
    ("run_date", pa.string(), "partition, YYYY-MM-DD: the day its run began, UTC"),
]
PREDICTIONS = _schema(_PREDICTIONS)
"""Predictions, which are the ledger: (sha256, model_version, preprocessing) occurs once."""

TOP = 5
"""Most probable classes kept of a prediction, at most."""

_COPIES: list[_Column] = [*_PLACE, *_FILE, _SHA256]
COPIES = _schema(_COPIES)
"""Other places, or other stamps of the same place, where the bytes of a prediction were found."""

_SEEN: list[_Column] = [*_COPIES, ("seen_at", _TIME, "when it was found there")]
SEEN = _schema(_SEEN)
"""Copies as the ledger keeps them."""

_SIGNALS: list[_Column] = [
    _SHA256,
    ("model_version", pa.int32(), "the champion that classified it"),
    ("strangeness", pa.float32(), "0 to 1: share of the reference that is nearer to the reference than this"),
    ("challenger_version", pa.int32(), "null where no challenger was asked"),
    ("challenger_label", pa.string(), "what the challenger says"),
    ("challenger_confidence", pa.float32(), "its calibrated probability"),
    _RUN,
    ("seen_at", _TIME, "when it was looked at"),
]
SIGNALS = _schema(_SIGNALS)
"""What a closer look at a sample of a night's pictures said of each; the review queue ranks by it."""

_ANSWERS: list[_Column] = [
    _SHA256,
    ("path", pa.string(), "where it lay when it was classified"),
    _PLACE[1],
    ("verdict", pa.string(), "label, skip or unusable"),
    ("label", pa.string(), "its class; null unless the verdict is label"),
    ("predicted", pa.string(), "what the model had said"),
    ("model_version", pa.int32(), "the model that had said it"),
    ("reasons", pa.list_(pa.string()), "why it was asked about"),
    ("reviewer", pa.string(), "who answered"),
    ("note", pa.string(), "what else they said"),
    ("tool", pa.string(), "csv, label-studio or fiftyone"),
    ("file", pa.string(), "name of the file it came in"),
    ("file_sha256", pa.string(), "of that file's bytes"),
    ("answered_at", _TIME, "null where the tool does not say"),
    ("imported_at", _TIME, "when the answer was taken in"),
]
ANSWERS = _schema(_ANSWERS)
"""What people said of pictures in review; each sha256 once, the newest answer."""

_QUARANTINE: list[_Column] = [
    ("sha256", pa.string(), "of the original bytes; null where they could not be read"),
    *_PLACE,
    *_FILE,
    ("label", pa.string(), "the label it came with, if any"),
    ("reason", pa.string(), "why it was set aside, one of the reasons of quarantine"),
    ("detail", pa.string(), "what exactly was wrong"),
    ("content", pa.large_binary(), "the original bytes, up to a cap; null beyond"),
    ("flow", pa.string(), "ingest or classify"),
    _RUN,
    ("quarantined_at", _TIME, "when it was set aside"),
]
QUARANTINE = _schema(_QUARANTINE)
"""Pictures set aside, with the reason and the original bytes."""

MEANINGS = {
    "dataset/examples": _EXAMPLES,
    "dataset/images": _IMAGES,
    "dataset/copies": [_SHA256, *_PLACE, *_FILE, ("label", pa.string(), "the label it came with")],
    "predictions": _PREDICTIONS,
    "copies": _SEEN,
    "quarantine": _QUARANTINE,
    "review/signals": _SIGNALS,
    "review/answers": _ANSWERS,
}
"""Every table by its place below the storage root: name, type and meaning of each column, in their order."""


def place(path: str, member: str) -> str:
    """Where a picture lies, as one name for a person to read."""
    return f"{path}!{member}" if member else path
