"""The parts of `check_sampler`, one by one, on rows of which all is known."""

import numpy as np
import pytest

from numpygpt.testing import at, check_sampler, samplers
from numpygpt.testing.generators import n_words
from numpygpt.testing.properties import Run
from numpygpt.testing.report import Broken
from numpygpt.testing.samplers import Sampler, softmax

INF = np.inf
ROW = np.log([0.5, 0.25, 0.25])


def right(z, rng):
    total = np.cumsum(softmax(z))
    i = np.searchsorted(total, rng.random() * total[-1], side="right")
    return int(min(i, np.flatnonzero(z > -INF)[-1]))


def sampler(f=right, law=softmax, ties="any", seed=0):
    return Sampler(f, law, ties, seed, 5)


def run_of(seed=0, skip=(), also=()):
    return Run("sampler", skip, also, seed)


def broken(f, *args):
    with pytest.raises(Broken) as error:
        f(*args)
    return error.value.name, error.value.wrong, error.value.example


def test_softmax():
    assert softmax(np.array([0.0, -INF], np.float32)).tolist() == [1, 0]
    assert np.allclose(softmax(ROW - 900), [0.5, 0.25, 0.25])
    assert softmax(np.zeros(4, np.float32)).dtype == np.float64


def spoils(z, rng):
    z[0] = 9
    return 0


@pytest.mark.parametrize(
    ("f", "name", "words"),
    [
        (spoils, "input untouched", "the row is now np.array([9.0, 1.0])"),
        (lambda z, rng: 2, "possible", "2"),
        (lambda z, rng: -1, "possible", "-1"),
        (lambda z, rng: 0.5, "token", "0.5"),
        (lambda z, rng: 1 / 0, "no crash", "ZeroDivisionError"),
    ],
)
def test_one_draw_is_looked_at_closely(f, name, words):
    row = np.array([0.0, 1.0])
    found = broken(sampler(f), row, at(0.5))
    assert found[0] == name
    assert words in found[1]
    assert found[2] == "row = np.array([0.0, 1.0])"
    assert row.tolist() == [0, 1]


def test_generators_are_those_of_the_seed():
    rng = sampler(seed=3).rng(7, 2)
    assert rng.random() == np.random.default_rng([3, 7, 2]).random()
    assert sampler().times == 1


def test_a_law_may_have_no_probabilities_but_not_wrong_ones():
    def law(z):
        raise ValueError("none")

    assert sampler(law=law).law_at(ROW) is None
    assert np.allclose(sampler().law_at(ROW), [0.5, 0.25, 0.25])
    with pytest.raises(ValueError, match="law must return"):
        sampler(law=lambda z: z).law_at(ROW)

    def writes(z):
        z -= 1
        return softmax(z)

    sampler(law=writes).law_at(ROW)
    assert np.allclose(np.exp(ROW), [0.5, 0.25, 0.25])


def best(z):
    return (np.arange(len(z)) == z.argmax()).astype(float)


@pytest.mark.parametrize(
    ("row", "ties", "impossible"),
    [
        ([1.0, 1.0, 0.0], "any", [False, False, True]),
        ([1.0, 1.0, 0.0], "exact", [False, True, True]),
        ([0.0, 1.0, 0.5], "any", [True, False, True]),
    ],
)
def test_what_no_right_sampler_draws(row, ties, impossible):
    one = sampler(law=best, ties=ties)
    assert [one.impossible(t, np.array(row)) for t in range(3)] == impossible


def gone(z, rng):
    return int(np.argmin(z))


def test_four_draws_from_a_row():
    drawn = []
    one = sampler(lambda z, rng: drawn.append(rng.random()) or right(z, at(drawn[-1])))
    names = ["possible", "same seed"]
    assert samplers._wrong_at(one, ROW, names) is None
    rng = np.random.default_rng([0, 3])
    first = [rng.random() for _ in range(4)]
    assert drawn == [*first, first[0]]
    drawn.clear()
    assert samplers._wrong_at(one, ROW, ["possible"]) is None
    assert drawn == first


