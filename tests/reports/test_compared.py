"""What a report says of a comparison."""

from typing import Any

from nightsort.evaluation.comparison import Failure, Outcome
from nightsort.reports import compared
from nightsort.reports.learned import MAX_ROW_NOTES, ComparePart


def outcome(strategy: str, seed: int, macro_f1: float, **changes: Any) -> Outcome:
    """A training whose other figures follow from its macro-F1."""
    given = {
        "validation_macro_f1": macro_f1,
        "accuracy": macro_f1 + 0.1,
        "balanced_accuracy": macro_f1,
        "shots": {"many": 0.9, "few": macro_f1},
        "calibration_error": 0.05,
        "best_epoch": 7 + seed,
        "seconds": 12.0,
    }
    return Outcome.model_validate({"strategy": strategy, "seed": seed, "macro_f1": macro_f1} | given | changes)


def part(*results: Outcome | Failure) -> ComparePart:
    return compared.part(results, dataset_version=3, model="small_resnet", training=[], test=40, resumed=1)


def test_rows_are_means_over_seeds_the_best_first() -> None:
    made = part(outcome("none", 0, 0.5), outcome("focal", 0, 0.6), outcome("none", 1, 0.6), outcome("focal", 1, 0.8))
    first, second = made.rows
    assert (first.strategy, second.strategy) == ("focal", "none")
    assert first.macro_f1 is not None and round(first.macro_f1, 6) == 0.7
    assert round(first.deviations["macro_f1"], 6) == 0.141421  # of a sample: n - 1
    assert (first.seeds, first.epochs, first.shots["many"], first.deviations["many"]) == (2, 7.5, 0.9, 0.0)
    assert compared.figure_of(first, "few") == "0.700 ± 0.141" and compared.figure_of(first, "medium") == "–"


def test_one_seed_has_no_deviation_and_a_failed_one_no_figures() -> None:
    made = part(Failure("smote", 0, "TrainingError: nan"), outcome("none", 0, 0.5, notes=["a", "a"]))
    first, second = made.rows
    assert first.deviations == {} and first.notes == ["a"]
    assert (second.macro_f1, second.seeds, second.notes) == (None, 0, ["seed 0: TrainingError: nan"])
    assert compared.cells(second) == ["smote"] + ["–"] * (len(compared.HEADINGS) - 1)


def test_lines_are_aligned_and_notes_bounded() -> None:
    made = part(outcome("balanced_softmax", 0, 0.5, notes=[f"note {i}" for i in range(50)]), outcome("none", 0, 0.1))
    said, *rest = compared.lines(made)
    assert said == (
        "small_resnet on dataset version 3, 40 test pictures, 1 training a strategy; "
        "1 of the trainings were done by an earlier run"
    )
    table, notes = rest[:3], rest[3:]
    assert len({len(line) for line in table}) == 1 and table[1].startswith("balanced softmax  ")
    assert notes == [f"balanced softmax: note {i}" for i in range(MAX_ROW_NOTES)]
    assert compared.as_object(made)["best"] == "balanced_softmax"


def test_what_is_noted_of_every_strategy_is_said_once() -> None:
    made = part(
        outcome("none", 0, 0.5, notes=["batch size 16", "x"]), outcome("focal", 0, 0.4, notes=["batch size 16"])
    )
    assert compared.notes(made) == ["each strategy: batch size 16", "none: x"]


def test_the_figure_has_a_bar_for_each_strategy_that_has_figures() -> None:
    made = part(outcome("none", 0, 0.5), Failure("focal", 0, "nan"), outcome("class_weights", 0, 0.4))
    assert compared.bars(made) == compared.bars(part(outcome("none", 0, 0.5), outcome("class_weights", 0, 0.4)))
    assert compared.bars(made) != compared.bars(part(outcome("none", 0, 0.5)))
