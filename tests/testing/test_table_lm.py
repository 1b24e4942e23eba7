"""TableLM is a model like GPT2; enumerate_sequences lists what it can write."""

import itertools

import numpy as np
import pytest

from numpygpt import GPT2, GenerationConfig, GPT2Config
from numpygpt.layers import softmax
from numpygpt.testing import check_law
from numpygpt.testing.table_lm import (
    TableLM,
    TokenCache,
    enumerate_sequences,
    text_laws,
)

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
    cache.crop(split)
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
        enumerate_sequences(model, 2, [2], GenerationConfig(do_sample=True, mirostat=2))


def test_a_gpt2_can_be_enumerated_too():
    config = GPT2Config(3, n_positions=8, n_embd=4, n_layer=1, n_head=1,
                        bos_token_id=None, eos_token_id=None)  # fmt: skip
    model = GPT2.random(config, dtype=np.float64)
    law = enumerate_sequences(model, 2, [0])
    p = softmax(model([0, 1]))
    assert law[1, 2] == pytest.approx(p[0, 1] * p[1, 2])
    assert sum(law.values()) == pytest.approx(1)


T = TableLM(np.log([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5]]))


class Letters:
    """A tokenizer of three letters."""

    vocab, special_tokens = {"a": 0, "b": 1, "c": 2}, {}

    def decode_bytes(self, ids):
        return bytes(b"abc"[i] for i in ids)


def after_two(ids):
    return len(ids) > 2 and ids[-1] == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"choices": [[1, 2], [0, 0], [2]]},
        {"regex": "a(b|c)|bb", "tokenizer": Letters()},
        {"stop_strings": ["ab", "c"], "tokenizer": Letters()},
        {"token_healing": True, "tokenizer": Letters()},
        {"stopping_criteria": [after_two]},
        {"guidance_scale": 3.0},
        {"guidance_scale": 2.0, "negative_prompt_ids": [2, 2], "top_k": 2},
        {"guidance_scale": 0.5, "choices": [[1, 2], [0, 0]]},
        {"prompt_lookup_num_tokens": 2},
        {"assistant_model": T, "eos_token_id": 2},
    ],
)
def test_what_is_not_in_the_chain_counts_too(settings):
    config = GenerationConfig(do_sample=True, **settings)
    law = enumerate_sequences(T, 3, [0, 1], config)
    assert sum(law.values()) == pytest.approx(1)
    kept = 1 if config.token_healing else 2
    out = T.generate(
        [0, 1], config, max_new_tokens=3, num_return_sequences=1000, seed=0,
        return_dict_in_generate=True,
    )  # fmt: skip
    texts = [tuple(r[kept:n]) for r, n in zip(out.sequences.tolist(), out.lengths)]
    check_law(texts, law)


def test_the_law_of_one_choice():
    config = GenerationConfig(do_sample=True, choices=[[1, 2]])
    assert enumerate_sequences(T, 2, [0], config) == {(1, 2): 1.0}


def test_the_law_of_a_guided_model_by_hand():
    config = GenerationConfig(
        do_sample=True, guidance_scale=2.0, negative_prompt_ids=[1]
    )
    p = np.array([0.5, 0.3, 0.2]) ** 2 / [0.1, 0.8, 0.1]
    law = enumerate_sequences(T, 1, [0], config)
    np.testing.assert_allclose([law[0,], law[1,], law[2,]], p / p.sum())


def test_the_law_of_dola():
    model = GPT2.random(GPT2Config(3, n_positions=8, n_embd=8, n_layer=2, n_head=2))
    config = GenerationConfig(do_sample=True, dola_layers=[0])
    law = enumerate_sequences(model, 2, [0, 1], config)
    rows = model.generate([0, 1], config, max_new_tokens=2, num_return_sequences=1000,
                          seed=0)  # fmt: skip
    check_law([tuple(row[2:]) for row in rows.tolist()], law)
    with pytest.raises(ValueError, match="has none"):
        enumerate_sequences(T, 2, [0, 1], config)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"num_beams": 2}, "num_beams must be 1: a beam search compares whole texts"),
        ({"num_beams": 2, "stochastic_beams": True}, "num_beams must be 1"),
        ({"stochastic_beams": True}, "stochastic_beams must be False"),
        ({"num_beam_groups": 2}, "num_beam_groups must be 1"),
        ({"penalty_alpha": 0.0, "top_k": 2}, "penalty_alpha must be None"),
        ({"max_time": 1.0}, "max_time must be None: it asks a clock"),
        (
            {"regex": "a", "choices": ["a"], "tokenizer": Letters()},
            "cannot be combined",
        ),
        ({"stop_strings": "a"}, "pass tokenizer="),
    ],
)
def test_what_has_no_law_is_named(settings, words):
    with pytest.raises(ValueError, match=words):
        enumerate_sequences(T, 2, [0], GenerationConfig(**settings))


