"""Owns how often and how long a remote store is asked again: the settings of each fsspec filesystem.

Invariant: a store that refuses one request in five is read whole, and one that is not there is given up on
within about a minute.
Does not know what is read.
"""

import asyncio
from typing import Any

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
    wait_random_exponential,
)

S3FS_ATTEMPTS = 3
"""What s3fs does around botocore's attempts: it asks again when the connection is lost in the midst of an answer."""

_ATTEMPTS = 6
_LONGEST = 20  # seconds between two attempts
_CONNECTIONS = 32
_BUSY = (429, 500, 502, 503, 504)


def patience(store: str | None) -> dict[str, Any]:
    """Options of the fsspec filesystem of a remote store; gcsfs and adlfs are patient by themselves.

    :param store: s3, http, or anything else
    """
    # Tonight's pictures are not in yesterday's listing.
    options: dict[str, Any] = {"use_listings_cache": False}
    if store == "s3":
        # botocore's default mode has no longest pause
        retries = {"mode": "standard", "total_max_attempts": _ATTEMPTS}
        limits = {"max_pool_connections": _CONNECTIONS, "connect_timeout": 10, "read_timeout": 60}
        options["config_kwargs"] = {"retries": retries, **limits}
    if store == "http":
        options["client_kwargs"] = {"middlewares": (_ask_again,)}
    return options


async def _ask_again(request: Any, handler: Any) -> Any:
    """A middleware of aiohttp, which by itself asks once."""

    async def ask() -> Any:
        response = await handler(request)
        if response.status in _BUSY:
            response.release()
        return response

    retrying = AsyncRetrying(
        retry=retry_if_result(lambda response: response.status in _BUSY)
        | retry_if_exception_type((ConnectionError, asyncio.TimeoutError)),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.5, max=_LONGEST),
        retry_error_callback=lambda state: state.outcome and state.outcome.result(),
    )
    return await retrying(ask)
