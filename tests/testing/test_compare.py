"""Are two laws the same? By hand: what is gone, what is faint, how far a logit or a
mass may move, and which sets are allowed then."""

import numpy as np
import pytest

from numpygpt.testing import check_filter
from numpygpt.testing.compare import (
    _alike,
    _expected,
    _largest,
    _moved_mass,
    _sets,
    _variants,
    decided,
    difference,
    possible,
    probabilities,
)

INF = np.inf
EPS = 2.0**-23  # of float32


def softmax(row):
    return probabilities(row)


def best(row):
    """A law without chance: the first of the best."""
    return np.eye(len(row))[np.argmax(row)]


def test_probabilities_of_whatever_comes_back():
    assert probabilities([0, np.log(3)]) == pytest.approx([0.25, 0.75])
    assert probabilities(np.array([1e4, 1e4, -INF], np.float32)).tolist() == [
        0.5,
        0.5,
        0,
    ]
    assert probabilities([1.0]).dtype == np.float64


@pytest.mark.parametrize(
    ("p", "q", "alike"),
    [
        (0.2, 0.2, True),
        (0.2, 0.2 * np.exp(0.0099), True),
        (0.2, 0.2 * np.exp(0.0101), False),
        (0.2, 0.2 * np.exp(-0.0099), True),
        (0.2, 0.2 * np.exp(-0.0101), False),
        (0.0, 1e-9, False),
        (1e-9, 0.0, False),
        (0.0, 2e-24, False),  # who knows what is below 1e-24
        (2e-24, 0.0, False),
        (0.0, 1e-24, True),
        (1e-24, 0.0, True),
        (0.0, 1e-25, True),
        (1e-25, 0.0, True),
        (1e-25, 1e-29, True),
        (1e-23, 1e-29, False),
        (1e-23, 1e-30, False),  # gone
        (1e-31, 1e-30, True),
    ],
)
def test_two_probabilities_are_alike(p, q, alike):
    """As far as a hundredth, in logarithms."""
    assert _alike(np.array([0.8, p]), np.array([0.8, q]), 0.01) is alike
    assert _alike(np.array([p, 0.8]), np.array([q, 0.8]), 0.01) is alike


APART, PAIR = [0, 1, 2, 3], [0, 1, 1, 2]
STAY, GONE = "removed, and should stay", "kept, and should not be"


@pytest.mark.parametrize(
    ("p", "variants", "groups", "wrong"),
    [
        ([0.6, 0.4, 0, 0], [[0.6, 0.4, 0, 0]], APART, None),
        ([0.6, 0.3, 0.1, 0], [[0.6, 0.4, 0, 0]], APART, f"token 2 is {GONE}"),
        ([0.6, 0.2, 0.1, 0.1], [[0.6, 0.4, 0, 0]], APART,
         f"token 2 is {GONE} (2 such tokens)"),
        ([1, 0, 0, 0], [[0.6, 0.4, 0, 0]], APART, f"token 1 is {STAY}"),
        ([1, 0, 0, 0], [[0.4, 0.3, 0.3, 0]], APART,
         f"token 1 is {STAY} (2 such tokens)"),
        ([0, 0.3, 0.7, 0], [[1, 0, 0, 0]], APART, f"token 1 is {GONE} (2 such tokens)"),
        # What the variants do not agree upon is free.
        ([0.6, 0.4, 0, 0], [[0.6, 0.4, 0, 0], [1, 0, 0, 0]], APART, None),
        ([1, 0, 0, 0], [[0.6, 0.4, 0, 0], [1, 0, 0, 0]], APART, None),
        # Of two equals one is enough, if some variant splits them.
        ([0.6, 0, 0.4, 0], [[0.6, 0.4, 0, 0]], PAIR, None),
        ([0.4, 0.3, 0.3, 0], [[0.6, 0.4, 0, 0]], PAIR, None),
        ([1, 0, 0, 0], [[0.6, 0.4, 0, 0]], PAIR, f"token 1 is {STAY} (2 such tokens)"),
        ([0.6, 0, 0.4, 0], [[0.4, 0.3, 0.3, 0]], PAIR, f"token 1 is {STAY}"),
        ([0.6, 0.4, 0, 0], [[0.4, 0.3, 0.3, 0]], PAIR, f"token 2 is {STAY}"),
        ([0.6, 0.4, 0, 0], [[0.4, 0.3, 0.3, 0], [0.6, 0, 0.4, 0]], PAIR, None),
        ([0.6, 0, 0.4, 0], [[1, 0, 0, 0]], PAIR, f"token 2 is {GONE}"),
        # Faint: between 1e-30 and 1e-24, both of them.
        ([1, 0, 0, 1e-26], [[1, 0, 0, 0]], APART, None),
        ([1, 0, 0, 1e-23], [[1, 0, 0, 0]], APART, f"token 3 is {GONE}"),
        ([1, 0, 0, 1e-24], [[1, 0, 0, 0]], APART, f"token 3 is {GONE}"),
        ([1, 0, 0, 0], [[1, 0, 0, 1e-26]], APART, None),
        ([1, 0, 0, 0], [[1, 0, 0, 1e-23]], APART, f"token 3 is {STAY}"),
        ([1, 0, 1e-26, 0], [[1, 1e-26, 1e-26, 0]], PAIR, None),
        ([1, 0, 0, 1e-31], [[1, 0, 0, 0]], APART, None),
    ],
)  # fmt: skip
def test_which_tokens_may_be_kept(p, variants, groups, wrong):
    variants = [np.array(v, float) for v in variants]
    assert _sets(np.array(p, float), variants, np.array(groups)) == wrong


