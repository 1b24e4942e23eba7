"""The two stages of a verdict, by hand: which draws raise a suspicion, how many fresh
ones are made, what they decide. The clock is the tests' own."""

from types import SimpleNamespace

import numpy as np
import pytest

from numpygpt.testing import Report, check_law
from numpygpt.testing.draws import (
    CLEARED,
    SUSPICION,
    Court,
    _table,
    _tokens,
    blocks,
    cells,
    draw,
    seconds_each,
    token_of,
)
from numpygpt.testing.report import ALPHA, Broken, Statistic
from numpygpt.testing.statistics import binomial_tail


@pytest.fixture
def court(clock):
    court = Court(SimpleNamespace(report=Report("check_foo", 0)))
    court.allow(10)
    return court


def a_statistic():
    return Statistic("some", 10, 1.0, 0.01)


def test_a_new_court_has_neither_time_nor_verdicts():
    court = Court(None)
    assert (court.seconds, court.n_verdicts) == (0, 0)
    assert not court.may_judge()
    court.allow(2)
    court.allow(1)
    assert court.seconds == 3
    court.seconds = -5.0  # a debt is forgiven
    court.allow(2)
    assert court.seconds == 2


def test_the_levels_as_they_are_documented():
    assert (SUSPICION, CLEARED) == (0.02, 0.01)


def test_there_are_fifty_verdicts_and_no_more(court):
    court.n_verdicts = 49
    assert court.may_judge()
    court.n_verdicts = 50
    assert not court.may_judge()


def test_a_little_time_is_enough_to_judge(court):
    court.seconds = 0.01
    assert court.may_judge()
    court.seconds = 0.0
    assert not court.may_judge()


def judged(court, first, p, sample=None, **how):
    """The one new statistic in the report."""
    court.judge("law", "what", np.array(first), sample, np.array(p), **how)
    [found] = court.run.report.statistics
    return found


def test_the_statistic_of_stage_one(court):
    """20 draws where 10, 5, 5 are expected: 1 / 10 + 9 / 5 + 4 / 5 = 2.7."""
    found = judged(court, [0] * 9 + [1] * 8 + [2] * 3, [0.5, 0.25, 0.25])
    assert (found.what, found.n_draws) == ("what", 20)
    assert found.statistic == pytest.approx(2.7)
    assert found.p == pytest.approx(np.exp(-1.35))  # two degrees of freedom
    assert found.verdict == "as it should be"


def test_the_tokens_are_pooled_unless_the_cells_are_given(court):
    first = [0] * 12 + [1] * 3 + [2] * 5
    found = judged(court, first, [0.5, 0.25, 0.25], labels=np.array([0, 1, 1]))
    assert found.statistic == pytest.approx(4 / 10 + 4 / 10)
    court.run.report.statistics.clear()
    found = judged(court, [0] * 3 + [1] * 7, [0.8, 0.2])  # too few: one cell
    assert found.statistic == 0 and found.p == 1


def test_an_empty_cell_counts_for_nothing(court):
    first, p = [0] * 12 + [1] * 8, [0.5, 0.5, 0.0]
    found = judged(court, first, p, labels=np.array([0, 1, 2]))
    assert found.statistic == pytest.approx(0.8)
    assert found.p == pytest.approx(0.371093, rel=1e-5)  # one degree of freedom


def test_a_rare_cell_counts(court):
    """Half a draw is expected there, and two came: 1.5 ** 2 * (1 / 0.5 + 1 / 19.5)."""
    found = judged(court, [0] * 18 + [1] * 2, [0.975, 0.025], labels=np.arange(2))
    assert found.statistic == pytest.approx(4.5 + 2.25 / 19.5)


def test_what_came_as_often_as_it_should_is_not_suspected(court):
    """Token 2 came 30 times, as expected: token 0 alone came too often."""
    with pytest.raises(Broken, match="fresh draws fell where 160.0 should"):
        judged(court, [0] * 60 + [1] * 10 + [2] * 30, [0.4, 0.3, 0.3],
               lambda n: np.zeros(n, int))  # fmt: skip


