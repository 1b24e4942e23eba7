"""Top-p: the smallest set of likely tokens that has at least the probability p.

Top-k keeps as many tokens where one is certain as where a hundred are equally good.
Top-p (nucleus sampling) counts probability instead: go through the tokens from the
likeliest down and keep them until their probabilities sum to p or more.

The token that crosses the border stays. Otherwise the set could be empty: with p = 0.9
and a token that has 0.95. And its mass would be less than p, which is not what was
asked for. Once the sum is p, the set is complete. Of equal tokens, as few stay as are
needed; which of them is left open. What stays keeps its logit and its place.

Paper: Holtzman et al., arXiv:1904.09751.
"""

import functools

import numpy as np

from ... import decoding
from ...plain import softmax
from ..examples import floats
from ..grade import like, same, still_finite

NAME = "top_p"
STUB = '''
import numpy as np


def top_p(logits, p):
    """Keep the smallest set of most likely tokens with a probability of at least p.

    logits: [n_vocab] -> [n_vocab], the same dtype, -inf where removed. 0 < p < 1.

    >>> top_p(np.log([0.3, 0.5, 0.2]), 0.6).round(2).tolist()
    [-1.2, -0.69, -inf]
    """
    raise NotImplementedError
'''
HINTS = [
    "Probabilities first: softmax of the logits. order = np.argsort(-probabilities) "
    "are the ids from the likeliest down.",
    "A token stays if the mass *before* it is still below p: cumsum minus its own "
    "probability. That keeps the one that crosses.",
    "Put the answer back in place: kept[order] = ..., then "
    "np.where(kept, logits, -np.inf).",
]


def answer(logits, p):
    return decoding.top_p(logits, p)


SOLUTION = [decoding.top_p]


def use(function):
    """Which of equal tokens stay is open: they are graded as if the first did."""

    @functools.wraps(function)
    def first_of_equals(logits, p):
        x = logits.copy()
        got = function(logits, p)
        if not isinstance(got, np.ndarray) or got.shape != x.shape:
            return got
        out = got.copy()
        for value in np.unique(x):
            out[x == value] = np.sort(out[x == value])[::-1]
        return out

    return first_of_equals


def nucleus(x, p, before=True, descending=True, unsorted=True, probs=softmax):
    probabilities = probs(x.astype(np.float64))
    order = np.argsort(-probabilities if descending else probabilities, kind="stable")
    ranked = probabilities[order]
    mass = np.cumsum(ranked) - (ranked if before else 0)
    kept = mass < p if before else mass <= p
    out = np.zeros(len(x), bool)
    out[order if unsorted else np.arange(len(x))] = kept
    return np.where(out, x, np.asarray(-np.inf, x.dtype))


def of_logits(got, expected, x, p):
    """Does it look as if the logits were summed?"""
    return any(
        same(nucleus(x, p, before=before, probs=lambda x: x), got)
        for before in (True, False)
    )


def one_more(x, p):
    """A set that has p exactly gets one token more."""
    return nucleus(x, np.nextafter(p, 1))


def all_equals(x, p):
    kept = nucleus(x, p)
    return np.where(x >= kept[kept > -np.inf].min(), x, np.asarray(-np.inf, x.dtype))


SYMPTOMS = {
    "A set that has p exactly gets one token more, although it was complete: compare "
    "with <, not <=.": like(one_more),
    "All of the equal tokens at the border stay; only as many as are needed should.": (
        like(all_equals)
    ),
    "The token that crosses the border is removed: the kept ones have less than p, or "
    "none is left at all.": like(lambda x, p: nucleus(x, p, before=False)),
    "The logits themselves are summed; make probabilities of them first (softmax).": (
        of_logits
    ),
    "It begins with the unlikeliest tokens; the likeliest come first.": like(
        lambda x, p: nucleus(x, p, descending=False)
    ),
    "The decision is made in sorted order but not "
    "put back: the wrong tokens stay.": like(
        lambda x, p: nucleus(x, p, unsorted=False)
    ),
    "The kept logits are in sorted order; each token keeps its own place.": (
        lambda got, e, x, p: np.array_equal(np.sort(got), np.sort(e))
    ),
    "This keeps every token whose own probability is at least p.": like(
        lambda x, p: np.where(softmax(x) >= p, x, np.asarray(-np.inf, x.dtype))
    ),
    "Nothing is left.": lambda got, e, x, p: not np.isfinite(got).any(),
    "These are probabilities; logits should come out as they went in.": (
        lambda got, e, x, p: np.isclose(got.sum(), 1, atol=1e-4) and (got >= 0).all()
    ),
    "Removed tokens must have the logit -inf: with "
    "a finite one they can still come.": still_finite,
    "A kept token must keep its logit as it is.": lambda got, e, x, p: (
        (got[e > -np.inf] != x[e > -np.inf]).any()
        and np.isfinite(got[e > -np.inf]).all()
    ),
    "Too many tokens stay: a smaller set has p already.": lambda got, e, x, p: (
        np.isfinite(got).sum() > np.isfinite(e).sum()
    ),
    "Too few tokens stay: what is kept has less than p.": lambda got, e, x, p: (
        np.isfinite(got).sum() < np.isfinite(e).sum()
    ),
}


def valid(logits, p):
    """Away from the borders, where rounding decides, and from ties."""
    x = logits.astype(np.float64)
    mass = np.cumsum(np.sort(softmax(x))[::-1])
    return (
        0 < p < 1 and len(set(logits.tolist())) == len(logits)
        and np.abs(mass - p).min() > 1e-4
    )  # fmt: skip


def cases():
    for text, p in [
        ([0.3, 0.7], 0.5), ([0.7, 0.3], 0.9), ([0.3, 0.5, 0.2], 0.6),
        ([0.2, 0.3, 0.5], 0.4), ([0.04, 0.95, 0.01], 0.9), ([0.1, 0.2, 0.3, 0.4], 0.8),
    ]:  # fmt: skip
        yield np.log(text).astype(np.float32), p
    for n in 2, 4:  # equal tokens, and a sum that is p exactly
        yield np.zeros(n, np.float32), 0.5
        yield np.zeros(n, np.float64), 0.5
    for seed, n in enumerate([2, 3, 5, 8]):
        for p in 0.1, 0.5, 0.9, 0.99:
            x = floats(seed + 20, n) + np.arange(n, dtype=np.float32) / 64
            if valid(x, p):
                yield x, p
    yield np.array([0.0, -np.inf, 1.0], np.float32), 0.9
    yield np.array([1000.0, 999.0, 0.0], np.float32), 0.9
    yield floats(3, 7, dtype=np.float64), 0.75
