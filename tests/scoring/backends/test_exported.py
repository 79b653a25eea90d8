"""What is exported of a model, and what is said of an export that cannot be used."""

import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nightsort.errors import ModelError
from nightsort.learning.bundle import load, save
from nightsort.learning.card import Card, load_card
from nightsort.learning.classifier import Classifier
from nightsort.learning.zoo import build
from nightsort.scoring.backends.exported import export, load_exported, load_model
from nightsort.scoring.backends.opening import open_session
from nightsort.storage import Storage
from nightsort.words import Backend

FP32 = ("models/1/openvino/fp32.xml", "models/1/openvino/fp32.bin")
RECORD = "models/1/openvino/export.json"


class Unconvertible(Classifier):
    """A network whose way depends on what it sees in Python."""

    def embed(self, images: Tensor) -> Tensor:
        raise ValueError("no converter understands me\nnor this")


def replace(storage: Storage, name: str, data: bytes) -> None:
    """Put another file in the place of one that was exported, and its hash into the record."""
    exported = load_exported(storage, load_card(storage, 1))
    storage.write_bytes(f"models/1/{name}", data)
    files = exported.files | {name: hashlib.sha256(data).hexdigest()}
    storage.write_bytes(RECORD, exported.model_copy(update={"files": files}).model_dump_json().encode())


def test_what_was_exported_is_recorded(published: Storage) -> None:
    exported = load_exported(published, load_card(published, 1))
    assert sorted(exported.files) == [f"openvino/{form}.{end}" for form in ("fp32", "int8") for end in ("bin", "xml")]
    sizes = {name: len(published.read_bytes(f"models/1/{name}")) for name in exported.files}
    assert sizes["openvino/int8.bin"] < sizes["openvino/fp32.bin"] / 3


def test_equal_networks_and_pictures_give_equal_files(published: Storage, pictures: np.ndarray) -> None:
    before = load_exported(published, load_card(published, 1))
    bundle = load(published, 1)
    again = export(published, bundle.card, bundle.network, pictures, ["openvino-bf16", "openvino-int8"])
    assert again == before


@pytest.mark.parametrize(
    ("backends", "files"),
    [(["openvino-bf16", "torch-fp32"], ["openvino/fp32.bin", "openvino/fp32.xml"]), (["torch-bf16", "cuda-fp32"], [])],
)
def test_only_what_is_wanted_is_exported(
    backends: list[Backend], files: list[str], published: Storage, pictures: np.ndarray
) -> None:
    bundle = load(published, 1)
    exported = export(published, bundle.card, bundle.network, pictures, backends)
    assert sorted(exported.files) == files and exported.refused == {}


def test_a_network_that_cannot_be_converted_is_refused_and_nothing_fails(
    published: Storage, pictures: np.ndarray
) -> None:
    card = load_card(published, 1)
    network = Unconvertible(nn.Identity(), nn.Linear(4, 4))
    level = logging.getLogger().level
    exported = export(published, card, network, pictures, ["openvino-fp32", "openvino-int8"])
    assert logging.getLogger().level == level, "what others have to say is still heard"
    assert exported.files == {} and sorted(exported.refused) == ["fp32", "int8"]
    assert all("no converter understands me" in reason and "\n" not in reason for reason in exported.refused.values())
    with pytest.raises(ModelError, match=r"not exported for openvino-int8 \(.*no converter understands me"):
        load_model(published, card, "openvino-int8")


def test_a_model_that_was_never_exported_says_so(published: Storage) -> None:
    Path(published.locate(RECORD)).unlink()
    with pytest.raises(ModelError, match=r"model 1: was not exported for openvino-fp32 \(nobody asked for it"):
        load_model(published, load_card(published, 1), "openvino-fp32")


