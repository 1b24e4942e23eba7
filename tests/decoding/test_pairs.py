"""Every setting with every other: what `explain` lets pass is generated with, and what
cannot be is refused before the first token, by the setting's name."""

import itertools
from dataclasses import fields

import numpy as np
import pytest

from numpygpt import GPT2, GenerationConfig, GPT2Config, Tokenizer
from numpygpt.decoding.plumbing.explain import _refused
from numpygpt.decoding.search.methods import SEARCHES

TOKENIZER = Tokenizer([("a", "b"), ("ab", "c")])
END = TOKENIZER.eos_token_id
CONFIG = GPT2Config(
    END + 1, n_positions=24, n_embd=8, n_layer=2, n_head=2, eos_token_id=END
)
MODEL, DRAFT = GPT2.random(CONFIG), GPT2.random(CONFIG, seed=1)
ALLOWED = [token for token in range(END + 1) if token != 10]
PROMPT = TOKENIZER.encode("abcab abc")
# One way to turn on each setting that changes the text.
ON = {
    "do_sample": True, "num_return_sequences": 2, "num_beams": 2, "num_beam_groups": 2,
    "diversity_penalty": 0.5, "stochastic_beams": True, "early_stopping": True,
    "length_penalty": 0.5, "patience": 2.0, "penalty_alpha": 0.6, "dola_layers": "low",
    "prompt_lookup_num_tokens": 3, "max_matching_ngram_size": 3,
    "num_assistant_tokens": 2, "num_assistant_tokens_schedule": "heuristic",
    "assistant_confidence_threshold": 0.1, "guidance_scale": 1.5, "regex": "[a-c ]+",
    "choices": ["abc", "b"], "token_healing": True, "assistant_model": DRAFT,
    "negative_prompt_ids": [5, 6], "stopping_criteria": [lambda ids: len(ids) > 9],
    "stop_strings": "c", "stop_strings_wait": True, "max_time": 60.0,
    "min_length": 8, "min_new_tokens": 2,
    "max_length": 12,
    "temperature": 0.7, "dynatemp_range": 0.3, "dynatemp_exponent": 2.0, "top_k": 9,
    "top_p": 0.9, "min_p": 0.01, "typical_p": 0.9, "epsilon_cutoff": 0.001,
    "eta_cutoff": 0.001, "top_n_sigma": 2.0, "top_h": 0.9, "xtc_probability": 0.5,
    "xtc_threshold": 0.01, "mirostat": 2, "mirostat_tau": 3.0, "mirostat_eta": 0.2,
    "top_a": 0.1,
    "repetition_penalty": 1.2, "frequency_penalty": 0.3, "presence_penalty": 0.3,
    "dry_multiplier": 0.8, "dry_base": 1.5, "dry_allowed_length": 1,
    "dry_sequence_breakers": [5], "no_repeat_ngram_size": 2, "bad_words_ids": [[3, 4]],
    "sequence_bias": {(3,): 2.0}, "logit_bias": {4: 1.0}, "suppress_tokens": [7],
    "begin_suppress_tokens": [8], "forced_bos_token_id": 9, "forced_eos_token_id": END,
    "exponential_decay_length_penalty": (1, 1.1), "renormalize_logits": True,
    "prefix_allowed_tokens_fn": lambda number, ids: ALLOWED,
    "json_schema": {"type": "integer"}, "json_object": True, "ignore_eos": True,
    "allowed_token_ids": ALLOWED, "penalty_last_n": 4, "dry_last_n": 4, "min_keep": 2,
    "adaptive_target": 0.3, "adaptive_decay": 0.5,
    "watermarking_config": {"bias": 1.0}, "chain": "llama.cpp",
}  # fmt: skip
# These say what a text is or how it is returned, or they are what all the others need.
BESIDE = {
    "max_new_tokens", "tokenizer", "bos_token_id", "eos_token_id", "pad_token_id",
    "return_dict_in_generate", "output_scores", "output_logits", "use_cache",
    "logprobs", "prompt_logprobs", "prompt_cache",
}  # fmt: skip
# What some of them need to do anything.
NEEDS = {name: {"num_beams": 2} for name in ("num_beam_groups", "stochastic_beams")}
NAMES = [f.name for f in fields(GenerationConfig) if f.name in ON]


def test_every_setting_stands_here():
    names = {f.name for f in fields(GenerationConfig)}
    assert names - BESIDE <= ON.keys(), names - BESIDE - ON.keys()


@pytest.mark.parametrize("first", NAMES)
def test_what_explain_accepts_is_generated_with(first):
    n_done, i = 0, NAMES.index(first)
    for second in NAMES[i:]:
        pair = first, second
        settings = NEEDS.get(pair[0], {}) | NEEDS.get(pair[1], {})
        settings |= {name: ON[name] for name in pair}
        settings |= {"max_new_tokens": 3, "tokenizer": TOKENIZER}
        config = GenerationConfig(**settings)
        refused = [*_refused(config)]
        try:
            out = MODEL.generate(PROMPT, config, seed=3)
        except ValueError as error:
            assert refused, f"{pair}: {error}"
            assert any(name in str(error) for name in pair), f"{pair}: {error}"
        else:
            assert not refused, f"{pair}: {refused}"
            assert out.dtype == np.int64
            n_done += 1
    assert n_done > 0


def test_two_searches_at_once_are_refused():
    for (a, _, _), (b, _, _) in itertools.combinations(SEARCHES, 2):
        with pytest.raises(ValueError, match=f"{a} and {b}"):
            MODEL.generate(PROMPT, **{a: ON[a], b: ON[b]})


def test_dola_and_guidance_are_refused_by_their_names():
    """What DoLa removes differs with and without the prompt, and -inf - -inf is NaN."""
    settings = {name: ON[name] for name in ("dola_layers", "guidance_scale")}
    [line] = _refused(GenerationConfig(**settings))
    assert "dola_layers and guidance_scale cannot go together" in line
    for others in {}, {"num_beams": 3}, {"prompt_lookup_num_tokens": 3}:
        with pytest.raises(ValueError, match="dola_layers and guidance_scale cannot"):
            MODEL.generate([PROMPT, [5]], **settings, **others)
    fine = MODEL.generate([PROMPT, [5]], **settings | {"guidance_scale": 1})
    assert len(fine) == 2


def as_numpys(value):
    """The numbers in a setting as NumPy's."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(as_numpys, value))
    if isinstance(value, dict):
        return {key: as_numpys(v) for key, v in value.items()}
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    return np.int64(value) if isinstance(value, int) else np.float64(value)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "json_schema"])
def test_numpys_numbers_are_numbers_in_every_setting(name):
    """np.int64(3) is no int, and comes out of every array."""
    settings = NEEDS.get(name, {}) | {"max_new_tokens": 4, "tokenizer": TOKENIZER}
    if name in ("temperature", "top_k", "mirostat_tau", "adaptive_target"):
        settings["do_sample"] = True
    if name == "penalty_alpha":
        settings["top_k"] = 4
    ours = MODEL.generate(PROMPT, seed=3, **settings | {name: ON[name]})
    theirs = MODEL.generate(
        PROMPT, seed=3, **as_numpys(settings | {name: ON[name]})
    )  # fmt: skip
    assert np.array_equal(ours, theirs)
