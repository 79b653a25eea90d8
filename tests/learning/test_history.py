"""Which epoch is kept."""

from nightsort.learning.history import Epoch, kept_of

HISTORY = [
    Epoch(epoch=number, train_loss=1, validation_loss=1, validation_accuracy=f1, validation_macro_f1=f1,
          learning_rate=0.1, seconds=1)
    for number, f1 in enumerate([0.2, 0.9, 0.5, 0.8, 0.7], 1)
]  # fmt: skip


def test_luck_in_the_warm_up_does_not_win() -> None:
    assert kept_of(HISTORY, "best", 1).epoch == 2
    assert kept_of(HISTORY, "best", 3).epoch == 4
    assert kept_of(HISTORY, "last", 3).epoch == 5


def test_before_any_epoch_counts_the_best_of_them_is_kept() -> None:
    assert kept_of(HISTORY[:3], "best", 5).epoch == 2
