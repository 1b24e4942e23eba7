"""explain: the chain in effect, what does nothing, what contradicts."""

import pytest

from numpygpt import GenerationConfig
from numpygpt.decoding import explain


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
        ({"output_scores": True}, "only with return_dict_in_generate=True"),
        ({"max_matching_ngram_size": 3}, "prompt_lookup_num_tokens is not set"),
        ({"num_assistant_tokens": 3}, "assistant_model is not set"),
        ({"negative_prompt_ids": [3]}, "guidance_scale is not set"),
    ],
)
def test_what_does_nothing(capsys, settings, line):
    text = told(capsys, **settings)
    assert line in text.partition("does nothing:\n")[2]
    assert text.count(line) == 1


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
        ({"do_sample": True, "mirostat": 2, "top_p": 0.5}, "takes the place of"),
        (
            {"do_sample": True, "xtc_probability": 0.5, "xtc_threshold": 0.6},
            "above 0.5",
        ),
        ({"forced_eos_token_id": 3, "suppress_tokens": [3]}, "forced_eos_token_id"),
        ({"eos_token_id": 3, "suppress_tokens": [3]}, "only the length ends a text"),
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
        ({"penalty_alpha": 0.6}, "contrastive search, penalty_alpha 0.6, up"),
    ],
)
def test_the_method(capsys, settings, words):
    assert told(capsys, **settings).startswith(words)