@pytest.mark.parametrize(
    ("p", "q", "groups", "expected", "known"),
    [
        ([0.5, 0.5, 0], [0.5, 0.3, 0.2], [0, 1, 2], [0.625, 0.375, 0], [1, 1, 0]),
        # Of an equal logit the probability is known.
        ([0.5, 0, 0.5], [0.6, 0.4, 0], [0, 1, 1], [0.6, 0, 0.4], [1, 0, 1]),
        ([0.4, 0.3, 0.3], [0.6, 0.4, 0], [0, 1, 1],
         np.array([6, 4, 4]) / 14, [1, 1, 1]),
        ([0.5, 0, 0.5], [1, 0, 0], [0, 1, 2], [1, 0, 0], [1, 0, 0]),
        ([0.5, 1e-31, 0.5], [0.5, 0.3, 0.2], [0, 1, 2], [5 / 7, 0, 2 / 7], [1, 0, 1]),
        ([0, 0, 1], [0.5, 0.5, 0], [0, 1, 2], [0, 0, 0], [0, 0, 0]),
    ],
)  # fmt: skip
def test_what_the_reference_says_of_the_kept(p, q, groups, expected, known):
    weights, mask = _expected(np.array(p), np.array(q, float), np.array(groups))
    assert weights == pytest.approx(np.array(expected, float))
    assert mask.tolist() == known


def test_the_largest_logit_of_either_sign():
    assert _largest(np.array([-INF, -3.0, 2.0])) == 3
    assert _largest(np.array([-3.0, 5.0])) == 5
    assert _largest(np.array([-INF, -INF])) == 0


