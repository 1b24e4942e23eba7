"""The forward pass: token ids -> logits.

A GPT is a stack of equal blocks around one idea, the residual stream: every token
has a row of ``n_embd`` numbers, and every block reads the rows and adds something
to them. Attention is the only place where rows look at each other; all the rest is
done row by row. At the end the rows are compared with the embedding of every token
in the vocabulary: the dot products are the logits, and the larger one is, the
likelier that token comes next.

There is no batch axis. A hidden state is ``[n_tok, n_embd]``: the new tokens of one
sequence, or of several laid end to end. Rows do not care whose they are, and
attention walks over the sequences, each with its own cache. So a long prompt, one
step of generation, a step of eight sequences of unequal length and the check of a
drafted sentence are all this one function, without padding and with one mask rule:
a token sees the keys at its own position and before.

Papers: Vaswani et al., arXiv:1706.03762; Radford et al. (2019). Where GPT-2 departs
from the first: the norm stands before each sub-layer, not after the addition, so
the stream itself is never normalised until the end; positions are learned.

Try: skip one block. Then skip its attention only. Which one hurts more?

Next: weights.py.
"""

import functools
import itertools
import math

import numpy as np

from .activations import ACTIVATION
from .fast.matmul import SMALL, matmul
from .fast.threads import share
from .inputs import check_ids, check_room
from .layers import layer_norm, linear, softmax

QUERY_BLOCK = 64  # at most so many queries at a time: see `attend`


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


def average(q, keys, values, out, mask=None):
    """``softmax(q @ k.T + mask) @ v``, head by head: each query takes the average of
    the values, weighted by how well it fits their keys.

    ``q``, ``out``: ``[n_head, n_query, d_head]``; ``keys``, ``values``: ``[n_head,
    n_key, d_head]``; ``mask [n_query, n_query]`` is for the last keys.
    """
    scores = q @ keys.swapaxes(1, 2)
    if mask is not None:
        scores[..., -len(mask) :] += mask
    np.matmul(softmax(scores, out=scores), values, out=out)


@functools.cache
def triangle(n):
    """The mask of ``n`` queries and their own keys: -inf above the diagonal."""
    return np.triu(np.full((n, n), -np.inf, np.float32), k=1)


def attend(q, memory, out):
    """The newest tokens of one sequence: each attends to itself and to all before it.

    ``q``, ``out``: ``[n_head, n_tok, d_head]``.
    ``memory``: ``[(keys, values), ...]``, oldest first; the last are the tokens' own.
    """
    n_head, n_tok, d_head = q.shape
    keys, values = (np.concatenate(m, axis=1) if m[1:] else m[0] for m in zip(*memory))
    n_seen = keys.shape[1] - n_tok

    def work(first, last):  # some heads, a block of queries at a time: so the scores
        start, heads = 0, slice(first, last)  # stay in the processor's cache, and no
        while start < n_tok:  # key ahead is ever touched
            size = SMALL // (d_head * (n_seen + start + QUERY_BLOCK))
            stop = min(start + min(max(size, 8), QUERY_BLOCK), n_tok)
            now, seen = (heads, slice(start, stop)), (heads, slice(n_seen + stop))
            mask = triangle(stop - start)
            average(q[now], keys[seen], values[seen], out[now], mask)
            start = stop

    share(work, n_head) if n_tok > QUERY_BLOCK else work(0, n_head)


