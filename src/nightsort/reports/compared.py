"""Owns what a report says of a comparison: means over seeds, the order of the strategies, their figure.

Invariant: a strategy that was asked for has a row, whatever became of its trainings.
Does not know how a training was run.
"""

from collections.abc import Sequence
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from nightsort.evaluation.comparison import Failure, Outcome
from nightsort.reports import plots
from nightsort.reports.formats import duration, plural, score
from nightsort.reports.learned import MAX_NOTES, MAX_ROW_NOTES, ComparePart, CompareRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOTS = ("many", "medium", "few")
_FIGURES = ("macro_f1", "balanced_accuracy", "accuracy", "calibration_error", "validation_macro_f1")


def part(results: Sequence[Outcome | Failure], **facts: Any) -> ComparePart:
    """The part of the report.

    :param results: at least one
    :param facts: the other fields of the part
    """
    strategies = dict.fromkeys(result.strategy for result in results)
    rows = [_row(name, [result for result in results if result.strategy == name]) for name in strategies]
    return ComparePart(
        rows=sorted(rows, key=lambda row: -1 if row.macro_f1 is None else row.macro_f1, reverse=True), **facts
    )


def _row(strategy: str, results: Sequence[Outcome | Failure]) -> CompareRow:
    done = [result for result in results if isinstance(result, Outcome)]
    failed = [f"seed {result.seed}: {result.why}" for result in results if isinstance(result, Failure)]
    noted = [*failed, *dict.fromkeys(note for outcome in done for note in outcome.notes)][:MAX_ROW_NOTES]
    if not done:
        return CompareRow(strategy=strategy, seeds=0, notes=noted)
    values = {name: [float(getattr(outcome, name)) for outcome in done] for name in _FIGURES}
    shots = {name: [outcome.shots[name] for outcome in done if name in outcome.shots] for name in SHOTS}
    return CompareRow(
        strategy=strategy,
        seeds=len(done),
        **{name: mean(found) for name, found in values.items()},
        shots={name: mean(found) for name, found in shots.items() if found},
        deviations={name: stdev(found) for name, found in (values | shots).items() if len(found) > 1},
        epochs=mean(outcome.best_epoch for outcome in done),
        seconds=mean(outcome.seconds for outcome in done),
        notes=noted,
    )


def words(strategy: str) -> str:
    """A strategy's name for people."""
    return strategy.replace("_", " ")


def figure_of(row: CompareRow, name: str) -> str:
    """A figure of the row, or a kind of shots, with its deviation where there are several seeds."""
    value = row.shots.get(name) if name in SHOTS else getattr(row, name)
    deviation = row.deviations.get(name)
    return score(value) + (f" ± {deviation:.3f}" if deviation is not None else "")


def cells(row: CompareRow) -> list[str]:
    """The row as text, under `HEADINGS`."""
    figures = [
        figure_of(row, name) for name in ("macro_f1", "balanced_accuracy", "accuracy", *SHOTS, "calibration_error")
    ]
    return [words(row.strategy), *figures, "–" if row.seconds is None else duration(row.seconds)]


HEADINGS = ["strategy", "macro-F1", "balanced acc.", "accuracy", "many", "medium", "few", "ECE", "time"]
"""Of the table: figures on the test split; shots are mean recalls; the last is of one training."""


def lines(compared: ComparePart) -> list[str]:
    """The comparison for a terminal: the table, aligned, and what there is to note."""
    seeds = max(row.seeds for row in compared.rows)
    resumed = f"; {compared.resumed} of the trainings were done by an earlier run" if compared.resumed else ""
    said = f"{compared.model} on dataset version {compared.dataset_version}, {plural(compared.test, 'test picture')}, "
    said += f"{plural(seeds, 'training')} a strategy{resumed}"
    return [said, *_table(compared), *notes(compared)]


def notes(compared: ComparePart) -> list[str]:
    """What there is to note, of a strategy under its name, of several alike once; at most MAX_NOTES."""
    first, *others = compared.rows
    alike = [note for note in first.notes if all(note in row.notes for row in others)] if others else []
    own = [
        note if note.startswith(row.strategy) else f"{words(row.strategy)}: {note}"
        for row in compared.rows
        for note in row.notes
        if note not in alike
    ]
    return [*compared.notes, *(f"each strategy: {note}" for note in alike), *own][:MAX_NOTES]


def as_object(compared: ComparePart) -> dict[str, Any]:
    """The comparison for a program."""
    found = {f"macro_f1_{row.strategy}": row.macro_f1 for row in compared.rows}
    return compared.model_dump(include={"dataset_version", "model", "resumed"}) | {
        "best": compared.rows[0].strategy,
        **found,
    }


def _table(compared: ComparePart) -> list[str]:
    rows = [HEADINGS, *(cells(row) for row in compared.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            text.ljust(width) if place == 0 else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def bars(compared: ComparePart) -> plots.Picture:
    """Macro-F1 and balanced accuracy of each strategy that has them, the best on top."""
    rows = [row for row in compared.rows if row.seeds]

    def draw(figure: "Figure", ink: plots.Ink) -> None:
        axes = figure.subplots()
        for name, shift, color in (("macro_f1", -0.2, ink.second), ("balanced_accuracy", 0.2, ink.first)):
            axes.barh(
                [place + shift for place in range(len(rows))],
                [getattr(row, name) for row in rows],
                0.36,
                xerr=[row.deviations.get(name, 0.0) for row in rows],
                ecolor=ink.text,
                color=color,
                label={"macro_f1": "macro-F1"}.get(name, words(name)),
            )
        axes.set_yticks(range(len(rows)), [words(row.strategy) for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(0, 1)
        plots.dress(axes, ink, "", "on the test split")
        axes.yaxis.grid(False)
        figure.legend(loc="outside upper left", ncols=2, frameon=False, labelcolor=ink.text)

    return plots.picture(draw, plots.HALF[0], 0.9 + 0.4 * len(rows))
