"""Owns what of a machine decides how fast a model runs on it: processor, cores, GPUs, versions of the libraries.

Invariant: finding it out loads neither torch nor OpenVINO; equal machines have equal fingerprints, so
what was measured on one holds for the other. Does not measure.
"""

import hashlib
import os
import platform
import re
from functools import cache
from importlib import metadata
from pathlib import Path

from pydantic import BaseModel, ConfigDict

_CPUINFO = Path("/proc/cpuinfo")
_GPUS = Path("/proc/driver/nvidia/gpus")
_DEVICES = Path("/dev")
_FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_bf16", "amx_int8", "bf16", "i8mm", "sve")
"""What the kernels for bf16 and int8 look for, on x86 and on ARM."""

NO_OPENVINO = "OpenVINO is not installed: pip install 'nightsort[openvino]'"
"""What is said of its backends on a machine without it: an extra, since it is large, and no use beside a GPU."""


class Machine(BaseModel):
    """What matters for speed; libraries that are not installed have no version."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpu: str
    flags: list[str]
    cores: int
    gpus: list[str]
    torch: str
    openvino: str

    @property
    def fingerprint(self) -> str:
        """The same for equal machines, 12 hex digits."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]

    @property
    def line(self) -> str:
        """The machine in words."""
        flags = f" ({', '.join(self.flags)})" if self.flags else ""
        gpus = f", {', '.join(self.gpus)}" if self.gpus else ", no GPU"
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        libraries = f"torch {self.torch or 'missing'}, OpenVINO {self.openvino or 'missing'}"
        return f"{self.cpu}{flags}, {cores}{gpus}, {libraries}"


@cache
def this_machine() -> Machine:
    """The machine that this process runs on."""
    cpu, flags = _processor(_CPUINFO.read_text(errors="replace") if _CPUINFO.exists() else "")
    return Machine(
        cpu=cpu, flags=flags, cores=os.cpu_count() or 1, gpus=_gpus(), torch=_installed("torch"),
        openvino=_installed("openvino"),
    )  # fmt: skip


def _processor(cpuinfo: str) -> tuple[str, list[str]]:
    """Name and flags of the first processor that the kernel lists; what Python knows where it lists none."""
    name = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    listed = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    has = set(listed.group(1).split()) if listed else set()
    words = name.group(1) if name else platform.processor() or platform.machine() or "unknown processor"
    return " ".join(words.split()), [flag for flag in _FLAGS if flag in has]


def _gpus() -> list[str]:
    """Names of the NVIDIA GPUs; none where CUDA_VISIBLE_DEVICES hides them or no device node lets us at them."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1")
    if hidden or not any(re.fullmatch(r"nvidia\d+", name.name) for name in _DEVICES.glob("nvidia*")):
        return []
    found = (re.search(r"^Model:\s*(.+)$", file.read_text(), re.MULTILINE) for file in _GPUS.glob("*/information"))
    return sorted(model.group(1).strip() for model in found if model) or ["NVIDIA GPU"]


def _installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
