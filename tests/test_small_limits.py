"""The paths that GPT-2's own shapes take, run with tiny ones: every limit behind which
a faster way begins is set so low that the way is taken, and the answer is the plain
page's."""

import numpy as np
import pytest

import numpygpt.fast
from numpygpt import GPT2, GPT2Config, Tokenizer, plain
from numpygpt.decoding import generate as loop
from numpygpt.fast import (
    attention,
    int8,
    long_pieces,
    matmul,
    memo,
    merges,
    mlp,
    one_row,
    threads,
)
from numpygpt.fast.threads import Team
from numpygpt.weights import flatten, nest

TEAM = Team(3)


def one_by_one(n):
    """As on a processor whose kernels multiply so many rows one by one."""
    return [(matmul, "ONE_BY_ONE", n)]


# Each a set of limits, by the module that has them.
LIMITS = {
    "as they are": [],
    "blocks of queries": [(attention, "QUERY_BLOCK", 9)],
    "blocks of one": [(attention, "QUERY_BLOCK", 1)],
    "pieces": [(matmul, "ENOUGH", 1), (matmul, "PIECE", 200)],
    "one by one": [(matmul, "ENOUGH", 1), (matmul, "PIECE", 90), *one_by_one(4)],
    "small columns": [
        (matmul, "ENOUGH", 1),
        (matmul, "PIECE", 500),
        (matmul, "SMALL", 700),
        (matmul, "SMALL_RESULT", 40),
        *one_by_one(0),
    ],  # fmt: skip
    "small rows": [(matmul, "ENOUGH", 1), (matmul, "N_IN", 5), *one_by_one(0)],
    "hidden units by seven": [(matmul, "ENOUGH", 1), (mlp, "UNITS", 7)],
    "no few rows": [(matmul, "ENOUGH", 1), (matmul, "FEW_ROWS", 2)],
    "one row by BLAS": [(one_row, "APART", 0), (one_row, "GROUP", 8)],
    "one row by us": [(one_row, "APART", np.inf), (one_row, "ENOUGH", 1)],
    "prompts one by one": [(loop, "AT_ONCE", 1)],
    "prompts by pairs": [(loop, "AT_ONCE", 7)],
    "shared rows": [(threads, "ENOUGH", 1), (threads, "BLOCK", 50)],
}


@pytest.fixture(params=LIMITS)
def limits(request, monkeypatch):
    monkeypatch.setattr(threads, "team", TEAM)
    for module, name, value in LIMITS[request.param]:
        for other in vars(numpygpt.fast).values():  # whoever has imported it, too
            if getattr(other, name, None) == getattr(module, name):
                monkeypatch.setattr(other, name, value)
        monkeypatch.setattr(module, name, value)
    return request.param


def make(dtype=np.float64, **settings):
    """A model with weights large enough for errors to show, none of them zero."""
    sizes = {"n_positions": 150, "n_embd": 30, "n_layer": 2, "n_head": 5} | settings
    config = GPT2Config(67, **sizes, eos_token_id=None)
    rng = np.random.default_rng(1)
    flat = flatten(GPT2.random(config, dtype=dtype).params)
    flat = {
        name: (array + 0.3 * rng.standard_normal(array.shape)).astype(dtype)
        for name, array in flat.items()
    }
    return GPT2(config, nest(flat))


MODEL = make()
IDS = np.random.default_rng(2).integers(0, 67, 140).tolist()


@pytest.mark.parametrize("n_tok", [1, 2, 3, 8, 9, 10, 16, 17, 63, 64, 65, 66, 129, 140])
def test_a_prompt_of_any_length(limits, n_tok):
    want = plain.logits(IDS[:n_tok], MODEL.params, 5)
    assert np.abs(MODEL(IDS[:n_tok]) - want).max() < 1e-10


@pytest.mark.parametrize("n_first", [1, 7, 64, 70])
def test_a_prompt_in_two_parts(limits, n_first):
    """The second part sees keys before its own, of which a fork shares the first."""
    want = plain.logits(IDS[:100], MODEL.params, 5)
    cache = MODEL.new_cache()
    first = MODEL(IDS[:n_first], cache)
    rest = MODEL(IDS[n_first:100], cache.fork())
    assert np.abs(np.concatenate([first, rest]) - want).max() < 1e-10


