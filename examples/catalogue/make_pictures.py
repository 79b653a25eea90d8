"""Draws what suppliers send to a shop: archives of product pictures, and what they say is on them.

python make_pictures.py    # pictures/, shop.csv, planted.csv
"""

import argparse
import csv
import io
import json
import tarfile
import zipfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # (SIDE, SIDE, 3), blue first
Points = list[tuple[float, float]]  # x and y from -1 to 1, y upwards

SIDE = 160
KINDS = {"mug": 0.3, "shirt": 0.25, "bottle": 0.2, "shoe": 0.12, "chair": 0.08, "lamp": 0.05}
SUPPLIERS = {"northwind.zip": "NW", "alder.zip": "AL", "birch.tar.gz": "BI"}
WRONG = 0.03  # of what suppliers say
Planted = dict[str, list[str]]  # wrong label, same bytes or near-duplicate -> places


class Brush:
    """A product before white, seen a little differently each time."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.picture = np.full((SIDE, SIDE, 3), 255, np.float32)
        hue, dull, dark = rng.uniform(0, 180), rng.uniform(60, 200), rng.uniform(90, 225)
        self.colour = cv2.cvtColor(np.array([[[hue, dull, dark]]], np.uint8), cv2.COLOR_HSV2BGR)[0, 0].astype(float)
        size, wide, turn = rng.uniform(0.62, 0.8), rng.uniform(0.85, 1.15), np.radians(rng.normal(0, 3))
        flip = rng.choice((-1, 1))
        self._by = SIDE / 2 * size * np.array([[flip * wide * np.cos(turn), np.sin(turn)], [wide * np.sin(turn), -1]])
        self._middle = SIDE / 2 + rng.normal(0, 4, 2)
        self._light = np.linspace(1.12, 0.68, SIDE)[:: int(rng.choice((-1, 1)))][None, :, None]
        cells = rng.normal(0, 0.28, (int(rng.integers(3, 10)), int(rng.integers(3, 10)))).astype(np.float32)
        steps = int(rng.choice((cv2.INTER_NEAREST, cv2.INTER_CUBIC)))  # checks, or marble
        self._print = np.clip(1 + cv2.resize(cells, (SIDE, SIDE), interpolation=steps), 0.4, 1.5)[..., None]
        self.shadow()

    def shadow(self) -> None:
        """Of whatever stands there."""
        x, y = self._pixels([(0, -1)])[0] / 8
        soft = np.zeros((SIDE, SIDE), np.float32)
        cv2.ellipse(soft, (int(x), int(y)), (48, 6), 0, 0, 360, 60.0, -1)
        self.picture -= cv2.GaussianBlur(soft, (0, 0), 5)[..., None]

    def _pixels(self, points: Points) -> NDArray[np.int32]:
        """In eighths of a pixel."""
        return np.round((self._middle + np.array(points) @ self._by.T) * 8).astype(np.int32)

    def fill(self, points: Points, tone: float = 1.0, colour: tuple[float, ...] | None = None) -> None:
        """A face of the product, darker away from the light."""
        mask = np.zeros((SIDE, SIDE), np.uint8)
        cv2.fillPoly(mask, [self._pixels(points)], 255, cv2.LINE_AA, 3)
        self._lay(mask, tone, colour)

    def line(self, points: Points, thick: float, tone: float = 1.0, colour: tuple[float, ...] | None = None) -> None:
        """A bar, a handle, a lace."""
        mask = np.zeros((SIDE, SIDE), np.uint8)
        pixels = max(1, round(thick * abs(self._by[1, 1])))
        cv2.polylines(mask, [self._pixels(points)], False, 255, pixels, cv2.LINE_AA, 3)
        self._lay(mask, tone, colour)

    def _lay(self, mask: Picture, tone: float, colour: tuple[float, ...] | None) -> None:
        covered = mask[..., None].astype(np.float32) / 255
        paint = np.array(colour) if colour else self.colour * self._print
        self.picture = self.picture * (1 - covered) + covered * paint * tone * self._light


def oval(x: float, y: float, wide: float, high: float, start: float = 0, end: float = 360) -> Points:
    """Points of an ellipse, or of an arc of it, by its middle and its radii."""
    angles = np.radians(np.linspace(start, end, 30))
    return [(x + wide * float(np.cos(a)), y + high * float(np.sin(a))) for a in angles]


def _mug(brush: Brush, rng: np.random.Generator) -> None:
    low = rng.uniform(0.4, 0.62)
    brush.line(oval(0.6, -0.1, 0.34, 0.44, -100, 100), 0.15, 0.85)
    brush.fill([(-0.65, 0.7), (0.65, 0.7), *oval(0, -0.85, low, 0.15, 0, -180)])
    brush.fill(oval(0, 0.7, 0.65, 0.16), 1.1)
    brush.fill(oval(0, 0.68, 0.56, 0.12), 0.5)


def _bottle(brush: Brush, rng: np.random.Generator) -> None:
    neck, shoulder = rng.uniform(0.1, 0.17), rng.uniform(0.15, 0.45)
    side = [(neck, 0.85), (neck, shoulder + 0.25), (0.36, shoulder), (0.36, -0.95)]
    brush.fill([(-x, y) for x, y in side] + side[::-1])
    brush.fill([(-0.36, -0.1), (0.36, -0.1), (0.36, -0.65), (-0.36, -0.65)], 1.0, (236, 240, 240))
    brush.line([(-0.2, -0.3), (0.2, -0.3)], 0.06)
    brush.fill([(-neck - 0.02, 1.0), (neck + 0.02, 1.0), (neck + 0.02, 0.82), (-neck - 0.02, 0.82)], 0.45)


def _shoe(brush: Brush, rng: np.random.Generator) -> None:
    high = rng.uniform(0.1, 0.55)  # a sneaker or a boot
    brush.fill([(-0.95, -0.7), (-0.9, high), (-0.35, high + 0.05), (-0.2, 0), (0.35, -0.3), (0.85, -0.42), (1.0, -0.7)])
    brush.fill([(-0.98, -0.7), (1.04, -0.66), (1.0, -0.9), (-0.96, -0.9)], 1.0, (214, 220, 224))
    for at in (0.0, 0.14, 0.28):
        brush.line([(-0.3 + at, -0.1 - at * 0.5), (-0.05 + at, -0.02 - at * 0.8)], 0.06, 1.0, (245, 245, 245))


def _shirt(brush: Brush, rng: np.random.Generator) -> None:
    sleeve = rng.uniform(0.1, 0.6)
    right = [(0.22, 0.85), (0.55, 0.75), (1.0, 0.5 - sleeve), (0.75, 0.3 - sleeve), (0.52, 0.4), (0.55, -0.95)]
    brush.fill([(-x, y) for x, y in right] + right[::-1])
    brush.fill(oval(0, 0.86, 0.22, 0.14, 0, -180), 0.5)
    if rng.uniform() < 0.5:
        brush.fill(oval(0, 0.1, 0.25, 0.25), 1.0, tuple(rng.uniform(60, 250, 3)))


def _chair(brush: Brush, rng: np.random.Generator) -> None:
    back = rng.uniform(0.7, 1.0)
    for x, low in ((-0.5, -0.95), (0.4, -0.95), (-0.3, -0.75), (0.6, -0.75)):
        brush.line([(x, -0.1), (x, low)], 0.09, 0.7)
    brush.line([(-0.5, -0.1), (-0.6, back)], 0.09, 0.7)
    brush.line([(-0.3, 0.05), (-0.38, back)], 0.09, 0.7)
    brush.fill([(-0.62, back), (-0.36, back), (-0.3, 0.35), (-0.54, 0.3)])
    brush.fill([(-0.55, -0.15), (0.45, -0.15), (0.68, 0.05), (-0.3, 0.05)], 1.1)


def _lamp(brush: Brush, rng: np.random.Generator) -> None:
    wide = rng.uniform(0.45, 0.65)
    brush.line([(0, 0.3), (0, -0.85)], 0.08, 1.0, (90, 90, 96))
    brush.fill(oval(0, -0.88, 0.42, 0.1), 1.0, (80, 80, 86))
    brush.fill([(-wide * 0.6, 0.95), (wide * 0.6, 0.95), (wide, 0.2), (-wide, 0.2)], 1.15)
    brush.fill(oval(0, 0.2, wide, 0.07), 1.0, (170, 225, 250))


DRAW = {"mug": _mug, "bottle": _bottle, "shoe": _shoe, "shirt": _shirt, "chair": _chair, "lamp": _lamp}


def product(kind: str, rng: np.random.Generator) -> Picture:
    """One picture of a product."""
    brush = Brush(rng)
    DRAW[kind](brush, rng)
    grain = rng.normal(0, 1.5, brush.picture.shape) * (brush.picture < 250)  # the studio cut it out: white is white
    return np.clip(brush.picture + grain, 0, 255).astype(np.uint8)


def reused(picture: Picture, rng: np.random.Generator) -> Picture:
    """As another shop took it over: a watermark, a little smaller."""
    marked = picture.copy()
    cv2.putText(marked, "alder.example", (22, int(rng.uniform(60, 110))), 0, 0.55, (205, 205, 205), 1, cv2.LINE_AA)
    side = int(SIDE * rng.uniform(0.8, 0.95))
    return cv2.resize(marked, (side, side), interpolation=cv2.INTER_AREA)


def jpeg(picture: Picture, quality: int = 92) -> bytes:
    """Encoded."""
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def pack(file: Path, members: dict[str, bytes]) -> None:
    """Write a zip, or a tar.gz, whichever the name says."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".zip":
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in members.items():
                archive.writestr(zipfile.ZipInfo(name), data)
        return
    with tarfile.open(file, "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def drawn(count: int, prefix: str, rng: np.random.Generator) -> tuple[dict[str, bytes], dict[str, str]]:
    """So many products: pictures by name, and what is on them."""
    kinds = [*KINDS, *rng.choice(list(KINDS), count - len(KINDS), p=list(KINDS.values())).tolist()]
    names = [f"{prefix}-{number:04d}.jpg" for number in range(count)]
    truth = dict(zip(names, kinds, strict=True))
    return {name: jpeg(product(kind, rng)) for name, kind in truth.items()}, truth


def claims(truth: dict[str, str], rng: np.random.Generator) -> dict[str, str]:
    """What somebody in a hurry says is on them."""
    wrong = set(rng.choice(list(truth), max(2, round(WRONG * len(truth))), replace=False).tolist())
    others = {kind: [other for other in KINDS if other != kind] for kind in KINDS}
    return {name: str(rng.choice(others[kind])) if name in wrong else kind for name, kind in truth.items()}


def make(into: Path, of_a_supplier: int = 300, of_a_delivery: int = 150, seed: int = 0) -> Planted:
    """Write pictures/suppliers with catalogue.jsonl, pictures/deliveries, shop.csv and planted.csv.

    :param of_a_supplier: products of each supplier
    :param of_a_delivery: products in each of the two deliveries
    :returns: what is wrong with the suppliers' pictures -> `archive!member` of each
    """
    rng = np.random.default_rng(seed)
    planted: Planted = {"wrong label": [], "same bytes": [], "near-duplicate": []}
    rows, stock = [], {}
    for archive, prefix in SUPPLIERS.items():
        pictures, truth = drawn(of_a_supplier, prefix, rng)
        said = claims(truth, rng)
        planted["wrong label"] += [f"{archive}!{name}" for name in truth if said[name] != truth[name]]
        if prefix == "AL":  # sells much of what northwind does
            for number, old in enumerate(sorted(stock)[: of_a_supplier // 5]):
                name = f"AL-{9000 + number}.jpg"
                data, said[name] = stock[old]
                again = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
                pictures[name] = data if number % 3 == 0 else jpeg(reused(again, rng), 75)
                planted["near-duplicate" if number % 3 else "same bytes"].append(f"{archive}!{name}")
        stock = {name: (data, truth[name]) for name, data in pictures.items() if said[name] == truth.get(name)}
        pack(into / "pictures" / "suppliers" / archive, pictures)
        rows += [{"path": f"{archive}!{name}", "label": said[name]} for name in pictures]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (into / "pictures" / "suppliers" / "catalogue.jsonl").write_text(lines, encoding="utf-8")
    deliver(into, of_a_delivery, rng)
    write_csv(into / "planted.csv", ("what", "picture"), [(what, place) for what in planted for place in planted[what]])
    return planted


def deliver(into: Path, count: int, rng: np.random.Generator) -> None:
    """Two archives of new products, the second with an archive in it; and where the shop put them."""
    shelves = []
    for name, prefix in (("2026-03-02.zip", "D1"), ("2026-03-03.tar.gz", "D2")):
        pictures, truth = drawn(count, prefix, rng)
        said = claims(truth, rng)
        shelves += [(member, member[:-4], said[member], truth[member]) for member in pictures]
        if prefix == "D2":
            inner = io.BytesIO()
            with zipfile.ZipFile(inner, "w") as archive:
                archive.writestr("D3-0000.jpg", jpeg(product("mug", rng)))
            pictures["late.zip"] = inner.getvalue()
        pack(into / "pictures" / "deliveries" / name, pictures)
    write_csv(into / "shop.csv", ("picture", "sku", "category", "truth"), shelves)


def write_csv(file: Path, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """A table with its header."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=300, help="products of each supplier [default: 300]")
    parser.add_argument("--delivery", type=int, default=150, help="products in each delivery [default: 150]")
    asked = parser.parse_args()
    make(Path(), asked.products, asked.delivery)


if __name__ == "__main__":
    main()
