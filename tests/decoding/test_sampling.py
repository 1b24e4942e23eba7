"""Properties 36 to 42, the chain and its order, exact distributions."""

import copy

import numpy as np
import pytest
from by_row import VALUES
from hypothesis import given

from numpygpt import GenerationConfig
from numpygpt.decoding.rules.table import FILTERS, PRESETS, STEPS
from numpygpt.decoding.sampling import chain, distribution, process, sample_token
from numpygpt.layers import softmax
from numpygpt.testing import (
    TableLM,
    check_decoder,
    check_law,
    check_sampler,
    configs,
    contexts,
    logits,
)

INF = np.inf
TABLE = np.log([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5]])


def sample(z, rng):
    return sample_token(distribution(z), rng)


def gumbel(z, rng):
    """The largest of the logits plus Gumbel noise: the same law, drawn another way."""
    return int(np.argmax(z - np.log(-np.log(rng.random(len(z))))))


@pytest.mark.hypothesis  # the kit draws examples too
def test_24_36_37_39_our_own_draw():
    check_sampler(sample, broken_rows=True)


@pytest.mark.hypothesis  # the kit draws examples too
def test_38_gumbel_max_and_inverse_cdf_share_a_law():
    check_sampler(gumbel)


class Uniform:
    """A generator whose next number is known."""

    def __init__(self, value):
        self.value = value

    def random(self):
        return self.value


@pytest.mark.parametrize(
    ("uniform", "token"),
    [(0.0, 1), (0.249, 1), (0.25, 3), (0.74, 3), (0.75, 4), (1 - 2**-53, 4)],
)
def test_37_draw_inverts_the_distribution_function(uniform, token):
    assert (
        sample_token(np.array([0.0, 0.25, 0.0, 0.5, 0.25, 0.0]), Uniform(uniform))
        == token
    )


def test_37_draw_takes_weights_that_do_not_sum_to_one():
    weights = np.array([1.0, 1.0, 2.0])
    assert [sample_token(weights, Uniform(u)) for u in (0.2, 0.3, 0.6)] == [0, 1, 2]


def test_37_rounding_never_draws_beyond_the_end():
    p = np.array([1 / 3, 1 / 3, 1 / 3, 0.0])
    assert sample_token(p, Uniform(1.0)) == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0.7, "top_k": 2, "repetition_penalty": 1.5},
        {"top_p": 0.6, "chain": "llama.cpp", "temperature": 1.7},
        {"xtc_probability": 0.4, "xtc_threshold": 0.15, "typical_p": 0.8},
        {"no_repeat_ngram_size": 3, "min_new_tokens": 2, "dry_multiplier": 1.0,
         "frequency_penalty": 0.7, "presence_penalty": 0.2},
        {"watermarking_config": {"greenlist_ratio": 0.4}},
        {"do_sample": False, "repetition_penalty": 1.5},
    ],
)
def test_36_37_39_47_texts_follow_the_exact_law(settings):
    config = GenerationConfig(**{"do_sample": True, **settings})
    check_decoder(
        lambda model, prompt, n_new, seed: model.generate(
            prompt, config, max_new_tokens=n_new, seed=seed
        ),
        config=config,
        also=["longer run"] if "watermarking_config" in settings else [],
        n_draws=50,
    )


def test_40_a_sequence_does_not_depend_on_its_neighbours():
    model = TableLM(TABLE)
    settings = {"do_sample": True, "max_new_tokens": 8, "xtc_probability": 0.5}
    together = model.generate([[0], [1, 2], [2]], seed=3, **settings)
    for prompt, row in zip([[0], [1, 2], [2]], together):
        [alone] = model.generate(prompt, seed=3, **settings)
        assert row[: len(alone)].tolist() == alone.tolist()


def test_41_returned_sequences_use_streams_of_their_own():
    model = TableLM(np.zeros((9, 9)))
    rows = model.generate(
        [0], do_sample=True, max_new_tokens=12, num_return_sequences=5, seed=1
    )
    assert len({tuple(row) for row in rows.tolist()}) == 5
    [first] = model.generate([0], do_sample=True, max_new_tokens=12, seed=1)
    assert first.tolist() == rows[0].tolist()


def test_42_a_copied_chain_is_independent():
    config = GenerationConfig(do_sample=True, xtc_probability=0.5, mirostat=2)
    steps = chain(config, 1, np.random.default_rng(0))
    z = np.log([0.4, 0.3, 0.2, 0.1])
    process(z, [0], steps)
    twin = copy.deepcopy(steps)
    texts = [[process(z, [0] * n, s) for n in range(2, 12)] for s in (steps, twin)]
    assert np.array_equal(*texts)
    process(z, [0] * 12, steps)
    assert steps[-1].known["state"]["n_seen"] == 12
    assert twin[-1].known["state"]["n_seen"] == 11


@given(logits(5), configs(), contexts(5))
def test_26_distributions_are_distributions(z, config, context):
    p = distribution(z, context, config)
    assert abs(p.sum() - 1) < 1e-9
    assert (p >= 0).all()
    assert not p[z == -INF].any()
    assert p.dtype == np.float64


