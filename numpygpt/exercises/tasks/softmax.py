"""Softmax: scores in, weights out that are positive and sum to 1.

    softmax(x)_i = exp(x_i) / sum_j exp(x_j)

Attention uses it to weigh values, sampling to make probabilities of logits. Written as
it stands it breaks: exp(100) is infinity in float32, and infinity / infinity is NaN.
The cure costs one subtraction: adding the same number to all scores of a row changes
nothing in the quotient, so the largest score of the row can be made 0.

A score of -inf means "never": it must get the weight 0 exactly.
"""

import numpy as np

from ... import plain
from ..examples import floats
from ..grade import like

NAME = "softmax"
STUB = '''
import numpy as np


def softmax(x):
    """Each row of scores -> weights that sum to 1. Rows lie along the last axis.

    x: [..., n] -> [..., n], the same dtype. Scores may be large, and -inf.

    >>> softmax(np.array([[0.0, 1.0], [1000.0, -np.inf]])).round(3).tolist()
    [[0.269, 0.731], [1.0, 0.0]]
    """
    raise NotImplementedError
'''
HINTS = [
    "Work along axis=-1, and give keepdims=True to max and sum: then their results "
    "still fit the rows they came from.",
    "Subtract the row's own largest score before exp. Then the largest exponent is 0 "
    "and nothing overflows.",
    "e = np.exp(x - <the row's maximum>); the result is e / <the row's sum of e>.",
]
answer = plain.softmax
SOLUTION = [plain.softmax]


def along(axis):
    def wrong(x):
        e = np.exp(x - x.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True)

    return wrong


def naive(x):
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


def whole_maximum(x):
    e = np.exp(x - x.max())
    return e / e.sum(axis=-1, keepdims=True)


def no_keepdims(x):
    e = np.exp(x - x.max(axis=-1))
    return e / e.sum(axis=-1)


def sums_to_one(got):
    return np.allclose(got.sum(axis=-1), 1, atol=1e-3)


SYMPTOMS = {
    "It overflows: exp of a large score is infinite, and inf / inf is NaN. The result "
    "does not change if a number is subtracted from all scores of a row.": like(naive),
    "A row of scores far below the others comes out as NaN or 0: each row needs its "
    "own maximum subtracted, not that of the whole array.": like(whole_maximum),
    "The maximum or the sum of one row is used for another: with keepdims=True they "
    "stay with their rows.": like(no_keepdims),
    "The columns sum to 1, but rows should: "
    "the axis is the last one.": lambda g, e, x: x.ndim > 1 and like(along(0))(g, e, x),
    "The whole array sums to 1, but every row should by itself.": lambda got, _, x: (
        got.ndim > 1 and np.isclose(got.sum(), 1) and not sums_to_one(got)
    ),
    "A score of -inf must get the weight 0.": lambda got, expected, x: (
        np.isnan(got[x == -np.inf]).any() or (got[x == -np.inf] != 0).any()
    ),
    "Some weights are negative.": lambda got, expected, x: (got < 0).any(),
    "The rows do not sum to 1.": lambda got, expected, x: not sums_to_one(got),
    "A score that is larger by 1 should weigh e = 2.718 times as much.": (
        lambda got, expected, x: sums_to_one(got)
    ),
}


def valid(x):
    return bool((x.max(axis=-1) > -np.inf).all())


def cases():
    for seed, shape in enumerate([(1,), (2,), (3,), (1, 2), (2, 2), (2, 3), (3, 2)]):
        yield (floats(seed, *shape),)
    yield (floats(8, 2, 3, 4),)
    yield (np.array([0.0, -np.inf, 1.0], np.float32),)
    yield (np.array([500.0, 499.0], np.float32),)
    yield (np.array([-500.0, -501.0], np.float32),)
    yield (np.array([[200.0, 199.0], [0.0, 1.0]], np.float32),)
    yield (floats(9, 3, 5, dtype=np.float64),)
