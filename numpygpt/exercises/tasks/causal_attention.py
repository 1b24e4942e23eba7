"""Causal attention, one head: each token takes a mean of the values it may see.

Each token has a query (a question), a key (a label) and a value (a content). A query is
compared with every key by a dot product; softmax makes weights of the scores; the
result is the mean of the values with these weights:

    softmax(q @ k.T / sqrt(d_head) + mask) @ v

Divide by sqrt(d_head), since a dot product of d_head terms grows like that, and large
scores would give all the weight to one token.

The mask: token i may look at the tokens 0 to i, itself among them, and not at what
comes after. It is added to the scores: 0 where looking is allowed, -inf where not,
since exp(-inf) is exactly 0. A large negative number in its place is not the same:
with large scores it can be too small, and what is forbidden shines through.
"""

import math

import numpy as np

from ... import plain
from ..examples import floats
from ..grade import like

NAME = "causal_attention"
STUB = '''
import math

import numpy as np


def causal_attention(q, k, v):
    """One head of causal attention.

    q, k, v: [n_tok, d_head] -> [n_tok, d_head], the same dtype.

    >>> v = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> q = k = np.zeros((2, 2))              # all scores equal: plain means
    >>> causal_attention(q, k, v).tolist()    # token 0 sees itself, token 1 both
    [[1.0, 0.0], [0.5, 0.5]]
    """
    raise NotImplementedError
'''
HINTS = [
    "The scores are [n_tok, n_tok]: row i is what token i's query says to every key. "
    "softmax works on the rows.",
    "np.triu(array, k=1) of an array full of -inf keeps what is above the diagonal and "
    "makes the rest 0; multiplying a 0/1 mask by -inf gives NaN where it is 0. The "
    "diagonal itself must stay visible: a token sees itself.",
    "Scale first, then add the mask, then softmax (with the row's maximum subtracted), "
    "then @ v. np.full((n, n), -np.inf, q.dtype) keeps float32.",
]


def attend(q, k, v, first=1, scale=None, axis=-1):
    scores = q @ k.T
    mask = np.triu(np.full(scores.shape, -np.inf, q.dtype), k=first)
    scale = math.sqrt(q.shape[-1]) if scale is None else scale(q.shape[-1])
    scores = scores / scale + mask
    e = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True) @ v


def answer(q, k, v):
    return (
        plain.softmax(
            q @ k.T / math.sqrt(q.shape[-1])
            + np.triu(np.full((len(q), len(q)), -np.inf, q.dtype), k=1)
        )
        @ v
    )


SOLUTION = [plain.attention]


def with_mask(q, k, v, mask):
    return plain.softmax(q @ k.T / math.sqrt(q.shape[-1]) + mask) @ v


def multiplied(q, k, v):
    return plain.softmax(np.tril(q @ k.T / math.sqrt(q.shape[-1]))) @ v


def zeroed(q, k, v):
    return np.tril(plain.softmax(q @ k.T / math.sqrt(q.shape[-1]))) @ v


def future_leaks(got, expected, q, k, v):
    """Does a change of the last token's value show where it may not?"""
    return not np.allclose(got[:-1], expected[:-1], atol=1e-3)


SYMPTOMS = {
    "A token does not see itself: the mask covers the diagonal, too. Token 0 then has "
    "nothing to look at, and its softmax is 0 / 0.": lambda got, expected, *args: (
        np.isnan(got[0]).all() and not np.isnan(got[1:]).any()
    ),
    "NaN: scores are large, and exp overflows. Subtract each row's maximum.": (
        lambda got, expected, q, k, v: (
            np.isnan(got).any() and np.abs(q @ k.T).max() > 80
        )
    ),
    "NaN everywhere: 0 * -inf is NaN, so a mask of ones and zeros cannot be multiplied "
    "by -inf. Use np.where, or np.triu of an array full of -inf.": (
        lambda got, expected, *args: np.isnan(got).all()
    ),
    "With large scores the future shines through: the mask is a finite number and too "
    "small here. -np.inf never is.": lambda got, expected, q, k, v: (
        np.abs(q @ k.T).max() > 30 and future_leaks(got, expected, q, k, v)
    ),
    "There is no mask: every token sees all of them.": like(
        lambda q, k, v: with_mask(q, k, v, 0)
    ),
    "The mask hides the past and shows the future: it is upside down.": like(
        lambda q, k, v: with_mask(
            q, k, v, np.tril(np.full((len(q),) * 2, -np.inf, q.dtype), -1)
        )
    ),
    "Each token sees one token of the future: the "
    "mask begins one place too late.": like(lambda *args: attend(*args, first=2)),
    "The scores are not divided by sqrt(d_head).": like(
        lambda *args: attend(*args, scale=lambda d: 1)
    ),
    "The scores are divided by d_head, not by its root.": like(
        lambda *args: attend(*args, scale=lambda d: d)
    ),
    "The scores are divided by sqrt(n_tok); it is sqrt(d_head).": like(
        lambda q, k, v: attend(q, k, v, scale=lambda d: math.sqrt(len(q)))
    ),
    "The future's scores are set to 0, not to -inf: exp(0) is 1, so it still has "
    "weight.": like(multiplied),
    "The weights of the future are removed after the softmax, so the rest no longer "
    "sums to 1.": like(zeroed),
    "softmax runs down the columns; a query's weights are a row.": like(
        lambda *args: attend(*args, axis=0)
    ),
}


def cases():
    for seed, (n_tok, d) in enumerate([(1, 2), (2, 1), (2, 2), (3, 2), (4, 3), (5, 8)]):
        yield tuple(floats(10 * seed + i, n_tok, d) for i in range(3))
    q = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]], np.float32)
    yield q, q, floats(1, 3, 2)
    large = np.array([[100.0], [-100.0]], np.float32)
    yield large, np.array([[-9.0], [9.0]], np.float32), floats(1, 2, 1)
    # the allowed score is far below the forbidden one
    far = np.array([[300.0], [300.0]], np.float32)
    yield far, np.array([[-200.0], [200.0]], np.float32), floats(1, 2, 1)
    # and so far that -1e9 does not hide it
    far = np.array([[1e5], [1e5]], np.float32)
    yield far, np.array([[-1e5], [1e5]], np.float32), floats(1, 2, 1)
    yield tuple(floats(i, 3, 4, dtype=np.float64) for i in range(3))
