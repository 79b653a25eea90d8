"""What the log says of a chunk in the worker that has it."""

import pickle

import pyarrow as pa
import pytest

from nightsort import logs
from tasks import chunk_log

CHUNK = pa.table({"path": ["a.zip", "b.png"], "member": ["1.png", ""]})


def fields(more: str, chunk: pa.Table) -> dict[str, str]:
    return {**logs.carried(), "more": more, "rows": str(chunk.num_rows)}


def failing(text: str) -> None:
    raise ValueError(text)


def test_the_run_and_the_chunk_travel_to_the_worker() -> None:
    with logs.within(run_id="r1"):
        call = chunk_log.logged(CHUNK, fields, "before")
    seen = pickle.loads(pickle.dumps(call))(CHUNK)
    assert seen == {"run_id": "r1", "chunk": "2 from a.zip!1.png to b.png", "more": "before", "rows": "2"}


def test_rows_that_are_no_pictures_are_counted() -> None:
    assert chunk_log.name(pa.table({"trial": [1, 2, 3]})) == "3 rows"


def test_what_a_chunk_raises_comes_back_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "canary-1")
    with pytest.raises(ValueError, match=r"^at \[redacted\]$"):
        chunk_log.logged(CHUNK, failing)("at canary-1")
