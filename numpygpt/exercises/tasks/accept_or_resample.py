"""Speculative decoding's one step: accept a guess, or draw again.

A small, quick model guesses a token; it drew it from its own distribution q. The large
model would have drawn from p. The result must be distributed exactly by p, as if nobody
had guessed:

- accept the guess with probability min(1, p(token) / q(token));
- if it is refused, draw from what q gave too little of: max(p - q, 0), scaled so that
  it sums to 1.

Then a token comes out in two ways, as an accepted guess, min(p, q), or as a second
draw, max(p - q, 0), and both together are p.

The two uniform numbers are given: u decides about the guess, v draws the second token
(as in the exercise sample_token: the first whose cumulative sum exceeds v). Since u is
below 1, u < p / q says the same as u < min(1, p / q): the code needs no min.

Papers: Leviathan et al., arXiv:2211.17192; Chen et al., arXiv:2302.01318.
"""

import numpy as np

from ...decoding.search import speculative
from ..examples import probabilities
from .sample_token import answer as sample_token

NAME = "accept_or_resample"
STUB = '''
import numpy as np


def accept_or_resample(p, q, token, u, v):
    """The guess, or another token, so that the result is distributed by p.

    p, q: [n_vocab], float64 probabilities; token: an int drawn from q, so q[token] > 0;
    u, v: uniform, 0 <= u, v < 1. -> an int.

    >>> p, q = np.array([0.5, 0.5]), np.array([1.0, 0.0])
    >>> accept_or_resample(p, q, 0, 0.2, 0.9)      # 0.2 < 0.5 / 1: accepted
    0
    >>> accept_or_resample(p, q, 0, 0.8, 0.9)      # refused: only 1 got too little
    1
    """
    raise NotImplementedError
'''
HINTS = [
    "Accept if u < p[token] / q[token]. With <, a u of 0 does not accept a token that "
    "p can never give.",
    "rest = np.maximum(p - q, 0) holds what q gave too little of; rest / rest.sum() "
    "are probabilities.",
    "Draw from the rest with v: the first token whose cumulative sum exceeds v.",
]


def answer(p, q, token, u, v):
    if u * q[token] < p[token]:
        return token
    rest = np.maximum(p - q, 0)
    return sample_token(rest / rest.sum(), v)


SOLUTION = [speculative.accept_or_redraw]


def refused(p, q, token, u):
    return u * q[token] >= p[token]


def drawn(p, v):
    return sample_token(p / p.sum(), v)


def rest_drawn(p, q, v, side="right"):
    """Drawn from what q gave too little of, with v on a border to the right or left."""
    ends = np.cumsum(np.maximum(p - q, 0))
    return int(np.searchsorted(ends / ends[-1], v, side=side)) if ends[-1] else None


def swapped(got, expected, p, q, token, u, v):
    """Does it look as if the ratio were q / p?"""
    return got == (token if u * p[token] < q[token] else rest_drawn(p, q, v))


def unscaled(p, q, v):
    """What may come of it if the rest is not made to sum to 1."""
    ends = np.cumsum(np.maximum(p - q, 0))
    at = int(np.searchsorted(ends, v, side="right"))
    return {at, min(at, len(p) - 1), int(np.argmax(ends > v))}


SYMPTOMS = {
    "With v on a border it takes the token before, which may have no probability: the "
    "sum must exceed v, so side='right'.": lambda got, e, p, q, token, u, v: (
        refused(p, q, token, u) and got == rest_drawn(p, q, v, side="left") != e
    ),
    "After a refusal it draws from p again; then tokens that q likes come too often. "
    "Draw from max(p - q, 0).": lambda got, e, p, q, token, u, v: (
        refused(p, q, token, u) and got == drawn(p, v) != e
    ),
    "After a refusal it draws from |p - q|: where q gave too much, nothing is due.": (
        lambda got, e, p, q, token, u, v: (
            refused(p, q, token, u) and got == drawn(np.abs(p - q), v) != e
        )
    ),
    "After a refusal it draws from max(p - q, 0) without scaling it to sum to 1.": (
        lambda got, e, p, q, token, u, v: (
            refused(p, q, token, u) and got in unscaled(p, q, v)
        )
    ),
    "After a refusal it draws from q.": lambda got, e, p, q, token, u, v: (
        refused(p, q, token, u) and got == drawn(q, v) != e
    ),
    "With u = 0 a token that p can never give is accepted: compare with <, not <=.": (
        lambda got, e, p, q, token, u, v: u == 0 == p[token] and got == token
    ),
    "The guess is refused where it should be accepted.": (
        lambda got, e, p, q, token, u, v: not refused(p, q, token, u)
    ),
    "The guess is accepted where it should be refused: the chance is p / q.": (
        lambda got, e, p, q, token, u, v: refused(p, q, token, u) and got == token
    ),
    "After a refusal it draws from max(q - p, 0): that is what q gave too much of. "
    "Draw from max(p - q, 0).": lambda got, e, p, q, token, u, v: (
        refused(p, q, token, u) and got == rest_drawn(q, p, v)
    ),
    "The ratio is upside down: p[token] / q[token].": swapped,
    "The second token is not the one on whose stretch v falls.": (
        lambda got, e, p, q, token, u, v: refused(p, q, token, u)
    ),
}


def valid(p, q, token, u, v):
    return (
        0 <= u < 1 and 0 <= v < 1 and token < len(q) and q[token] > 0
        and all(np.isclose(x.sum(), 1) and (x >= 0).all() for x in (p, q))
        and (u == 0 or not np.isclose(u * q[token], p[token], rtol=1e-6))
    )  # fmt: skip


def cases():
    """All pairs with one (u, v), then with the next: the first failures differ."""
    pairs = [([0.5, 0.5], [1.0, 0.0]), ([0.25, 0.75], [0.75, 0.25]),
             ([0.0, 1.0], [0.5, 0.5]), ([0.0, 0.0, 1.0], [0.5, 0.5, 0.0]),
             ([0.5, 0.25, 0.25], [0.25, 0.25, 0.5]),
             ([0.1, 0.6, 0.3], [0.7, 0.2, 0.1])]  # fmt: skip
    pairs += [(probabilities(s, n), probabilities(s + 50, n)) for s, n in
              enumerate([3, 4, 6])]  # fmt: skip
    for u in 0.7, 0.15, 0.4, 0.95, 0.0:
        for v in 0.85, 0.45, 0.05, 0.0:
            for p, q in pairs:
                p, q = np.array(p), np.array(q)
                for token in np.flatnonzero(q).tolist():
                    if valid(p, q, token, u, v):
                        yield p, q, token, u, v
    for border in [0.5, 0.5, 0.0], [0.25, 0.25, 0.5]:  # exact in floating point
        yield np.array(border), np.array([0.0, 0.0, 1.0]), 2, 0.7, 0.5


def extra(function):
    """Is the result distributed by p? All guesses, on a grid of u and v."""
    p, q = np.array([0.2, 0.5, 0.3]), np.array([0.5, 0.3, 0.2])
    grid, got = (np.arange(40) + 0.5) / 40, np.zeros(3)
    for token in range(3):
        for u in grid:
            for v in grid:
                got[function(p.copy(), q.copy(), token, float(u), float(v))] += q[token]
    got /= len(grid) ** 2
    if np.abs(got - p).max() < 0.02:
        return None
    return f"The result is distributed as {got.round(3)}, not as p = {p}."
