"""How a Dask client comes about: the certificates that it shows, and where what a run starts computes."""

from pathlib import Path

import pytest

from nightsort.config.compute import Compute, Tls
from nightsort.config.run import RunParams
from nightsort.config.search import TuneParams
from nightsort.config.training import TrainParams
from nightsort.errors import ConfigError
from tasks.compute import Workers
from tasks.connection import Connection, security
from topology.certificates import issue


def test_certificates_are_readable_by_their_owner_alone(tls: Tls) -> None:
    assert {Path(place).stat().st_mode & 0o777 for place in tls.model_dump().values()} == {0o600}


def test_certificates_serve_every_role_and_nothing_goes_in_clear(tls: Tls) -> None:
    found = security(tls)
    assert found.require_encryption
    for role in ("client", "scheduler", "worker"):
        wanted = {"ca_file": tls.ca, "cert": tls.cert, "key": tls.key, "ciphers": None}
        assert found.get_tls_config_for_role(role) == wanted


@pytest.mark.parametrize("part", ["ca", "cert", "key"])
@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_certificate_that_is_missing_or_wrong_is_named(
    part: str, content: bytes | None, tls: Tls, tmp_path: Path
) -> None:
    place = tmp_path / f"{part}.pem"
    if content is not None:
        place.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        security(tls.model_copy(update={part: str(place)}))
    (line,) = caught.value.lines
    assert line.startswith("tls: ") and str(place) in line


def test_a_key_of_another_certificate_is_named(tls: Tls, tmp_path: Path) -> None:
    other = issue(tmp_path / "other")
    with pytest.raises(ConfigError, match=rf"{other.key}, is wrong \(.*KEY_VALUES_MISMATCH"):
        security(tls.model_copy(update={"key": other.key}))


def test_certificates_that_are_missing_end_a_run_before_anything_is_reached(tls: Tls, tmp_path: Path) -> None:
    lost = tls.model_copy(update={"ca": str(tmp_path / "nowhere.pem")})
    params = RunParams(scheduler="tls://127.0.0.1:9", tls=lost)
    with Workers(params) as workers, pytest.raises(ConfigError, match=r"nowhere\.pem cannot be read \(No such file"):
        workers.start()


def test_what_a_run_starts_of_its_own_is_local_whatever_computes_its_chunks() -> None:
    connection = Connection(RunParams(workers=1), 1, 1, 0)
    assert connection.is_local


def test_another_flow_that_a_run_starts_computes_where_it_does(tls: Tls) -> None:
    params = TuneParams(scheduler="tls://a:1", tls=tls, resources={"GPU": 1}, worker_timeout=5)
    values = params.model_dump(include=set(TrainParams.model_fields))
    started = TrainParams.model_validate(values | {"dataset_version": 1})
    assert all(getattr(started, name) == getattr(params, name) for name in Compute.model_fields)
