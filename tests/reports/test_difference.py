"""Two nights, or two models, beside each other: what changed, the page, the lines."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nightsort.evaluation.scores import Slice
from nightsort.reports import difference, two_runs
from nightsort.reports.answered import Answered, Change, Disagreement
from nightsort.reports.difference import ClassFigures, Difference, Fact, Mix, Mixes, Scored, Side
from nightsort.reports.digest import Digest
from nightsort.reports.shown import Thumbnail
from nightsort.tally import Tally

PAYLOAD = "<script>alert(1)</script>"
BEGAN = datetime(2026, 11, 20, 2, tzinfo=UTC)


def night(predicted: dict[str, int], **more: Any) -> Digest:
    done = sum(predicted.values())
    facts = {
        "run_id": "20261120T020000000Z-classify-0000", "flow": "classify", "state": "completed", "started": BEGAN,
        "finished": BEGAN + timedelta(minutes=1), "title": "", "verdict": "Balanced", "tone": "good",
        "model_version": 1, "tally": Tally(discovered=done, done=done), "predicted": predicted,
    }  # fmt: skip
    return Digest.model_validate(facts | more)


def test_a_class_that_came_is_named_and_the_rest_is_chance() -> None:
    found = two_runs.mixes(
        night({"crack": 500, "stain": 480, "dent": 2}), night({"crack": 490, "stain": 470, "dent": 60})
    )
    assert [row.label for row in found.classes if row.changed] == ["dent"] == [found.classes[0].label]
    assert found.p_value is not None and found.p_value < 1e-6
    assert found.variation == pytest.approx(60 / 1020 - 2 / 982)


def test_the_same_mix_twice_is_no_news() -> None:
    found = two_runs.mixes(night({"crack": 50, "stain": 40}), night({"crack": 48, "stain": 44}))
    assert found.p_value is not None and found.p_value > 0.3 and not any(row.changed for row in found.classes)


@pytest.mark.parametrize("predicted", [{}, {"crack": 0}, {"crack": 3}])
def test_an_empty_night_compares_with_nothing(predicted: dict[str, int]) -> None:
    found = two_runs.mixes(night(predicted), night({}))
    assert (found.variation, found.p_value) == (0.0, None) and not any(row.changed for row in found.classes)


@pytest.mark.parametrize(("totals", "which"), [((3, 0), "second run"), ((0, 3), "first run"), ((0, 0), "two runs")])
def test_an_empty_night_is_named_as_such(totals: tuple[int, int], which: str) -> None:
    mixes = Mixes(
        totals=totals, variation=0.0, p_value=None, classes=[Mix(label="crack", first=3, second=0, changed=False)]
    )
    sides = {"first": Side(key="a", name="a"), "second": Side(key="b", name="b")}
    shown = difference.to_html(Difference(kind="runs", mixes=mixes, **sides))
    assert shown.count(f"Nothing was classified in the {which}.") == 2 and "of the mix moved" not in shown


def test_facts_have_every_outcome_and_reason_of_both() -> None:
    first = night({"crack": 5}, tally=Tally(discovered=7, done=5, quarantined=2), reasons={"empty": 2}, abstained=1)
    second = night({"crack": 5}, reasons={"corrupt": 3}, drifted=["brightness"], model_version=2)
    facts = {fact.name: (fact.first, fact.second) for fact in two_runs.facts(first, second)}
    assert facts["quarantined"] == ("2", "0") and facts["model"] == ("1", "2")
    assert (facts["empty"], facts["corrupt"]) == (("2", "0"), ("0", "3"))
    assert (facts["abstained"], facts["drift"]) == (("1 (20.0%)", "0 (0%)"), ("no alarm", "brightness"))


def hostile() -> Difference:
    """Every part, with a payload wherever a text is foreign."""
    picture = Thumbnail(path=f"/in/{PAYLOAD}.png", label=PAYLOAD, confidence=0.9, image="")
    return Difference(
        kind="runs",
        first=Side(key="a", name="model 1", link="../a/report.html"),
        second=Side(key="b", name="model 2"),
        facts=[Fact(name="source", first=PAYLOAD, second="there")],
        mixes=Mixes(
            totals=(9, 9), variation=0.2, p_value=0.3, classes=[Mix(label=PAYLOAD, first=9, second=9, changed=True)]
        ),
        answered=Answered(
            pictures=9, agreeing=8, kappa=0.8, abstained=(0, 1), confidence=(0.9, 0.8), pairs=1,
            changes=[Change(first=PAYLOAD, second="ok", pictures=1)],
            shown=[Disagreement(picture=picture, second=PAYLOAD, second_confidence=0.8, truth=PAYLOAD)],
        ),
        scored=scored(-0.1, 0.1).model_copy(
            update={"classes": [ClassFigures(label=PAYLOAD, support=3, f1=(0.5, 0.4), recall=(0.5, 0.3))]}
        ),
        notes=[PAYLOAD],
    )  # fmt: skip


def scored(low: float, high: float) -> Scored:
    part = Slice(
        name="all",
        pictures=90,
        champion_macro_f1=0.8,
        challenger_macro_f1=0.82,
        difference_low=low,
        difference_high=high,
    )
    return Scored(dataset_version=3, macro_f1=part, p_value=0.04, only=(2, 4))


def test_the_page_holds_every_part_and_is_inert() -> None:
    html = difference.to_html(hostile())
    assert "<script" not in html and "default-src 'none'" in html
    assert html.count("&lt;script&gt;") >= 9
    for part in ("mix", "classes", "both", "disagreements", "facts"):
        assert f'id="{part}"' in html
    assert 'href="../index.html"' in html and 'href="../a/report.html"' in html


@pytest.mark.parametrize("absent", ["mixes", "answered", "scored"])
def test_a_page_without_a_part(absent: str) -> None:
    html = difference.to_html(hostile().model_copy(update={absent: None, "notes": []}))
    sections = {"mixes": "mix", "answered": "both", "scored": "classes"}
    assert [name for name, part in sections.items() if f'id="{part}"' not in html] == [absent]


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(0.01, 0.03, "Model 2 is better"), (-0.02, -0.01, "Model 2 is worse"), (-0.01, 0.03, "Not shown to differ")],
)
def test_the_verdict_on_two_models_follows_the_interval(low: float, high: float, word: str) -> None:
    found = hostile().model_copy(update={"scored": scored(low, high)})
    verdict = difference.verdict(found)
    assert verdict.word == word and "McNemar p 0.04" in verdict.line
    assert difference.lines(found, "/there.html")[1].startswith(f"  {word}: Macro-F1 0.800 and 0.820 on 90 test")


def test_a_page_lists_a_bounded_number_of_classes() -> None:
    rows = [Mix(label=f"class-{i}", first=1, second=1, changed=False) for i in range(500)]
    found = hostile().model_copy(update={"mixes": Mixes(totals=(500, 500), variation=0, p_value=1, classes=rows)})
    html = difference.to_html(found)
    assert html.count("class-") == difference.MAX_LISTED and f"{500 - difference.MAX_LISTED} classes more" in html
    assert len(difference.lines(found, "")) < 30
