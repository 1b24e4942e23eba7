"""The intervals of a uniform number, on rows of which all is known."""

import numpy as np
import pytest

from numpygpt.testing import intervals
from numpygpt.testing.intervals import interval_lengths
from numpygpt.testing.report import Broken
from numpygpt.testing.samplers import Sampler, softmax

INF = np.inf
Q = np.array([0.5, 0.25, 0.25])
ROW = np.log(Q)


@pytest.fixture(autouse=True)
def no_clock(monkeypatch):
    """However slow the machine is, there is time for everything."""
    monkeypatch.setattr(intervals.time, "thread_time", lambda: 0.0)


def cuts(*borders, tokens=(0, 1, 2, 3, 4)):
    """A draw with these borders."""
    return lambda u: tokens[int(np.searchsorted(borders, u, side="right"))]


def inverse(f):
    return Sampler(lambda z, rng: f(rng.random()), softmax, "any", 0, 5)


@pytest.mark.parametrize(
    ("draw", "lengths"),
    [
        (cuts(0.5, 0.75), [0.5, 0.25, 0.25]),
        (cuts(0.5, 0.75, tokens=(2, 0, 1)), [0.25, 0.25, 0.5]),
        (cuts(0.1, 0.1 + 2e-9), [0.1, 2e-9, 0.9 - 2e-9]),
        (cuts(0.001), [0.001, 0.999, 0]),
        (cuts(1 - 1e-6), [1 - 1e-6, 1e-6, 0]),
        (cuts(), [1, 0, 0]),
    ],
)
def test_lengths_to_nine_digits(draw, lengths):
    assert np.allclose(interval_lengths(draw, 3), lengths, rtol=0, atol=1.1e-9)


def test_a_token_in_two_pieces_has_no_interval():
    assert interval_lengths(cuts(0.3, 0.6, tokens=(0, 1, 0)), 3) is None


def test_a_token_between_the_first_numbers_is_seen():
    """128 numbers are asked along [0, 1), 64 of them to find the borders."""
    asked = []
    interval_lengths(lambda u: asked.append(u) or 0, 3)
    assert asked[0] == 0
    assert asked[65] == 1 - 2.0**-53
    assert [int(u * 64) for u in asked[1:65]] == [*range(64)]
    assert len(asked) == 66 + 64
    assert intervals.N_GRID == 64
    assert intervals.CLOSE == 1e-9
    others = asked[66:]
    hidden = sorted(others)[5]
    assert interval_lengths(lambda u: int(u == hidden), 3) is None


def test_bisection_stops_at_so_many_borders():
    borders = []
    intervals._bisect(cuts(0.2, 0.4, 0.6), 0.0, 1.0, 0, 3, borders, 2)
    assert len(borders) == 2
    assert [b for _, b in borders] == [1, 2]
    assert np.allclose([x for x, _ in borders], [0.2, 0.4], rtol=0, atol=1e-9)
    borders = []
    intervals._bisect(cuts(0.2), 0.0, 0.1, 0, 0, borders, 9)
    assert borders == []
    intervals._bisect(cuts(0.2), 0.3, 0.3 + 0.9e-9, 0, 1, borders, 9)
    assert borders == [(0.3 + 0.9e-9, 1)]


@pytest.mark.parametrize(
    ("off", "found"), [(0, False), (2.0e-5, False), (2.4e-5, True), (-2.4e-5, True)]
)
def test_what_float32_may_blur(off, found):
    """1e-5, and 5e-5 of the probability: of 0.25 together 2.25e-5."""
    lengths = Q + [0, off, 0]
    if not found:
        return intervals._compare(ROW, lengths, Q)
    with pytest.raises(Broken) as error:
        intervals._compare(ROW, lengths, Q)
    assert error.value.name == "law"
    share = f"a share of {0.25 + off:.6f} gives token 1, whose probability is 0.250000"
    assert share in error.value.wrong
    assert error.value.example == intervals.as_code(ROW, "row")
    return None


def test_the_worst_token_is_shown():
    with pytest.raises(Broken, match="gives token 2"):
        intervals._compare(ROW, Q + [3e-4, 0, -2.9e-4], Q)