@pytest.mark.parametrize(
    ("largest", "off", "right"),
    [
        (0, 0.9e-4, True),
        (0, 1.1e-4, False),
        (10_000, 0.0095, True),  # 1e-4 + 8 steps of float32
        (10_000, 0.0098, False),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_how_far_a_probability_may_be_off(largest, off, right, sign):
    row = np.array([0.0, 0.0, 0.0, 0.0]) - largest
    p = softmax(row + [0, 0, 0, sign * off * 4 / 3])  # the others get a third of it
    wrong = difference(p, softmax(row), row, softmax, "exact")
    assert (wrong is None) == right


def test_a_wrong_probability_is_named():
    row = np.array([1.0, 2.0, -INF, 3.0])
    q = softmax(row)
    p = np.array([0.2, 0.3, 0, 0.5])
    assert difference(q, q, row, softmax) is None
    assert difference(p, q, row, softmax) == (
        f"token 3 has the probability 0.5 and not {q[3]:.6g}"
    )
    p = np.array([0.3, 0.1, 0, 0.6])
    assert difference(p, q, row, softmax) == (
        f"token 0 has the probability 0.3 and not {q[0]:.6g}"
    )
    assert difference(best(row), q, row, softmax) == (
        "token 0 is removed, and should stay (2 such tokens)"
    )


def test_only_what_is_known_is_compared():
    """Of two best tokens the other was kept, with all the probability there is."""
    row = np.array([1.0, 1.0 - 1e-5, 0.0])
    assert difference(np.array([0.0, 1, 0]), best(row), row, best) is None
    assert difference(np.array([0.5, 0.5, 0]), best(row), row, best) is None


@pytest.mark.parametrize(
    ("level", "gap", "clear"),
    [
        (0.0, 5.9e-5, False),  # each may move by 3e-5
        (0.0, 6.1e-5, True),
        (1000.0, 1.00e-3, False),  # and by four steps of float32: 4.8e-4
        (1000.0, 1.03e-3, True),
        (-1000.0, 1.00e-3, False),
        (-1000.0, 1.03e-3, True),
        (0.0, 0.0, False),
    ],
)
def test_how_close_is_undecided(level, gap, clear):
    row = np.array([level - 0.5, level, level - gap, -INF])
    assert decided(row, best) is clear
    may = possible(row, best(row), best)
    assert may.tolist() == [False, True, not clear, False]


def test_an_equal_of_what_is_possible_is_possible():
    """The law keeps the first, and cannot be asked for another."""
    row = np.array([0.0, 1.0, 0.0, 1.0])
    assert possible(row, best(row), lambda z: np.eye(4)[1]).tolist() == [0, 1, 0, 1]


def variants_of(row, p=None, q=None, ties="any"):
    row = np.array(row)
    p = softmax(row) if p is None else np.array(p)
    return [*_variants(row, p, p if q is None else np.array(q), ties)]


def test_the_variants_by_scale_and_by_a_step():
    """Their distances from the best a little larger and smaller; what is kept a step
    up or down, and what is removed the other way: by ``p``, then by ``q``."""
    row = np.array([0.0, -2.0, -INF, -1.0])
    found = variants_of(row, [0.5, 0.5, 0, 0], [1, 0, 0, 0])
    step = 3e-5 + 4 * EPS * 2
    assert len(found) == 20
    for other, size in zip(found[6:8], (1 + 3e-5, 1 - 3e-5)):
        np.testing.assert_allclose(other[[0, 1, 3]], row[[0, 1, 3]] * size, rtol=1e-12)
    by_p, by_q = np.array([1, 1, 0, -1]) * step, np.array([1, -1, 0, -1]) * step
    for other, moved in zip(found[10:14], (by_p, -by_p, by_q, -by_q)):
        np.testing.assert_allclose(other, row + moved, rtol=1e-12)
    for other in found:
        assert other[2] == -INF and other.dtype == np.float64
        assert np.isfinite(other[[0, 1, 3]]).all()
    assert variants_of(row.astype(np.float32))[0].dtype == np.float32


def test_the_distance_is_that_from_the_best():
    [larger, smaller] = variants_of([5.0, 3.0])[6:8]
    np.testing.assert_allclose(larger, [5, 5 - 2 * 1.00003], rtol=1e-12)
    np.testing.assert_allclose(smaller, [5, 5 - 2 * 0.99997], rtol=1e-12)


def test_the_random_variants():
    """Within a step, to either side; with ties="exact" equals stay equal."""
    row = np.repeat([0.5, 0.25], 40)
    step = 3e-5 + 4 * EPS * 0.5
    found = variants_of(row)
    for other in found[:6]:
        assert len(np.unique(other)) == 2
    assert len(np.unique([v[0] for v in found[:6]])) == 6
    for other in found[14:]:
        assert len(np.unique(other)) == 80
        off = (other - row) / step
        assert -1 <= off.min() < -0.8 and 0.8 < off.max() <= 1
    off = np.array([(v - row) / step for v in found[:6]])
    assert -1 <= off.min() < 0 < off.max() <= 1
    found = variants_of(row, ties="exact")
    assert len(found) == 10
    for other in found:
        assert len(np.unique(other[:40])) == len(np.unique(other[40:])) == 1


@pytest.mark.parametrize(("n", "mass"), [(4, 1e-6), (64, 64 / 2**25)])
def test_a_mass_is_moved_to_the_unlikely(n, mass):
    """A millionth, or half a step of float32 for every addition."""
    more, less = variants_of(np.zeros(n))[8:10]
    np.testing.assert_allclose(np.exp(more) - 1 / n, mass / n, rtol=1e-6)
    np.testing.assert_allclose(np.exp(less), 1 / n, rtol=1e-9)
    tail = 0.999 * mass
    row = np.log([*np.full(n - 1, (1 - tail) / (n - 1)), tail])
    assert np.exp(variants_of(row)[9][-1]) == pytest.approx(tail / 1000)
    tail = 1.001 * mass
    row = np.log([*np.full(n - 1, (1 - tail) / (n - 1)), tail])
    assert np.exp(variants_of(row)[9][-1]) == pytest.approx(tail)


def test_a_moved_mass_by_hand():
    p = np.array([0.9, 8e-7, 0.1 - 9e-7, 0, 1e-7])
    with np.errstate(divide="ignore"):
        exact = np.log(p)
    assert _moved_mass(exact, 1e-6) == pytest.approx(p + 2.5e-7, rel=1e-9)
    assert _moved_mass(exact, -1e-6) == pytest.approx(
        [0.9, 8e-10, 0.1 - 9e-7, 1e-300, 1e-10], rel=1e-9
    )
    assert _moved_mass(exact, -8.5e-7)[[1, 4]] == pytest.approx([8e-7, 1e-10])


def best_and_an_equal(row):
    """A top-1 that also keeps the first of the second best, if there are several."""
    out = np.where(row == row.max(), row, -INF)
    rest = np.where(row == row.max(), -INF, row)
    second = np.flatnonzero((rest == rest.max()) & np.isfinite(rest))
    if len(second) > 1:
        out[second[0]] = row[second[0]]
    return out


def test_one_token_too_many_of_several_equals_is_found():
    def law(row):
        return (row == row.max()) / (row == row.max()).sum()

    with pytest.raises(AssertionError, match="'law'(.|\n)*is kept, and should not be"):
        check_filter(best_and_an_equal, law=law)


def test_none_of_several_equals_is_found():
    """The law keeps two, and of equals the first; this filter keeps one."""

    def law(row):
        kept = np.argsort(-row, kind="stable")[:2]
        return softmax(np.where(np.isin(range(len(row)), kept), row, -INF))

    row = np.array([1.0, 0.0, 0.0, -1.0])
    assert "token 1 is removed" in difference(best(row), law(row), row, law)
    assert difference(softmax([1, -INF, 0, -INF]), law(row), row, law) is None


def test_which_of_two_equals_matters_only_where_it_is_asked_for():
    """The law keeps two, and of equals the first; this filter keeps the other."""

    def law(row):
        kept = np.argsort(-row, kind="stable")[:2]
        return softmax(np.where(np.isin(range(len(row)), kept), row, -INF))

    row = np.array([1.0, 0.0, 0.0, -1.0])
    p = softmax([1, -INF, 0, -INF])
    assert difference(p, law(row), row, law) is None
    assert difference(p, law(row), row, law, "exact") is not None
    assert difference(law(row), law(row), row, law, "exact") is None


def test_the_token_that_is_farthest_off_is_named():
    """Of those that are known, and as shares of them: token 3 is nearly as good as 2,
    so that it may stay, but what it has is not compared."""

    def law(row):
        return softmax(np.where(row >= np.sort(row)[-3], row, -INF))

    row = np.array([2.0, 1.5, 1.0, 1.0 - 1e-5])
    wrong = difference(np.array([0.2, 0.1, 0.2, 0.5]), law(row), row, law)
    assert wrong.startswith("token 2 has the probability")


def test_what_is_gone_is_not_above_1e_30():
    """Whatever the tolerance is."""
    one = np.array([1, 1e-23])
    for p, alike in ((1.5e-30, True), (1e-30, False), (9e-31, False), (0, False)):
        assert _alike(one, np.array([1, p]), 100) is alike
        assert _alike(np.array([1, p]), one, 100) is alike
    assert _alike(one, one, 0) is True
