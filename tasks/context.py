"""Owns the question whether Prefect runs this code, or a plain call does.

Invariant: asking does not load Prefect, which takes a second: what did not load it is not run by it.
"""

import sys


def in_flow_run() -> bool:
    """Whether a Prefect flow run is around this call."""
    context = sys.modules.get("prefect.context")
    return bool(context and context.FlowRunContext.get())
