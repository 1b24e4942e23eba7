"""The kit finds what it should: every planted bug, named, with a small example."""

import numpy as np
import pytest
from hypothesis import find, given, settings

from numpygpt import GenerationConfig
from numpygpt import decoding as d
from numpygpt.decoding.sampling import distribution, sample_token
from numpygpt.testing import (
    TableLM,
    bad_logits,
    check_decoder,
    check_filter,
    check_law,
    check_sampler,
    configs,
    contexts,
    logits,
    tiny_models,
)

INF = np.inf
settings.register_profile("planted", deadline=None, max_examples=50, derandomize=True)


@pytest.fixture(autouse=True)
def the_same_search_every_time():
    settings.load_profile("planted")
    yield
    settings.load_profile("numpygpt")


def message(check, *args, **kwargs):
    with pytest.raises(AssertionError) as error:
        check(*args, **kwargs)
    return str(error.value)


# A top-k of one's own, and what can be wrong with it.
def top_2(z):
    d.top_k(z, 2)  # complains of bad rows
    border = np.partition(z, -min(2, z.shape[-1]), axis=-1)
    border = border[..., -min(2, z.shape[-1]), None]
    return np.where(z >= border, z, -INF).astype(z.dtype)


def strict(z):
    return np.where(z > np.partition(top_2(z), -1)[..., -1:], z, -INF).astype(z.dtype)


def revives(z):
    return np.maximum(top_2(z), -1e9).astype(z.dtype)


def writes(z):
    z[..., 0] = z[..., 0]
    out = top_2(z)
    z[..., -1] -= 1
    return out


def double(z):
    return top_2(z).astype(np.float64)


def rescales(z):
    return (top_2(z) / 2).astype(z.dtype)


def worst(z):
    top_2(z)
    low = np.where(z > -INF, z, INF).min(axis=-1, keepdims=True)
    return np.where(z == low, z, -INF).astype(z.dtype)


def wrong_axis(z):
    if z.ndim == 1:
        return top_2(z)
    return np.where(z >= np.sort(z, axis=0)[-1], z, -INF).astype(z.dtype)


def by_position(z):
    best = top_2(z) == z.max(axis=-1, keepdims=True)
    return np.where(best | (np.arange(z.shape[-1]) == 0), z, -INF).astype(z.dtype)


def absolute(z):
    best = top_2(z) == z.max(axis=-1, keepdims=True)
    return np.where(best | (z > 1), z, -INF).astype(z.dtype)


def explodes(z):
    with np.errstate(over="ignore"):
        return (top_2(z) * z.dtype.type(1e36)).astype(z.dtype)


def overflows(z):
    top_2(z)
    with np.errstate(all="ignore"):
        p = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
    return np.where(p >= 0.05, z, -INF).astype(z.dtype)


def forgives(z):
    return np.nan_to_num(z, nan=0.0, posinf=1.0, neginf=-INF)


def crashes(z):
    if (z == z.max()).sum() > 1:
        raise IndexError("a tie")
    return top_2(z)


def test_a_right_filter_passes():
    for kind in ("any", "truncation", "upper set"):
        check_filter(top_2, kind)


@pytest.mark.parametrize(
    ("bug", "kind", "skip", "named"),
    [
        (double, "any", [], "(0) shape and dtype stay"),
        (rescales, "truncation", [], "(1) what survives keeps its logit"),
        (strict, "any", [], "(2) at least one token survives: for [0.0]: nothing is"),
        (overflows, "upper set", [], "(2) at least one token survives: for [-10000.0]"),
        (revives, "any", [], "(3) a removed token is never revived"),
        (writes, "any", [], "(4) the input is not written to"),
        (by_position, "truncation", [], "(5) permuting the vocabulary"),
        (absolute, "upper set", [], "(6) adding a constant to all logits"),
        (worst, "upper set", [], "(7) the best tokens are kept"),
        (forgives, "any", [], "(24) a row without a choice is a ValueError"),
        (wrong_axis, "upper set", [], "(25) several rows give what each gives alone"),
        (crashes, "any", [], "IndexError: a tie"),
    ],
)
def test_a_planted_bug_in_a_filter_is_named(bug, kind, skip, named):
    assert named in message(check_filter, bug, kind, skip=skip)


def test_an_unknown_kind_of_filter_is_named():
    with pytest.raises(ValueError, match="any, truncation, upper set, not 'foo'"):
        check_filter(top_2, "foo")


def test_extreme_logits_count():
    rows = logits(kinds=("extremes",), dtypes=(np.float32,))
    text = message(check_filter, explodes, "any", rows, skip=[2, 5, 6, 25])
    assert "(26) extreme logits give finite probabilities" in text


def test_examples_are_small():
    """Of all rows on which strict fails, the report shows the smallest."""
    text = message(check_filter, strict)
    assert "[0.0]" in text


def right(z, rng):
    return sample_token(distribution(z), rng)


