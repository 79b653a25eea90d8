"""Nothing needs the network that was not told to: the main job runs where nobody but this machine answers."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.flows.commands import Said


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Whom this process tried to reach beyond this machine; nobody is."""
    tried: list[Any] = []
    connect, find = socket.socket.connect, socket.getaddrinfo

    def connected(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not str(address[0]).startswith(("127.", "::1")):
            tried.append(address)
            raise OSError(f"{address}: the network is unreachable")
        connect(self, address)

    def found(host: Any, *args: Any, **options: Any) -> Any:
        if host not in (None, "localhost", "127.0.0.1", "::1"):
            tried.append(host)
            raise socket.gaierror(f"{host}: no name can be resolved")
        return find(host, *args, **options)

    monkeypatch.setattr(socket.socket, "connect", connected)
    monkeypatch.setattr(socket, "getaddrinfo", found)
    return tried


def test_the_main_job_reaches_for_nobody(
    refused: list[Any], nightsort: Callable[..., Said], tmp_path: Path, root: Path, pictures: Any
) -> None:
    labelled = pictures.labelled(tmp_path / "labelled", {"red": 2, "blue": 2}, start=500)
    drop = pictures.plain(tmp_path / "drop", 2).folder
    for words in (
        f"ingest {labelled} --settle-seconds 0",
        "train --image-size 16 --epochs 1 --mixup 0 --backends torch-fp32",
        f"classify {drop} --settle-seconds 0 --sample 0",
        "status",
        "report",
        "doctor",
    ):
        said = nightsort(*words.split(), "--storage", root)
        assert said.code == 0, (words, said.err)
    assert refused == []


def test_weights_that_cannot_be_fetched_say_where_to_put_them(
    refused: list[Any], nightsort: Callable[..., Said], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    said = nightsort("train", "--model", "resnet18", "--weights", "imagenet", "--storage", root)
    assert (said.code, len(said.err), len(refused)) == (2, 1, 1)
    assert f"put the file at {tmp_path}/torch/hub/checkpoints/resnet18-" in said.err[0]


def test_others_are_told_not_to_track(nightsort: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    assert nightsort("--version").code == 0
    assert os.environ["DO_NOT_TRACK"] == "1"
    monkeypatch.setenv("DO_NOT_TRACK", "0")  # who wants to be tracked may be
    nightsort("--version")
    assert os.environ["DO_NOT_TRACK"] == "0"