@pytest.mark.parametrize(("n_first", "suspicious"), [(61, False), (62, True)])
def test_a_suspicion_begins_below_two_percent(court, n_first, suspicious):
    """Of 100 tosses: 61 have p = 0.028, 62 have p = 0.016."""
    asked = []

    def sample(n):
        asked.append(n)
        return np.tile([0, 1], n)[:n]

    found = judged(court, [0] * n_first + [1] * (100 - n_first), [0.5, 0.5], sample)
    assert sum(asked) == (400 if suspicious else 0)
    assert found.verdict.startswith("cleared" if suspicious else "as it should")


def test_what_came_too_often_is_what_fresh_draws_are_asked_for(court):
    """Tokens 0 and 2 came too often; their probability is 0.7."""
    first = [0] * 52 + [1] * 10 + [2] * 38
    fresh = iter([0, 2, 0, 2] * 1000)

    def sample(n):
        return np.array([next(fresh) for _ in range(n)])

    with pytest.raises(Broken) as error:
        judged(court, first, [0.4, 0.3, 0.3], sample, example="row = 1")
    lines = error.value.wrong.split("\n")
    assert lines[0] == (
        "what: of 100 draws, seen for expected: token 1: 10 for 30.0, "
        "token 0: 52 for 40.0, token 2: 38 for 30.0"
    )
    p = 0.7**400
    assert lines[1] == (f"400 of 400 fresh draws fell where 280.0 should: p = {p:.0e}")
    assert error.value.name == "law" and error.value.example == "row = 1"


def test_cells_have_the_names_that_they_are_given(court):
    def names(ids):
        return f"<{ids.tolist()}>"

    with pytest.raises(Broken, match=r"expected: <\[0\]> 90 for 50.0, <\[1\]> 10"):
        judged(court, [0] * 90 + [1] * 10, [0.5, 0.5], lambda n: np.zeros(n, int),
               names=names)  # fmt: skip


def confirm(court, share, p=0.5, n=100, monkeypatch=None):
    """How many fresh draws each stage asks for; ``share(n)`` of them are hits."""
    rounds = []

    def fresh(hits, n):
        rounds.append(n)
        return np.arange(n) < share(n)

    court.fresh, found = fresh, a_statistic()
    court.confirm("law", found, None, p, n, "words", "example")
    return rounds, found


def test_clear_draws_end_it(court):
    """60 of 100: p = 0.028."""
    rounds, found = confirm(court, lambda n: 0.6 * n)
    assert rounds == [100] and court.n_verdicts == 1
    assert found.verdict == "cleared by fresh draws (p = 0.028)"


def test_doubtful_draws_are_followed_by_four_times_as_many(court):
    """Four standard deviations each time, until there are 64 times as many."""
    rounds, found = confirm(court, lambda n: n / 2 + 2 * n**0.5)
    assert rounds == [100, 400, 1600, 6400] and court.n_verdicts == 4
    assert "p = 3." in found.verdict and "e-05" in found.verdict


def test_draws_that_cannot_be_chance_are_refused(court):
    with pytest.raises(Broken) as error:
        confirm(court, lambda n: n / 2 + 2.9 * n**0.5)
    assert error.value.name == "law" and error.value.example == "example"
    p = binomial_tail(79, 100, 0.5)
    assert error.value.wrong == (
        f"words\n79 of 100 fresh draws fell where 50.0 should: p = {p:.0e}"
    )


def test_a_certain_set_is_never_too_often(court):
    """Its probability may be 1.0000000001, of rounding."""
    rounds, found = confirm(court, lambda n: n, p=1.0000000001)
    assert rounds == [100] and "p = 1)" in found.verdict


def test_without_time_nothing_is_decided(court):
    court.seconds = 0.0
    rounds, found = confirm(court, lambda n: n)
    assert rounds == [] and found.verdict == "suspicious, and no time for fresh draws"


