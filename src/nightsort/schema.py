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
    "bad_archive": "the archive, a member or the rest of it is damaged",
    "unsafe_member": "the archive member is a link, a device or encrypted",
    "no_label": "the picture lies in no class folder",
    "label_conflict": "the same bytes came with another label",
    "kills_decoder": "the process that decoded this picture died, twice",
}
"""Every reason a picture can be quarantined for, and what it means."""

OTHER_REASONS = {
    "known": "this very file already has an outcome",
    "ignored_name": "the name is that of no picture: hidden, or of the operating system",
    "not_a_file": "a link to a folder or to nothing, a pipe or a device",
    "no_members": "an archive with nothing in it",
    "same_bytes": "another file with the same bytes has an outcome",
    "still_written": "the file is still growing, or its name says that it is unfinished",
    "changed": "the file changed between being listed and being read",
}
"""Every reason a picture can be skipped, a duplicate or deferred for, and what it means."""

SPLITS = ("train", "validation", "test")

_TIME = pa.timestamp("us", tz="UTC")

LISTING = pa.schema(
    [
        ("path", pa.string()),  # absolute path or URI of the file
        ("member", pa.string()),  # name inside the archive; "" for a plain file
        ("size", pa.int64()),  # bytes, as declared
        ("modified", pa.float64()),  # seconds since 1970; of the archive for a member
        ("label", pa.string()),  # class folder; null where there is none
        ("outcome", pa.string()),  # null, or already decided: deferred, skipped, quarantined
        ("reason", pa.string()),  # why, if already decided
        ("detail", pa.string()),
    ]
)
"""One row a discovered file or archive member, before it is read."""

FINGERPRINTS = pa.schema([*LISTING, pa.field("sha256", pa.string())])
"""A listing whose bytes were hashed: hex SHA-256, null where unread."""

IMAGES = pa.schema(
    [
        ("sha256", pa.string()),  # of the original bytes: the picture's identity
        ("image", pa.large_binary()),  # encoded; shorter side at most the dataset's store_side
        ("label", pa.string()),
        ("split", pa.string()),  # one of SPLITS
        ("group", pa.string()),  # the split is a hash of this
        ("path", pa.string()),
        ("member", pa.string()),
        ("width", pa.int32()),  # of the original, upright
        ("height", pa.int32()),
        ("run_id", pa.string()),
        ("ingested_at", _TIME),
    ]
)
"""Labelled pictures: the dataset."""

PREDICTIONS = pa.schema(
    [
        ("sha256", pa.string()),
        ("model_version", pa.int32()),
        ("preprocessing", pa.string()),
        ("path", pa.string()),
        ("member", pa.string()),
        ("label", pa.string()),
        ("confidence", pa.float32()),  # calibrated probability of the label
        ("runner_up", pa.string()),  # second most probable class
        ("margin", pa.float32()),  # confidence minus the runner-up's
        ("abstained", pa.bool_()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("run_id", pa.string()),
        ("classified_at", _TIME),
        ("run_date", pa.string()),  # partition, YYYY-MM-DD, UTC
    ]
)
"""Predictions, which are the ledger: (sha256, model_version, preprocessing) occurs once."""

QUARANTINE = pa.schema(
    [
        ("sha256", pa.string()),  # null where the bytes could not be read
        ("path", pa.string()),
        ("member", pa.string()),
        ("size", pa.int64()),
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
