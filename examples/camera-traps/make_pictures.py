"""Draws what camera traps in a wood see: bursts of three by day and by infra-red flash, most of them empty.

python make_pictures.py    # pictures/, truth.csv
"""

import argparse
import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]  # (height, width, 3), blue first, 0 to 255

HEIGHT, WIDTH, BANNER = 176, 256, 16  # pixels; the banner lies below the scene
BURST = 3
CAMERAS = {
    **dict.fromkeys(("CAM01", "CAM02", "CAM03", "CAM04", "CAM05", "CAM06"), "train"),
    **dict.fromkeys(("CAM07", "CAM08"), "validation"),
    **dict.fromkeys(("CAM09", "CAM10", "CAM11", "CAM12"), "test"),  # places that the model has never seen
}
SPECIES = {"empty": 0.7, "deer": 0.12, "boar": 0.08, "fox": 0.06, "hare": 0.04}
SIZE = {"deer": 1.0, "boar": 0.8, "fox": 0.55, "hare": 0.4}  # against a deer's
COAT = {"deer": (48, 82, 122), "boar": (52, 58, 66), "fox": (44, 96, 180), "hare": (112, 142, 160)}
NIGHTS = ("2026-03-02", "2026-03-03")
DEAD = "CAM04", "CAM05"  # in the second night: their flashes were of one bad batch
SUB = 3  # bits of a fraction of a pixel, for cv2


@cache
class Wood:
    """The place that one camera looks at, always the same; drawn once."""

    def __init__(self, camera: str) -> None:
        rng = np.random.default_rng([7, int(camera[3:])])
        self._horizon = int(HEIGHT * rng.uniform(0.34, 0.42))
        scene = np.empty((HEIGHT, WIDTH, 3), np.float32)
        scene[: self._horizon] = np.array((150, 168, 160)) + rng.normal(0, 6, 3) + clouds(rng, self._horizon, 14)
        ground = HEIGHT - self._horizon
        near = np.linspace(0.55, 1.0, ground, dtype=np.float32)[:, None, None]
        litter = clouds(rng, ground, 34) + clouds(rng, ground, 22, 4) + rng.normal(0, 12, (ground, WIDTH, 1))
        scene[self._horizon :] = (np.array((58, 96, 104)) + rng.normal(0, 5, 3) + litter) * near + 55 * (1 - near)
        for _ in range(rng.integers(60, 90)):
            self._bush(scene, rng)
        for distance in np.sort(rng.uniform(0.15, 1, rng.integers(8, 13))):
            self._trunk(scene, distance, rng)
        self._scene = np.clip(scene, 0, 255)

    def _bush(self, scene: Picture, rng: np.random.Generator) -> None:
        middle = (int(rng.uniform(0, WIDTH)), int(self._horizon + rng.normal(0, 7)))
        green = np.array((44, 92, 70)) * rng.uniform(0.6, 1.3)
        cv2.ellipse(scene, middle, (int(rng.uniform(4, 16)), int(rng.uniform(3, 11))), 0, 0, 360, green.tolist(), -1)

    def _trunk(self, scene: Picture, near: float, rng: np.random.Generator) -> None:
        """A tree: the nearer, the thicker and the lower its foot."""
        left, wide = int(rng.uniform(0, WIDTH)), max(3, int(4 + 20 * near**2))
        foot = int(self._horizon + 4 + near**2 * (HEIGHT - self._horizon) * 0.7)
        part = scene[:foot, left : left + wide]
        bark = cv2.blur(rng.normal(0, 40, part.shape[:2]).astype(np.float32), (1, 15))[..., None]
        round_ = np.sin(np.linspace(0.5, 2.8, wide))[None, : part.shape[1], None]
        part[:] = (np.array((48, 62, 74)) + bark + 60 * (1 - near)) * (0.55 + 0.45 * round_)

    def footing(self, rng: np.random.Generator) -> tuple[float, float, float]:
        """Where something may stand: x and y of its feet, and the height of a deer there, in pixels."""
        near = rng.uniform(0.25, 0.8)
        return rng.uniform(0.2, 0.8) * WIDTH, self._horizon + near * (HEIGHT - self._horizon), 34 + 50 * near

    def seen(self, is_night: bool, light: float) -> Picture:
        """By day in colour; by night grey, as far as the flash reaches."""
        if not is_night:
            return self._scene * np.float32(light)
        grey = cv2.cvtColor(np.clip(self._scene, 0, 255), cv2.COLOR_BGR2GRAY)[..., None]
        return np.repeat(grey * flash() * 1.1 * light, 3, 2)


