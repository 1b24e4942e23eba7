"""Layer norm: every row brought to mean 0 and variance 1.

The residual stream grows as block after block adds to it. A norm in front of every
layer gives the layer numbers of the same size at every depth:

    weight * (x - mean) / sqrt(variance + 1e-5) + bias

The mean and the variance are those of a row, over its n numbers: a token is normed by
itself. The variance is the mean of the squared distances, so it divides by n. (Dividing
by n - 1 estimates the variance of a population from a sample; nothing is estimated
here.) The 1e-5 stands under the root, so that a row of equal numbers is not 0 / 0.
weight and bias, one number for each of the n, were learned.

Paper: Ba et al., arXiv:1607.06450.
"""

import numpy as np

from ... import plain
from ..examples import floats
from ..grade import like, same

NAME = "layer_norm"
STUB = '''
import numpy as np


def layer_norm(x, weight, bias):
    """Norm each row, then stretch and shift it.

    x: [n_tok, n_embd]; weight, bias: [n_embd]. -> [n_tok, n_embd], x's dtype.

    >>> x = np.array([[1.0, 3.0], [10.0, 30.0]])
    >>> layer_norm(x, np.ones(2), np.zeros(2)).round(3).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """
    raise NotImplementedError
'''
HINTS = [
    "x.mean(axis=-1, keepdims=True) is [n_tok, 1], and [n_tok, n_embd] minus "
    "[n_tok, 1] subtracts each row's own mean.",
    "x.var divides by n unless it is told otherwise (ddof).",
    "The 1e-5 is added to the variance, before the root is taken. weight multiplies, "
    "bias is added last.",
]
answer = plain.layer_norm
SOLUTION = [plain.layer_norm]


def normed(x, axis=-1, ddof=0, inside=1e-5, outside=0.0):
    mean = x.mean(axis=axis, keepdims=True)
    variance = x.var(axis=axis, keepdims=True, ddof=ddof)
    return (x - mean) / (np.sqrt(variance + inside) + outside)


def without_keepdims(got, expected, x, w, b):
    """Is a row's mean, variance or both taken for a column's?"""
    means = x.mean(-1, keepdims=True), x.mean(-1)
    variances = x.var(-1, keepdims=True), x.var(-1)
    return any(
        same(w * (x - means[i]) / np.sqrt(variances[j] + 1e-5) + b, got)
        for i, j in ((1, 1), (1, 0), (0, 1))
    )


SYMPTOMS = {
    "Each column gets a row's mean or variance: with keepdims=True the mean is "
    "[n_tok, 1] and belongs to its row.": without_keepdims,
    "The variance divides by n - 1; layer norm's divides by n.": like(
        lambda x, w, b: w * normed(x, ddof=1) + b
    ),
    "The columns are normed, but a row (a token) should be, by itself.": like(
        lambda x, w, b: w * normed(x, axis=0) + b
    ),
    "One mean and variance of the whole array are used; every row has its own.": like(
        lambda x, w, b: w * normed(x, axis=None) + b
    ),
    "The 1e-5 under the root is missing: a row of equal numbers would be 0 / 0.": like(
        lambda x, w, b: w * normed(x, inside=0) + b
    ),
    "The 1e-5 is not under the root: it is added to the standard deviation.": like(
        lambda x, w, b: w * normed(x, inside=0, outside=1e-5) + b
    ),
    "It divides by the variance, not by its root.": like(
        lambda x, w, b: (
            w * (x - x.mean(-1, keepdims=True)) / (x.var(-1, keepdims=True) + 1e-5) + b
        )
    ),
    "The bias is multiplied by the weight too: it is added last.": like(
        lambda x, w, b: w * (normed(x) + b)
    ),
    "weight and bias are not used.": like(lambda x, w, b: normed(x)),
    "The bias is not used.": like(lambda x, w, b: w * normed(x)),
    "The weight is not used.": like(lambda x, w, b: normed(x) + b),
    "The mean is not subtracted.": like(
        lambda x, w, b: w * x / np.sqrt(x.var(-1, keepdims=True) + 1e-5) + b
    ),
}


def cases():
    for seed, (n_tok, n) in enumerate([(1, 2), (1, 3), (2, 2), (2, 3), (3, 5)]):
        x, weight, bias = floats(seed, n_tok, n), floats(90, n), floats(91, n)
        yield x, np.ones(n, np.float32), np.zeros(n, np.float32)
        yield x, weight, bias
    yield np.full((1, 3), 2.5, np.float32), floats(90, 3), floats(91, 3)
    tiny = floats(7, 2, 4) / 300  # here it matters where the 1e-5 stands
    yield tiny, floats(90, 4), floats(91, 4)
    yield tuple(floats(s, *shape, dtype=np.float64) for s, shape in
                enumerate([(2, 6), (6,), (6,)]))  # fmt: skip
