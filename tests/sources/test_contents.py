"""A content is found if and only if it was written, whatever its bytes."""

import hashlib
import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightsort.errors import WriteError
from nightsort.sources.contents import are_in, is_in, write_contents

# Few different bytes, zero among them: digests that share beginnings and ends.
DIGESTS = st.builds(
    lambda byte, rest: (bytes([byte]) * rest + bytes(32 - rest)).hex(),
    st.sampled_from([0, 1, 127, 128, 255]),
    st.integers(0, 32),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.one_of(DIGESTS, st.none()), max_size=8), max_size=4), st.lists(DIGESTS, max_size=8))
def test_a_content_is_found_exactly_if_it_was_written(
    tmp_path: Path, written: list[list[str | None]], asked: list[str]
) -> None:
    file = write_contents((pa.array(batch, pa.string()) for batch in written), tmp_path)
    known = set(itertools.chain(*written)) - {None}
    assert Path(file).stat().st_size == 32 * sum(digest is not None for batch in written for digest in batch)
    every = [str(digest) for digest in [*asked, *known]]
    assert {digest for digest in every if is_in(file, digest)} == {*known}
    assert are_in(file, [bytes.fromhex(digest) for digest in every]) == [digest in known for digest in every]


def test_slices_of_an_array_are_taken_as_they_are(tmp_path: Path) -> None:
    digests = [hashlib.sha256(bytes([i])).hexdigest() for i in range(9)]
    file = write_contents([pa.array(digests).slice(3, 4)], tmp_path)
    assert [is_in(file, digest) for digest in digests] == [False] * 3 + [True] * 4 + [False] * 2


def test_threads_ask_at_once(tmp_path: Path) -> None:
    digests = [hashlib.sha256(bytes([i])).hexdigest() for i in range(100)]
    file = write_contents([pa.array(digests[:50])], tmp_path)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda digest: is_in(file, digest), digests)) == [True] * 50 + [False] * 50


@pytest.mark.parametrize("name", ["gone.bin", "."])
def test_nothing_is_known_where_the_file_cannot_be_read(tmp_path: Path, name: str) -> None:
    assert not is_in(str(tmp_path / name), "00" * 32)
    assert are_in(str(tmp_path / name), [bytes(32), b""]) == [False, False] and are_in(str(tmp_path / name), []) == []


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=f"^{tmp_path}/gone/contents-.* could not be written"):
        write_contents([], tmp_path / "gone")
