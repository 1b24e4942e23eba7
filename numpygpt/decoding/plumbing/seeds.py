"""Where random numbers come from.

The k-th sequence of a prompt gets the stream ``(seed, k)``: the same prompt, seed and k
give the same text, alone or in any batch. A call without a seed takes the next one of a
sequence that `set_seed` begins anew.
"""

import numpy as np

_seeds = np.random.default_rng()


def set_seed(seed):
    """Make what follows repeatable: every later call of generate without a seed of
    its own takes the next seed of this sequence."""
    global _seeds
    _seeds = np.random.default_rng(check_seed(seed))


def new_seed():
    """The seed for a call that was given none."""
    return int(_seeds.integers(2**32))


def check_seed(seed):
    """The seed of a call: a new one if it has none."""
    if seed is None:
        return new_seed()
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be an integer of at least 0, not {seed!r}")
    return int(seed)


def stream(seed, k):
    """The random numbers of the k-th sequence returned for a prompt."""
    return np.random.default_rng([seed, k])
