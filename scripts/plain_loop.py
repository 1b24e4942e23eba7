"""GPT-2 the plain way: what a program in NumPy looks like before anybody measured it.

This is the algorithm of picoGPT, written anew to be raced against, and it is right:
its logits are those of numpygpt (tests/scripts/test_benchmark.py). It is slow for five
reasons, and each is one idea of the package:

- no cache: for every new token it reads the whole text again (cache.py);
- logits of all tokens, though only the last one's are asked for (model.unembed);
- the heads in a Python loop, and a mask of the full square, of which half is thrown
  away after it has been computed (model.attend);
- ``x**3``, which calls pow for every number (layers.gelu_new);
- a fresh array for every operation (layers.py), and weights as the file has them
  (matmul.arrange).

Try: give it a cache. How far does that alone get?
"""

import math

import numpy as np

from numpygpt import weights


def gelu(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def softmax(x):
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def layer_norm(x, weight, bias, epsilon):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return weight * (x - mean) / np.sqrt(variance + epsilon) + bias


def linear(x, weight, bias):
    return x @ weight + bias


def attention(x, n_head, c_attn, c_proj):
    """Every head by itself, ``[n_tok, n_embd] -> [n_tok, n_embd]``."""
    q, k, v = (np.split(part, n_head, axis=-1)
               for part in np.split(linear(x, **c_attn), 3, axis=-1))  # fmt: skip
    mask = (1 - np.tri(len(x), dtype=x.dtype)) * -1e10
    heads = []
    for i in range(n_head):
        scores = q[i] @ k[i].T / math.sqrt(q[i].shape[-1]) + mask
        heads.append(softmax(scores) @ v[i])
    return linear(np.hstack(heads), **c_proj)


class PlainLoop:
    """A model folder, with the methods that peers.py asks of everybody."""

    def __init__(self, folder):
        self.config, params = weights.load(folder)
        flat = weights.flatten(params)
        # As a file has them: row after row.
        flat = {name: np.ascontiguousarray(array) for name, array in flat.items()}
        self.params = weights.nest(flat)
        self.versions = {}

    def logits(self, ids):
        """``[n_tok, n_vocab]``, with GPT-2's own settings."""
        p, epsilon = self.params, self.config.layer_norm_epsilon
        x = p["wte"]["weight"][ids] + p["wpe"]["weight"][range(len(ids))]
        for layer in p["h"]:
            normed = layer_norm(x, **layer["ln_1"], epsilon=epsilon)
            x = x + attention(normed, self.config.n_head, **layer["attn"])
            normed = layer_norm(x, **layer["ln_2"], epsilon=epsilon)
            inner = gelu(linear(normed, **layer["mlp"]["c_fc"]))
            x = x + linear(inner, **layer["mlp"]["c_proj"])
        return layer_norm(x, **p["ln_f"], epsilon=epsilon) @ p["wte"]["weight"].T

    def generate(self, prompts, n_new):
        """The likeliest continuations, ``[[id, ...], ...]``, prompts included."""
        texts = [list(ids) for ids in prompts]
        for ids in texts:
            for _ in range(n_new):
                ids.append(int(self.logits(ids)[-1].argmax()))
        return texts

    def prefill(self, ids):
        return self.logits(ids)[-1:]
