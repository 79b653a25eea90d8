"""Draws what the camera above a line of brushed steel plates sees, and the part database that goes with it.

python make_pictures.py                          # pictures/, truth.csv
python make_pictures.py --answer desk/queue.csv  # plays the inspector: fills in what the sheet asks for
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]  # (height, width), 0 to 255

HEIGHT, WIDTH = 144, 192  # pixels of a picture
PLATE = 100, 140  # of the plate, which lies somewhere on the dark belt
DEFECTS = {"scratch": 0.4, "pit": 0.25, "stain": 0.2, "chip": 0.15}  # what goes wrong, when something does
GOOD = 0.97
SHIFTS = ("2026-03-02-early", "2026-03-02-late", "2026-03-02-night")
SHOTS = ("a", "b")  # two pictures of each part, which are one group


def brushed(rng: np.random.Generator, height: int, width: int) -> Grey:
    """Steel: streaks along the rows, a sheen across them."""
    streaks = cv2.blur(rng.normal(0, 60, (height, width + 80)).astype(np.float32), (81, 1))[:, 40:-40]
    rows = cv2.GaussianBlur(rng.normal(0, 8, (height, 1)).astype(np.float32), (1, 3), 0)
    across = np.arange(width, dtype=np.float32)
    sheen = 26 * np.exp(-(((across - rng.uniform(0.2, 0.8) * width) / rng.uniform(30, 60)) ** 2))
    return 148 + rng.uniform(-12, 12) + streaks + rows + sheen


def scratch(plate: Grey, rng: np.random.Generator) -> None:
    """One or two bent, thin lines, bright on one side and dark on the other."""
    height, width = plate.shape
    for _ in range(rng.integers(1, 3)):
        start = rng.uniform((15, 15), (width - 15, height - 15))
        angle = rng.uniform(0.35, np.pi - 0.35)  # along the brushing nobody would see it
        bend = rng.normal(0, 0.25)
        along = np.linspace(0, rng.uniform(40, 80), 12)
        turn = angle + bend * along / 40
        line = start + np.column_stack([np.cos(turn), np.sin(turn)]) * along[:, None]
        for shift, level in ((0, 238), (1, 70), (2, 110)):
            points = ((line + np.array((shift, 0))) * 16).astype(np.int32)
            cv2.polylines(plate, [points], False, float(level), 1, cv2.LINE_AA, 4)


def pit(plate: Grey, rng: np.random.Generator) -> None:
    """A few small holes with a lit rim."""
    height, width = plate.shape
    for _ in range(rng.integers(2, 6)):
        x, y = (int(value) for value in rng.uniform((12, 12), (width - 12, height - 12)))
        radius = int(rng.integers(2, 4))
        cv2.circle(plate, (x + 1, y + 1), radius + 1, 215.0, 1, cv2.LINE_AA)
        cv2.circle(plate, (x, y), radius, 52.0, -1, cv2.LINE_AA)


def stain(plate: Grey, rng: np.random.Generator) -> None:
    """Dried coolant: a cloud with a darker edge."""
    height, width = plate.shape
    mask = np.zeros_like(plate)
    middle = rng.uniform((30, 30), (width - 30, height - 30))
    for _ in range(5):
        centre = tuple(int(value) for value in middle + rng.normal(0, 9, 2))
        cv2.ellipse(mask, centre, (int(rng.integers(8, 18)), int(rng.integers(6, 14))), 0, 0, 360, 1.0, -1)
    soft = cv2.GaussianBlur(mask, (9, 9), 0)
    plate -= 30 * soft + 60 * soft * (1 - soft)


def chip(plate: Grey, rng: np.random.Generator) -> None:
    """A bite out of the edge, through which the belt is seen."""
    height, width = plate.shape
    edges = [(rng.uniform(20, width - 20), side) for side in (0, height)]
    edges += [(side, rng.uniform(20, height - 20)) for side in (0, width)]
    middle = np.array(edges[rng.integers(4)])
    angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
    points = middle + np.column_stack([np.cos(angles), np.sin(angles)]) * rng.uniform(9, 16, (9, 1))
    cv2.polylines(plate, [points.astype(np.int32)], True, 205.0, 2, cv2.LINE_AA)
    cv2.fillPoly(plate, [points.astype(np.int32)], 24.0, cv2.LINE_AA)


SPOIL = {"scratch": scratch, "pit": pit, "stain": stain, "chip": chip}


def shots(label: str, rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """One part, photographed twice: it has moved a little, and the light is not quite the same."""
    plate = brushed(rng, *PLATE)
    if label != "good":
        SPOIL[label](plate, rng)
    top, left = rng.integers(8, (HEIGHT - PLATE[0] - 8, WIDTH - PLATE[1] - 8))
    for _ in SHOTS:
        belt = rng.normal(22, 3, (HEIGHT, WIDTH)).astype(np.float32)
        y, x = np.array([top, left]) + rng.integers(-4, 5, 2)
        belt[y : y + PLATE[0], x : x + PLATE[1]] = plate
        seen = cv2.GaussianBlur(belt, (3, 3), 0) * rng.uniform(0.95, 1.05) + rng.normal(0, 2.5, belt.shape)
        yield np.clip(seen, 0, 255).astype(np.uint8)


def labels(count: int, rng: np.random.Generator) -> list[str]:
    """What is on so many parts: GOOD of them have no defect, the others at least one of each kind."""
    bad = max(len(DEFECTS), round(count * (1 - GOOD)))
    drawn = rng.choice(list(DEFECTS), bad - len(DEFECTS), p=list(DEFECTS.values())).tolist()
    return [str(label) for label in rng.permutation([*DEFECTS, *drawn, *["good"] * (count - bad)])]


def jpeg(picture: NDArray[np.uint8]) -> bytes:
    """As the camera writes it."""
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])[1])


def make(into: Path, parts: int = 2000, of_a_shift: int = 200, seed: int = 0) -> dict[str, str]:
    """Write pictures/labelled with line.csv, pictures/incoming/SHIFT and truth.csv.

    :param parts: plates in the part database, with two pictures each
    :param of_a_shift: plates that each shift makes
    :returns: file name of each picture of a shift -> what is on it
    """
    rng = np.random.default_rng(seed)
    labelled = into / "pictures" / "labelled"
    labelled.mkdir(parents=True)
    rows, truth = [], {}
    for number, label in enumerate(labels(parts, rng)):
        for shot, picture in zip(SHOTS, shots(label, rng), strict=True):
            spoilt = number % 97 == 3 and shot == "b"  # the lamp was off, or the plate still moved
            if spoilt:
                picture = picture // 12 if number % 2 else cv2.blur(picture, (15, 15))
            (labelled / f"P{number:05d}{shot}.jpg").write_bytes(jpeg(picture))
            rows.append((f"P{number:05d}{shot}.jpg", label, f"P{number:05d}"))
    write_csv(labelled / "line.csv", ("path", "label", "group"), rows)
    for turn, shift in enumerate(SHIFTS, 1):
        folder = into / "pictures" / "incoming" / shift
        folder.mkdir(parents=True)
        for number, label in enumerate(labels(of_a_shift, rng), 10_000 * turn):
            for shot, picture in zip(SHOTS, shots(label, rng), strict=True):
                truth[f"P{number:05d}{shot}.jpg"] = label
                (folder / f"P{number:05d}{shot}.jpg").write_bytes(jpeg(picture))
    first = into / "pictures" / "incoming" / SHIFTS[0]
    whole = (first / "P10000a.jpg").read_bytes()
    (first / "P10000a-again.jpg").write_bytes(whole)  # sent twice
    truth["P10000a-again.jpg"] = truth["P10000a.jpg"]
    (first / "cut-off.jpg").write_bytes(whole[: len(whole) // 2])  # the network failed
    write_csv(into / "truth.csv", ("picture", "label"), list(truth.items()))
    return truth


def answer(sheet: Path, truth: Path) -> None:
    """Fill in the sheet that `nightsort review export` wrote, as an inspector would who knows every part."""
    with truth.open(newline="") as stream:
        known = {row["picture"]: row["label"] for row in csv.DictReader(stream)}
    with sheet.open(newline="", encoding="utf-8-sig") as stream:
        asked = list(csv.DictReader(stream))
    for row in asked:
        row["label"], row["reviewer"] = known.get(Path(row["path"]).name, ""), "inspector"
    write_csv(sheet, tuple(asked[0]), [tuple(row.values()) for row in asked])


def write_csv(file: Path, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """A table with its header."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])


def main() -> None:
    """Draw, or answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", type=int, default=2000, help="plates in the part database [default: 2000]")
    parser.add_argument("--shift", type=int, default=200, help="plates that each shift makes [default: 200]")
    parser.add_argument("--answer", type=Path, metavar="SHEET", help="fill in a sheet of the review queue")
    asked = parser.parse_args()
    if asked.answer:
        answer(asked.answer, Path("truth.csv"))
    else:
        make(Path(), asked.parts, asked.shift)


if __name__ == "__main__":
    main()
