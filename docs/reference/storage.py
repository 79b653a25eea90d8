"""Owns the pages of what is kept: the tables of a storage root, and the reasons that pictures are set aside for."""

from docs.reference.markdown import code, page, plain, table
from nightsort.schema import MEANINGS, OTHER_REASONS, REASONS

_HOLDS = {
    "dataset/examples": "Labelled pictures, without their pixels. A version of this table is one of the dataset.",
    "dataset/images": "The pixels of labelled pictures, one table for all versions.",
    "dataset/copies": "Other places where the bytes of a labelled picture were found.",
    "predictions": "What was classified, once for each picture, model and preprocessing.",
    "copies": "Other places where the bytes of a classified picture were found.",
    "quarantine": "Pictures that were set aside, with the reason and the bytes. See [reasons](reasons.md).",
    "review/signals": "What a closer look at a sample of each night said; the review queue ranks by it.",
    "review/answers": "What people said of pictures in review, the newest answer.",
}

REMEDIES = {
    "empty": "send it again; a copy was cut off before its first byte",
    "not_an_image": "nothing, if it is none; else find out what writes it",
    "unsupported_format": "convert it, to PNG or JPEG for instance",
    "truncated": "send it again, whole",
    "corrupt": "send it again; look at the disk or the camera if it recurs",
    "too_many_pixels": "send a smaller one, or raise `max_pixels`",
    "too_large": "send a smaller one, or raise `max_bytes`",
    "unreadable": "mend rights or disk; the next run reads it again by itself",
    "bad_name": "rename it",
    "bad_archive": "make the archive anew; its sound members have outcomes of their own",
    "unsafe_member": "pack the file itself, not a link to it, without a password",
    "nested_archive": "unpack the inner archive beside the outer one",
    "bomb": "look at it before you trust who sent it; `worker_memory` is the limit of memory",
    "decoder_disagrees": "look at it; ask for `strict` only where you want to know",
    "poor_quality": "look at it and at the rule, named in `detail`",
    "missing_file": "send the file, or take it out of the manifest",
    "no_label": "put it into a class folder, or into the manifest",
    "label_conflict": "decide: leave it under the right label alone, then requeue",
    "straddles_splits": "nothing; or take away the near-duplicate in one of the splits",
    "kills_decoder": "keep it apart and report it; it may be made to harm",
}


def tables() -> str:
    """Every Delta table of a storage root with its columns."""
    sections = []
    for place, columns in MEANINGS.items():
        rows = [(code(name), plain(str(kind)), plain(meaning)) for name, kind, meaning in columns]
        sections += [f"## {code(place)}", _HOLDS[place], table(("column", "type", "meaning"), rows)]
    return page(
        "Tables",
        "Delta tables below the storage root, which DuckDB, Polars, Spark and pandas read without Nightsort. Times are "
        "UTC. A hash is hexadecimal, or a signed 64-bit number.",
        *sections,
    )


def reasons() -> str:
    """Why pictures are set aside, skipped, or left for another run."""
    aside = [(code(reason), plain(meaning), REMEDIES[reason]) for reason, meaning in REASONS.items()]
    others = [(code(reason), plain(meaning)) for reason, meaning in OTHER_REASONS.items()]
    return page(
        "Reasons",
        "## Quarantine",
        "`nightsort quarantine` lists what was set aside; `nightsort quarantine export --into FOLDER` writes the bytes "
        "that were kept, `nightsort quarantine requeue --reason REASON` has the next run look again.",
        table(("reason", "means", "what to do"), aside),
        "## Skipped, duplicate, deferred",
        table(("reason", "means"), others),
    )
