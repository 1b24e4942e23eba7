"""A block: gather from the other tokens, then work on what was gathered.

The residual stream x has a row for every token. A block adds to it twice:

    x = x + attention(layer_norm(x))
    x = x + mlp(layer_norm(x))

each norm with its own weights, ln_1 and ln_2. The norm stands in front of the layer and
only the layer sees its result; the stream itself stays a plain sum. (In the first
transformer the norm stood behind the addition. GPT-2 moved it.)

layer_norm, attention and mlp are given: you need only put them together.
"""

from ...plain import attention, block, layer_norm, mlp
from ..examples import floats, tiny_block
from ..grade import like

NAME = "block"
STUB = '''
import numpy as np

from numpygpt.plain import attention, layer_norm, mlp


def block(x, params, n_head):
    """One block of GPT-2: [n_tok, n_embd] -> [n_tok, n_embd].

    params: {"ln_1": {"weight", "bias"}, "attn": {"c_attn", "c_proj"},
             "ln_2": {"weight", "bias"}, "mlp": {"c_fc", "c_proj"}}
    layer_norm(x, weight, bias), attention(x, n_head, c_attn, c_proj) and
    mlp(x, c_fc, c_proj) are given; ** unpacks a dictionary into arguments.

    >>> from numpygpt.exercises.examples import tiny_block
    >>> print(block(np.ones((1, 2), np.float32), tiny_block(2), 1).round(2))
    [[ 1.07 -0.19]]
    """
    raise NotImplementedError
'''
HINTS = [
    "layer_norm(x, **params['ln_1']) is the first norm; attention reads that, and its "
    "result is added to x, not to the normed x.",
    "The second half reads the new x: the sum, not the x that came in.",
    "Write x = x + ..., not x += ...: the latter changes the caller's array.",
]
answer = block
SOLUTION = [block]


def wrong(x, p, n, second="ln_2", residual=(1, 1), from_normed=False, parallel=False):
    normed = layer_norm(x, **p["ln_1"])
    base = normed if from_normed else x
    y = residual[0] * base + attention(normed, n, **p["attn"])
    normed = layer_norm(x if parallel else y, **p[second])
    base = normed if from_normed else y
    return residual[1] * base + mlp(normed, **p["mlp"])


def norm_behind(x, p, n):
    x = layer_norm(x + attention(x, n, **p["attn"]), **p["ln_1"])
    return layer_norm(x + mlp(x, **p["mlp"]), **p["ln_2"])


def mlp_first(x, p, n):
    x = x + mlp(layer_norm(x, **p["ln_2"]), **p["mlp"])
    return x + attention(layer_norm(x, **p["ln_1"]), n, **p["attn"])


SYMPTOMS = {
    "The norm stands behind the addition, as in the first transformer; GPT-2 has it in "
    "front of each layer.": like(norm_behind),
    "Attention's result replaces the stream; it should be added to it.": like(
        lambda *args: wrong(*args, residual=(0, 1))
    ),
    "The MLP's result replaces the stream; it should be added to it.": like(
        lambda *args: wrong(*args, residual=(1, 0))
    ),
    "Neither result is added to the stream (no residual connection).": like(
        lambda *args: wrong(*args, residual=(0, 0))
    ),
    "The results are added to the normed rows, not to the stream itself.": like(
        lambda *args: wrong(*args, from_normed=True)
    ),
    "The MLP reads the x from before attention; it should read the sum.": like(
        lambda *args: wrong(*args, parallel=True)
    ),
    "The second norm uses ln_1's weights; it has its own, ln_2.": like(
        lambda *args: wrong(*args, second="ln_1")
    ),
    "The MLP comes first; attention should.": like(mlp_first),
    "The norms are missing.": like(
        lambda x, p, n: (y := x + attention(x, n, **p["attn"])) + mlp(y, **p["mlp"])
    ),
}


def cases():
    for seed, (n_tok, n_embd, n_head) in enumerate(
        [(1, 2, 1), (2, 2, 1), (2, 4, 2), (3, 6, 2), (5, 6, 3)]
    ):
        yield floats(seed, n_tok, n_embd), tiny_block(n_embd), n_head
