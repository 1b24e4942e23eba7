"""TableLM is a model like GPT2; enumerate_sequences lists what it can write."""

import itertools

import numpy as np
import pytest

from numpygpt import GPT2, GenerationConfig, GPT2Config
from numpygpt.layers import softmax
from numpygpt.table_lm import TableLM, enumerate_sequences

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("n_back", [0, 1, 2, 3])
def test_the_logits_are_the_rows_of_the_table(n_back):
    table = RNG.standard_normal((4,) * (n_back + 1))
    model = TableLM(table)
    ids = [2, 1, 3, 0, 1]
    logits = model(ids)
    for i in range(len(ids)):
        before = ([0] * n_back + ids[: i + 1])[len(ids[: i + 1]) :]
        assert np.array_equal(logits[i], table[tuple(before)])
    assert logits.dtype == table.dtype


@pytest.mark.parametrize("split", range(1, 5))
def test_43_cached_equals_uncached(split):
    model = TableLM(RNG.standard_normal((4, 4, 4)).astype(np.float32))
    ids, cache = [2, 1, 3, 0, 1], model.new_cache()
    first = model(ids[:split], cache)
    assert cache.n_tok == split
    twin = cache.fork()
    both = np.concatenate([first, model(ids[split:], cache)])
    assert np.array_equal(both, model(ids))
    assert both.dtype == np.float32
    assert twin.n_tok == split
    cache.truncate(split)
    assert np.array_equal(model(ids[split:], cache), model(ids[split:], twin))


def test_several_sequences_at_once():
    model = TableLM(RNG.standard_normal((4, 4)))
    caches = [model.new_cache(), model.new_cache()]
    logits = model.unembed(model.hidden([[1, 2], [3]], caches))
    assert np.array_equal(logits, np.concatenate([model([1, 2]), model([3])]))


def test_it_generates_and_streams():
    model = TableLM(-np.eye(3)[[1, 2, 0]], eos_token_id=None, n_ctx=5)
    table = np.eye(3)[[1, 2, 0]]
    model = TableLM(table, n_ctx=5)
    assert model.generate([0], max_new_tokens=3).tolist() == [[0, 1, 2, 0]]
    assert list(model.stream([0], max_new_tokens=3)) == [1, 2, 0]
    assert model.generate([0], max_new_tokens=30).shape == (1, 5)
    ended = TableLM(table, eos_token_id=2)
    assert ended.generate([0], max_new_tokens=9).tolist() == [[0, 1, 2]]


def test_errors():
    for table in (np.zeros((2, 3)), np.zeros((2, 2), int)):
        with pytest.raises(ValueError, match="table must be"):
            TableLM(table)
    with pytest.raises(ValueError, match="token id 2 is outside"):
        TableLM(np.zeros((2, 2)))([2])
    with pytest.raises(ValueError, match="context of 3"):
        TableLM(np.zeros((2, 2)), n_ctx=3)([0, 0, 0, 0])


def test_the_law_of_whole_texts():
    model = TableLM(RNG.standard_normal((3, 3)))
    p = softmax(model.table)
    law = enumerate_sequences(model, 3, [2])
    assert set(law) == set(itertools.product(range(3), repeat=3))
    assert sum(law.values()) == pytest.approx(1)
    for (a, b, c), probability in law.items():
        assert probability == pytest.approx(p[2, a] * p[a, b] * p[b, c])


def test_texts_end_at_eos_and_at_the_context():
    model = TableLM(np.zeros((2, 2)), eos_token_id=1, n_ctx=4)
    law = enumerate_sequences(model, 2, [0])
    assert law == {(1,): 0.5, (0, 1): 0.25, (0, 0): 0.25}
    assert max(map(len, enumerate_sequences(model, 9, [0]))) == 3


def test_rules_and_filters_count():
    model = TableLM(np.log([[0.5, 0.3, 0.2]] * 3))
    config = GenerationConfig(do_sample=True, top_k=2, no_repeat_ngram_size=1)
    law = enumerate_sequences(model, 2, [2], config)
    assert law == {(0, 1): pytest.approx(0.625), (1, 0): pytest.approx(0.375)}
    assert enumerate_sequences(model, 2, [2], GenerationConfig()) == {(0, 0): 1.0}
    with pytest.raises(ValueError, match="mirostat must be 0"):
        enumerate_sequences(model, 2, [2], GenerationConfig(mirostat=2))


def test_a_gpt2_can_be_enumerated_too():
    config = GPT2Config(3, n_positions=8, n_embd=4, n_layer=1, n_head=1,
                        bos_token_id=None, eos_token_id=None)  # fmt: skip
    model = GPT2.random(config, dtype=np.float64)
    law = enumerate_sequences(model, 2, [0])
    p = softmax(model([0, 1]))
    assert law[1, 2] == pytest.approx(p[0, 1] * p[1, 2])
    assert sum(law.values()) == pytest.approx(1)
