"""Owns what is kept out of every word that leaves this process: secrets.

Invariant: no value of the environment that its name calls a secret gets through, nor what looks like a secret anywhere.
Does not know where the words go.
"""

import json
import os
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

REDACTED = "[redacted]"

_SECRET_NAME = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|KEY|AUTH|WEBHOOK|CREDENTIAL|CONNECTION_(URL|STRING)"
)
_ADDRESS = "WEBHOOK"
_SETTINGS = "FSSPEC_"  # environment variables of this name hold settings of a store, in JSON
_SHORTEST = 6  # characters of a secret; a shorter value, such as "true", is part of too many words
_PATTERNS = tuple(
    (re.compile(pattern, flags), replacement)
    for pattern, flags, replacement in (
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL, REDACTED),
        (r"(?<=://)[^\s/?#'\"<>]+@", 0, f"{REDACTED}@"),
        (r"\b(Bearer)\s+[\w.~+/=-]{6,}", re.IGNORECASE, rf"\1 {REDACTED}"),
        (r"\b(Basic)\s+(?=\S*[\dA-Z=])[\w+/=-]{6,}", 0, rf"\1 {REDACTED}"),
        (r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", 0, REDACTED),
        (r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*", 0, REDACTED),  # a JSON web token
        (r"([?&](?:sig|signature|X-Amz-[\w-]+)=)[^&\s'\"]+", re.IGNORECASE, rf"\1{REDACTED}"),
        (
            r"((?:password|passwd|secret|api_?key|access_key|access_token)['\"]?\s*[=:]\s*['\"]?)[^\s'\",;&}]{6,}",
            re.IGNORECASE,
            rf"\1{REDACTED}",
        ),
    )
)


def redacted(text: str) -> str:
    """A text without the secrets of this process's environment, and without what looks like a secret."""
    for secret in _secrets(tuple(item for item in os.environ.items() if _may_hold_secrets(item[0]))):
        text = text.replace(secret, REDACTED)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def cleanse(error: BaseException) -> None:
    """Take secrets out of an error, and of what caused it, before others show or keep its words."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.args = tuple(redacted(part) if isinstance(part, str) else part for part in error.args)
        error = error.__cause__ or error.__context__  # type: ignore[assignment]


@lru_cache(maxsize=4096)
def _is_named_secret(name: str) -> bool:
    return bool(_SECRET_NAME.search(name.upper()))


@lru_cache(maxsize=16)
def _secrets(named: tuple[tuple[str, str], ...]) -> list[str]:
    """Every form in which the values may be met, the longest first."""
    forms: set[str] = set()
    for name, value in named:
        for part in _parts(value) if name.startswith(_SETTINGS) else [value]:
            forms.update(_forms(part.strip(), _ADDRESS in name.upper()))
    return sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)


def _may_hold_secrets(name: str) -> bool:
    return _is_named_secret(name) or name.startswith(_SETTINGS)


def _parts(value: str) -> Iterator[str]:
    """The secrets among settings of a store: a value, or an object of JSON, of objects again."""
    try:
        waiting = [json.loads(value)]
    except ValueError:
        yield value
        return
    while waiting:
        found = waiting.pop()
        for key, inner in found.items() if isinstance(found, dict) else ():
            if isinstance(inner, dict):
                waiting.append(inner)
            elif isinstance(inner, str) and _is_named_secret(key):
                yield inner


def _forms(value: str, is_address: bool) -> Iterator[str]:
    """How a secret may be met.

    :param is_address: whoever knows a webhook's path may use it; that of a database is a name among others
    """
    if value.startswith(("/", "~")) and Path(value).expanduser().exists():
        return  # where a secret lies is none
    parts = [value, value.partition(":")[2], b64encode(value.encode()).decode()]  # of user:password, as it is sent
    if "://" in value:
        with suppress(ValueError):  # it need be no address that works
            address = urlsplit(value)
            parts = [value, address.password or ""]
            if is_address:
                parts.append(f"{address.path}?{address.query}".strip("/?"))
    for part in parts:
        yield from (part, quote(part, safe=""), unquote(part), repr(part)[1:-1])
