"""explain: the chain in effect, what does nothing, what contradicts."""

import numpy as np
import pytest

from numpygpt import GenerationConfig
from numpygpt.decoding import distribution, explain, trace
from numpygpt.testing import TableLM

DRAFT = TableLM(np.zeros((3, 3)))


def told(capsys, **settings):
    explain(GenerationConfig(**settings))
    return capsys.readouterr().out


def test_the_chain_in_its_order(capsys):
    text = told(
        capsys, do_sample=True, top_p=0.9, temperature=0.7, dynatemp_range=0.2,
        repetition_penalty=1.2, max_new_tokens=5,
    )  # fmt: skip
    assert text.splitlines() == [
        "sampling, up to 5 new tokens",
        "chain hf:",
        "  1. repetition_penalty 1.2",
        "  2. temperature 0.7, dynatemp_range 0.2",
        "  3. top_p 0.9",
    ]


def test_nothing_at_all(capsys):
    assert told(capsys).splitlines() == [
        "greedy, up to 20 tokens with the prompt",
        "chain hf: nothing, the model's logits count",
    ]


def test_a_chain_of_ones_own(capsys):
    def shout(logits, context):
        return logits

    text = told(capsys, do_sample=True, top_k=3, top_p=0.5, chain=[shout, "top_p"])
    assert "chain of your own:\n  1. shout\n  2. top_p 0.5\n" in text
    assert "does nothing:\n  top_k 3: not in the chain\n" in text


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"temperature": 0.7}, "temperature 0.7: only when sampling: do_sample=True"),
        ({"top_k": 5}, "top_k 5: only when sampling: do_sample=True"),
        ({"do_sample": True, "xtc_threshold": 0.2}, "xtc_probability is 0"),
        ({"do_sample": True, "dynatemp_exponent": 2.0}, "dynatemp_range is 0"),
        ({"do_sample": True, "mirostat_tau": 2.0}, "mirostat_tau 2.0: mirostat is 0"),
        ({"dry_base": 2.0}, "dry_base 2.0: dry_multiplier is 0"),
        ({"length_penalty": 2.0}, "length_penalty 2.0: only with beams"),
        ({"early_stopping": True}, "early_stopping True: only with beams"),
        ({"diversity_penalty": 2.0}, "diversity_penalty 2.0: num_beam_groups is 1"),
        ({"min_length": 3}, "min_length 3: there is no end to ban"),
        ({"max_length": 9, "max_new_tokens": 3}, "max_length 9: max_new_tokens wins"),
        ({"stop_strings_wait": True}, "wait True: stop_strings is not set"),
        (
            {"stop_strings_wait": True, "stop_strings": ["a"]},
            "stop_strings_wait True: min_new_tokens is not set",
        ),
        *[
            ({name: value}, f"{name} {value}: only with return_dict_in_generate=True")
            for name, value in {
                "output_scores": True,
                "output_logits": True,
                "logprobs": 2,
                "prompt_logprobs": 2,
            }.items()
        ],
        ({"patience": 2.0}, "patience 2.0: only with beams: num_beams"),
        ({"min_new_tokens": 3}, "min_new_tokens 3: there is no end to ban"),
        (
            {"exponential_decay_length_penalty": (1, 1.5)},
            "exponential_decay_length_penalty (1, 1.5): there is no end to ban",
        ),
        (
            {"num_assistant_tokens_schedule": "heuristic"},
            "num_assistant_tokens_schedule heuristic: assistant_model is not set",
        ),
        (
            {"assistant_confidence_threshold": 0.1},
            "assistant_confidence_threshold 0.1: assistant_model is not set",
        ),
        (
            {"negative_prompt_ids": [3], "guidance_scale": 1},
            "ids [3]: guidance_scale is",
        ),
        (
            {"num_beams": 2, "stochastic_beams": True, "patience": 2.0},
            "patience 2.0: stochastic beams are drawn",
        ),
        *[
            ({name: 0.3}, f"{name} 0.3: only when sampling: do_sample=True")
            for name in (
                "dynatemp_range",
                "dynatemp_exponent",
                "top_h",
                "top_p",
                "min_p",
                "top_a",
                "typical_p",
                "epsilon_cutoff",
                "eta_cutoff",
                "top_n_sigma",
                "xtc_probability",
                "xtc_threshold",
                "mirostat_tau",
                "mirostat_eta",
                "adaptive_target",
                "adaptive_decay",
            )
        ],
        ({"mirostat": 2}, "mirostat 2: only when sampling"),
        ({"min_keep": 2}, "min_keep 2: only when sampling"),
        (
            {"do_sample": True, "min_keep": 2},
            "min_keep 2: top_p is 1 and min_p is 0 and typical_p is 1 and "
            "xtc_probability is 0",
        ),
        (
            {"do_sample": True, "adaptive_decay": 0.5},
            "adaptive_decay 0.5: adaptive_target is not set",
        ),
        ({"penalty_last_n": 3}, "penalty_last_n 3: repetition_penalty is 1 and freq"),
        ({"max_matching_ngram_size": 3}, "prompt_lookup_num_tokens is not set"),
        ({"num_assistant_tokens": 3}, "assistant_model is not set"),
        ({"negative_prompt_ids": [3]}, "guidance_scale is not set"),
        (
            {"num_beams": 2, "stochastic_beams": True, "length_penalty": 2.0},
            "length_penalty 2.0: stochastic beams are drawn",
        ),
        (
            {"num_beams": 2, "stochastic_beams": True, "early_stopping": True},
            "early_stopping True: stochastic beams are drawn",
        ),
        ({"watermarking_config": {"bias": 0}}, "{'bias': 0}: a bias of 0 changes"),
        ({"suppress_tokens": []}, "suppress_tokens []: it is empty"),
        ({"begin_suppress_tokens": []}, "begin_suppress_tokens []: it is empty"),
        ({"use_cache": False}, "use_cache False: the cache is always used"),
        (
            {"do_sample": True, "temperature": 0, "top_p": 0.9},
            "top_p 0.9: temperature 0 means greedy",
        ),
        (
            {"do_sample": True, "temperature": 0, "top_k": 9},
            "top_k 9: temperature 0 means greedy",
        ),
    ],
)
def test_what_does_nothing(capsys, settings, line):
    text = told(capsys, **settings)
    assert line in text.partition("does nothing:\n")[2]
    assert text.count(line) == 1


