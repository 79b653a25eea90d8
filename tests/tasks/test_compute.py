"""The fan-out: every row once through a real process-mode Dask cluster, whatever dies on the way.

Chunk functions are made inside functions, so that they travel to the workers by value: a test module is
nothing that a worker could import.
"""

import itertools
import os
import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from distributed import Client, LocalCluster

from nightsort.config.run import RunParams
from nightsort.errors import ConfigError, DatasetError, RunError, ShardError
from tasks import compute, connection
from tasks.compute import Done, Workers

Chunks = list[pa.Table]


def chunks_of(names: list[str], size: int) -> Chunks:
    """Chunks with the two columns by which a failed one is named."""
    table = pa.table({"path": names, "member": [""] * len(names)})
    return [table.slice(start, size) for start in range(0, len(names), size)]


def names_of(done: list[Done[Any]]) -> tuple[Counter[str], Counter[str]]:
    """Rows that came back in a result, and rows that killed their worker."""
    came = Counter(name for item in done if item.result is not None for name in item.result)
    died = Counter(name for item in done if item.result is None for name in item.chunk["path"].to_pylist())
    return came, died


def echo() -> Callable[..., list[str]]:
    """Gives back the names of the chunk."""

    def run(chunk: Any) -> list[str]:
        return list(chunk["path"].to_pylist())

    return run


def deadly() -> Callable[..., list[str]]:
    """Kills its process over a row whose name says so."""

    def run(chunk: Any) -> list[str]:
        import os
        import signal

        for name in chunk["path"].to_pylist():
            if name.startswith("poison"):
                os.kill(os.getpid(), signal.SIGKILL)
        return list(chunk["path"].to_pylist())

    return run


def faulty(folder: Path, error: Exception, times: int, where: str) -> Callable[..., list[str]]:
    """Raises `error` the first times it meets the row `where`, and leaves a file for each try."""

    def run(chunk: Any) -> list[str]:
        import uuid

        if where in chunk["path"].to_pylist():
            tries = len(list(folder.iterdir()))
            (folder / uuid.uuid4().hex).touch()
            if tries < times:
                raise error
        return list(chunk["path"].to_pylist())

    return run


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(RunParams(workers=2)) as started:
        yield started


@pytest.fixture(scope="module")
def one_worker() -> Iterator[Workers]:
    with Workers(RunParams(workers=1)) as started:
        yield started


def test_every_row_of_every_chunk_comes_back_once(workers: Workers) -> None:
    names = [f"{number:03d}.png" for number in range(101)]
    chunks = chunks_of(names, 3)
    assert len(chunks) > 2 * compute._IN_FLIGHT * workers.count
    done = list(workers.map(echo(), chunks))
    assert names_of(done) == (Counter(names), Counter())
    assert all(item.result == item.chunk["path"].to_pylist() for item in done)


def test_only_a_few_chunks_are_in_flight(workers: Workers) -> None:
    taken = itertools.count()
    chunks = (chunk for chunk in chunks_of([str(number) for number in range(40)], 1) if next(taken) >= 0)
    results = workers.map(echo(), chunks)
    next(results)
    assert next(taken) <= compute._IN_FLIGHT * workers.count + 1
    results.close()


def test_a_function_gets_the_further_arguments(workers: Workers) -> None:
    results = workers.map(lambda chunk, factor, offset: chunk.num_rows * factor + offset, chunks_of(["a"], 1), 10, 2)
    assert [item.result for item in results] == [12]


@pytest.mark.parametrize(
    ("names", "size"),
    [
        (["a", "poison", "c"], 3),  # to be halved out of one chunk, beside its siblings
        (["poison", "b", "c", "d"], 1),  # its siblings wait on the same worker when that dies
    ],
)
def test_only_the_row_that_kills_its_worker_is_set_aside(one_worker: Workers, names: list[str], size: int) -> None:
    came, died = names_of(list(one_worker.map(deadly(), chunks_of(names, size))))
    assert died == Counter(["poison"])
    assert came == Counter(names) - died


