"""GenerationConfig: names, defaults, what is refused, generation_config.json."""

import json
import math
import re
from dataclasses import fields, replace

import numpy as np
import pytest
from by_row import VALUES

from numpygpt import GPT2, GenerationConfig, GPT2Config
from numpygpt.decoding.plumbing import ranges
from numpygpt.decoding.plumbing.checks import check_width
from numpygpt.decoding.plumbing.settings import merge_config
from numpygpt.decoding.rules.table import STEPS, is_on

FIELDS = {field.name: field for field in fields(GenerationConfig)}
WRONG = [
    (name, value)
    for name, field in FIELDS.items()
    for value in VALUES[field.metadata["range"].words][1]
]
WRONG += [(name, None) for name, f in FIELDS.items() if not isinstance(None, f.type)]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_named(name, value):
    words = FIELDS[name].metadata["range"].words
    with pytest.raises(
        ValueError, match=f"^{name} must be {re.escape(words)}, "
    ) as error:
        GenerationConfig(**{name: value})
    assert repr(value) in str(error.value)


@pytest.mark.parametrize("name", FIELDS)
def test_a_right_value_is_taken(name):
    for value in VALUES[FIELDS[name].metadata["range"].words][0]:
        assert getattr(GenerationConfig(**{name: value}), name) == value
    assert getattr(GenerationConfig(), name) == FIELDS[name].default


