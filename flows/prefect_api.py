"""Owns whether a Prefect API can be used: whether it answers, and whether it lets this process in.

Invariant: asking whether it answers loads no Prefect; the credentials are Prefect's own settings, and are never shown.
Does not know what it is asked for.
"""

import os
import ssl

import httpx

from flows.environment import CERTIFICATES, CREDENTIALS, SERVER_CREDENTIALS, UNCHECKED
from nightsort.errors import ConfigError

_TIMEOUT = 10.0  # seconds to wait for a server that is busy; one that is not there refuses at once
_REFUSALS = (401, 403, 407)


def is_alive(api: str) -> bool:
    """Whether a Prefect API answers; it asks nobody for credentials.

    :raises ConfigError: the certificates to check it with cannot be read
    """
    verify = _certificates() if api.startswith("https:") else False
    try:
        return httpx.get(f"{api}/health", timeout=_TIMEOUT, verify=verify).status_code == 200
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def _certificates() -> ssl.SSLContext | bool:
    """What Prefect's own client checks a server with."""
    if os.environ.get(UNCHECKED, "").lower() in ("1", "true", "yes", "on", "t", "y"):
        return False
    file = os.environ.get(CERTIFICATES)
    try:
        return ssl.create_default_context(cafile=file) if file else True
    except OSError as error:
        raise ConfigError(f"{CERTIFICATES}={file}: is no file of certificates ({error})") from None


def require(api: str) -> None:
    """Make sure that this process may use a Prefect API that answers.

    :raises ConfigError: it may not
    """
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    try:
        with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
            client.api_version()
    except httpx.HTTPStatusError as error:
        code = error.response.status_code
        if code not in _REFUSALS:
            raise ConfigError(f"the Prefect server at {api} answers with {code}; look at its log") from None
        state = "is refused" if PREFECT_API_AUTH_STRING.value() else "is not set"
        raise ConfigError(
            f"{CREDENTIALS}: {state}, and the Prefect server at {api} wants it ({code}); set it to what the server has "
            f"as {SERVER_CREDENTIALS}, NAME:PASSWORD"
        ) from None
    except httpx.HTTPError as error:
        raise ConfigError(f"the Prefect server at {api} cannot be used: {type(error).__name__}: {error}") from None
