"""check_sampler: does this sampler draw with the right probabilities?

A sampler is a function ``f(logits, rng) -> token``. Whether it is right cannot be seen
from a draw, only from many; and some faults wait for a random number that hardly ever
comes. So there are four parts: hard rows, where every draw must at least be possible;
chosen random numbers (generators.py); many draws from some rows, compared with the law
(draws.py); and a long run from one row, whose draws must not know of each other.

>>> from numpygpt.decoding.sampling import distribution, sample_token
>>> sample = lambda z, rng: sample_token(distribution(z), rng)
>>> report = check_sampler(sample, n_draws=200)
>>> check_sampler(lambda z, rng: int(z.argmax()))  # doctest: +ELLIPSIS
Traceback (most recent call last):
AssertionError: 'law': the probabilities are those of the law
...
"""

import time

import numpy as np

from .compare import decided, possible
from .draws import Court, blocks, draw, seconds_each, token_of
from .filters import check_kind, law_of
from .generators import at
from .independence import check_independence
from .intervals import check_intervals, takes_one_number
from .pace import Pace, paced
from .properties import PROPERTIES, Run, n_examples
from .report import Broken, as_code, call, failure
from .rows import hard_rows, rows_to_draw_from
from .scores import Case, check_scores, power
from .search import broken_rows_of, examples_of
from .shrink import smaller

__tracebackhide__ = True

LEAST = 60  # draws from a row; with less time than that it is left out


def softmax(row):
    """The law of a sampler that filters nothing."""
    weights = np.exp(row.astype(np.float64) - row.max())
    return weights / weights.sum()


def check_sampler(
    f, *, law=softmax, ties="any", rows=None, n_draws=None, skip=(), also=(),
    thorough=False, broken_rows=False, seed=0, time_limit=30,
):  # fmt: skip
    """Look for logits from which ``f(logits, rng) -> token`` draws wrongly.

    law: ``logits -> probabilities`` that it should draw with; by default softmax.
    ties: "any" takes every choice among equal logits at a border of the law for right.
    rows: logits of your own to draw from, a list or a strategy, in place of the bank.
    n_draws: from every row, by default 1000 (``thorough``: 8000, and more time).
    skip, also: names of `PROPERTIES`, to leave out or to add.

    A right sampler is refused less than once in a million runs: see draws.py. Returns a
    `Report`; raises an AssertionError with an example.
    """
    check_kind(None, ties)
    run = Run("sampler", skip, [*also, *["broken rows"] * bool(broken_rows)], seed)
    sampler = Sampler(f, law, ties, seed, time_limit)
    n_draws = n_draws or (8000 if thorough else 1000)
    sampler.times = max(1, n_draws / 1000)
    court = Court(run)
    bank = [(f"row {i}", r) for i, r in enumerate(examples_of(rows))] if rows else None
    try:
        _hard_rows(run, sampler, bank)
        _edges(run, sampler, bank)
        _law(run, sampler, court, bank or [*rows_to_draw_from(seed)], n_draws)
        check_independence(run, sampler, court, 3 * n_draws)
        if run.has("broken rows"):
            rng = np.random.default_rng(0)
            broken_rows_of(run, lambda row: sampler(row, rng), "broken rows")
    except Broken as broken:
        raise failure(broken, PROPERTIES[broken.name].text, seed) from broken.cause
    return run.report


class Sampler:
    """The sampler under test, and the law that it should have."""

    def __init__(self, f, law, ties, seed, seconds):
        self.f, self.ties, self.seed, self.seconds = f, ties, seed, seconds
        self.times = 1  # how much longer than by default a check may take
        self.law = lambda row: law_of(law, row.copy())

    def __call__(self, row, rng):
        """One draw, looked at closely."""
        example, given = as_code(row, "row"), row.copy()
        value = call(self.f, given, rng, seconds=self.seconds, example=example)
        if not np.array_equal(given, row, equal_nan=True):
            now = f"the row is now {as_code(given)}"
            raise Broken("input untouched", now, example)
        return token_of(value, len(row), example)

    def rng(self, *key):
        return np.random.default_rng([self.seed, *key])

    def law_at(self, row):
        """The probabilities, or None where the law has none."""
        try:
            return self.law(row)
        except ValueError as error:
            if "law must return" in str(error):
                raise
            return None

    def impossible(self, token, row):
        """Could no right sampler draw this token?"""
        q = self.law(row)
        if q[token] > 0:
            return False
        return self.ties == "exact" or not possible(row, q, self.law)[token]


def _hard_rows(run, sampler, bank):
    """A few draws from each of many rows."""
    names = [n for n in ("possible", "same seed") if run.has(n)]
    rows = [*hard_rows(sampler.seed, min(25, n_examples()))][:: _step()]
    bank = bank or paced(rows, 0.6)
    n = 0
    for _, row in bank:
        if sampler.law_at(row) is None:
            continue
        broken = _wrong_at(sampler, row, names)
        if broken and run.has(broken.name):

            def fails(row, _, name=broken.name):
                try:
                    found = _wrong_at(sampler, row, names)
                except ValueError:
                    return False
                return found is not None and found.name == name

            row, _ = smaller(row, None, fails)
            broken = _wrong_at(sampler, row, names) or broken
            broken.example = as_code(row, "row")
            raise broken
        n += 1
    for name in ("no crash", "input untouched", "token", "possible", "same seed"):
        if run.has(name):
            run.passed(name, f"on {n} rows")


