"""The engine: answers that stay with their pictures, one model for a process, and models that do not fit."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nightsort.errors import ModelError
from nightsort.learning.bundle import load
from nightsort.learning.card import Card, load_card
from nightsort.learning.predict import probabilities
from nightsort.schema import TOP
from nightsort.scoring import engine
from nightsort.scoring.engine import Engine, resident
from nightsort.storage import Storage
from nightsort.words import Backend


class Told:
    """A session that answers what a picture's first row says: its logits."""

    batch_size = 4

    def __init__(self, classes: int, black: float = 0.0) -> None:
        self.classes, self.black = classes, black

    def logits(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The first pixels of each picture, float32 (n, classes)."""
        answers = pictures[:, 0, : self.classes, 0].astype(np.float32)
        return np.where(answers.any(1, keepdims=True), answers, self.black)


def saying(side: int, *logits: int) -> NDArray[np.uint8]:
    """A picture that :class:`Told` reads these logits from."""
    picture = np.zeros((side, side, 3), np.uint8)
    picture[0, : len(logits), 0] = logits
    return picture


@pytest.fixture(autouse=True)
def no_engine_yet() -> Iterator[None]:
    """No test meets another's engine."""
    engine._load.cache_clear()
    yield
    engine._load.cache_clear()


def test_an_answer_has_the_id_of_its_picture_and_calibrated_figures(unsigned: Card) -> None:
    side, temperature = unsigned.image_size, unsigned.temperature
    told = Engine(unsigned, Told(4))
    answers = told.classify({"x": saying(side, 1, 9, 5, 7), "y": saying(side, 3, 3, 3, 2)})
    assert [answer.id for answer in answers] == ["x", "y"]
    odds = np.exp(np.array([1, 9, 5, 7]) / temperature)
    shares = odds / odds.sum()
    first, second = answers
    assert (first.label, first.runner_up, first.abstained) == ("dog", "fox", False)
    assert [label for label, _ in first.top] == ["dog", "fox", "eel", "cat"]
    assert [share for _, share in first.top] == pytest.approx(sorted(shares, reverse=True))
    assert first.confidence == pytest.approx(shares[1]) and first.margin == pytest.approx(shares[1] - shares[3])
    assert (second.label, second.runner_up, second.margin, second.abstained) == ("cat", "dog", 0.0, True)
    assert told.classify({}) == []


def test_no_more_than_the_top_classes_are_told(unsigned: Card) -> None:
    many = unsigned.model_copy(update={"classes": [f"class {i}" for i in range(9)]})
    (answer,) = Engine(many, Told(9)).classify({"x": saying(32, *range(1, 10))})
    assert [label for label, _ in answer.top] == [f"class {8 - i}" for i in range(TOP)]
    assert answer.label == "class 8" and answer.confidence == answer.top[0][1]


def test_a_model_of_one_class_has_no_runner_up(unsigned: Card) -> None:
    only = unsigned.model_copy(update={"classes": ["only"]})
    (answer,) = Engine(only, Told(1)).classify({"x": saying(32, 7)})
    assert (answer.label, answer.confidence, answer.runner_up, answer.margin) == ("only", 1.0, "", 1.0)
    assert answer.top == (("only", 1.0),) and not answer.abstained


def test_an_answer_that_is_no_number_is_an_abstention(unsigned: Card) -> None:
    told = Engine(unsigned, Told(4))
    told._session = Told(4, black=np.nan)  # it broke after it was checked
    (answer,) = told.classify({"x": saying(32)})
    assert np.isnan(answer.confidence) and answer.abstained


def test_a_model_whose_answers_do_not_fit_its_card_is_refused(unsigned: Card) -> None:
    with pytest.raises(ModelError, match="model 1: answers 3 classes, and its card names 4"):
        Engine(unsigned, Told(3))
    with pytest.raises(ModelError, match="model 1: its answer to a black picture is not a finite number"):
        Engine(unsigned, Told(4, black=np.nan))


def test_a_model_of_another_preprocessing_is_refused(unsigned: Card) -> None:
    with pytest.raises(ModelError, match="was trained with preprocessing p00000000, this version of Nightsort does"):
        Engine(unsigned.model_copy(update={"preprocessing": "p00000000"}), Told(4))


@pytest.mark.parametrize("backend", ["torch-fp32", "openvino-fp32"])
def test_the_resident_engine_answers_as_the_network_does(
    backend: Backend, exported_root: Path, pictures: NDArray[np.uint8]
) -> None:
    bundle = load(Storage(str(exported_root)), 1)
    told = resident(str(exported_root), 1, bundle.card.weights_sha256, backend, 4, 2)
    assert (told.batch_size, told.card) == (4, bundle.card)
    answers = told.classify({str(i): picture for i, picture in enumerate(pictures)})
    expected = probabilities(bundle.network, pictures, bundle.card.temperature)
    assert [answer.id for answer in answers] == [str(i) for i in range(len(pictures))]
    assert [answer.label for answer in answers] == [bundle.card.classes[i] for i in expected.argmax(1)]
    assert [answer.confidence for answer in answers] == pytest.approx(expected.max(1), abs=1e-4)
    assert len({answer.label for answer in answers}) > 1


def test_threads_that_ask_at_once_share_one_engine(exported_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    whole = engine.open_session

    def count(*arguments: Any) -> Any:
        opened.append(arguments)
        return whole(*arguments)

    monkeypatch.setattr(engine, "open_session", count)
    sha256 = load_card(Storage(str(exported_root)), 1).weights_sha256
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(resident, str(exported_root), 1, sha256, "openvino-fp32", None, 4) for _ in range(4)]
        engines = {id(future.result()) for future in waiting}
    assert len(engines) == len(opened) == 1


def test_a_model_that_was_replaced_under_the_run_is_refused(exported_root: Path) -> None:
    with pytest.raises(ModelError, match=r"model 1: .*bundle\.json was replaced while the run was on; start it again"):
        resident(str(exported_root), 1, "0" * 64, "torch-fp32", None, 1)


@pytest.mark.parametrize("backend", ["torch-fp32", "openvino-fp32"])
def test_a_card_with_other_classes_is_refused(
    backend: Backend, published: Storage, rewritten: Callable[..., Card]
) -> None:
    card = rewritten(classes=["cat", "dog"])
    with pytest.raises(ModelError, match="model 1: ") as raised:
        resident(published.root, 1, card.weights_sha256, backend, None, 1)
    assert len(raised.value.lines) == 1


def test_openvino_answers_without_torch(exported_root: Path) -> None:
    code = (
        "import json, sys\n"
        "import numpy as np\n"
        "from nightsort.learning.card import load_card\n"
        "from nightsort.scoring.engine import resident\n"
        "from nightsort.storage import Storage\n"
        "sha256 = load_card(Storage(sys.argv[1]), 1).weights_sha256\n"
        "for backend in ('openvino-fp32', 'openvino-int8'):\n"
        "    told = resident(sys.argv[1], 1, sha256, backend, None, 2)\n"
        "    answers = told.classify({'x': np.zeros((32, 32, 3), np.uint8)})\n"
        "    assert answers[0].label in told.card.classes\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    paths = f"import sys; sys.path[:0] = {[path for path in sys.path if path]!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", paths + code, str(exported_root)], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert "openvino" in loaded and loaded & {"torch", "torchvision", "nncf", "pandas", "sklearn"} == set()
