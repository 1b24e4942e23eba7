"""GELU: the bend between the two linear layers of an MLP.

Two linear layers in a row are one linear layer: ``(x @ a) @ b`` is ``x @ (a @ b)``. So
something bent has to stand between them. GPT-2's is

    0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3)))

About 0 for negative x, about x for positive x, smooth between. (The exact GELU is
``x * Phi(x)``, with the normal distribution's Phi; this form is an approximation. GPT-2
was trained with the approximation, so it needs the approximation.)

Paper: Hendrycks & Gimpel, arXiv:1606.08415.
"""

import math

import numpy as np

from ... import plain
from ..examples import floats
from ..grade import like

NAME = "gelu"
STUB = '''
import math

import numpy as np


def gelu(x):
    """GELU in its tanh form, of every number by itself; keeps the shape and the dtype.

    x: an array of any shape.

    >>> gelu(np.array([-1.0, 0.0, 2.0])).round(3).tolist()
    [-0.159, 0.0, 1.955]
    """
    raise NotImplementedError
'''
HINTS = [
    "Everything happens number by number: `x * x * x` on the array is all that the "
    "cube needs, and np.tanh works on arrays.",
    "The square root is of the quotient: math.sqrt(2 / math.pi), about 0.798. The 1 "
    "is added to the tanh, before the multiplication by x.",
    "Take math.sqrt, not np.sqrt: a number made by NumPy is float64 and turns a "
    "float32 array into a float64 one.",
]
answer = plain.gelu
SOLUTION = [plain.gelu]


def exact(x):
    erf = np.vectorize(math.erf, otypes=[x.dtype])
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def tanh_form(x, scale=math.sqrt(2 / math.pi), power=3, factor=0.044715):
    return 0.5 * x * (1 + np.tanh(scale * (x + factor * x**power)))


SYMPTOMS = {
    "This is the exact GELU, with erf. GPT-2 was trained with the tanh form, and the "
    "two differ in the fourth digit.": like(exact),
    "This is ReLU, max(x, 0): bent, but not this bend.": like(
        lambda x: np.maximum(x, 0)
    ),
    "It is twice as large: the 0.5 is missing.": like(lambda x: 2 * plain.gelu(x)),
    "x is squared where it should be cubed.": like(lambda x: tanh_form(x, power=2)),
    "The square root seems to be of 2 * pi "
    "or of pi, not of 2 / pi.": lambda got, _, x: (
        like(lambda x: tanh_form(x, math.sqrt(2 * math.pi)))(got, _, x)
        or like(lambda x: tanh_form(x, math.sqrt(math.pi)))(got, _, x)
    ),
    "The root is missing: 2 / pi stands in place of sqrt(2 / pi).": like(
        lambda x: tanh_form(x, 2 / math.pi)
    ),
    "The result is not 0 at 0, but gelu(0) is 0.": lambda got, expected, x: (
        np.abs(got[x == 0]) > 0
    ).any(),
    "Large x should come out as they are, and they do not.": lambda got, expected, x: (
        np.abs(got[x > 6] - x[x > 6]) > 1e-3
    ).any(),
}


def cases():
    for value in 0.0, 1.0, -1.0, 0.5, 3.0, -3.0, 10.0, -10.0:
        yield (np.array([value], np.float32),)
    for seed, shape in enumerate([(3,), (2, 3), (2, 3, 2), ()]):
        yield (np.asarray(floats(seed, *shape), np.float32),)
    yield (floats(9, 4, 5, dtype=np.float64),)
