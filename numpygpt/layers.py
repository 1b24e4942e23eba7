"""The small functions of page one, as the model uses them: linear, GELU, softmax, norm.

All of them work on the last axis of ``x [..., n]`` and do not care how many rows there
are or whose they are. All keep the dtype: float32 in, float32 out, and run in float64
they let the whole model be checked to ten digits.

The formula stands in each docstring. Below it the arithmetic is done in place, on
arrays that the function itself has just made: for a prompt of hundreds of tokens, a new
array for every operation costs as much as the operations. `by_rows` shares many rows
among the cores. Neither changes a result.

Try: replace `gelu_new` by ``np.maximum(x, 0)`` and see what the model still says.

Next: cache.py. (activations.py has what GPT-2's siblings use in gelu's place.)
"""

import math

import numpy as np

from .fast.matmul import affine
from .fast.threads import by_rows

# Constants are Python floats: they take the array's dtype, where a NumPy float64
# would turn a float32 array into float64.
SQRT_2_OVER_PI = math.sqrt(2 / math.pi)


def linear(x, weight, bias):
    """``x @ weight + bias``.

    GPT-2's checkpoint calls such a layer Conv1D, and its name begins with ``c_``: a
    convolution over the text that looks at one token at a time is a linear layer. Its
    weight is stored ``[n_in, n_out]``, where PyTorch's own layers have the transpose.
    """
    return affine(x, weight, bias)


@by_rows
def layer_norm(x, weight, bias, epsilon):
    """Bring every row to mean 0 and variance 1, then stretch and shift it as learned:

        weight * (x - mean) / sqrt(variance + epsilon) + bias

    Ba et al., arXiv:1607.06450. The variance divides by n, not by n - 1.
    """
    # x.mean() and x.var() do the same, but take longer to begin than a row takes
    n = x.shape[-1]
    mean = np.add.reduce(x, axis=-1) / n
    out = x - mean[..., None]
    variance = np.vecdot(out, out) / n
    out /= np.sqrt(variance + epsilon)[..., None]
    out *= weight
    out += bias
    return out


def softmax(x):
    """Scores -> weights that sum to one, row by row: ``exp(x) / exp(x).sum()``.

    The largest score is subtracted first: that changes nothing in the quotient and
    keeps exp from overflowing. A score of -inf gets the weight 0.

    >>> softmax(np.array([0.0, 1e4, -np.inf])).tolist()
    [0.0, 1.0, 0.0]
    """
    out = x - x.max(axis=-1, keepdims=True)
    np.exp(out, out=out)
    out /= out.sum(axis=-1, keepdims=True)
    return out


def log_softmax(x):
    """``log(softmax(x))``, row by row, where softmax alone would round to 0."""
    out = x - x.max(axis=-1, keepdims=True)
    out -= np.log(np.exp(out).sum(axis=-1, keepdims=True))
    return out


@by_rows
def gelu_new(x):
    """GELU in the tanh form that GPT-2 was trained with:

        0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))

    Hendrycks & Gimpel, arXiv:1606.08415, give it as an approximation of
    ``x * Phi(x)``. A model that was trained with this form needs this form: with the
    exact one (activations.py) its logits change.
    """
    out = x * x  # x**3 would call pow: in float32 seventy times slower
    out *= SQRT_2_OVER_PI * 0.044715
    out += SQRT_2_OVER_PI
    out *= x
    np.tanh(out, out=out)
    out += 1
    out *= x
    out *= 0.5
    return out
