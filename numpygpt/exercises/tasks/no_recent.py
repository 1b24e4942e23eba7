"""A filter of your own, in the chain that `generate` runs.

Between the model's logits and the token stands a chain of steps. A step is a function

    step(logits, context) -> logits

of one row [n_vocab] and the ids so far (an int array, the prompt among them). It
returns new logits, with -inf for what may not come, and never writes to the ones that
it was given. Any such function can stand in the chain, among the known ones:

    model.generate(ids, max_new_tokens=20, do_sample=True, temperature=0.9,
                   chain=["temperature", no_recent])

Write one: none of the last three tokens may come again. If that would leave nothing
(all other tokens are removed already), leave the logits as they are: a row without a
choice is an error further down the chain.
"""

import numpy as np

from ...config import GPT2Config
from ...decoding import sampling
from ...gpt2 import GPT2
from ..examples import floats
from ..grade import like, still_finite

NAME = "no_recent"
STUB = '''
import numpy as np


def no_recent(logits, context):
    """No token of the last three may come.

    logits: [n_vocab], -inf where a step before has removed something; context: the
    ids so far, an int array, which may be shorter than three, or empty.
    -> [n_vocab], the same dtype.

    >>> no_recent(np.array([1.0, 2.0, 3.0, 4.0]), np.array([3, 0, 0, 2])).tolist()
    [-inf, 2.0, -inf, 4.0]
    """
    raise NotImplementedError
'''
HINTS = [
    "context[-3:] are the last three, or fewer where there are fewer.",
    "An array of ids is an index: out = logits.copy(); out[context[-3:]] = -np.inf.",
    "Nothing left means out.max() == -np.inf: then return the logits.",
]


def answer(logits, context, n=3):
    out = logits.copy()
    out[np.asarray(context, int)[-n:]] = -np.inf
    return out if out.max() > -np.inf else logits.copy()


SOLUTION = [answer, sampling.chain]


def blocked(which, removed=-np.inf):
    def wrong(logits, context):
        out = logits.copy()
        out[np.asarray(context, int)[which]] = removed
        return out

    return wrong


SYMPTOMS = {
    "Nothing is left to choose from: leave the logits as they are then.": (
        lambda got, e, x, context: not (got > -np.inf).any()
    ),
    "What a step before has removed (-inf) has come back.": (
        lambda got, e, x, context: (got[x == -np.inf] > -np.inf).any()
    ),
    "The whole text is blocked; only the last three tokens should be.": like(
        blocked(slice(None))
    ),
    "The first three tokens of the text are "
    "blocked; it should be the last three.": like(blocked(slice(3))),
    "Only the last token is blocked; it should be the last three.": like(
        blocked(slice(-1, None))
    ),
    "A blocked token must have the logit -inf: with "
    "a finite one it can still come.": still_finite,
    "Positions are blocked, not the tokens that stand there.": (
        lambda got, e, x, context: np.array_equal(
            got > -np.inf, np.arange(len(x)) < len(x) - 3
        )
    ),
    "A token that was not said lately has changed.": (
        lambda got, e, x, context: (got[e > -np.inf] != x[e > -np.inf]).any()
    ),
    "One of the last three can still come.": (
        lambda got, e, x, context: (got[e == -np.inf] > -np.inf).any()
    ),
}


def cases():
    x = np.array([1.0, 2.0, 3.0, 4.0, 0.5], np.float32)
    for context in [], [2], [4, 1], [0, 0], [3, 2, 1], [0, 3, 2, 1], [1, 1, 2, 2, 3]:
        yield x, np.array(context, int)
    yield np.array([1.0, 2.0], np.float32), np.array([0, 1])
    removed = np.array([-np.inf, 2.0, -np.inf, 1.0], np.float32)
    yield removed, np.array([1])
    yield removed, np.array([1, 3])
    yield removed, np.array([2, 0, 2])
    yield floats(0, 9, dtype=np.float64), np.array([8, 1, 0, 5, 7])


def extra(function):
    """Does it work inside generate?"""
    sizes = {"n_positions": 40, "n_embd": 8, "n_layer": 1, "n_head": 2}
    model = GPT2.random(GPT2Config(12, **sizes, eos_token_id=None))
    row = model.generate(
        [3, 1], max_new_tokens=30, do_sample=True, seed=0, chain=[function]
    )[0].tolist()
    for i in range(2, len(row)):
        if row[i] in row[max(0, i - 3) : i]:
            return (
                f"In generate's chain a token came again: {row[max(0, i - 3) : i + 1]}."
            )
    return None
