"""A key/value cache: read every token once.

To append one token, numpygpt.plain reads the whole text again. But the keys and values
of earlier tokens never change: a token looks only back, so what comes later cannot
alter it. Keep them, and a step of generation has one row to compute instead of all.

Write one function that reads *new* tokens and remembers. ``cache`` is a list, empty at
first, that belongs to you: put into it what you like; it comes back at the next call.
Three places differ from the plain model:

- positions go on where the last call stopped;
- attention uses all keys and values, the old ones and the new;
- the new tokens see all old tokens, and among themselves only what stands before.

Your function is called with texts cut into parts of different lengths and must give
the rows that the plain model gives, and it must be faster in the long run.
"""

import math
import os
import time

import numpy as np

from ... import cache, plain
from ...plain import layer_norm, linear, mlp, softmax
from ..examples import tiny_params

NAME = "read"
# The thread's own time, where there is such a clock: others may be busy, too. (That of
# the process has only ticks where its time is limited, as by `ulimit -t`.)
CLOCK = time.perf_counter if os.name == "nt" else time.thread_time
STUB = '''
import math

import numpy as np

from numpygpt.plain import layer_norm, linear, mlp, softmax


def read(ids, params, n_head, cache):
    """The logits of the new tokens, given all that was read with this cache before.

    ids: a list of n_new ints -> [n_new, n_vocab], float32. cache: a list, [] at first;
    change it as you like. params as in the exercise logits; numpygpt/plain.py has the
    plain model to begin from.

    >>> from numpygpt.exercises.examples import tiny_params
    >>> from numpygpt.plain import logits
    >>> params, cache = tiny_params(5, 8, 4, 2), []
    >>> first, second = read([3, 1], params, 2, cache), read([4], params, 2, cache)
    >>> whole = logits([3, 1, 4], params, 2)
    >>> bool(np.allclose(np.concatenate([first, second]), whole, atol=1e-5))
    True
    """
    raise NotImplementedError
'''
HINTS = [
    "The cache can hold, for each layer, a list [k, v] of arrays "
    "[n_head, n_seen, d_head]. How many tokens were read is then its shape.",
    "In attention: k = np.concatenate([old_k, k], axis=1), the same for v, and store "
    "both. q stays that of the new tokens.",
    "The scores are [n_head, n_new, n_seen + n_new]. A mask with "
    "np.triu(..., k=1 + n_seen) lets each new token see all the old ones.",
    "Positions: wpe[n_seen : n_seen + n_new].",
]


def read(ids, params, n_head, cache, offset=True):
    n_seen = cache[0][0].shape[1] if cache else 0
    x = params["wte"]["weight"][ids]
    x = x + params["wpe"]["weight"][n_seen : n_seen + len(ids)]
    cache += [None] * (len(params["h"]) - len(cache))
    for layer, p in enumerate(params["h"]):
        normed = layer_norm(x, **p["ln_1"])
        seen = cache[layer]
        z, cache[layer] = attend(normed, n_head, seen, offset=offset, **p["attn"])
        x = x + z
        x = x + mlp(layer_norm(x, **p["ln_2"]), **p["mlp"])
    return layer_norm(x, **params["ln_f"]) @ params["wte"]["weight"].T


def attend(x, n_head, seen, c_attn, c_proj, offset=True):
    q, k, v = (
        part.reshape(len(x), n_head, -1).transpose(1, 0, 2)
        for part in np.split(linear(x, **c_attn), 3, axis=-1)
    )
    if seen is not None:
        k, v = (np.concatenate(pair, axis=1) for pair in zip(seen, (k, v)))
    n_seen = k.shape[1] - len(x) if offset else 0
    mask = np.triu(np.full((len(x), k.shape[1]), -np.inf, x.dtype), k=1 + n_seen)
    z = softmax(q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1]) + mask) @ v
    return linear(z.transpose(1, 0, 2).reshape(len(x), -1), **c_proj), (k, v)


SOLUTION = [read, attend, cache.KVCache]


def answer(parts, params, n_head):
    whole = plain.logits([i for part in parts for i in part], params, n_head)
    stops = np.cumsum([len(part) for part in parts])
    return np.split(whole, stops[:-1])


