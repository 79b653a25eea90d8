"""Owns the first pipelines.yaml of a project: what was asked for, as a commented file.

Invariant: a file that is written loads without a fault; its comments are the settings' own descriptions. Does not know
who answered, nor what lies in the folders.
"""

import math
import tempfile
from dataclasses import asdict, dataclass
from datetime import time
from pathlib import Path
from textwrap import wrap
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from nightsort import disk, knobs
from nightsort.config.training import TrainParams
from nightsort.errors import ConfigError, WriteError
from nightsort.pipelines import Declaration, load

_WIDTH = 120
_TEMPLATE = "pipelines.yaml.j2"


@dataclass(frozen=True)
class Answers:
    """What somebody said, or left as it is; places are those of the file, so relative ones begin at its folder."""

    labelled: str = "pictures/labelled"
    manifest: str | None = None  # None: the class is the folder
    folder_splits: bool | None = None
    incoming: str = "pictures/incoming"
    storage: str = "nightsort-data"
    at: time = time(2)
    timezone: str = "UTC"
    target_precision: float | None = None
    image_size: int = TrainParams.model_fields["image_size"].default
    retrain: bool = True
    rare: bool = False


def target(folder: Path, force: bool) -> Path:
    """The file to write.

    :raises ConfigError: if it is there, and not to be replaced
    """
    file = folder / "pipelines.yaml"
    if file.exists() and not force:
        raise ConfigError(f"{file}: is there already; --force replaces it, 'nightsort check' checks it")
    return file


def write(file: Path, answers: Answers, force: bool) -> Declaration:
    """Write the file, and the folder for new pictures if it lies beside it.

    :returns: what it declares
    :raises ConfigError: if an answer cannot be, or the file has come to be there
    :raises WriteError: if it cannot be written
    """
    text = rendered(answers)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            trial = Path(scratch) / file.name
            trial.write_text(text, encoding="utf-8")
            load(trial)
        _apart(answers, file.parent)
        disk.write(file, text.encode(), durable=False, exclusive=not force)
        _make(answers.incoming, file.parent)
    except FileExistsError:
        raise ConfigError(f"{file}: is there already; --force replaces it") from None
    except OSError as error:
        raise WriteError(f"{file}: could not be written ({error.strerror})") from None
    return load(file)


def _apart(answers: Answers, folder: Path) -> None:
    """New pictures below the labelled ones would be learned, by the name of their folder.

    :raises ConfigError: if they are
    """
    labelled, incoming = (Path(disk.absolute(place, folder)) for place in (answers.labelled, answers.incoming))
    if not answers.manifest and not disk.is_uri(answers.labelled) and incoming.is_relative_to(labelled):
        raise ConfigError(
            f"--incoming {answers.incoming}: lies in the labelled pictures, {answers.labelled}, and would be learned "
            "as a class of them; choose a folder beside them"
        )


def rendered(answers: Answers) -> str:
    """The text of the file."""
    folder = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(loader=folder, undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters["yaml"] = _yaml
    at = answers.at
    return environment.get_template(_TEMPLATE).render(
        asdict(answers),
        setting=_setting,
        night=f"{at.minute} {at.hour} * * *",
        week=f"{at.minute} {(at.hour + 2) % 24} * * 0",  # when the night's pictures are done
        recipe=_recipe(answers),
        strategies=knobs.find("compare.strategies")[0].default,
    )


def _recipe(answers: Answers) -> dict[str, Any]:
    """How a model is trained and judged, the same in each pipeline that trains; None is left as it is."""
    return {
        "image_size": answers.image_size,
        "balance": knobs.find("train.balance")[0].default,
        "flip": None,
        "epochs": None,
        "weights": None,
        "target_precision": answers.target_precision,
        "max_class_loss": None,
    }


def _setting(word: str, value: Any, indent: int = 0) -> str:
    """A setting under its description; as a comment with its default, if it is left as it is."""
    knob = knobs.find(word)[0]
    margin = " " * indent
    about = [f"{margin}# {line}" for line in wrap(knob.description, _WIDTH - indent - 2, break_on_hyphens=False)]
    line = f"{knob.name}: {_yaml(knob.default if value is None else value)}"
    return "\n".join([*about, f"{margin}{'#' if value is None else ''}{line}"])


def _yaml(value: Any) -> str:
    """A value on one line, quoted where it must be."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=math.inf)
    return text.removesuffix("\n").removesuffix("\n...")


def _make(incoming: str, folder: Path) -> None:
    """The folder for new pictures, so that the first night finds it empty rather than missing."""
    place = Path(disk.absolute(incoming, folder))
    if not disk.is_uri(incoming) and place.is_relative_to(folder.resolve()) and not place.exists():
        place.mkdir(parents=True)
