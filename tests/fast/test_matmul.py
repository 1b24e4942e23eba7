"""Products with a few rows against NumPy's own, whatever way the weights lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpygpt.fast import threads
from numpygpt.fast.matmul import FEW_ROWS, N_IN, affine, arrange, matmul
from numpygpt.fast.threads import Team

SIZES = st.integers(1, 3 * N_IN)
ROWS = [*range(1, FEW_ROWS + 3), 65]
TEAMS = {n: Team(n) for n in (1, 2, 3)}  # their threads never end: not one an example


def error(got, want):
    return np.abs(got - want).max() / np.abs(want).max()


@pytest.mark.parametrize("n_thread", TEAMS)
@given(
    n_row=st.sampled_from(ROWS), n_in=SIZES, n_out=SIZES,
    order=st.sampled_from("CF"), dtype=st.sampled_from(["float32", "float64"]),
)  # fmt: skip
def test_like_numpy(n_thread, n_row, n_in, n_out, order, dtype):
    rng = np.random.default_rng(n_in * n_out)
    x = rng.normal(size=(n_row, n_in)).astype(dtype)
    weight = np.asarray(rng.normal(size=(n_in, n_out)).astype(dtype), order=order)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "team", TEAMS[n_thread])
        got = matmul(x, weight)
    assert got.dtype == dtype
    assert got.shape == (n_row, n_out) and got.flags.c_contiguous
    assert matmul(x[0], weight).shape == (n_out,)
    want = x.astype(float) @ weight.astype(float)
    assert error(got, want) < {"float32": 2e-5, "float64": 1e-12}[dtype]


@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("n_row", [2, 5, FEW_ROWS])
@pytest.mark.parametrize("shape", [(70, 3077), (3072, 131), (4, 9000)])
def test_large_ones_are_cut_into_pieces(shape, n_row, order):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_row, shape[0]))
    weight = np.asarray(rng.normal(size=shape), order=order)
    assert error(matmul(x, weight), x @ weight) < 1e-12


def test_a_view_with_gaps_will_do():
    rng = np.random.default_rng(1)
    x, weight = rng.normal(size=(3, 80))[:, ::2], rng.normal(size=(80, 50))[::2, ::2]
    assert error(matmul(x, weight), x @ weight) < 1e-12


@given(SIZES, st.integers(1, 300), st.sampled_from("CF"))
def test_arrange(n, m, order):
    array = np.asarray(np.arange(n * m, dtype=np.float32).reshape(n, m), order=order)
    got = arrange(array)
    assert (got == array).all()
    assert got.flags.f_contiguous if n <= m else got.flags.c_contiguous
    assert arrange(got) is got


def test_arrange_leaves_vectors_alone():
    vector = np.arange(3.0)
    assert arrange(vector) is vector


@pytest.mark.parametrize("shape", [(1,), (5,), (1, 1), (1, 5), (2, 1), (3, 5)])
def test_affine_takes_one_row_and_several(shape):
    rng = np.random.default_rng(0)
    x, weight, bias = (rng.normal(size=s) for s in (shape, (shape[-1], 4), 4))
    np.testing.assert_allclose(affine(x, weight, bias), x @ weight + bias)
