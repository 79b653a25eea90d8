"""What the topology classifies, and with what: the pictures and the trained root of the flows' tests."""

from tests.flows.conftest import pictures, trained

__all__ = ["pictures", "trained"]