@pytest.mark.parametrize(
    ("row", "q", "suits"),
    [
        (ROW, Q, True),
        (ROW, [0.6, 0.2, 0.2], True),
        (ROW, [0.61, 0.2, 0.19], False),
        (ROW, [0.5, 0.5, 0.0], False),
        ([0, 49.9, -INF, 1], [0.4, 0.3, 0, 0.3], True),
        ([0, 50, -INF, 1], [0.4, 0.3, 0, 0.3], False),
        ([0, -50, -INF, 1], [0.4, 0.3, 0, 0.3], False),
        (np.zeros(24), np.full(24, 1 / 24), True),
        (np.zeros(25), np.full(25, 1 / 25), False),
    ],
)
def test_which_rows_suit(row, q, suits):
    assert bool(intervals._suits(np.array(row), np.array(q))) == suits


@pytest.mark.parametrize(
    ("f", "one"),
    [
        (lambda z, rng: int(rng.random() > 2), True),
        (lambda z, rng: int(rng.random(2)[0] > 2), False),
        (lambda z, rng: 0, False),
        (lambda z, rng: int(rng.random() > 0.5 and rng.random() > 2), False),
        (lambda z, rng: int(rng.random() < 0.5 and rng.random() > 2), False),
    ],
)
def test_who_takes_one_number(f, one):
    sampler = Sampler(f, softmax, "any", 0, 5)
    assert intervals.takes_one_number(sampler, ROW) == one


def test_rows_are_counted_until_one_has_no_intervals():
    bank = [("a", ROW), ("sure", np.array([5.0, 0, 0])), ("b", ROW)]
    assert intervals.check_intervals(inverse(cuts(0.5, 0.75)), bank) == 2
    with pytest.raises(Broken, match="law"):
        intervals.check_intervals(inverse(cuts(0.5, 0.7501)), bank)
    late = [0]

    def worse(z, rng):  # one row right, and then another kind of sampler
        late[0] += 1
        u = rng.random() if late[0] < n else rng.random(2)[0]
        return cuts(0.5, 0.75)(u)

    n = 10**9
    assert intervals.check_intervals(Sampler(worse, softmax, "any", 0, 5), bank) == 2
    n, late[0] = late[0] // 2 + 1, 0
    assert intervals.check_intervals(Sampler(worse, softmax, "any", 0, 5), bank) == 1
    hashed = inverse(lambda u: int(u * 1e6) % 3)
    assert intervals.check_intervals(hashed, bank) == 0
    several = Sampler(lambda z, rng: int(rng.random(2)[0] > 2), softmax, "any", 0, 5)
    assert intervals.check_intervals(several, bank) == 0


def test_laws_that_are_none_or_not_decided_are_left_out():
    def law(z):
        if len(z) == 2:
            raise ValueError
        return softmax(z)

    one = Sampler(lambda z, rng: cuts(0.5, 0.75)(rng.random()), law, "any", 0, 5)
    bank = [("none", ROW[:2]), ("a", ROW), ("b", ROW)]
    assert intervals.check_intervals(one, bank) == 2

    def top_3(z):
        kept = np.argsort(-z, kind="stable")[:3]
        return np.bincount(kept, softmax(z[kept]), len(z))

    tie = np.array([0.0, 0.0, -0.0001, -0.0001])
    one = Sampler(lambda z, rng: 0, top_3, "any", 0, 5)
    assert intervals.check_intervals(one, [("tie", tie)]) == 0


def test_a_law_that_sums_to_almost_one_is_scaled():
    one = Sampler(
        lambda z, rng: cuts(0.5, 0.75)(rng.random()), lambda z: softmax(z) * 1.0009,
        "any", 0, 5,
    )  # fmt: skip
    assert intervals.check_intervals(one, [("a", ROW)]) == 1


def test_a_slow_sampler_is_not_asked(monkeypatch):
    """600 draws a row, and two of them to see how long they take."""
    times, asked = [0.0], []

    class Pace:
        def __init__(self, *args):
            asked.append(args)

        def next(self):
            return 3.0

    def slow(each):
        def f(z, rng):
            times[0] += each
            return cuts(0.5, 0.75)(rng.random())

        return Sampler(f, softmax, "any", 0, 5)

    monkeypatch.setattr(intervals, "Pace", Pace)
    monkeypatch.setattr(intervals.time, "thread_time", lambda: times[0])
    assert intervals.check_intervals(slow(0.00499), [("a", ROW)]) == 1
    assert intervals.check_intervals(slow(0.00501), [("a", ROW)]) == 0
    assert asked == [(0.5, 12)] * 2
    assert intervals.N_DRAWS == 600