def test_fresh_draws_come_in_sixteen_pieces(court, clock):
    asked = []

    def hits(n):
        asked.append(n)
        clock.now += 1
        return [True] * n

    court.allow(90)
    assert court.fresh(hits, 100).tolist() == [True] * 100
    assert asked == [7] * 14 + [2]
    asked.clear()
    court.fresh(hits, 17)
    assert asked == [2] * 8 + [1]


@pytest.mark.parametrize(
    ("each", "n_pieces", "left"), [(3, 4, -2), (5, 2, 0), (4.75, 3, -4.25)]
)
def test_fresh_draws_end_with_the_time(court, clock, each, n_pieces, left):
    """There are 10 seconds, and a piece takes so many."""

    def hits(n):
        clock.now += each
        return np.ones(n, int)

    found = court.fresh(hits, 160)
    assert found.dtype == bool and len(found) == 10 * n_pieces
    assert court.seconds == left


def test_the_clock_of_a_court_counts_backwards(court, clock):
    with court.clock():
        clock.now += 2.5
    assert court.seconds == 7.5


@pytest.mark.parametrize(
    ("tail", "goes_on"), [(1e-8, True), (0.0099, True), (0.01, False), (0.5, False)]
)
def test_a_verdict(court, tail, goes_on):
    found = a_statistic()
    assert court.verdict("law", found, tail, "words", "row", "fresh") is goes_on
    assert court.n_verdicts == 1
    assert found.verdict == f"cleared by fresh draws (p = {tail:.2g})"


@pytest.mark.parametrize(("tail", "shown"), [(9.9e-9, "1e-08"), (0.0, "1e-300")])
def test_a_verdict_that_refuses(court, tail, shown):
    with pytest.raises(Broken) as error:
        court.verdict("law", a_statistic(), tail, "words", "row", "fresh")
    assert tail < ALPHA
    assert error.value.wrong == f"words\nfresh: p = {shown}"
    assert (error.value.name, error.value.example) == ("law", "row")


def sums(court, *tails):
    """Judge sums whose tails are given; how often fresh draws were made."""
    made = []

    def sample():
        made.append(1)
        return len(made)

    suspicions = [(a_statistic(), lambda n, t=t: t, f"sum {t}") for t in tails]
    court.judge_sums("law", suspicions, sample)
    return len(made)


def test_sums_get_three_times_fresh_draws_and_no_more(court):
    assert sums(court) == 0
    assert sums(court, 0.5, 0.2) == 1 and court.n_verdicts == 2
    assert sums(court, 0.5, 0.005) == 3 and court.n_verdicts == 2 + 2 + 1 + 1
    with pytest.raises(Broken) as error:
        sums(court, 0.5, 1e-9)
    assert error.value.wrong.startswith("sum 1e-09\nfresh draws were as far off, ")
    assert error.value.example == ""


def test_sums_stay_within_the_verdicts_and_the_time(court):
    court.n_verdicts = 47
    assert sums(court, *[0.005] * 5) == 1 and court.n_verdicts == 50
    court.n_verdicts, court.seconds = 0, 0.0
    assert sums(court, 1e-9) == 0


def test_the_time_of_fresh_sums_counts(court, clock):
    def sample():
        clock.now += 4

    found = (a_statistic(), lambda fresh: 0.005, "")
    court.judge_sums("law", [found], sample)
    assert court.seconds == -2 and court.n_verdicts == 3


