"""Min-p: keep what is not too much less likely than the likeliest.

    keep a token if  p(token) >= value * max p

The border moves with the model's certainty: if the best token has 90%, a value of 0.1
keeps what has 9% or more; if the best has 5%, what has 0.5% or more. Dividing both
sides by the softmax's denominator shows that no softmax is needed:

    logit >= max logit + log(value)

Paper: Nguyen et al., arXiv:2407.01082.
"""

import math

import numpy as np

from ... import decoding
from ...plain import softmax
from ..examples import floats
from ..grade import like, still_finite

NAME = "min_p"
STUB = '''
import numpy as np


def min_p(logits, value):
    """Keep the tokens with p >= value * max(p).

    logits: [n_vocab] -> [n_vocab], the same dtype, -inf where removed.
    0 < value <= 1.

    >>> min_p(np.log([0.3, 0.6, 0.1]), 0.4).round(2).tolist()
    [-1.2, -0.51, -inf]
    """
    raise NotImplementedError
'''
HINTS = [
    "The border is a share of the largest probability, value * p.max(), not value.",
    "With logits alone: logits - logits.max() >= math.log(value). Use >=, so that the "
    "likeliest stays even with value 1.",
]


def answer(logits, value):
    return decoding.min_p(logits, value)


SOLUTION = [decoding.min_p]


def kept(x, which):
    return np.where(which, x, np.asarray(-np.inf, x.dtype))


SYMPTOMS = {
    "The border is value itself; it should be "
    "value times the largest probability.": like(lambda x, v: kept(x, softmax(x) >= v)),
    "The border is value times the largest *logit*; probabilities are compared.": like(
        lambda x, v: kept(x, x >= v * x.max())
    ),
    "The border is the largest logit minus value; it is plus log(value).": like(
        lambda x, v: kept(x, x >= x.max() - v)
    ),
    "With value 1 nothing is left: a token at the border stays (>=).": (
        lambda got, e, x, v: not np.isfinite(got).any()
    ),
    "The unlikely tokens stay; the likely ones should.": (
        lambda got, e, x, v: not np.isfinite(got[np.argmax(x)])
    ),
    "Removed tokens must have the logit -inf: with "
    "a finite one they can still come.": still_finite,
    "These are probabilities; logits should come out as they went in.": (
        lambda got, e, x, v: (
            (got[np.isfinite(got)] >= 0) & (got[np.isfinite(got)] <= 1)
        ).all()
    ),
    "A kept token must keep its logit as it is.": lambda got, e, x, v: (
        (got[e > -np.inf] != x[e > -np.inf]).any()
        and np.isfinite(got[e > -np.inf]).all()
    ),
    "Too many tokens stay.": lambda got, e, x, v: (
        np.isfinite(got).sum() > np.isfinite(e).sum()
    ),
    "Too few tokens stay.": lambda got, e, x, v: (
        np.isfinite(got).sum() < np.isfinite(e).sum()
    ),
}


def valid(logits, value):
    """Away from the border, where rounding decides."""
    if not 0 < value <= 1:
        return False
    distance = np.abs(logits.astype(np.float64) - logits.max() - math.log(value))
    return bool(((distance > 1e-4) | (logits == logits.max())).all())


def cases():
    for text, value in [
        ([0.7, 0.3], 0.5), ([0.3, 0.7], 0.3), ([0.3, 0.6, 0.1], 0.4), ([0.6, 0.4], 1.0),
        ([0.05, 0.04, 0.9, 0.01], 0.05), ([0.22, 0.2, 0.3, 0.28], 0.5),
    ]:  # fmt: skip
        yield np.log(text).astype(np.float32), value
    for seed, n in enumerate([1, 2, 3, 5, 8]):
        for value in 0.02, 0.1, 0.5, 1.0:
            x = floats(seed + 20, n)
            if valid(x, value):
                yield x, value
    yield np.array([0.0, -np.inf, 1.0], np.float32), 0.3
    yield np.array([1000.0, 999.0, 0.0], np.float32), 0.1
    yield np.array([-1000.0, -999.0, -1010.0], np.float32), 0.1
    yield floats(3, 7, dtype=np.float64), 0.2
