"""Small things to try a function on. The same arguments give the same numbers, so a
reported example can be made again:

>>> from numpygpt.exercises.examples import tiny_params
>>> tiny_params(7, 8, 4, 1)["wte"]["weight"].shape
(7, 4)
"""

import functools

import numpy as np


def floats(seed, *shape, dtype=np.float32):
    """Numbers with one decimal, around 0."""
    rng = np.random.default_rng(seed)
    numbers = np.round(rng.standard_normal(shape) * 2, 1) + 0.0  # no -0
    return numbers.astype(dtype)


def probabilities(seed, n):
    """``n`` numbers that sum to 1, with two decimals, some of them 0; float64."""
    cuts = np.sort(np.random.default_rng(seed).integers(0, 101, n - 1))
    return np.round(np.diff([0, *cuts, 100]) / 100, 2)


def _linear(rng, n_in, n_out):
    weight = rng.standard_normal((n_in, n_out)) / n_in**0.5
    bias = rng.standard_normal(n_out) / 2
    return {"weight": weight.astype(np.float32), "bias": bias.astype(np.float32)}


def _norm(rng, n):
    weight, bias = 1 + rng.standard_normal(n) / 2, rng.standard_normal(n) / 2
    return {"weight": weight.astype(np.float32), "bias": bias.astype(np.float32)}


def _block(rng, n):
    return {
        "ln_1": _norm(rng, n),
        "attn": {"c_attn": _linear(rng, n, 3 * n), "c_proj": _linear(rng, n, n)},
        "ln_2": _norm(rng, n),
        "mlp": {"c_fc": _linear(rng, n, 4 * n), "c_proj": _linear(rng, 4 * n, n)},
    }


@functools.cache
def tiny_block(n_embd):
    """The parameters of one block, random but for their names and shapes."""
    return _block(np.random.default_rng(n_embd), n_embd)


@functools.cache
def tiny_params(n_vocab, n_ctx, n_embd, n_layer):
    """The parameters of a whole model, random; n_head may be what divides n_embd."""
    rng = np.random.default_rng([n_vocab, n_ctx, n_embd, n_layer])
    tables = {
        name: {"weight": rng.standard_normal((n, n_embd)).astype(np.float32)}
        for name, n in (("wte", n_vocab), ("wpe", n_ctx))
    }
    blocks = [_block(rng, n_embd) for _ in range(n_layer)]
    return tables | {"h": blocks, "ln_f": _norm(rng, n_embd)}
