"""What is looked at in a long run of draws, by hand: which pairs, which distances,
which blocks. The court of these tests only writes down what it is asked."""

import math

import numpy as np
import pytest

from numpygpt.testing.compare import probabilities
from numpygpt.testing.independence import (
    _even,
    _even_rows,
    _has_choice,
    _lags,
    _pairs,
    check_independence,
)
from numpygpt.testing.properties import Run
from numpygpt.testing.statistics import binomial_tail, normal_tail


class Court:
    def __init__(self):
        self.judged, self.noted, self.confirmed, self.allowed = [], [], [], []

    def allow(self, seconds):
        self.allowed.append(seconds)

    def judge(self, *args, **how):
        self.judged.append((*args, how))

    def note(self, found):
        self.noted.append(found)

    def confirm(self, *args):
        self.confirmed.append(args)


@pytest.fixture
def court():
    return Court()


class Asked(list):
    """Sample the given tokens, from the first on; a list of how many were asked for."""

    def __init__(self, tokens):
        self.tokens = np.array(tokens)

    def __call__(self, n):
        self.append(n)
        return self.tokens[:n]


THREE = np.array([0.5, 0.3, 0.2])


def test_pairs_from_either_place(court):
    """A pair (a, b) of three tokens is 3 a + b."""
    tokens = np.array([0, 1, 2, 0, 1, 1, 2])
    fresh = Asked([2, 2, 0, 1, 1, 0, 0, 0])
    _pairs(court, tokens, fresh, THREE, "row")
    [even, odd] = court.judged
    for shift, judged, pairs in ((0, even, [1, 6, 4]), (1, odd, [5, 1, 5])):
        name, what, first, sample, p, how = judged
        assert (name, how["example"]) == ("independent", "row")
        assert what == f"pairs of draws from place {shift}"
        assert first.tolist() == pairs
        assert p == pytest.approx([0.25, 0.15, 0.1, 0.15, 0.09, 0.06, 0.1, 0.06, 0.04])
        assert sample(3).tolist() == ([8, 1, 3], [6, 4, 0])[shift]
    assert fresh == [6, 7]
    names = even[-1]["names"]
    assert names(np.array([5])) == "1 then 2:"
    assert names(np.array([1, 3, 8, 7])) == "0 then 1 or 1 then 0 or 2 then 2:"


COIN = np.array([0.5, 0.5])


def test_draws_alike_some_steps_apart(court):
    """A period of seven: 33 of 33 are alike, where a half should; z is 33 ** 0.5."""
    tokens = np.tile([0, 0, 1, 0, 1, 1, 1], 6)[:40]
    fresh = Asked([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1] + [1] * 14)
    _lags(court, tokens, fresh, COIN, "row")
    found = next(f for f in court.noted if f.statistic > 0)
    assert found.what == "draws 7 apart that are alike" and found.n_draws == 40
    assert found.statistic == pytest.approx(33**0.5)
    assert found.p == pytest.approx(19 * 2 * normal_tail(33**0.5))
    [(name, same, hits, p, n, words, example)] = court.confirmed
    assert (name, p, n, example) == ("independent", 0.5, 80, "row") and same is found
    assert words == "draws 7 apart that are alike: 33 of 33 where 16 should"
    assert hits(10).tolist() == [True] * 3 + [False] * 4 + [True] * 7
    assert fresh == [28]  # two pairs of blocks of seven
    hits(7)
    assert fresh == [28, 14]


def test_draws_that_differ_too_often(court):
    """Two tokens in turn, of 0.6 and 0.4: neighbours are never alike."""
    tokens = np.arange(40) % 2
    _lags(court, tokens, Asked([0, 0, 1, 0, 1, 1]), np.array([0.6, 0.4]), "row")
    low, high = sorted(court.noted, key=lambda found: found.statistic)
    z = (0 - 39 * 0.52) / math.sqrt(39 * 0.52 * 0.48)
    assert low.what == "draws 1 apart that are alike"
    assert low.statistic == pytest.approx(z)
    assert low.p == pytest.approx(19 * 2 * normal_tail(-z))
    assert high.what == "draws 2 apart that are alike"
    [below, above] = sorted(court.confirmed, key=lambda args: args[1].statistic)
    assert below[3] == pytest.approx(0.48) and above[3] == pytest.approx(0.52)
    assert below[5].endswith("0 of 39 where 20 should")
    assert below[2](3).tolist() == [False, True, False]
    assert above[2](2).tolist() == [False, True]