@pytest.mark.parametrize("name", FP32)
def test_a_changed_file_is_refused(name: str, published: Storage) -> None:
    published.write_bytes(name, published.read_bytes(name) + b" ")
    with pytest.raises(ModelError, match=r"model 1: .*openvino/fp32\.(xml|bin) was changed: SHA-256 \w{12}, expected"):
        open_session(published, load_card(published, 1), "openvino-fp32")


@pytest.mark.parametrize("name", FP32)
def test_a_missing_file_is_named(name: str, published: Storage) -> None:
    Path(published.locate(name)).unlink()
    with pytest.raises(ModelError, match=r"model 1: .*openvino/fp32\.(xml|bin) is missing"):
        open_session(published, load_card(published, 1), "openvino-fp32")


@pytest.mark.parametrize("data", [b"", b"<net/>", b"\x80\x04K\x01.", b"<?xml version='1.0'?><net name='n'>"])
def test_a_file_that_is_no_model_is_one_clear_line(data: bytes, published: Storage) -> None:
    replace(published, "openvino/fp32.xml", data)
    with pytest.raises(ModelError, match=r"fp32\.xml is no model that OpenVINO reads") as raised:
        load_model(published, load_card(published, 1), "openvino-fp32")
    assert len(raised.value.lines) == 1


def test_weights_of_another_length_are_one_clear_line(published: Storage) -> None:
    replace(published, "openvino/fp32.bin", b"short")
    with pytest.raises(ModelError, match=r"fp32\.xml is no model that OpenVINO reads") as raised:
        load_model(published, load_card(published, 1), "openvino-fp32")
    assert len(raised.value.lines) == 1


def test_an_export_of_other_weights_is_refused(published: Storage, rewritten: Callable[..., Card]) -> None:
    card = rewritten(weights_sha256="0" * 64)
    with pytest.raises(ModelError, match=r"model 1: .*export\.json is about other weights"):
        load_model(published, card, "openvino-int8")


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"files": 3}'])
def test_a_damaged_record_is_refused(data: bytes, published: Storage) -> None:
    published.write_bytes(RECORD, data)
    with pytest.raises(ModelError, match=r"export\.json is damaged \(\d faults\)"):
        load_exported(published, load_card(published, 1))


def test_an_export_that_does_not_fit_the_card_is_refused(published: Storage, rewritten: Callable[..., Card]) -> None:
    card = rewritten(classes=["cat", "dog", "eel"])
    with pytest.raises(ModelError, match=r"takes pictures \[32, 32, 3\] and answers \[4\], and its card says .* \[3\]"):
        load_model(published, card, "openvino-fp32")


def test_it_works_where_files_have_no_path(unsigned: Card, pictures: np.ndarray) -> None:
    storage = Storage("memory://exported")
    network = build(unsigned.architecture, len(unsigned.classes)).eval()
    save(storage, unsigned, network)
    export(storage, unsigned, network, pictures, ["openvino-fp32"])
    answers = open_session(storage, load_card(storage, 1), "openvino-fp32").logits(pictures)
    with torch.inference_mode():
        expected = network(torch.from_numpy(pictures).permute(0, 3, 1, 2)).numpy()
    np.testing.assert_allclose(answers, expected, atol=1e-4)


def test_exporting_writes_nothing_to_the_terminal_or_the_home_and_calls_nobody(
    published: Storage, tmp_path: Path
) -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*_, **__): raise AssertionError('the network was used')\n"
        "socket.socket.connect = refuse\n"
        "import numpy as np\n"
        "from nightsort.learning.bundle import load\n"
        "from nightsort.scoring.backends.exported import export\n"
        "from nightsort.storage import Storage\n"
        "storage = Storage(sys.argv[1])\n"
        "bundle = load(storage, 1)\n"
        "grey = np.full((3, 32, 32, 3), 128, np.uint8)\n"
        "assert export(storage, bundle.card, bundle.network, grey, ['openvino-int8']).refused == {}\n"
        "assert sys.modules['openvino_telemetry'] is None\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "FORCE_COLOR": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code, published.root], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.iterdir()) == []
