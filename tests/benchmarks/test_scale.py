"""A night at scale in small: every picture comes to an outcome once, whatever the made-up cluster does."""

import pytest

from benchmarks.scale import main


def test_a_simulated_night_accounts_for_every_picture(capsys: pytest.CaptureFixture[str]) -> None:
    """The second night lists the first one's pictures again."""
    words = ["--images", "2000", "--workers", "50", "--chunk-size", "200", "--nights", "2"]
    first, second = (night.report.intake.tally for night in main(words) if night.report.intake)
    assert (first.discovered, first.done, first.quarantined, first.duplicate) == (2000, 1978, 2, 20)
    assert (second.discovered, second.done, second.skipped) == (4000, 1978, 2000)
    assert first.balanced and second.balanced
    assert capsys.readouterr().out.count("simulated:") == 2
