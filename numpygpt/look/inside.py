"""Look inside one pass of the model: attention, the residual stream, the logit lens.

The model itself keeps nothing of what it computes on the way. `inside` computes the
same numbers once more, step by step and without a cache, and keeps them all under the
names that TransformerLens gave them, so that what people know of it carries over:

    run = inside(model, tokenizer.encode("The king and the"))
    run["pattern", 3]            # attention weights of block 3 (the fourth)
    run["blocks.3.attn.hook_pattern"]                   # the same by its full name
    run.lens[2].argmax(axis=-1)  # what the model would say if it ended after block 1

Shapes are TransformerLens' too, without its batch axis:

    embed, pos_embed                             [n_tok, n_embd]   the two embeddings
    resid_pre, resid_mid, resid_post             [n_tok, n_embd]   the residual stream
    q, k, v, z                           [n_tok, n_head, d_head]   z: before c_proj
    attn_scores, pattern                  [n_head, n_tok, n_tok]   from row, to column
    attn_out, mlp_out                            [n_tok, n_embd]   what a part adds
    pre, post (or mlp_pre, mlp_post)            [n_tok, d_inner]   inside the MLP
    normalized (with "ln1" or "ln2")             [n_tok, n_embd]   what a part reads

Everything but the two embeddings needs a layer; a negative one counts from the end.

To find out what a part is for, change it and see what the model says then: ``edit`` is
called with every name and array of the pass, and the pass goes on with what it returns.

Try: ``inside(model, ids, ablate([(0, 1)]))``. README.md in this folder goes on from
there: it finds the heads that copy a name.

Next: steps.py.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..activations import ACTIVATION
from ..checks import check_ids, check_room
from ..layers import layer_norm, linear, softmax
from ..model import attention_scale, unembed

# What one asks for -> the name behind "blocks.N.". {} is the norm, ln1 or ln2.
IN_A_BLOCK = {
    "resid_pre": "hook_resid_pre",
    "resid_mid": "hook_resid_mid",
    "resid_post": "hook_resid_post",
    "normalized": "{}.hook_normalized",
    "q": "attn.hook_q",
    "k": "attn.hook_k",
    "v": "attn.hook_v",
    "attn_scores": "attn.hook_attn_scores",
    "pattern": "attn.hook_pattern",
    "z": "attn.hook_z",
    "attn_out": "hook_attn_out",
    "pre": "mlp.hook_pre",
    "post": "mlp.hook_post",
    "mlp_pre": "mlp.hook_pre",
    "mlp_post": "mlp.hook_post",
    "mlp_out": "hook_mlp_out",
}
OUTSIDE = {
    "embed": "hook_embed",
    "pos_embed": "hook_pos_embed",
    "normalized": "ln_final.hook_normalized",
}


@dataclass(frozen=True)
class Run:
    """What `inside` saw. ``run["pattern", 3]``, ``run.names``, ``run.logits``."""

    model: object = field(repr=False)
    ids: np.ndarray  # [n_tok]
    logits: np.ndarray = field(repr=False)  # [n_tok, n_vocab]
    kept: dict = field(repr=False)  # full name -> array

    @property
    def names(self):
        """The full names of all that was kept, in the order of the pass."""
        return list(self.kept)

    def __getitem__(self, asked):
        return self.kept[full_name(asked, self.model.config.n_layer)]

    @cached_property
    def lens(self):
        """The logit lens (nostalgebraist, 2020), ``[n_layer + 1, n_tok, n_vocab]``:
        the final norm and the unembedding, applied before the first block and after
        every block. The last are the logits."""
        layers = range(self.model.config.n_layer)
        states = [self["resid_pre", 0], *(self["resid_post", i] for i in layers)]
        return np.stack([_read_out(x, self.model)[1] for x in states])


def inside(model, ids, edit=None):
    """Run the model on ``ids``, ``[n_tok]``, and keep all that it computes: a `Run`.

    ``edit(name, array) -> array`` may change each array, by its full name, before the
    pass goes on; None means that the array stays, or was changed in place.
    ``ValueError``: ids of another vocabulary, too many, or an edit of another shape.
    """
    config, params, kept = model.config, model.params, {}
    ids = check_ids(ids, config)
    check_room(len(ids), config)

    def see(name, array):
        kept[name] = array if edit is None else _edited(name, array, edit)
        return kept[name]

    x = see("hook_embed", params["wte"]["weight"][ids])
    x = x + see("hook_pos_embed", params["wpe"]["weight"][: len(ids)])
    for layer, block_params in enumerate(params["h"]):
        _block(x, block_params, layer, config, f"blocks.{layer}.", see)
        x = kept[f"blocks.{layer}.hook_resid_post"]
    normed, logits = _read_out(x, model, see)
    return Run(model, ids, logits, kept)


def _block(x, params, layer, config, at, see):
    """`model.block` with a name for everything. ``see(name, array)``: what is there."""
    norm = {"epsilon": config.layer_norm_epsilon}
    x = see(at + "hook_resid_pre", x)
    normed = layer_norm(x, **params["ln_1"], **norm)
    normed = see(at + "ln1.hook_normalized", normed)
    out = _attention(normed, layer, config, at + "attn.hook_", see, **params["attn"])
    x = see(at + "hook_resid_mid", x + see(at + "hook_attn_out", out))
    normed = layer_norm(x, **params["ln_2"], **norm)
    normed = see(at + "ln2.hook_normalized", normed)
    pre = see(at + "mlp.hook_pre", linear(normed, **params["mlp"]["c_fc"]))
    post = ACTIVATION[config.activation_function](pre.copy())
    out = linear(see(at + "mlp.hook_post", post), **params["mlp"]["c_proj"])
    see(at + "hook_resid_post", x + see(at + "hook_mlp_out", out))


def _attention(x, layer, config, at, see, c_attn, c_proj):
    n_tok = len(x)
    qkv = linear(x, **c_attn).reshape(n_tok, 3, config.n_head, config.d_head)
    q, k, v = (see(at + name, qkv[:, i].copy()) for i, name in enumerate("qkv"))
    # [n_head, n_tok, d_head] @ [n_head, d_head, n_tok]
    scores = q.transpose(1, 0, 2) @ k.transpose(1, 2, 0)
    scores = scores * attention_scale(config, layer)
    scores[:, np.triu(np.ones((n_tok, n_tok), bool), k=1)] = -np.inf
    pattern = see(at + "pattern", softmax(see(at + "attn_scores", scores)))
    z = see(at + "z", (pattern @ v.transpose(1, 0, 2)).transpose(1, 0, 2).copy())
    return linear(z.reshape(n_tok, -1), **c_proj)


def _read_out(x, model, see=lambda name, array: array):
    """The final norm of a residual stream, and the logits: the logit lens."""
    params, epsilon = model.params, model.config.layer_norm_epsilon
    normed = layer_norm(x, **params["ln_f"], epsilon=epsilon)
    normed = see("ln_final.hook_normalized", normed)
    return normed, unembed(normed, params)


def _edited(name, array, edit):
    own = array.copy()  # an edit in place must not reach what was kept before
    new = edit(name, own)
    new = own if new is None else np.asarray(new, array.dtype)
    if new.shape != array.shape:
        raise ValueError(
            f"edit must return an array of shape {list(array.shape)} for {name!r}, not "
            f"{list(new.shape)}"
        )
    return new


def full_name(asked, n_layer):
    """``("pattern", 3)`` -> ``"blocks.3.attn.hook_pattern"``; a full name stays.

    >>> full_name(("pattern", -1), 4), full_name(("normalized", 0, "ln2"), 4)
    ('blocks.3.attn.hook_pattern', 'blocks.0.ln2.hook_normalized')
    """
    name, *rest = (asked,) if isinstance(asked, str) else asked
    if not rest and name in OUTSIDE:
        return OUTSIDE[name]
    if not rest and ("hook_" in str(name)):
        return _checked_full(name, n_layer)
    layer, *norm = rest or (None,)
    if name not in IN_A_BLOCK or (name == "normalized") != (norm in (["ln1"], ["ln2"])):
        raise ValueError(
            f"there is no {asked!r}: ask for one of {', '.join(IN_A_BLOCK)} with a "
            'layer, as in run["pattern", 0] (normalized takes "ln1" or "ln2" too), or '
            f"for {', '.join(OUTSIDE)} without one"
        )
    return f"blocks.{check_layer(layer, n_layer)}.{IN_A_BLOCK[name].format(*norm)}"


def _checked_full(name, n_layer):
    known = {n.format(norm) for n in IN_A_BLOCK.values() for norm in ("ln1", "ln2")}
    known = {f"blocks.{i}.{n}" for i in range(n_layer) for n in known}
    if name not in known | {*OUTSIDE.values()}:
        raise ValueError(
            f"there is no {name!r}: names are as in {OUTSIDE['embed']!r} and "
            f"'blocks.0.attn.hook_pattern', with {n_layer} blocks"
        )
    return name


def check_layer(layer, n_layer):
    """A layer's number, a negative one counted from the end; ``ValueError``."""
    is_int = isinstance(layer, (int, np.integer)) and not isinstance(layer, bool)
    if not is_int or not -n_layer <= layer < n_layer:
        raise ValueError(
            f"layer must be an integer from 0 to {n_layer - 1}, or from -{n_layer} to "
            f"-1, not {layer!r}"
        )
    return int(layer) % n_layer


def ablate(heads):
    """An edit that leaves some heads out, ``[(layer, head), ...]``: it sets what they
    hand on, their ``z``, to zero. README.md says what that shows and what not."""
    heads = [*heads]

    def edit(name, array):
        for layer, head in heads:
            if name == f"blocks.{layer}.attn.hook_z":
                if not 0 <= head < array.shape[1]:
                    raise ValueError(
                        f"head must be from 0 to {array.shape[1] - 1}, not {head!r}"
                    )
                array[:, head] = 0
        return array

    return edit