SAMPLERS = {
    "(36) draws follow the law": [
        lambda z, rng: right(z, rng) if rng.random() < 0.9 else int(np.argmax(z)),
        lambda z, rng: sample_token(distribution(z * 1.2), rng),
        lambda z, rng: sample_token(distribution(z, config=TOP_3), rng),
    ],
    "(37)": [
        lambda z, rng: int(rng.integers(len(z))) if right(z, rng) >= 0 else 0,
    ],
    "(0) a token is an integer: for [0.0]: it returned 0.5": [
        lambda z, rng: right(z, rng) + 0.5,
    ],
    "(0) a token is an integer: for [0.0]: it returned [0]": [
        lambda z, rng: [right(z, rng)],
    ],
    "(0) a token is an integer: ": [
        lambda z, rng: right(z, rng) + (0.5 if rng.random() > 0.999 else 0),
    ],
    "(39) the same seed draws the same token": [
        lambda z, rng: right(z, FIXED),
    ],
    "(24) a row without a choice": [
        lambda z, rng: int(np.argmax(z)),
    ],
}  # fmt: skip
TOP_3 = GenerationConfig(do_sample=True, top_k=3)
FIXED = np.random.default_rng(0)


def test_a_right_sampler_passes():
    check_sampler(
        lambda z, rng: sample_token(distribution(z, config=TOP_3), rng),
        law=lambda z: distribution(z, config=TOP_3),
        n_draws=1000,
    )


@pytest.mark.parametrize(
    ("named", "bug"), [(named, bug) for named in SAMPLERS for bug in SAMPLERS[named]]
)
def test_a_planted_bug_in_a_sampler_is_named(named, bug):
    assert named in message(check_sampler, bug)


def decoder(model, prompt, n_new, seed):
    return model.generate(prompt, do_sample=True, max_new_tokens=n_new, seed=seed)


def changed(how):
    return lambda model, prompt, n_new, seed: how(
        decoder(model, prompt, n_new, seed)[0].tolist(), len(prompt)
    )


CALLS = iter(range(10**6))


@pytest.mark.parametrize(
    ("bug", "named"),
    [
        (changed(lambda ids, n: ids[n:]), "(0) the prompt comes first"),
        (changed(lambda ids, n: [*ids, 0]), "(37) only possible texts"),
        (
            lambda model, prompt, n_new, seed: decoder(
                model, prompt, n_new, next(CALLS)
            ),
            "(39) the same seed",
        ),
        (
            lambda model, prompt, n_new, seed: decoder(
                model, prompt, n_new, 1000 * seed + n_new
            ),
            "(47) two new tokens",
        ),
        (
            lambda model, prompt, n_new, seed: model.generate(
                prompt, max_new_tokens=n_new
            ),
            "(36) draws follow the law",
        ),
        (
            lambda model, prompt, n_new, seed: model.generate(
                prompt, do_sample=True, max_new_tokens=n_new, seed=seed, temperature=1.5
            ),
            "(36) draws follow the law",
        ),
    ],
)
def test_a_planted_bug_in_a_decoder_is_named(bug, named):
    assert named in message(check_decoder, bug, n_draws=800)


def test_a_right_decoder_passes():
    check_decoder(decoder, n_draws=300)


@pytest.mark.parametrize(
    "wanted",
    [
        lambda z: len(z) > 1 and (z == z[0]).all(),
        lambda z: np.isneginf(z).any(),
        lambda z: np.abs(z).max() == 1e4,
        lambda z: len(z) > 4 and np.isfinite(z).sum() == 1,
        lambda z: z.dtype == np.float32,
        lambda z: z.dtype == np.float64,
        lambda z: len(z) == 1,
        lambda z: len(set(z)) > 4,
    ],
)
def test_the_strategy_has_every_kind_of_row(wanted):
    assert wanted(find(logits(), wanted))


@given(logits(7))
def test_rows_have_something_to_choose_from(z):
    assert z.shape == (7,)
    assert np.isfinite(z.max())


@given(bad_logits())
def test_bad_rows_have_nothing(z):
    assert not np.isfinite(z.max())


@given(contexts(4, 9), configs(top_k=2), tiny_models(4, n_back=2, eos_token_id=1))
def test_the_other_strategies(context, config, model):
    assert len(context) <= 9
    assert set(context) <= set(range(4))
    assert config.do_sample
    assert config.top_k == 2
    assert isinstance(model, TableLM)
    assert model.table.shape == (4, 4, 4)
    assert model.generation_config.eos_token_ids == (1,)


def test_false_alarms_are_rare():
    """2,000 experiments under the null hypothesis: none may be refused."""
    rng = np.random.default_rng(0)
    law = dict(enumerate([0.5, 0.25, 0.125, 0.0625, 0.0625]))
    for _ in range(2000):
        check_law(rng.choice(5, 200, p=list(law.values())).tolist(), law)


def top_3(row, rng):
    """The README's sampler of one's own."""
    if not np.isfinite(row.max()):
        raise ValueError("nothing to draw from")
    best = np.argsort(-row)[:3]
    mass = np.cumsum(np.exp(row[best] - row.max()))
    return best[np.searchsorted(mass, rng.random() * mass[-1])]


def top_3_not_normalised(row, rng):
    """... and the same with a bug: the three have less than all of the mass."""
    best = np.argsort(-row)[:3]
    mass = np.cumsum(np.exp(row[best] - row.max()))
    return best[np.searchsorted(mass, rng.random())]


def test_the_examples_of_the_readme():
    def law(row):
        return distribution(row, config=TOP_3)

    check_sampler(top_3, law, n_draws=1000)
    text = message(check_sampler, top_3_not_normalised, law, n_draws=1000, skip=[24])
    assert text.startswith(
        "(36) draws follow the law: of logits [0.0, 0.0, 0.0]: of 1000 draws, seen for "
        "expected: 1000 for 333, 0 for 333, 0 for 333"
    )
