"""The forward pass: golden fixtures from transformers, cache, causality, dtypes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpygpt import GPT2, GPT2Config, plain
from numpygpt.fast.attention import QUERY_BLOCK
from numpygpt.model import hidden_states

REFERENCE = Path(__file__).parent / "reference"
CASES = sorted(path.parent for path in REFERENCE.glob("*/golden.npz"))
BOUND = {"float64": 1e-10, "float32": 1e-5}
# Sizes that all differ, so that no two axes can be mixed up unnoticed.
CONFIG = GPT2Config(61, n_positions=90, n_embd=12, n_layer=2, n_head=3, n_inner=20)
MODEL = GPT2.random(CONFIG, seed=1, dtype=np.float64)
for _block in MODEL.params["h"]:  # fresh weights hardly attend: make them speak
    _block["attn"]["c_attn"]["weight"] *= 40
    _block["mlp"]["c_fc"]["weight"] *= 40
IDS = np.random.default_rng(2).integers(0, 61, 90)


def error(got, want):
    """The largest difference, relative to the largest value."""
    return np.abs(got - want).max() / np.abs(want).max()


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_transformers_hidden_states_and_logits(case, dtype):
    golden = np.load(case / "golden.npz")
    model = GPT2.from_pretrained(case, dtype=dtype)
    caches = [model.new_cache()]
    states = list(
        hidden_states([golden["ids"]], caches, model.params, model.config)
    )
    assert len(states) == model.config.n_layer + 2
    for got, want in zip(states, golden[f"hidden_{dtype}"], strict=True):
        assert got.dtype == dtype
        assert error(got, want) < BOUND[dtype]
    logits = model(golden["ids"])
    assert logits.dtype == dtype
    assert error(logits, golden[f"logits_{dtype}"]) < BOUND[dtype]


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_transformers_greedy_ids(case):
    golden = np.load(case / "golden.npz")
    model = GPT2.from_pretrained(case, dtype=np.float64)
    got = model.generate(golden["ids"][:10], max_length=len(golden["ids"]))
    assert got[0].tolist() == golden["greedy"].tolist()


def test_all_cases_are_there():
    assert len(CASES) == 5


def test_attention_attends():
    """Guards the tests below: in this model an early token matters to a late one."""
    other = IDS.copy()
    other[0] = (other[0] + 1) % 61
    assert error(MODEL(other)[-1], MODEL(IDS)[-1]) > 1e-3


@given(st.lists(st.integers(1, 89), max_size=4))
def test_43_44_cached_equals_uncached_for_every_split(cuts):
    cache, parts = MODEL.new_cache(), []
    stops = sorted({*cuts, 90})
    for start, stop in zip([0, *stops], stops):
        parts.append(MODEL(IDS[start:stop], cache))
        assert cache.n_tok == stop
    assert error(np.concatenate(parts), MODEL(IDS)) < 1e-12


def test_43_token_by_token():
    cache = MODEL.new_cache()
    rows = [MODEL([i], cache)[0] for i in IDS]
    assert error(np.array(rows), MODEL(IDS)) < 1e-12


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), min_size=1, max_size=4)
)
def test_45_several_sequences_equal_each_alone(sizes):
    """Sequences that have read different amounts, in one call, new tokens uneven."""
    sequences, caches, alone = [], [], []
    for k, (seen, new) in enumerate(sizes):
        ids = np.roll(IDS, k)[: seen + new]
        cache = MODEL.new_cache()
        if seen:
            MODEL(ids[:seen], cache)
        sequences.append(ids[seen:])
        caches.append(cache)
        alone.append(MODEL(ids)[seen:])
    together = MODEL.unembed(MODEL.hidden(sequences, caches))
    assert error(together, np.concatenate(alone)) < 1e-12
    assert [cache.n_tok for cache in caches] == [a + b for a, b in sizes]


@given(st.integers(1, 89), st.integers(0, 60))
def test_46_later_tokens_never_change_earlier_logits(position, token):
    other = IDS.copy()
    other[position:] = token
    before, after = MODEL(IDS)[:position], MODEL(other)[:position]
    assert error(after, before) < 1e-12


def test_blocks_of_queries_change_nothing():
    assert len(IDS) > QUERY_BLOCK
    rows = [MODEL(IDS[: n + 1])[-1] for n in range(QUERY_BLOCK - 2, len(IDS))]
    assert error(np.array(rows), MODEL(IDS)[QUERY_BLOCK - 2 :]) < 1e-12


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [3, 0, 4, 1, 5, 2], [2, 2, 2]])
def test_one_token_each_of_texts_that_may_share_a_prompt(order):
    """Three forks of one text and two of another, each gone on for itself, and a text
    of its own, side by side and mixed."""
    texts = []
    for prompt, n_fork in ([5, 3, 60], 3), ([9] * 20, 2), ([1, 2], 0):
        root = MODEL.new_cache()
        MODEL(prompt, root)
        for cache in [root.fork() for _ in range(n_fork)] or [root]:
            new = [7 + len(texts)] * len(texts)
            for token in new:
                MODEL([token], cache)
            texts.append((prompt + new, cache))
    texts = [(ids, cache.fork()) for ids, cache in (texts[i] for i in order)]
    got = MODEL.hidden([[40]] * len(texts), [cache for _, cache in texts])
    want = [MODEL.hidden([[*ids, 40]], [MODEL.new_cache()])[-1] for ids, _ in texts]
    assert error(got, np.array(want)) < 1e-12


@pytest.mark.parametrize("n_tok", [1, 2, 9, 90])
def test_page_one_computes_the_same(n_tok):
    want = plain.logits(IDS[:n_tok], MODEL.params, CONFIG.n_head)
    assert error(MODEL(IDS[:n_tok]), want) < 1e-12


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_after_every_layer(dtype):
    model = GPT2.random(CONFIG, dtype=dtype)
    cache = model.new_cache()
    for ids in ([1, 2, 3], [4], list(range(20))):
        for x in hidden_states([ids], [cache], model.params, CONFIG):
            assert x.dtype == dtype
        assert model.unembed(x).dtype == dtype
        assert all(k.dtype == v.dtype == dtype for k, v in cache.rows(0))


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([], "at least one"),
        ([61], "61"),
        ([3, -1], "-1"),
        ([[1, 2]], "list"),
        ([0.5], "integer"),
        ("text", "integer"),
        (range(91), "91 tokens.*90"),
    ],
)
def test_bad_ids(ids, message):
    ids = list(ids) if isinstance(ids, range) else ids
    ids = [i % 61 for i in ids] if len(ids) == 91 else ids
    with pytest.raises(ValueError, match=message):
        MODEL(ids)


def test_no_room_leaves_the_cache_as_it_was():
    cache = MODEL.new_cache()
    MODEL(IDS[:80], cache)
    with pytest.raises(ValueError, match="context"):
        MODEL(IDS[:11], cache)
    assert cache.n_tok == 80
    assert error(MODEL(IDS[80:], cache), MODEL(IDS)[80:]) < 1e-12
