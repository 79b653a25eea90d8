"""Backends measured by a real training, shown to a person, and measured again where the machine is another."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from flows.ingest import ingest
from flows.train import train
from nightsort.config.intake import IngestParams
from nightsort.config.training import TrainParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import ModelError
from nightsort.learning.card import Card, load_card
from nightsort.learning.feeds import loading
from nightsort.reports.data import Report
from nightsort.scoring.backends import opening
from nightsort.scoring.trials import choice, publication, sample, trial
from nightsort.scoring.trials.choice import backend_for
from nightsort.scoring.trials.machine import Machine, this_machine
from nightsort.scoring.trials.publication import measure_again
from nightsort.storage import Storage

WANTED = ["openvino-fp32", "openvino-int8"]


@pytest.fixture(autouse=True)
def torch_threads() -> Iterator[None]:
    """A session of torch on the CPU sets the threads of the process to one."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def learned(trained: Any, quick: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """A root whose second model was measured with two of OpenVINO's backends, and the report of its training."""
    root = Path(shutil.copytree(trained.root, tmp_path_factory.mktemp("measured") / "root"))
    return root, train(TrainParams(storage=str(root), workers=1, **(quick | {"epochs": 2, "backends": WANTED})))


@pytest.fixture
def measured(learned: tuple[Path, Report], tmp_path: Path) -> Storage:
    """A copy of that root."""
    return Storage(str(shutil.copytree(learned[0], tmp_path / "measured")))


