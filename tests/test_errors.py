"""The error tree is the one that is drawn, and every error survives the trip between processes."""

import ast
import pickle
import re
from pathlib import Path

import pytest

from nightsort import errors
from nightsort.errors import NightsortError, PictureError, RunError, UserError


def tree(kind: type[NightsortError]) -> list[type[NightsortError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in tree(child))]


TREE = tree(NightsortError)


def built(kind: type[NightsortError]) -> NightsortError:
    return kind("truncated", "ends at byte 7") if issubclass(kind, PictureError) else kind("first line\nsecond line")


def drawn() -> dict[str, str]:
    """Child -> parent, as the docstring of the module draws them."""
    parents: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"((?:\|   |    )*)(\+-- )?(\w+Error)\b", line):
            depth = len(found[1]) // 4 + bool(found[2])
            above[depth:] = [found[3]]
            if depth:
                parents[found[3]] = above[depth - 1]
    return parents


def test_the_drawn_tree_is_the_real_one() -> None:
    real = {kind.__name__: kind.__mro__[1].__name__ for kind in TREE[1:]}
    assert len(real) > 10
    assert drawn() == real


def test_no_error_is_defined_outside_the_tree() -> None:
    """Read, not imported: some modules take seconds to import."""
    source = Path(errors.__file__).parent
    classes = [
        f"{file.relative_to(source)}: {node.name}"
        for file in source.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).endswith(("Error", "Exception")) for base in node.bases)
    ]
    assert len(classes) == len(TREE)
    assert {name.split(":")[0] for name in classes} == {"errors.py"}


@pytest.mark.parametrize("kind", TREE)
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_every_error_survives_pickle(kind: type[NightsortError], protocol: int) -> None:
    error = built(kind)
    again = pickle.loads(pickle.dumps(error, protocol))
    assert type(again) is kind
    assert str(again) == str(error) and again.args == error.args and vars(again) == vars(error)


def test_a_picture_error_keeps_its_reason_and_detail() -> None:
    again = pickle.loads(pickle.dumps(PictureError("truncated", "ends at byte 7")))
    assert (again.reason, again.detail, str(again)) == ("truncated", "ends at byte 7", "truncated: ends at byte 7")


def test_an_error_is_a_line_for_each_fault() -> None:
    assert built(UserError).lines == ["first line", "second line"]


def test_a_mistake_is_never_a_failed_run() -> None:
    """The exit code is 2 for one and 1 for the other, so no error may be both."""
    assert not set(tree(UserError)) & set(tree(RunError))


@pytest.mark.parametrize("kind", TREE)
def test_every_error_says_what_it_is_for(kind: type[NightsortError]) -> None:
    assert kind.__doc__ and "__doc__" in vars(kind)
