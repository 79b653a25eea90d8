"""Remote stores: a real S3 server, also a busy one, and a real HTTP server; other stores by fsspec's contract."""

import gzip
import itertools
import threading
from collections.abc import Callable, Iterator
from functools import partial as bind
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from nightsort.errors import PictureError, SourceError
from nightsort.sources.files import Access, existing, fetch, filesystem, local, partial, stamp
from tests.object_store import FaultProxy, ObjectStore

Rude = Callable[..., FaultProxy]


@pytest.fixture
def access(tmp_path: Path) -> Access:
    """Local copies go to a folder of the test's own."""
    return Access(scratch=str(tmp_path / "scratch"))


def fill(store: ObjectStore, count: int) -> dict[str, bytes]:
    """Objects of different bytes under one prefix, by their URI."""
    contents = [number.to_bytes(2, "big") * (50 + number) for number in range(count)]
    return {store.put(f"crack/{number:03d}.png", data): data for number, data in enumerate(contents)}


def test_a_bucket_is_listed_and_read(object_store: ObjectStore) -> None:
    objects = fill(object_store, 40)
    fs, folder = existing(f"s3://{object_store.bucket}/crack")
    listed = {f"s3://{info['name']}": info["size"] for info in fs.ls(folder, detail=True)}
    assert listed == {uri: len(data) for uri, data in objects.items()}
    assert dict(fetch(listed.items(), Access())) == objects


def test_a_listing_is_never_remembered(object_store: ObjectStore) -> None:
    uri = f"s3://{object_store.bucket}"
    object_store.put("a.png", b"a")
    assert len(filesystem(uri)[0].ls(object_store.bucket)) == 1
    object_store.put("b.png", b"b")
    assert len(filesystem(uri)[0].ls(object_store.bucket)) == 2


def test_the_etag_is_the_stamp(object_store: ObjectStore) -> None:
    uri = object_store.put("a.png", b"abc")
    fs, name = filesystem(uri)
    listed, looked_up = stamp(fs.ls(object_store.bucket, detail=True)[0]), stamp(fs.info(name))
    assert listed == looked_up == "900150983cd24fb0d6963f7d28e17f72", "MD5, as S3 does"
    object_store.put("a.png", b"abd")
    assert stamp(fs.info(name)) != listed


def test_an_archive_is_copied_once_and_again_when_it_changed(object_store: ObjectStore, access: Access) -> None:
    uri = object_store.put("a.zip", b"one")
    first = local(uri, access)
    assert (first.name, first.read_bytes()) == ("a.zip", b"one")
    assert local(uri, access) == first
    object_store.put("a.zip", b"two")
    assert local(uri, access).read_bytes() == b"two"


def test_a_compressed_archive_is_unpacked_on_its_way(object_store: ObjectStore, access: Access) -> None:
    data = bytes(range(256)) * 1000
    assert local(object_store.put("a.tar.gz", gzip.compress(data)), access).read_bytes() == data
    cut = local(object_store.put("cut.tgz", gzip.compress(data)[:-20]), access)
    assert data.startswith(cut.read_bytes()) and partial(cut).startswith("damaged after ")


@pytest.mark.parametrize(("busy", "reset"), [(0.2, 0.0), (0.1, 0.1)])
def test_a_busy_store_gives_the_same_bytes(
    busy: float, reset: float, object_store: ObjectStore, rude: Rude, access: Access, impatient: None
) -> None:
    objects = fill(object_store, 60)
    archive = object_store.put("a.zip", bytes(range(256)) * 4000)
    proxy = rude(object_store.endpoint, busy, reset)
    fs, folder = existing(f"s3://{object_store.bucket}/crack")
    assert sorted(fs.ls(folder, detail=False)) == sorted(uri.removeprefix("s3://") for uri in objects)
    assert dict(fetch([(uri, len(data)) for uri, data in objects.items()], Access())) == objects
    assert local(archive, access).read_bytes() == bytes(range(256)) * 4000
    assert proxy.counts["busy"] > 0 and (proxy.counts["reset"] > 0) == (reset > 0)


def test_a_store_that_is_always_busy_is_given_up(object_store: ObjectStore, rude: Rude, impatient: None) -> None:
    uri = object_store.put("a.png", b"a")
    rude(object_store.endpoint, busy=1.0)
    [(_, fault)] = fetch([(uri, 1)], Access())
    assert isinstance(fault, PictureError) and fault.reason == "unreadable"
    with pytest.raises(SourceError, match=f"^source {uri}: "):
        existing(uri)