def test_contrastive_search_reads_top_k_at_temperature_0(capsys):
    text = told(capsys, penalty_alpha=0.6, top_k=4, temperature=0)
    assert "does nothing" not in text


def test_what_has_two_reasons_is_said_once(capsys):
    text = told(capsys, xtc_threshold=0.2)  # greedy, and xtc_probability is 0
    assert text.count("xtc_threshold") == 1


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"temperature": 0}, "temperature 0 means greedy"),
        ({"do_sample": True, "top_k": 1}, "top_k 1 leaves one token"),
        ({"do_sample": True, "top_p": 0.0}, "top_p 0 leaves one token"),
        ({"num_return_sequences": 2}, "they are all the same"),
        *[
            ({"do_sample": True, "mirostat": 2, name: value}, "takes the place of")
            for name, value in {
                "top_h": 0.5,
                "top_k": 5,
                "top_p": 0.5,
                "min_p": 0.1,
                "top_n_sigma": 1.0,
                "xtc_probability": 0.5,
                "adaptive_target": 0.3,
            }.items()
        ],
        (
            {"do_sample": True, "xtc_probability": 0.5, "xtc_threshold": 0.6},
            "above 0.5",
        ),
        ({"forced_eos_token_id": [3, 4], "suppress_tokens": [4]}, "the last step will"),
        ({"min_length": 7, "max_new_tokens": 5}, "min_length 7 counts the prompt"),
        ({"forced_eos_token_id": 3, "suppress_tokens": [3]}, "forced_eos_token_id"),
        ({"eos_token_id": 3, "suppress_tokens": [3]}, "only the length ends a text"),
        ({"min_new_tokens": 30}, "min_new_tokens 30: max_length 20, which"),
        ({"min_new_tokens": 20}, "min_new_tokens 20: max_length 20, which"),
        ({"min_length": 300, "max_new_tokens": 5}, "max_new_tokens 5 ends the text"),
        (
            {"num_beams": 4, "penalty_alpha": 0.5, "top_k": 4},
            "generate refuses this: num_beams and penalty_alpha ask for different",
        ),
        (
            {"num_beams": 2, "prompt_lookup_num_tokens": 3},
            "generate refuses this: num_beams and prompt_lookup_num_tokens ask",
        ),
        ({"stochastic_beams": True}, "generate refuses this: num_beam_groups and"),
        ({"penalty_alpha": 0.5}, "generate refuses this: penalty_alpha: contrastive"),
        (
            {"penalty_alpha": 0.5, "top_k": 4, "do_sample": True},
            "generate refuses this: penalty_alpha: contrastive search does not sample",
        ),
        ({"num_beams": 4, "num_beam_groups": 3}, "refuses this: num_beam_groups must"),
        ({"num_beams": 4, "num_return_sequences": 8}, "refuses this: num_return_seq"),
        ({"num_beams": 4, "mirostat": 2}, "refuses this: mirostat must be 0 in a beam"),
        ({"regex": "a", "choices": [[1]]}, "refuses this: regex and choices cannot be"),
        ({"regex": "a"}, "generate refuses this: regex, choices, json_schema and"),
        ({"choices": ["a"]}, "pass tokenizer= too"),
        ({"token_healing": True}, "pass tokenizer= too"),
        ({"stop_strings": "a"}, "generate refuses this: stop_strings are text"),
    ],
)
def test_what_is_probably_not_meant(capsys, settings, line):
    assert line in told(capsys, **settings).partition("take care:\n")[2]