def test_no_room_and_no_token():
    assert enumerate_sequences(TableLM(np.zeros((2, 2)), n_ctx=2), 2, [0, 1]) == {(): 1}


def test_the_settings_of_a_table():
    model = TableLM(np.zeros((3, 3)))
    config = model.config
    assert config.n_vocab == config.vocab_size == 3
    assert config.n_ctx == config.n_positions == 64
    assert config.eos_token_id is config.bos_token_id is None and model.start == 0
    assert model.generation_config.eos_token_ids == ()
    model = TableLM(np.zeros((3, 3)), n_ctx=5, eos_token_id=[1, 2])
    assert model.config.n_ctx == model.config.n_positions == 5
    assert model.config.eos_token_id == [1, 2]
    assert model.generation_config.eos_token_ids == (1, 2)


@pytest.mark.parametrize("start", [0, 1, 2])
def test_what_stands_before_the_text(start):
    table = np.arange(27.0).reshape(3, 3, 3)
    model = TableLM(table, start=start)
    assert np.array_equal(model([2, 1]), [table[start, 2], table[2, 1]])


def test_the_first_and_the_last_token_of_the_vocabulary():
    model = TableLM(np.eye(3), n_ctx=2)
    assert np.array_equal(model([0, 2]), np.eye(3)[[0, 2]])
    for token in (-1, 3):
        with pytest.raises(ValueError, match=f"id {token} is outside .*: 0 to 2"):
            model([token])
    cache = model.new_cache()
    model.hidden([[0, 1]], [cache])  # full, but not too full
    with pytest.raises(ValueError, match="more tokens than the context of 2"):
        model.hidden([[0]], [cache])
    assert cache.ids == [0, 1]


def test_the_logits_are_a_copy():
    """Whoever writes to them does not change the model."""
    for table in (np.zeros(3), np.zeros((3, 3))):
        model = TableLM(table)
        model.unembed(model.hidden([[0]], [model.new_cache()]))[:] = 7
        assert not model.table.any()


def test_a_hidden_row_is_the_last_tokens_one_hot():
    model = TableLM(np.zeros((2, 2, 2), np.float32), start=1)
    hidden = model.hidden([[0, 1]], [model.new_cache()])
    assert hidden.tolist() == [[0, 1, 1, 0], [1, 0, 0, 1]]
    assert hidden.dtype == np.float32


def test_caches_share_no_tokens():
    ids = [1, 2, 3]
    cache = TokenCache(ids)
    twin = cache.fork()
    twin.ids.append(0)
    cache.crop(2)
    assert (ids, cache.ids, twin.ids) == ([1, 2, 3], [1, 2], [1, 2, 3, 0])
    assert (cache.n_tok, twin.n_tok, TokenCache().n_tok) == (2, 4, 0)


def test_a_law_begins_behind_token_0():
    model = TableLM(np.log([[0.75, 0.25], [0.5, 0.5]]))
    law = enumerate_sequences(model, 1)
    assert law == {(0,): pytest.approx(0.75), (1,): pytest.approx(0.25)}
    next_law, has_ended = text_laws(model, 2)
    assert next_law(()) == pytest.approx([0.75, 0.25])
    assert next_law((1,)) == pytest.approx([0.5, 0.5])
    assert [has_ended(text) for text in ((1,), (1, 1), (1, 1, 1))] == [
        False,
        True,
        True,
    ]


def test_a_law_at_the_end_of_the_context():
    model = TableLM(np.zeros((2, 2)), n_ctx=3)
    assert enumerate_sequences(model, 5, [0, 1]) == {(0,): 0.5, (1,): 0.5}
    for prompt in ([0, 1, 0], [0, 1, 0, 1]):
        assert enumerate_sequences(model, 5, prompt) == {(): 1}


def test_the_config_of_the_model_counts():
    """Its end token; and a config's own in its place."""
    model = TableLM(np.zeros((2, 2)), eos_token_id=1)
    assert enumerate_sequences(model, 2) == {(1,): 0.5, (0, 0): 0.25, (0, 1): 0.25}
    config = GenerationConfig(do_sample=True, eos_token_id=0)
    law = enumerate_sequences(model, 2, config=config)
    assert law == {(0,): 0.5, (1, 0): 0.25, (1, 1): 0.25}


def test_a_wrong_table_is_shown():
    with pytest.raises(ValueError, match=r"equal axes, not int64 \[2, 2\]"):
        TableLM(np.zeros((2, 2), np.int64))
    with pytest.raises(ValueError, match=r"equal axes, not float64 \[2, 3\]"):
        TableLM(np.zeros((2, 3)))
