"""Owns videos as sources: frames at a stated rate, each named by its time.

Invariant: a frame is found again by its time, whichever frames are read with it; a video that is cut or
whose frames cannot be decoded says so. FFmpeg is only given files whose first bytes are those of a video:
by a playlist in disguise it would open others.
Does not know what the frames show.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from nightsort.errors import PictureError
from nightsort.sources.entry import Entry
from nightsort.sources.files import Access
from nightsort.sources.png import png, png_size

_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")
_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")  # of MP4 and QuickTime
_MATROSKA = b"\x1a\x45\xdf\xa3"
_MPEG = (b"\0\0\1\xba", b"\0\0\1\xb3")
_NOWHERE = -(1 << 62)  # microseconds: before the first frame
_SLACK = 500  # microseconds between a frame's time as listed and as read


def is_one(path: str) -> bool:
    """Whether the name says that this file is a video."""
    return path.lower().endswith(_SUFFIXES)


def entries(file: Path, access: Access) -> Iterator[Entry]:
    """The first frame of each 1/`frames_per_second` s; a time at which there is none is left out.

    The packets are counted, none is decoded. An entry's offset is the frame's time in microseconds.

    :raises ValueError: if it is no video, or ends before its declared end: then after its frames
    """
    video = _open(file, cv2.CAP_PROP_FORMAT, -1)  # packets as they are
    size = png_size(*_shape(video), 3)
    times = np.sort(np.fromiter(_times(video), np.int64))
    rate = video.get(cv2.CAP_PROP_FPS)
    declared = video.get(cv2.CAP_PROP_FRAME_COUNT)
    for time in _taken(times, access.frames_per_second):
        yield Entry(f"t{time / 1e6:010.3f}s", size, time, alike=True)
    ends = (int(times[-1]) / 1e6 if len(times) else 0.0) + (1 / rate if rate > 0 else 0.0)
    if not len(times) or (rate > 0 and len(times) < declared and ends < 0.99 * declared / rate - 2 / rate):
        raise ValueError(f"the video ends after {ends:.1f} s; it declares {declared / max(rate, 1e-3):.1f} s")


def contents(file: Path, wanted: list[tuple[str, int]], access: Access) -> Iterator[tuple[str, bytes | PictureError]]:
    """The PNG of each wanted frame; frames between them are passed over.

    Lossless, because a JPEG of a frame would be the second lossy step before the dataset's own.

    :raises ValueError: if it is no video
    """
    video = _open(file)
    height, width = _shape(video)
    if png_size(height, width, 3) > access.max_bytes:
        refused = PictureError("too_large", f"a frame of {width}x{height}, of {access.max_bytes} bytes allowed")
        yield from ((name, refused) for name, _ in wanted)
        return
    one_frame = max(_SLACK, 1e6 / max(video.get(cv2.CAP_PROP_FPS), 1.0))
    wanted = sorted(wanted, key=lambda item: item[1])
    video, now = _entered(file, wanted[0][1] if wanted else 0)
    for name, time in wanted:
        while now < time - _SLACK and video.grab():
            now = _now(video)
        # Without times of their own, packets and the frames decoded of them may differ by one frame.
        yield name, _frame(video) if -_SLACK <= now - time <= one_frame else _missing(now)


def _open(file: Path, *options: int) -> cv2.VideoCapture:
    with file.open("rb") as source:
        start = source.read(12)
    is_avi = start[:4] == b"RIFF" and start[8:12] == b"AVI "
    if not (is_avi or start[4:8] in _BOXES or start.startswith((_MATROSKA, *_MPEG))):
        raise ValueError("the first bytes are those of no video")
    # This backend by name: another one takes a % in the name for a series of files.
    video = cv2.VideoCapture(str(file), cv2.CAP_FFMPEG, list(options))
    if not video.isOpened():
        raise ValueError("the video cannot be opened: it is damaged, or of a kind that OpenCV does not read")
    return video


def _shape(video: cv2.VideoCapture) -> tuple[int, int]:
    """Height and width in pixels, upright."""
    height, width = int(video.get(cv2.CAP_PROP_FRAME_HEIGHT)), int(video.get(cv2.CAP_PROP_FRAME_WIDTH))
    return (max(height, 1), max(width, 1))


def _now(video: cv2.VideoCapture) -> int:
    """Time of the grabbed frame or packet, in microseconds."""
    return round(video.get(cv2.CAP_PROP_POS_MSEC) * 1000)


def _times(video: cv2.VideoCapture) -> Iterator[int]:
    while video.grab():
        yield _now(video)


def _taken(times: npt.NDArray[np.int64], per_second: float) -> Iterator[int]:
    """Of sorted times, the first at or after each multiple of the interval, each once."""
    interval = 1e6 / per_second
    position = 0
    while position < len(times):
        time = int(times[position])
        yield time
        following = (np.floor((time + _SLACK) / interval) + 1) * interval - _SLACK
        position = int(np.searchsorted(times, following))


def _entered(file: Path, time: int) -> tuple[cv2.VideoCapture, int]:
    """The video with the frame of this time grabbed, or one before it, and the time of that frame."""
    video = _open(file)
    if time > 0:
        video.set(cv2.CAP_PROP_POS_MSEC, time / 1000)
        if video.grab() and (now := _now(video)) <= time + _SLACK:
            return video, now
        video = _open(file)  # it was entered behind the frame: from the start, then
    return video, _NOWHERE


def _frame(video: cv2.VideoCapture) -> bytes | PictureError:
    try:
        found, frame = video.retrieve()
    except cv2.error as error:
        return PictureError("corrupt", f"video frame: {error}")
    if not found or frame is None:
        return PictureError("corrupt", "the video's frame cannot be decoded")
    return png(np.ascontiguousarray(frame[:, :, ::-1]))


def _missing(now: int) -> PictureError:
    return PictureError("truncated", f"no such frame: the video was read as far as {max(now, 0) / 1e6:.3f} s")
