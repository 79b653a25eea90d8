"""What a machine is: read from what the kernel says, and equal where the machine is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nightsort.scoring.trials import machine
from nightsort.scoring.trials.machine import Machine, this_machine

EPYC = "processor\t: 0\nmodel name\t: AMD EPYC  9654\nflags\t\t: fpu sse2 avx2 avx512f avx512_bf16 avx512_vnni\n"
GRAVITON = "processor\t: 0\nBogoMIPS\t: 2100\nFeatures\t: fp asimd sve i8mm bf16\n"


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of /proc and /dev, that says what a test writes; nothing of the real machine."""
    for name, file in {"_CPUINFO": "cpuinfo", "_GPUS": "gpus", "_DEVICES": "dev"}.items():
        monkeypatch.setattr(machine, name, tmp_path / file)
    (tmp_path / "dev").mkdir()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


def look() -> Machine:
    """The machine as it is now."""
    this_machine.cache_clear()
    try:
        return this_machine()
    finally:
        this_machine.cache_clear()


def gpu(kernel: Path, number: int, model: str) -> None:
    (kernel / "dev" / f"nvidia{number}").touch()
    (kernel / "gpus" / f"0000:0{number}:00.0").mkdir(parents=True)
    (kernel / "gpus" / f"0000:0{number}:00.0" / "information").write_text(f"Model: \t\t {model}\nIRQ: 12\n")


def test_name_and_flags_of_the_processor_are_found(kernel: Path) -> None:
    (kernel / "cpuinfo").write_text(EPYC)
    found = look()
    assert found.cpu == "AMD EPYC 9654"
    assert found.flags == ["avx2", "avx512f", "avx512_bf16", "avx512_vnni"]
    assert found.cores == os.cpu_count()


def test_an_arm_processor_has_features_and_another_name(kernel: Path) -> None:
    (kernel / "cpuinfo").write_text(GRAVITON)
    assert set(look().flags) == {"bf16", "i8mm", "sve"} and look().cpu


def test_without_a_kernel_that_lists_them_there_is_still_a_machine(kernel: Path) -> None:
    assert look().flags == [] and look().cpu and look().gpus == []


def test_gpus_are_named_unless_they_are_hidden(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu(kernel, 0, "NVIDIA H100")
    gpu(kernel, 1, "NVIDIA A2")
    assert look().gpus == ["NVIDIA A2", "NVIDIA H100"] and "NVIDIA H100" in look().line
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert look().gpus == [] and "no GPU" in look().line


def test_a_gpu_without_a_device_node_is_not_ours(kernel: Path) -> None:
    gpu(kernel, 0, "NVIDIA H100")
    (kernel / "dev" / "nvidia0").unlink()
    (kernel / "dev" / "nvidiactl").touch()
    assert look().gpus == []


def test_a_library_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_installed", lambda name: "" if name == "openvino" else "2.13.0")
    assert look().openvino == "" and "OpenVINO missing" in look().line and "torch 2.13.0" in look().line


@pytest.mark.parametrize("changed", [{"cores": 64}, {"cpu": "other"}, {"openvino": "1.0"}, {"gpus": ["NVIDIA H100"]}])
def test_fingerprints_are_equal_where_machines_are(changed: dict[str, object]) -> None:
    here = this_machine()
    assert here.fingerprint == Machine(**here.model_dump()).fingerprint
    assert here.fingerprint != here.model_copy(update=changed).fingerprint


def test_finding_out_loads_no_library() -> None:
    code = (
        "import sys; from nightsort.scoring.trials.machine import this_machine; print(this_machine().torch != '');"
        "print({'torch', 'openvino'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["True", "set()"]