@pytest.mark.parametrize(
    "settings",
    [
        {"do_sample": True, "temperature": 0.7, "top_k": 40, "num_return_sequences": 2},
        {"do_sample": True, "mirostat": 2, "temperature": 0.7, "mirostat_tau": 3.0},
        {"num_beams": 2, "length_penalty": 2.0, "num_return_sequences": 2},
        {"eos_token_id": [3, 4], "suppress_tokens": [3], "min_new_tokens": 2},
        {"do_sample": True, "xtc_probability": 0.5, "xtc_threshold": 0.2},
        {"dry_multiplier": 1.0, "dry_base": 2.0},
        {"penalty_alpha": 0.6, "top_k": 4},
        {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 1.0},
        {"num_beams": 4, "stochastic_beams": True, "num_return_sequences": 4},
        {"choices": [[1, 2]], "watermarking_config": {}, "suppress_tokens": [1]},
        {"do_sample": True, "xtc_probability": 0.5, "xtc_threshold": 0.5},
        {"eos_token_id": 1, "exponential_decay_length_penalty": (1, 1.5)},
        {"guidance_scale": 1.5, "negative_prompt_ids": [3]},
        {"prompt_lookup_num_tokens": 2, "max_matching_ngram_size": 3},
        {"return_dict_in_generate": True, "output_scores": True, "logprobs": 2},
        {"do_sample": True, "top_k": 2, "top_p": 0.1, "num_return_sequences": 2},
        {"forced_eos_token_id": 3, "suppress_tokens": [4]},
        {
            "num_beams": 2,
            "early_stopping": True,
            "length_penalty": 2.0,
            "patience": 2.0,
        },
        {"eos_token_id": 1, "min_new_tokens": 19},
        {"eos_token_id": 1, "min_length": 6, "max_new_tokens": 5},
    ],
)
def test_what_is_in_order_is_not_blamed(capsys, settings):
    text = told(capsys, **settings)
    assert "does nothing" not in text
    assert "take care" not in text


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"num_beams": 3}, "beam search with 3 beams, up"),
        ({"num_beams": 3, "do_sample": True}, "beam search with 3 beams, sampling, up"),
        (
            {"num_beams": 4, "num_beam_groups": 2},
            "diverse beam search with 4 beams in 2 groups, up",
        ),
        (
            {"num_beams": 4, "stochastic_beams": True},
            "stochastic beam search with 4 beams, up",
        ),
        ({"penalty_alpha": 0.6}, "contrastive search, penalty_alpha 0.6, up"),
        ({"assistant_model": DRAFT}, "greedy, drafts by assistant_model, up to 20"),
        (
            {"prompt_lookup_num_tokens": 2, "do_sample": True},
            "sampling, drafts of up to 2 tokens by lookup, up",
        ),
        ({"guidance_scale": 1.5}, "greedy, guidance_scale 1.5, up"),
        ({"guidance_scale": 1}, "greedy, up"),
        ({"dola_layers": "low"}, "greedy, dola_layers low, up to 20 tokens with the"),
    ],
)
def test_the_method(capsys, settings, words):
    assert told(capsys, **settings).startswith(words)