def test_what_is_wrong_with_a_row():
    row, names = np.array([0.0, 1.0, -INF]), ["possible", "same seed"]
    found = samplers._wrong_at(sampler(gone), row, names)
    assert (found.name, found.wrong) == ("possible", "it draws 2, of probability 0")
    assert samplers._wrong_at(sampler(gone), row, ["same seed"]) is None
    count = iter(range(9))
    found = samplers._wrong_at(sampler(lambda *_: next(count) // 4), ROW, names)
    assert (found.name, found.wrong) == ("same seed", "it draws 0, and then 1")
    found = samplers._wrong_at(sampler(lambda *_: 9), ROW, names)
    assert found.name == "possible"


HARD = ["no crash", "input untouched", "token", "possible", "same seed"]


def test_rows_without_a_law_do_not_count():
    def law(z):
        if len(z) == 2:
            raise ValueError
        return softmax(z)

    rows = [("a", ROW), ("b", ROW[:2]), ("c", ROW[::-1])]
    run = run_of()
    samplers._hard_rows(run, sampler(law=law), rows)
    assert run.report.checked == dict.fromkeys(HARD, "on 2 rows")
    run = run_of(skip=HARD[2:])
    samplers._hard_rows(run, sampler(lambda z, rng: 99), rows)
    assert run.report.checked == dict.fromkeys(HARD[:2], "on 3 rows")


def test_the_row_of_a_failure_is_made_small():
    row = np.array([0.3, 1.7, -INF, -INF])
    found = broken(samplers._hard_rows, run_of(), sampler(gone), [("a", row)])
    assert found[:2] == ("possible", "it draws 1, of probability 0")
    assert found[2] == "row = np.array([0.0, -np.inf])"


def test_a_law_that_cannot_take_a_smaller_row():
    def law(z):
        if len(z) < 4:
            raise ValueError("too short")
        return softmax(z)

    row = np.array([0.3, 1.7, -INF, -INF])
    one = sampler(gone, law=law)
    found = broken(samplers._hard_rows, run_of(), one, [("a", row)])
    assert found[0] == "possible"
    assert found[2].count(",") == 3


@pytest.mark.parametrize(("n", "step"), [(1, 11), (2, 5), (5, 2), (6, 2), (100, 2)])
def test_the_rows_of_the_bank(monkeypatch, n, step):
    asked, rows = [], [("k", ROW + i) for i in range(23)]
    monkeypatch.setattr(samplers, "n_examples", lambda: n)
    monkeypatch.setattr(samplers, "hard_rows", lambda *a: asked.append(a) or rows)
    monkeypatch.setattr(samplers, "paced", lambda r, s: asked.append((len(r), s)) or r)
    assert samplers._step() == step
    samplers._hard_rows(run_of(), sampler(seed=4), None)
    assert asked == [(4, min(25, n)), (-(-23 // step), 0.6)]


# The edges of the uniform number.


def test_the_numbers_at_the_edges():
    found = [*samplers._uniforms(np.array([0.25, 0.0, 0.5, 0.25]))]
    assert found[:5] == [0, 2.0**-53, 1, 1 - 2.0**-24, 1 - 2.0**-30]
    below, above = np.nextafter(0.25, 0), np.nextafter(0.25, 1)
    assert found[5:8] == [0.25, below, above]
    assert found[8] == 0.75
    assert found[11] == 0.5  # the likeliest first
    assert found[14] == 0.75
    assert len(found) == 17
    assert found[9] < 0.75 < found[10]
    assert len([*samplers._uniforms(np.full(9, 1 / 9))]) == 5 + 2 * 6 * 3
    assert len([*samplers._uniforms(np.full(7, 1 / 7))]) == 5 + 2 * 6 * 3
    assert len([*samplers._uniforms(np.full(6, 1 / 6))]) == 5 + 2 * 5 * 3


def test_an_edge_that_gives_an_impossible_token():
    row = np.array([0.0, 0.0, -INF])

    def last(z, rng):
        return 2 if rng.random() > 0.9 else 0

    q = softmax(row)
    samplers._edge(sampler(last), row, q, 0.9)
    found = broken(samplers._edge, sampler(last), row, q, 0.95)
    assert found[0] == "edges"
    assert found[1] == "the uniform number is 0.95: it draws 2, of probability 0"
    assert found[2] == (
        "row = np.array([0.0, 0.0, -np.inf])\n"
        "rng = numpygpt.testing.generators.at(0.95)"
    )
    found = broken(samplers._edge, sampler(lambda *_: 3), row, q, 1.0)
    assert found[0] == "edges"
    assert found[1].startswith("the uniform number is 1.0: ")


def test_who_takes_several_numbers_is_not_judged_at_the_edges():
    run, rows = run_of(), [("a", ROW)]
    samplers._edges(run, sampler(lambda z, rng: int(rng.random(2)[0] > 2)), rows)
    why = "it takes more than one uniform number a draw"
    assert run.report.not_checked["edges"] == why
    run = run_of()
    samplers._edges(run, sampler(), rows)
    assert run.report.checked["edges"] == "17 random numbers"
    run = run_of(skip=["edges"])
    samplers._edges(run, sampler(lambda *_: 1 / 0), rows)
    assert "edges" not in run.report.checked


def test_rows_that_have_no_edges():
    def top_1(z):
        return best(z)

    rows = [("one", np.array([0.0, -INF])), ("a", ROW)]
    run = run_of()
    samplers._edges(run, sampler(), rows)
    assert run.report.checked["edges"] == "17 random numbers"
    run = run_of()  # two tokens have one border
    samplers._edges(run, sampler(), [("two", np.array([0.0, 0.3]))])
    assert run.report.checked["edges"] == "11 random numbers"
    run = run_of()
    samplers._edges(run, sampler(law=top_1), [("tie", np.zeros(3))])
    assert run.report.checked["edges"] == "0 random numbers"

    def two(z):
        return np.where(z >= np.sort(z)[-2], softmax(z), 0) / 0.75

    run = run_of()  # a tie at the border of the law: not decided
    samplers._edges(run, sampler(law=lambda z: two_of(z)), rows[1:])
    assert run.report.checked["edges"] == "0 random numbers"


def two_of(z):
    kept = np.argsort(-z, kind="stable")[:2]
    q = np.zeros(len(z))
    q[kept] = softmax(z[kept])
    return q


def test_the_rows_at_the_edges(monkeypatch):
    asked, tried = [], []
    hard = [("removed", ROW), ("ties", ROW), ("removed", ROW + 1)]
    monkeypatch.setattr(samplers, "hard_rows", lambda *a: asked.append(a) or hard)
    monkeypatch.setattr(
        samplers, "rows_to_draw_from", lambda *a: asked.append(a) or [("b", ROW + 2)]
    )
    monkeypatch.setattr(samplers, "paced", lambda r, s: asked.append((len(r), s)) or r)
    monkeypatch.setattr(samplers, "_edge", lambda s, row, q, u: tried.append(row[0]))
    samplers._edges(run_of(), sampler(seed=6), None)
    assert asked == [(6,), (6, 5), (3, 0.3)] or asked == [(6, 5), (6,), (3, 0.3)]
    assert len(tried) == 3 * 17
    assert tried[::17] == [ROW[0], ROW[0] + 1, ROW[0] + 2]


# Many draws.


class Recorder:
    """A court that writes down what it is asked, and finds nothing."""

    def __init__(self):
        self.allowed, self.judged = [], []

    def allow(self, seconds):
        self.allowed.append(seconds)

    def judge(self, *args, **how):
        self.judged.append((args, how))


@pytest.fixture
def quiet(monkeypatch):
    """No intervals, no scores, draws that take 0.01 seconds; what was asked."""
    asked = []

    class Pace:
        def __init__(self, *args):
            asked.append(args)

        def next(self):
            return asked_seconds[0]

    asked_seconds = [1.005]
    monkeypatch.setattr(samplers, "Pace", Pace)
    monkeypatch.setattr(samplers, "seconds_each", lambda sample: 0.01)
    monkeypatch.setattr(samplers, "check_intervals", lambda s, bank: 0)
    monkeypatch.setattr(
        samplers, "check_scores", lambda court, cases, s: asked.append(len(cases))
    )
    monkeypatch.setattr(samplers, "power", lambda cases: {"a fault": len(cases)})
    asked.append(asked_seconds)
    return asked


def test_as_many_draws_as_there_is_time_for(quiet):
    def drawn(n_draws, seconds, rows=(("a", ROW),), **how):
        quiet[0][0] = seconds
        cases = samplers._draws(run_of(), sampler(**how), rows, n_draws)
        return [(name, len(case.first)) for name, _, case in cases]

    assert samplers.LEAST == 60
    assert drawn(1000, 1.005) == [("a", 100)]
    assert drawn(90, 1.005) == [("a", 90)]
    assert drawn(1000, 0.605) == [("a", 60)]
    assert drawn(1000, 0.595) == []
    assert drawn(50, 0.505) == [("a", 50)]
    assert drawn(50, 0.485) == []
    assert quiet[1:] == [(1.4, 1)] * 6
    tie = [("tie", np.zeros(3))]
    assert drawn(100, 1.005, tie, law=two_of) == []
    assert drawn(100, 1.005, tie, law=two_of, ties="exact", f=lambda *_: 1) == [
        ("tie", 100)
    ]


def test_the_draws_of_a_row_come_from_its_own_generator(quiet):
    rows = [("a", ROW), ("b", ROW)]
    drawn = [*samplers._draws(run_of(), sampler(seed=5), rows, 100)]
    for i, (_, row, case) in enumerate(drawn):
        rng = np.random.default_rng([5, 7, i])
        assert case.first.tolist() == [right(row, rng) for _ in range(100)]
        assert case.sample(3).tolist() == [right(row, rng) for _ in range(3)]
        assert np.allclose(case.q, [[0.5, 0.25, 0.25]])


def test_what_is_judged_and_what_the_report_says(quiet):
    run, court, one = run_of(), Recorder(), sampler()
    one.times = 2
    rows = [("a", ROW), ("40", np.linspace(0, 1, 40)), ("41", np.linspace(0, 1, 41)),
            ("sure", np.array([1.0, -INF])), ("1000", np.linspace(0, 1, 1000)),
            ("999", np.linspace(0, 1, 999)), ("two", np.array([0, 0.3]))]  # fmt: skip
    samplers._law(run, one, court, rows, 70)
    assert run.report.checked["law"] == "490 draws from 7 rows"
    assert court.allowed == [1, 1.6]
    assert quiet[1:] == [(2.8, 7), 5]
    assert run.report.power == {"a fault": 5}
    what = [args[1] for args, _ in court.judged]
    assert what == [
        "draws from the row 'a'", "draws from the row '40'", "draws from the row '41'",
        "draws from the row '41', by id", "draws from the row 'sure'",
        "draws from the row '1000'", "draws from the row '1000', by id",
        "draws from the row '999'", "draws from the row '999', by id",
        "draws from the row 'two'",
    ]  # fmt: skip
    assert {args[0] for args, _ in court.judged} == {"law"}
    assert all(len(args[2]) == 70 for args, _ in court.judged)
    assert court.judged[0][1] == {"example": samplers.as_code(ROW, "row")}
    by_id = court.judged[3][0]
    assert np.array_equal(by_id[5], samplers.blocks(41))
    assert by_id[6]([3, 4, 8]) == "tokens 3 to 8:"
    assert by_id[7].startswith("row = np.array(")


def test_a_sampler_that_is_too_slow_is_passed_over(quiet, monkeypatch):
    quiet[0][0] = 0.1
    run, court = run_of(), Recorder()
    samplers._law(run, sampler(), court, [("a", ROW)], 1000)
    assert "takes too long" in run.report.not_checked["law"]
    assert court.allowed == [0.5]
    quiet[0][0] = 9
    monkeypatch.setattr(samplers, "check_intervals", lambda s, bank: 3)
    run = run_of()
    samplers._law(run, sampler(), court, [("a", ROW)], 100)
    words = "100 draws from 1 rows, and 3 without draws"
    assert run.report.checked["law"] == words
    skipped = run_of(skip=["law"])
    samplers._law(skipped, sampler(lambda *_: 1 / 0), court, [("a", ROW)], 100)
    assert skipped.report.not_checked["law"] == "skip"


def test_no_draw_may_be_impossible():
    q = np.array([0.5, 0.0, 0.5, 0.0])
    samplers._all_possible(run_of(), np.array([0, 2, 0]), q, "the example")
    args = np.array([0, 3, 1, 2, 1]), q, "the example"
    found = broken(samplers._all_possible, run_of(), *args)
    assert found == (
        "possible", "it draws 3, of probability 0 (3 of 5 draws)", "the example"
    )  # fmt: skip
    samplers._all_possible(run_of(skip=["possible"]), *args)
    gone = [("gone", np.array([0.0, 0.5, -INF]))]
    found = broken(list, samplers._draws(run_of(), sampler(lambda *_: 2), gone, 60))
    assert found[2] == "row = np.array([0.0, 0.5, -np.inf])"


# The whole check.


def spied(monkeypatch):
    seen = {}
    for name in ("_hard_rows", "_edges", "_law", "check_independence",
                 "broken_rows_of"):  # fmt: skip
        monkeypatch.setattr(
            samplers, name, lambda *args, name=name: seen.update({name: args})
        )
    return seen


@pytest.mark.parametrize(
    ("how", "n_draws", "times"),
    [({}, 1000, 1), ({"thorough": True}, 8000, 8), ({"n_draws": 20}, 20, 1),
     ({"n_draws": 1500}, 1500, 1.5), ({"n_draws": 30, "thorough": True}, 30, 1)],
)  # fmt: skip
def test_so_many_draws_and_so_much_time(monkeypatch, how, n_draws, times):
    seen = spied(monkeypatch)
    report = check_sampler(right, **how)
    run, one, _, bank, n = seen["_law"]
    assert n == n_draws
    assert one.times == times
    assert seen["check_independence"][-1] == 3 * n_draws
    assert (one.f, one.ties, one.seed, one.seconds) == (right, "any", 0, 30)
    assert (report.seed, run.report) == (0, report)
    assert [name for name, _ in bank] == [n for n, _ in samplers.rows_to_draw_from(0)]
    assert seen["_hard_rows"][2] is seen["_edges"][2] is None
    assert "broken_rows_of" not in seen


def test_the_parts_get_what_the_check_is_given(monkeypatch):
    seen = spied(monkeypatch)
    report = check_sampler(
        right, law=two_of, ties="exact", rows=[ROW, ROW + 1], seed=9, time_limit=2,
        broken_rows=True, skip="edges",
    )  # fmt: skip
    _, one, bank = seen["_hard_rows"]
    assert [name for name, _ in bank] == ["row 0", "row 1"]
    assert bank[1][1].tolist() == (ROW + 1).tolist()
    assert seen["_edges"][2] is bank
    assert seen["_law"][3] is bank
    assert (one.ties, one.seed, one.seconds, report.seed) == ("exact", 9, 2, 9)
    assert one.law(ROW).tolist() == two_of(ROW).tolist()
    _, f, name = seen["broken_rows_of"]
    assert name == "broken rows"
    assert f(ROW) in (0, 1, 2)
    assert report.not_checked["edges"] == "skip"
    check_sampler(right, also=["broken rows"])
    assert seen.pop("broken_rows_of")


def test_a_failure_has_its_cause():
    with pytest.raises(AssertionError, match="^'no crash': it comes back") as error:
        check_sampler(lambda z, rng: {}[0], seed=5)
    assert isinstance(error.value.__cause__, KeyError)
    assert "seed=5" in str(error.value)


def test_one_number_is_two_words():
    rng = at(0.25)
    right(ROW, rng)
    assert n_words(rng) == 2
