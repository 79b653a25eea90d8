"""A video is frames by their time: the same frame whichever are read with it, and none lost silently."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from nightsort.errors import PictureError
from nightsort.images.decode import decode
from nightsort.sources.files import Access
from nightsort.sources.reader import read

Listed = Callable[..., pa.Table]
_FRAMES = 60
_RATE = 20  # frames a second
_KINDS = {"a.mp4": "mp4v", "a.avi": "MJPG", "a.mkv": "mp4v", "a.webm": "VP80", "a.mov": "mp4v"}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """Encoder of a clip whose frame i shows i in six bits from left to right, 96 wide and 48 high."""

    def encode(name: str) -> bytes:
        file = tmp_path_factory.mktemp("clip") / name
        writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*_KINDS[name]), _RATE, (96, 48))
        if not writer.isOpened():
            pytest.skip(f"this OpenCV cannot write {name}")
        for number in range(_FRAMES):
            bits = np.array([number >> bit & 1 for bit in range(6)], np.uint8) * 255
            writer.write(np.broadcast_to(bits.repeat(16)[None, :, None], (48, 96, 3)).copy())
        writer.release()
        return file.read_bytes()

    return encode


def number(data: bytes | PictureError) -> int:
    """The number that a frame shows."""
    assert isinstance(data, bytes)
    bits = decode(data, 10**6)[24, 8::16, 0] > 127
    return sum(1 << bit for bit in np.flatnonzero(bits).tolist())


@pytest.mark.parametrize("name", _KINDS)
def test_frames_are_taken_at_the_rate_and_named_by_their_time(
    name: str, clip: Callable[[str], bytes], table: Listed, tmp_path: Path
) -> None:
    (tmp_path / "fox").mkdir()
    (tmp_path / "fox" / name).write_bytes(clip(name))
    access = Access(frames_per_second=2)
    rows = table(tmp_path, access=access)
    assert rows["member"].to_pylist() == [f"t{seconds:010.3f}s" for seconds in (0, 0.5, 1, 1.5, 2, 2.5)]
    assert set(rows["label"].to_pylist()) == {"fox"} and set(rows["outcome"].to_pylist()) == {None}
    assert set(rows["group"].to_pylist()) == {str(tmp_path / "fox" / name)}
    assert [number(data) for _, data in read(rows, access)] == [0, 10, 20, 30, 40, 50]


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.webm"])
def test_a_frame_has_the_same_bytes_whichever_are_read_with_it(
    name: str, clip: Callable[[str], bytes], table: Listed, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(clip(name))
    access = Access(frames_per_second=1000)
    rows = table(tmp_path / name, access=access)
    assert rows.num_rows == _FRAMES
    together = {row["member"]: data for row, data in read(rows, access)}
    assert [number(data) for data in together.values()] == list(range(_FRAMES))
    for start in (1, 13, 37, 59):
        alone = {row["member"]: data for row, data in read(rows.slice(start, 2), access)}
        assert alone == {name: together[name] for name in alone}
    assert [len(data) for data in together.values() if isinstance(data, bytes)] == rows["size"].to_pylist()


def test_a_cut_video_is_its_readable_frames_and_damage(
    clip: Callable[[str], bytes], table: Listed, tmp_path: Path
) -> None:
    whole = clip("a.avi")
    (tmp_path / "a.avi").write_bytes(whole[: len(whole) // 2])
    access = Access(frames_per_second=_RATE)
    *frames, bad = table(tmp_path, access=access).to_pylist()
    assert (bad["member"], bad["reason"]) == ("", "bad_archive") and "it declares 3.0 s" in bad["detail"]
    assert 10 < len(frames) < 40 and all(row["outcome"] is None for row in frames)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.mp4", b""),
        ("a.mp4", b"\0\0\0\x18ftypmp42" + bytes(50)),
        ("a.mkv", b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"),
        ("a.avi", b"ffconcat version 1.0\nfile other.mp4\n"),
    ],
)
def test_what_is_no_video_is_one_row(name: str, data: bytes, table: Listed, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    assert [(row["member"], row["reason"]) for row in table(tmp_path).to_pylist()] == [("", "bad_archive")]


def test_a_video_that_changed_says_which_frames_are_gone(
    clip: Callable[[str], bytes], table: Listed, tmp_path: Path
) -> None:
    whole = clip("a.avi")
    (tmp_path / "a.avi").write_bytes(whole)
    access = Access(frames_per_second=10)
    rows = table(tmp_path, access=access)
    (tmp_path / "a.avi").write_bytes(whole[: len(whole) // 2])
    found = [data for _, data in read(rows, access)]
    gone = [data for data in found if isinstance(data, PictureError)]
    assert len(found) == 30 and 10 < len(gone) < 25 and {error.reason for error in gone} == {"truncated"}


def test_frames_beyond_the_cap_are_refused(clip: Callable[[str], bytes], table: Listed, tmp_path: Path) -> None:
    (tmp_path / "a.avi").write_bytes(clip("a.avi"))
    rows = table(tmp_path)
    refused = [data for _, data in read(rows, Access(max_bytes=5000))]
    assert [data.reason for data in refused if isinstance(data, PictureError)] == ["too_large"] * rows.num_rows