INF, MOST = math.inf, 2**63 - 1
# Both sides of every border.
EDGES = {
    "FLAG": ([True, False], [0, None, np.True_]),
    "NUMBER": ([0, -1e308, np.float32(1), MOST], [INF, -INF, math.nan, MOST + 1]),
    "SHARE": ([0, 0.0, 1, 1.0], [-1e-9, 1 + 1e-9, False]),
    "AT_LEAST_0": ([0, 1e300], [-1e-300, INF, 10**400]),
    "AT_LEAST_1": ([1, 1.0], [0.999, INF]),
    "DECAY_RATE": ([0, 0.99], [-1e-9, 0.9901]),
    "POSITIVE": ([5e-324, MOST], [0, 0.0, -0.0, MOST + 1]),
    "POWER": ([-50, 50.0], [-50.001, 50.001]),
    "COUNT": ([1, np.int8(1), MOST], [0, 1.0, MOST + 1]),
    "COUNT_OR_0": ([0], [-1, False]),
    "LAST_N": ([-1, 0], [-2]),
    "VERSION": ([0, 1, 2], [-1, 3]),
    "ID": ([0, MOST], [-1, MOST + 1]),
    "IDS": ([0, [0], (3, 4)], [None, [], (), -1, [-1], [[1]]]),
    "ID_LIST": ([[], (), [0], (1,)], [0, [-1], None]),
    "SOME_IDS": ([[0], (1,)], [[], (), [-1]]),
    "SEQUENCES": ([[[0]], ((1, 2),)], [[], [[]], [0]]),
    "SEQUENCE_BIAS": (
        [{(0,): 1}, [[[0], -1.5]], [((0, 1), 0)]],
        [{}, [], [[[0]]], [[[0], 1, 2]], [[[], 1]], {(0,): -INF}, {(-1,): 1}, {0: 1}],
    ),
    "TOKEN_BIAS": (
        [{0: 1}, {"0": -1.5}, {3: -INF}], [{}, {0: INF}, {0: math.nan}, [[0, 1]]]
    ),
    "BREAKERS": ([[], (), ["a", 0, [0, 1]]], [["a", -1], [[]], [""], None, "a"]),
    "DECAY": (
        [(0, 0), [3, 1.5]], [(-1, 1), (1, -0.1), (1,), (1, 2, 3), (0.5, 1), (1, INF)]
    ),
    "DICTIONARY": ([{}], [[], None]),
    "TEXT": (["", "a"], [b"", None]),
    "TEXTS": (["a", ["a"], ("a", "b")], ["", [], ["a", ""], None]),
    "CHOICES": ([["a"], [[0]], ("a", "b")], [[], [""], [[]], ["a", [0]], "a"]),
    "SCHEMA": ([{}, True, False, ""], [[], None, 0]),
    "LAYERS": (["low", "high", [0], (1, 2)], ["lo", "hig", [], [-1], 0]),
    "EARLY": ([True, False, "never"], ["neve", 0, None]),
    "SCHEDULE": (
        ["constant", "heuristic", "heuristic_transient"], ["constan", "heuristi", None]
    ),
    "CHAIN": (["hf", "", [], (), ["a", print], (print,)], [[0], None, print]),
    "ALLOWED": ([print], [None, []]),
    "STOPS": ([[], (), [print]], [print, [0], None]),
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
def test_both_sides_of_every_border(name):
    range_ = getattr(ranges, name)
    for value in EDGES[name][0]:
        ranges.check("it", range_, value)
    for value in EDGES[name][1]:
        with pytest.raises(
            ValueError, match=f"^it must be {re.escape(range_.words)}, "
        ):
            ranges.check("it", range_, value)


def test_every_range_has_its_borders_here():
    known = {name for name, r in vars(ranges).items() if isinstance(r, ranges.Range)}
    assert known - EDGES.keys() == {"MODEL", "READ", "TOKENIZER"}


# Nobody means these, but a file may hold them, and so may a command line.
ODD = [
    "", "x", "low", 0, -1, 5, 10**30, 0.5, math.nan, [], [[]], [1], [[1, 2]], ["a"],
    [1, 1.1], [10**30], {}, {"a": 1}, {1: 2.0}, [[[1, 2], 3.0]], True, object(),
    np.arange(2), lambda *_: [1], [lambda *args: args[0]], b"x", range(3), {1, 2}, None,
]  # fmt: skip


@pytest.mark.parametrize("name", [field.name for field in fields(GenerationConfig)])
def test_a_value_of_the_wrong_kind_is_a_clear_error_or_works(name):
    """Whatever a field is given: either the error names it, or text comes out."""
    shape = GPT2Config(
        9, n_positions=16, n_embd=4, n_layer=2, n_head=2, eos_token_id=None
    )
    model = GPT2.random(shape)
    for value in ODD:
        try:
            config = GenerationConfig(**{name: value})
        except ValueError as error:
            assert name in str(error)
            continue
        if (
            name in ("num_return_sequences", "num_beams", "patience")
            and value == 10**30
        ):
            continue
        for others in ({"max_new_tokens": 3}, {"do_sample": True, "max_length": 5}):
            if name not in others:
                try:
                    model.generate([1, 2], replace(config, **others), seed=0)
                except ValueError as error:
                    assert name.split("_")[0] in str(error)


@pytest.mark.parametrize(
    "good",
    [
        {"temperature": None, "top_k": None, "top_p": None, "min_p": None},
        {"early_stopping": "never"},
        {"early_stopping": True},
        {"stop_strings": "a"},
        {"stop_strings": ["a", "b"]},
        {"eos_token_id": [1, 2]},
        {"sequence_bias": [[[1, 2], 0.5]]},
        {"sequence_bias": {(1,): -2}},
        {"logit_bias": {"5": 1.0, 6: 2}},
        {"suppress_tokens": []},
        {"exponential_decay_length_penalty": [3, 1.01]},
        {"top_p": 0, "min_p": 1, "top_n_sigma": 0},
        {"output_logits": None},
    ],
)
def test_these_are_accepted(good):
    config = GenerationConfig.known(**good)
    for name, value in good.items():
        assert getattr(config, name) == value


# transformers' own values of what there is not here; each with one that would matter.
MISSING = {
    "assistant_early_exit": (None, 2),
    "encoder_repetition_penalty": (1, 1.1),
    "encoder_no_repeat_ngram_size": (0, 1),
    "decoder_start_token_id": (None, 0),
    "remove_invalid_values": (False, True),
    "output_attentions": (False, True),
    "output_hidden_states": (False, True),
    "constraints": (None, [[1]]),
    "force_words_ids": (None, [[1]]),
}


@pytest.mark.parametrize("name", MISSING)
def test_what_is_missing_is_accepted_while_it_is_off(name):
    off, on = MISSING[name]
    assert GenerationConfig.known(**{name: off}) == GenerationConfig()
    with pytest.raises(ValueError, match=f"^{name} must be {off}, not"):
        GenerationConfig.known(**{name: on})


def test_contradictory_lengths():
    with pytest.raises(
        ValueError, match="min_new_tokens must be at most max_new_tokens"
    ):
        GenerationConfig(min_new_tokens=5, max_new_tokens=4)
    with pytest.raises(ValueError, match="min_length must be at most max_length, 20"):
        GenerationConfig(min_length=21)
    GenerationConfig(min_length=21, max_new_tokens=4)  # the prompt may be long
    GenerationConfig(min_new_tokens=4, max_new_tokens=4, min_length=20)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("topp", "top_p"),
        ("max_tokens", "max_new_tokens"),
        ("temprature", "temperature"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=f"'{name}': did you mean '{nearest}'"):
        GenerationConfig.known(**{name: 1})
    with pytest.raises(ValueError, match=f"'{name}'"):
        merge_config(GenerationConfig(), None, {name: 1})


def test_a_name_like_no_other_lists_all():
    with pytest.raises(ValueError, match="known: max_length, .*top_p"):
        GenerationConfig.known(qqq=1)


def test_nothing_truncates_unless_asked():
    """transformers' hidden top_k of 50 is the one default that differs."""
    for config in (GenerationConfig(), GenerationConfig(do_sample=True)):
        assert not any(is_on(step, config) for step in STEPS)


def test_temperature_0_is_greedy():
    assert GenerationConfig(do_sample=True, temperature=0).do_sample is False
    assert GenerationConfig(do_sample=True, temperature=0.1).do_sample is True


def test_every_field_says_what_it_is():
    for field in fields(GenerationConfig):
        assert 2 < len(field.metadata["help"]) < 65, field.name


# What transformers 4.57.6 has in a GenerationConfig that says nothing.
PLAIN = json.loads("""{
  "max_length": 20, "max_new_tokens": null, "min_length": 0, "min_new_tokens": null,
  "early_stopping": false, "max_time": null, "stop_strings": null, "do_sample": false,
  "num_beams": 1, "use_cache": true, "cache_implementation": null,
  "cache_config": null, "return_legacy_cache": null, "prefill_chunk_size": null,
  "temperature": 1.0, "top_k": 50, "top_p": 1.0, "min_p": null, "typical_p": 1.0,
  "epsilon_cutoff": 0.0, "eta_cutoff": 0.0, "repetition_penalty": 1.0,
  "encoder_repetition_penalty": 1.0, "length_penalty": 1.0, "no_repeat_ngram_size": 0,
  "bad_words_ids": null, "renormalize_logits": false, "forced_bos_token_id": null,
  "forced_eos_token_id": null, "remove_invalid_values": false,
  "exponential_decay_length_penalty": null, "suppress_tokens": null,
  "begin_suppress_tokens": null, "sequence_bias": null, "token_healing": false,
  "guidance_scale": null, "watermarking_config": null, "num_return_sequences": 1,
  "output_attentions": false, "output_hidden_states": false, "output_scores": false,
  "output_logits": null, "return_dict_in_generate": false, "pad_token_id": null,
  "bos_token_id": null, "eos_token_id": null, "encoder_no_repeat_ngram_size": 0,
  "decoder_start_token_id": null, "is_assistant": false, "num_assistant_tokens": 20,
  "num_assistant_tokens_schedule": "constant", "assistant_confidence_threshold": 0.4,
  "prompt_lookup_num_tokens": null, "max_matching_ngram_size": null,
  "assistant_early_exit": null, "assistant_lookbehind": 10, "target_lookbehind": 10,
  "compile_config": null, "disable_compile": false, "low_memory": null,
  "penalty_alpha": null, "dola_layers": null, "diversity_penalty": 0.0,
  "num_beam_groups": 1, "constraints": null, "force_words_ids": null,
  "_from_model_config": false, "_commit_hash": null, "transformers_version": "4.57.6"
}""")


def test_a_complete_file_of_transformers_says_nothing_but_its_top_k():
    config = GenerationConfig.known(**PLAIN)
    on = [s for s in STEPS if is_on(s, GenerationConfig(do_sample=True))]
    assert on == []
    same = {f.name for f in fields(config)} & PLAIN.keys() - {"top_k"}
    for name in same:
        default = getattr(GenerationConfig(), name)
        assert getattr(config, name) in (default, None), name
    assert config.top_k == 50


@pytest.mark.parametrize(
    "settings",
    [
        {"encoder_repetition_penalty": 1.2},
        {"remove_invalid_values": True},
        {"output_attentions": True},
        {"force_words_ids": [[1]]},
    ],
)
def test_what_numpygpt_does_not_have_is_refused(settings):
    [name] = settings
    with pytest.raises(ValueError, match=f"^{name} must be .* does not have it"):
        GenerationConfig.known(**settings)


def test_a_call_overrides_a_config_overrides_the_model():
    model = GenerationConfig(top_k=5, eos_token_id=1)
    assert merge_config(model, None, {"top_k": 7}).top_k == 7
    assert merge_config(model, None, {}).top_k == 5
    merged = merge_config(model, {"top_p": 0.5}, {"cache_implementation": "static"})
    assert (merged.top_k, merged.top_p, merged.eos_token_ids) == (0, 0.5, (1,))
    assert merge_config(model, None, {"eos_token_id": None}).eos_token_ids == ()
    assert merge_config(
        model, GenerationConfig(eos_token_id=[2, 3]), {}
    ).eos_token_ids == (2, 3)


def test_null_says_nothing_as_in_the_files_of_transformers():
    config = GenerationConfig.known(
        max_length=None, do_sample=None, num_beams=None, length_penalty=None,
        early_stopping=None, renormalize_logits=None, top_k=5, max_new_tokens=None,
    )  # fmt: skip
    assert config == GenerationConfig(top_k=5)
    assert merge_config(config, None, {"max_length": None, "top_k": None}).top_k is None


def test_temperature_0_does_not_stay():
    """It means greedy; with another temperature the same config samples again."""
    cold = GenerationConfig(do_sample=True, temperature=0)
    assert not cold.do_sample
    assert merge_config(GenerationConfig(), cold, {"temperature": 2.0}).do_sample
    assert not merge_config(GenerationConfig(), cold, {"top_k": 2}).do_sample
    never = GenerationConfig(temperature=0)
    assert not merge_config(GenerationConfig(), never, {"temperature": 2.0}).do_sample


def test_a_config_is_a_config():
    with pytest.raises(ValueError, match="generation_config must be"):
        merge_config(GenerationConfig(), 5, {})


def test_how_wide_a_search_a_file_may_ask_for():
    """64 are always fine; more, if 32 tokens of so many texts take no more room than
    the weights: 512 numbers each of the second model here."""
    small = GPT2Config(9, n_positions=16, n_embd=8, n_layer=1, n_head=2)
    large = GPT2Config(5000, n_positions=16, n_embd=8, n_layer=1, n_head=2)
    assert large.n_params == 41_016
    for config, most in (small, 64), (large, 80):
        for name, how in (
            ("num_beams", {"num_beams": most}),
            ("num_return_sequences", {"num_return_sequences": most}),
            ("num_return_sequences * top_k", {"penalty_alpha": 0.5, "top_k": most}),
        ):
            check_width(GenerationConfig(**how), config)
            wider = {key: most + 1 if v == most else v for key, v in how.items()}
            words = f"^{re.escape(name)} must be at most {most}, not {most + 1}"
            with pytest.raises(ValueError, match=words):
                check_width(GenerationConfig(**wider), config)
        check_width(GenerationConfig(top_k=most + 1), config)  # no contrastive search
