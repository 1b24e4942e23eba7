"""A small fault that is everywhere: add up one score of every token that is drawn.

A sampler that takes the best token in place of a draw, one time in twenty, changes no
row enough to be seen there. But count how often the likeliest token came, in all rows
together: the surplus grows with the number of draws, chance only with its root. So
every token gets a score (1 for the likeliest, say, and 0 for the rest), and the sum is
compared with what it should be. Its probability is a score, too, and finds draws that
are colder than they should be. That also works for texts, where the law of a token
depends on those before it: the sum of (score - expected score) still has the mean 0.

The tail is bounded as for independent draws. For any number t, fixed before the draws,

    P(t * sum of scores - sum of log E[exp(t * score)] >= x) <= exp(-x)

since the exponential of the left side has the mean 1: each factor has, given what came
before (Chernoff, 1952; for such sums Freedman, 1975). Nothing is approximated.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .report import Statistic
from .statistics import normal_tail

__tracebackhide__ = True

SUSPICION = 2.6  # standard deviations; fresh draws decide
VERDICT = 6.07  # exp(-6.07 ** 2 / 2) = 1e-8: where the bound is best


@dataclass
class Case:
    """Outcomes that were drawn, as tokens drawn at places.

    A row of logits is one place, and a token an outcome; of a text every beginning is a
    place. ``token[i]`` is drawn at ``place[i]``, as a part of outcome ``outcome[i]``.
    """

    q: np.ndarray  # [n_place, n_vocab]: the law at every place
    before: np.ndarray  # [n_place]: the token before, or -1
    depth: np.ndarray  # [n_place]: how many tokens were drawn before
    outcome: np.ndarray
    place: np.ndarray
    token: np.ndarray
    first: np.ndarray  # outcomes that may raise a suspicion
    sample: Any  # n -> outcomes, fresh ones

    @classmethod
    def of_row(cls, q, tokens, sample):
        """One row of logits with the law ``q``."""
        ids, one = np.arange(len(q)), np.zeros(1, int)
        return cls(q[None], one - 1, one, ids, 0 * ids, ids, tokens, sample)

    @classmethod
    def of_texts(cls, texts, next_law, last, first, sample):
        """Texts, tuples of tokens; the prompt before them ends with ``last``."""
        begins = list(dict.fromkeys(t[:i] for t in texts for i in range(len(t))))
        number = {text: i for i, text in enumerate(begins)}
        steps = [
            (o, number[t[:i]], t[i]) for o, t in enumerate(texts) for i in range(len(t))
        ]
        q = np.array([next_law(text) for text in begins])
        before = np.array([text[-1] if text else last for text in begins])
        depth = np.array([len(text) for text in begins])
        return cls(q, before, depth, *np.array(steps).T, first, sample)

    def per_outcome(self, values):
        """The sum over the tokens of every outcome, of ``[n_place, n_vocab]``."""
        return np.bincount(self.outcome, values[self.place, self.token])

    def per_place(self, values):
        """The same of values that all tokens of a place share, ``[n_place]``."""
        return np.bincount(self.outcome, values[self.place])


def _rank(i):
    """1 for the token of this rank, 0 for the rest."""

    def score(case):
        n = np.maximum((case.q > 0).sum(axis=1), 1)
        at = np.minimum(i, n - 1) if i >= 0 else n - 1
        order = np.argsort(-case.q, axis=1, kind="stable")
        return _one(case, order[np.arange(len(at)), at])

    return score


def _one(case, ids):
    return (np.arange(case.q.shape[1]) == np.reshape(ids, (-1, 1))).astype(float)


def _surprise(case):
    """-log p, up to 10: larger where the draws are too hot, smaller where too cold."""
    return np.minimum(10.0, -np.log(np.where(case.q > 0, case.q, 1)))


SCORES = {
    "the likeliest token": _rank(0),
    "the second": _rank(1),
    "the third": _rank(2),
    "the least likely": _rank(-1),
    "the first id": lambda case: _one(case, np.argmax(case.q > 0, axis=1)),
    "the last id": lambda case: _one(
        case, case.q.shape[1] - 1 - np.argmax(case.q[:, ::-1] > 0, axis=1)
    ),
    "the surprise, -log p": _surprise,
    "the probability": lambda case: case.q / (case.q**2).sum(axis=1, keepdims=True),
    "the token before": lambda case: _one(case, case.before),
}
PARTS = {
    "": lambda case: case.depth >= 0,
    "at the first place, ": lambda case: case.depth == 0,
    "at the second place, ": lambda case: case.depth == 1,
    "from the third place on, ": lambda case: case.depth >= 2,
}


def check_scores(court, cases, seconds):
    """Every score, over all cases together. Fresh draws are four times as many, or as
    many as there is time for: the first took so many seconds."""
    times = min(4, max(0.5, 0.9 * court.seconds / max(seconds, 0.01)))
    parts = PARTS if any(case.depth.any() for case in cases) else {"": PARTS[""]}
    suspicions = []
    for part, at in parts.items():
        for name, score in SCORES.items():
            tables = [score(case) * at(case)[:, None] for case in cases]
            suspicions += _stage_one(court, part + name, cases, tables, times)
    suspicions.sort(key=lambda s: s[0].p)

    def sample():
        return [case.sample(int(times * len(case.first))) for case in cases]

    court.judge_sums("law", suspicions, sample)


def _stage_one(court, what, cases, tables, times):
    """Note the sum of one score; a suspicion, for `Court.judge_sums`, if it is off."""
    total, mean, variance = np.sum([*map(_moments, cases, tables)], axis=0)
    if variance < 1e-9:
        return
    z = float((total - mean) / np.sqrt(variance))
    n = sum(len(case.first) for case in cases)
    found = Statistic(what, n, z, 2 * normal_tail(abs(z)))
    court.note(found)
    if abs(z) < SUSPICION:
        return
    t = np.sign(z) * VERDICT / np.sqrt(times * variance)
    found.verdict = "suspicious, and no time for fresh draws"

    def tail(fresh):
        return np.exp(-max(0.0, sum(
            _exponent(*one, t) for one in zip(cases, tables, fresh)
        )))  # fmt: skip

    yield found, tail, f"{what}: {total:.1f} in sum where {mean:.1f} is right"


def _moments(case, scores):
    """The sum of the scores that were drawn, its mean and its variance."""
    mean = (case.q * scores).sum(axis=1)
    variance = (case.q * scores**2).sum(axis=1) - mean**2
    total = case.per_outcome(scores)[case.first].sum()
    return (total, case.per_place(mean)[case.first].sum(),
            case.per_place(variance)[case.first].sum())  # fmt: skip


def _exponent(case, scores, drawn, t):
    """``t * sum of scores - sum of log E[exp(t * score)]`` over the outcomes drawn."""
    log_mean = np.log((case.q * np.exp(t * scores)).sum(axis=1))
    gained = t * case.per_outcome(scores) - case.per_place(log_mean)
    return float(gained[drawn].sum())


FAULTS = {
    "the likeliest token in place of a draw": SCORES["the likeliest token"],
    "the least likely in place of a draw": SCORES["the least likely"],
    "any possible token alike": lambda case: (case.q > 0).astype(float),
}


def power(cases):
    """{fault: the least share of all draws that raises a suspicion in 99.9 % of the
    runs}: one that moves some score by 2.6 + 3.1 standard deviations."""
    found = {}
    for fault, law in FAULTS.items():
        found[fault] = 1.0
        for score in SCORES.values():
            moved, variance = 0.0, 0.0
            for case in cases:
                other, scores = law(case), score(case)
                other = other / other.sum(axis=1, keepdims=True)
                change = ((other - case.q) * scores).sum(axis=1)
                moved += case.per_place(change)[case.first].sum()
                variance += _moments(case, scores)[2]
            if abs(moved) > 1e-9:
                share = (SUSPICION + 3.1) * np.sqrt(variance) / abs(moved)
                found[fault] = min(found[fault], float(share))
    return found