@pytest.mark.parametrize(("n", "n_confirmed"), [(15, 0), (16, 1)])
def test_how_far_off_is_suspicious(court, n, n_confirmed):
    """Two tokens in turn: z is the root of n - 1, 3.74 or 3.87."""
    _lags(court, np.arange(n) % 2, None, COIN, "")
    assert len(court.confirmed) == n_confirmed and len(court.noted) == 2
    assert min(f.statistic for f in court.noted) == pytest.approx(-((n - 1) ** 0.5))


@pytest.mark.parametrize(
    ("n", "period", "found"),
    [(40, 19, True), (40, 20, False), (1300, 599, True), (1300, 600, False)],
)
def test_how_far_apart_is_looked_at(court, n, period, found):
    """Up to half of the run, and up to 599."""
    block = np.random.default_rng(1).integers(0, 2, period)
    _lags(court, np.tile(block, 4)[:n], None, COIN, "")
    whats = [found.what for _, found, *_ in court.confirmed]
    assert (f"draws {period} apart that are alike" in whats) is found


def test_a_probability_is_at_most_one(court):
    _lags(court, np.random.default_rng(0).integers(0, 2, 200), None, COIN, "")
    assert max(found.p for found in court.noted) == 1 and not court.confirmed


def near_centre(size, share):
    """The probability that a block has its expected number of hits, or one off."""
    centre = round(size * share)
    return sum(
        math.comb(size, k) * share**k * (1 - share) ** (size - k)
        for k in (centre - 1, centre, centre + 1)
    )


def test_blocks_that_are_too_even(court):
    """The likeliest token, of 0.5, and another in turn."""
    tokens = np.tile([0, 1, 0, 2], 1600)
    fresh = Asked(np.tile([0, 1], 64 * 3))
    _even(court, tokens, fresh, THREE, "row")
    for size, n, centre, found, confirmed in zip(
        (64, 100), (100, 64), (32, 50), court.noted, court.confirmed
    ):
        p = near_centre(size, 0.5)
        assert found.what == (
            f"blocks of {size} draws with {centre - 1} to {centre + 1} of one half"
        )
        assert (found.n_draws, found.statistic) == (n, n)
        assert found.p == pytest.approx(8 * p**n)
        name, same, _, probability, n_fresh, words, example = confirmed
        assert (name, n_fresh, example) == ("even", 2 * n, "row") and same is found
        assert probability == pytest.approx(p, rel=1e-9)
        assert words == f"{found.what}: {n} of {n} where {p * n:.1f} should"
    assert court.confirmed[0][2](4).tolist() == [True] * 4 and fresh == [320]


@pytest.mark.parametrize(
    ("q", "half"),
    [
        ([0.5, 0.3, 0.2], [0]),
        ([0.2, 0.3, 0.26, 0.24], [1]),  # 0.3 + 0.26 is above 0.55
        ([0.2, 0.3, 0.24, 0.26], [1]),
        ([0.3, 0.2, 0.2, 0.3], [0]),
        ([0.1, 0.6, 0.3], [1]),  # the likeliest in any case
        ([0.25, 0.15, 0.25, 0.35], [3]),
        ([0.125, 0.25, 0.125, 0.25, 0.25], [1, 3]),
    ],
)
def test_the_half_is_of_the_likeliest(court, q, half):
    """As many of them as have 0.55 together; what is counted shows which they are."""
    share = sum(q[i] for i in half)
    others = np.setdiff1d(range(len(q)), half)
    one = round(64 * share)
    block = [*np.resize(half, one), *np.resize(others, 64 - one)]
    _even(court, np.tile(block, 60), None, np.array(q), "")
    found = court.noted[0]
    assert (found.n_draws, found.statistic) == (60, 60)
    assert found.p == pytest.approx(8 * near_centre(64, share) ** 60)


