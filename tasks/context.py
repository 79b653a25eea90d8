"""Owns the question whether Prefect runs this code, or a plain call does.

Invariant: asking does not load Prefect, which takes a second: what did not load it is not run by it.
"""

import sys


def in_flow_run() -> bool:
    """Whether a Prefect flow run is around this call."""
    context = sys.modules.get("prefect.context")
    return bool(context and context.FlowRunContext.get())


def log(*lines: str) -> None:
    """Write lines into the log of the Prefect flow run around this call, if there is one."""
    if in_flow_run():
        from prefect import get_run_logger

        for line in lines:
            get_run_logger().info(line)
