"""Causal attention of several sequences, by the shape of what there is to do.

The plain formula, for each head of each sequence, is one line:

    z = softmax(q @ k.T + causal_mask) @ v

Computed so, a prompt of 1,000 tokens makes a square of a million scores a head, half
of which the mask throws away, and walks over it four times. Two better ways:

- `prefill`, many new tokens of one sequence: a block of queries at a time, against the
  keys up to the block's last. Its scores stay in the processor's cache, no key that
  lies ahead is touched, and the mask is needed for the block's own keys alone. Heads
  are shared among the cores.
- `decode`, one new token of each of several sequences: no mask at all, for a new token
  sees everything. Sequences that share a prompt (beams) read its keys together.

What a sequence remembers is a list of ``(keys, values)``, each ``[n_head, n_key,
d_head]``, oldest first: what it shares with others, then its own (cache.py).
"""

import functools
import itertools

import numpy as np

from .blas import on_one_thread
from .threads import share

QUERY_BLOCK = 64  # so many queries at a time


@on_one_thread
def causal_attention(q, keys_values, rows):
    """``softmax(q @ k.T + causal_mask) @ v``: ``[n_head, n_tok, d_head]`` -> the same.

    ``q``: the new tokens of all sequences, laid end to end, already scaled.
    ``keys_values``: of each sequence its ``[(keys, values), ...]``, the new ones last.
    ``rows``: which of the new tokens are a sequence's, a slice each.
    """
    n_head, n_tok, d_head = q.shape
    # Laid out so that putting the heads side by side again, [n_tok, n_embd], is free.
    out = np.empty((n_tok, n_head, d_head), q.dtype).transpose(1, 0, 2)
    if len(keys_values) == n_tok:
        decode(q, keys_values, out)
    else:
        for parts, own in zip(keys_values, rows):
            prefill(q[:, own], parts, out[:, own])
    return out


def attend(q, keys, values, out, mask=None):
    """``softmax(q @ k.T + mask) @ v`` into ``out``. ``mask [n_query, n_query]`` is for
    the last keys; what stands before them is seen by all."""
    scores = q @ keys.swapaxes(1, 2)
    if mask is not None:
        scores[..., -len(mask) :] += mask
    np.matmul(softmax_in_place(scores), values, out=out)


def softmax_in_place(scores):
    """``exp(x) / exp(x).sum()``, row by row, in the array itself: a second one of the
    size of the scores would not stay in the cache beside it."""
    scores -= np.maximum.reduce(scores, axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= np.add.reduce(scores, axis=-1, keepdims=True)
    return scores


@functools.cache
def causal_mask(n):
    """The mask of ``n`` queries and their own keys: -inf above the diagonal."""
    return np.triu(np.full((n, n), -np.inf, np.float32), k=1)


def prefill(q, parts, out):
    """The new tokens of one sequence: each attends to itself and to all before it."""
    n_head, n_tok, _ = q.shape
    keys, values = (np.concatenate(m, axis=1) if m[1:] else m[0] for m in zip(*parts))
    n_seen = keys.shape[1] - n_tok

    def work(first, last):
        heads = slice(first, last)
        for start in range(0, n_tok, QUERY_BLOCK):
            stop = min(start + QUERY_BLOCK, n_tok)
            now, seen = (heads, slice(start, stop)), (heads, slice(n_seen + stop))
            mask = causal_mask(stop - start)
            attend(q[now], keys[seen], values[seen], out[now], mask)

    share(work, n_head, -(-n_head // 4) if n_tok > QUERY_BLOCK else n_head)


def decode(q, keys_values, out):
    """One new token of each of several sequences, ``[n_head, n_sequence, d_head]``."""
    if len(keys_values) == len(keys_values[0]) == 1:
        return attend(q, *keys_values[0][0], out)
    pieces, lengths = pieces_of(keys_values)
    scores = np.empty((len(q), len(keys_values), max(lengths)), q.dtype)
    if min(lengths) < max(lengths):
        scores.fill(-np.inf)
    for rows, columns, keys, _ in pieces:
        np.matmul(q[:, rows], keys.swapaxes(1, 2), out=scores[:, rows, columns])
    weights = softmax_in_place(scores)
    for rows, columns, _, values in pieces:
        z = weights[:, rows, columns] @ values
        out[:, rows] = out[:, rows] + z if columns.start else z


def pieces_of(keys_values):
    """``[(whose, which of their keys, keys, values), ...]``, and how many keys each
    sequence has. Neighbours whose lists begin with the same keys have one piece in
    common for them."""
    pieces, begin = [], [parts[0] for parts in keys_values]
    for _, same in itertools.groupby(range(len(begin)), lambda i: id(begin[i])):
        first, *others = same
        keys, values = begin[first]
        rows = slice(first, first + 1 + len(others))
        pieces.append((rows, slice(keys.shape[1]), keys, values))
    lengths = [keys.shape[1] for keys, _ in begin]
    for i, parts in enumerate(keys_values):
        for keys, values in parts[1:]:
            start, lengths[i] = lengths[i], lengths[i] + keys.shape[1]
            pieces.append((slice(i, i + 1), slice(start, lengths[i]), keys, values))
    return pieces, lengths