def _step():
    return max(2, 280 // (25 * n_examples()))


def _wrong_at(sampler, row, names):
    """What is wrong with a few draws from this row, as a `Broken`, or None."""
    try:
        rng = sampler.rng(len(row))
        tokens = [sampler(row, rng) for _ in range(4)]
        if "same seed" in names:
            again = sampler(row, sampler.rng(len(row)))
            if again != tokens[0]:
                wrong = f"it draws {tokens[0]}, and then {again}"
                return Broken("same seed", wrong)
        for token in set(tokens) if "possible" in names else ():
            if sampler.impossible(token, row):
                return Broken("possible", f"it draws {token}, of probability 0")
    except Broken as broken:
        return broken
    return None


def _edges(run, sampler, bank):
    """0, the largest number below 1, and the borders of the cumulative sums. Only for
    samplers that take one uniform number a draw: of several numbers at once, all
    extreme, nothing follows."""
    if not run.has("edges"):
        return
    n = 0
    removed = ((k, r) for k, r in hard_rows(sampler.seed, 5) if k == "removed")
    for _, row in bank or paced([*removed, *rows_to_draw_from(sampler.seed)], 0.3):
        q = sampler.law_at(row)
        if q is None or (q > 0).sum() < 2 or not decided(row, sampler.law):
            continue
        if not takes_one_number(sampler, row):
            return run.pass_over(
                "edges", "it takes more than one uniform number a draw"
            )
        for uniform in _uniforms(q):
            _edge(sampler, row, q, uniform)
            n += 1
    run.passed("edges", f"{n} random numbers")
    return None


def _uniforms(q):
    """The edges of [0, 1), and a few borders of the sums, from either side."""
    yield from (0.0, 2.0**-53, 1.0, 1 - 2.0**-24, 1 - 2.0**-30)
    kept = np.flatnonzero(q)
    for order in (kept, kept[np.argsort(-q[kept], kind="stable")]):
        for border in np.cumsum(q[order])[:-1][:6].tolist():
            yield from (border, np.nextafter(border, 0), np.nextafter(border, 1))


def _edge(sampler, row, q, uniform):
    example = (
        f"{as_code(row, 'row')}\nrng = numpygpt.testing.generators.at({uniform!r})"
    )
    try:
        token = sampler(row, at(uniform))
        wrong = None if q[token] > 0 else f"it draws {token}, of probability 0"
    except Broken as broken:
        wrong = broken.wrong
    if wrong:
        raise Broken("edges", f"the uniform number is {uniform!r}: {wrong}", example)


def _law(run, sampler, court, bank, n_draws):
    """Many draws from some rows, each compared by itself and all together."""
    if not run.has("law"):
        return None
    n_exact = check_intervals(sampler, bank)
    began = time.thread_time()
    drawn = [*_draws(run, sampler, bank, n_draws)]
    seconds = time.thread_time() - began
    cases = [case for *_, case in drawn]
    some = [c for c in cases if (c.q > 0).sum() > 1 and c.q.shape[1] < 1000]
    court.allow(0.5 * sampler.times)
    for name, row, case in drawn:
        what, q = f"draws from the row '{name}'", case.q[0]
        example = as_code(row, "row")
        court.judge("law", what, case.first, case.sample, q, example=example)
        if len(row) > 40:
            court.judge("law", f"{what}, by id", case.first, case.sample, q,
                        blocks(len(row)), _ids, example)  # fmt: skip
    if some:
        court.allow(0.8 * sampler.times)
        check_scores(court, some, seconds)
        run.report.power = power(some)
    if not drawn:
        return run.pass_over("law", "a draw takes too long; give n_draws= or rows=")
    words = f"{sum(len(c.first) for c in cases)} draws from {len(cases)} rows"
    more = f", and {n_exact} without draws" if n_exact else ""
    return run.passed("law", words + more)


def _draws(run, sampler, bank, n_draws):
    """(name, row, `Case`), a case with the draws of every row that has a clear law."""
    pace, each = Pace(1.4 * sampler.times, len(bank)), 1e-7
    for i, (name, row) in enumerate(bank):
        seconds, q = pace.next(), sampler.law_at(row)
        exact = sampler.ties == "exact"
        if q is None or not (exact or decided(row, sampler.law)):
            continue
        rng, least = sampler.rng(7, i), min(n_draws, LEAST)

        def sample(n, row=row, rng=rng):
            return draw(sampler.f, row, rng, n)

        if seconds > each * least:  # else wait until there is time for some draws
            each = seconds_each(sample)
        n = int(min(n_draws, seconds / each))
        if n >= least:
            tokens = sample(n)
            _all_possible(run, tokens, q, as_code(row, "row"))
            yield name, row, Case.of_row(q, tokens, sample)


def _all_possible(run, tokens, q, example):
    gone = np.flatnonzero(q[tokens] == 0)
    if len(gone) and run.has("possible"):
        token = tokens[gone[0]]
        wrong = (
            f"it draws {token}, of probability 0 ({len(gone)} of {len(tokens)} draws)"
        )
        raise Broken("possible", wrong, example)


def _ids(ids):
    return f"tokens {ids[0]} to {ids[-1]}:"
