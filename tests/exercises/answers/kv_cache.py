import math

import numpy as np

from numpygpt import plain
from numpygpt.plain import layer_norm, linear, mlp, softmax


def _read(ids, params, n_head, cache, first=None, shift=1, axis=1, store=True):
    n_seen = cache[0][0].shape[1] if cache else 0
    start = n_seen if first is None else first
    x = params["wte"]["weight"][ids] + params["wpe"]["weight"][start : start + len(ids)]
    for layer, p in enumerate(params["h"]):
        qkv = linear(layer_norm(x, **p["ln_1"]), **p["attn"]["c_attn"])
        q, k, v = (
            part.reshape(len(x), n_head, -1).transpose(1, 0, 2)
            for part in np.split(qkv, 3, axis=1)
        )
        if layer < len(cache):
            old_k, old_v = cache[layer]
            k = np.concatenate([old_k, k], axis=axis)
            v = np.concatenate([old_v, v], axis=axis)
            if store:
                cache[layer] = (k, v)
        elif store:
            cache.append((k, v))
        n = k.shape[1]
        mask = np.full((len(x), n), -np.inf, np.float32)
        mask = np.triu(mask, shift if shift is not None else n - len(x) + 1)
        if shift == 1:
            mask = np.triu(np.full((len(x), n), -np.inf, np.float32), n - len(x) + 1)
        elif shift == 0:
            mask = np.triu(np.full((len(x), n), -np.inf, np.float32), 1)
        else:
            mask = np.zeros((len(x), n), np.float32)
        z = softmax(q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1]) + mask) @ v
        z = z.transpose(1, 0, 2).reshape(len(x), -1)
        x = x + linear(z, **p["attn"]["c_proj"])
        x = x + mlp(layer_norm(x, **p["ln_2"]), **p["mlp"])
    return layer_norm(x, **params["ln_f"]) @ params["wte"]["weight"].T


def right_arrays(ids, params, n_head, cache):
    return _read(ids, params, n_head, cache)


def right_one_at_a_time(ids, params, n_head, cache):
    return np.concatenate([_read([i], params, n_head, cache) for i in ids])


def wrong_forgets(ids, params, n_head, cache):
    """It forgets"""
    cache = []
    return _read(ids, params, n_head, cache)


def wrong_positions(ids, params, n_head, cache):
    """positions begin at 0"""
    return _read(ids, params, n_head, cache, first=0)


def wrong_mask(ids, params, n_head, cache):
    """begin behind those"""
    return _read(ids, params, n_head, cache, shift=0)


def wrong_no_mask(ids, params, n_head, cache):
    """of the new ones only"""
    return _read(ids, params, n_head, cache, shift=2)


def wrong_recomputes(ids, params, n_head, cache):
    """nothing is gained"""
    cache += ids
    return plain.logits(cache, params, n_head)[-len(ids) :]


def wrong_axis(ids, params, n_head, cache):
    """raised"""
    return _read(ids, params, n_head, cache, axis=0)


def wrong_all_rows(ids, params, n_head, cache):
    """More rows"""
    cache += ids
    return plain.logits(cache, params, n_head)


def wrong_at_once(ids, params, n_head, cache):
    """first call is wrong already"""
    return _read(ids, params, n_head, cache) + 1


def wrong_later(ids, params, n_head, cache):
    """later one is not"""
    is_later = bool(cache) and len(ids) == 1
    return _read(ids, params, n_head, cache) + is_later
