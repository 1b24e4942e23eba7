"""The loss: how surprised is a model by a text?

Row i of a model's logits is its guess at token i + 1. So the targets are the ids moved
by one place: row 0 is compared with ids[1], row 1 with ids[2], and the last row, which
guesses at a token that nobody has, with nothing. A text of n tokens gives n - 1 terms:

    loss = mean of -log softmax(logits[i])[ids[i + 1]]

in nats (the natural logarithm). Training makes this number small. A model that knows
nothing gives every token the probability 1 / n_vocab and has the loss log(n_vocab).

Take care with the logarithm of a softmax: a probability of exp(-200) is 0 in float32,
and its logarithm -inf. log softmax(x)_i is x_i - log(sum_j exp(x_j)), which is harmless
once the row's maximum has been subtracted.
"""

import math

import numpy as np

from ... import scoring
from ...layers import log_softmax
from ..examples import floats
from ..grade import like

NAME = "cross_entropy"
STUB = '''
import numpy as np


def cross_entropy(logits, ids):
    """The mean of -log p(next token) over a text, in nats: one number.

    logits: [n_tok, n_vocab], what a model said when it read ids; ids: n_tok ints, at
    least 2.

    >>> certain = np.array([[0.0, 9.0, 0.0], [0.0, 0.0, 9.0], [5.0, 1.0, 3.0]])
    >>> round(cross_entropy(certain, [0, 1, 2]), 4)   # it foresaw 1, then 2
    0.0002
    """
    raise NotImplementedError
'''
HINTS = [
    "The last row of the logits and the first id take no part: logits[:-1] are the "
    "guesses at ids[1:].",
    "To pick one number from each row: rows[np.arange(len(rows)), targets].",
    "With z = x - x.max(axis=-1, keepdims=True), log softmax(x) is "
    "z - np.log(np.exp(z).sum(axis=-1, keepdims=True)). The result is minus the mean.",
]


def answer(logits, ids):
    logp = log_softmax(logits[:-1])
    return float(-logp[np.arange(len(logp)), ids[1:]].mean()) + 0.0


SOLUTION = [scoring.loss, scoring.nll]


def picked(logits, targets):
    logp = log_softmax(logits)
    return -logp[np.arange(len(logp)), targets]


SYMPTOMS = {
    "The targets are not shifted: row i guesses at ids[i + 1], not at ids[i].": like(
        lambda x, ids: picked(x, ids).mean()
    ),
    "The targets are shifted the wrong way: row i guesses at what follows.": (
        lambda got, expected, x, ids: (
            np.isclose(got, picked(x[1:], ids[:-1]).mean(), rtol=1e-4)
            or np.isclose(got, picked(x, np.roll(ids, 1)).mean(), rtol=1e-4)
        )
    ),
    "The last row is compared with the first id; it has no target.": like(
        lambda x, ids: picked(x, np.roll(ids, -1)).mean()
    ),
    "The sum is divided by n_tok, but there are n_tok - 1 terms.": like(
        lambda x, ids: picked(x[:-1], ids[1:]).sum() / len(ids)
    ),
    "This is the sum; the loss is the mean.": like(
        lambda x, ids: picked(x[:-1], ids[1:]).sum()
    ),
    "The sign is wrong: a loss is never negative.": like(
        lambda x, ids: -picked(x[:-1], ids[1:]).mean()
    ),
    "It is in bits (log2); nats are asked for.": like(
        lambda x, ids: picked(x[:-1], ids[1:]).mean() / math.log(2)
    ),
    "This is the perplexity, exp of the loss.": like(
        lambda x, ids: np.exp(picked(x[:-1], ids[1:]).mean())
    ),
    "Infinite or NaN: with large logits exp overflows, or a probability rounds to 0. "
    "Do not take the logarithm of a softmax.": lambda got, *args: not np.isfinite(got),
    "Logits are used where log-probabilities are due: the log of the sum is missing.": (
        lambda got, e, x, ids: np.isclose(
            got, -x[np.arange(len(ids) - 1), ids[1:]].mean(), rtol=1e-4
        )
    ),
}


def valid(logits, ids):
    return len(ids) >= 2


def cases():
    for seed, (n_tok, n_vocab) in enumerate([(2, 2), (2, 3), (3, 2), (3, 4), (6, 5)]):
        ids = np.random.default_rng(seed).integers(0, n_vocab, n_tok).tolist()
        yield floats(seed, n_tok, n_vocab), ids
    yield np.array([[200.0, 0.0], [0.0, 200.0]], np.float32), [0, 1]
    yield np.array([[0.0, -200.0], [1.0, 0.0]], np.float32), [0, 1]
    yield floats(7, 4, 3, dtype=np.float64) * 300, [0, 2, 1, 2]
