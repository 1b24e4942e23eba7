"""Contrastive search: its formula, its limits, its errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_beam import SMALL, prompts

from numpygpt.layers import softmax


def naive(prompt, n_new, alpha, k):
    """Without a cache, as the formula says."""
    ids = list(prompt)
    for _ in range(n_new):
        hidden = SMALL.hidden([ids], [SMALL.new_cache()])
        p = softmax(SMALL.unembed(hidden[-1:])[0])
        past = hidden / np.linalg.norm(hidden, axis=1, keepdims=True)
        tokens = np.argsort(-p, kind="stable")[:k]
        texts = [[*ids, token] for token in tokens]
        rows = SMALL.hidden(texts, [SMALL.new_cache() for _ in texts])
        ends = rows[len(ids) :: len(ids) + 1]  # the last row of each text
        scored = []
        for token, ahead in zip(tokens, ends):
            cosine = max(past @ ahead) / np.linalg.norm(ahead)
            scored.append(((1 - alpha) * p[token] - alpha * cosine, token))
        ids.append(int(max(scored)[1]))
    return ids


@given(prompts, st.integers(1, 6), st.sampled_from([0.0, 0.3, 0.6, 1.0]),
       st.integers(1, 30))  # fmt: skip
def test_it_does_what_the_formula_says(prompt, n_new, alpha, k):
    got = SMALL.generate(prompt, max_new_tokens=n_new, penalty_alpha=alpha, top_k=k)
    assert got.tolist() == [naive(prompt, n_new, alpha, k)]


@given(prompts, st.integers(1, 12), st.integers(1, 40))
def test_67_without_a_penalty_it_is_greedy(prompt, n_new, k):
    greedy = SMALL.generate(prompt, max_new_tokens=n_new)
    got = SMALL.generate(prompt, max_new_tokens=n_new, penalty_alpha=0.0, top_k=k)
    assert got.tolist() == greedy.tolist()


@given(st.lists(prompts, min_size=1, max_size=3))
def test_45_48_a_batch_equals_each_alone_and_its_stream(batch):
    how = {
        "penalty_alpha": 0.5, "top_k": 4, "max_new_tokens": 6, "eos_token_id": [3, 8]
    }  # fmt: skip
    together = SMALL.generate(batch, pad_token_id=0, **how)
    for row, prompt in zip(together.tolist(), batch):
        alone = SMALL.generate(prompt, **how)[0].tolist()
        assert row[: len(alone)] == alone
        assert prompt + list(SMALL.stream(prompt, **how)) == alone


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"penalty_alpha": 0.6}, "set top_k"),
        ({"penalty_alpha": 1.5, "top_k": 4}, "penalty_alpha must be a number from 0"),
        ({"penalty_alpha": 0.6, "top_k": 4, "do_sample": True}, "does not sample"),
        (
            {"penalty_alpha": 0.6, "top_k": 4, "num_beams": 2},
            "num_beams and penalty_al",
        ),
        ({"prompt_lookup_num_tokens": 2, "assistant_model": SMALL}, "set one of them"),
        ({"num_beam_groups": 2}, "need num_beams above 1"),
        (
            {"num_beams": 4, "num_beam_groups": 2, "stochastic_beams": True},
            "^num_beam_groups and stochastic_beams ask for different methods",
        ),
        (
            {"penalty_alpha": 0.6, "prompt_lookup_num_tokens": 2},
            "^penalty_alpha and prompt_lookup_num_tokens ask for different methods",
        ),
        (
            {"num_beams": 2, "assistant_model": SMALL},
            "^num_beams and assistant_model ask for different methods",
        ),
    ],
)
def test_bad_input(settings, message):
    with pytest.raises(ValueError, match=message):
        SMALL.generate([1], **settings)
