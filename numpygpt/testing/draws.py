"""Do these draws come from that law? In two stages, so that the answer is exact.

Draws of a right sampler look wrong now and then; a test has to say how seldom. The
usual chi-square bound is only right for many draws and not far out in the tail, where
"once in a hundred million" lies. So it only raises a suspicion here (p below 2 %), and
the suspicion names a set: the cells that came too often. Then fresh draws are made, and
how many of them fall into that one set, of probability p, is binomial: the tail is
exact. Not before it is below 1e-8 is the sampler refused; while it lies between that
and 1 %, four times as many draws decide. Of a slow sampler fewer are made, as many as
there is time for.

False alarms: a check makes at most 50 such verdicts, and a right sampler fails each
with a probability of at most 1e-8. Together that is 5e-7: once in two million runs.
"""

import operator
import time
from collections import Counter
from contextlib import contextmanager

import numpy as np

from .report import (
    ALPHA,
    MOST_VERDICTS,
    Broken,
    Statistic,
    TookTooLong,
    as_code,
    time_limit,
)
from .statistics import (
    binomial_tail,
    chi_square_tail,
    kl_tail,
)

__tracebackhide__ = True

SUSPICION, CLEARED = 0.02, 0.01


class Court:
    """Judges suspicions with fresh draws, as long as there is time for them."""

    def __init__(self, run):
        self.run, self.n_verdicts, self.seconds = run, 0, 0.0

    def allow(self, seconds):
        """So much more time for fresh draws."""
        self.seconds = max(0.0, self.seconds) + seconds

    def note(self, statistic):
        self.run.report.statistics.append(statistic)

    def judge(self, name, what, first, sample, p, labels=None, names=None, example=""):
        """Compare outcomes (integers below ``len(p)``) with their probabilities.

        first: the outcomes that may raise the suspicion; sample: ``n -> outcomes``, for
        fresh ones; labels: the cell of every outcome, by default pooled by `cells`.
        """
        labels = cells(p, len(first)) if labels is None else labels
        n, expected = len(first), np.bincount(labels, p) * len(first)
        counts = np.bincount(labels[first], minlength=len(expected))
        left = expected > 0
        statistic = float(((counts - expected)[left] ** 2 / expected[left]).sum())
        tail = chi_square_tail(statistic, max(1, left.sum() - 1))
        found = Statistic(what, n, statistic, tail)
        self.note(found)
        if tail < SUSPICION:
            often = (counts > expected)[labels]  # the outcomes that came too often
            shown = _table(p, labels, counts, expected, names)
            self.confirm(name, found, lambda n: often[sample(n)], p[often].sum(),
                         4 * n, f"{what}: {shown}", example)  # fmt: skip

    def confirm(self, name, found, hits, p, n, words, example=""):
        """``hits(n)``: for n fresh draws, whether each is a hit; each is with
        probability ``p``. Raises when there are too many to be chance."""
        p, most = min(1.0, float(p)), 64 * n
        found.verdict = "suspicious, and no time for fresh draws"
        while n <= most and self.may_judge():
            hit = self.fresh(hits, n)
            tail = binomial_tail(int(hit.sum()), len(hit), p)
            if not self.verdict(name, found, tail, words, example, (
                f"{hit.sum()} of {len(hit)} fresh draws fell where {p * len(hit):.1f} "
                "should"
            )):  # fmt: skip
                return
            n *= 4

    def may_judge(self):
        return self.seconds > 0 and self.n_verdicts < MOST_VERDICTS

    def fresh(self, hits, n):
        """n of them, or fewer: in pieces, until the time is up."""
        found, piece = [], -(-n // 16)
        while n > 0 and self.seconds > 0:
            with self.clock():
                found.append(np.asarray(hits(min(piece, n)), bool))
            n -= piece
        return np.concatenate(found)

    @contextmanager
    def clock(self):
        began = time.thread_time()
        yield
        self.seconds -= time.thread_time() - began

    def verdict(self, name, found, tail, words, example, fresh):
        """Refuse, go on (True) or clear (False)."""
        self.n_verdicts += 1
        found.verdict = f"cleared by fresh draws (p = {tail:.2g})"
        if tail < ALPHA:
            wrong = f"{words}\n{fresh}: p = {max(tail, 1e-300):.0e}"
            raise Broken(name, wrong, example)
        return tail < CLEARED

    def judge_sums(self, name, suspicions, sample):
        """Sums that are too far off to be trusted, [(`Statistic`, tail, words)]: with
        what ``sample()`` draws afresh, ``tail(fresh)`` bounds the probability of a sum
        as far off. All of them with the same draws; three times at most."""
        for _ in range(3):
            if not suspicions or not self.may_judge():
                return
            with self.clock():
                fresh = sample()
            words = "fresh draws were as far off, in the same direction"
            room = MOST_VERDICTS - self.n_verdicts
            suspicions = [
                (found, tail, what) for found, tail, what in suspicions[:room]
                if self.verdict(name, found, tail(fresh), what, "", words)
            ]  # fmt: skip


def cells(p, n):
    """Labels that put unlikely outcomes together until 5 of n draws are expected."""
    labels, cell, expected = np.zeros(len(p), int), 0, 0.0
    order = np.argsort(p, kind="stable")
    total = np.cumsum(p[order])
    if len(p) > 5000:  # of many outcomes 200 cells are plenty
        labels[order] = np.minimum(199, (total / total[-1] * 200).astype(int))
        return labels
    for i, share in zip(order, p[order]):
        labels[i] = cell
        expected += n * share
        if expected >= 5:
            cell, expected = cell + 1, 0.0
    if expected and cell:  # what is left over joins the last full cell
        labels[labels == cell] = cell - 1
    return labels


def blocks(n_vocab, n=16):
    """Labels that cut the vocabulary into n runs of ids."""
    return np.arange(n_vocab) * n // n_vocab


def _table(p, labels, counts, expected, names):
    """Seen for expected, the worst cells first, named by token."""
    off = np.abs(counts - expected) / np.sqrt(np.maximum(expected, 1e-9))
    parts = []
    for cell in np.argsort(-off)[:6]:
        ids = np.flatnonzero(labels == cell)
        title = names(ids) if names else _tokens(ids)
        parts.append(f"{title} {counts[cell]:.0f} for {expected[cell]:.1f}")
    return f"of {counts.sum():.0f} draws, seen for expected: " + ", ".join(parts)


def _tokens(ids):
    if len(ids) == 1:
        return f"token {ids[0]}:"
    shown = ", ".join(map(str, ids[:3].tolist())) + (", ..." if len(ids) > 3 else "")
    return f"tokens {shown}:"


def draw(f, row, rng, n, seconds=900):
    """n tokens of ``f(row, rng)``, as an array; a crash or a hang is a `Broken`."""
    tokens = np.empty(n, np.int64)
    example = as_code(row, "row")
    try:
        with time_limit(seconds):
            for i in range(n):
                tokens[i] = token_of(f(row.copy(), rng), len(row), example)
    except TookTooLong:
        raise Broken("no crash", f"{n} draws took over {seconds} s", example) from None
    except Broken:
        raise
    except Exception as error:
        wrong = f"{type(error).__name__}: {error}"
        raise Broken("no crash", wrong, example, error) from None
    return tokens


def seconds_each(sample):
    """How long each of the draws of ``sample(n)`` takes; never 0, to divide by."""
    sample(1)
    began = time.thread_time()
    sample(7)
    return max(1e-7, (time.thread_time() - began) / 7)


def token_of(value, n_vocab, example):
    """The token that was drawn, if it is one: an int, NumPy's or a tensor of one."""
    try:
        token = operator.index(value)
    except (TypeError, ValueError, RuntimeError):
        raise Broken("token", f"it returns {value!r:.100}", example) from None
    if not 0 <= token < n_vocab:
        raise Broken("possible", f"it draws {token}, of {n_vocab} tokens", example)
    return token


def check_law(outcomes, law, what=""):
    """Do these outcomes come from ``law``, ``{outcome: p}``? For outcomes that are
    there already; the checks can ask for fresh draws, and find more.

    Refuses when one outcome came too often or too seldom (exact binomial tails), or all
    together are too far from the law (`kl_tail`); a right sampler at most once in ten
    million times.
    """
    n, counts, what = len(outcomes), Counter(outcomes), what and f"{what}: "
    impossible = [outcome for outcome in counts if not law.get(outcome)]
    if impossible:
        raise AssertionError(
            f"'possible': {what}{impossible[0]} has probability 0 and was drawn"
        )
    kept = {outcome: p / sum(law.values()) for outcome, p in law.items() if p > 0}
    seen, p = np.array([counts[o] for o in kept]), np.array([*kept.values()])
    tails = [min(binomial_tail(k, n, q), binomial_tail(n - k, n, 1 - q))
             for k, q in zip(seen.tolist(), p.tolist())]  # fmt: skip
    labels = cells(p, n)
    pooled = kl_tail(np.bincount(labels, seen), np.bincount(labels, p))
    if min(2 * len(kept) * min(tails), pooled) < 5e-8:
        names = [*kept]
        table = _table(p, labels, np.bincount(labels, seen), np.bincount(labels, p) * n,
                       lambda ids: f"{names[ids[0]]}:")  # fmt: skip
        raise AssertionError(f"'law': {what}{table}")
