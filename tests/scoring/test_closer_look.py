"""A closer look: what the model sees of the very pictures that were classified, and what a challenger says of them."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest
import torch

from nightsort.drift.look import Look
from nightsort.learning import bundle, predict
from nightsort.learning.card import load_card
from nightsort.scoring.calibrated import probabilities
from nightsort.scoring.closer_look import COLUMNS, look
from nightsort.sources.files import Access
from nightsort.storage import Storage


@pytest.fixture
def drop(tmp_path: Path, pictures: np.ndarray) -> pa.Table:
    """Six classified pictures on disk, COLUMNS."""
    rows = []
    for number, pixels in enumerate(pictures[:6]):
        file = tmp_path / f"{number}.png"
        file.write_bytes(bytes(cv2.imencode(".png", pixels[..., ::-1])[1]))
        rows.append(
            {
                "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
                "path": str(file),
                "member": "",
                "size": file.stat().st_size,
                "label": "dog",
            }
        )
    return pa.Table.from_pylist(rows, schema=pa.schema(COLUMNS))


def looked(storage: Storage, sample: pa.Table, shown: pa.Table, tmp_path: Path, **changes: Any) -> Look:
    """A look at these pictures; a map is kept as its shape and strongest colour."""

    def draw(pixels: np.ndarray) -> str:
        return f"{pixels.shape} {pixels.dtype}"

    asked = {"challenger": None, "max_pixels": 10_000} | changes
    access = Access(scratch=str(tmp_path / "scratch"), max_bytes=100_000)
    return look(storage.root, 1, sample=sample, shown=shown, access=access, draw=draw, **asked)


def test_embeddings_are_what_the_head_sees(
    published: Storage, pictures: np.ndarray, drop: pa.Table, tmp_path: Path
) -> None:
    seen = looked(published, drop, drop.slice(0, 0), tmp_path)
    expected = predict.embeddings(bundle.load(published, 1).network, pictures[:6]).numpy()
    assert seen.sha256s == drop["sha256"].to_pylist()
    assert seen.embeddings == pytest.approx(expected, abs=1e-4)
    assert (seen.activations, seen.challenger, seen.challenger_labels, seen.notes) == ({}, None, None, [])


def test_what_is_shown_is_explained_and_only_the_sample_is_counted(
    published: Storage, drop: pa.Table, tmp_path: Path
) -> None:
    seen = looked(published, drop.slice(0, 3), drop.slice(2, 2), tmp_path)
    names = drop["sha256"].to_pylist()
    assert seen.sha256s == names[:3] and len(seen.embeddings) == 3
    assert seen.activations == dict.fromkeys(names[2:4], "(112, 112, 3) uint8")


def test_what_is_not_there_any_more_is_counted_and_left_out(published: Storage, drop: pa.Table, tmp_path: Path) -> None:
    paths = [Path(path) for path in drop["path"].to_pylist()]
    paths[0].unlink()
    paths[1].write_bytes(paths[2].read_bytes())
    paths[3].write_bytes(b"no picture")
    seen = looked(published, drop, drop.slice(0, 4), tmp_path)
    assert seen.sha256s == [drop["sha256"][row].as_py() for row in (2, 4, 5)]
    assert list(seen.activations) == [drop["sha256"][2].as_py()]
    assert sorted(seen.notes) == ["1 not looked at: unreadable", "2 not looked at: changed since it was classified"]


def test_a_look_at_nothing_that_can_be_read(published: Storage, drop: pa.Table, tmp_path: Path) -> None:
    for path in drop["path"].to_pylist():
        Path(path).unlink()
    seen = looked(published, drop, drop, tmp_path)
    assert (seen.sha256s, len(seen.embeddings), seen.activations) == ([], 0, {})
    assert seen.notes[-1] == "6 not looked at: unreadable"


def test_a_challenger_answers_with_its_own_classes(
    published: Storage, pictures: np.ndarray, drop: pa.Table, tmp_path: Path
) -> None:
    champion = bundle.load(published, 1)
    torch.manual_seed(3)
    with torch.no_grad():
        champion.network.head.weight.copy_(torch.randn_like(champion.network.head.weight))
    classes = ["ant", "bee", "cat", "dog"]
    card = load_card(published, 1).model_copy(update={"version": 2, "classes": classes, "weights_sha256": ""})
    bundle.save(published, card, champion.network)
    seen = looked(published, drop, drop.slice(0, 0), tmp_path, challenger=2)
    logits = predict.logits(bundle.load(published, 2).network, pictures[:6]).numpy()
    answers = probabilities(logits, card.temperature)
    assert seen.challenger == 2
    assert seen.challenger_labels == [classes[best] for best in answers.argmax(1)]
    assert seen.challenger_confidences == pytest.approx(answers.max(1).tolist(), abs=1e-4)


def test_a_challenger_that_cannot_be_loaded_is_a_note(published: Storage, drop: pa.Table, tmp_path: Path) -> None:
    seen = looked(published, drop, drop.slice(0, 0), tmp_path, challenger=9)
    assert len(seen.sha256s) == 6
    assert replace(seen, notes=[]).challenger is None
    assert seen.notes[0].startswith("the challenger was not asked: model 9: ")
