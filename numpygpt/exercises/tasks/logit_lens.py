"""The logit lens: what would the model say if it stopped here?

The residual stream is a sum to which every block adds, and the end of the model (the
last norm, then the comparison with the embeddings) can be asked at any depth. Look at
the last token's row before the first block, after the first, after the second, ... and
pass each through ln_f and wte.T: n_layer + 1 rows of logits. In a trained model one
sees the guess take shape. The last row is the model's own answer.

Source: nostalgebraist, "interpreting GPT: the logit lens" (2020).
"""

import numpy as np

from ... import look, plain
from ...plain import block, layer_norm
from ..examples import tiny_params
from ..grade import like

NAME = "logit_lens"
STUB = '''
import numpy as np

from numpygpt.plain import block, layer_norm


def logit_lens(ids, params, n_head):
    """The last token's logits, read off at every depth.

    ids: a list of ints -> [n_layer + 1, n_vocab], float32: before the first block,
    after the first, ..., after the last. block(x, params, n_head) and
    layer_norm(x, weight, bias) are given.

    >>> from numpygpt.exercises.examples import tiny_params
    >>> from numpygpt.plain import logits
    >>> params = tiny_params(5, 8, 4, 3)
    >>> lens = logit_lens([2, 0, 1], params, 2)
    >>> lens.shape, bool(np.allclose(lens[-1], logits([2, 0, 1], params, 2)[-1]))
    ((4, 5), True)
    """
    raise NotImplementedError
'''
HINTS = [
    "It is the function logits (numpygpt/plain.py) that stops on the way: keep x[-1] "
    "before the loop and after every block.",
    "Every kept row goes through ln_f and then @ wte.T. The norm must not change the "
    "stream itself: it goes on unnormed.",
]


def lens(ids, params, n_head, norm=True, whole=False):
    wte, wpe = params["wte"]["weight"], params["wpe"]["weight"]
    x = wte[ids] + wpe[: len(ids)]
    states = [x]
    for p in params["h"]:
        x = block(x, p, n_head)
        states.append(x)
    states = np.stack(states) if whole else np.stack(states)[:, -1]
    return (layer_norm(states, **params["ln_f"]) if norm else states) @ wte.T


def answer(ids, params, n_head):
    wte, wpe = params["wte"]["weight"], params["wpe"]["weight"]
    x = wte[ids] + wpe[: len(ids)]
    rows = [x[-1]]
    for p in params["h"]:
        x = block(x, p, n_head)
        rows.append(x[-1])
    return layer_norm(np.stack(rows), **params["ln_f"]) @ wte.T


SOLUTION = [answer, look.inside]


def normed_stream(ids, params, n_head):
    wte, wpe = params["wte"]["weight"], params["wpe"]["weight"]
    x = layer_norm(wte[ids] + wpe[: len(ids)], **params["ln_f"])
    states = [x]
    for p in params["h"]:
        x = layer_norm(block(x, p, n_head), **params["ln_f"])
        states.append(x)
    return np.stack(states)[:, -1] @ wte.T


SYMPTOMS = {
    "The last norm, ln_f, is missing.": like(lambda *args: lens(*args, norm=False)),
    "The stream itself is normed on the way; only what is read off should be.": like(
        normed_stream
    ),
    "The state before the first block is missing.": lambda got, e, *args: (
        len(got) == len(e) - 1 and np.allclose(got, e[1:], atol=1e-3)
    ),
    "The state after the last block is missing.": lambda got, e, *args: (
        len(got) == len(e) - 1 and np.allclose(got, e[:-1], atol=1e-3)
    ),
    "It is the first token's row; the last token's is asked for.": (
        lambda got, e, ids, params, n_head: np.allclose(
            got, lens(ids, params, n_head, whole=True)[:, 0], atol=1e-3
        )
    ),
    "All tokens' rows come out; the last token's are asked for.": (
        lambda got, e, *args: np.shape(got) == lens(*args, whole=True).shape
    ),
    "These are probabilities; logits are asked for.": (
        lambda got, e, *args: np.allclose(got.sum(-1), 1, atol=1e-3)
    ),
    "The last row is not the model's own answer.": lambda got, e, *args: (
        not np.allclose(got[-1], plain.logits(*args)[-1], atol=1e-3)
    ),
}


def cases():
    for ids, shape, n_head in [
        ([1], (2, 4, 2, 1), 1), ([1, 0], (2, 4, 2, 1), 1), ([2, 0], (3, 4, 4, 2), 2),
        ([4, 4, 1], (5, 7, 6, 3), 2), ([0, 3, 5, 5], (6, 7, 6, 2), 3),
    ]:  # fmt: skip
        yield ids, tiny_params(*shape), n_head