def test_one_off_the_centre_is_near_and_two_are_not(court):
    zeros = (30, 31, 32, 33, 34) * 20
    blocks = [[0] * k + [1] * (64 - k) for k in zeros]
    blocks[1::2] = [block[::-1] for block in blocks[1::2]]  # even from here on only
    _even(court, np.concatenate(blocks), None, COIN, "")
    assert court.noted[0].statistic == 60 and court.noted[0].n_draws == 100


def in_turn(n):
    """Blocks of 64, half 0 and half 1, in either order: even from a block's beginning
    on, and from nowhere else."""
    block = np.repeat([0, 1], 32)
    return np.concatenate([block if i % 2 else 1 - block for i in range(n)])


@pytest.mark.parametrize("at", [0, 8, 16, 40, 56])
def test_even_blocks_may_begin_anywhere(court, at):
    """And go on behind the last draw, where those before ended."""
    tokens = np.concatenate([np.zeros(at, int), in_turn(40)])
    fresh = Asked(in_turn(6))
    _even(court, tokens, fresh, COIN, "")
    assert court.noted[0].statistic == court.noted[0].n_draws == 40
    hits = court.confirmed[0][2]
    assert hits(5).tolist() == [True] * 5 and fresh == [384]
    cut = tokens[: -64 + 24]  # the last block has 24 draws, and 40 are to come
    court.confirmed.clear()
    _even(court, cut, Asked(np.concatenate([np.ones(40, int), in_turn(5)])), COIN, "")
    assert court.confirmed[0][2](5).tolist() == [True] * 5


@pytest.mark.parametrize(("n_near", "suspicious"), [(13, False), (14, True)])
def test_how_even_is_suspicious(court, n_near, suspicious):
    """Of 21 blocks, with eight beginnings: p is 0.015 or 0.0033 in all."""
    near, far = [0, 1] * 32, [0] * 64
    _even(court, np.array(near * n_near + far * (21 - n_near)), None, COIN, "")
    tail = 8 * binomial_tail(n_near, 21, near_centre(64, 0.5))
    assert court.noted[0].p == pytest.approx(tail)
    assert (tail < 0.01) == suspicious
    assert (
        any(found is court.noted[0] for _, found, *_ in court.confirmed) == suspicious
    )


def test_a_probability_of_even_blocks_is_at_most_one(court):
    _even(court, np.zeros(640, int), None, COIN, "")
    assert court.noted[0].p == 1 and not court.confirmed


def test_the_rows_of_the_long_run():
    """Nearly even, not in order, of 8, 3, 4 and 2 tokens."""
    rows = [np.asarray(row) for row in _even_rows()]
    assert np.argsort(rows[0]).tolist() == [1, 6, 4, 0, 7, 5, 2, 3]
    assert np.sort(rows[0]) == pytest.approx(np.arange(8) / 70)
    assert [row.tolist() for row in rows[1:]] == [
        [0.1, 0, 0.2],
        [1, 2, 0, -1],
        [0.1, 0],
    ]


class Sampler:
    """Draws 0, 1, 2, ... in turn; a draw takes so many seconds."""

    times = 1

    def __init__(self, law=probabilities, clock=None, seconds=0.0):
        self.law, self.clock, self.seconds = law, clock, seconds
        self.n_draws, self.rows, self.keys = 0, set(), []

    def law_at(self, row):
        try:
            return self.law(row)
        except ValueError:
            return None

    def rng(self, *key):
        self.keys.append(key)
        return "rng"

    def f(self, row, rng):
        assert rng == "rng"
        self.n_draws += 1
        self.rows.add(len(row))
        if self.clock:
            self.clock.now += self.seconds
        return self.n_draws % len(row)


def of_length(n, law=probabilities):
    def limited(row):
        if len(row) != n:
            raise ValueError
        return law(row)

    return limited


def close_to_best(row):
    kept = row >= row.max() - 0.2
    return kept / kept.sum()


