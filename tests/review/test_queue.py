"""The queue: which pictures are asked about, why, and in which order, whatever the size of the parts."""

import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nightsort.review.keys import all_keys, is_in, keys_of, lots
from nightsort.review.queue import Asked, Queue, queue
from nightsort.review.signals import Opinion, rows_of
from nightsort.schema import PREDICTIONS, SIGNALS

Rows = list[dict[str, Any]]
Make = Callable[[Rows], Callable[[Iterable[str]], Iterator[pa.RecordBatch]]]
Identity = Callable[[int], str]
Predicted = Callable[..., dict[str, Any]]


def ask(
    make: Make, rows: Rows, *signals: pa.Table, closed: list[str] | None = None, size: int = 100, **asked: Any
) -> Queue:
    spoken = pa.concat_tables([SIGNALS.empty_table(), *signals]).to_batches()
    shut = all_keys([pa.array(closed or [], pa.string())])
    return queue(make(rows), len(rows), iter(spoken), shut, Asked(**asked), size)


def numbers(found: Queue) -> list[int]:
    return [int(item.prediction["path"].removeprefix("/in/").removesuffix(".jpg")) for item in found.items]


def signals(identity: Identity, numbers: list[int], strangeness: list[float], opinion: Opinion | None) -> pa.Table:
    return rows_of([identity(n) for n in numbers], 1, np.array(strangeness, np.float32), opinion, "run-1")


def test_a_key_is_the_first_sixteen_digits() -> None:
    digests = ["0123456789abcdef" + "0" * 48, "f" * 64, "0" * 64]
    assert [f"{key:016x}" for key in keys_of(pa.array(digests)[1:]).tolist()] == ["f" * 16, "0" * 16]
    known = all_keys([pa.array(digests), pa.array(digests)])
    assert known.tolist() == [0, 0x0123456789ABCDEF, 2**64 - 1]
    assert is_in(np.array([5, 2**64 - 1], np.uint64), known).tolist() == [False, True]
    assert len(set(lots(np.arange(1000, dtype=np.uint64)).tolist())) == 1000


def test_the_closest_come_first_and_the_rest_are_drawn(
    batches_of: Make, predicted: Predicted, identity: Identity
) -> None:
    rows = [predicted(n, margin=n / 100) for n in range(90)]
    found = ask(batches_of, rows, count=20)
    assert found.open == {"margin": 50, "disagreement": 0, "drift": 0, "audit": 90}
    assert len(found.items) == 20 and len(set(numbers(found))) == 20
    close = [item for item in found.items if "audit" not in item.reasons]
    assert [round(item.prediction["margin"] * 100) for item in close] == sorted(
        set(range(90)) - {n for n, item in zip(numbers(found), found.items, strict=True) if "audit" in item.reasons}
    )[: len(close)]
    drawn = sorted(range(90), key=lambda n: -int(lots(keys_of(pa.array([identity(n)])))[0]))
    audited = {n for n, item in zip(numbers(found), found.items, strict=True) if "audit" in item.reasons}
    assert len(close) == 10 and audited <= set(drawn[:20])
    stays = ask(batches_of, [*rows, *(predicted(n, margin=0.99) for n in range(100, 103))], count=20)
    assert len(set(numbers(stays)) & set(numbers(found))) >= 17, "the draw is stable while others come"


@pytest.mark.parametrize("size", [100, 7, 1])
def test_parts_make_no_difference(batches_of: Make, predicted: Predicted, identity: Identity, size: int) -> None:
    rows = [predicted(n, margin=(n * 37 % 100) / 100, version=1) for n in range(40)]
    rows += [predicted(n, margin=(n * 13 % 100) / 100, version=2, label="dent") for n in range(0, 40, 3)]
    strange = signals(identity, [3, 4, 5], [0.99, 0.97, 0.2], None)
    whole = ask(batches_of, rows, strange, count=15)
    parted = ask(batches_of, rows, strange, count=15, size=size)
    assert parted == whole and whole.open["disagreement"] == 14 and whole.open["drift"] == 2


def test_the_newest_prediction_counts_and_an_older_one_may_disagree(batches_of: Make, predicted: Predicted) -> None:
    rows = [predicted(1, margin=0.1), predicted(1, margin=0.9, version=2), predicted(2, label="dent")]
    rows += [predicted(3, margin=0.6), predicted(3, version=2, label="dent"), predicted(3, version=3)]
    found = ask(batches_of, rows[::-1], count=3)
    by_number = dict(zip(numbers(found), found.items, strict=True))
    assert found.open == {"margin": 0, "disagreement": 1, "drift": 0, "audit": 3}
    assert by_number[1].prediction["model_version"] == 2 and by_number[1].reasons == ["audit"]
    assert numbers(found)[0] == 3 and by_number[3].reasons == ["disagreement"]
    assert by_number[3].prediction["model_version"] == 3


