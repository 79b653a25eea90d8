"""What is made once before the race: pictures, trained models, the peers' environment and their weights.

The models are trained on photographs with a red, a green or a blue tint: easy enough that few steps make a network
sure of itself, so that a backend is chosen by how it agrees with a model that has learned something.
"""

import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from peers.contenders import REPOSITORY, install
from peers.sources import commented

NETWORKS = ("resnet18", "resnet50", "mobilenet_v3_large")
SMALL = "small_resnet"  # for what is about many pictures and not about the network
_TIMM = {"mobilenet_v3_large": "mobilenetv3_large_100"}  # where timm has another name for it
_TINTS = {"red": (0.4, 0.4, 1.0), "green": (0.4, 1.0, 0.4), "blue": (1.0, 0.4, 0.4)}  # factors of blue, green, red
_EPOCHS = {"mobilenet_v3_large": 12, SMALL: 12}  # torchvision's MobileNet averages a batch norm over 100 steps
_FEW = 2  # pictures that show what start-up costs
_SHORTER = 256  # pixels of a training picture's shorter side


@dataclass(frozen=True)
class Bench:
    """Where everything lies.

    :param home: the folder of all of it
    :param peers: virtual environments are below it
    """

    home: Path
    peers: Path

    classes = len(_TINTS)
    side = 224

    @property
    def photographs(self) -> Path:
        """A flat folder of JPEG files, no two alike."""
        return self.home / "photographs"

    @property
    def few(self) -> Path:
        """A few of them."""
        return self.home / "few"

    @property
    def python(self) -> Path:
        """That of the peers."""
        return self.peers / "scoring" / "bin" / "python"

    def root(self, network: str) -> Path:
        """A storage root with a champion and an empty ledger."""
        return self.home / "roots" / network

    def weights(self, network: str) -> Path:
        """Weights as timm names them."""
        return self.home / "weights" / f"{timm_name(network)}.pth"


def timm_name(network: str) -> str:
    """What timm calls a network of torchvision."""
    return _TIMM.get(network, network)


def prepare(bench: Bench, archive: Path, networks: list[str], count: int) -> None:
    """Make all of it; models and weights that are there are kept.

    :param archive: a flat zip of photographs
    :param count: photographs to classify
    """
    install("scoring", bench.peers)
    for folder in (bench.photographs, bench.few):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    _replicate(archive, bench.photographs, count)
    for file in sorted(bench.photographs.iterdir())[:_FEW]:
        shutil.copy(file, bench.few)
    for network in [*networks, SMALL]:
        if not bench.root(network).exists():
            _train(bench, archive, network)
    for network in networks:
        _make_weights(bench, network)


def _replicate(archive: Path, to: Path, count: int) -> None:
    """Photographs again and again; those of later turns have another comment in their header."""
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        for number in range(count):
            turn, name = divmod(number, len(names))
            (to / f"{turn:04d}-{Path(names[name]).stem}.jpg").write_bytes(commented(opened.read(names[name]), turn))


def _train(bench: Bench, archive: Path, network: str) -> None:
    """A model at 224 pixels (the small one at 32), in a storage root of its own."""
    tinted, making = bench.home / "tinted", bench.root(network).with_suffix(".making")
    if not tinted.exists():
        _tint(archive, tinted)
    shutil.rmtree(making, ignore_errors=True)
    side = 32 if network == SMALL else bench.side
    _nightsort("ingest", tinted, "--storage", making)
    words = ["--model", network, "--image-size", side, "--batch-size", 8, "--epochs", _EPOCHS.get(network, 3)]
    _nightsort("train", "--storage", making, *words, "--mixup", 0)
    if not (making / "models" / "champion" / "1.json").exists():
        sys.exit(f"{network}: the gate refused it, see above; without a champion there is nothing to classify with")
    making.rename(bench.root(network))


def _tint(archive: Path, to: Path) -> None:
    """Each photograph in one tint, and in one class folder."""
    with zipfile.ZipFile(archive) as opened:
        for number, name in enumerate(sorted(opened.namelist())):
            label = list(_TINTS)[number % len(_TINTS)]
            picture = cv2.imdecode(np.frombuffer(opened.read(name), np.uint8), cv2.IMREAD_COLOR)
            factor = _SHORTER / min(picture.shape[:2])
            small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            (to / label).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(to / label / f"{Path(name).stem}.jpg"), (small * _TINTS[label]).astype(np.uint8))


def _nightsort(*words: object) -> None:
    paths = [str(REPOSITORY / "src"), str(REPOSITORY)]
    start = f"import sys; sys.path[:0] = {paths}; from flows.cli import main; main()"
    subprocess.run([sys.executable, "-c", start, *map(str, words)], check=True)


def _make_weights(bench: Bench, network: str) -> None:
    """Random ones: how fast a network is does not depend on them."""
    if not bench.weights(network).exists():
        bench.weights(network).parent.mkdir(parents=True, exist_ok=True)
        made = f"timm.create_model({timm_name(network)!r}, num_classes={bench.classes}).state_dict()"
        start = f"import timm, torch; torch.save({made}, {str(bench.weights(network))!r})"
        subprocess.run([bench.python, "-c", start], check=True)
