from functools import reduce

import numpy as np

from numpygpt.plain import block, layer_norm, softmax


def right_loop(ids, params, n_head):
    wte, wpe = params["wte"]["weight"], params["wpe"]["weight"]
    x = wte[ids] + wpe[: len(ids)]
    for p in params["h"]:
        x = block(x, p, n_head)
    return layer_norm(x, **params["ln_f"]) @ wte.T


def right_one_hot(ids, params, n_head):
    wte, wpe = params["wte"]["weight"], params["wpe"]["weight"]
    x = np.eye(len(wte), dtype=wte.dtype)[ids] @ wte + wpe[np.arange(len(ids))]
    x = reduce(lambda x, p: block(x, p, n_head), params["h"], x)
    norm = params["ln_f"]
    return np.einsum("te,ve->tv", layer_norm(x, norm["weight"], norm["bias"]), wte)


def wrong_no_positions(ids, params, n_head):
    """positions are missing"""
    x = params["wte"]["weight"][ids]
    for p in params["h"]:
        x = block(x, p, n_head)
    return layer_norm(x, **params["ln_f"]) @ params["wte"]["weight"].T


def wrong_from_one(ids, params, n_head):
    """positions begin at 1"""
    x = params["wte"]["weight"][ids] + params["wpe"]["weight"][1 : len(ids) + 1]
    for p in params["h"]:
        x = block(x, p, n_head)
    return layer_norm(x, **params["ln_f"]) @ params["wte"]["weight"].T


def wrong_no_norm(ids, params, n_head):
    """ln_f, is missing"""
    x = params["wte"]["weight"][ids] + params["wpe"]["weight"][: len(ids)]
    for p in params["h"]:
        x = block(x, p, n_head)
    return x @ params["wte"]["weight"].T


def wrong_backwards(ids, params, n_head):
    """wrong order"""
    return right_loop(ids, params | {"h": params["h"][::-1]}, n_head)


def wrong_first_again(ids, params, n_head):
    """first block runs again"""
    x = params["wte"]["weight"][ids] + params["wpe"]["weight"][: len(ids)]
    for _ in params["h"]:
        x = block(x, params["h"][0], n_head)
    return layer_norm(x, **params["ln_f"]) @ params["wte"]["weight"].T


def wrong_last_row(ids, params, n_head):
    """Only the last row"""
    return right_loop(ids, params, n_head)[-1]


def wrong_probabilities(ids, params, n_head):
    """These are probabilities"""
    return softmax(right_loop(ids, params, n_head))


def wrong_by_id(ids, params, n_head):
    """picked by the token's id"""
    x = params["wte"]["weight"][ids] + params["wpe"]["weight"][ids]
    for p in params["h"]:
        x = block(x, p, n_head)
    return layer_norm(x, **params["ln_f"]) @ params["wte"]["weight"].T


def wrong_in_place(ids, params, n_head):
    """changes its argument params"""
    x = params["wte"]["weight"]
    x[ids] += 0.5
    x = x[ids] - 0.5 + params["wpe"]["weight"][: len(ids)]
    for p in params["h"]:
        x = block(x, p, n_head)
    params["wte"]["weight"][ids] -= 0.5
    params["h"].append(None)
    return layer_norm(x, **params["ln_f"]) @ params["wte"]["weight"].T


def wrong_one_block(ids, params, n_head):
    """Only one block"""
    return right_loop(ids, params | {"h": params["h"][:1]}, n_head)
