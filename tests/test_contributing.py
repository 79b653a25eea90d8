"""The examples of CONTRIBUTING.md, done as they stand there to a copy of the source, and used once each."""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
SECTIONS = ("Add a source", "Add a strategy against imbalance", "Add a backend")


def blocks(section: str, language: str) -> list[tuple[str, str]]:
    """File and text of each block of a section; the file is named by its first line."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(rf"^```{language}\n(?:# |\+\+\+ )(\S+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def applied(patch: str, text: str, where: str) -> str:
    """A text after the hunks of a patch, each of which fits in one place."""
    for hunk in patch.split("@@\n"):
        lines = hunk.splitlines(keepends=True)
        old, new = ("".join(line[1:] for line in lines if line[0] in signs) for signs in (" -", " +"))
        assert f"\n{text}".count(f"\n{old}") == 1, f"{where}: CONTRIBUTING.md changes what is not there once:\n{old}"
        text = f"\n{text}".replace(f"\n{old}", f"\n{new}")[1:]
    return text


@pytest.fixture(scope="module")
def contributed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the source after somebody did what the page says; for the tests here, it is what is imported."""
    copy = tmp_path_factory.mktemp("contributed")
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for section in SECTIONS:
        for name, patch in blocks(section, "diff"):
            (copy / name).write_text(applied(patch, (copy / name).read_text(), name))
        for name, text in blocks(section, "python"):
            assert not (copy / name).exists()
            (copy / name).write_text(text)
    with pytest.MonkeyPatch.context() as patching:
        for name in loaded():
            patching.delitem(sys.modules, name)
        patching.syspath_prepend(str(copy / "src"))
        yield copy
        for name in loaded():
            del sys.modules[name]


def loaded() -> list[str]:
    """Modules of ours that are imported."""
    return [name for name in sys.modules if name.partition(".")[0] in ("nightsort", "tasks", "flows")]


@pytest.mark.parametrize("section", SECTIONS)
def test_an_example_is_short(section: str) -> None:
    """Else the architecture is in the way of whoever adds something."""
    edits = blocks(section, "diff")
    assert len({name for name, _ in edits}) <= 4
    assert sum(line.startswith("+") for _, patch in edits for line in patch.splitlines()) <= 12


def test_a_source(contributed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.ingest import ingest
    from nightsort.config.intake import IngestParams
    from nightsort.dataset.versions import Dataset
    from nightsort.storage import Storage
    from tasks.compute import Done, Workers

    class Here(Workers):
        """Computes in this process."""

        def start(self) -> Any:
            return None

        def map(self, function: Any, chunks: Any, *args: Any) -> Iterator[Done[Any]]:
            return (Done(chunk, function(chunk, *args)) for chunk in chunks)

    monkeypatch.setattr("flows.ingest.Workers", Here)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 24, 32, 3), dtype=np.uint8)
    for label, stack in {"dark": pixels // 4, "light": 255 - pixels // 4}.items():
        (tmp_path / "stacks" / label).mkdir(parents=True)
        np.save(tmp_path / "stacks" / label / "monday.npy", stack)
    np.save(tmp_path / "stacks" / "light" / "depths.npy", np.zeros((2, 24, 32)))
    root = str(tmp_path / "root")
    report = ingest(IngestParams(source=str(tmp_path / "stacks"), storage=root, settle_seconds=0))
    assert report.intake and report.intake.reasons == {"bad_archive": 1} and report.intake.tally.done == 10
    assert {label: sum(splits.values()) for label, splits in Dataset(Storage(root)).counts().items()} == {
        "dark": 5,
        "light": 5,
    }


def test_a_strategy(contributed: Path) -> None:
    import torch

    from nightsort.balance.plan import make_plan
    from nightsort.config.training import TrainParams
    from nightsort.glossary import meanings
    from nightsort.learning.losses import loss_for
    from nightsort.words import Balance

    strategy: Any = TrainParams(balance="inverse_square_root").balance
    plan = make_plan(strategy, np.repeat([0, 1], [16, 4]), ["common", "rare"])
    assert plan.weights == pytest.approx([10 / 12, 20 / 12])  # 1/4 to 1/2, and 20 pictures weigh 20 in all
    assert plan.after.tolist() == [13, 7]
    assert "half-way" in meanings(Balance)[strategy]
    logits = torch.zeros(2, 2)
    common, rare = (float(loss_for(plan)(logits[i : i + 1], torch.eye(2)[i : i + 1])) for i in (0, 1))
    assert rare == pytest.approx(2 * common)


def test_a_backend(contributed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from nightsort.config.training import JudgedParams
    from nightsort.glossary import meanings
    from nightsort.learning.architecture import Network
    from nightsort.learning.zoo import build
    from nightsort.scoring.backends.fused import Fused
    from nightsort.scoring.backends.opening import open_session
    from nightsort.storage import Storage
    from nightsort.words import Backend

    network = build(Network(name="small_resnet"), 3).eval()
    monkeypatch.setattr("nightsort.learning.bundle.load", lambda storage, version: SimpleNamespace(network=network))
    card: Any = SimpleNamespace(version=1, image_size=32)
    pictures = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    threads = torch.get_num_threads()
    asked = ("torch-fp32", "fused-fp32")
    reference, fused = (
        open_session(Storage(str(tmp_path)), card, name, 4).logits(pictures)
        for name in get_args(Backend)
        if name in asked
    )
    torch.set_num_threads(threads)
    np.testing.assert_allclose(fused, reference, rtol=0, atol=1e-4 * np.ptp(reference))
    assert "fused-fp32" in JudgedParams().backends and "folded" in meanings(Backend)["fused-fp32"]
    folded = Fused(network)._network
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in folded.modules())
