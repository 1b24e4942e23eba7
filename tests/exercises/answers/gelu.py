import math

import numpy as np

C = math.sqrt(2 / math.pi)


def right_as_written(x):
    return 0.5 * x * (1 + np.tanh(C * (x + 0.044715 * x**3)))


def right_as_a_sigmoid(x):
    return x / (1 + np.exp(-2 * C * (x + 0.044715 * x * x * x)))


def wrong_exact(x):
    """exact GELU"""
    erf = np.vectorize(math.erf, otypes=[x.dtype])
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def wrong_square(x):
    """squared where it should be cubed"""
    return 0.5 * x * (1 + np.tanh(C * (x + 0.044715 * x**2)))


def wrong_root(x):
    """2 .* pi or of pi"""
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 * math.pi) * (x + 0.044715 * x**3)))


def wrong_half(x):
    """0.5 is missing"""
    return x * (1 + np.tanh(C * (x + 0.044715 * x**3)))


def wrong_float64(x):
    """float64 comes out where float32 is due"""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def wrong_in_place(x):
    """changes its argument x"""
    x *= 0.5 * (1 + np.tanh(C * (x + 0.044715 * x**3)))
    return x


def wrong_relu(x):
    """ReLU"""
    return np.maximum(x, 0)


def wrong_brackets(x):
    """Large x should come out as they are"""
    return 0.5 * x * 1 + np.tanh(C * (x + 0.044715 * x**3))


def wrong_no_return(x):
    """returns None"""
    0.5 * x * (1 + np.tanh(C * (x + 0.044715 * x**3)))


def wrong_list(x):
    """returns a list"""
    return [0.5 * a * (1 + math.tanh(C * (a + 0.044715 * a**3))) for a in np.ravel(x)]


def wrong_scalar_only(x):
    """raised TypeError"""
    return 0.5 * x * (1 + math.tanh(C * (x + 0.044715 * x**3)))


def wrong_no_root(x):
    """root is missing"""
    return 0.5 * x * (1 + np.tanh(2 / math.pi * (x + 0.044715 * x**3)))


def wrong_softplus(x):
    """not 0 at 0"""
    return np.logaddexp(x, np.zeros_like(x))
