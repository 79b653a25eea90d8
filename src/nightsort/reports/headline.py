"""Owns the first lines of a report: the title in plain words and the verdict.

Invariant: a run that did not end well is never headed by its figures.
Does not know what follows below.
"""

from typing import NamedTuple

from nightsort.evaluation.scores import Decision, Scores
from nightsort.reports import drifted
from nightsort.reports.compared import words
from nightsort.reports.data import AuditPart, AugmentPart, Report
from nightsort.reports.formats import count, day, duration, figure, percent, plural, score
from nightsort.reports.leaks import share, worst
from nightsort.reports.learned import ComparePart, TunePart
from nightsort.reports.promoted import PromotionPart
from nightsort.tally import Tally

_NOUNS = {
    "classify": "Night",
    "ingest": "Ingest",
    "train": "Training",
    "retrain": "Retraining",
    "audit": "Audit",
    "augment": "Augmentation",
    "compare": "Comparison",
    "tune": "Search",
    "promote": "Promotion",
}


class Verdict(NamedTuple):
    """One line that judges the run; the tone (good, note, bad) colours it, the word says the same."""

    tone: str
    word: str
    line: str


def noun(report: Report) -> str:
    """What a person calls a run of this flow."""
    return _NOUNS.get(report.flow, report.flow.capitalize())


def title(report: Report) -> str:
    """The report's title: which night or run it was, and what came of it."""
    occasion = f"{noun(report)} of {day(report.started)}"
    if report.state != "completed":
        return f"{occasion}: {report.state}"
    findings = _findings(report)
    return f"{occasion}: {', '.join(findings)}" if findings else occasion


def _findings(report: Report) -> list[str]:
    if report.promotion:
        return [moved(report.promotion)]
    if report.training:
        verb = "promoted" if report.training.decision.promoted else "not promoted"
        return [f"model {report.training.model_version} {verb}", f"macro-F1 {score(report.training.scores.macro_f1)}"]
    if report.compare:
        best = report.compare.rows[0]
        return [f"{words(best.strategy)} best of {len(report.compare.rows)}", f"macro-F1 {score(best.macro_f1)}"]
    if report.tune:
        reached = [f"best macro-F1 {score(report.tune.best.value)}"] if report.tune.best else []
        return [plural(report.tune.trials, "trial"), *reached]
    if report.audit:
        return _audit_findings(report.audit)
    if report.augment:
        return [f"{plural(made(report.augment), 'picture')} made"]
    if not report.intake:
        return []
    tally = report.intake.tally
    verb = "classified" if report.flow == "classify" else "ingested"
    return [f"{plural(tally.done, 'picture')} {verb}", f"{count(tally.quarantined)} set aside"]


def _audit_findings(part: AuditPart) -> list[str]:
    ours, _ = worst(part)
    leaking = [f"{count(ours.leaking)} of {plural(ours.test, 'test picture')} leak"] if ours else []
    suspected = [] if part.label_issues is None else [plural(part.label_issues, "suspected label")]
    return [*leaking, plural(part.outliers, "outlier"), *suspected]


def made(part: AugmentPart) -> int:
    """Pictures that an augmentation added."""
    return sum(row.total for row in part.after) - sum(row.total for row in part.before)


def speed(report: Report) -> str:
    """How fast pictures came to their outcome, such as "60,000 pictures in 9.3 s, 6,450/s"; empty if none did."""
    part = report.ingest or report.classify
    if not part or not part.seconds or not report.intake or not report.intake.tally.done:
        return ""
    done, seconds = report.intake.tally.done, part.seconds
    return f"{plural(done, 'picture')} in {duration(seconds)}, {figure(done / seconds)}/s"


def verdict(report: Report) -> Verdict:
    """The one line below the title."""
    if report.state == "failed":
        return Verdict("bad", "Failed", "The run stopped with this message:")
    if report.state == "skipped":
        return Verdict("note", "Skipped", "Nothing was done, because:")
    if report.intake and not report.intake.tally.balanced:
        return Verdict("bad", "Does not balance", "A picture was lost or counted twice; report this as a bug.")
    if report.promotion:
        return _moved(report.promotion)
    if report.training:
        return _judged(report.training.decision, report.training.scores)
    if report.intake:
        return _accounted(report, report.intake.tally)
    if report.compare:
        return _compared(report.compare)
    if report.tune:
        return _tuned(report.tune)
    if report.audit:
        return _audited(report.audit)
    if report.augment:
        return _augmented(report.augment)
    return Verdict("good", "Done", "The run finished.")


