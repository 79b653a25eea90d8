"""Owns what a report says of a search: the best trial, the others, what mattered, how it went.

Invariant: however many trials a search had, what is written of it is bounded.
Does not know how a trial was run.
"""

import shlex
import warnings
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from nightsort.config.training import TrainParams
from nightsort.reports import plots
from nightsort.reports.formats import duration, score
from nightsort.reports.learned import MAX_TRIALS, MAX_VALUES, TrialRow, TunePart

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from optuna import Study
    from optuna.trial import FrozenTrial


_TELLING = 10  # complete trials; of fewer, what mattered is chance


def part(searched: "Study", trials: "list[FrozenTrial]", **facts: Any) -> TunePart:
    """The part of the report.

    :param trials: of the study that was searched, those that came to their end, in their order
    :param facts: the other fields of the part
    """
    rows = sorted(map(row, trials), key=lambda item: (item.state != "complete", -(item.value or 0), item.number))
    states = [item.state for item in rows]
    complete = [item for item in rows if item.state == "complete"]
    return TunePart(
        trials=len(rows),
        complete=states.count("complete"),
        pruned=states.count("pruned"),
        failed=states.count("failed"),
        best=complete[0] if complete else None,
        rows=rows[:MAX_TRIALS],
        importance=importance(searched) if len(complete) >= _TELLING else {},
        values=[trial.value if trial.state.name == "COMPLETE" else None for trial in trials][-MAX_VALUES:],
        **facts,
    )


def row(trial: "FrozenTrial") -> TrialRow:
    """One trial for people."""
    reached = list(trial.intermediate_values.values())
    state = {"COMPLETE": "complete", "PRUNED": "pruned"}.get(trial.state.name, "failed")
    return TrialRow.model_validate(
        {
            "number": trial.number,
            "state": state,
            "value": trial.value if state == "complete" else max(reached, default=None),
            "epochs": trial.last_step or 0,
            "seconds": trial.user_attrs.get("seconds", 0.0),
            "knobs": {name: _word(value) for name, value in trial.params.items()},
            "why": trial.user_attrs.get("why", ""),
        }
    )


def importance(study: "Study") -> dict[str, float]:
    """Share of each knob in what tells the best trials from the others (PED-ANOVA, Watanabe et al. 2023).

    Empty where nothing differs.
    """
    from optuna.importance import get_param_importances

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*importances will be equal")
            found = get_param_importances(study)
    except (ValueError, RuntimeError, ArithmeticError, UserWarning):
        return {}
    return found if sum(found.values()) > 0 else {}


def command(params: TrainParams) -> str:
    """The command line that trains so: what is not the default is said."""
    words = ["nightsort", "train"]
    for name, value in params.model_dump(mode="json", exclude_defaults=True).items():
        for item in value if isinstance(value, list) else [value]:
            words += [f"--{name.replace('_', '-')}", _word(item) if isinstance(item, bool) else str(item)]
    return shlex.join(words)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def lines(tuned: TunePart) -> list[str]:
    """The gist for a terminal."""
    counts = f"{tuned.complete} complete, {tuned.pruned} pruned, {tuned.failed} failed"
    resumed = f", {tuned.resumed} of them in earlier runs" if tuned.resumed else ""
    said = [f"study {tuned.study} on dataset version {tuned.dataset_version}: {counts}{resumed}"]
    if tuned.best:
        knobs = ", ".join(f"{name} {value}" for name, value in tuned.best.knobs.items())
        said.append(f"best: trial {tuned.best.number}, macro-F1 {score(tuned.best.value)} on validation: {knobs}")
    if tuned.importance:
        said.append("what mattered: " + ", ".join(f"{name} {share:.0%}" for name, share in tuned.importance.items()))
    if tuned.published:
        said.append(tuned.published)
    elif tuned.command:
        said.append(f"train with it: {tuned.command}")
    return [*said, *tuned.notes]


def as_object(tuned: TunePart) -> dict[str, Any]:
    """The search for a program."""
    counts = tuned.model_dump(
        include={"study", "dataset_version", "complete", "pruned", "failed", "resumed", "command"}
    )
    best = tuned.best
    knobs = {f"best_{name}": value for name, value in best.knobs.items()} if best else {}
    return counts | {"validation_macro_f1": best.value if best else None, **knobs}


def cells(item: TrialRow) -> list[str]:
    """A trial as text, under `HEADINGS`."""
    knobs = ", ".join(f"{name} {value}" for name, value in item.knobs.items())
    return [
        str(item.number),
        item.state,
        score(item.value),
        str(item.epochs),
        duration(item.seconds),
        item.why or knobs,
    ]


HEADINGS = ["trial", "state", "macro-F1", "epochs", "time", "knobs, or why it failed"]
"""Of the table of trials."""


def history(tuned: TunePart) -> plots.Picture:
    """Each complete trial and the best so far; of very many trials the last."""
    first = tuned.trials - len(tuned.values)  # trials are counted from 0, as in the table
    found = [(first + place, value) for place, value in enumerate(tuned.values) if value is not None]

    def draw(figure: "Figure", ink: plots.Ink) -> None:
        from matplotlib.ticker import MaxNLocator

        axes = figure.subplots()
        numbers = [number for number, _ in found]
        axes.plot(numbers, [value for _, value in found], "o", color=ink.first, markersize=4, label="trial")
        best = list(accumulate((value for _, value in found), max))
        axes.step(numbers, best, where="post", color=ink.second, label="best so far")
        plots.dress(axes, ink, "Macro-F1 on validation", "trial")
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.legend(frameon=False, labelcolor=ink.text)

    return plots.picture(draw, *plots.HALF)