@pytest.mark.parametrize(
    ("p", "n", "labels"),
    [
        ([0.5, 0.3, 0.1, 0.06, 0.04], 50, [3, 2, 1, 0, 0]),
        ([0.5, 0.3, 0.1, 0.06, 0.04], 20, [1, 0, 0, 0, 0]),
        ([0.4, 0.35, 0.25], 10, [0, 0, 0]),  # 4 are left over
        ([0.5, 0.5], 10, [0, 1]),  # 5 are enough
        ([0.5, 0.5], 9, [0, 0]),
        ([0.0, 0.5, 0.5], 20, [0, 0, 1]),
        ([0.6, 0.4], 3, [0, 0]),  # no cell is ever full
        ([0.25, 0.25, 0.25, 0.25], 12, [0, 0, 1, 1]),
        ([1.0], 3, [0]),
        ([0.2, 0.8, 0.0], 100, [0, 1, 0]),
    ],
)
def test_cells_of_five_expected_draws(p, n, labels):
    assert cells(np.array(p), n).tolist() == labels


def test_of_outcomes_alike_the_first_go_together():
    assert cells(np.full(80, 1 / 80), 200).tolist() == np.repeat(range(40), 2).tolist()
    labels = cells(np.tile([1, 3], 40) / 160, 800)  # each alone, the unlikely first
    assert labels[::2].tolist() == [*range(40)]
    assert labels[1::2].tolist() == [*range(40, 80)]


def test_of_many_outcomes_there_are_200_cells():
    few = np.full(5000, 1 / 5000)
    assert len(set(cells(few, 50_000).tolist())) == 5000
    many = np.full(5001, 1 / 5001)
    labels = cells(many, 50_000)
    assert set(labels.tolist()) == {*range(200)}
    assert 24 <= np.bincount(labels).min() and np.bincount(labels).max() <= 27
    skewed = np.concatenate([[0.5], np.full(6000, 0.5 / 6000)])
    labels = cells(skewed, 100)  # the likeliest alone, the others in the first 100
    assert labels[0] == 199 and labels[1:].max() == 99


def test_blocks_of_ids():
    assert blocks(10, 4).tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]
    assert blocks(32).tolist() == np.repeat(range(16), 2).tolist()


def test_the_table_names_the_worst_six():
    p = np.full(8, 1 / 8)
    counts = np.array([10, 11, 12, 14, 18, 1, 10, 7])
    shown = _table(p, np.arange(8), counts, np.full(8, 10.0), None)
    assert shown == (
        "of 83 draws, seen for expected: token 5: 1 for 10.0, token 4: 18 for 10.0, "
        "token 3: 14 for 10.0, token 7: 7 for 10.0, token 2: 12 for 10.0, "
        "token 1: 11 for 10.0"
    )


def test_what_is_off_is_measured_in_standard_deviations():
    counts, expected = np.array([110, 8, 0]), np.array([100.0, 4.0, 0.0])
    shown = _table(np.zeros(3), np.arange(3), counts, expected, None)
    assert shown.endswith(
        "token 1: 8 for 4.0, token 0: 110 for 100.0, token 2: 0 for 0.0"
    )


def test_the_tokens_of_a_cell():
    assert _tokens(np.array([4])) == "token 4:"
    assert _tokens(np.array([4, 7, 9])) == "tokens 4, 7, 9:"
    assert _tokens(np.array([4, 7, 9, 11])) == "tokens 4, 7, 9, ...:"


ROW = np.array([0.0, 0.5])


def test_draws_of_a_row_that_stays_as_it_is():
    def f(row, rng):
        assert row.tolist() == [0.0, 0.5]
        row[:] = 7
        return next(rng)

    tokens = draw(f, ROW, iter([0, 1, 1, 0]), 3)
    assert tokens.tolist() == [0, 1, 1] and tokens.dtype == np.int64
    assert draw(f, ROW, iter([]), 0).tolist() == []


def broken(f, *args, **how):
    with pytest.raises(Broken) as error:
        f(*args, **how)
    return error.value


def test_a_draw_that_crashes_or_hangs():
    def hangs(row, rng):
        while True:
            pass

    found = broken(draw, lambda row, rng: {}["x"], ROW, None, 3)
    assert (found.name, found.wrong) == ("no crash", "KeyError: 'x'")
    assert type(found.cause) is KeyError
    assert found.example == "row = np.array([0.0, 0.5])"
    found = broken(draw, hangs, ROW, None, 3, 0.02)
    assert (found.name, found.wrong) == ("no crash", "3 draws took over 0.02 s")
    assert found.example == "row = np.array([0.0, 0.5])"
    assert broken(draw, lambda row, rng: 2, ROW, None, 3).name == "possible"


