import copy
import math

import numpy as np

from numpygpt.plain import block, layer_norm, linear, logits, mlp, softmax


def right_rows(ids, params, n_head, layer, head):
    params = copy.deepcopy(params)
    weight = params["h"][layer]["attn"]["c_proj"]["weight"]
    d = len(weight) // n_head
    weight[head * d : (head + 1) * d] = 0
    return logits(ids, params, n_head)


def right_forward(ids, params, n_head, layer, head):
    x = params["wte"]["weight"][ids] + params["wpe"]["weight"][: len(ids)]
    for i, p in enumerate(params["h"]):
        if i != layer:
            x = block(x, p, n_head)
            continue
        qkv = linear(layer_norm(x, **p["ln_1"]), **p["attn"]["c_attn"])
        q, k, v = (
            part.reshape(len(x), n_head, -1).transpose(1, 0, 2)
            for part in np.split(qkv, 3, axis=-1)
        )
        mask = np.triu(np.full((len(x), len(x)), -np.inf, x.dtype), 1)
        z = softmax(q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1]) + mask) @ v
        z[head] = 0
        x = x + linear(z.transpose(1, 0, 2).reshape(len(x), -1), **p["attn"]["c_proj"])
        x = x + mlp(layer_norm(x, **p["ln_2"]), **p["mlp"])
    return layer_norm(x, **params["ln_f"]) @ params["wte"]["weight"].T


def wrong_columns(ids, params, n_head, layer, head):
    """columns of c_proj"""
    params = copy.deepcopy(params)
    weight = params["h"][layer]["attn"]["c_proj"]["weight"]
    d = len(weight) // n_head
    weight[:, head * d : (head + 1) * d] = 0
    return logits(ids, params, n_head)


def wrong_interleaved(ids, params, n_head, layer, head):
    """lie side by side"""
    params = copy.deepcopy(params)
    params["h"][layer]["attn"]["c_proj"]["weight"][head::n_head] = 0
    return logits(ids, params, n_head)


def wrong_every_layer(ids, params, n_head, layer, head):
    """from every layer"""
    params = copy.deepcopy(params)
    for p in params["h"]:
        weight = p["attn"]["c_proj"]["weight"]
        d = len(weight) // n_head
        weight[head * d : (head + 1) * d] = 0
    return logits(ids, params, n_head)


def wrong_in_place(ids, params, n_head, layer, head):
    """changes its argument params"""
    weight = params["h"][layer]["attn"]["c_proj"]["weight"]
    d = len(weight) // n_head
    weight[head * d : (head + 1) * d] = 0
    return logits(ids, params, n_head)


def wrong_shallow_copy(ids, params, n_head, layer, head):
    """changes its argument params"""
    return wrong_in_place(ids, dict(params), n_head, layer, head)


def wrong_values(ids, params, n_head, layer, head):
    """values' weights are 0"""
    params = copy.deepcopy(params)
    weight = params["h"][layer]["attn"]["c_attn"]["weight"]
    n_embd = len(weight)
    d = n_embd // n_head
    weight[:, 2 * n_embd + head * d : 2 * n_embd + (head + 1) * d] = 0
    return logits(ids, params, n_head)


def wrong_nothing(ids, params, n_head, layer, head):
    """Nothing is removed"""
    return logits(ids, params, n_head)


def wrong_all_heads(ids, params, n_head, layer, head):
    """All heads of the layer"""
    params = copy.deepcopy(params)
    params["h"][layer]["attn"]["c_proj"]["weight"][:] = 0
    return logits(ids, params, n_head)


def wrong_bias(ids, params, n_head, layer, head):
    """bias is gone"""
    params = copy.deepcopy(params)
    params["h"][layer]["attn"]["c_proj"]["bias"][:] = 0
    return right_rows(ids, params, n_head, layer, head)


def wrong_other_head(ids, params, n_head, layer, head):
    """Another head"""
    return right_rows(ids, params, n_head, layer, (head + 1) % n_head)


def wrong_other_layer(ids, params, n_head, layer, head):
    """head of another layer"""
    return right_rows(ids, params, n_head, (layer + 1) % len(params["h"]), head)
