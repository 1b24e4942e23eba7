"""The repetition penalty: what was said is less likely to be said again.

Models repeat themselves. The penalty makes the logit of every token that stands in the
text smaller: a positive logit is divided by the penalty, a negative one multiplied,
since dividing -2 by 1.5 would make it larger. A token is punished once, however often
it was said. 1 changes nothing.

(The paper divides always, which makes tokens with a negative logit likelier; all
programs multiply there. And the rule is odd: it depends on where zero is, though a
softmax does not.)

Paper: Keskar et al., arXiv:1909.05858.
"""

import numpy as np

from ... import decoding
from ..examples import floats
from ..grade import like

NAME = "repetition_penalty"
STUB = '''
import numpy as np


def repetition_penalty(logits, ids, penalty):
    """Make every token of ids less likely, once.

    logits: [n_vocab] -> [n_vocab], the same dtype; ids: the text so far, a list of
    ints, which may be empty; penalty: a float of at least 1.

    >>> repetition_penalty(np.array([2.0, -2.0, 2.0]), [0, 1, 1], 2.0).tolist()
    [1.0, -4.0, 2.0]
    """
    raise NotImplementedError
'''
HINTS = [
    "Begin with logits.copy(): the array belongs to the caller.",
    "Each token once: set(ids), or indexing with the list of ids at once: "
    "seen = logits[ids] and out[ids] = ... write each place with the same value.",
    "np.where(seen > 0, seen / penalty, seen * penalty).",
]


def answer(logits, ids, penalty):
    return decoding.repetition_penalty(logits, penalty, np.asarray(ids, np.int64))


SOLUTION = [decoding.repetition_penalty]


def punished(x, ids, rule):
    out = x.copy()
    for i in ids:
        out[i] = rule(out[i])
    return out


def right(p):
    return lambda value: value / p if value > 0 else value * p


SYMPTOMS = {
    "A negative logit is divided, which makes the token likelier; multiply it.": like(
        lambda x, ids, p: punished(x, set(ids), lambda v: v / p)
    ),
    "A token is punished every time it stands in the text; once is the rule.": like(
        lambda x, ids, p: punished(x, ids, right(p))
    ),
    "It is the wrong way round: what was said has become likelier.": (
        lambda got, e, x, ids, p: (got[ids] > x[ids]).any() and not (got < x).any()
    ),
    "The penalty is subtracted; it divides (or multiplies).": like(
        lambda x, ids, p: punished(x, set(ids), lambda v: v - p)
    ),
    "Tokens that were not said have changed.": lambda got, e, x, ids, p: (
        np.delete(got, ids) != np.delete(x, ids)
    ).any(),
    "Only the last token is punished; all of the text counts.": like(
        lambda x, ids, p: punished(x, ids[-1:], right(p))
    ),
    "Positive logits are treated as negative ones are.": like(
        lambda x, ids, p: punished(x, set(ids), lambda v: v * p)
    ),
}


def valid(logits, ids, penalty):
    return penalty >= 1


def cases():
    x = np.array([2.0, -2.0], np.float32)
    for ids in [], [0], [1], [0, 1], [0, 0], [1, 1, 1]:
        yield x, ids, 2.0
    yield x, [0, 1], 1.0
    for seed, n in enumerate([3, 5, 8]):
        ids = np.random.default_rng(seed).integers(0, n, n + 1).tolist()
        yield floats(seed, n), ids, 1.3
    yield np.array([0.0, -np.inf, 3.0], np.float32), [1, 0], 1.5
    yield floats(5, 6, dtype=np.float64), [2, 4, 2], 1.2
