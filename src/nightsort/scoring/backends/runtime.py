"""Owns the door to OpenVINO: whoever needs it takes it from here.

Invariant: its telemetry is kept out, so that nothing is sent and no folder appears in the user's home. Where OpenVINO
is not installed this cannot be imported; opening.lacks says so before anybody tries. Does not know models.
"""

import sys
from functools import cache

# None makes every import of it fail, and OpenVINO and NNCF go on without; it must stand before theirs.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402
from openvino.tools.ovc.logger import get_logger_state, restore_logger_state  # noqa: E402

__all__ = ["core", "get_logger_state", "ov", "restore_logger_state"]


@cache
def core() -> ov.Core:
    """The one of this process."""
    return ov.Core()