@given(logits(5), contexts(5))
def test_greedy_is_all_on_the_argmax(z, context):
    for config in (GenerationConfig(), GenerationConfig(do_sample=True, temperature=0)):
        p = distribution(z, context, config)
        assert p.tolist() == np.eye(5)[np.argmax(z)].tolist()
    np.testing.assert_allclose(distribution(z), softmax(z.astype(np.float64)))


def test_greedy_takes_the_best_of_what_the_rules_leave():
    config = GenerationConfig(suppress_tokens=[2])
    p = distribution(np.array([0.0, 1.0, 2.0]), config=config)
    assert p.tolist() == [0.0, 1.0, 0.0]


def test_the_law_of_xtc_is_a_mixture():
    config = GenerationConfig(do_sample=True, xtc_probability=0.25, xtc_threshold=0.25)
    p = distribution(np.log([0.5, 0.3, 0.2]), config=config)
    np.testing.assert_allclose(p, [0.375, 0.225 + 0.25 * 0.6, 0.15 + 0.25 * 0.4])


def test_each_xtc_of_a_chain_tosses_a_coin_of_its_own():
    """One time in four neither acts; else only the least likely token is left."""
    config = GenerationConfig(
        do_sample=True, xtc_probability=0.5, xtc_threshold=0.1, chain=["xtc", "xtc"]
    )
    p = distribution(np.log([0.5, 0.3, 0.2]), config=config)
    np.testing.assert_allclose(p, [0.125, 0.075, 0.8])
    model = TableLM(np.log([0.5, 0.3, 0.2]))
    rows = model.generate(
        [0], config, max_new_tokens=1, num_return_sequences=2000, seed=0
    )
    check_law(rows[:, 1].tolist(), dict(enumerate(p)))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"num_beams": 2}, "num_beams must be 1: a beam search compares"),
        ({"stochastic_beams": True}, "stochastic_beams must be False"),
        ({"penalty_alpha": 0.5}, "penalty_alpha must be None"),
        ({"mirostat": 2}, "mirostat must be 0"),
        ({"choices": [[1]]}, "choices must be None"),
        ({"regex": "a"}, "regex must be None"),
        ({"token_healing": True}, "token_healing must be False"),
        ({"guidance_scale": 3.0}, "guidance_scale must be 1"),
        ({"dola_layers": "low"}, "dola_layers must be None"),
    ],
)
def test_what_a_row_of_logits_does_not_tell_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        distribution(np.zeros(3), config=GenerationConfig(do_sample=True, **settings))


def test_guidance_of_one_is_no_guidance():
    config = GenerationConfig(do_sample=True, guidance_scale=1)
    np.testing.assert_allclose(distribution(np.zeros(4), config=config), 0.25)


def test_output_rules_do_not_count_the_prompt():
    z = np.zeros(3)
    config = GenerationConfig(frequency_penalty=1.0)
    assert process(z, [1, 1, 2], chain(config, 2)).tolist() == [0.0, 0.0, -1.0]
    assert process(z, [1, 1, 2], chain(config, 0)).tolist() == [0.0, -2.0, -1.0]
    config = GenerationConfig(repetition_penalty=2.0)
    assert process(z - 1, [1], chain(config, 1)).tolist() == [-1.0, -2.0, -1.0]


def names(config):
    return [step.name for step in chain(config)]


# Every step switched on, by a value of its range.
EVERYTHING = {
    row.settings[0].name: VALUES[row.settings[0].range.words][0][-1]
    for row in STEPS.values()
}


def test_the_order_of_transformers():
    order = [
        n for n in names(GenerationConfig(do_sample=True, **EVERYTHING)) if n in HF
    ]
    assert order == HF


HF = [
    "sequence_bias", "repetition_penalty", "no_repeat_ngram_size", "bad_words_ids",
    "min_length", "min_new_tokens", "prefix_allowed_tokens_fn", "forced_bos_token_id",
    "forced_eos_token_id", "exponential_decay_length_penalty", "suppress_tokens",
    "begin_suppress_tokens", "temperature", "top_h", "top_k", "top_p", "min_p",
    "typical_p", "epsilon_cutoff", "eta_cutoff", "watermark", "renormalize_logits",
]  # fmt: skip


LLAMA_CPP = [
    "logit_bias", "repetition_penalty", "frequency_penalty", "presence_penalty", "dry",
    "top_n_sigma", "top_k", "typical_p", "top_p", "min_p", "xtc", "temperature",
]  # fmt: skip


def test_the_order_of_llama_cpp():
    everything = {**EVERYTHING, "mirostat": 0, "dry_sequence_breakers": []}
    config = GenerationConfig(do_sample=True, chain="llama.cpp", **everything)
    assert [name for name in names(config) if name in LLAMA_CPP] == LLAMA_CPP


def test_greedy_decoding_has_the_rules_and_no_filter():
    rules = names(GenerationConfig(**EVERYTHING))
    assert rules == [n for n in PRESETS["hf"] if STEPS[n] not in FILTERS]


