"""int8 weights: the rounding's bound, the product, and whole models."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpygpt import GPT2, GPT2Config, Tokenizer
from numpygpt.__main__ import main
from numpygpt.fast import int8, threads
from numpygpt.fast.int8 import Int8Matrix, pack, quantize
from numpygpt.fast.matmul import FEW_ROWS, matmul
from numpygpt.fast.threads import Team

TEAMS = {n: Team(n) for n in (1, 2, 3)}  # their threads never end: not one an example
from numpygpt.weights import flatten, load, nest

CONFIG = GPT2Config(97, n_positions=31, n_embd=24, n_layer=3, n_head=2, n_inner=50)


def error(got, want):
    return np.abs(got - want).max() / np.abs(want).max()


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


@given(st.integers(1, 50), st.integers(1, 50), st.floats(1e-30, 1e30))
def test_no_weight_is_off_by_more_than_half_a_step(n, m, size):
    weight = normal(n, m, seed=n) * np.float32(size)
    got = quantize(weight)
    assert got.q.dtype == np.int8 and got.scale.shape == (n, 1)
    assert (np.abs(got.q.astype(int)).max(axis=1) == 127).all()
    off = np.abs(weight.astype(float) - got.q * got.scale.astype(float))
    assert (off <= got.scale * 0.50001).all()


def test_zeros_stay_zeros_and_what_is_nearly_zero_does_not_overflow():
    weight = np.array([[0, 0], [1e-45, -2e-43], [1, -2]], np.float32)
    assert np.abs(np.asarray(quantize(weight)) - weight).max() <= 1 / 127


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_has_no_scale_is_refused(bad):
    with pytest.raises(ValueError, match="finite"):
        quantize(np.array([[1, bad]], np.float32))


@pytest.mark.parametrize("n_thread", TEAMS)
@pytest.mark.parametrize("limit", [5, 200, 1 << 18])
@given(
    n_row=st.integers(1, FEW_ROWS + 3), n_in=st.integers(1, 60),
    n_out=st.integers(1, 90),
)  # fmt: skip
def test_the_product_is_that_of_the_rounded_weights(
    n_thread, limit, n_row, n_in, n_out
):
    x, matrix = normal(n_row, n_in), quantize(normal(n_out, n_in, seed=1)).T
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "team", TEAMS[n_thread])
        patch.setattr(int8, "BUFFER", limit)
        patch.setattr(int8, "PIECE", limit // 4)
        patch.setattr(int8, "MANY", limit)
        got = matmul(x, matrix)
    assert got.dtype == np.float32 and got.shape == (n_row, n_out)
    want = x.astype(float) @ np.asarray(matrix, float)
    assert np.abs(got - want).max() < 1e-5 * np.sqrt(n_in) * 20


@pytest.mark.parametrize("shape", [(768, 2304), (3072, 768), (20_000, 30), (3, 5000)])
@pytest.mark.parametrize("n_row", [1, 2, 8, 16, 17])
def test_large_ones(shape, n_row):
    x, matrix = normal(n_row, shape[0]), quantize(normal(*shape[::-1], seed=1)).T
    assert error(x @ matrix, x @ np.asarray(matrix)) < 2e-5


def test_a_matrix_stands_for_an_array():
    weight = normal(11, 7)
    matrix = quantize(weight)
    array = np.asarray(matrix)
    assert matrix.shape == (11, 7) and matrix.T.shape == (7, 11)
    assert matrix.dtype == array.dtype == np.float32
    assert matrix.nbytes == 11 * 7 + 11 * 4
    ids = np.array([3, 0, 3])
    assert (matrix[ids] == array[ids]).all() and (matrix.T[ids] == array.T[ids]).all()
    assert (np.asarray(matrix.T) == array.T).all()
    assert matrix.astype(np.float16).dtype == np.float16
    x = normal(4, 11)
    assert error(x @ matrix, x @ array) < 1e-5  # a scale of the inputs


def test_norms_biases_and_positions_are_not_rounded():
    flat = flatten(GPT2.random(CONFIG).params)
    packed = {name for name in flat if isinstance(pack(name, flat[name]), Int8Matrix)}
    matrices = {name for name, array in flat.items() if array.ndim == 2}
    assert packed == matrices - {"wpe.weight"}


def both(folder):
    """A model from int8, and the same rounded weights as plain arrays."""
    model = GPT2.from_pretrained(folder, dtype="int8")
    flat = {name: np.asarray(a) for name, a in flatten(model.params).items()}
    return model, GPT2(model.config, nest(flat), model.generation_config)


@pytest.mark.parametrize("tied", [True, False])
def test_a_model(tmp_path, tied):
    config = GPT2Config(**{**vars(CONFIG), "tie_word_embeddings": tied})
    GPT2.random(config, seed=3).save_pretrained(tmp_path / "model")
    model, plain = both(tmp_path / "model")
    assert model.dtype == np.float32
    ids = [[5, 1, 4], [2], list(range(20))]
    assert np.allclose(model(ids[2]), plain(ids[2]), atol=1e-5)
    settings = {"max_new_tokens": 10, "pad_token_id": 0}
    assert (model.generate(ids, **settings) == plain.generate(ids, **settings)).all()


@pytest.mark.parametrize("dtype", [None, np.float16])
def test_saving_writes_the_rounded_weights(tmp_path, dtype):
    GPT2.random(CONFIG).save_pretrained(tmp_path / "model")
    model, plain = both(tmp_path / "model")
    model.save_pretrained(tmp_path / "saved", dtype)
    _, params = load(tmp_path / "saved")
    for name, array in flatten(params).items():
        want = flatten(plain.params)[name].astype(dtype or np.float32)
        assert (array == want.astype(np.float32)).all()


def test_the_default_model_generates_the_same_text():
    model, plain = both("fairytale")
    tokenizer = Tokenizer.from_pretrained("fairytale")
    ids = tokenizer.encode("Once upon a time")
    got = model.generate(ids, max_new_tokens=20)
    assert (got == plain.generate(ids, max_new_tokens=20)).all()
    sizes = [sum(a.nbytes for a in flatten(m.params).values()) for m in (model, plain)]
    assert sizes[0] < 0.28 * sizes[1]


def test_only_loading_knows_int8():
    with pytest.raises(ValueError, match="int8"):
        GPT2.random(CONFIG, dtype="int8")


def test_on_the_command_line(capsys):
    assert main(["Once", "--dtype", "int8", "-n", "3", "--no-do-sample"]) == 0
    assert capsys.readouterr().out.startswith("Once")
