"""Owns how a remote store is spoken to: how often it is asked, what the environment says of it, what its errors mean.

Invariant: a store that refuses one request in five is read and written whole, and one that is not there is given
up on within about a minute; every library that speaks to it (fsspec, delta-rs, Arrow) goes to the same endpoint.
Does not know what is kept there.
"""

import asyncio
import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import (
    AsyncRetrying,
    Retrying,
    retry_if_exception,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
    wait_random_exponential,
)

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

T = TypeVar("T")

S3FS_ATTEMPTS = 3
"""What s3fs does around botocore's attempts: it asks again when the connection is lost in the midst of an answer."""

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az", "http": "http", "https": "http"}
"""Scheme of a URI -> the extra of Nightsort that installs what speaks to such a store."""

_ATTEMPTS = 6
_LONGEST = 20  # seconds between two attempts
_CONNECTIONS = 32
_BUSY = (429, 500, 502, 503, 504)
_LIBRARIES = {"botocore", "aiobotocore", "aiohttp", "gcsfs", "google", "azure", "adlfs"}
_REMEDIES = {
    "NoCredentialsError": "; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or, if it is public, FSSPEC_S3_ANON=true",
    "EndpointConnectionError": "; see whether AWS_ENDPOINT_URL is right and the store is up",
}
_ROLES = "//169.254.169.254/"  # where delta-rs asks for the role of a machine of Amazon's that has no keys
_BROKEN_OFF = re.compile(r"HTTP error|response body|NETWORK_CONNECTION|[Tt]imed? ?out|connection (closed|reset)")
_UNREACHED = re.compile(r"performing \w+ (\w+://[^/\s]+).*\(Connect\) (.+)")  # delta-rs, in one line
_ENDPOINT = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")  # as botocore has it


def lacking(scheme: str, error: ImportError) -> str:
    """What is said where the library for a scheme is not installed; fsspec's own words for one that has no extra."""
    todo = f"pip install 'nightsort[{EXTRAS[scheme]}]'" if scheme in EXTRAS else str(error)
    return f"{scheme}:// needs a library that is not installed: {todo}"


def fsspec_options(store: str | None) -> dict[str, Any]:
    """What the fsspec filesystem of a remote store is to be told; gcsfs and adlfs are patient by themselves.

    :param store: s3, http, or anything else
    """
    # Tonight's pictures are not in yesterday's listing, and other processes write here too.
    options: dict[str, Any] = {"use_listings_cache": False}
    if store == "s3":
        # botocore's default mode has no longest pause
        retries = {"mode": "standard", "total_max_attempts": _ATTEMPTS}
        limits = {"max_pool_connections": _CONNECTIONS, "connect_timeout": 10, "read_timeout": 60}
        options["config_kwargs"] = {"retries": retries, **limits}
    if store == "http":
        options["client_kwargs"] = {"middlewares": (_ask_again,)}
    return options


def endpoint() -> str:
    """Where the environment says that s3:// is; "" is Amazon."""
    return next((found for name in _ENDPOINT if (found := os.environ.get(name))), "")


def delta_options(uri: str) -> dict[str, str]:
    """What delta-rs is to be told, which by itself refuses an http:// endpoint that the other libraries follow."""
    if not (uri.startswith("s3://") and (named := endpoint())):
        return {}
    plain = {"AWS_ALLOW_HTTP": "true"} if named.startswith("http://") else {}
    return {"AWS_ENDPOINT_URL": named, **plain}


def arrow_filesystem(uri: str) -> "tuple[FileSystem, str]":
    """Arrow's own filesystem of a place, and the path in it."""
    from pyarrow import fs

    if not uri.startswith("s3://"):
        found, path = fs.FileSystem.from_uri(uri)
        return found, path
    path = uri.removeprefix("s3://")
    settings: dict[str, str] = {}
    if named := endpoint():
        settings["scheme"], _, settings["endpoint_override"] = named.rstrip("/").partition("://")
    elif not (os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")):
        settings["region"] = fs.resolve_s3_region(path.partition("/")[0])
    # By itself it asks three times, which of a store that refuses one in five is not enough.
    return fs.S3FileSystem(retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=2 * _ATTEMPTS), **settings), path


@contextmanager
def reaching(place: str) -> Iterator[None]:
    """Turn what a store's own library raises into OSError: a number, a text for a person, the place."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), place) from error
    except FileExistsError as error:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), place) from error
    except PermissionError as error:
        raise PermissionError(errno.EACCES, error.strerror or str(error), place) from error
    except OSError as error:
        text = gist(error) if type(error) is OSError else f"{type(error).__name__}: {error}"
        raise OSError(error.errno or errno.EIO, error.strerror or text, place) from error
    except Exception as error:
        name = type(error).__name__
        if type(error).__module__.partition(".")[0] not in _LIBRARIES:
            raise
        raise OSError(errno.EIO, f"{name}: {gist(error)}{_REMEDIES.get(name, '')}", place) from error


def code(error: BaseException | None) -> str:
    """What S3 calls a fault, such as NoSuchBucket, looked for in an error and in what caused it; "" if nothing does."""
    while error:
        if isinstance(response := getattr(error, "response", None), dict):
            return str(response.get("Error", {}).get("Code", ""))
        error = error.__cause__ or error.__context__
    return ""


def gist(error: BaseException) -> str:
    """An error as one line: of S3's answers the fault alone, of delta-rs's coloured lines no stack of its own."""
    if told := re.search(r"<Code>(\w+)</Code>\s*<Message>([^<]*)", str(error)):
        return f"{told[1]}: {told[2]}"
    if _ROLES in str(error):
        return "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role"
    line = " ".join(re.sub(r"\x1b\[\d+m|↳", "", re.split(r"\n\s+0: ", str(error))[0]).split())
    if told := _UNREACHED.search(line):
        return f"no connection to {told[1]}: {told[2]}{_REMEDIES['EndpointConnectionError'] if endpoint() else ''}"
    return line


def persistently(attempt: Callable[[], T]) -> T:
    """What an attempt returns, which is made again where an answer of a store broke off: delta-rs gives up on those.

    :param attempt: may be made twice, also if the first one came to its end and only nobody was told
    """
    retrying = Retrying(
        retry=retry_if_exception(lambda error: bool(_BROKEN_OFF.search(str(error)))),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.2, max=_LONGEST),
        reraise=True,
    )
    return retrying(attempt)


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
