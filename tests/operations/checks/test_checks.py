"""Checks of an installation: each finds what is wrong, and says what to do."""

import importlib.metadata
import os
import shutil
import threading
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from nightsort.leases.claims import Note
from nightsort.operations import gpus, room
from nightsort.operations.checks import clocks, declaration, machine, packages, storage_root
from nightsort.operations.checks.finding import Finding, examine, ok
from nightsort.storage import Storage

GPU = gpus.Gpu(0, "H100", 79 * 10**9, 80 * 10**9, "580")


def grades(findings: Iterable[Finding]) -> dict[str, str]:
    """What was told -> its grade; who finds fault says what to do."""
    found = list(findings)
    assert found and all(bool(finding.todo) == (finding.grade != "ok") for finding in found)
    return {finding.told: finding.grade for finding in found}


@pytest.fixture
def there(storage: Storage) -> Storage:
    storage.prepare()
    return storage


def versions(changes: dict[str, str | None], patch: pytest.MonkeyPatch) -> None:
    """Have packages seem to be there in other versions, or not at all."""
    true = importlib.metadata.version

    def seeming(name: str) -> str:
        found = changes.get(name, "") or ("" if name in changes else true(name))
        if not found:
            raise importlib.metadata.PackageNotFoundError(name)
        return found

    patch.setattr(packages, "version", seeming)


def test_this_installation_fits() -> None:
    assert set(grades(packages.packages()).values()) == {"ok"}


@pytest.mark.parametrize(
    ("name", "there", "told"),
    [
        ("fastapi", "0.151.0", "fastapi 0.151.0 is installed, wanted <0.151"),
        ("sqlalchemy", "2.1.0", "sqlalchemy 2.1.0 is installed, wanted <2.1"),
        ("torch", "2.0.0", "torch 2.0.0 is installed, wanted >="),
        ("s3fs", "2020.1", "s3fs 2020.1 is installed, wanted >="),
        ("click", None, "not installed: click"),
    ],
)
def test_a_package_that_does_not_fit(name: str, there: str | None, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    versions({name: there}, monkeypatch)
    assert [text for text, grade in grades(packages.packages()).items() if grade == "fail" and told in text]


def test_two_packages_of_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    versions({"opencv-python": "5.0.0"}, monkeypatch)
    failed = [text for text, grade in grades(packages.packages()).items() if grade == "fail"]
    assert len(failed) == 1 and "opencv-python 5.0.0 and opencv-python-headless" in failed[0]


def test_a_limit_of_opencv_that_would_quarantine_large_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENCV_IO_MAX_IMAGE_PIXELS", "1000")
    found = grades(packages.packages())
    assert found["OPENCV_IO_MAX_IMAGE_PIXELS=1000: larger pictures will be quarantined"] == "warn"


@pytest.mark.parametrize(("there", "todo"), [([], ["pip install 'nightsort[openvino]'"]), ([GPU], [])])
def test_without_openvino_a_processor_is_slow(
    there: list[gpus.Gpu], todo: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    versions({"openvino": None}, monkeypatch)
    monkeypatch.setattr(gpus, "seen", lambda: there)
    assert [item.todo for item in packages.packages() if item.subject == "openvino"] == todo


@pytest.mark.parametrize(("gigabytes", "grade"), [(0.5, "fail"), (1.2, "warn"), (64, "ok")])
def test_memory_for_the_workers(gigabytes: float, grade: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_memory", lambda: int(gigabytes * 1024**3))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    assert next(iter(machine.machine())).grade == grade


def test_few_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.resource, "getrlimit", lambda _: (64, 4096))
    assert grades(machine.machine())["64 open files allowed (at most 4096), 1024 may be needed"] == "warn"


def test_a_full_gpu_and_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "seen", lambda: [GPU])
    assert grades(machine.graphics()) == {"0: H100, 79.0 of 80.0 GB in use, driver 580": "warn"}
    monkeypatch.setattr(gpus, "seen", list)
    assert set(grades(machine.graphics()).values()) == {"ok"}


def test_a_machine_without_a_driver_has_no_gpu() -> None:
    if Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has a GPU")
    assert gpus.seen() == []


@pytest.mark.parametrize(("free", "grade"), [(10**8, "fail"), (10**9, "warn"), (10**11, "ok")])
def test_room_for_temporary_files(free: int, grade: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "room_at", lambda _: room.Room(free, 10**12))
    assert set(grades(machine.temporary()).values()) == {grade}


def test_a_clock_that_nobody_keeps_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "_is_synchronised", lambda: False)
    monkeypatch.setenv("NIGHTSORT_CLOCK_OFFSET", "3600")
    assert list(grades(clocks.clock()).values()) == ["warn", "warn"]
    monkeypatch.setattr(clocks, "_is_synchronised", lambda: True)
    monkeypatch.delenv("NIGHTSORT_CLOCK_OFFSET")
    assert list(grades(clocks.clock()).values()) == ["ok"]


@pytest.mark.parametrize(("off", "grade"), [(0, "ok"), (-0.9, "ok"), (20, "warn"), (-20, "warn"), (90, "fail")])
def test_another_clock(off: float, grade: str) -> None:
    assert clocks.apart("clock", "the server's clock", 1000.0 + off, 1000.0, 1000.2).grade == grade


