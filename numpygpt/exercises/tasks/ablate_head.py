"""Ablate a head: take one head out of one layer, and see what the model loses.

What is a head good for? Remove it and look at what changes. To remove a head means
that its result (z of that head) is 0 for every token, before the heads are laid side by
side and go through c_proj. All other heads and layers stay as they are. c_proj's bias
stays, too: it belongs to no head.

It can be done without touching the forward pass: head h's results are multiplied by
the rows h * d_head to (h + 1) * d_head of c_proj's weight. With these rows 0 the head
has no effect. But the parameters belong to the caller: change a copy.
"""

import copy

from ... import look, plain
from ..examples import tiny_params
from ..grade import like

NAME = "ablate_head"
STUB = '''
import numpy as np

from numpygpt.plain import logits


def ablate_head(ids, params, n_head, layer, head):
    """The logits [n_tok, n_vocab] of a model without one head of one layer.

    ids: a list of ints; layer, head: ints from 0. params are not to be changed.
    logits(ids, params, n_head) is given.

    >>> from numpygpt.exercises.examples import tiny_params
    >>> print(ablate_head([2, 0], tiny_params(3, 4, 4, 2), 2, 0, 1).round(1))
    [[1.  0.6 4.8]
     [1.9 1.4 1.8]]
    """
    raise NotImplementedError
'''
HINTS = [
    "params['h'][layer]['attn']['c_proj']['weight'] is [n_embd, n_embd], "
    "[in, out]: its rows are the heads' numbers, d_head rows a head.",
    "copy.deepcopy(params) is a simple way not to change the caller's; then set the "
    "rows of the head to 0 and call logits.",
]


def without(ids, params, n_head, layer, head, where="rows"):
    params = copy.deepcopy(params)
    layers = range(len(params["h"])) if layer is None else [layer]
    for i in layers:
        weight = params["h"][i]["attn"]["c_proj"]["weight"]
        d_head = len(params["wte"]["weight"][0]) // n_head
        if where == "interleaved":
            weight[head::n_head] = 0
        elif where == "columns":
            weight[:, head * d_head : (head + 1) * d_head] = 0
        else:
            weight[head * d_head : (head + 1) * d_head] = 0
    return plain.logits(ids, params, n_head)


def answer(ids, params, n_head, layer, head):
    params = copy.deepcopy(params)
    weight = params["h"][layer]["attn"]["c_proj"]["weight"]
    d_head = len(weight) // n_head
    weight[head * d_head : (head + 1) * d_head] = 0
    return plain.logits(ids, params, n_head)


SOLUTION = [answer, look.ablate]


def no_attention(ids, params, n_head, layer, head, bias=True):
    params = copy.deepcopy(params)
    for part in ("weight", "bias") if bias else ("weight",):
        params["h"][layer]["attn"]["c_proj"][part][...] = 0
    return plain.logits(ids, params, n_head)


def no_values(ids, params, n_head, layer, head):
    params = copy.deepcopy(params)
    d = len(params["wte"]["weight"][0]) // n_head
    start = 2 * d * n_head + head * d
    params["h"][layer]["attn"]["c_attn"]["weight"][:, start : start + d] = 0
    return plain.logits(ids, params, n_head)


def no_bias(ids, params, n_head, layer, head):
    params = copy.deepcopy(params)
    params["h"][layer]["attn"]["c_proj"]["bias"][...] = 0
    return without(ids, params, n_head, layer, head)


SYMPTOMS = {
    "Nothing is removed: these are the whole model's logits.": like(
        lambda ids, p, n, *_: plain.logits(ids, p, n)
    ),
    "The columns of c_proj are 0: that silences a part of what all heads write. The "
    "weight is [in, out], and the heads are on the side of the input, the rows.": like(
        lambda *args: without(*args, where="columns")
    ),
    "The head's numbers lie side by side, rows h * d_head to (h + 1) * d_head; these "
    "are every n_head-th.": like(lambda *args: without(*args, where="interleaved")),
    "The head is removed from every layer.": like(
        lambda ids, p, n, layer, head: without(ids, p, n, None, head)
    ),
    "All heads of the layer are removed.": lambda got, *args: (
        like(no_attention)(got, *args)
        or like(lambda *a: no_attention(*a, bias=False))(got, *args)
    ),
    "c_proj's bias is gone, too; it belongs to no head.": like(no_bias),
    "Only the values' weights are 0: the values still have their bias, so the head "
    "still writes something.": like(no_values),
    "Another head is removed.": lambda got, e, ids, p, n, layer, head: any(
        like(without)(got, e, ids, p, n, layer, other) for other in range(n)
    ),
    "The head of another layer is removed.": lambda got, e, ids, p, n, layer, head: any(
        like(without)(got, e, ids, p, n, other, head) for other in range(len(p["h"]))
    ),
}


def cases():
    for ids, shape, n_head, layer, head in [
        ([1], (2, 4, 2, 1), 1, 0, 0), ([2, 0], (3, 4, 4, 2), 2, 0, 1),
        ([2, 0, 1], (3, 4, 6, 2), 3, 1, 0), ([2, 1, 1], (3, 4, 6, 3), 2, 2, 1),
        ([4, 4, 1], (5, 7, 6, 3), 3, 1, 2),
    ]:  # fmt: skip
        yield ids, tiny_params(*shape), n_head, layer, head
