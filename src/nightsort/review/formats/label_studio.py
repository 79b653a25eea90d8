"""Owns the queue as tasks of Label Studio, and its JSON export as answers.

Invariant: a picture travels inside its task, as a data URI: so the file can be dropped into any Label Studio, hosted
ones included, with no storage, setting or server of ours that would hand out files. Does not know whether an answer
can be right. Format: "Label Studio Task Format" and "Import pre-annotated data" of its documentation.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from nightsort.review.formats.dates import moment
from nightsort.review.pictures import Shown, preview
from nightsort.review.reply import Given, Reply
from nightsort.schema import place

_LABEL, _IMAGE, _VERDICT = "label", "image", "verdict"
_UNUSABLE = "unusable"

_README = """These are pictures to be answered in Label Studio.

1. Create a project; under Labeling Setup choose "Custom template" and paste the content of config.xml.
2. Under Data Import upload tasks.json.

The pictures are inside tasks.json, so nothing else has to be set up: no cloud storage, no local file serving. They
have at most 512 pixels on their longer side; the larger ones lie in ../pictures.

Choose a class, or "unusable" where none fits; Skip says that you do not know. When you are done: Export, format JSON
(not JSON-MIN), and

    nightsort review import EXPORTED.json
"""


def write(shown: Iterable[Shown], classes: list[str], folder: Path) -> None:
    """Write label-studio/: tasks.json, config.xml and README.txt. What has no picture is left out.

    :param folder: of the export, with the pictures
    """
    target = folder / "label-studio"
    target.mkdir()
    with (target / "tasks.json").open("w", encoding="utf-8") as file:  # a task at a time: pictures take room
        for number, one in enumerate(one for one in shown if one.picture):
            file.write(("[\n" if not number else ",\n") + json.dumps(_task(one, folder)))
        file.write("\n]\n" if file.tell() else "[]\n")
    (target / "config.xml").write_text(_config(classes), encoding="utf-8")
    (target / "README.txt").write_text(_README, encoding="utf-8")


def _task(one: Shown, folder: Path) -> dict[str, Any]:
    row = one.item.prediction
    encoded = base64.b64encode(preview(folder / one.picture)).decode("ascii")
    chosen = {"from_name": _LABEL, "to_name": _IMAGE, "type": "choices", "value": {"choices": [row["label"]]}}
    score = round(float(row["confidence"]), 4)
    return {
        "data": {
            "image": f"data:image/jpeg;base64,{encoded}",
            "sha256": one.item.sha256,
            "path": place(row["path"], row["member"]),
            "reasons": ", ".join(one.item.reasons),
        },
        "predictions": [{"model_version": f"nightsort {row['model_version']}", "score": score, "result": [chosen]}],
    }


def _config(classes: list[str]) -> str:
    choices = "\n".join(f"    <Choice value={quoteattr(label)}/>" for label in classes)
    return f"""<View>
  <Image name="{_IMAGE}" value="$image" zoom="true"/>
  <Choices name="{_LABEL}" toName="{_IMAGE}" choice="single" showInLine="true">
{choices}
  </Choices>
  <Choices name="{_VERDICT}" toName="{_IMAGE}" choice="single">
    <Choice value="{_UNUSABLE}" hint="no label fits"/>
  </Choices>
  <TextArea name="note" toName="{_IMAGE}" placeholder="Note" maxSubmissions="1"/>
</View>
"""


def read(tasks: list[Any]) -> Reply:
    """The answers in what Label Studio exports as JSON; each annotation is one, a skipped task is `skip`."""
    reply = Reply("label-studio")
    for number, task in enumerate(tasks, 1):
        line = f"task {number}"
        try:
            if "annotations" not in task:
                raise ValueError("has no annotations; export as JSON, not as JSON-MIN or CSV")
            answers = list(_answers(line, task["data"], task["annotations"]))
        except (KeyError, TypeError, AttributeError) as error:
            reply.faults.append(f"{line}: is not as Label Studio exports it ({type(error).__name__}: {error})")
        except ValueError as error:
            reply.faults.append(f"{line}: {error}")
        else:
            reply.answers += answers
            reply.untouched += not answers
    return reply


def _answers(line: str, data: dict[str, Any], annotations: list[dict[str, Any]]) -> Iterator[Given]:
    for annotation in annotations:
        chosen: dict[str, list[str]] = {}
        for result in annotation["result"]:
            value = result["value"]
            chosen[str(result["from_name"])] = [str(word) for word in value.get("choices") or value.get("text") or []]
        labels = chosen.get(_LABEL, [])
        unusable = _UNUSABLE in chosen.get(_VERDICT, [])
        if len(labels) > 1:
            raise ValueError(f"has {len(labels)} labels, {', '.join(labels)}; choose one")
        if not (annotation.get("was_cancelled") or labels or unusable):
            continue
        verdict = "skip" if annotation.get("was_cancelled") else "unusable" if unusable else "label"
        yield Given(
            line,
            str(data["sha256"]).lower(),
            verdict,
            labels[0].strip() if labels and verdict != "skip" else "",
            _person(annotation.get("completed_by")),
            " ".join(chosen.get("note", [])),
            str(data.get("reasons", "")),
            moment(str(annotation.get("updated_at") or annotation.get("created_at") or "")),
        )


def _person(who: Any) -> str:
    """Their address where the export says it, else their number."""
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    return "" if who is None else f"user {who}" if isinstance(who, int) else str(who)
