"""Owns the recognition of a file of answers by what is in it, whatever it is called.

Invariant: a file that is none of the kinds is said to be none; nothing is guessed. Does not know the kinds themselves.
"""

import json

from nightsort.review.formats import fiftyone, label_studio, sheet
from nightsort.review.reply import Reply


def read(data: bytes) -> Reply:
    """The answers in a file: a list is Label Studio's, an object FiftyOne's, all else a sheet."""
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start not in (b"[", b"{"):
        return sheet.read(data)
    reply = Reply("json")
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        reply.faults.append(f"is no whole JSON file ({error})")
        return reply
    if isinstance(content, list):
        return label_studio.read(content)
    if "labels" in content:
        return fiftyone.read(content)
    reply.faults.append("is neither what Label Studio exports, a list of tasks, nor what FiftyOne does, with 'labels'")
    return reply
