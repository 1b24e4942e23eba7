"""The functions that config.json may name in the place of GPT-2's own GELU.

Each works element by element and keeps the dtype. GPT-2 itself needs only
`layers.gelu_new`; a first reading may skip this file.
"""

import math
from functools import cache

import numpy as np

from .layers import gelu_new


def gelu(x):
    """GELU as defined: ``x * Phi(x)``, Phi the normal distribution function, that is
    ``x * erfc(-x / sqrt(2)) / 2``. nanoGPT's models use it."""
    # = max(x, 0) - |x| * Phi(-|x|), where the second term soon vanishes
    z = np.minimum(np.abs(x) * math.sqrt(1 / 2), 6.0)  # beyond 6, erfc < 1e-16
    return np.maximum(x, 0) - z * math.sqrt(1 / 2) * _erfc(z)


def _erfc(z):
    """The complementary error function on [0, 6], which NumPy lacks.

    ``erfc(z) = t * exp(-z*z + p(t))`` with ``t = 2 / (2 + z)`` is a form in which
    what remains, p, is nearly flat (Press et al., Numerical Recipes, 6.2.2).
    """
    t = 2 / (2 + z)
    first, *rest = _erfc_polynomial()[::-1]
    p = np.full_like(t, first)
    u = (t - 0.625) / 0.375
    for coefficient in rest:
        p = p * u + coefficient
    return t * np.exp(p - z * z)


@cache
def _erfc_polynomial():
    """p's coefficients, from exact values of the standard library's erfc at 23
    Chebyshev points of t in [1/4, 1], rescaled to [-1, 1]."""
    from numpy.polynomial import chebyshev

    def p(u):
        t = 0.625 + 0.375 * u
        z = 2 / t - 2
        exact = [math.log(math.erfc(a)) + a * a - math.log(b) for a, b in zip(z, t)]
        return np.array(exact)

    return chebyshev.cheb2poly(chebyshev.chebinterpolate(p, 22)).tolist()


def silu(x):
    """``x * sigmoid(x)``, also called swish."""
    # sigmoid(x) = (1 + tanh(x / 2)) / 2, which cannot overflow
    return x * (0.5 + 0.5 * np.tanh(0.5 * x))


ACTIVATION = {
    "gelu_new": gelu_new,
    "gelu_pytorch_tanh": gelu_new,
    "gelu": gelu,
    "relu": lambda x: np.maximum(x, 0),
    "silu": silu,
    "swish": silu,
    "tanh": np.tanh,
}
