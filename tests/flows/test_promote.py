"""A published model before the gate once more, past it by force, and back; nothing that is worse gets through."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from flows.actions import bundles, inspection
from flows.promote import promote
from nightsort.config.gate import PromoteParams
from nightsort.errors import ConfigError, ModelError
from nightsort.evaluation import gate
from nightsort.evaluation.decisions import decisions, record
from nightsort.evaluation.scores import Check, Decision
from nightsort.learning import bundle
from nightsort.learning.card import load_card
from nightsort.learning.registry import Registry
from nightsort.leases.lease import hold
from nightsort.reports.promoted import PromotionPart
from nightsort.scoring.trials import choice
from nightsort.storage import Storage

Publish = Callable[..., Storage]


@pytest.fixture
def publish(root: Path) -> Publish:
    """Publisher of a variant of the champion: its classes shifted, on the copied root."""

    def make(version: int, shift: int = 0, temperature: float | None = None) -> Storage:
        storage = Storage(str(root))
        model = bundle.load(storage, 1)
        with torch.no_grad():
            *_, last = model.network.parameters()
            last.add_(1e-4 * version)  # weights of its own
            layer = [item for item in model.network.modules() if isinstance(item, torch.nn.Linear)][-1]
            layer.weight.copy_(torch.roll(layer.weight, shift, 0))
            layer.bias.copy_(torch.roll(layer.bias, shift, 0))
        changes: dict[str, Any] = {"version": version, "temperature": temperature or model.card.temperature}
        bundle.save(storage, model.card.model_copy(update=changes), model.network)
        return storage

    return make


def asked(storage: Storage, **changes: Any) -> PromotionPart:
    """What the flow says of a request."""
    report = promote(PromoteParams(storage=storage.root, **changes))
    assert report.state == "completed" and report.promotion
    return report.promotion


def failed(part: PromotionPart) -> set[str]:
    assert part.decision
    return {check.name for check in part.decision.checks if not check.passed}


def test_worse_by_force_then_better_through_the_gate_then_back(publish: Publish) -> None:
    publish(2, shift=1)
    storage = publish(3)
    refused = asked(storage, model=2)
    assert (refused.before, refused.after, refused.is_moved) == (1, 1, False)
    assert {"better", "every class"} <= failed(refused)
    forced = asked(storage, model=2, force=True, who="ada", why="a rehearsal")
    assert (forced.before, forced.after, forced.how, forced.decision) == (1, 2, "forced", None)
    better = asked(storage, who="bob")
    assert (better.model_version, better.before, better.after, failed(better)) == (3, 2, 3, set())
    back = asked(storage, rollback=True, why="3 was a rehearsal, too")
    assert (back.before, back.after, back.how) == (3, 2, "rolled back") and back.who
    history = [(move.version, move.how, move.who) for move in Registry(storage).history()]
    assert history == [(1, "judged", ""), (2, "forced", "ada"), (3, "judged", "bob"), (2, "rolled back", back.who)]
    lines, data = bundles.shown(storage, 2)
    assert any("forced" in line and "by ada: a rehearsal" in line for line in lines)
    assert any(line.startswith("refused") and "not shown to be better" in line for line in lines)
    assert [item["promoted"] for item in data["decisions"]] == [False] and len(data["moves"]) == 3
    assert inspection.models(storage)[0][-1].startswith("champion 2: rolled back")


def test_the_champion_before_the_gate_is_refused(root: Path) -> None:
    part = asked(Storage(str(root)))
    assert {"better", "other answers", "newer", "other weights"} <= failed(part)
    assert part.after == 1 and len(decisions(Storage(str(root)), 1)) == 2


def test_a_double_is_refused(publish: Publish) -> None:
    assert failed(asked(publish(2))) == {"better", "other answers"}


def test_an_older_model_is_refused(publish: Publish) -> None:
    storage = publish(2, shift=1)
    asked(storage, model=2, force=True, why="a rehearsal")
    part = asked(storage, model=1)
    assert part.decision and failed(part) == {"newer"}
    assert "version 1 is not newer than champion 2; only a rollback or force goes back" in part.decision.reason


def test_dishonest_slow_and_large_models_are_refused(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(2, shift=1, temperature=1e3)
    storage = publish(3, temperature=1e3)
    publish(4)
    asked(storage, model=2, force=True, why="a rehearsal")
    assert failed(asked(storage, model=3)) == {"calibration"}
    assert failed(asked(storage, model=4, max_megabytes=1e-3)) == {"size"}
    monkeypatch.setattr("tasks.judging._milliseconds", lambda storage, card: {2: 1.0, 4: 11.0}[card.version])
    assert failed(asked(storage, model=4)) == {"speed"}
    assert Registry(storage).champion() == 2


def test_the_speed_is_that_of_the_backend_that_answers_here(publish: Publish) -> None:
    storage = publish(2, shift=1)
    measured = choice.read(storage, load_card(storage, 1))
    here = measured.here() if measured else None
    assert measured and here and here.used.rate
    part = asked(storage)
    assert part.decision
    lines = {check.name: check.line for check in part.decision.checks}
    assert lines["speed"] == "not compared: no speed of the new model on this machine"
    copied = measured.model_copy(update={"model_version": 2, "weights_sha256": load_card(storage, 2).weights_sha256})
    choice.write(storage, copied)
    part = asked(storage)
    assert part.decision
    lines = {check.name: check.line for check in part.decision.checks}
    each = f"{1000 / here.used.rate:.3g}"
    assert lines["speed"] == f"{each} -> {each} ms a picture"


def test_whoever_was_overtaken_is_refused_and_told_so(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(2, shift=1)
    storage = publish(3)
    asked(storage, model=2, force=True, why="a rehearsal")
    judge, registry = gate.judge, Registry(storage)

    def meanwhile(*args: Any) -> Decision:
        registry.promote(1, registry.alias(), "rolled back")
        return judge(*args)

    monkeypatch.setattr(gate, "judge", meanwhile)
    part = asked(storage, model=3)
    assert part.decision and failed(part) == {"same champion"} and part.after == 1
    assert "judged against champion 2, but by now the champion is 1" in part.decision.reason
    assert not decisions(storage, 3)[-1].promoted


def test_what_was_learned_from_odd_labels_is_not_mended_by_another_judgement(publish: Publish) -> None:
    publish(2, shift=1)
    storage = publish(3)
    asked(storage, model=2, force=True, why="a rehearsal")
    odd = Check(name="new labels", passed=False, line="every label contradicts")
    record(storage, 3, "0-train", Decision(promoted=False, reason="", challenger_macro_f1=0.5, checks=[odd]))
    part = asked(storage, model=3)
    assert failed(part) == {"new labels"} and failed(asked(storage, model=3)) == {"new labels"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"force": True}, "why: is required with force"),
        ({"rollback": True, "why": " "}, "why: is required with rollback"),
        ({"rollback": True, "force": True, "why": "x"}, "exclude each other"),
        ({"rollback": True, "model": 1, "why": "x"}, "goes to the champion before, not to model 1"),
    ],
)
def test_what_is_unclear_is_refused_before_anything_is_done(
    words: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        promote(PromoteParams(storage=str(tmp_path / "none"), **words))
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"model": 9}, "model 9: is not in .*; there are 1$"),
        ({"model": 1, "force": True, "why": "x"}, "model 1: is the champion already"),
        ({"rollback": True, "why": "x"}, "model 1: there is no champion before it"),
    ],
)
def test_what_cannot_be_done_moves_nothing(words: dict[str, Any], complaint: str, root: Path) -> None:
    with pytest.raises(ModelError, match=complaint):
        promote(PromoteParams(storage=str(root), **words))
    assert len(Registry(Storage(str(root))).history()) == 1


def test_force_is_no_way_for_a_damaged_model(publish: Publish) -> None:
    storage = publish(2)
    storage.write_bytes("models/2/weights.safetensors", b"other")
    with pytest.raises(ModelError, match="was changed"):
        promote(PromoteParams(storage=storage.root, model=2, force=True, why="x"))
    assert Registry(storage).champion() == 1


def test_two_at_once_the_second_is_skipped(root: Path) -> None:
    with hold(Storage(str(root)), "models"):
        report = promote(PromoteParams(storage=str(root)))
    assert report.state == "skipped" and report.promotion is None


def test_the_command_line_promotes_and_rolls_back(nightsort: Callable[..., Any], publish: Publish) -> None:
    storage = publish(2, shift=1)
    words = ("--storage", storage.root, "--json")
    assert nightsort("models", "promote", "2", *words).data["promoted"] is False
    forced = nightsort("models", "promote", "2", "--force", "--why", "a rehearsal", "--who", "ada", *words)
    assert (forced.data["champion"], forced.data["how"], forced.data["who"]) == (2, "forced", "ada")
    back = "\n".join(nightsort("models", "rollback", "--why", "over", "--storage", storage.root).out)
    assert "model 1 champion again by " in back and "; the champion is 1, before it 2\n  why: over\n" in back


@pytest.mark.parametrize(
    ("lost", "word"), [("weights.safetensors", "not as good as it was"), ("bundle.json", "nothing")]
)
def test_losing_the_champion_lets_nothing_worse_through(publish: Publish, lost: str, word: str) -> None:
    storage = publish(2, shift=1)
    storage.remove(f"models/1/{lost}")
    part = asked(storage, model=2)
    assert not part.is_moved and "as good as it was" in failed(part)
    assert part.decision and word in part.decision.reason
