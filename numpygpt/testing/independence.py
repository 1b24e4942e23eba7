"""A long run of draws from one row: does a draw know of those before it?

A sampler can draw every token as often as it should and still be wrong: a walk that
covers [0, 1) evenly, a second draw made from 1 - u, a seed that comes again after a
thousand draws. So look at pairs, at draws that are alike some steps apart, and at
counts that are more even than chance makes them.
"""

import numpy as np

from .compare import decided
from .draws import draw, seconds_each
from .report import Statistic, as_code
from .statistics import binomial_tail, normal_tail

__tracebackhide__ = True


def check_independence(run, sampler, court, n):
    """A long run from one row, whose draws must not know of each other."""
    wanted = [name for name in ("independent", "even") if run.has(name)]
    row = next((r for r in _even_rows() if _has_choice(sampler, r)), None)
    if row is None or not wanted:
        for name in wanted:
            run.pass_over(name, "the law leaves no choice on an even row")
        return
    q, rng = sampler.law(row), sampler.rng(8)

    def sample(n):
        return draw(sampler.f, row, rng, n)

    n = int(min(n, 0.15 * sampler.times / seconds_each(sample)))
    if n < 4:
        for name in wanted:
            run.pass_over(name, "a draw takes too long")
        return
    court.allow(0.4 * sampler.times)
    tokens, example = sample(n), as_code(row, "row")
    if run.has("independent"):
        _pairs(court, tokens, sample, q, example)
        _lags(court, tokens, sample, q, example)
        run.passed("independent", f"{n} draws in a row")
    if run.has("even") and n < 500:
        run.pass_over("even", "too few draws")
    if run.has("even"):
        _even(court, sample(2 * n), sample, q, example)
        run.passed("even", f"{n} draws in a row")


def _even_rows():
    yield np.linspace(0, 0.1, 8)[[3, 0, 6, 7, 2, 5, 1, 4]]
    yield np.array([0.1, 0.0, 0.2])
    yield np.array([1.0, 2.0, 0.0, -1.0])
    yield np.array([0.1, 0.0])


def _has_choice(sampler, row):
    q = sampler.law_at(row)
    return q is not None and q.max() < 0.9 and decided(row, sampler.law)


def _pairs(court, tokens, sample, q, example):
    """Two draws, one behind the other: their law is the product."""
    pair = np.outer(q, q).ravel()

    def pairs(tokens, shift=0):
        tokens = tokens[shift:]
        m = len(tokens) // 2 * 2
        return tokens[:m:2] * len(q) + tokens[1:m:2]

    def names(ids):
        return " or ".join(f"{i // len(q)} then {i % len(q)}" for i in ids[:3]) + ":"

    for shift in (0, 1):
        court.judge(
            "independent", f"pairs of draws from place {shift}", pairs(tokens, shift),
            lambda n, shift=shift: pairs(sample(2 * n + shift), shift), pair,
            names=names, example=example,
        )  # fmt: skip


def _lags(court, tokens, sample, q, example):
    """Draws that are alike more often than chance makes them, some steps apart: a seed
    that comes again, a short period."""
    n, alike = len(tokens), float((q**2).sum())
    lags = np.arange(1, min(n // 2, 600))
    matches = np.array([(tokens[:-lag] == tokens[lag:]).sum() for lag in lags])
    mean = (n - lags) * alike
    z = (matches - mean) / np.sqrt(mean * (1 - alike))
    for lag in {int(lags[np.argmax(z)]), int(lags[np.argmin(z)])}:
        score = float(z[lag - 1])
        tail = 2 * normal_tail(abs(score))
        what = f"draws {lag} apart that are alike"
        found = Statistic(what, n, score, min(1.0, len(lags) * tail))
        court.note(found)
        if abs(score) < 3.8:
            continue

        def hits(n, lag=lag, more=score > 0):
            fresh = sample(2 * lag * -(-n // lag))
            blocks_of = fresh.reshape(
                -1, 2, lag
            )  # disjoint, so that hits do not overlap
            same = blocks_of[:, 0] == blocks_of[:, 1]
            return (same if more else ~same).ravel()

        words = (
            f"{what}: {matches[lag - 1]} of {n - lag} where {mean[lag - 1]:.0f} should"
        )
        p = alike if score > 0 else 1 - alike
        court.confirm("independent", found, hits, p, 2 * n, words, example)


def _even(court, tokens, sample, q, example):
    """Blocks of draws whose counts are closer to the expectation than chance makes
    them: a walk that covers [0, 1) evenly, a shuffled deck."""
    order = np.argsort(-q, kind="stable")
    half = np.isin(np.arange(len(q)), order[np.cumsum(q[order]) <= 0.55])
    half[order[0]] = True
    share = float(q[half].sum())
    for size in (64, 100):
        centre = round(share * size)
        p = binomial_tail(centre - 1, size, share)
        p -= binomial_tail(centre + 2, size, share)

        def near(tokens, at, size=size, centre=centre):
            m = (len(tokens) - at) // size * size
            counts = half[tokens[at : at + m]].reshape(-1, size).sum(axis=1)
            return np.abs(counts - centre) <= 1

        at = max(range(0, size, size // 8), key=lambda at: near(tokens, at).mean())
        first = near(tokens, at)
        n, n_hits = len(first), int(first.sum())
        what = f"blocks of {size} draws with {centre - 1} to {centre + 1} of one half"
        tail = min(1.0, 8 * binomial_tail(n_hits, n, p))
        found = Statistic(what, n, float(n_hits), tail)
        court.note(found)
        if tail < 0.01:
            behind = -len(tokens) % size  # the blocks go on where those before ended

            def hits(n, at=at + behind, near=near, size=size):
                return near(sample(n * size + size), at % size)[:n]

            words = f"{what}: {n_hits} of {n} where {p * n:.1f} should"
            court.confirm("even", found, hits, p, 2 * n, words, example)