def attend_each(q, memories, out):
    """The newest token of each of several sequences. What neighbours share, the prompt
    of some beams, is read once for all of them.

    ``q``, ``out``: ``[n_head, n_sequence, d_head]``; ``memories``: as in `attend`.
    """
    if len(memories) == len(memories[0]) == 1:
        return average(q, *memories[0][0], out)
    pieces = []  # whose, which of their keys, keys, values
    begin = [memory[0] for memory in memories]
    for _, same in itertools.groupby(range(len(begin)), lambda i: id(begin[i])):
        first, *others = same
        keys, values = begin[first]
        rows = slice(first, first + 1 + len(others))
        pieces.append((rows, slice(keys.shape[1]), keys, values))
    lengths = [keys.shape[1] for keys, _ in begin]
    for i, memory in enumerate(memories):
        for keys, values in memory[1:]:
            start, lengths[i] = lengths[i], lengths[i] + keys.shape[1]
            pieces.append((slice(i, i + 1), slice(start, lengths[i]), keys, values))
    scores = np.empty((len(q), len(memories), max(lengths)), q.dtype)
    if min(lengths) < max(lengths):
        scores.fill(-np.inf)
    for rows, columns, keys, _ in pieces:
        np.matmul(q[:, rows], keys.swapaxes(1, 2), out=scores[:, rows, columns])
    weights = softmax(scores, out=scores)
    for rows, columns, _, values in pieces:
        heard = weights[:, rows, columns] @ values
        out[:, rows] = out[:, rows] + heard if columns.start else heard


def attention(x, caches, rows, layer, config, c_attn, c_proj):
    """Multi-head self-attention of the new tokens ``x [n_tok, n_embd]``.

    One linear layer makes queries, keys and values; every sequence's cache appends
    the new keys and values and hands back all; the heads' results, side by side
    again, go through a second linear layer.
    """
    n = config.n_head
    scale = 1 / math.sqrt(config.d_head) if config.scale_attn_weights else 1.0
    if config.scale_attn_by_inverse_layer_idx:
        scale /= layer + 1
    qkv = linear(x, **c_attn).reshape(-1, 3 * config.n_embd)
    heads = split_heads(qkv, 3 * n)  # q's heads, then k's, then v's
    q, k, v = heads[:n] * scale, heads[n : 2 * n], heads[2 * n :]
    memories = [c.update(layer, k[:, own], v[:, own]) for c, own in zip(caches, rows)]
    heard = np.empty((len(qkv), config.n_embd), x.dtype)
    out = split_heads(heard, n)  # a view: what is written to it stands in `heard`
    if len(memories) == len(heard):
        attend_each(q, memories, out)
    else:
        for memory, own in zip(memories, rows):
            attend(q[:, own], memory, out[:, own])
    return linear(heard.reshape(x.shape), **c_proj)


def mlp(x, activation, c_fc, c_proj):
    """Two linear layers, four times as wide in between, row by row."""
    return linear(activation(linear(x, **c_fc)), **c_proj)


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
    ``caches``: a KVCache for each, extended when the last state has been yielded.
    """
    sequences = [check_ids(ids, config) for ids in sequences]
    for ids, cache in zip(sequences, caches):
        check_room(cache.n_tok, len(ids), config)
    stops = np.cumsum([len(ids) for ids in sequences]).tolist()
    rows = [slice(a, b) for a, b in zip([0, *stops], stops)]
    positions = [np.arange(len(i)) + c.n_tok for i, c in zip(sequences, caches)]
    x = params["wte"]["weight"][np.concatenate(sequences)]
    x = x + params["wpe"]["weight"][np.concatenate(positions)]
    yield x
    if len(x) == 1:  # NumPy adds two vectors faster than a vector to a matrix's row
        x = x[0]
    for layer, block_params in enumerate(params["h"]):
        x = block(x, block_params, caches, rows, layer, config)
        yield np.atleast_2d(x)
    for ids, cache in zip(sequences, caches):
        cache.advance(len(ids))
    x = layer_norm(x, **params["ln_f"], epsilon=config.layer_norm_epsilon)
    yield np.atleast_2d(x)


def unembed(hidden, params):
    """Hidden rows -> logits: ``[n_tok, n_embd] -> [n_tok, n_vocab]``.

    The matrix is the transpose of the embedding (Press & Wolf, arXiv:1608.05859)
    unless the model brings one of its own. Decoding calls this on the last row only.
    """
    weight = params.get("lm_head", params["wte"])["weight"]
    return matmul(hidden, weight.T)
