"""The same softmax as SciPy's, also where exponentials would overflow."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax

from nightsort.scoring.calibrated import probabilities

logits = arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 6)), elements=st.floats(-1e4, 1e4, width=32))


@given(logits, st.floats(0.1, 10))
def test_it_is_a_softmax_over_the_temperature(rows: np.ndarray, temperature: float) -> None:
    found = probabilities(rows, temperature)
    assert np.allclose(found, softmax(rows.astype(np.float64) / temperature, axis=1), rtol=1e-12, atol=0)
    assert np.allclose(found.sum(axis=1), 1) and found.dtype == np.float64
