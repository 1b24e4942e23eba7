"""Sampling a token with one uniform number.

Lay the probabilities end to end on a line of length 1: token 0 has the stretch from 0
to p0, token 1 the next, and so on. A number u, uniform between 0 and 1, falls on a
token's stretch with just that token's probability. So

    the token is the first one whose cumulative sum exceeds u.

"Exceeds", not "reaches": u may be 0, and then a token of probability 0 at the beginning
must not come. And the sum of all may be a little less than 1, because of rounding: a u
behind the end must still give a token that can come, the last such one.
"""

import numpy as np

from ... import decoding
from ..examples import probabilities
from ..grade import like

NAME = "sample_token"
STUB = '''
import numpy as np


def sample_token(p, u):
    """The token on whose stretch u falls, an int.

    p: [n_vocab], probabilities, float64; u: 0 <= u < 1.

    >>> [sample_token(np.array([0.5, 0.0, 0.5]), u) for u in (0.0, 0.49, 0.5, 0.99)]
    [0, 0, 2, 2]
    """
    raise NotImplementedError
'''
HINTS = [
    "np.cumsum(p) are the right ends of the stretches. How many of them are at most u?",
    "np.searchsorted(ends, u, side='right') counts the ends that are <= u. With "
    "side='left' it counts those < u, which is another rule at the borders.",
    "If u is behind the last end, take the last token whose probability is not 0: "
    "np.flatnonzero(p)[-1].",
]


def answer(p, u):
    at = int(np.searchsorted(np.cumsum(p), u, side="right"))
    return at if at < len(p) else int(np.flatnonzero(p)[-1])


SOLUTION = [decoding.sampling.sample_token]


SYMPTOMS = {
    "A token of probability 0 comes out: that must never happen.": (
        lambda got, e, p, u: 0 <= got < len(p) and p[int(got)] == 0
    ),
    "An id outside the vocabulary: u can fall behind the last cumulative sum, which "
    "may be a little less than 1.": lambda got, e, p, u: not 0 <= got < len(p),
    "u behind the last cumulative sum gives the first token; it should give the last "
    "one that can come.": lambda got, e, p, u: u >= np.cumsum(p)[-1] and got != e,
    "At the very border of two stretches u belongs to the right one: the sum must "
    "exceed u, not reach it.": lambda got, e, p, u: u in np.cumsum(p) and got != e,
    "This is the likeliest token whatever u is; that is greedy decoding.": (
        lambda got, e, p, u: got == np.argmax(p)
    ),
    "It is the token before the right one.": lambda got, e, p, u: got == e - 1,
    "It is the token behind the right one.": lambda got, e, p, u: got == e + 1,
    "The probabilities seem to be compared with u "
    "one by one; lay them end to end.": like(lambda p, u: int(np.argmax(p > u))),
}


def valid(p, u):
    return 0 <= u < 1 and (p >= 0).all() and 0.98 < p.sum() <= 1 + 1e-9


def cases():
    for p in (
        [1.0], [0.5, 0.5], [0.0, 1.0], [1.0, 0.0], [0.25, 0.5, 0.25], [0.5, 0.0, 0.5],
        [0.0, 0.5, 0.0, 0.5, 0.0],
    ):  # fmt: skip
        for u in 0.0, 0.2, 0.25, 0.5, 0.6, 0.75, 0.99:
            yield np.array(p), u
    for seed, n in enumerate([3, 5, 9]):
        for u in 0.1, 0.37, 0.81, 0.999:
            yield probabilities(seed, n), u
    yield np.array([0.3, 0.3, 0.39]), 0.995
    yield np.array([0.3, 0.69, 0.0]), 0.995