def test_what_works_besides_the_chain(capsys):
    text = told(
        capsys, choices=[[1, 2]], token_healing=True, stop_strings="x", max_time=2.0,
        regex="",
    )  # fmt: skip
    assert text.partition("besides:\n")[2].splitlines()[:4] == [
        "  choices [[1, 2]]: the new text is one of these",
        "  token_healing True: choose the prompt's last token anew",
        "  stop_strings 'x': stop when one appears",
        "  max_time 2.0: stop after this many seconds",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("regex", "a+"), ("choices", ["a"]), ("json_schema", True), ("json_object", True),
     ("token_healing", True), ("stop_strings", ["a"]), ("stop_strings_wait", True),
     ("stopping_criteria", [max]), ("max_time", 2.0)],
)  # fmt: skip
def test_each_of_the_besides(capsys, name, value):
    lines = told(capsys, **{name: value}).partition("besides:\n")[2].splitlines()
    about = GenerationConfig.__dataclass_fields__[name].metadata["help"]
    assert lines[0] == f"  {name} {value!r}: {about}"


def test_what_changes_nothing_is_no_step_of_the_chain(capsys):
    for settings in ({"watermarking_config": {"bias": 0}}, {"suppress_tokens": []}):
        assert "chain hf: nothing" in told(capsys, **settings)


def as_lists(rows):
    return [(r.name, r.left.tolist(), r.removed.tolist()) for r in rows]


def test_a_trace_by_hand():
    def shout(logits, context):
        return logits + 1

    config = GenerationConfig(
        do_sample=True, top_k=2, temperature=0.5, top_p=0.7,
        chain=["top_k", "temperature", shout, "top_p"],
    )  # fmt: skip
    logits = np.log([0.5, 0.25, 0.15, 0.1])
    rows = trace(logits, [0], config)
    assert as_lists(rows) == [
        ("top_k", [0, 1], [2, 3]),  # 2/3, 1/3
        ("temperature", [0, 1], []),  # their squares: 4/5, 1/5
        ("shout", [0, 1], []),
        ("top_p", [0], [1]),
    ]
    assert [r.mass for r in rows] == pytest.approx([0.25, 0, 0, 0.2])
    two_thirds, four_fifths = np.log2(3) - 2 / 3, np.log2(5) - 8 / 5
    expected = [two_thirds, four_fifths, four_fifths, 0]
    assert [r.bits for r in rows] == pytest.approx(expected)
    assert np.array_equal(logits, np.log([0.5, 0.25, 0.15, 0.1]))
    assert distribution(logits, [0], config).tolist() == [1, 0, 0, 0]


def test_a_trace_counts_the_output_and_shows_xtc_at_work():
    config = GenerationConfig(
        do_sample=True, no_repeat_ngram_size=1, xtc_probability=0.01, xtc_threshold=0.2
    )
    rows = trace(np.log([0.4, 0.3, 0.3]), [2], config)
    assert as_lists(rows) == [
        ("no_repeat_ngram_size", [0, 1], [2]),
        ("xtc", [1], [0]),
    ]
    assert [r.mass for r in rows] == pytest.approx([0.3, 4 / 7])
    assert trace(np.zeros(3)) == []
    with pytest.raises(ValueError, match="num_beams must be 1"):
        trace(np.zeros(3), (), GenerationConfig(num_beams=2))
    with pytest.raises(ValueError, match="the model's logits"):
        trace(np.array([np.nan, 0.0]))