def moved(part: PromotionPart) -> str:
    """What became of a published model, such as "model 3 promoted"."""
    done = "promoted by force" if part.how == "forced" else "promoted" if part.how == "judged" else "champion again"
    return f"model {part.model_version} {done if part.is_moved else 'not promoted'}"


def promotion_lines(part: PromotionPart) -> list[str]:
    """The same in some lines, with who, why and the gate's reason."""
    champion = "there is no champion" if part.after is None else f"the champion is {part.after}"
    before = f", before it {part.before}" if part.is_moved and part.before else ""
    who = f" by {part.who}" if part.who else ""
    why = [f"why: {part.why}"] if part.why else []
    gate = [f"gate: {part.decision.reason}"] if part.decision else []
    return [f"{moved(part)}{who}; {champion}{before}", *why, *gate, *part.notes]


def _moved(part: PromotionPart) -> Verdict:
    if not part.is_moved:
        stays = f"Champion {part.after} stays." if part.after else "There is still no champion."
        return Verdict("note", "Not promoted", stays)
    before = f", in place of {part.before}" if part.before else ""
    word = {"judged": "Promoted", "forced": "Forced", "rolled back": "Rolled back"}[part.how]
    return Verdict("good" if part.how == "judged" else "note", word, f"Model {part.after} is the champion{before}.")


def _judged(decision: Decision, scores: Scores) -> Verdict:
    figures = f"{percent(scores.accuracy)} of {plural(scores.pictures, 'test picture')} right"
    if decision.promoted:
        return Verdict("good", "Promoted", f"The new model is the champion; {figures}.")
    return Verdict("note", "Not promoted", f"The champion stays; the new model got {figures}.")


def _accounted(report: Report, tally: Tally) -> Verdict:
    if not tally.discovered:
        return Verdict("note", "Nothing there", "The source held no files.")
    if not tally.done and not tally.quarantined:
        return Verdict("good", "Nothing new", f"{plural(tally.discovered, 'discovered file')}, none new and ready.")
    lines = [speed(report), f"every one of {plural(tally.discovered, 'discovered file')} is accounted for"]
    if report.classify and report.classify.abstained:
        lines.append(
            f"{count(report.classify.abstained)} of {count(tally.done)} are too uncertain to name without a person"
        )
    if report.ingest and report.ingest.disputed:
        lines.append(f"{plural(report.ingest.disputed, 'picture')} withheld, because labels disagree")
    line = "; ".join(filter(None, lines))
    if report.drift and report.drift.alarms:
        return Verdict("note", "Drifted", f"In {drifted.named(report.drift)}; {line}.")
    return Verdict("good", "Balanced", f"{line[0].upper()}{line[1:]}.")


def _audited(part: AuditPart) -> Verdict:
    ours, random = worst(part)
    if not ours:
        return Verdict("note", "Audited", "No leaks were looked for.")
    rival = f" Under a random split {count(random.leaking)} of {count(random.test)} would." if random else ""
    if not ours.leaking:
        line = f"None of {plural(ours.test, 'test picture')} has a near-twin in train."
        return Verdict("good", "No leak", line + rival)
    line = f"{count(ours.leaking)} of {plural(ours.test, 'test picture')} ({percent(share(ours))}) have a near-twin in"
    return Verdict("note", "Leaks", f"{line} train, by {ours.criterion}.{rival}")


def _compared(part: ComparePart) -> Verdict:
    failed = [words(row.strategy) for row in part.rows if not row.seeds]
    line = f"{words(part.rows[0].strategy).capitalize()} has the highest macro-F1 on the test split."
    if failed:
        return Verdict("note", "Compared", f"{line} Without a result: {', '.join(failed)}.")
    return Verdict("good", "Compared", line)


def _tuned(part: TunePart) -> Verdict:
    best = (
        f"The best reached a macro-F1 of {score(part.best.value)} on validation" if part.best else "None was completed"
    )
    return Verdict("good", "Searched", f"{plural(part.trials, 'trial')}. {best}.")


def _augmented(part: AugmentPart) -> Verdict:
    if not made(part):
        return Verdict("good", "Nothing to do", "Every class has as many training pictures as was asked for.")
    before, after = ({row.label: row.total for row in rows} for rows in (part.before, part.after))
    filled = sum(after[label] > before.get(label, 0) for label in after)
    line = f"{plural(made(part), 'picture')} made of training pictures of {plural(filled, 'class')}"
    return Verdict("good", "Filled up", f"{line}; validation and test are as they were.")