def test_each_fault_is_its_own(object_store: ObjectStore) -> None:
    asked = [(object_store.put(name, data), len(data)) for name, data in [("a", b"abcd"), ("b", b""), ("c", b"abc")]]
    asked.insert(1, (f"s3://{object_store.bucket}/none", 3))
    assert [str(data) for _, data in fetch(asked, Access(max_bytes=3))] == [
        "too_large: more than 3 bytes",
        "unreadable: No such file or directory",
        "b''",
        "b'abc'",
    ]


def test_a_bucket_that_is_not_there_is_one_clear_line(object_store: ObjectStore, access: Access) -> None:
    for uri in ("s3://no-such-bucket-at-all", "s3://no-such-bucket-at-all/crack"):
        with pytest.raises(SourceError) as caught:
            existing(uri)
        assert caught.value.lines == [f"source {uri}: does not exist; give a folder, a bucket, an archive or a video"]
    with pytest.raises(FileNotFoundError):
        local("s3://no-such-bucket-at-all/a.zip", access)


def test_missing_credentials_are_one_clear_line(
    object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    uri = object_store.put("a.png", b"a")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(SourceError, match=f"^source {uri}: NoCredentialsError: .*; set AWS_ACCESS_KEY_ID") as caught:
        existing(uri)
    assert len(caught.value.lines) == 1
    monkeypatch.setitem(fsspec.config.conf, "s3", {"anon": True})  # what FSSPEC_S3_ANON=true comes to
    object_store.client.put_object_acl(Bucket=object_store.bucket, Key="a.png", ACL="public-read")
    assert list(fetch([(uri, 1)], Access())) == [(uri, b"a")]


class _Web(SimpleHTTPRequestHandler):
    """Serves a folder, and answers the first requests for each file that it is busy."""

    refusals = 2
    seen: "dict[str, Iterator[int]]"

    def do_GET(self) -> None:
        if next(self.seen.setdefault(self.path, itertools.count())) < self.refusals:
            self.send_error(503)
        else:
            super().do_GET()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of a web server of the folder `tmp_path`/web."""
    (tmp_path / "web").mkdir()
    handler = type("Web", (_Web,), {"seen": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), bind(handler, directory=str(tmp_path / "web")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_busy_web_server_is_asked_again(
    web: str, tmp_path: Path, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightsort.stores._LONGEST", 0.01)
    data = bytes(range(256)) * 1000
    for name, content in {"a.png": b"abc", "b.png": b"", "a.tgz": gzip.compress(data)}.items():
        (tmp_path / "web" / name).write_bytes(content)
    asked = [(f"{web}/{name}", 3) for name in ("a.png", "none.png", "b.png")]
    assert [str(found) for _, found in fetch(asked, Access())] == [
        "b'abc'",
        "unreadable: No such file or directory",
        "b''",
    ]
    assert local(f"{web}/a.tgz", access).read_bytes() == data
    assert local(f"{web}/a.png", access).read_bytes() == b"abc"


def test_a_web_server_that_is_not_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightsort.stores._LONGEST", 0.01)
    with pytest.raises(SourceError, match=r"^source http://127.0.0.1:9/a.zip: ") as caught:
        existing("http://127.0.0.1:9/a.zip")
    assert len(caught.value.lines) == 1


class _Bucket(MemoryFileSystem):
    """Another store, as fsspec's contract has it."""

    protocol = ("gs", "az")
    store: dict[str, Any] = {}  # noqa: RUF012  as MemoryFileSystem has it
    pseudo_dirs = [""]  # noqa: RUF012


@pytest.mark.parametrize("scheme", ["gs", "az"])
def test_other_stores_are_read_as_fsspec_has_them(scheme: str, access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fsspec, "get_filesystem_class", lambda scheme: _Bucket)
    fs, folder = filesystem(f"{scheme}://bucket/crack")
    fs.pipe({f"{folder}/a.png": b"abc", f"{folder}/a.tar.gz": gzip.compress(b"tar")})
    assert [str(data) for _, data in fetch([(f"{scheme}://bucket/crack/a.png", 3)], Access())] == ["b'abc'"]
    assert local(f"{scheme}://bucket/crack/a.tar.gz", access).read_bytes() == b"tar"
    assert fs.dircache.use_listings_cache is False
