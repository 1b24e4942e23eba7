import numpy as np

from numpygpt.plain import block, layer_norm, softmax


def _states(ids, params, n_head):
    x = params["wte"]["weight"][ids] + params["wpe"]["weight"][: len(ids)]
    yield x
    for p in params["h"]:
        x = block(x, p, n_head)
        yield x


def right_loop(ids, params, n_head):
    rows = [x[-1] for x in _states(ids, params, n_head)]
    return np.stack(
        [layer_norm(r, **params["ln_f"]) @ params["wte"]["weight"].T for r in rows]
    )


def right_shorter_models(ids, params, n_head):
    from numpygpt.plain import logits

    n = len(params["h"])
    return np.array(
        [logits(ids, params | {"h": params["h"][:i]}, n_head)[-1] for i in range(n + 1)]
    )


def wrong_no_norm(ids, params, n_head):
    """ln_f, is missing"""
    return (
        np.stack([x[-1] for x in _states(ids, params, n_head)])
        @ params["wte"]["weight"].T
    )


def wrong_no_first(ids, params, n_head):
    """before the first block is missing"""
    return right_loop(ids, params, n_head)[1:]


def wrong_no_last(ids, params, n_head):
    """after the last block is missing"""
    return right_loop(ids, params, n_head)[:-1]


def wrong_first_token(ids, params, n_head):
    """first token's row"""
    rows = np.stack([x[0] for x in _states(ids, params, n_head)])
    return layer_norm(rows, **params["ln_f"]) @ params["wte"]["weight"].T


def wrong_all(ids, params, n_head):
    """All tokens' rows"""
    rows = np.stack([x for x in _states(ids, params, n_head)])
    return layer_norm(rows, **params["ln_f"]) @ params["wte"]["weight"].T


def wrong_probabilities(ids, params, n_head):
    """These are probabilities"""
    return softmax(right_loop(ids, params, n_head))


def wrong_normed_stream(ids, params, n_head):
    """stream itself is normed"""
    x = params["wte"]["weight"][ids] + params["wpe"]["weight"][: len(ids)]
    x = layer_norm(x, **params["ln_f"])
    rows = [x[-1]]
    for p in params["h"]:
        x = layer_norm(block(x, p, n_head), **params["ln_f"])
        rows.append(x[-1])
    return np.stack(rows) @ params["wte"]["weight"].T


def wrong_last_twice(ids, params, n_head):
    """last row is not the model's"""
    rows = np.stack([x[-1] for x in _states(ids, params, n_head)])
    rows[-1] = layer_norm(rows[-1], **params["ln_f"])
    return layer_norm(rows, **params["ln_f"]) @ params["wte"]["weight"].T
