"""The MLP, a block of its hidden units at a time.

    mlp(x) = activation(x @ w_fc + b_fc) @ w_proj + b_proj

Every hidden unit has a column of ``w_fc``, by which it looks at ``x``, and a row of
``w_proj``, which it adds to the result, and it knows nothing of the other units. So the
formula is a sum over blocks of units:

    mlp(x) = b_proj + sum over the blocks of
                      activation(x @ w_fc[:, block] + b_fc[block]) @ w_proj[block]

The processor's cores share the blocks and meet once, where two products and the
activation between them would have them meet three times. With several GPUs in place of
cores this is known as tensor parallelism: Shoeybi et al., arXiv:1909.08053.

Next: layers.py.
"""

import numpy as np

from .blas import OPENBLAS
from .matmul import ENOUGH, FEW_ROWS, affine, multiply
from .threads import share

UNITS = 384  # at a time, for a few rows: 2.4 MB of weights in GPT-2 124M


def mlp_by_units(x, activation, c_fc, c_proj):
    """``activation(x @ w_fc + b_fc) @ w_proj + b_proj``, ``[n_tok, n_embd]`` -> the
    same. ``c_fc``, ``c_proj``: dicts of ``weight`` and ``bias``; ``activation`` works
    on each number by itself."""
    w_fc, b_fc, w_proj = c_fc["weight"], c_fc["bias"], c_proj["weight"]
    is_plain = isinstance(w_fc, np.ndarray) and OPENBLAS
    if not is_plain or len(x) == 1 or len(x) * w_fc.size < ENOUGH:
        return affine(activation(affine(x, **c_fc)), **c_proj)
    n_unit = len(w_proj)
    size = UNITS if len(x) <= FEW_ROWS else -(-n_unit // 4)
    parts = np.empty((-(-n_unit // size), len(x), w_proj.shape[1]), x.dtype)

    def work(start, stop):
        z = multiply(x, w_fc[:, start:stop])
        z += b_fc[start:stop]
        parts[start // size] = multiply(activation(z), w_proj[start:stop])

    share(work, n_unit, size)
    out = np.add.reduce(parts, axis=0)
    out += c_proj["bias"]
    return out
