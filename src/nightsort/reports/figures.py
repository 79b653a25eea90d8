"""Owns which figures a report has, by the names that the templates know them by.

Invariant: what was not measured has no figure. Does not know how any of them is drawn.
"""

from nightsort.evaluation.scores import Scores
from nightsort.reports import compared, diagrams, plots, sections, tuned
from nightsort.reports.data import Report
from nightsort.reports.learned import TrainingPart

Figures = dict[str, plots.Picture]


def of(report: Report) -> Figures:
    """Every figure of a report."""
    figures: Figures = {}
    if report.training:
        figures |= _training(report.training) | _scores(report.training.scores)
    if report.compare and any(row.seeds for row in report.compare.rows):
        figures["strategies"] = compared.bars(report.compare)
    if report.tune and report.tune.complete:
        figures["search"] = tuned.history(report.tune)
    return figures


def _training(part: TrainingPart) -> Figures:
    figures = {}
    if part.history:
        figures["loss"] = plots.loss_curves(part.history, part.best_epoch)
        figures["macro_f1"] = plots.macro_f1_curve(part.history, part.best_epoch)
    if part.before:
        figures["distribution"] = plots.distribution(sections.pairs(part.before, part.after))
    return figures


def _scores(scores: Scores) -> Figures:
    figures = {}
    if scores.reliability:
        figures["reliability"] = diagrams.reliability(scores.reliability)
    if scores.coverage:
        figures["coverage"] = diagrams.coverage(scores.coverage)
    if scores.roc:
        figures["roc"] = diagrams.roc(scores.roc)
    if scores.precision_recall:
        figures["precision_recall"] = diagrams.precision_recall(scores.precision_recall)
    return figures
