"""Top-k: only the k most likely tokens may come.

Drawing from softmax(logits) as it stands makes odd mistakes: fifty thousand unlikely
tokens have, together, a good chance. A filter sets the logits of what may not come to
-inf, so that their probability is exactly 0. What stays keeps its logit.

Two details. Tokens that tie with the k-th all stay, as in transformers: which of them
should go? And the caller's logits are not written to.

Paper: Fan et al., arXiv:1805.04833.
"""

import numpy as np

from ... import decoding
from ..examples import floats
from ..grade import like, still_finite

NAME = "top_k"
STUB = '''
import numpy as np


def top_k(logits, k):
    """Keep the k largest logits of a row; the others become -inf.

    logits: [n_vocab] -> [n_vocab], the same dtype; k: an int from 1. A k above n_vocab
    keeps all. Ties with the k-th largest stay.

    >>> top_k(np.array([1.0, 3.0, 2.0, 0.0]), 2).tolist()
    [-inf, 3.0, 2.0, -inf]
    """
    raise NotImplementedError
'''
HINTS = [
    "What is the k-th largest value? np.sort(logits) ascends, so it is the k-th from "
    "the end.",
    "np.where(logits >= border, logits, -np.inf) keeps what is not below the border, "
    "ties too, and makes a new array.",
]


def answer(logits, k):
    return decoding.top_k(logits, k)


SOLUTION = [decoding.top_k]


def keep(logits, kept, removed=-np.inf):
    return np.where(kept, logits, np.asarray(removed, logits.dtype))


SYMPTOMS = {
    "Removed tokens must have the logit -inf: with "
    "a finite one they can still come.": still_finite,
    "The smallest stay; the largest should.": like(
        lambda x, k: keep(x, x <= np.sort(x)[:k][-1])
    ),
    "A token that ties with the k-th largest is removed; it should stay.": (
        lambda got, expected, x, k: (
            len(set(x)) < len(x)
            and np.isfinite(got).sum() < np.isfinite(expected).sum()
            and np.isfinite(got).any()
            and got[np.isfinite(got)].min() >= expected[np.isfinite(expected)].min()
            and np.isfinite(got).sum() in (k, (x > np.sort(x)[-k:][0]).sum())
        )
    ),
    "One too few stays.": lambda got, expected, x, k: (
        np.isfinite(got).sum() == np.isfinite(expected).sum() - 1
    ),
    "One too many stays.": lambda got, expected, x, k: (
        np.isfinite(got).sum() == np.isfinite(expected).sum() + 1
    ),
    "The kept logits are in other places: each token keeps its own.": (
        lambda got, expected, x, k: np.array_equal(np.sort(got), np.sort(expected))
    ),
    "A kept token must keep its logit as it is.": lambda got, expected, x, k: (
        got[expected > -np.inf] != x[expected > -np.inf]
    ).any(),
}


def valid(logits, k):
    return k >= 1 and logits.max() > -np.inf


def cases():
    for seed, n in enumerate([1, 2, 3, 4, 6]):
        x = floats(seed, n) + np.arange(n, dtype=np.float32) / 64  # no ties
        for k in range(1, n + 2):
            yield x, k
    yield np.array([1.0, 1.0], np.float32), 1
    yield np.array([2.0, 1.0, 1.0, 0.0], np.float32), 2
    yield np.array([0.0, -np.inf, 1.0], np.float32), 2
    yield np.array([-5.0, -7.0, -6.0], np.float32), 2
    yield floats(9, 8, dtype=np.float64), 3
