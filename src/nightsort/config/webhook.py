"""Owns the address that people want to be told at.

Invariant: it comes from the environment alone, and is a secret: no message shows it. Does not know what is told.
"""

import os
from urllib.parse import urlsplit

from nightsort.errors import ConfigError

ADDRESS = "NIGHTSORT_WEBHOOK"
"""Environment variable: a URL that takes POST."""


def address() -> str:
    """The address; empty if nobody wants to be told.

    :raises ConfigError: if it can be none
    """
    given = os.environ.get(ADDRESS, "")
    if given and not _is_url(given):
        raise ConfigError(f"{ADDRESS}: must be an address such as https://host/path; it is a secret, so not shown")
    return given


def _is_url(text: str) -> bool:
    try:
        url = urlsplit(text)
    except ValueError:
        return False
    return url.scheme in ("http", "https") and bool(url.hostname)
