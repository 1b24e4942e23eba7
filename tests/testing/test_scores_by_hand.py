"""Scores of tokens, worked by hand on texts of two tokens."""

import numpy as np
import pytest

from numpygpt.testing import scores
from numpygpt.testing.scores import FAULTS, PARTS, SCORES, Case

# Behind nothing 0 comes with 0.5 and 1 with 0.3, behind 0 only 1 or 2, behind 1 only 2.
LAWS = {(): [0.5, 0.3, 0.2], (0,): [0.0, 0.25, 0.75], (1,): [0.0, 0.0, 1.0]}
TEXTS = [(0, 1), (0, 2), (2,), (1, 2)]


def case(drawn=(0, 0, 1, 2), sample=None):
    return Case.of_texts(TEXTS, LAWS.get, 2, np.array(drawn, int), sample)


def row(q, n=9):
    return Case.of_row(np.array(q), np.zeros(n, int), None)


def test_texts_are_tokens_at_places():
    one = case()
    assert one.q.tolist() == [*LAWS.values()]
    assert one.before.tolist() == [2, 0, 1]  # the prompt ends with 2
    assert one.depth.tolist() == [0, 1, 1]
    assert one.outcome.tolist() == [0, 0, 1, 1, 2, 3, 3]
    assert one.place.tolist() == [0, 1, 0, 1, 0, 0, 2]
    assert one.token.tolist() == [0, 1, 0, 2, 2, 1, 2]
    assert one.first.tolist() == [0, 0, 1, 2]


def test_a_row_is_one_place():
    one = row([0.5, 0.5, 0.0])
    assert one.q.tolist() == [[0.5, 0.5, 0]]
    assert (one.before.tolist(), one.depth.tolist()) == ([-1], [0])
    assert one.outcome.tolist() == one.token.tolist() == [0, 1, 2]
    assert one.place.tolist() == [0, 0, 0]


def test_sums_over_the_tokens_of_a_text():
    values = np.array([[1, 2, 4], [10, 20, 40], [100, 200, 400]])
    assert case().per_outcome(values).tolist() == [21, 41, 4, 402]
    assert case().per_place(np.array([1, 10, 100])).tolist() == [11, 11, 1, 101]


