"""smallest_set against its plain twin, the three lines of its docstring."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpygpt.fast.nucleus import N_BINS, _bins, smallest_set


def plain(keys, weights, target, crossing=True):
    order = np.argsort(keys, kind="stable")
    order = order[keys[order] < np.inf]
    side = "left" if crossing else "right"
    count = np.searchsorted(np.cumsum(weights[order]), target, side) + crossing
    kept = np.zeros(len(keys), bool)
    kept[order[:count]] = True
    return kept


@pytest.mark.parametrize("crossing", [True, False])
@pytest.mark.parametrize("value", [0.0, 0.1, 0.9, 0.99, 0.9999999])
@pytest.mark.parametrize("spread", [0.01, 1.0, 4.0, 30.0])
def test_it_is_the_plain_formula(spread, value, crossing):
    z = spread * np.random.default_rng(0).standard_normal(5000)
    z[::7] = -np.inf
    weights = np.exp(z - z.max())
    target = value * weights.sum()
    out = smallest_set(-z, weights, target, crossing)
    assert np.array_equal(out, plain(-z, weights, target, crossing))


@given(
    st.integers(0, 1000), st.integers(1, 400), st.sampled_from([1, 2, 5, 1000]),
    st.integers(0, 420), st.booleans(), st.sampled_from([1.0, 1e-300, 1e300]),
)  # fmt: skip
def test_ties_outliers_and_weights_of_zero(seed, n, n_values, target, crossing, unit):
    """Whole numbers, so that every order of adding them up is exact."""
    rng = np.random.default_rng(seed)
    keys = rng.integers(0, n_values, n) * unit
    keys[rng.random(n) < 0.05] = 1e8 * unit if unit < 1e300 else 0
    keys[rng.random(n) < 0.05] = np.inf
    weights = rng.integers(0, 3, n).astype(float)
    out = smallest_set(keys, weights, target, crossing)
    assert np.array_equal(out, plain(keys, weights, target, crossing))


def test_a_key_that_is_far_away_from_all_others():
    for far in (1e300, -1e308, 5e-324):
        keys = np.array([*range(100), far, 1.7e308])
        out = smallest_set(keys, np.ones(102), 40)
        assert np.array_equal(out, plain(keys, np.ones(102), 40))
    keys = np.arange(100.0)
    assert smallest_set(keys, np.ones(100), 40.5).sum() == 41
    assert smallest_set(keys, np.ones(100), 40.5, crossing=False).sum() == 40
    keys = np.array([0.0, 5e-324] * 50)
    assert np.array_equal(smallest_set(keys, keys + 1, 40), plain(keys, keys + 1, 40))


def test_keys_are_spread_over_all_bins():
    """That is what makes it fast: the result does not depend on them."""
    bins, n_bins = _bins(np.linspace(-3, 5, 2 * N_BINS))
    assert n_bins == N_BINS and {*bins} == {*range(N_BINS)}


@pytest.mark.parametrize("keys", [[2.0, 2.0], [0.0, 5e-324], [-1.7e308, 1.7e308]])
def test_equal_keys_and_too_distant_ones_share_a_bin_without_a_warning(keys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bins, n_bins = _bins(np.array(keys))
    assert bins.tolist() == [0, 0] and n_bins == 1


@pytest.mark.parametrize("n", [17, 40, 64, 65, 100, 300])
def test_among_equal_keys_the_first(n):
    keys, weights = np.arange(n) * 7.0 % 3, np.ones(n)
    for count in range(1, n + 1):
        out = smallest_set(keys, weights, count)
        assert np.array_equal(out, plain(keys, weights, count))
