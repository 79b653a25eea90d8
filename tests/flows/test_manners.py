"""The manners of the command line: what it lists, what it takes a mistyped word for, colours, the next step."""

import io
import re
import signal
import sys
from collections.abc import Callable

import click
import pytest

from flows import terminal
from flows.cli import _send_again, cli
from flows.commands.catalogue import ENTRIES
from tests.flows.commands import Said
from tests.waiting import until

ESCAPE = "\x1b["


def test_what_help_lists_is_there() -> None:
    assert len(ENTRIES) > 20
    for name, command in cli.commands.items():
        assert (command.name, bool(command.help)) == (name, True)
    listed = re.findall(r"^  ([a-z]+)  +[A-Z]", cli.get_help(click.Context(cli)), re.MULTILINE)
    assert listed == list(ENTRIES)


def test_a_shell_completes_names_without_loading_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.commands.catalogue.import_module", lambda name: pytest.fail(f"loads {name}"))
    found = cli.shell_complete(click.Context(cli), "re")
    assert [item.value for item in found] == [name for name in ENTRIES if name.startswith("re")]
    assert all(item.help for item in found)


@pytest.mark.parametrize(
    ("words", "meant", "see"),
    [
        ("clasify x", "nightsort classify", "nightsort --help"),
        ("train --epoch 3", "--epochs", "nightsort train --help"),
        ("quarantine requeu", "nightsort quarantine requeue", "nightsort quarantine --help"),
        ("models promte 1", "nightsort models promote", "nightsort models --help"),
        ("models promote 1 --forse", "--force", "nightsort models promote --help"),
    ],
)
def test_a_mistyped_word_is_told_what_was_meant(
    words: str, meant: str, see: str, nightsort: Callable[..., Said]
) -> None:
    said = nightsort(*words.split())
    assert (said.code, len(said.err), said.out) == (2, 1, [])
    assert said.err[0].endswith(f"; did you mean '{meant}'? see '{see}'")


def test_an_argument_that_is_written_as_an_option_is_told_how_to_write_it(nightsort: Callable[..., Said]) -> None:
    said = nightsort("ingest", "--source", "pictures")
    assert (said.code, said.out) == (2, [])
    assert said.err == [
        "nightsort: No such option '--source'; SOURCE stands alone, as in 'nightsort ingest SOURCE'",
    ]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "at_terminal", "coloured"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
    ],
)
def test_colour_is_for_terminals_and_never_against_no_color(
    environment: dict[str, str], at_terminal: bool, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    out, err = (_Terminal() if at_terminal else io.StringIO() for _ in range(2))
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("sys.stderr", err)
    terminal.say(["classify completed in 1 s", "12 quarantined"], {"state": "completed"}, True)
    with pytest.raises(SystemExit):
        terminal.fail("no", 2)
    assert [ESCAPE in line for line in err.getvalue().splitlines()] == [coloured] * 3
    assert ESCAPE not in out.getvalue()  # an object is for a program
    plain = click.unstyle(err.getvalue()).splitlines()
    assert plain == ["classify completed in 1 s", "12 quarantined", "nightsort: no"]


def test_a_file_name_still_cannot_steer_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    terminal.say([f"a{ESCAPE}31mb: 0 quarantined, 1 quarantined"], {}, False)
    said = capsys.readouterr().out
    assert f"a\\x1b[31mb: 0 quarantined, {ESCAPE}33m1 quarantined{ESCAPE}0m\n" == said


@pytest.mark.parametrize(
    ("words", "step"),
    [
        ("report --diff latest --storage x", "takes two, A and B, such as previous latest; got '--storage'"),
        ("report --diff a b", "'nightsort status' lists the last runs"),
        ("classify .", "run 'nightsort train' first"),
        ("run nightly", "'nightsort init' writes one"),
        ("models show 7", "run 'nightsort train' first"),
        ("retrain --if-needed --storage typo", "run 'nightsort ingest FOLDER' first"),
        ("restore nowhere", "'nightsort backup' makes one"),
        ("run", "see 'nightsort run --help'"),
    ],
)
def test_a_mistake_names_the_next_step(words: str, step: str, nightsort: Callable[..., Said]) -> None:
    said = nightsort(*words.split())
    assert (said.code, len(said.err), said.out) == (2, 1, [])
    assert step in said.err[0]


@pytest.mark.parametrize(("sent", "raised"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_that_a_finaliser_swallowed_comes_again(
    sent: signal.Signals, raised: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Finalised:
        def __del__(self) -> None:
            raise raised

    came: list[int] = []
    before = signal.signal(sent, lambda number, _: came.append(number))
    monkeypatch.setattr(sys, "unraisablehook", _send_again)
    try:
        Finalised()
        until(lambda: bool(came), "the signal once more")
    finally:
        signal.signal(sent, before)
    assert came == [sent]