@pytest.mark.parametrize("n_text", [2, 3, 16, 17, 40])
def test_a_step_of_several_texts(limits, n_text):
    """Of unequal length; some share their beginning."""
    caches, texts = [], []
    for i in range(n_text):
        if i % 3 == 1:
            caches.append(caches[-1].fork())
            texts.append([*texts[-1]])
        else:
            texts.append(IDS[i : 2 * i + 1])
            caches.append(MODEL.new_cache())
            MODEL(texts[-1], caches[-1])
    new = IDS[-n_text:]
    rows = MODEL.unembed(MODEL.hidden([[token] for token in new], caches))
    for row, text, token in zip(rows, texts, new):
        want = plain.logits([*text, token], MODEL.params, 5)[-1]
        assert np.abs(row - want).max() < 1e-10


def test_several_prompts_read_together(limits):
    texts = [IDS[:n] for n in (1, 5, 3, 30, 2, 2)]
    out = MODEL.generate(texts, max_new_tokens=4)
    for row, text in zip(out, texts):
        want = plain.generate(text, MODEL.params, 5, 4)
        assert row[: len(want)].tolist() == want


@pytest.mark.parametrize("is_tied", [True, False])
@pytest.mark.parametrize("n_row", [1, 2, 16, 17, 70])
def test_int8_is_the_model_of_its_rounded_weights(monkeypatch, is_tied, n_row):
    """A buffer that does not divide the matrix, and the last piece of it."""
    monkeypatch.setattr(threads, "team", TEAM)
    for name, value in {"BUFFER": 200, "PIECE": 70, "MANY": 300}.items():
        monkeypatch.setattr(int8, name, value)
    exact = make(np.float32, tie_word_embeddings=is_tied)
    rounded = {n: int8.pack(n, a) for n, a in flatten(exact.params).items()}
    n_int8 = sum(isinstance(a, int8.Int8Matrix) for a in rounded.values())
    assert n_int8 == 4 * 2 + (1 if is_tied else 2)
    wide = {n: np.asarray(a, np.float64) for n, a in rounded.items()}
    ours = GPT2(exact.config, nest(rounded))(IDS[:n_row])
    want = GPT2(exact.config, nest(wide))(IDS[:n_row])
    assert np.abs(ours - want).max() < 1e-4 * np.abs(want).max()


def test_a_saved_model_in_int8_is_the_same(tmp_path):
    """Untied heads: lm_head is rounded, and so is the embedding."""
    exact = make(np.float32, tie_word_embeddings=False)
    exact.save_pretrained(tmp_path)
    ours = GPT2.from_pretrained(tmp_path, "int8")
    packed = {n: int8.pack(n, a) for n, a in flatten(exact.params).items()}
    assert np.array_equal(ours(IDS), GPT2(exact.config, nest(packed))(IDS))


# The tokenizer.

TEXT = "Once upon a time there was a king, who had 3 daughters\r\n\t and  no \v peace. "
TEXT += "aaaaaaaa" * 30 + "\u00e9\u4e2d\U0001f451 it's I'LL we've   \n\n" + "-=" * 80


@pytest.mark.parametrize(
    "small",
    [
        [],
        [(memo, "MOST", 1)],
        [(memo, "MOST", 40)],
        [(merges, "MOST", 1)],
        [(long_pieces, "DENSE", 1)],
        [(long_pieces, "DENSE", 10**6)],
    ],
    ids=lambda small: "".join(f"{name} {value}" for _, name, value in small),
)
@pytest.mark.parametrize("long", [3, 10**9])
def test_the_tokenizers_ways_agree(monkeypatch, small, long):
    want = Tokenizer.gpt2().encode(TEXT)
    for module, name, value in small:
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr("numpygpt.tokenizer.LONG", long)
    tokenizer = Tokenizer.gpt2()
    for _ in range(2):  # what is remembered, too
        assert tokenizer.encode(TEXT) == want
    assert tokenizer.decode(want) == TEXT


def test_prompts_of_just_so_many_tokens_go_through_together(monkeypatch):
    monkeypatch.setattr(loop, "AT_ONCE", 7)
    model, passes = GPT2.random(GPT2Config(11, 16, n_embd=6, n_layer=1, n_head=2)), []
    hidden = model.hidden

    def spy(prompts, caches):
        passes.append([len(prompt) for prompt in prompts])
        return hidden(prompts, caches)

    monkeypatch.setattr(model, "hidden", spy)
    prompts = [[1, 2, 3], [4, 5, 6, 7], [8], [1] * 9, [2, 3]]
    assert len(list(loop.prefill_batch(model, prompts))) == 5
    assert passes == [[3, 4], [1], [9], [2]]
