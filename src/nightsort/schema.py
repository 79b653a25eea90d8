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

LISTING = pa.schema(
    [
        ("path", pa.string()),  # absolute path or URI of the file
        ("member", pa.string()),  # name inside the archive, frame of the video; "" for a plain file
        ("offset", pa.int64()),  # where the member's entry is found in the file; null for a plain file
        ("size", pa.int64()),  # bytes, as declared
        ("stamp", pa.string()),  # changes with the file: its time of change or its etag; "" if nobody knows
        ("label", pa.string()),  # class folder, or what the manifest says; null where there is none
        ("group", pa.string()),  # as the manifest declares it; null where it does not
        ("split", pa.string()),  # one of SPLITS, as declared; null where it is not
        ("weight", pa.float32()),  # how much the picture counts in training; null is 1
        ("roi", pa.string()),  # region of interest "left,top,width,height" in pixels; null is all of it
        ("outcome", pa.string()),  # null, or already decided: deferred, skipped, quarantined
        ("reason", pa.string()),  # why, if already decided
        ("detail", pa.string()),
    ]
)
"""One row a discovered file or archive member, before it is read."""

FINGERPRINTS = pa.schema([*LISTING, pa.field("last_sha256", pa.string())])
"""A listing with the hex SHA-256 that each place had when it was last looked at; null where nobody looked.

It says nothing of the bytes that lie there now, so it is never what a row is known by."""

MEASURES = pa.schema(
    [
        ("width", pa.int32()),  # of the original, upright
        ("height", pa.int32()),
        ("aspect", pa.float32()),  # width / height
        ("sharpness", pa.float32()),  # variance of the Laplacian of the grey picture
        ("brightness", pa.float32()),  # mean grey level, 0 to 255
        ("contrast", pa.float32()),  # standard deviation of the grey levels
        ("entropy", pa.float32()),  # of the grey levels, bits, 0 to 8
    ]
)
"""What is measured of every labelled picture."""

IMAGES = pa.schema(
    [
        ("sha256", pa.string()),  # of the original bytes: the picture's identity
        ("image", pa.large_binary()),  # cleaned and encoded; shorter side at most the dataset's store_side
    ]
)
"""The pixels of the dataset, one table for all versions. What no example names is not part of a version."""

EXAMPLES = pa.schema(
    [
        ("sha256", pa.string()),
        ("label", pa.string()),
        ("split", pa.string()),  # one of SPLITS, or WITHHELD
        ("group", pa.string()),  # pictures of one group are in one split
        ("weight", pa.float32()),
        ("parent", pa.string()),  # of an augmented picture: the sha256 of the one it was made of; else null
        ("operations", pa.string()),  # of an augmented picture: what was done to the parent, JSON; else null
        ("path", pa.string()),
        ("member", pa.string()),
        ("size", pa.int64()),
        ("stamp", pa.string()),
        *MEASURES,
        ("phash", pa.int64()),  # 64-bit DCT perceptual hash
        ("dhash", pa.int64()),  # 64-bit difference hash, to the right
        ("dhash_vertical", pa.int64()),  # the same downwards
        ("flags", pa.list_(pa.string())),  # the rules that asked for a look, and near-twins of another label
        ("run_id", pa.string()),
        ("ingested_at", _TIME),
    ]
)
"""Labelled pictures, without their pixels: the dataset. A version of this table is a version of the dataset."""

PREDICTIONS = pa.schema(
    [
        ("sha256", pa.string()),  # of the original bytes: the picture's identity
        ("model_version", pa.int32()),
        ("preprocessing", pa.string()),
        ("path", pa.string()),  # where it was found first under this model
        ("member", pa.string()),
        ("size", pa.int64()),
        ("stamp", pa.string()),
        ("label", pa.string()),
        ("confidence", pa.float32()),  # calibrated probability of the label
        ("runner_up", pa.string()),  # second most probable class
        ("margin", pa.float32()),  # confidence minus the runner-up's
        ("top_labels", pa.list_(pa.string())),  # the TOP most probable classes, the label first
        ("top_confidences", pa.list_(pa.float32())),
        ("abstained", pa.bool_()),
        *MEASURES,
        ("backend", pa.string()),  # what computed it, one of words.Backend
        ("run_id", pa.string()),
        ("classified_at", _TIME),
        ("run_date", pa.string()),  # partition, YYYY-MM-DD: the day its run began, UTC
    ]
)
"""Predictions, which are the ledger: (sha256, model_version, preprocessing) occurs once."""

TOP = 5
"""Most probable classes kept of a prediction, at most."""

COPIES = pa.schema([LISTING.field(name) for name in ("path", "member", "size", "stamp")]).append(
    pa.field("sha256", pa.string())
)
"""Other places, or other stamps of the same place, where the bytes of a prediction were found."""

SIGNALS = pa.schema(
    [
        ("sha256", pa.string()),
        ("model_version", pa.int32()),  # the champion that classified it
        ("strangeness", pa.float32()),  # 0 to 1: share of the reference that is nearer to the reference than this
        ("challenger_version", pa.int32()),  # null where no challenger was asked
        ("challenger_label", pa.string()),
        ("challenger_confidence", pa.float32()),
        ("run_id", pa.string()),
        ("seen_at", _TIME),
    ]
)
"""What a closer look at a sample of a night's pictures said of each; the review queue ranks by it."""

ANSWERS = pa.schema(
    [
        ("sha256", pa.string()),
        ("path", pa.string()),  # where it lay when it was classified
        ("member", pa.string()),
        ("verdict", pa.string()),  # one of words.Verdict
        ("label", pa.string()),  # null unless the verdict is label
        ("predicted", pa.string()),  # what the model had said
        ("model_version", pa.int32()),
        ("reasons", pa.list_(pa.string())),  # why it was asked about
        ("reviewer", pa.string()),
        ("note", pa.string()),
        ("tool", pa.string()),  # csv, label-studio or fiftyone
        ("file", pa.string()),  # name of the file it came in
        ("file_sha256", pa.string()),
        ("answered_at", _TIME),  # null where the tool does not say
        ("imported_at", _TIME),
    ]
)
"""What people said of pictures in review; each sha256 once, the newest answer."""

QUARANTINE = pa.schema(
    [
        ("sha256", pa.string()),  # null where the bytes could not be read
        ("path", pa.string()),
        ("member", pa.string()),
        ("size", pa.int64()),
        ("stamp", pa.string()),
        ("label", pa.string()),  # the label it came with, if any
        ("reason", pa.string()),  # one of REASONS
        ("detail", pa.string()),
        ("content", pa.large_binary()),  # the original bytes, up to a cap; null beyond
        ("flow", pa.string()),  # ingest or classify
        ("run_id", pa.string()),
        ("quarantined_at", _TIME),
    ]
)
"""Pictures set aside, with the reason and the original bytes."""


def place(path: str, member: str) -> str:
    """Where a picture lies, as one name for a person to read."""
    return f"{path}!{member}" if member else path
