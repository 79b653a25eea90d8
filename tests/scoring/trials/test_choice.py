"""backends.json, and which backend it gives to whom on which machine."""

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from nightsort.errors import ModelError
from nightsort.learning.architecture import Network
from nightsort.learning.card import Card
from nightsort.scoring.trials import choice
from nightsort.scoring.trials.choice import Record, Trial, backend_for
from nightsort.scoring.trials.machine import Machine, this_machine
from nightsort.scoring.trials.verdicts import Measured, Tolerance
from nightsort.storage import Storage
from nightsort.words import Backend

CPU = Machine(cpu="AMD EPYC", flags=["avx2"], cores=2, gpus=[], torch="2.13.0", openvino="2026.4.0")
USED = Measured(backend="openvino-bf16", verdict="used", why="the fastest of 2 within tolerance", rate=900.0)
TABLE = [
    Measured(backend="torch-fp32", verdict="accepted", why="within tolerance, but slower", rate=100.0),
    USED,
    Measured(backend="openvino-int8", verdict="refused", why="gives other labels", rate=2000.0),
    Measured(backend="cuda-fp32", verdict="absent", why="no GPU"),
]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine is CPU, wherever the test runs."""
    monkeypatch.setattr(choice, "this_machine", lambda: CPU)


@pytest.fixture
def card() -> Card:
    return Card(
        architecture=Network(name="small_resnet"),
        version=3, created=datetime(2026, 11, 21, tzinfo=UTC), run_id="run", model="small_resnet",
        classes=["crack", "dent"], store_side=64, image_size=32, preprocessing="p0", temperature=1.0,
        abstain_below=0.5, dataset_version=1, dataset_fingerprint="f", training_share={"crack": 0.5, "dent": 0.5},
        balance="none", macro_f1=0.9, accuracy=0.9, weights_sha256="abc",
    )  # fmt: skip


def record(machine: Machine = CPU, **changes: Any) -> Record:
    """What one machine measured of model 3."""
    trial = Trial(machine=machine, measured_at=datetime(2026, 11, 21, tzinfo=UTC), pictures=8, of=9, table=TABLE)
    values = {
        "model_version": 3,
        "weights_sha256": "abc",
        "wanted": [item.backend for item in TABLE],
        "tolerance": Tolerance(min_agreement=0.995, max_loss=0.01),
        "trials": {machine.fingerprint: trial},
    }
    return Record.model_validate(values | changes)


def test_what_is_written_is_read(storage: Storage, card: Card) -> None:
    assert choice.read(storage, card) is None
    choice.write(storage, record())
    assert choice.read(storage, card) == record()


def test_this_machine_uses_what_it_chose(storage: Storage, card: Card) -> None:
    choice.write(storage, record())
    assert backend_for(storage, card) == ("openvino-bf16", USED.why)


def test_another_machine_is_unmeasured(storage: Storage, card: Card) -> None:
    choice.write(storage, record(CPU.model_copy(update={"cores": 64})))
    backend, why = backend_for(storage, card)
    assert backend is None and why.startswith("unmeasured") and CPU.line in why


def test_a_model_without_a_record_is_unmeasured(storage: Storage, card: Card) -> None:
    assert backend_for(storage, card) == (None, "unmeasured: the model has no backends.json")


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("torch-fp32", "asked for"),
        ("openvino-int8", "asked for although it is refused: gives other labels"),
        ("torch-bf16", "asked for; it is not measured here"),
    ],
)
def test_who_asks_for_a_backend_gets_it(storage: Storage, card: Card, wanted: Backend, why: str) -> None:
    choice.write(storage, record())
    storage.write_bytes("models/3/openvino/int8.xml", b"<net/>")
    assert backend_for(storage, card, wanted) == (wanted, why)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ("cuda-fp32", "no GPU"),
        ("cuda-bf16", "the machine has no NVIDIA GPU"),
        ("openvino-fp32", "it was not exported when the model was trained"),
    ],
)
def test_who_asks_for_what_is_missing_is_told_what_there_is(
    storage: Storage, card: Card, wanted: Backend, reason: str
) -> None:
    choice.write(storage, record())
    with pytest.raises(ModelError) as caught:
        backend_for(storage, card, wanted)
    assert str(caught.value) == (
        f"model 3: has no backend {wanted} on this machine ({reason}); it has torch-fp32, torch-bf16"
    )


def test_without_a_record_one_sees_what_there_is(storage: Storage, card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.write_bytes("models/3/openvino/fp32.xml", b"<net/>")
    assert backend_for(storage, card, "openvino-bf16") == ("openvino-bf16", "asked for; it is not measured here")
    monkeypatch.setattr(choice, "this_machine", lambda: CPU.model_copy(update={"openvino": ""}))
    with pytest.raises(ModelError, match="OpenVINO is not installed"):
        backend_for(storage, card, "openvino-bf16")


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\x00\xff",
        b"{}",
        record().model_dump_json().replace('"used"', '"accepted"').encode(),
        record().model_dump_json().replace('"why"', '"because"').encode(),
    ],
)
def test_a_damaged_record_is_one_clear_line(storage: Storage, card: Card, damage: bytes) -> None:
    storage.write_bytes("models/3/backends.json", damage)
    with pytest.raises(ModelError, match=r"^model 3: .*backends\.json is damaged .*; delete it.*$") as caught:
        backend_for(storage, card)
    assert len(caught.value.lines) == 1


def test_a_record_of_other_weights_is_refused(storage: Storage, card: Card) -> None:
    choice.write(storage, record(weights_sha256="def"))
    with pytest.raises(ModelError, match="about other weights"):
        backend_for(storage, card)


def test_asking_loads_neither_torch_nor_openvino(storage: Storage, card: Card) -> None:
    choice.write(storage, record(this_machine()))
    storage.write_bytes("models/3/bundle.json", card.model_dump_json().encode())
    code = (
        "import sys; from nightsort.learning.card import load_card;"
        "from nightsort.scoring.trials.choice import backend_for;"
        "from nightsort.storage import Storage; storage = Storage(sys.argv[1]); card = load_card(storage, 3);"
        "print(backend_for(storage, card)[0], {'torch', 'openvino'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, storage.root], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["openvino-bf16 set()"]
