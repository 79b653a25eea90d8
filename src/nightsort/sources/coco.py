"""Owns COCO-style labels of whole images, camera traps' among them, as the columns of a manifest.

Invariant: the file is parsed into Arrow, never into Python objects. An image with several annotations of
one category is one row; with several categories it is several, which is a conflict of labels.
The formats: Lin et al., "Microsoft COCO", 2014; Beery et al., "Recognition in terra incognita", 2018
(COCO Camera Traps, whose `location` becomes the group). Does not look at boxes or masks.
"""

from itertools import product

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json

from nightsort.errors import SourceError

_KINDS = (pa.int64(), pa.string())  # what an id may be


def read_coco(file: pa.NativeFile, name: str) -> pa.Table:
    """Labels of images.

    :param name: of the file, for messages
    :returns: columns path, label (null where an image has no annotation) and group (null without location)
    :raises SourceError: if it is no such file, or annotations name images or categories that are not there
    """
    data = _parsed(file, name)
    images, annotations, categories = (_table(data[part]) for part in ("images", "annotations", "categories"))
    if not images.num_rows:
        raise SourceError(
            f"manifest {name}: 'images' is empty or missing; expected COCO's images, annotations, categories"
        )
    faults = [
        *_unknown(annotations["image_id"], images["id"], name, "image_id"),
        *_unknown(annotations["category_id"], categories["id"], name, "category_id"),
    ]
    if faults:
        raise SourceError("\n".join(faults))
    labels = annotations.join(categories, "category_id", "id").select(["image_id", "name"])
    rows = images.append_column("row", pa.array(range(images.num_rows))).join(labels, "id", "image_id")
    rows = rows.group_by(["row", "file_name", "location", "name"]).aggregate([]).sort_by("row")
    group = pc.cast(rows["location"], pa.string())
    return pa.table({"path": rows["file_name"], "label": rows["name"], "group": group})


def _parsed(file: pa.NativeFile, name: str) -> pa.RecordBatch:
    """The one object of the file; ids and locations may be numbers or words."""
    buffer = file.read_buffer()
    if buffer.size > 2**31 - 2:
        raise SourceError(f"manifest {name}: has {buffer.size} bytes; COCO is read up to 2 GB, take Parquet")
    complaint = ""
    for kinds in product(_KINDS, repeat=3):  # a wrong kind fails at its first value
        try:
            options = json.ParseOptions(_schema(*kinds), newlines_in_values=True, unexpected_field_behavior="ignore")
            whole = json.ReadOptions(use_threads=False, block_size=max(buffer.size + 1, 64))
            table = json.read_json(pa.BufferReader(buffer), read_options=whole, parse_options=options)
        except pa.ArrowException as error:
            complaint = complaint if "changed from" in str(error) else str(error)
            continue
        if table.num_rows == 1:
            return table.combine_chunks().to_batches()[0]
        complaint = f"{table.num_rows} objects, of 1 allowed; JSON Lines are named .jsonl"
    why = complaint or "ids must be whole numbers or words, file names words"
    raise SourceError(f"manifest {name}: is not COCO ({why})")


def _schema(image: pa.DataType, category: pa.DataType, location: pa.DataType) -> pa.Schema:
    images = pa.struct([("id", image), ("file_name", pa.string()), ("location", location)])
    annotations = pa.struct([("image_id", image), ("category_id", category)])
    categories = pa.struct([("id", category), ("name", pa.string())])
    parts = {"images": images, "annotations": annotations, "categories": categories}
    return pa.schema([(part, pa.list_(fields)) for part, fields in parts.items()])


def _table(objects: pa.Array) -> pa.Table:
    return pa.Table.from_struct_array(objects.flatten())


def _unknown(ids: pa.ChunkedArray, known: pa.ChunkedArray, name: str, column: str) -> list[str]:
    strange = pc.unique(ids.filter(pc.invert(pc.is_in(ids, known))))
    if not len(strange):
        return []
    some = ", ".join(str(value) for value in strange.slice(0, 5).to_pylist())
    more = f" ... and {len(strange) - 5} more" if len(strange) > 5 else ""
    return [f"manifest {name}: annotations: {column} {some}{more}: there is no such id"]