def test_a_call_that_kills_its_worker_is_an_error_of_the_run(one_worker: Workers) -> None:
    with pytest.raises(RunError, match="its worker process died, twice; is there memory for it"):
        one_worker.call(deadly(), chunks_of(["poison"], 1)[0])


def test_a_chunk_that_fails_once_is_tried_again(workers: Workers, tmp_path: Path) -> None:
    function = faulty(tmp_path, ValueError("hiccup"), 1, "c")
    came, _ = names_of(list(workers.map(function, chunks_of(list("abcdef"), 2))))
    assert came == Counter("abcdef")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_chunk_that_fails_twice_is_named(workers: Workers, tmp_path: Path) -> None:
    function = faulty(tmp_path, ValueError("cannot do this"), 9, "c")
    with pytest.raises(ShardError, match=r"2 pictures from c to d failed twice: ValueError: cannot do this"):
        list(workers.map(function, chunks_of(list("abcdef"), 2)))
    assert len(list(tmp_path.iterdir())) == 2
    assert names_of(list(workers.map(echo(), chunks_of(["a"], 1))))[0] == Counter("a"), "the cluster lives on"


def test_an_error_of_ours_passes_through_as_it_is(workers: Workers, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"^no such class$"):
        list(workers.map(faulty(tmp_path, DatasetError("no such class"), 9, "a"), chunks_of(["a"], 1)))


def test_a_slice_travels_without_the_table_that_it_was_cut_from(
    workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pa.table({"path": [f"{number:09d}.png" for number in range(100_000)], "member": [""] * 100_000})
    with pa.OSFile(str(tmp_path / "rows"), "wb") as file, pa.ipc.new_file(file, rows.schema) as spool:
        spool.write_table(rows)
    mapped = pa.ipc.open_file(pa.memory_map(str(tmp_path / "rows"))).read_all()
    sent: list[int] = []
    submit = Client.submit

    def weigh(self: Client, function: Any, chunk: pa.Table, *args: Any, **options: Any) -> Any:
        sent.append(len(pickle.dumps(chunk)))
        return submit(self, function, chunk, *args, **options)

    monkeypatch.setattr(Client, "submit", weigh)
    done = list(workers.map(echo(), [mapped.slice(50_000, 100), rows.slice(99_000, 100)]))
    assert {item.result[0] for item in done if item.result} == {"000050000.png", "000099000.png"}
    assert all(len(pickle.dumps(table.slice(0, 100))) > 1_000_000 for table in (rows, mapped)), "what pickle does alone"
    assert max(sent) < 5_000


def test_no_chunk_starts_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LocalCluster", lambda **_: pytest.fail("started a cluster"))
    with Workers(RunParams(workers=1)) as idle:
        assert list(idle.map(echo(), [])) == []


def test_a_local_cluster_listens_on_loopback_and_ends_with_its_block() -> None:
    with Workers(RunParams(workers=1)) as short:
        result = next(short.map(lambda chunk: os.getpid(), chunks_of(["a"], 1))).result
        assert result is not None and result != os.getpid()
        assert short.start().cluster.scheduler_address.startswith("tcp://127.0.0.1:")
    assert not Path(f"/proc/{result}").exists()


def test_an_external_scheduler_computes_and_is_left_running() -> None:
    settings = {"n_workers": 1, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(**settings, host="127.0.0.1", silence_logs=50) as cluster:
        pids = {worker.pid for worker in cluster.workers.values()}
        with Workers(RunParams(scheduler=cluster.scheduler_address)) as external:
            done = list(external.map(lambda chunk: [os.getpid()], chunks_of(["a", "b"], 1)))
            assert {item.result[0] for item in done} == pids
        assert cluster.status.name == "running"


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "tcp://127.0.0.1:99999"])
def test_an_unreachable_scheduler_is_the_users_mistake(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "START_SECONDS", 1)
    with Workers(RunParams(scheduler=address)) as nowhere, pytest.raises(ConfigError, match=f"scheduler {address}"):
        next(nowhere.map(echo(), chunks_of(["a"], 1)))