def use(function):
    """What is graded: the calls of a whole text, part by part, with one cache."""

    def read_parts(parts, params, n_head):
        cache = []
        return [function(list(part), params, n_head, cache) for part in parts]

    read_parts.__wrapped__ = function  # whose file an error is looked for in
    return read_parts


def call(parts, params, n_head):
    """How the calls are shown."""
    return "cache = []\n[read(part, params, n_head, cache) for part in parts]"


def first_wrong(got, expected):
    right = [np.allclose(a, b, atol=1e-3) for a, b in zip(got, expected)]
    return right.index(False)


def forgetful(parts, params, n_head):
    return [plain.logits(part, params, n_head) for part in parts]


def restarted(parts, params, n_head):
    """Attention remembers, but positions begin at 0 in every call."""
    wpe = params["wpe"]["weight"]
    rows = [i for part in parts for i in range(len(part))]
    moved = params | {"wpe": {"weight": wpe[rows]}}
    return answer(parts, moved, n_head)


def no_offset(parts, params, n_head):
    """The mask is that of the plain model, though there are old keys in front."""
    cache = []
    return [read(part, params, n_head, cache, offset=False) for part in parts]


def near(wrong):
    def has(got, expected, *args):
        return all(np.allclose(a, b, atol=1e-3) for a, b in zip(wrong(*args), got))

    return has


SYMPTOMS = {
    "More rows come out than there are new tokens: only theirs are asked for.": (
        lambda got, expected, *args: any(len(a) > len(b) for a, b in zip(got, expected))
    ),
    "It forgets: each call comes out as if nothing "
    "had been read before. Does the cache "
    "keep what you put into it (append to the list; "
    "`cache = ...` makes another one)?": (near(forgetful)),
    "The positions begin at 0 again in every call; "
    "they go on where the last stopped.": (near(restarted)),
    "The new tokens do not see all the old ones: there are old keys in front of their "
    "own, and the mask has to begin behind those.": near(no_offset),
    "The first call is wrong already, with nothing in the cache.": (
        lambda got, expected, *args: first_wrong(got, expected) == 0
    ),
    "A call with several new tokens is wrong: the mask must let "
    "each new token see all the old ones, and of the "
    "new ones only those up to itself.": (
        lambda got, expected, parts, *args: len(parts[first_wrong(got, expected)]) > 1
    ),
    "The first call is right and a later one is not.": (
        lambda got, expected, *args: first_wrong(got, expected) > 0
    ),
}


def cases():
    rng = np.random.default_rng(0)
    for sizes, shape, n_head in [
        ([1], (3, 4, 2, 1), 1), ([2], (3, 4, 2, 1), 1), ([1, 1], (3, 4, 2, 1), 1),
        ([2, 1], (3, 4, 4, 1), 2), ([1, 2], (3, 4, 4, 1), 2), ([2, 3], (5, 8, 6, 2), 3),
        ([1, 1, 1, 1], (5, 8, 6, 2), 2), ([3, 1, 4, 2], (5, 12, 8, 3), 4),
    ]:  # fmt: skip
        parts = [rng.integers(0, shape[0], n).tolist() for n in sizes]
        yield parts, tiny_params(*shape), n_head


def extra(function):
    """Is it faster? One more token behind 200, against 201 tokens anew."""
    params, n_head = tiny_params(50, 256, 48, 3), 4
    ids, own = [i % 50 for i in range(201)], []
    function(ids[:200], params, n_head, own)
    step, anew = math.inf, math.inf
    for _ in range(15):  # a step makes the text longer: 215 tokens at most
        begin = CLOCK()
        function([1], params, n_head, own)
        step = min(step, CLOCK() - begin)
        begin = CLOCK()
        plain.logits(ids, params, n_head)
        anew = min(anew, CLOCK() - begin)
    if step * 3 < anew:
        return None
    return (
        f"The values are right, but nothing is gained: a token behind 200 others takes "
        f"{step * 1e3:.1f} ms, and reading all 201 anew takes {anew * 1e3:.1f} ms. "
        "Compute only the rows of the new tokens."
    )
