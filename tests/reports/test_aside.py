"""Pictures of what was set aside: those that can be seen, and no decoder is harmed."""

import base64
import io
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from nightsort.quarantine import Quarantine, row
from nightsort.reports import aside
from nightsort.reports.night import MAX_ASIDE
from nightsort.schema import QUARANTINE
from nightsort.storage import Storage

RUN = "20261121T020000000Z-classify-3f2a"


@pytest.fixture
def quarantine(storage: Storage) -> Quarantine:
    """An empty quarantine."""
    storage.prepare()
    return Quarantine(storage)


def put(quarantine: Quarantine, reason: str, *contents: bytes, run_id: str = RUN) -> None:
    """Set pictures aside."""
    rows = [
        row(
            {"path": f"/srv/{i}.jpg", "member": "", "size": len(content), "stamp": "", "label": None},
            reason, f"detail {i}", flow="classify", run_id=run_id, content=content,
        )
        for i, content in enumerate(contents)
    ]  # fmt: skip
    quarantine.append(pa.Table.from_pylist(rows, QUARANTINE))


def seen(uri: str) -> np.ndarray:
    """The pixels of a data URI, (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_a_handful_of_each_reason_with_what_was_wrong(quarantine: Quarantine, picture: Callable[..., bytes]) -> None:
    put(quarantine, "poor_quality", *[picture(i) for i in range(MAX_ASIDE + 2)])
    put(quarantine, "poor_quality", picture(99), run_id="another run")
    shown = aside.pictures(quarantine, RUN, {"poor_quality": 8, "empty": 1}, 10**6)
    assert list(shown) == ["poor_quality"] and len(shown["poor_quality"]) == MAX_ASIDE
    first = shown["poor_quality"][0]
    assert seen(first.image).shape == (24, 36, 3) and first.note.startswith("detail ") and first.path.endswith(".jpg")


def test_what_came_of_a_cut_off_picture_is_shown_and_the_rest_is_grey(
    quarantine: Quarantine, picture: Callable[..., bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    whole = picture(1, "JPEG", 96, 96, quality=95)
    put(quarantine, "truncated", whole[: len(whole) // 2])
    (shown,) = aside.pictures(quarantine, RUN, ["truncated"], 10**6)["truncated"]
    pixels = seen(shown.image)
    assert pixels.shape == (96, 96, 3) and pixels[:16].std() > 10 and np.ptp(pixels[-8:].astype(int)) < 16
    assert capfd.readouterr().err == ""


def test_what_cannot_be_seen_is_left_out(quarantine: Quarantine, picture: Callable[..., bytes]) -> None:
    put(quarantine, "corrupt", b"\xff\xd8\xff nothing", b"GIF89a", b"", picture(1)[:40])
    put(quarantine, "poor_quality", picture(1))
    assert aside.pictures(quarantine, RUN, ["corrupt"], 10**6) == {}
    assert aside.pictures(quarantine, RUN, ["poor_quality"], 24 * 36 - 1) == {}  # more pixels than allowed


@pytest.mark.parametrize("reason", ["kills_decoder", "bomb", "too_many_pixels"])
def test_what_harms_a_decoder_is_not_given_to_one(
    reason: str, quarantine: Quarantine, picture: Callable[..., bytes]
) -> None:
    put(quarantine, reason, picture(1))
    assert aside.pictures(quarantine, RUN, [reason], 10**6) == {}


def test_an_empty_quarantine_has_no_pictures(quarantine: Quarantine) -> None:
    assert aside.pictures(quarantine, RUN, ["truncated"], 10**6) == {}
