"""The forward pass of plain.py, for several sequences at once and with a cache.

The functions are those of page one. Three things are new:

- **The cache.** `attention` hands the new keys and values to the cache and gets back
  all that there are; nothing else knows that earlier tokens were read in an earlier
  call. A full forward pass is a forward pass with an empty cache.
- **Several sequences, no batch axis.** A hidden state is always ``[n_tok, n_embd]``:
  the new tokens of one sequence, or of several laid end to end. Every layer but
  attention works row by row and does not care whose a row is; attention takes each
  sequence with its own cache. This is called ragged or variable-length batching. There
  is no padding and no padding mask, and a long prompt, a step of eight texts of unequal
  length and the check of a drafted sentence are the same function.
- **Logits are a step of their own** (`unembed`). Whoever generates asks for those of
  the last row only: they take 38.6 of GPT-2's 124 million weights.

What makes it fast stands in fast/, behind `matmul`, `mlp_by_units`, `causal_attention`.

Papers: Vaswani et al., arXiv:1706.03762; Radford et al. (2019).

Try: skip one block. Then skip its attention only. Which one hurts more?

Next: weights.py.
"""

import math

import numpy as np

from .activations import ACTIVATION
from .checks import check_ids, check_room
from .fast.attention import causal_attention
from .fast.matmul import matmul
from .fast.mlp import mlp_by_units
from .layers import layer_norm, linear


def split_heads(x, n_head):
    """``[n_tok, n_head * d_head] -> [n_head, n_tok, d_head]``.

    A row holds the heads side by side. `reshape` only renames: it cuts each row
    into heads. `transpose` then puts the head first, so that a head's rows form a
    matrix. Reshaping straight to the new shape would mix up tokens and heads:

    >>> x = np.array([[1, 2, 3, 4],                  # token 0: heads (1 2), (3 4)
    ...               [5, 6, 7, 8]])                 # token 1: heads (5 6), (7 8)
    >>> split_heads(x, 2).tolist()
    [[[1, 2], [5, 6]], [[3, 4], [7, 8]]]
    >>> x.reshape(2, 2, 2).tolist()                  # "head 0" is all of token 0
    [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    """
    return x.reshape(len(x), n_head, -1).transpose(1, 0, 2)


def merge_heads(z):
    """``[n_head, n_tok, d_head] -> [n_tok, n_head * d_head]``: `split_heads` undone.

    >>> x = np.arange(12).reshape(2, 6)
    >>> bool((merge_heads(split_heads(x, 3)) == x).all())
    True
    """
    n_head, n_tok, d_head = z.shape
    return z.transpose(1, 0, 2).reshape(n_tok, n_head * d_head)


def attention(x, caches, rows, layer, config, c_attn, c_proj):
    """Multi-head self-attention, ``[n_tok, n_embd]`` -> the same.

    ``caches``: one KVCache a sequence; ``rows``: which rows of ``x`` are its, a slice.
    """
    qkv = linear(x, **c_attn).reshape(len(x), 3, -1).swapaxes(0, 1)
    q, k, v = (split_heads(part, config.n_head) for part in qkv)
    q = q * attention_scale(config, layer)  # the same as scaling all scores
    new = [(k[:, own], v[:, own]) for own in rows]
    keys_values = [cache.update(layer, *kv) for cache, kv in zip(caches, new)]
    z = causal_attention(q, keys_values, rows)  # softmax(q @ k.T + causal_mask) @ v
    return linear(merge_heads(z), **c_proj)


def attention_scale(config, layer):
    """``1 / sqrt(d_head)``, and what the siblings of GPT-2 do in its place."""
    scale = 1 / math.sqrt(config.d_head) if config.scale_attn_weights else 1.0
    return scale / (layer + 1) if config.scale_attn_by_inverse_layer_idx else scale


def mlp(x, activation, c_fc, c_proj):
    """Two linear layers, four times as wide in between, row by row:

        linear(activation(linear(x, **c_fc)), **c_proj)
    """
    return mlp_by_units(x, activation, c_fc, c_proj)  # the same, shared among the cores


def block(x, params, caches, rows, layer, config):
    """Attention between the rows, then an MLP within each; both are added to ``x``."""
    epsilon = config.layer_norm_epsilon
    normed = layer_norm(x, **params["ln_1"], epsilon=epsilon)
    x = x + attention(normed, caches, rows, layer, config, **params["attn"])
    normed = layer_norm(x, **params["ln_2"], epsilon=epsilon)
    return x + mlp(normed, ACTIVATION[config.activation_function], **params["mlp"])


def hidden_states(sequences, caches, params, config):
    """The whole model but its last product, yielding the residual stream
    ``[n_tok, n_embd]`` as it grows: after the embedding, after every block, and
    after the final norm.

    ``sequences``: the new token ids of each sequence, 1-D integer arrays.
    ``caches``: a KVCache for each. Its ``n_tok`` grows just before the last state is
    yielded, so a pass that is broken off leaves it as it was.
    """
    sequences = [check_ids(ids, config) for ids in sequences]
    for ids, cache in zip(sequences, caches):
        check_room(cache.n_tok + len(ids), config)
    stops = np.cumsum([len(ids) for ids in sequences]).tolist()
    rows = [slice(a, b) for a, b in zip([0, *stops], stops)]
    positions = [np.arange(len(i)) + c.n_tok for i, c in zip(sequences, caches)]
    x = params["wte"]["weight"][np.concatenate(sequences)]
    x = x + params["wpe"]["weight"][np.concatenate(positions)]
    yield x
    for layer, block_params in enumerate(params["h"]):
        x = block(x, block_params, caches, rows, layer, config)
        yield x
    for ids, cache in zip(sequences, caches):
        cache.advance(len(ids))
    yield layer_norm(x, **params["ln_f"], epsilon=config.layer_norm_epsilon)


def unembed(hidden, params):
    """Hidden rows -> logits: ``[n_tok, n_embd] -> [n_tok, n_vocab]``.

    The matrix is the transpose of the embedding (Press & Wolf, arXiv:1608.05859)
    unless the model brings one of its own.
    """
    weight = params.get("lm_head", params["wte"])["weight"]
    return matmul(hidden, weight.T)