@pytest.fixture
def card(measured: Storage) -> Card:
    return load_card(measured, 2)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Another machine than the one that trained: it has a core more."""
    machine = this_machine().model_copy(update={"cores": this_machine().cores + 1})
    for module in (choice, publication, trial):
        monkeypatch.setattr(module, "this_machine", lambda: machine)
    return machine


def test_a_training_measures_and_reports(learned: tuple[Path, Report], card: Card, measured: Storage) -> None:
    report = learned[1]
    assert report.training is not None and report.training.backends is not None
    table = report.training.backends
    assert [row.backend for row in table.rows] == ["torch-fp32", *WANTED]
    assert all(row.rate and row.rate > 0 and row.agreement is not None for row in table.rows)
    assert table.rows[0].agreement == table.rows[1].agreement == 1.0
    assert table.pictures == table.of == len(Dataset(measured).fingerprints(1, "validation"))
    used = [row.backend for row in table.rows if row.verdict == "used"]
    assert [backend_for(measured, card)[0]] == used
    assert report.seconds["measure_backends"] > 0


def test_one_backend_alone_is_used_unmeasured(nightsort: Callable[..., Any], root: Path, quick: dict[str, Any]) -> None:
    storage = Storage(str(root))
    learned = train(TrainParams(storage=str(root), workers=1, **quick | {"epochs": 1, "backends": ["torch-fp32"]}))
    assert backend_for(storage, load_card(storage, 2)) == ("torch-fp32", "nothing else was asked for")
    assert learned.training and learned.training.backends is None
    said = nightsort("models", "show", 2, "--storage", storage.root)
    assert [line.split()[:3] for line in said.out[-1:]] == [["*", "torch-fp32", "-"]]


def test_show_marks_what_is_used_here(nightsort: Callable[..., Any], measured: Storage, card: Card) -> None:
    said = nightsort("models", "show", 2, "--storage", measured.root)
    assert said.code == 0 and said.out[0].startswith("model 2")
    rows = {
        line.strip(" *").split()[0]: line for line in said.out if line.strip(" *").startswith(("torch", "openvino"))
    }
    assert set(rows) == {"torch-fp32", *WANTED}
    used = backend_for(measured, card)[0]
    assert [name for name, line in rows.items() if line.startswith("  * ")] == [used]
    assert f"used: {backend_for(measured, card)[1]}" in rows[str(used)]
    assert "not measured" not in "\n".join(said.out)


def test_show_says_it_to_a_program(nightsort: Callable[..., Any], measured: Storage) -> None:
    data = nightsort("models", "show", 2, "--storage", measured.root, "--json").data
    assert (data["version"], data["classes"]) == (2, ["blue", "green", "red"])
    table = data["backends"]["trials"][data["machine"]]["table"]
    assert [set(item["against"]["recall"]) for item in table] == [{"blue", "green", "red"}] * 3


def test_show_of_a_model_that_is_not_there_names_those_that_are(
    nightsort: Callable[..., Any], measured: Storage
) -> None:
    said = nightsort("models", "show", 7, "--storage", measured.root)
    assert said.code == 2 and len(said.err) == 1 and "there are 1, 2" in said.err[0]


def test_models_still_lists(nightsort: Callable[..., Any], measured: Storage) -> None:
    assert (
        nightsort("models", "--storage", measured.root).out
        == nightsort("models", "list", "--storage", measured.root).out
    )


def test_another_machine_measures_once_and_remembers(
    nightsort: Callable[..., Any], measured: Storage, card: Card, elsewhere: Machine
) -> None:
    assert backend_for(measured, card)[0] is None
    backend, why = measure_again(measured.root, 2)
    assert backend_for(measured, card) == (backend, why)
    record = choice.read(measured, card)
    assert record is not None
    assert set(record.trials) == {this_machine().fingerprint, elsewhere.fingerprint}
    said = nightsort("models", "show", 2, "--storage", measured.root)
    assert sum("backends on another machine" in line for line in said.out) == 1


def test_without_openvino_torch_answers_until_it_is_installed(
    measured: Storage, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(f"{measured.root}/models/2/openvino")
    Path(f"{measured.root}/models/2/backends.json").unlink()
    assert backend_for(measured, card)[0] is None
    without = this_machine().model_copy(update={"openvino": ""})
    with monkeypatch.context() as patch:
        for module in (choice, publication, trial, opening):
            patch.setattr(module, "this_machine", lambda: without)
        patch.setitem(sys.modules, "openvino", None)
        for name in ("runtime", "conversion", "openvino"):
            patch.delitem(sys.modules, f"nightsort.scoring.backends.{name}", raising=False)
        assert measure_again(measured.root, 2)[0] in ("torch-fp32", "torch-bf16")
        assert not measured.exists("models/2/openvino/export.json")
        with pytest.raises(ModelError, match=r"has no backend openvino-fp32 .*pip install 'nightsort\[openvino\]'"):
            backend_for(measured, card, "openvino-fp32")
    backend, why = measure_again(measured.root, 2)
    assert backend_for(measured, card) == (backend, why)
    assert measured.exists("models/2/openvino/int8.xml")


def test_without_its_dataset_the_reference_answers(measured: Storage, card: Card, elsewhere: Machine) -> None:
    shutil.rmtree(f"{measured.root}/dataset")
    backend, why = measure_again(measured.root, 2)
    assert backend == "torch-fp32" and why.startswith("the backends could not be measured on this machine: dataset in")
    assert backend_for(measured, card)[0] is None


def test_another_dataset_of_the_same_version_is_not_taken_for_it(
    measured: Storage, pictures: Any, inline: None, tmp_path: Path, elsewhere: Machine
) -> None:
    shutil.rmtree(f"{measured.root}/dataset")
    other = pictures.labelled(tmp_path / "other", {"red": 20, "green": 20, "blue": 20}, start=500)
    ingest(IngestParams(source=str(other), storage=measured.root, settle_seconds=0))
    backend, why = measure_again(measured.root, 2)
    assert backend == "torch-fp32" and "is not the one that model 2 learned from" in why


def test_a_file_that_was_changed_is_not_used(measured: Storage, card: Card, elsewhere: Machine) -> None:
    file = Path(f"{measured.root}/models/2/openvino/int8.bin")
    file.write_bytes(file.read_bytes()[:-1] + b"\x00\x01")
    measure_again(measured.root, 2)
    record = choice.read(measured, card)
    assert record is not None
    table = {item.backend: item for item in record.trials[elsewhere.fingerprint].table}
    assert table["openvino-int8"].verdict == "absent" and "was changed" in table["openvino-int8"].why


def test_the_sample_is_the_same_from_the_dataset(measured: Storage, card: Card, tmp_path: Path) -> None:
    dataset = Dataset(measured)
    split = loading.load_split(dataset, 1, "validation", card.classes, card.preprocess(), tmp_path)
    (tmp_path / "again").mkdir()
    for limit in (5, 2000):
        ours = sample.of_pictures(split, limit)
        theirs = sample.of_split(dataset, card, "validation", tmp_path / "again", limit)
        assert (ours.images[ours.rows] == theirs.images[theirs.rows]).all()
        assert ours.labels.tolist() == theirs.labels.tolist() and ours.weights.tolist() == theirs.weights.tolist()
        assert ours.of == theirs.of == len(split)


def test_the_bundle_is_as_it_was(trained: Any, measured: Storage) -> None:
    assert (
        json.loads(measured.read_bytes("models/2/bundle.json")).keys()
        == json.loads((trained.root / "models/1/bundle.json").read_text()).keys()
    )
