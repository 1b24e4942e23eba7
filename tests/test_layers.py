"""The layers against their formulas, in plain and slow NumPy, in both precisions."""

import math

import numpy as np
import pytest

from numpygpt.activations import ACTIVATION
from numpygpt.config import ACTIVATIONS
from numpygpt.fast.matmul import FEW_ROWS, matmul
from numpygpt.layers import (
    layer_norm,
    linear,
    log_softmax,
    softmax,
)

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
FORMULA = {
    "gelu_new": lambda x: 0.5
    * x
    * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "gelu": lambda x: 0.5 * x * (1 + math.erf(x / math.sqrt(2))),
    "relu": lambda x: max(x, 0.0),
    "silu": lambda x: x / (1 + math.exp(-x)) if x > -700 else 0.0,
    "tanh": math.tanh,
}
FORMULA |= {"gelu_pytorch_tanh": FORMULA["gelu_new"], "swish": FORMULA["silu"]}


def close(got, want, dtype):
    assert got.dtype == dtype
    bound = 1e-14 if dtype == np.float64 else 1e-6
    assert np.abs(got - want).max() <= bound * np.abs(want).max()


@DTYPES
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name, dtype):
    x = np.concatenate([np.linspace(-9, 9, 4001), [0.0, 1e4, -1e4]]).astype(dtype)
    kept = x.copy()
    want = np.array([FORMULA[name](float(a)) for a in x])
    got = ACTIVATION[name](x)
    assert (x == kept).all()
    assert np.isfinite(got).all()
    close(got[:-2], want[:-2], dtype)
    np.testing.assert_allclose(got[-2:], want[-2:], rtol=1e-6, atol=1e-15)


def test_every_activation_of_the_config_exists():
    assert set(ACTIVATION) == set(ACTIVATIONS)


@DTYPES
@pytest.mark.parametrize("n_row", [1, 2, FEW_ROWS, FEW_ROWS + 1, 30])
def test_linear(n_row, dtype):
    rng = np.random.default_rng(n_row)
    x, w, b = (rng.normal(size=s).astype(dtype) for s in [(n_row, 7), (7, 11), (11,)])
    want = np.einsum("ri,io->ro", x.astype(float), w.astype(float)) + b
    close(linear(x, w, b), want, dtype)
    close(matmul(x, np.ascontiguousarray(w.T).T), want - b, dtype)


@DTYPES
def test_layer_norm(dtype):
    rng = np.random.default_rng(0)
    x = (5 + 3 * rng.normal(size=(6, 13))).astype(dtype)
    weight, bias = rng.normal(size=(2, 13)).astype(dtype)
    kept, wide = x.copy(), x.astype(float)
    mean, variance = wide.mean(-1, keepdims=True), wide.var(-1, keepdims=True)
    want = weight * (wide - mean) / np.sqrt(variance + 1e-3) + bias
    close(layer_norm(x, weight, bias, 1e-3), want, dtype)
    assert (x == kept).all()


@DTYPES
def test_softmax(dtype):
    x = np.random.default_rng(0).normal(size=(2, 3, 5)).astype(dtype)
    x[0, 1, 2:] = -np.inf
    kept = x.copy()
    e = np.exp(x.astype(float))
    close(softmax(x), e / e.sum(-1, keepdims=True), dtype)
    assert (x == kept).all()


@DTYPES
def test_softmax_of_huge_scores_stays_finite(dtype):
    p = softmax(np.array([1e4, 1e4, -1e4, -np.inf], dtype))
    assert p.tolist() == [0.5, 0.5, 0.0, 0.0]


@DTYPES
def test_log_softmax(dtype):
    x = np.array([[0.0, math.log(3)], [1e4, -1e4]], dtype)
    kept = x.copy()
    got = log_softmax(x)
    assert np.exp(got[0]).round(6).tolist() == np.array([0.25, 0.75], dtype).tolist()
    assert got[1].tolist() == [0.0, -2e4]
    assert got.dtype == dtype
    assert (x == kept).all()