def test_the_clock_of_a_storage_leaves_nothing(there: Storage) -> None:
    assert set(grades(clocks.storage_clock(there)).values()) == {"ok"}
    assert there.names("") == []


def test_rights(there: Storage, storage: Storage, tmp_path: Path) -> None:
    assert set(grades(storage_root.rights(there)).values()) == {"ok"}
    away = Storage(str(tmp_path / "away"))
    assert grades(storage_root.rights(away)) == {f"{away.root} is not there": "warn"}
    assert not Path(away.root).exists()


def test_a_root_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "fail" in grades(storage_root.rights(Storage(str(tmp_path / "file")))).values()


@pytest.mark.parametrize(("free", "grade"), [(10**7, "fail"), (10**8, "warn"), (10**11, "ok")])
def test_room_for_the_storage(free: int, grade: str, there: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_root, "room", lambda _: room.Room(free, 10**12))
    assert set(grades(storage_root.disk(there)).values()) == {grade}


def test_holders_alive_and_dead(there: Storage) -> None:
    assert grades(storage_root.leases(there)) == {"none is held": "ok"}
    alive, dead = Note.own(), Note.own()
    alive.run, dead.run = "r1", "r2"
    there.write_bytes("leases/dataset/4.json", alive.renew(60.0))
    there.write_bytes("leases/models/3.json", dead.renew(-10.0))
    dead.heartbeat -= timedelta(hours=5)
    there.write_bytes("leases/models/3.json", dead.model_dump_json().encode())
    there.write_bytes("leases/models/2.json", b"{")
    (first, one), (second, two) = grades(storage_root.leases(there)).items()
    assert "lease dataset: run r1" in first and one == "ok"
    assert "lease models: run r2" in second and "5 h ago, is dead" in second and two == "warn"


def test_no_champion(there: Storage) -> None:
    assert grades(storage_root.champion(there)) == {"there is none, so nothing can be classified": "warn"}


@pytest.mark.parametrize(
    ("answer", "told", "grade"),
    [
        (("torch-fp32", ""), "model 3, small, computed by torch-fp32", "ok"),
        ((None, "nobody measured it here"), "model 3, small; nobody measured it here", "warn"),
    ],
)
def test_what_computes_the_champion(
    answer: tuple[str | None, str], told: str, grade: str, there: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    card = SimpleNamespace(model="small", preprocess=lambda: made.append(1))
    monkeypatch.setattr(storage_root.Registry, "champion", lambda _: 3)
    monkeypatch.setattr(storage_root, "load_card", lambda _, version: {3: card}[version])
    monkeypatch.setattr(storage_root, "backend_for", lambda *_: answer)
    assert grades(storage_root.champion(there)) == {told: grade} and made == [1], "its pictures can be prepared"


def test_pipelines_and_their_sources(tmp_path: Path) -> None:
    file = tmp_path / "pipelines.yaml"
    assert set(grades(declaration.pipelines(file)).values()) == {"warn"}
    file.write_text("pipelines:\n  nightly: {flow: classify, parameters: {source: drop}}\n")
    assert grades(declaration.pipelines(file))[f"nightly: {tmp_path}/drop is not there"] == "fail"
    (tmp_path / "drop").mkdir()
    assert set(grades(declaration.pipelines(file)).values()) == {"ok"}
    file.write_text("pipelines:\n  nightly: {flow: classify, parameters: {source: 'nostore://drop'}}\n")
    ((told, grade),) = [item for item in grades(declaration.pipelines(file)).items() if "nightly" in item[0]]
    assert grade == "fail" and told.startswith("nightly: nostore://drop: ValueError: Protocol not known")
    file.write_text("pipelines:\n  nightly: {flow: clasify}\n")
    assert set(grades(declaration.pipelines(file)).values()) == {"fail"}


@pytest.mark.parametrize(
    ("address", "grade"),
    [("https://hooks.example.org/T0/s3cret", "ok"), ("s3cret", "fail"), ("http://[s3cret", "fail"), (None, "ok")],
)
def test_the_address_of_the_webhook(address: str | None, grade: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NIGHTSORT_WEBHOOK", raising=False)
    if address:
        monkeypatch.setenv("NIGHTSORT_WEBHOOK", address)
    ((told, found),) = grades(declaration.webhook()).items()
    assert found == grade and "s3cret" not in told


def test_a_check_that_raises_or_hangs_keeps_no_other_from_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_PASSWORD", "canary-1")
    free = threading.Event()

    def raising() -> list[Finding]:
        raise OSError("no\nroute canary-1")

    def hanging() -> list[Finding]:
        free.wait()
        return []

    first, third = examine([("one", raising), ("three", lambda: [ok("three", "canary-1 fine")])])
    (second,) = examine([("two", hanging)], patience=0.01)
    free.set()
    assert first.grade == "fail" and first.told == "could not be checked: OSError: no route [redacted]"
    assert second.grade == "fail" and second.told.startswith("gave no answer within")
    assert third == ok("three", "[redacted] fine")


def test_room_of_a_folder_that_is_not_made_yet(tmp_path: Path) -> None:
    assert room.room_at(tmp_path / "a" / "b").total == shutil.disk_usage(tmp_path).total
    assert room.room(Storage("memory://x")) is None


def test_a_store_whose_room_nobody_knows_is_not_judged() -> None:
    assert list(storage_root.disk(Storage("memory://x"))) == []
