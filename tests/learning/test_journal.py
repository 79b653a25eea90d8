"""A study in an object store: two that write at once read the same entries in the same order."""

import optuna
import pytest
from optuna.storages import JournalStorage

from nightsort.config.training import TrainParams
from nightsort.learning import search
from nightsort.learning.journal import ObjectJournal
from nightsort.storage import Storage


@pytest.fixture
def place(request: pytest.FixtureRequest) -> str:
    """A place in a store of this process."""
    return f"memory://{request.node.name}/studies/s"


def test_entries_of_two_writers_have_one_order_and_no_gaps(place: str) -> None:
    one, other = ObjectJournal(place), ObjectJournal(place)
    one.append_logs([{"n": 0}, {"n": 1}])
    other.append_logs([{"n": 2}])
    one.append_logs([{"n": 3}])
    assert [entry["n"] for entry in one.read_logs(0)] == [0, 1, 2, 3] == [entry["n"] for entry in other.read_logs(0)]
    assert [entry["n"] for entry in other.read_logs(3)] == [3]
    assert Storage(place).names("") == ["0.json", "1.json", "2.json", "3.json"]


def test_the_same_entry_twice_is_two_entries(place: str) -> None:
    journal = ObjectJournal(place)
    for _ in range(2):
        journal.append_logs([{"n": 0}])
    assert len([*ObjectJournal(place).read_logs(0)]) == 2


def test_two_that_search_together_see_each_others_trials(place: str) -> None:
    studies = [
        optuna.create_study(study_name="s", storage=JournalStorage(ObjectJournal(place)), load_if_exists=True)
        for _ in range(2)
    ]
    for study in studies:
        trial = study.ask()
        study.tell(trial, trial.suggest_float("x", 0, 1))
    assert [trial.number for trial in studies[0].trials] == [0, 1]
    assert studies[0].best_value == studies[1].best_value


def test_a_search_is_gone_on_with(place: str) -> None:
    storage = Storage(place)
    begun = search.begin(storage, "s", TrainParams(), ["mixup"], {"dataset": 1})
    asked = begun.study().ask(begun.spaces).params
    again = search.begin(storage, "s", TrainParams(), ["mixup"], {"dataset": 1})
    assert again.study().ask(again.spaces).params == asked, "what a dead run left half done is tried again"
    assert storage.names("studies") == ["s"]
