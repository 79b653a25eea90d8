"""What an estimator learns from."""

import numpy as np

from nightsort.learning.classical.estimators import Rows, thinned


def test_thinning_spares_small_classes_and_keeps_the_weight_of_each() -> None:
    labels = np.repeat([0, 1, 2], [50, 3, 20]).astype(np.int64)
    rows = Rows(np.arange(73, dtype=np.float32)[:, None], labels, np.full(73, 2, np.float32))
    fewer = thinned(rows, 23, 0)
    assert np.bincount(fewer.labels).tolist() == [10, 3, 10]
    assert np.bincount(fewer.labels, fewer.weights).tolist() == [100, 6, 40]
    assert (labels[fewer.features[:, 0].astype(int)] == fewer.labels).all()
    assert len(np.unique(fewer.features)) == 23
    assert thinned(rows, 73, 0) is rows
