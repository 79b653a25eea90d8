"""The trained storage root and the pictures of tests/flows, for the pages that are run."""

from tests.flows.conftest import inline, inline_workers, pictures, root, trained

__all__ = ["inline", "inline_workers", "pictures", "root", "trained"]