log = np.log
BY_HAND = {
    "the likeliest token": [[1, 0, 0], [0, 0, 1], [0, 0, 1]],
    "the second": [[0, 1, 0], [0, 1, 0], [0, 0, 1]],
    "the third": [[0, 0, 1], [0, 1, 0], [0, 0, 1]],
    "the least likely": [[0, 0, 1], [0, 1, 0], [0, 0, 1]],
    "the first id": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "the last id": [[0, 0, 1], [0, 0, 1], [0, 0, 1]],
    "the surprise, -log p": [[-log(0.5), -log(0.3), -log(0.2)],
                             [0, -log(0.25), -log(0.75)], [0, 0, 0]],
    "the probability": [[0.5 / 0.38, 0.3 / 0.38, 0.2 / 0.38],
                        [0, 0.25 / 0.625, 0.75 / 0.625], [0, 0, 1]],
    "the token before": [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
}  # fmt: skip


@pytest.mark.parametrize("name", SCORES)
def test_every_score_by_hand(name):
    assert np.allclose(SCORES[name](case()), BY_HAND[name])


def test_the_scores_are_these():
    assert [*SCORES] == [*BY_HAND]


def test_ranks_of_equals_and_the_last_of_few():
    even = row([0.25, 0.0, 0.25, 0.25, 0.25])
    found = [SCORES[n](even)[0].argmax() for n in [*SCORES][:6]]
    assert found == [0, 2, 3, 4, 0, 4]
    ends = row([0.0, 0.5, 0.5, 0.0])
    assert [SCORES[n](ends)[0].argmax() for n in [*SCORES][4:6]] == [1, 2]
    begin = row([0.5, 0.5, 0.0, 0.0])
    assert [SCORES[n](begin)[0].argmax() for n in [*SCORES][4:6]] == [0, 1]
    many = row(np.tile([0.015, 0.005], 50))
    found = [SCORES[n](many)[0].argmax() for n in [*SCORES][:4]]
    assert found == [0, 2, 4, 99]


def test_a_surprise_is_at_most_ten():
    q = [1 - np.exp(-9.5) - 1e-6, np.exp(-9.5), 1e-6]
    assert np.allclose(SCORES["the surprise, -log p"](row(q))[0][1:], [9.5, 10])


def test_the_parts_of_a_text():
    longer = case()
    longer.depth = np.array([0, 1, 2, 3])
    found = {name: at(longer).tolist() for name, at in PARTS.items()}
    assert found == {
        "": [True] * 4,
        "at the first place, ": [True, False, False, False],
        "at the second place, ": [False, True, False, False],
        "from the third place on, ": [False, False, True, True],
    }


def test_the_moments_by_hand():
    """Of the likeliest token: 0 + 1 at two places of a text (0, 2)."""
    likeliest = SCORES["the likeliest token"](case())
    total, mean, variance = scores._moments(case(), likeliest)
    assert total == 1 + 1 + 2 + 0
    assert mean == pytest.approx(3 * (0.5 + 0.75) + 0.5)
    assert variance == pytest.approx(3 * (0.25 + 0.1875) + 0.25)


def test_the_moments_of_a_surprise():
    """One, two and two bits: 1.5 in the mean, and 0.5 off it."""
    one = row([0.5, 0.25, 0.25], 1)
    found = scores._moments(one, SCORES["the surprise, -log p"](one))
    assert found == pytest.approx((log(2), 1.5 * log(2), 0.25 * log(2) ** 2))


def test_the_exponent_by_hand():
    likeliest = SCORES["the likeliest token"](case())
    e = np.exp(0.3)
    logs = [log(0.5 * e + 0.5), log(0.75 * e + 0.25)]
    found = scores._exponent(case(), likeliest, np.array([0, 2]), 0.3)
    assert found == pytest.approx(0.3 - logs[0] - logs[1] - logs[0])


# What is suspicious.


class Recorder:
    def __init__(self, seconds=1.0):
        self.noted, self.seconds, self.judged = [], seconds, []

    def note(self, found):
        self.noted.append(found)

    def judge_sums(self, *args):
        self.judged.append(args)


def stage_one(heads, times=4, n=100):
    """Of 100 draws of a coin so many heads."""
    coin = Case.of_row(np.array([0.5, 0.5]), np.arange(n) >= heads, None)
    coin.first = coin.first.astype(int)
    court, table = Recorder(), np.array([[1.0, 0.0]])
    found = [*scores._stage_one(court, "heads", [coin], [table], times)]
    return court.noted, found, coin


@pytest.mark.parametrize(
    ("heads", "z", "suspicious"),
    [(50, 0, False), (62, 2.4, False), (63, 2.6, True), (64, 2.8, True),
     (38, -2.4, False), (36, -2.8, True)],
)  # fmt: skip
def test_a_sum_beyond_2_6_standard_deviations_is_suspicious(heads, z, suspicious):
    assert scores.SUSPICION == 2.6
    [noted], found, _ = stage_one(heads)
    assert (noted.what, noted.n_draws) == ("heads", 100)
    assert noted.statistic == pytest.approx(z)
    assert noted.p == pytest.approx({0: 1, 2.4: 0.0164, 2.6: 0.00932, 2.8: 0.00511}[
        abs(z)], rel=2e-3)  # fmt: skip
    assert len(found) == suspicious
    words = "suspicious, and no time" if suspicious else "as it should be"
    assert noted.verdict.startswith(words)


@pytest.mark.parametrize(("heads", "sign"), [(70, 1), (30, -1)])
def test_the_tail_of_fresh_draws(heads, sign):
    [noted], [(found, tail, words)], coin = stage_one(heads)
    assert found is noted
    assert words == f"heads: {heads}.0 in sum where 50.0 is right"
    t = sign * 6.07 / np.sqrt(4 * 25)
    for fresh in (240, 160):
        drawn = np.arange(400) >= fresh
        x = t * fresh - 400 * log(0.5 * np.exp(t) + 0.5)
        expected = np.exp(-max(0, x))
        assert tail([drawn.astype(int)]) == pytest.approx(expected)
    assert tail([np.zeros(0, int)]) == 1
    # the other way round it is no evidence at all
    other = np.arange(400) >= (160 if sign > 0 else 240)
    assert tail([other.astype(int)]) == 1
    assert len(coin.first) == 100


def test_what_cannot_vary_is_not_noted():
    sure = row([1.0, 0.0])
    court = Recorder()
    table = np.array([[1.0, 0.0]])
    assert [*scores._stage_one(court, "sure", [sure], [table], 4)] == []
    assert court.noted == []


@pytest.mark.parametrize(
    ("seconds", "took", "n"),
    [(1.0, 0.1, 4), (1.0, 0.3, 3), (1.0, 0.9, 1), (1.0, 9, 0.5), (0.09, 0, 4),
     (0.03, 0, 2.7)],
)  # fmt: skip
def test_fresh_draws_as_there_is_time(seconds, took, n):
    """Four times as many, or fewer, but half as many at the least."""
    court = Recorder(seconds)
    coin = Case.of_row(np.array([0.5, 0.5]), np.zeros(100, int), lambda m: m)
    scores.check_scores(court, [coin, coin], took)
    [(name, suspicions, sample)] = court.judged
    assert name == "law"
    assert [abs(m - 100 * n) <= 1 for m in sample()] == [True, True]
    assert len(suspicions) > 3
    p = [s[0].p for s in suspicions]
    assert p == sorted(p)
    assert {s[0].what for s in suspicions} <= {*SCORES}


def test_the_scores_of_texts_are_looked_at_place_by_place():
    court = Recorder()
    scores.check_scores(court, [case([0, 1, 2, 3] * 9, lambda m: np.zeros(m, int))], 1)
    what = {found.what for found in court.noted}
    assert {"the second", "at the first place, the second"} <= what
    assert "at the second place, the second" in what
    assert not any("third place" in w for w in what)
    assert "the likeliest token" in what
    alone = Recorder()
    scores.check_scores(alone, [row([0.5, 0.3, 0.2])], 1)
    assert [f.what for f in alone.noted] == [*SCORES][:8]


# The power.


def test_the_faults_by_hand():
    assert [*FAULTS] == [
        "the likeliest token in place of a draw",
        "the least likely in place of a draw", "any possible token alike",
    ]  # fmt: skip
    found = [fault(case()).tolist() for fault in FAULTS.values()]
    assert found[0] == BY_HAND["the likeliest token"]
    assert found[1] == BY_HAND["the least likely"]
    assert found[2] == [[1, 1, 1], [0, 1, 1], [0, 0, 1]]


def test_the_power_by_hand():
    """Of a coin of 0.8: the share moves the mean by 0.2, 0.8 and 0.3 of it, and 2.6 +
    3.1 standard deviations have to be moved."""
    found = scores.power([row([0.8, 0.2], 10_000)])
    shares = [5.7 * 0.4 / 100 / moved for moved in (0.2, 0.8, 0.3)]
    assert [*found.values()] == pytest.approx(shares)
    assert [*found] == [*FAULTS]
    twice = scores.power([row([0.8, 0.2], 5000)] * 2)
    assert [*twice.values()] == pytest.approx(shares)
    few = scores.power([row([0.8, 0.2], 10)])
    assert few["the likeliest token in place of a draw"] == 1


def test_the_power_for_texts_by_hand():
    """Only behind 0 is there something to move: 0.3 of 0.8. The surprise, the
    probability and the token before vary there, and nowhere else."""
    laws = {(): [0.5, 0.5, 0.0], (1,): [0.0, 0.0, 1.0], (0,): [0.8, 0.2, 0.0]}
    texts = [(1, 2), (0, 0), (0, 1)]
    one = Case.of_texts(texts, laws.get, 2, np.full(10_000, 1), None)
    found = scores.power([one])["any possible token alike"]
    assert found == pytest.approx(5.7 * 0.4 / 0.3 / 100)


def test_what_moves_nothing_is_never_found():
    even = scores.power([row([0.5, 0.5], 10**6)])
    assert even["any possible token alike"] == 1
    assert even["the likeliest token in place of a draw"] < 0.01
