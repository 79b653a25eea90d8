"""Pictures that only look alike, such as plates of one line, are not tied into one split by default."""

from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from flows.ingest import ingest
from nightsort.config.intake import IngestParams
from nightsort.dataset.versions import Dataset
from nightsort.reports.data import IngestPart
from nightsort.reports.summary import as_lines, as_object
from nightsort.storage import Storage

pytestmark = pytest.mark.usefixtures("inline")
PLATES = 80


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One pattern, each time with other stains, in two classes."""
    folder = tmp_path_factory.mktemp("plates")
    return pressed(folder, seed=1)


def pressed(folder: Path, seed: int) -> Path:
    """As many plates as PLATES, in two classes."""
    pattern, random = np.random.default_rng(0).normal(128, 40, (8, 8)), np.random.default_rng(seed)
    for number in range(PLATES):
        stained = pattern + random.normal(0, 6, (8, 8))
        place = folder / ("good", "scratched")[number % 4 == 0] / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place), cv2.resize(stained, (96, 96), interpolation=cv2.INTER_CUBIC).clip(0, 255))
    return folder


def taken(plates: Path, root: Path, **asked: Any) -> tuple[IngestPart, str]:
    """What an ingest says, as data and in the terminal."""
    report = ingest(IngestParams(source=str(plates), storage=str(root), settle_seconds=0, **asked))
    assert report.ingest
    assert as_object(report, "")["narrowed_to"] == report.ingest.narrowed_to
    return report.ingest, "\n".join(as_lines(report, ""))


def splits(root: Path) -> Counter[str]:
    return Counter(Dataset(Storage(str(root))).examples(["split"])["split"].to_pylist())


def test_a_new_dataset_is_searched_within_fewer_bits(plates: Path, tmp_path: Path) -> None:
    part, said = taken(plates, tmp_path)
    radius = Dataset(Storage(str(tmp_path))).policy().near_duplicates
    assert part.narrowed_to == radius < 10 and part.largest_cluster < 50
    assert "which tied together what only looks alike" in said
    assert splits(tmp_path)["train"] > PLATES / 2 and len(splits(tmp_path)) == 3


def test_it_is_searched_within_the_same_bits_ever_after(plates: Path, tmp_path: Path) -> None:
    begun, _ = taken(plates, tmp_path)
    again, said = taken(pressed(tmp_path / "later", seed=2), tmp_path)
    assert again.admitted and again.narrowed_to is None and "looks alike" not in said
    assert Dataset(Storage(str(tmp_path))).policy().near_duplicates == begun.narrowed_to


def test_bits_that_somebody_asked_for_are_kept_and_the_cluster_is_told(plates: Path, tmp_path: Path) -> None:
    part, said = taken(plates, tmp_path, near_duplicates=10)
    assert part.narrowed_to is None and part.largest_cluster == PLATES
    assert f"the largest cluster has {PLATES} pictures, 100% of what came, all in one split" in said
    assert len(splits(tmp_path)) == 1
