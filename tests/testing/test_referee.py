"""The referee: other people's samplers, judged by the kit. transformers' filters and
rules, its ``generate`` (sampling and assisted), torch's draws and llama.cpp's chain."""

import numpy as np
import pytest
from bank_filters import law, rule

from numpygpt import GPT2, GenerationConfig
from numpygpt.testing import (
    check_filter,
    check_law,
    check_sampler,
    enumerate_sequences,
    from_llama_cpp,
    from_transformers,
    torch_filter,
    torch_sampler,
)
from numpygpt.testing.statistics import chi_square_tail

pytestmark = pytest.mark.reference
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
T = transformers
RANDOM = {"do_sample": True, "top_k": 0}

WARPERS = {
    "temperature": (
        lambda: T.TemperatureLogitsWarper(0.7), {"temperature": 0.7}, "any"),
    "top_k": (lambda: T.TopKLogitsWarper(5), {"top_k": 5}, "upper set"),
    "top_p": (lambda: T.TopPLogitsWarper(0.9), {"top_p": 0.9}, "upper set"),
    "min_p": (lambda: T.MinPLogitsWarper(0.1), {"min_p": 0.1}, "upper set"),
    "typical": (lambda: T.TypicalLogitsWarper(0.9), {"typical_p": 0.9}, "truncation"),
    "epsilon": (
        lambda: T.EpsilonLogitsWarper(0.05), {"epsilon_cutoff": 0.05}, "upper set"),
    "eta": (lambda: T.EtaLogitsWarper(0.05), {"eta_cutoff": 0.05}, "upper set"),
}  # fmt: skip
RULES = {
    "repetition": (
        lambda: T.RepetitionPenaltyLogitsProcessor(1.3), {"repetition_penalty": 1.3}),
    "no bigram": (
        lambda: T.NoRepeatNGramLogitsProcessor(2), {"no_repeat_ngram_size": 2}),
    "no trigram": (
        lambda: T.NoRepeatNGramLogitsProcessor(3), {"no_repeat_ngram_size": 3}),
}  # fmt: skip


@pytest.mark.parametrize("name", WARPERS)
@pytest.mark.parametrize("seed", range(3))
def test_the_filters_of_transformers(name, seed):
    make, settings, kind = WARPERS[name]
    check_filter(from_transformers(make()), seed=seed, **law(**settings))
    check_filter(from_transformers(make()), kind, seed=seed)
    check_filter(from_transformers(make()), seed=seed)


@pytest.mark.parametrize("name", RULES)
def test_the_rules_of_transformers(name):
    make, settings = RULES[name]
    check_filter(from_transformers(make()), **rule(**settings))


def test_a_planted_fault_in_a_filter_of_transformers():
    with pytest.raises(AssertionError, match="'law'"):
        check_filter(from_transformers(T.TopKLogitsWarper(6)), **law(top_k=5))
    with pytest.raises(AssertionError, match="'law'"):
        chain = [T.TopPLogitsWarper(0.9), T.TemperatureLogitsWarper(0.7)]
        check_filter(from_transformers(chain), **law(top_p=0.9, temperature=0.7))


def test_tensors_in_and_out():
    def top_5(z):
        border = z.topk(min(5, len(z))).values[-1]
        return z.masked_fill(z < border, -torch.inf)

    check_filter(torch_filter(top_5), **law(top_k=5))
    check_filter(lambda z: top_5(torch.tensor(z)), "upper set")


def test_the_draws_of_torch():
    def draw(z, generator):
        return torch.multinomial(torch.softmax(z, -1), 1, generator=generator)

    check_sampler(torch_sampler(draw))


LLAMA = {
    "top_k": (
        lambda c: [lambda: c.llama_sampler_init_top_k(5),
                   lambda: c.llama_sampler_init_temp(0.7)],
        {"top_k": 5, "temperature": 0.7}),
    "top_p": (lambda c: [lambda: c.llama_sampler_init_top_p(0.9, 1)], {"top_p": 0.9}),
    "min_p": (lambda c: [lambda: c.llama_sampler_init_min_p(0.1, 1)], {"min_p": 0.1}),
    "typical": (
        lambda c: [lambda: c.llama_sampler_init_typical(0.9, 1)], {"typical_p": 0.9}),
}  # fmt: skip


@pytest.mark.parametrize("name", LLAMA)
def test_the_samplers_of_llama_cpp(name):
    c = pytest.importorskip("llama_cpp", reason="pip install llama-cpp-python")
    parts, settings = LLAMA[name]
    check_sampler(from_llama_cpp(*parts(c)), **law(**settings))


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A model over three tokens and a smaller one, in transformers, and the first in
    NumPy."""
    models = []
    for n_layer, seed in ((2, 0), (1, 1)):
        config = T.GPT2Config(
            vocab_size=3, n_positions=16, n_embd=12, n_layer=n_layer, n_head=2,
            bos_token_id=None, eos_token_id=None, initializer_range=0.8,
            resid_pdrop=0, embd_pdrop=0, attn_pdrop=0,
        )  # fmt: skip
        torch.manual_seed(seed)
        models.append(T.GPT2LMHeadModel(config).eval())
    folder = tmp_path_factory.mktemp("referee")
    models[0].save_pretrained(folder)
    return *models, GPT2.from_pretrained(folder, dtype=np.float64)


PROMPT, N_NEW, N_DRAWS, N_ASSISTED = [0, 2], 2, 1500, 500


def judged(texts, model, **settings):
    """The chi-square statistic against the exact law, and its p-value; `check_law`
    refuses by exact tails."""
    config = GenerationConfig(do_sample=True, **settings)
    exact = enumerate_sequences(model, N_NEW, PROMPT, config)
    check_law(texts, exact, "generate")
    counts = np.array([texts.count(text) for text in exact])
    expected = np.array([*exact.values()]) * len(texts)
    statistic = ((counts - expected) ** 2 / expected).sum()
    p = chi_square_tail(statistic, len(exact) - 1)
    print(f"chi-square {statistic:.1f} over {len(exact)} texts, p = {p:.2f}")
    return p


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.6}, {"top_p": 0.8}])
def test_generate_draws_from_the_exact_law(pair, settings):
    model, _, ours = pair
    torch.manual_seed(0)
    rows = model.generate(
        torch.tensor([PROMPT]), max_new_tokens=N_NEW, num_return_sequences=N_DRAWS,
        **{**RANDOM, **settings},
    )  # fmt: skip
    texts = [tuple(row[len(PROMPT) :]) for row in rows.tolist()]
    assert judged(texts, ours, **settings) > 1e-4


def test_assisted_generate_draws_from_the_same_law(pair):
    model, draft, ours = pair
    torch.manual_seed(0)
    texts = []
    for _ in range(N_ASSISTED):
        [row] = model.generate(
            torch.tensor([PROMPT]), max_new_tokens=N_NEW, assistant_model=draft,
            **RANDOM,
        ).tolist()  # fmt: skip
        texts.append(tuple(row[len(PROMPT) :]))
    assert judged(texts, ours) > 1e-4


def test_the_referee_sees_a_wrong_temperature(pair):
    model, _, ours = pair
    torch.manual_seed(0)
    rows = model.generate(
        torch.tensor([PROMPT]), max_new_tokens=N_NEW, num_return_sequences=N_DRAWS,
        temperature=2.0, **RANDOM,
    )  # fmt: skip
    with pytest.raises(AssertionError, match="'law'"):
        judged([tuple(row[len(PROMPT) :]) for row in rows.tolist()], ours)