def test_signals_of_the_last_look_count(batches_of: Make, predicted: Predicted, identity: Identity) -> None:
    rows = [predicted(n) for n in range(6)]
    first = signals(identity, [0, 1], [0.99, 0.1], Opinion(2, ["dent", "dent"], [0.8, 0.9]))
    nights = first.set_column(
        7, SIGNALS.field("seen_at"), pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 2, SIGNALS[-1].type)
    )
    later = signals(
        identity, [0, 2, 3], [0.2, 1.0, float("nan")], Opinion(2, ["crack", "crack", "dent"], [0.8, 0.9, 0.6])
    )
    found = ask(batches_of, rows, later, nights, count=6)
    reasons = {n: item.reasons for n, item in zip(numbers(found), found.items, strict=True)}
    assert found.open == {"margin": 0, "disagreement": 2, "drift": 1, "audit": 6}
    assert numbers(found)[:2] == [1, 2], "picture 1 is disputed with more confidence than picture 3"
    assert reasons[1][0] == "disagreement" and reasons[2][0] == "drift" and "disagreement" in reasons[3]
    assert reasons[0] == ["audit"]


def test_reasons_take_turns_and_a_picture_may_have_several(
    batches_of: Make, predicted: Predicted, identity: Identity
) -> None:
    rows = [predicted(n, margin=0.01 * n if n < 20 else 0.9) for n in range(60)]
    strange = signals(identity, [0, *range(30, 40)], [1.0, *np.linspace(0.99, 0.96, 10)], None)
    found = ask(batches_of, rows, strange, count=12)
    assert found.items[0].reasons[:2] == ["margin", "drift"] and numbers(found)[:2] == [0, 30]
    counts = {reason: sum(reason in item.reasons for item in found.items) for reason in ("margin", "drift", "audit")}
    assert all(count >= 4 for count in counts.values())
    assert len(ask(batches_of, rows, strange, count=1000).items) == 60, "all there is, once"


def test_what_is_answered_or_not_asked_for_is_left_out(
    batches_of: Make, predicted: Predicted, identity: Identity
) -> None:
    rows = [predicted(n, version=1 + n % 2) for n in range(10)] + [predicted(0, version=2)]
    assert sorted(numbers(ask(batches_of, rows, closed=[identity(n) for n in range(5)]))) == [5, 6, 7, 8, 9]
    assert sorted(numbers(ask(batches_of, rows, run_id="run-2"))) == [0, 1, 3, 5, 7, 9]
    newer = datetime(2026, 11, 22, tzinfo=UTC)
    assert sorted(numbers(ask(batches_of, rows, since=newer))) == [0, 1, 3, 5, 7, 9]
    assert ask(batches_of, rows, since=newer + timedelta(days=1)).open["audit"] == 0
    assert ask(batches_of, [], count=5).items == []


def test_memory_follows_the_part_and_not_the_ledger(identity: Identity) -> None:
    rng = np.random.default_rng(0)
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    size = 5_000

    def stream(batches: int) -> Callable[[Iterable[str]], Iterator[pa.RecordBatch]]:
        def batch(seed: int) -> pa.RecordBatch:
            texts = digits[np.random.default_rng(seed).integers(0, 16, (size, 64))].tobytes().decode()
            columns = {
                "sha256": [texts[64 * i : 64 * i + 64] for i in range(size)], "label": ["crack"] * size,
                "confidence": rng.random(size), "margin": rng.random(size), "run_id": ["r"] * size,
                "classified_at": [datetime(2026, 1, 1, tzinfo=UTC)] * size,
            }  # fmt: skip
            arrays = [pa.array(columns.get(f.name, [None] * size), f.type) for f in PREDICTIONS]
            return pa.RecordBatch.from_arrays(arrays, schema=PREDICTIONS)

        made = [batch(seed) for seed in range(batches)]
        return lambda columns: (each.select(list(columns)) for each in made)

    def peak(batches: int) -> int:
        source = stream(batches)
        tracemalloc.start()
        found = queue(source, batches * size, iter(()), np.empty(0, np.uint64), Asked(10), 2 * size)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert found.open["audit"] == batches * size
        return most

    assert peak(12) < 1.5 * peak(4)
