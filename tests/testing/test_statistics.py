"""The tails, by adding up what they are tails of."""

import math
from fractions import Fraction

import numpy as np
import pytest

from numpygpt.testing import check_law
from numpygpt.testing.statistics import (
    binomial_tail,
    chi_square_tail,
    kl_tail,
    normal_tail,
)


def pmf(k, n, p):
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


@pytest.mark.parametrize(("n", "p"), [(1, 0.5), (12, 0.3), (60, 0.9), (200, 0.01)])
def test_the_binomial_tail_is_the_sum(n, p):
    for k in range(n + 2):
        exact = sum(pmf(j, n, p) for j in range(k, n + 1))
        assert binomial_tail(k, n, p) == pytest.approx(exact, rel=1e-9)
    assert binomial_tail(1, n, 0.0) == 0
    assert binomial_tail(n, n, 1.0) == 1


def test_the_binomial_tail_at_its_ends():
    assert binomial_tail(0, 5, 0.0) == binomial_tail(-1, 5, 0.3) == 1
    assert binomial_tail(6, 5, 0.3) == binomial_tail(6, 5, 1.0) == 0
    assert binomial_tail(1, 60, 0.5) <= 1  # the sum is 1.00000000000005


def test_far_out_it_is_exact():
    assert binomial_tail(100, 100, 0.01) == pytest.approx(1e-200, rel=1e-9)
    q = Fraction(1, 4)
    exact = sum(
        math.comb(400, k) * q**k * (1 - q) ** (400 - k) for k in range(165, 401)
    )
    assert binomial_tail(165, 400, 0.25) == pytest.approx(float(exact), rel=1e-9)
    assert exact < 1e-11


def test_chi_square_by_integration():
    for k in (1, 2, 5, 30):
        x = np.linspace(1e-9, 400, 2_000_001)
        with np.errstate(divide="ignore"):
            density = np.exp((k / 2 - 1) * np.log(x) - x / 2)
        density /= 2 ** (k / 2) * math.gamma(k / 2)
        for at in (3.0, 8.0, 40.0):
            above = x >= at
            exact = np.trapezoid(density[above], x[above])
            assert chi_square_tail(at, k) == pytest.approx(exact, rel=1e-3)
    assert chi_square_tail(0, 3) == 1


def test_two_degrees_of_freedom_are_an_exponential():
    for x in (0.1, 2.0, 50.0, 700.0):
        assert chi_square_tail(x, 2) == pytest.approx(math.exp(-x / 2), rel=1e-9)


@pytest.mark.parametrize("k", [1, 2, 5, 20])
def test_an_even_number_of_degrees_of_freedom_is_a_sum(k):
    """P(X >= 2 x) of 2 k degrees is the chance of fewer than k events, x expected."""
    for x in (0.01, 0.5, k - 0.5, k + 1, k + 1.5, 3 * k + 20):
        exact = sum(math.exp(-x) * x**j / math.factorial(j) for j in range(k))
        assert chi_square_tail(2 * x, 2 * k) == pytest.approx(exact, rel=1e-12)
    assert chi_square_tail(-1, 2 * k) == 1


@pytest.mark.parametrize(
    ("counts", "p", "tail"),
    [
        ([8, 0], [0.5, 0.5], math.e * 8 * math.log(2) / 2**8),
        ([0, 6, 0], [1 / 3, 1 / 3, 1 / 3], (math.e * 3 * math.log(3)) ** 2 / 3**6),
        ([3, 1], [0.5, 0.5], 1),  # n D = 0.52 is below k - 1 = 1
        ([2, 2], [0.5, 0.5], 1),
        ([3], [0.999], 1),  # one cell, and a law that does not quite sum to 1
        ([7], [1.0], 1),
    ],
)
def test_the_bound_of_a_table_by_hand(counts, p, tail):
    assert kl_tail(counts, p) == pytest.approx(tail, rel=1e-12)
    assert kl_tail(np.array(counts), np.array(p)) == kl_tail(counts, p)


def test_the_bound_of_a_table_is_above_its_probability():
    """All 10 draws of three outcomes, by listing them."""
    p, n, tables = np.array([0.5, 0.3, 0.2]), 10, []
    for i in range(n + 1):
        for j in range(n + 1 - i):
            counts = np.array([i, j, n - i - j])
            ways = math.factorial(n)
            for c in counts.tolist():
                ways //= math.factorial(c)
            seen = counts > 0
            kl = (counts[seen] * np.log(counts[seen] / (n * p[seen]))).sum()
            tables.append((kl, ways * np.prod(p**counts), counts))
    for kl, _, counts in tables:
        exact = sum(q for other, q, _ in tables if other >= kl - 1e-12)
        assert kl_tail(counts, p) >= exact - 1e-12


def test_the_normal_tail():
    assert normal_tail(1.959964) == pytest.approx(0.025, rel=1e-5)
    assert normal_tail(-1.959964) == pytest.approx(0.975, rel=1e-5)
    assert normal_tail(0) == 0.5


@pytest.mark.parametrize(
    ("counts", "passes"),
    [
        ((100, 100, 100, 100), True),
        ((150, 92, 83, 75), True),  # twice 8 tails of 6e-8 at the most
        ((165, 94, 71, 70), False),
        ((40, 40, 160, 160), False),
    ],
)
def test_outcomes_that_are_there_already(counts, passes):
    outcomes = np.repeat(range(4), counts).tolist()
    law = {**dict.fromkeys(range(4), 0.25), "never": 0.0}
    if passes:
        check_law(outcomes, law)
    else:
        with pytest.raises(AssertionError, match="'law': .*seen for expected: "):
            check_law(outcomes, law)
    with pytest.raises(AssertionError, match="never has probability 0"):
        check_law([*outcomes, "never"], law)


def test_rare_outcomes_are_pooled():
    law = {0: 0.98, **dict.fromkeys(range(1, 21), 0.001)}
    check_law([0] * 980 + list(range(1, 21)), law)
    with pytest.raises(AssertionError, match="'law'"):
        check_law([0] * 920 + list(range(1, 21)) * 4, law)


def test_false_alarms_are_rare():
    """2,000 experiments under the null hypothesis: none may be refused."""
    rng = np.random.default_rng(0)
    law = dict(enumerate([0.5, 0.25, 0.125, 0.0625, 0.0625]))
    for _ in range(2000):
        check_law(rng.choice(5, 200, p=list(law.values())).tolist(), law)
