"""One word for a thing: columns agree between tables, and every reason in the code is one that is explained."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import nightsort.schema as schema
from nightsort.reports.sections import REASONS_EXPLAINED
from nightsort.schema import MEANINGS, OTHER_REASONS, REASONS
from nightsort.sources.arrivals import KNOWN

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCES = [
    file
    for folder in ("src/nightsort", "tasks", "flows")
    for file in sorted((REPOSITORY / folder).rglob("*.py"))
    if file != Path(schema.__file__).resolve()
]
TABLES = {name: table for name, table in vars(schema).items() if isinstance(table, pa.Schema)}


def words(node: ast.expr | None) -> Iterator[str]:
    """The strings that an expression may come to, or a column of it be filled with."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from words(node.body)
        yield from words(node.orelse)
    elif isinstance(node, ast.List) or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)):
        for part in ast.iter_child_nodes(node):
            yield from words(part if isinstance(part, ast.expr) else None)
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("pc.case_when", "pc.if_else"):
        for argument in node.args:
            yield from words(argument)


def reasons_in(tree: ast.AST) -> Iterator[str]:
    """Reasons by where they stand: PictureError(reason, ...), {"reason": ...}, (outcome, reason) and the like."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            for keyword in node.keywords:
                if keyword.arg == "reason":
                    yield from words(keyword.value)
            if called.endswith("PictureError") and node.args:
                yield from words(node.args[0])
            elif called == "quarantine.row":
                yield from words(node.args[1])
            elif called.endswith("account.add") and len(node.args) == 3:
                yield from words(node.args[2])
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if list(words(key)) == ["reason"]:
                    yield from words(value)
        elif isinstance(node, ast.Tuple):
            for outcome, reason in zip(node.elts, node.elts[1:], strict=False):
                if set(words(outcome)) & {"quarantined", "duplicate", "deferred", "skipped"}:
                    yield from words(reason)


USED = {
    reason: file.relative_to(REPOSITORY)
    for file in SOURCES
    for reason in reasons_in(ast.parse(file.read_text()))
    if reason  # none, where there is nothing to explain
}


def test_the_search_finds_each_way_to_give_a_reason() -> None:
    assert {"empty", "corrupt", "kills_decoder", "unsafe_member", "known", "still_written", "changed"} <= USED.keys()


def test_every_reason_in_the_code_is_explained() -> None:
    unknown = {reason: str(file) for reason, file in USED.items() if reason not in {*REASONS, *OTHER_REASONS}}
    assert not unknown


@pytest.mark.parametrize("reason", [*REASONS, *OTHER_REASONS])
def test_every_explained_reason_is_given_somewhere(reason: str) -> None:
    assert reason in USED


def test_reasons_are_explained_once_and_the_reports_know_them_all() -> None:
    assert not REASONS.keys() & OTHER_REASONS.keys()
    assert {**REASONS, **OTHER_REASONS} == REASONS_EXPLAINED
    assert len(set(REASONS_EXPLAINED.values())) == len(REASONS_EXPLAINED)
    assert all(meaning and meaning[0].islower() and not meaning.endswith(".") for meaning in REASONS_EXPLAINED.values())


def test_a_column_of_two_tables_has_one_type() -> None:
    types: dict[str, set[pa.DataType]] = defaultdict(set)
    for table in TABLES.values():
        for field in table:
            types[field.name].add(field.type)
    assert len(TABLES) == 11
    assert {name: kinds for name, kinds in types.items() if len(kinds) > 1} == {}


def test_every_column_of_every_table_that_is_kept_says_what_it_means() -> None:
    kept = {place: pa.schema([column[:2] for column in columns]) for place, columns in MEANINGS.items()}
    assert kept == {
        "dataset/examples": schema.EXAMPLES,
        "dataset/images": schema.IMAGES,
        "dataset/copies": KNOWN,
        "predictions": schema.PREDICTIONS,
        "copies": schema.SEEN,
        "quarantine": schema.QUARANTINE,
        "review/signals": schema.SIGNALS,
        "review/answers": schema.ANSWERS,
    }
    assert [column for columns in MEANINGS.values() for column in columns if not column[2].strip()] == []


def test_images_are_large_binary() -> None:
    """Of a plain binary column, Arrow refuses a table of more than 2 GiB."""
    assert schema.IMAGES.field("image").type == schema.QUARANTINE.field("content").type == pa.large_binary()
