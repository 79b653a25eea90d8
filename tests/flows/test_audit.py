"""The flow `audit`: it finds what was planted, says so in a report, and leaves the dataset as it was."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest

from flows.audit import audit
from flows.ingest import ingest
from nightsort.config.curation import AuditParams
from nightsort.config.intake import IngestParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import ConfigError, DatasetError
from nightsort.leases import lease
from nightsort.reports import store
from nightsort.reports.data import Report
from nightsort.reports.shown import MAX_THUMBNAILS
from nightsort.schema import EXAMPLES
from nightsort.storage import Storage

pytestmark = pytest.mark.usefixtures("inline")
CLASSES = 3
TWINS = 3  # photographs of each thing


def scene(label: int, thing: int, shot: int) -> np.ndarray:
    """A thing before the pattern of its class, as photographed: the shots of a thing differ by a little noise."""
    rng = np.random.default_rng([label, thing])
    pixels = cv2.resize(rng.integers(60, 120, (6, 6, 3), dtype=np.uint8), (48, 48), interpolation=cv2.INTER_CUBIC)
    stripes = np.indices((48, 48))[label % 2] // (3 + 2 * label) % 2
    noise = np.random.default_rng([label, thing, shot]).normal(0, 1.5, pixels.shape)
    return np.clip(pixels + 90 * stripes[..., None] + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders of 12 things each, shot three times, and one thing of class 0 in the folder of class 1."""
    folder = tmp_path_factory.mktemp("things")
    for label in range(CLASSES):
        (folder / f"class-{label}").mkdir()
        for thing in range(12):
            for shot in range(TWINS):
                cv2.imwrite(str(folder / f"class-{label}" / f"{thing:02d}-{shot}.png"), scene(label, thing, shot))
    cv2.imwrite(str(folder / "class-1" / "stray.png"), scene(0, 99, 0))
    return folder


@pytest.fixture
def filled(source: Path, tmp_path: Path) -> Storage:
    """A storage root with these pictures, near-duplicates kept together."""
    storage = Storage(str(tmp_path / "root"))
    ingest(IngestParams(source=str(source), storage=storage.root, settle_seconds=0, test=0.3))
    return storage


def run(storage: Storage, **changes: Any) -> Report:
    return audit(AuditParams(**{"storage": storage.root} | changes))


def test_a_random_split_leaks_and_ours_does_not(filled: Storage) -> None:
    part = run(filled, similarity=0.9).audit
    assert part and part.dataset_version == 1
    leaks = {(leak.splitting, leak.criterion): leak for leak in part.leaks}
    assert set(leaks) == {(way, by) for way in ("random", "ours") for by in ("perceptual hash", "embedding")}
    tests = sum(splits["test"] for splits in Dataset(filled).counts().values())
    assert {leak.test for leak in part.leaks} == {tests}
    for leak in part.leaks:
        assert sum(leak.by_class.values()) == leak.leaking
    for criterion in ("perceptual hash", "embedding"):
        assert leaks["random", criterion].leaking > tests / 2  # two twins each, most of the pictures in train
    assert leaks["ours", "perceptual hash"].leaking == 0
    assert part.twins and all(pair.left.image and pair.right.image and "cosine" in pair.note for pair in part.twins)
    assert bool(part.torn) == bool(leaks["ours", "embedding"].leaking)


def test_a_stray_picture_is_found_with_its_class(filled: Storage) -> None:
    pytest.importorskip("cleanlab")
    part = run(filled, label_noise=True, outliers=2.0).audit
    assert part and part.label_issues and part.outliers
    stray = [item for item in part.mislabelled if item.path.endswith("stray.png")]
    assert [(item.label, item.runner_up) for item in stray] == [("class-1", "class-0")]
    assert stray[0].confidence < 0.5 and stray[0].image
    assert part.outlying[0].path.endswith("stray.png") and part.outlying[0].margin > 2
    assert len(part.outlying) == min(part.outliers, MAX_THUMBNAILS)


def test_label_noise_is_looked_for_when_asked(filled: Storage) -> None:
    part = run(filled).audit
    assert part and part.label_issues is None and part.mislabelled == []


def test_the_dataset_stays_as_it_was(filled: Storage, fingerprint: Callable[[Path], dict[str, str]]) -> None:
    folder = Path(filled.locate("dataset"))
    before = fingerprint(folder)
    report = run(filled)
    assert fingerprint(folder) == before
    assert report.state == "completed" and Path(store.location(report)).exists()
    assert json.loads(filled.read_bytes(f"reports/{report.run_id}/report.json"))["audit"]["leaks"]
    with lease.hold(filled, "dataset"):
        assert run(filled).state == "completed"  # an ingest or a training beside it is no hindrance
    with lease.hold(filled, "audit"):
        assert run(filled).state == "skipped"


def test_an_older_version_can_be_audited(filled: Storage) -> None:
    dataset = Dataset(filled)
    rows = dataset.examples(EXAMPLES.names).slice(0, 1)
    copy = rows.set_column(0, "sha256", pa.array(["f" * 64])).set_column(
        rows.schema.get_field_index("parent"), "parent", rows["sha256"]
    )
    dataset.commit([], copy, dataset.policy(), "augmented")
    for version in (1, 2):  # the copy has no pixels: it is not looked at
        part = run(filled, dataset_version=version).audit
        assert part and part.dataset_version == version
    with pytest.raises(DatasetError, match="has no version 3"):
        run(filled, dataset_version=3)


def test_the_champion_is_used_where_there_is_one(root: Path) -> None:
    part = run(Storage(str(root))).audit
    assert part and part.embedding == "model 1"


def test_without_a_dataset_or_cleanlab_nothing_is_begun(
    storage: Storage, filled: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DatasetError, match="is empty"):
        run(storage)
    assert not Path(storage.root).exists()
    monkeypatch.setattr("nightsort.curation.label_noise.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="label-noise"):
        run(filled, label_noise=True)
    assert [report.flow for report in store.latest(filled, 9)] == ["ingest"]
