"""Other people's samplers as functions that the checks take.

A check wants ``f(logits) -> logits`` or ``f(logits, rng) -> token``, on NumPy arrays.
Each adapter is a few lines; write one for whatever else you have.
"""

import numpy as np

__tracebackhide__ = True


def from_transformers(processor):
    """A ``LogitsProcessor`` or ``LogitsWarper`` of transformers, or a list of them, as
    ``f(logits, context=())``: a filter, or with ``context=`` a rule."""
    import torch

    processors = processor if isinstance(processor, (list, tuple)) else [processor]

    def f(logits, context=()):
        ids = torch.tensor([list(context)], dtype=torch.long)
        scores = torch.tensor(logits)[None]
        for one in processors:
            scores = one(ids, scores)
        return scores[0].numpy()

    return f


def torch_filter(f):
    """``f(tensor [n_vocab]) -> tensor`` as a filter; ``f(tensor, context)``, too."""
    import torch

    return lambda logits, *context: f(torch.tensor(logits), *context).detach().numpy()


def torch_sampler(f):
    """``f(tensor [n_vocab], torch.Generator) -> tensor of one token`` as a sampler."""
    import torch

    def sampler(logits, rng):
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        return int(f(torch.tensor(logits), generator))

    return sampler


def list_filter(f):
    """``f(list) -> list`` as a filter; ``f(list, context)``, too."""
    return lambda logits, *context: np.array(f(logits.tolist(), *context), logits.dtype)


def list_sampler(f):
    """``f(list, random) -> token`` as a sampler; ``random()`` is uniform in [0, 1)."""
    return lambda logits, rng: f(logits.tolist(), rng.random)


def from_llama_cpp(*parts, seed=True):
    """A chain of llama.cpp's samplers as ``f(logits, rng) -> token``.

    parts: makers, such as ``lambda: llama_cpp.llama_sampler_init_top_k(40)``.
    seed: end with a draw, ``llama_sampler_init_dist``, whose seed comes from ``rng``.

    Needs llama-cpp-python. A removed token is one that is not passed on."""
    import llama_cpp as c

    def f(logits, rng):
        chain = c.llama_sampler_chain_init(c.llama_sampler_chain_default_params())
        for part in parts:
            c.llama_sampler_chain_add(chain, part())
        if seed:
            dist = c.llama_sampler_init_dist(int(rng.integers(2**31)))
            c.llama_sampler_chain_add(chain, dist)
        left = np.flatnonzero(logits > -np.inf)
        data = (c.llama_token_data * len(left))(
            *((int(i), float(logits[i]), 0.0) for i in left)
        )
        array = c.llama_token_data_array(data, len(left), -1, False)
        c.llama_sampler_apply(chain, array)
        token = int(array.data[array.selected].id)
        c.llama_sampler_free(chain)
        return token

    return f