class Tensor:
    def __init__(self, n):
        self.n = n

    def __index__(self):
        if self.n > 1:
            raise RuntimeError("only one element tensors can be converted")
        return 1


@pytest.mark.parametrize("value", [0, 2, np.int32(1), np.array(2), Tensor(1), True])
def test_a_token(value):
    token = token_of(value, 3, "")
    assert type(token) is int and token == (1 if isinstance(value, Tensor) else value)


@pytest.mark.parametrize(
    ("value", "name", "says"),
    [
        (-1, "possible", "it draws -1, of 3 tokens"),
        (3, "possible", "it draws 3, of 3 tokens"),
        (1.0, "token", "it returns 1.0"),
        (None, "token", "it returns None"),
        (np.array([0, 1]), "token", "it returns array([0, 1])"),
        (Tensor(2), "token", "it returns <"),
    ],
)
def test_what_is_no_token(value, name, says):
    found = broken(token_of, value, 3, "row")
    assert found.name == name and found.wrong.startswith(says)
    assert found.example == "row"
    assert len(broken(token_of, "x" * 500, 3, "").wrong) == len("it returns ") + 100


def test_the_time_of_a_draw_is_that_of_seven_without_the_first(clock):
    asked = []

    def sample(n):
        asked.append(n)
        clock.now += 70 if n == 1 else 14

    assert seconds_each(sample) == 2 and asked == [1, 7]
    assert seconds_each(lambda n: None) == 1e-7


LAW = {"a": 0.5, "b": 0.5, "never": 0.0}


@pytest.mark.parametrize(
    ("law", "counts"),
    [
        (LAW, {"a": 42, "b": 5}),  # twice two tails of 1.2e-8
        (LAW, {"a": 5, "b": 42}),
        # One too seldom, one too often, all a little off: 200 outcomes more or less.
        ({"x": 26, **dict.fromkeys(range(200), 6)},
         {**dict.fromkeys(range(26), 7), **dict.fromkeys(range(26, 200), 6)}),
        (dict.fromkeys(range(200), 6), {**dict.fromkeys(range(200), 6), 0: 40}),
        (dict.fromkeys(range(200), 1),
         {**dict.fromkeys(range(100), 130), **dict.fromkeys(range(100, 200), 70)}),
    ],
)  # fmt: skip
def test_outcomes_that_the_law_forbids(law, counts):
    outcomes = [o for o, n in counts.items() for _ in range(n)]
    with pytest.raises(AssertionError, match="^'law': texts: of "):
        check_law(outcomes, law, "texts")


def test_outcomes_that_the_law_allows():
    check_law(["a"] * 44 + ["b"] * 6, LAW)  # twice two tails of 1.6e-8
    check_law(["a"] * 30 + ["b"] * 10, {"a": 3, "b": 1})


def test_the_table_of_outcomes():
    with pytest.raises(AssertionError) as error:
        check_law(["a"] * 9 + ["b"] * 71, {"a": 1, "b": 1}, "texts")
    assert str(error.value) == (
        "'law': texts: of 80 draws, seen for expected: a: 9 for 40.0, b: 71 for 40.0"
    )
    with pytest.raises(AssertionError) as error:
        check_law(["a", "never"], LAW, "texts")
    assert str(error.value) == (
        "'possible': texts: never has probability 0 and was drawn"
    )


def test_outcomes_without_a_name():
    with pytest.raises(AssertionError, match="^'law': of 80 draws, seen for"):
        check_law(["a"] * 9 + ["b"] * 71, LAW)
    with pytest.raises(AssertionError, match="^'possible': never has probability 0"):
        check_law(["a", "never"], LAW)
