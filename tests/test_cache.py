"""The cache on its own: forks share, truncation forgets, nothing leaks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpygpt import GPT2, GPT2Config
from numpygpt.cache import MIN_ROWS, KVCache

CONFIG = GPT2Config(31, n_positions=40, n_embd=6, n_layer=2, n_head=2)
MODEL = GPT2.random(CONFIG, seed=3, dtype=np.float64)
for _block in MODEL.params["h"]:
    _block["attn"]["c_attn"]["weight"] *= 40
tokens = st.lists(st.integers(0, 30), min_size=1, max_size=6)


def logits_of(ids):
    return MODEL(ids)[-1]


@given(tokens, st.lists(st.tuples(st.integers(0, 3), tokens), max_size=5))
def test_forks_go_on_alone(prompt, plan):
    """Fork any branch, append to either: every branch stays what its ids say."""
    root = MODEL.new_cache()
    MODEL(prompt, root)
    branches = [(prompt, root), (prompt, root.fork())]
    for which, new in plan:
        ids, cache = branches.pop(which % len(branches))
        branches.append((ids, cache.fork()))
        MODEL(new, cache)
        branches.append((ids + new, cache))
    for ids, cache in branches:
        assert cache.n_tok == len(ids)
        got = MODEL([7], cache)[-1]
        np.testing.assert_allclose(got, logits_of([*ids, 7]), atol=1e-12)


def test_a_fork_shares_the_prompts_rows_and_copies_none():
    root = MODEL.new_cache()
    MODEL(list(range(9)), root)
    twin = root.fork()
    (mine, _), *_ = root.rows(1)
    (shared, _), *_ = twin.rows(1)
    assert np.shares_memory(mine, shared)
    assert shared.shape == (2, 9, 3)
    MODEL([1, 2], twin)
    grandchild = twin.fork()
    (first, _), (own, _) = grandchild.rows(1)
    assert np.shares_memory(first, mine)
    assert own.shape == (2, 2, 3)


def test_forks_of_an_empty_cache():
    twin = MODEL.new_cache().fork()
    MODEL([3, 4], twin)
    again = twin.fork()
    np.testing.assert_allclose(MODEL([5], again)[-1], logits_of([3, 4, 5]), atol=1e-12)


@given(tokens, tokens, tokens)
def test_truncation_forgets(first, second, third):
    cache = MODEL.new_cache()
    MODEL(first, cache)
    MODEL(second, cache)
    cache.crop(len(first))
    got = MODEL(third, cache)[-1]
    np.testing.assert_allclose(got, logits_of(first + third), atol=1e-12)


def test_truncation_within_bounds():
    cache = MODEL.new_cache()
    MODEL([1, 2, 3], cache)
    with pytest.raises(ValueError, match="not 4"):
        cache.crop(4)
    cache.crop(3)
    with pytest.raises(ValueError, match="from 0 .* to 3, not -1"):
        cache.crop(-1)
    twin = cache.fork()
    with pytest.raises(ValueError, match="from 3 .*shared.* to 3, not 2"):
        twin.crop(2)
    twin.crop(3)
    fresh = MODEL.new_cache()
    MODEL([1], fresh)
    fresh.crop(0)
    assert (cache.n_tok, twin.n_tok, fresh.n_tok) == (3, 3, 0)


def test_memory_grows_with_the_tokens():
    """Two arrays of n_layer * n_row * n_embd numbers, never more rows than n_ctx."""
    cache = MODEL.new_cache()
    assert cache.nbytes == 0
    MODEL([1], cache)
    assert cache.nbytes == 2 * 2 * MIN_ROWS * 6 * 8
    MODEL([1] * MIN_ROWS, cache)
    assert cache.nbytes == 2 * 2 * 40 * 6 * 8


def test_room_is_made_for_twice_as_many():
    """At least for 32, and never for more than the context."""
    cache = KVCache(GPT2Config(31, n_positions=400, n_embd=6, n_layer=1, n_head=2))
    row, rows = 2 * 6 * 4, []
    for n_new in (1, 31, 1, 33, 1, 200, 133):
        new = np.zeros((2, n_new, 3), np.float32)
        cache.update(0, new, new)
        cache.advance(n_new)
        rows.append(cache.nbytes // row)
    assert rows == [32, 32, 66, 66, 134, 400, 400]
    twin = cache.fork()
    assert (twin.n_tok, twin.n_shared, twin.nbytes) == (400, 400, 32 * row)
    assert cache.nbytes == 0
