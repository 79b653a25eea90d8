"""Waiting for what another process is to do; a test in which it does not come fails and says what."""

from topology.waiting import until

__all__ = ["until"]
