"""Owns the queue as a FiftyOneImageClassificationDataset, and such a labels.json as answers.

Invariant: what the model says and what a person says are two files, so that an answer is never taken for one that
nobody gave. Does not know whether an answer can be right. Format: "FiftyOneImageClassificationDataset" of the user
guide: classes, and for each file's stem a class id, null where there is no label.
"""

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from nightsort.review.pictures import Shown, place_beside
from nightsort.review.reply import Given, Reply

_README = """These are pictures to be answered in FiftyOne. From this folder:

    import fiftyone as fo
    kind = fo.types.FiftyOneImageClassificationDataset
    queue = fo.Dataset.from_dir(".", kind, name="review", label_field="answer")
    queue.merge_dir(".", kind, labels_path="predictions.json", label_field="prediction")
    session = fo.launch_app(queue)

The field answer is empty, and prediction holds what the model says. To agree with it on some pictures, select them in
the App and

    for sample in queue.select(session.selected):
        sample["answer"] = fo.Classification(label=sample.prediction.label)
        sample.save()

and give others their label in the same way. When you are done:

    queue.exists("answer").export("answered", kind, label_field="answer")

    nightsort review import answered/labels.json
"""


def write(shown: Iterable[Shown], classes: list[str], folder: Path) -> None:
    """Write fiftyone/: data/, labels.json to be filled, predictions.json, README.txt. No picture, no entry.

    :param classes: all labels there may be, those that are predicted among them
    :param folder: of the export, with the pictures
    """
    target = folder / "fiftyone"
    (target / "data").mkdir(parents=True)
    predictions: dict[str, dict[str, Any]] = {}
    for one in shown:
        if one.picture:
            place_beside(folder / one.picture, target / "data" / f"{one.item.sha256}.jpg")
            row = one.item.prediction
            predictions[one.item.sha256] = {
                "label": classes.index(row["label"]),
                "confidence": round(float(row["confidence"]), 4),
                "attributes": {"reasons": ", ".join(one.item.reasons)},
            }
    for name, labels in (("labels.json", dict.fromkeys(predictions)), ("predictions.json", predictions)):
        (target / name).write_text(json.dumps({"classes": classes, "labels": labels}, indent=1), encoding="utf-8")
    (target / "README.txt").write_text(_README, encoding="utf-8")


def read(content: dict[str, Any]) -> Reply:
    """The answers in a labels.json; a label that is null says nothing."""
    reply = Reply("fiftyone")
    classes, labels = content.get("classes"), content["labels"]
    if not isinstance(labels, dict) or not isinstance(classes, list | None):
        reply.faults.append("must hold 'labels', an object, and 'classes', a list, as FiftyOne exports them")
        return reply
    for number, (name, target) in enumerate(labels.items(), 1):
        target = target.get("label") if isinstance(target, dict) else target
        sha256 = PurePosixPath(str(name).replace("\\", "/")).name.partition(".")[0].lower()
        if target is None:
            reply.untouched += 1
        elif classes is None or isinstance(target, str):
            reply.answers.append(Given(f"label {number}", sha256, "label", str(target).strip()))
        elif isinstance(target, int) and 0 <= target < len(classes):
            reply.answers.append(Given(f"label {number}", sha256, "label", str(classes[target]).strip()))
        else:
            reply.faults.append(f"label {number}: {name}: {target!r} is no class id; there are {len(classes)} classes")
    return reply
