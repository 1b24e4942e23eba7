"""The whole model: token ids in, logits out.

    x = wte[ids] + wpe[positions]        the embedding: what a token is, where it is
    x = block(x) for every block         each reads the stream and adds to it
    logits = layer_norm(x) @ wte.T       compare each row with every token's embedding

Row i of the logits is about the token that follows the i + 1 first ids: training made
the true next token's logit large. The last matrix is the embedding again, transposed
("weight tying"): what is learned about a token at one end helps at the other.

block and layer_norm are given. Then you have GPT-2; numpygpt/plain.py is no more.
"""

import numpy as np

from ...plain import block, layer_norm, logits
from ..examples import tiny_params
from ..grade import like

NAME = "logits"
STUB = '''
import numpy as np

from numpygpt.plain import block, layer_norm


def logits(ids, params, n_head):
    """The logits of the next token, at every place of a text.

    ids: a list of n_tok ints -> [n_tok, n_vocab], float32.
    params: {"wte": {"weight": [n_vocab, n_embd]}, "wpe": {"weight": [n_ctx, n_embd]},
             "h": [the parameters of each block], "ln_f": {"weight", "bias"}}
    block(x, params, n_head) and layer_norm(x, weight, bias) are given.

    >>> from numpygpt.exercises.examples import tiny_params
    >>> print(logits([2, 0], tiny_params(3, 4, 2, 1), 1).round(1))
    [[-1.4 -0.9 -0.4]
     [ 1.7  1.3  0. ]]
    """
    raise NotImplementedError
'''
HINTS = [
    "A table indexed by a list of ids gives their rows: params['wte']['weight'][ids]. "
    "Positions count from 0: the first n_tok rows of wpe.",
    "Go through params['h'] in order; each entry is one block's parameters.",
    "After the last block comes one more norm, ln_f; then @ wte.T.",
]
answer = logits
SOLUTION = [logits]


def wrong(ids, params, n_head, first=0, positions=1, norm=True, order=lambda h: h):
    wte, wpe = params["wte"]["weight"], params["wpe"]["weight"]
    x = wte[ids] + positions * wpe[first : len(ids) + first]
    for p in order(params["h"]):
        x = block(x, p, n_head)
    return (layer_norm(x, **params["ln_f"]) if norm else x) @ wte.T


SYMPTOMS = {
    "The positions are missing: wpe is not added.": like(
        lambda *args: wrong(*args, positions=0)
    ),
    "The positions begin at 1; the first token has position 0.": like(
        lambda *args: wrong(*args, first=1)
    ),
    "The position's row is picked by the token's id.": like(
        lambda ids, p, n: wrong(
            ids, p | {"wpe": {"weight": p["wpe"]["weight"][ids]}}, n
        )
    ),
    "The last norm, ln_f, is missing.": like(lambda *args: wrong(*args, norm=False)),
    "The blocks run in the wrong order.": like(
        lambda *args: wrong(*args, order=lambda h: h[::-1])
    ),
    "The first block runs again and again in place of the others.": like(
        lambda *args: wrong(*args, order=lambda h: [h[0]] * len(h))
    ),
    "Only one block runs.": like(lambda *args: wrong(*args, order=lambda h: h[:1])),
    "Only the last row comes out; every token has its own.": lambda got, e, *args: (
        np.size(got) == e.shape[1] and np.allclose(np.ravel(got), e[-1], atol=1e-4)
    ),
    "These are probabilities; logits are the scores before the softmax.": (
        lambda got, e, *args: np.allclose(got.sum(-1), 1, atol=1e-3)
    ),
}


def cases():
    for ids, shape, n_head in [
        ([0], (2, 5, 2, 1), 1), ([1, 0], (2, 5, 2, 1), 1), ([2, 0], (3, 4, 4, 2), 2),
        ([4, 4, 1], (5, 7, 6, 3), 2), ([6, 0, 3, 3, 5], (7, 9, 6, 2), 3),
    ]:  # fmt: skip
        yield ids, tiny_params(*shape), n_head
