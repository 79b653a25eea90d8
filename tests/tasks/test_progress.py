"""Progress outside Prefect: counts, knows a late total, asks no server, and is silent without a terminal."""

import pytest
from rich.console import Console

from tasks.progress import progress


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("create_progress_artifact", "update_progress_artifact"):
        monkeypatch.setattr(f"prefect.artifacts.{name}", lambda *_, **__: pytest.fail("asked a Prefect server"))


def test_a_run_outside_prefect_shows_no_artifact_and_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with progress("decoding", 3) as advance:
        for _ in range(3):
            advance(1)
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Console:
    """A terminal of 80 columns that keeps what was drawn."""
    screen = Console(force_terminal=True, width=80, record=True, legacy_windows=False)
    monkeypatch.setattr("tasks.progress.Console", lambda **_: screen)
    return screen


def test_a_total_may_become_known_late_and_nothing_may_be_done(screen: Console) -> None:
    with progress("listing", None) as advance:
        advance(5)
        advance(0, total=10, what="listing the archive")
    late = screen.export_text()
    assert "listing the archive" in late and "5/10" in late
    with progress("classifying", 0):
        pass
    assert "0/0" in screen.export_text()


def test_an_error_inside_comes_out_as_it_is() -> None:
    with pytest.raises(ValueError, match=r"^mine$"), progress("decoding", 3):
        raise ValueError("mine")


def test_the_artifact_is_updated_at_most_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[float, str]] = []
    clock = iter(number / 10 for number in range(100, 10_000))
    monkeypatch.setattr("tasks.progress.in_flow_run", lambda: True)
    monkeypatch.setattr("prefect.artifacts.create_progress_artifact", lambda value, **_: "id")
    monkeypatch.setattr(
        "prefect.artifacts.update_progress_artifact", lambda _, value, description: sent.append((value, description))
    )
    monkeypatch.setattr("tasks.progress.time.monotonic", lambda: next(clock))
    with progress("classifying", 100) as advance:
        for _ in range(100):
            advance(1, detail="model 71%, decode 17%")
    assert 1 < len(sent) < 25
    assert sent == sorted(sent) and sent[-1] == (100.0, "classifying (model 71%, decode 17%)")


def test_a_terminal_of_80_columns_has_all_figures_in_one_line(screen: Console) -> None:
    with progress("building shards", 123_456) as advance:
        advance(123_456, detail="decode 46%, measure and hash 23%, encode 16%")
    lines = screen.export_text().replace("-:--:--", "-:--:--\n").splitlines()  # what stands below is drawn over it
    last = lines[-1].strip()
    assert last.startswith("building shards") and "123456/123456" in last and "0:00:00" in last
    assert "decode 46%" in last and last.endswith("…") and len(last) <= 80