@pytest.mark.parametrize(
    ("law", "row", "choice"),
    [
        (probabilities, [0.0, 2.1], True),  # 0.891
        (probabilities, [0.0, 2.3], False),  # 0.909
        (of_length(3), [0.0, 0.1], False),
        (lambda row: np.repeat(0.5, 2), [0.0, 0.1], True),
        (
            close_to_best,
            [0.1, 0.2, 0.3],
            False,
        ),  # undecided
    ],
)
def test_a_row_with_a_choice(law, row, choice):
    assert bool(_has_choice(Sampler(law), np.array(row))) is choice


def checked(court, sampler, n, skip=()):
    run = Run("sampler", skip, (), 0)
    check_independence(run, sampler, court, n)
    names = ("independent", "even")
    return [run.report.checked.get(k) or run.report.not_checked.get(k) for k in names]


@pytest.mark.parametrize("n", [8, 3, 4, 2])
def test_the_first_row_with_a_choice_is_drawn_from(clock, court, n):
    law = of_length(n)
    sampler = Sampler(law)
    assert checked(court, sampler, 600) == ["600 draws in a row"] * 2
    assert sampler.rows == {n} and sampler.keys == [(8,)]
    assert sampler.n_draws == 8 + 600 + 1200
    assert court.allowed == [0.4]
    assert len(court.judged) == 2 and len(court.judged[0][2]) == 300
    example = court.judged[0][-1]["example"]
    assert example.startswith("row = np.array([")
    assert {args[-1] for args in court.confirmed} == {example}
    assert "independent" in {args[0] for args in court.confirmed}
    sizes = [f.n_draws for f in court.noted if "blocks" in f.what]
    assert sizes in ([18, 12], [17, 12])  # 1,200 draws, from one of eight beginnings


def test_a_law_without_a_choice_is_passed_over(clock, court):
    def none(row):
        raise ValueError

    words = "the law leaves no choice on an even row"
    assert checked(court, Sampler(none), 600) == [words] * 2
    assert court.allowed == []


def test_what_is_skipped_is_not_looked_at(clock, court):
    sampler = Sampler()
    assert checked(court, sampler, 600, ["independent"])[1] == "600 draws in a row"
    assert not court.judged
    assert not any("apart" in found.what for found in court.noted)
    court, sampler = Court(), Sampler()
    assert checked(court, sampler, 600, ["even"])[0] == "600 draws in a row"
    assert not any("blocks" in found.what for found in court.noted)
    sampler = Sampler()
    assert checked(court, sampler, 600, ["even", "independent"]) == ["skip"] * 2
    assert sampler.n_draws == 0


@pytest.mark.parametrize(
    ("seconds", "times", "n"), [(0.001, 1, 150), (0.001, 2, 300), (0.0001, 1, 600)]
)
def test_of_slow_code_there_are_fewer_draws(clock, court, seconds, times, n):
    """0.15 seconds are for the long run, or twice as much."""
    sampler = Sampler(clock=clock, seconds=seconds * (1 + 1e-9))
    sampler.times = times + 1e-6
    said = checked(court, sampler, 600)
    assert said[0] == f"{n} draws in a row"
    assert said[1] == ("too few draws" if n < 500 else f"{n} draws in a row")
    assert court.allowed == [pytest.approx(0.4 * times, rel=1e-5)]


@pytest.mark.parametrize(("n", "few"), [(499, True), (500, False)])
def test_evenness_needs_500_draws(clock, court, n, few):
    said = checked(court, Sampler(), n)
    assert said[1] == ("too few draws" if few else "500 draws in a row")


@pytest.mark.parametrize(("seconds", "enough"), [(0.0376, False), (0.0374, True)])
def test_four_draws_at_the_least(clock, court, seconds, enough):
    """Fewer have no neighbours of which half could be alike."""
    said = checked(court, Sampler(clock=clock, seconds=seconds), 600, ["even"])
    assert said[0] == ("4 draws in a row" if enough else "a draw takes too long")
    assert bool(court.allowed) is enough


def test_a_very_slow_sampler_is_passed_over(clock, court):
    said = checked(court, Sampler(clock=clock, seconds=1), 600)
    assert said == ["a draw takes too long"] * 2
