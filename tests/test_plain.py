"""Page one: right by itself, and the same as the fast model and as PyTorch."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from numpygpt import GPT2, Tokenizer, plain

REFERENCE = Path(__file__).parent / "reference"
CASES = sorted(path.parent for path in REFERENCE.glob("*/golden.npz"))
MODELS = {case.name: GPT2.from_pretrained(case, np.float64) for case in CASES}
# What page one leaves out: other activations, scalings, heads and epsilons.
PLAIN = {
    "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5,
    "scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False,
    "tie_word_embeddings": True,
}  # fmt: skip
COVERED = [
    name for name, model in MODELS.items()
    if all(getattr(model.config, key) == value for key, value in PLAIN.items())
]  # fmt: skip


def error(got, want):
    """The largest difference, relative to the largest value."""
    return np.abs(got - want).max() / np.abs(want).max()


def test_which_golden_configs_page_one_covers():
    assert COVERED == ["long", "plain"]


@pytest.mark.parametrize("name", COVERED)
def test_plain_equals_fast_equals_pytorch(name):
    golden, model = np.load(REFERENCE / name / "golden.npz"), MODELS[name]
    got = plain.logits(golden["ids"], model.params, model.config.n_head)
    assert got.dtype == np.float64
    assert error(got, model(golden["ids"])) < 1e-12
    assert error(got, golden["logits_float64"]) < 1e-12


@pytest.mark.parametrize("name", COVERED)
def test_greedy_text_is_the_same(name):
    golden, model = np.load(REFERENCE / name / "golden.npz"), MODELS[name]
    prompt, n_new = golden["ids"][:10], len(golden["ids"]) - 10
    ids = plain.generate(prompt, model.params, model.config.n_head, n_new)
    assert ids == model.generate(prompt, max_new_tokens=n_new)[0].tolist()
    assert ids[: len(golden["greedy"])] == golden["greedy"].tolist()


def test_float32_stays_float32():
    model = GPT2.from_pretrained(REFERENCE / "plain")
    got = plain.logits([1, 2, 3], model.params, model.config.n_head)
    assert got.dtype == np.float32
    assert error(got, model([1, 2, 3])) < 1e-5


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([], "0 tokens"),
        ([0] * 20, "20 tokens"),
        ([-1], "-1"),
        ([3, 10**6], "1000000"),
    ],  # fmt: skip
)
def test_bad_ids(ids, message):
    model = MODELS["plain"]
    with pytest.raises(ValueError, match=message):
        plain.logits(ids, model.params, model.config.n_head)


def test_the_command_tells_the_story_that_the_fast_model_tells():
    command = [sys.executable, "-m", "numpygpt.plain", "The old king"]
    one = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # several wait for each other
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=one)
    tokenizer = Tokenizer.from_pretrained("fairytale")
    model = GPT2.from_pretrained("fairytale")
    ids = model.generate(tokenizer.encode("The old king"), max_new_tokens=40)
    assert run.stdout.startswith(tokenizer.decode(ids[0]))
    assert run.stderr == ""