def clouds(rng: np.random.Generator, height: int, strength: float, coarse: int = 14) -> NDArray[np.float32]:
    """Smooth noise, (height, WIDTH, 1)."""
    grid = rng.normal(0, strength, (height // coarse + 2, WIDTH // coarse + 2)).astype(np.float32)
    return cv2.resize(grid, (WIDTH, height), interpolation=cv2.INTER_CUBIC)[..., None]


@cache
def flash() -> NDArray[np.float32]:
    """How bright the infra-red flash is, (HEIGHT, WIDTH, 1)."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    return (0.18 + np.exp(-(((x / WIDTH - 0.5) / 0.42) ** 2) - ((y / HEIGHT - 0.7) / 0.45) ** 2))[..., None]


def silhouette(species: str, step: float) -> tuple[list[list[tuple[float, float]]], list[tuple[float, ...]]]:
    """A beast that looks to the right: outlines, and limbs as x, y, x, y, thickness; feet at 0, a shoulder at 1.

    :param step: of its gait, 0 to 1
    """
    swing = 0.16 * np.sin(2 * np.pi * step)
    if species == "deer":
        trunk = [(-0.75, 0.62), (-0.8, 0.85), (-0.65, 1.0), (0, 0.96), (0.5, 1.02), (0.62, 0.8),
                 (0.45, 0.58), (0, 0.52)]  # fmt: skip
        neck = [(0.4, 0.98), (0.72, 1.42), (0.74, 1.52), (1.08, 1.36), (1.08, 1.28), (0.86, 1.26), (0.62, 0.78)]
        antlers = [(0.74, 1.5, 0.62, 1.78, 0.04), (0.62, 1.78, 0.72, 2.0, 0.04), (0.66, 1.68, 0.86, 1.8, 0.03)]
        return [trunk, neck], [*legs((-0.66, -0.55, 0.4, 0.5), 0.66, swing, 0.08), *antlers]
    if species == "boar":
        trunk = [(-0.95, 0.5), (-0.98, 0.8), (-0.7, 1.0), (-0.1, 1.12), (0.4, 1.1), (0.75, 0.9), (1.28, 0.5),
                 (1.26, 0.38), (0.8, 0.4), (0.5, 0.34), (-0.4, 0.32)]  # fmt: skip
        ear = [(0.55, 1.0), (0.6, 1.28), (0.76, 0.96)]
        return [trunk, ear], [*legs((-0.75, -0.55, 0.3, 0.5), 0.45, swing, 0.13), (-0.97, 0.8, -1.12, 0.55, 0.04)]
    if species == "fox":
        trunk = [(-0.75, 0.62), (-0.72, 0.9), (0, 0.92), (0.55, 1.0), (0.7, 0.8), (0.5, 0.58), (-0.1, 0.55)]
        head = [(0.5, 0.95), (0.7, 1.2), (0.76, 1.42), (0.88, 1.2), (1.28, 0.98), (1.0, 0.9), (0.66, 0.76)]
        brush = [(-0.7, 0.88), (-1.1, 0.8), (-1.6, 0.5), (-1.8, 0.3), (-1.5, 0.34), (-1.05, 0.52), (-0.7, 0.66)]
        return [trunk, head, brush], legs((-0.62, -0.48, 0.42, 0.54), 0.66, swing, 0.09)
    trunk = [(-0.8, 0.2), (-0.85, 0.6), (-0.5, 0.95), (0.1, 0.9), (0.5, 0.8), (0.6, 0.4), (0.3, 0.2)]
    head = [(0.4, 0.8), (0.6, 1.1), (0.85, 1.08), (1.05, 0.86), (0.8, 0.7), (0.5, 0.6)]
    ears = [(0.62, 1.05, 0.34, 1.66, 0.13), (0.7, 1.05, 0.52, 1.72, 0.13)]
    feet = [(-0.75, 0.14, -0.2 + swing, 0.06, 0.2), (0.4, 0.4, 0.5 + swing, 0.02, 0.12)]
    return [trunk, head], [*ears, *feet, (-0.82, 0.4, -0.98, 0.5, 0.18)]


def legs(hips: tuple[float, ...], top: float, swing: float, thick: float) -> list[tuple[float, ...]]:
    """Four of them, two forwards and two back."""
    return [(x, top, x + side * swing, 0.0, thick) for x, side in zip(hips, (1, -1, -1, 1), strict=True)]


def coat(species: str, at: tuple[float, float], high: float, facing: int, step: float) -> NDArray[np.float32]:
    """How much of each pixel the beast covers, (HEIGHT, WIDTH, 1).

    :param high: of its shoulder, in pixels
    :param facing: 1 to the right, -1 to the left
    """
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    outlines, limbs = silhouette(species, step)

    def pixels(points: list[tuple[float, float]]) -> NDArray[np.int32]:
        placed = np.array(at) + np.array(points) * (facing * high, -high)
        return np.round(placed * (1 << SUB)).astype(np.int32)

    for x0, y0, x1, y1, thick in limbs:
        ends = pixels([(x0, y0), (x1, y1)])
        cv2.line(mask, ends[0].tolist(), ends[1].tolist(), 255, max(1, round(thick * high)), cv2.LINE_AA, SUB)
    for outline in outlines:
        cv2.fillPoly(mask, [pixels(outline)], 255, cv2.LINE_AA, SUB)
    return cv2.GaussianBlur(mask, (3, 3), 0)[..., None].astype(np.float32) / 255


def burst(camera: str, species: str, when: datetime, rng: np.random.Generator, count: int = BURST) -> Iterator[Picture]:
    """One event: the beast walks on from picture to picture."""
    wood, is_night = Wood(camera), not 7 <= when.hour < 19
    scene = wood.seen(is_night, rng.uniform(0.8, 1.15))
    x, y, deer = wood.footing(rng)
    high, facing, step = deer * SIZE.get(species, 1), int(rng.choice((-1, 1))), rng.uniform()
    fur = np.full(3, 178.0) if is_night else np.array(COAT.get(species, (0, 0, 0)), float)
    fur = fur * rng.uniform(0.85, 1.15) * (flash()[int(min(y, HEIGHT - 1)), int(x)] if is_night else 1)
    hair = 1 + clouds(rng, HEIGHT, 0.12, 6) + rng.normal(0, 0.08, (HEIGHT, WIDTH, 1))
    for number in range(count):
        shot = scene.copy()
        if species != "empty":
            at = (x + facing * number * 0.3 * high, y)
            ground = np.zeros((HEIGHT, WIDTH), np.float32)
            cv2.ellipse(ground, (round(at[0]), round(y)), (round(high), round(high * 0.12) + 1), 0, 0, 360, 1.0, -1)
            shot *= 1 - 0.45 * cv2.GaussianBlur(ground, (9, 9), 0)[..., None]
            covered = coat(species, at, high, facing, step + number / 5)
            belly = 0.75 + 0.35 * np.clip((y - np.arange(HEIGHT)) / high, 0, 1)[:, None, None]
            shot = shot * (1 - covered) + covered * fur * hair * belly
        yield shot + rng.normal(0, 4 if is_night else 2.5, shot.shape)


def framed(shot: Picture, camera: str, when: datetime) -> NDArray[np.uint8]:
    """With the banner below it, as the camera writes it."""
    whole = np.zeros((HEIGHT + BANNER, WIDTH, 3), np.uint8)
    whole[:HEIGHT] = np.clip(shot, 0, 255)
    cv2.putText(
        whole, f"{when:%Y-%m-%d %H:%M:%S}  {camera}", (4, HEIGHT + 12), 0, 0.36, (235, 235, 235), 1, cv2.LINE_AA
    )
    return whole


def events(day: str, count: int, rng: np.random.Generator) -> Iterator[tuple[str, datetime]]:
    """So many events in the 24 hours after the noon of a day: what passes by, and when."""
    noon = datetime.fromisoformat(f"{day}T12:00:00")
    for second in np.sort(rng.integers(0, 86_400, count)).tolist():
        yield str(rng.choice(list(SPECIES), p=list(SPECIES.values()))), noon + timedelta(seconds=second)


def make(into: Path, of_a_camera: int = 45, of_a_night: int = 8, seed: int = 0) -> dict[str, str]:
    """Write pictures/labelled with events.csv, pictures/incoming/NIGHT/CAMERA, pictures/clips and truth.csv.

    :param of_a_camera: labelled events of each camera, three pictures each
    :param of_a_night: events of each camera and night
    :returns: place of each picture below pictures/incoming -> what is on it
    """
    rng = np.random.default_rng(seed)
    rows, truth = [("path", "label", "group", "split")], {}
    for camera, split in CAMERAS.items():
        for number, (species, when) in enumerate(events("2026-01-15", of_a_camera, rng)):
            shots = write_burst(into / "pictures" / "labelled" / camera, camera, species, when, rng)
            rows += [(f"{camera}/{shot.name}", species, f"{camera}-{number:04d}", split) for shot in shots]
    for night in NIGHTS:
        for camera in CAMERAS:
            folder = into / "pictures" / "incoming" / night / camera
            for species, when in events(night, of_a_night, rng):
                is_dead = night == NIGHTS[1] and camera in DEAD
                for shot in write_burst(folder, camera, species, when, rng, is_dead):
                    truth[f"{night}/{camera}/{shot.name}"] = "" if is_dead else species
    write_clip(into / "pictures" / "clips", "CAM02", "deer", datetime(2026, 3, 3, 15, 4), rng)
    for name, table in (("pictures/labelled/events.csv", rows), ("truth.csv", [("picture", "label"), *truth.items()])):
        with (into / name).open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows(table)
    return truth


def write_burst(
    folder: Path, camera: str, species: str, when: datetime, rng: np.random.Generator, is_dead: bool = False
) -> Iterator[Path]:
    """The pictures of one event; of a camera that is dead, the same in the dark."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, shot in enumerate(burst(camera, species, when, rng)):
        moment = when + timedelta(seconds=number)
        file = folder / f"{moment:%d-%H%M%S}-{number}.jpg"
        picture = framed(shot * 0.03 if is_dead else shot, camera, moment)
        file.write_bytes(bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 88])[1]))
        yield file


def write_clip(folder: Path, camera: str, species: str, when: datetime, rng: np.random.Generator) -> None:
    """Four seconds of video, ten pictures a second."""
    folder.mkdir(parents=True)
    clip = cv2.VideoWriter(
        str(folder / f"{camera}-{species}.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (WIDTH, HEIGHT + BANNER)
    )
    for number, shot in enumerate(burst(camera, species, when, rng, 40)):
        clip.write(framed(shot, camera, when + timedelta(seconds=number / 10)))
    clip.release()


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=45, help="labelled events of each camera [default: 45]")
    parser.add_argument("--night", type=int, default=8, help="events of each camera and night [default: 8]")
    asked = parser.parse_args()
    make(Path(), asked.events, asked.night)


if __name__ == "__main__":
    main()
