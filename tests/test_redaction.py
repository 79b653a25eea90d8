"""What is kept out of every word that leaves the process: secrets of the environment, and what looks like one."""

import base64

import pytest

from nightsort.redaction import cleanse, redacted

CANARY = "canary-6f1c9"


@pytest.mark.parametrize(
    ("name", "value", "text", "clean"),
    [
        ("PREFECT_API_AUTH_STRING", "admin:hunter22", "the password is hunter22", "the password is [redacted]"),
        (
            "PREFECT_API_AUTH_STRING",
            "admin:hunter22",
            f"Basic {base64.b64encode(b'admin:hunter22').decode()}",
            "Basic [redacted]",
        ),
        ("NIGHTSORT_WEBHOOK", "https://h/T0/Xy12345", "POST https://h/T0/Xy12345", "POST [redacted]"),
        ("NIGHTSORT_WEBHOOK", "https://h/T0/Xy12345", "no route to /T0/Xy12345", "no route to /[redacted]"),
        ("NIGHTSORT_WEBHOOK", "http://[s3cret", "at http://[s3cret", "at [redacted]"),
        ("DB_CONNECTION_URL", "sqlite:////opt/python3.11/db", "File /opt/python3.11/db", "File /opt/python3.11/db"),
        ("DB_CONNECTION_URL", "mysql://u:hunter22@h/prefect", "prefect: hunter22", "prefect: [redacted]"),
        ("DB_PASSWORD", "p@ss/w0rd", "postgresql://u:p%40ss%2Fw0rd@h/db", "postgresql://[redacted]@h/db"),
        ("FSSPEC_HTTPS", '{"headers": {"Authorization": "hunter22"}}', "sent hunter22", "sent [redacted]"),
        ("FSSPEC_S3", '{"endpoint_url": "http://store"}', "at http://store", "at http://store"),
        ("SOME_KEY", "true", "it is true", "it is true"),
        ("TLS_KEY", "/etc/passwd", "/etc/passwd cannot be read", "/etc/passwd cannot be read"),
        ("HOME_PAGE", "https://example.org/a", "see https://example.org/a", "see https://example.org/a"),
    ],
)
def test_values_of_the_environment(
    name: str, value: str, text: str, clean: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert redacted(text) == clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("s3://KEY:secret@bucket/a", "s3://[redacted]@bucket/a"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer [redacted]"),
        ("id AKIAIOSFODNN7EXAMPLE", "id [redacted]"),
        ("https://b/o?X-Amz-Signature=abc&x=1", "https://b/o?X-Amz-Signature=[redacted]&x=1"),
        ('{"password": "hunter22"}', '{"password": "[redacted]"}'),
        ("-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----.", "[redacted]."),
        ("s3://bucket/a@b.png", "s3://bucket/a@b.png"),
        ("basic structure, model 7: token 12", "basic structure, model 7: token 12"),
    ],
)
def test_what_looks_like_a_secret(text: str, clean: str) -> None:
    assert redacted(text) == clean


def test_an_error_loses_its_secrets_and_so_does_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", CANARY)
    error, cause = RuntimeError(f"outer {CANARY}", 7), ValueError(CANARY)
    error.__cause__, cause.__context__ = cause, error  # a circle
    cleanse(error)
    assert error.args == ("outer [redacted]", 7) and cause.args == ("[redacted]",)
