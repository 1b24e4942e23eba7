"""The numbers beside a text: what else could have come, how likely the prompt was."""

import numpy as np
import pytest

from numpygpt import GPT2, GPT2Config
from numpygpt.decoding.plumbing.logprobs import likeliest
from numpygpt.layers import log_softmax

CONFIG = GPT2Config(31, n_positions=40, n_embd=12, n_layer=2, n_head=3,
                    bos_token_id=0, eos_token_id=0)  # fmt: skip
MODEL = GPT2.random(CONFIG, dtype=np.float64)
HOW = {"max_new_tokens": 6, "return_dict_in_generate": True, "seed": 4}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"do_sample": True, "top_k": 7, "temperature": 3.0},
        {"do_sample": True, "num_return_sequences": 3, "top_p": 0.5},
        {"num_beams": 3, "num_return_sequences": 2},
        {"penalty_alpha": 0.5, "top_k": 4},
        {"prompt_lookup_num_tokens": 3},
        {"guidance_scale": 1.5},
    ],
)
def test_the_likeliest_are_the_largest_scores(settings):
    out = MODEL.generate([5, 6, 5, 6, 5], logprobs=4, **settings, **HOW)
    plain = MODEL.generate([5, 6, 5, 6, 5], output_scores=True, **settings, **HOW)
    assert np.array_equal(out.sequences, plain.sequences)
    for k, steps in enumerate(out.top_logprobs):
        n_new = out.lengths[k] - 5
        assert len(steps) == n_new
        for i, top in enumerate(steps):
            law = log_softmax(plain.scores[i][k])
            best = np.sort(law[law > -np.inf])[::-1][:4]
            np.testing.assert_allclose([logprob for _, logprob in top], best)
            assert [law[token] for token, _ in top] == [logprob for _, logprob in top]
            chosen = dict(top).get(int(out.sequences[k, 5 + i]))
            if chosen is not None and "num_beams" not in settings:
                assert chosen == pytest.approx(out.logprobs[k, i])


def test_the_prompts_own_numbers_are_the_models():
    prompts = [[5, 6, 7, 8], [9], [1, 2]]
    out = MODEL.generate(prompts, prompt_logprobs=3, **HOW)
    assert out.top_logprobs is None
    assert [len(found) for found in out.prompt_logprobs] == [3, 0, 1]
    for prompt, found in zip(prompts, out.prompt_logprobs):
        law = log_softmax(MODEL(prompt))
        for i, (logprob, top) in enumerate(found):
            assert logprob == pytest.approx(law[i, prompt[i + 1]], abs=1e-12)
            assert [token for token, _ in top] == np.argsort(-law[i])[:3].tolist()


def test_padding_has_no_numbers():
    masked = MODEL.generate(
        [[0, 0, 5, 6]], attention_mask=[[0, 0, 1, 1]], prompt_logprobs=2, **HOW
    )
    alone = MODEL.generate([[5, 6]], prompt_logprobs=2, **HOW)
    assert masked.prompt_logprobs == alone.prompt_logprobs


def test_none_asked_for_none_given():
    out = MODEL.generate([5], **HOW)
    assert out.top_logprobs is out.prompt_logprobs is out.scores is None
    out = MODEL.generate([5], logprobs=0, prompt_logprobs=0, **HOW)
    assert out.top_logprobs == [[[]] * 6] and out.prompt_logprobs == [[]]
    with pytest.raises(ValueError, match="logprobs must be an integer of at least 0"):
        MODEL.generate([5], logprobs=-1, **HOW)


def test_the_likeliest_the_first_of_equal_ones_first():
    logprobs = np.array([-3.0, -1.0, -2.0] * 20 + [-np.inf])
    found = likeliest(logprobs, 22)
    assert [i for i, _ in found] == [*range(1, 60, 3), 2, 5]
    assert [logprob for _, logprob in found] == [-1.0] * 20 + [-2.0] * 2
    assert likeliest(logprobs, 0) == []
    assert len(likeliest(logprobs, 99)) == 60  # what cannot come is left out