def test_nothing_is_on_unless_asked():
    assert names(GenerationConfig()) == names(GenerationConfig(do_sample=True)) == []
    off = {"top_k": None, "top_p": None, "min_p": None, "repetition_penalty": None,
           "temperature": None, "no_repeat_ngram_size": None}  # fmt: skip
    assert names(GenerationConfig(do_sample=True, **off)) == []


@pytest.mark.parametrize("name", STEPS)
def test_every_step_is_switched_on_by_its_first_setting(name):
    setting = STEPS[name].settings[0].name
    config = GenerationConfig(do_sample=True, **{setting: EVERYTHING[setting]})
    assert names(config) == [name]


def test_a_range_without_a_temperature_switches_it_on():
    config = GenerationConfig(do_sample=True, dynatemp_range=0.5, temperature=None)
    [step] = chain(config)
    z = np.array([0.0, 0.0])
    assert step(z + 3, []).tolist() == (z + 2).tolist()


def test_a_chain_of_ones_own():
    def shout(row, context):
        return row + len(context)

    config = GenerationConfig(
        do_sample=True, top_k=1, temperature=2.0, chain=["temperature", shout, "top_k"]
    )
    row = process(np.array([2.0, 4.0]), [0, 0, 0], chain(config))
    assert row.tolist() == [-INF, 5.0]
    config = GenerationConfig(do_sample=True, top_k=1, chain="temperature")
    assert chain(config) == []


def test_order_matters():
    settings = {"do_sample": True, "temperature": 4.0, "top_p": 0.6}
    z = np.log([0.5, 0.3, 0.2])
    hot_first = distribution(z, config=GenerationConfig(**settings))
    hot_last = distribution(z, config=GenerationConfig(chain="llama.cpp", **settings))
    assert (hot_first > 0).sum() == 2
    z = np.log([0.61, 0.29, 0.1])
    hot_first = distribution(z, config=GenerationConfig(**settings))
    hot_last = distribution(z, config=GenerationConfig(chain="llama.cpp", **settings))
    assert (hot_first > 0).sum() == 2
    assert (hot_last > 0).sum() == 1


@pytest.mark.parametrize("wrong", ["topk", ["temperature", "topk"]])
def test_an_unknown_step_is_named(wrong):
    with pytest.raises(ValueError, match="chain: .*is neither a preset"):
        chain(GenerationConfig(chain=wrong))


def test_begin_is_behind_a_forced_token():
    config = GenerationConfig(forced_bos_token_id=1, begin_suppress_tokens=[1])
    assert process(np.zeros(2), [0], chain(config, 1)).tolist() == [-INF, 0.0]
    assert process(np.zeros(2), [0, 1], chain(config, 1)).tolist() == [0.0, -INF]
    assert process(np.zeros(2), [0, 0], chain(config, 2)).tolist() == [0.0, -INF]


def test_the_last_token_is_forced_where_the_text_ends():
    model = TableLM(np.zeros((3, 3)))
    for limit in ({"max_new_tokens": 4}, {"max_length": 5}):
        [ids] = model.generate([0], forced_eos_token_id=2, **limit)
        assert ids.tolist() == [0, 0, 0, 0, 2]


def test_errors_of_the_model_are_not_blamed_on_a_filter():
    with pytest.raises(ValueError, match="the model's logits"):
        distribution(np.array([np.nan, 0.0]), (), GenerationConfig())


def noticed(z, context):
    """A step of a user's own."""
    return z + np.array([np.nan, 0, 0])


@pytest.mark.parametrize("how", [{}, {"do_sample": True}, {"num_beams": 2}])
@pytest.mark.parametrize(
    ("step", "message"),
    [
        (noticed, "noticed.* makes a logit NaN or .inf"),
        (lambda z, context: np.append(z[1:], np.inf), "makes a logit NaN or .inf"),
        (lambda z, context: z - np.inf, "removes every token that was left"),
        (lambda z, context: z[:2], r"must return logits \[3\], not array"),
        (lambda z, context: None, r"must return logits \[3\], not None"),
    ],
)
def test_what_a_step_returns_is_looked_at(step, message, how):
    model = TableLM(np.zeros((3, 3)))
    with pytest.raises(ValueError, match=message):
        model.generate([0], max_new_tokens=2, chain=[step], **how)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("logit_bias", {1: 1e39}),
        ("sequence_bias", {(1,): 1e39}),
        ("presence_penalty", -1e39),
        ("frequency_penalty", -1e39),
        ("repetition_penalty", 1e-44),
    ],
)
def test_too_large_for_the_number_format(name, value):
    """float32 ends at 3e38. The error names the setting, and nothing is drawn."""
    config = GenerationConfig(do_sample=True, **{name: value})
    steps = chain(config, n_prompt=0)
    with pytest.raises(ValueError, match=f"{name} .* makes a logit NaN or .inf"):
        process(np.ones(3, np.float32), [0, 1], steps)
