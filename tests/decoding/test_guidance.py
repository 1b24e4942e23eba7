"""Guidance and DoLa: the formula, and that every method works on such a model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_beam import SMALL, prompts

from numpygpt import GPT2, GPT2Config
from numpygpt.decoding.search.guidance import Dola, Guided, divergence, early_layers
from numpygpt.layers import log_softmax
from numpygpt.model import hidden_states
from numpygpt.testing.table_lm import TableLM

scales = st.sampled_from([0.0, 0.5, 1.5, 4.0])


def guided_row(ids, n_prompt, scale, without):
    c = log_softmax(SMALL(ids)[-1])
    u = log_softmax(SMALL([*without, *ids[n_prompt:]])[-1])
    return u + scale * (c - u)


@given(prompts, scales, st.none() | prompts, st.integers(1, 8))
def test_guided_greedy_does_what_the_formula_says(prompt, scale, without, n_new):
    ids = list(prompt)
    for _ in range(n_new):
        row = guided_row(ids, len(prompt), scale, without or prompt[-1:])
        ids.append(int(np.argmax(row)))
    got = SMALL.generate(
        prompt, max_new_tokens=n_new, guidance_scale=scale, negative_prompt_ids=without
    )
    assert got.tolist() == [ids]


@given(prompts, st.integers(1, 8), st.integers(0, 99))
def test_66_guidance_of_one_is_the_identity(prompt, n_new, seed):
    how = {"max_new_tokens": n_new, "do_sample": True, "seed": seed}
    plain = SMALL.generate(prompt, **how)
    assert SMALL.generate(prompt, guidance_scale=1, **how).tolist() == plain.tolist()


@given(prompts, scales, st.sampled_from(["beams", "drafts", "lookup", "contrastive"]))
def test_every_method_works_on_a_guided_model(prompt, scale, method):
    """Forks and truncations keep both texts together: drafts change nothing, and the
    log-probabilities of a beam are those of the guided model."""
    how = {"max_new_tokens": 8, "guidance_scale": scale}
    plain = SMALL.generate(prompt, **how)
    if method == "drafts":
        assert SMALL.generate(prompt, assistant_model=SMALL, **how).tolist() == (
            plain.tolist()
        )
    elif method == "lookup":
        assert SMALL.generate(prompt, prompt_lookup_num_tokens=3, **how).tolist() == (
            plain.tolist()
        )
    elif method == "contrastive":
        got = SMALL.generate(prompt, penalty_alpha=0.0, top_k=3, **how)
        assert got.tolist() == plain.tolist()
    else:
        out = SMALL.generate(prompt, num_beams=3, return_dict_in_generate=True, **how)
        ids = out.sequences[0].tolist()
        for i, logprob in enumerate(out.logprobs[0], len(prompt)):
            row = guided_row(ids[:i], len(prompt), scale, prompt[-1:])
            assert logprob == pytest.approx(log_softmax(row)[ids[i]])


@given(st.lists(prompts, min_size=1, max_size=3), scales)
def test_45_a_batch_equals_each_alone(batch, scale):
    together = SMALL.generate(batch, max_new_tokens=5, guidance_scale=scale)
    for row, prompt in zip(together, batch):
        [alone] = SMALL.generate(prompt, max_new_tokens=5, guidance_scale=scale)
        assert row[: len(alone)].tolist() == alone.tolist()


TIGHT = GPT2.random(
    GPT2Config(16, n_positions=24, n_embd=8, n_layer=2, n_head=2), dtype=np.float64
)


@pytest.mark.parametrize(
    "method",
    [
        {},
        {"num_beams": 3},
        {"prompt_lookup_num_tokens": 4},
        {"assistant_model": TIGHT},
        {"penalty_alpha": 0.5, "top_k": 3},
    ],
)
def test_a_long_negative_prompt_ends_the_text_at_its_full_context(method):
    how = {"guidance_scale": 2.0, "max_new_tokens": 9, **method}
    for n_other, n_new in ((14, 9), (20, 4), (23, 1)):
        out = TIGHT.generate([1, 1], negative_prompt_ids=[1] * n_other, **how)
        assert out.shape == (1, 2 + n_new)
    with pytest.raises(ValueError, match="negative_prompt_ids: 24 tokens leave no"):
        TIGHT.generate([1, 1], negative_prompt_ids=[1] * 24, **how)
    assert TIGHT.generate([1, 1], negative_prompt_ids=[1] * 24).shape == (1, 22)


def test_the_logits_that_are_returned_are_the_guided_ones():
    out = SMALL.generate(
        [1, 2], guidance_scale=2.0, max_new_tokens=1, output_logits=True,
        return_dict_in_generate=True,
    )  # fmt: skip
    row = guided_row([1, 2], 2, 2.0, [2])
    np.testing.assert_allclose(out.logits[0][0], row)
    token = out.sequences[0, 2]
    assert out.model_logprobs[0, 0] == pytest.approx(log_softmax(row)[token])


def test_truncation_keeps_both_texts_together():
    guided = Guided(SMALL, 2.0, [5, 6, 7])
    cache = guided.new_cache()
    guided.hidden([[1, 2]], [cache])
    guided.hidden([[3, 4, 5]], [cache])
    cache.crop(3)
    assert (cache.text.n_tok, cache.other.n_tok) == (3, 4)
    got = guided.unembed(guided.hidden([[9]], [cache]))[0]
    np.testing.assert_allclose(
        log_softmax(got), log_softmax(guided_row([1, 2, 3, 9], 2, 2.0, [5, 6, 7]))
    )


DEEP = GPT2.random(
    GPT2Config(23, n_positions=40, n_embd=8, n_layer=5, n_head=2), dtype=np.float64
)
for _block in DEEP.params["h"]:
    _block["attn"]["c_proj"]["weight"] *= 60


@given(prompts, st.lists(st.integers(0, 4), min_size=1, max_size=3))
def test_dola_does_what_the_formula_says(prompt, layers):
    states = list(hidden_states([prompt], [DEEP.new_cache()], DEEP.params, DEEP.config))
    last = log_softmax(DEEP(prompt)[-1])
    early = [log_softmax(DEEP.unembed(states[i][-1:])[0]) for i in layers]
    middles = [np.log((np.exp(last) + np.exp(e)) / 2) for e in early]
    differ = [
        (np.exp(m) * (m - last)).sum() + (np.exp(m) * (m - e)).sum()
        for m, e in zip(middles, early)
    ]
    e = early[int(np.argmax(differ))]
    expected = np.where(np.exp(last) >= 0.1 * np.exp(last).max(), last - e, -np.inf)
    dola = Dola(DEEP, layers)
    hidden = dola.hidden([prompt], [dola.new_cache()])
    np.testing.assert_allclose(dola.unembed(hidden)[-1], expected)


@given(prompts, st.sampled_from(["low", "high"]))
def test_drafts_change_nothing_with_dola(prompt, layers):
    plain = DEEP.generate(prompt, max_new_tokens=9, dola_layers=layers)
    drafted = DEEP.generate(
        prompt, max_new_tokens=9, dola_layers=layers, prompt_lookup_num_tokens=3
    )
    assert drafted.tolist() == plain.tolist()


def test_no_divergence_from_itself():
    p = log_softmax(np.arange(6.0).reshape(2, 3))
    np.testing.assert_allclose(divergence(p, np.stack([p, p[::-1]])[:1]), 0, atol=1e-15)


@pytest.mark.parametrize(
    ("n_layer", "tied", "low", "high"),
    [
        (1, True, [0], [0]),
        (2, True, [1], [1]),
        (3, True, [2], [1]),
        (3, False, [0], [1]),
        (4, True, [2], [2]),
        (5, False, [0], [2, 4]),
        (12, True, [2, 4], [6, 8, 10]),
        (12, False, [0, 2, 4], [6, 8, 10]),
        (40, True, list(range(2, 20, 2)), list(range(20, 40, 2))),
        (41, False, list(range(0, 20, 2)), list(range(21, 41, 2))),
        (48, True, list(range(2, 20, 2)), list(range(28, 48, 2))),
    ],
)
def test_the_layers_by_name(n_layer, tied, low, high):
    config = GPT2Config(n_layer=n_layer, tie_word_embeddings=tied)
    assert early_layers("low", config) == low
    assert early_layers("high", config) == high


@pytest.mark.parametrize("layers", ["middle", [], [5], [-1], [True], [0, 5], [-1, 4]])
def test_layers_that_do_not_exist(layers):
    with pytest.raises(ValueError, match="dola_layers must be"):
        DEEP.generate([1], dola_layers=layers)


def test_dola_needs_layers():
    with pytest.raises(ValueError, match="a TableLM has none"):
        TableLM(np.zeros((3, 3))).generate([1], dola_layers="low")


def test_layers_that_stand_twice_count_once():
    """They change nothing, and a file could ask for more than any memory holds."""
    assert early_layers([1, 0] * 100_000, SMALL.config) == [1, 0]


def test_dola_and_guidance_do_not_go_together():
    with pytest.raises(ValueError, match="dola_layers and guidance_scale cannot go"):
        DEEP.generate([1], dola_layers="low", guidance_scale=1.5)
    DEEP.generate([1], dola_layers="low", guidance_scale=1, max_new_tokens=1)
