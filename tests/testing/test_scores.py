"""Scores of tokens, added up; intervals of a uniform number; the time of a check."""

import math
import random
import time

import numpy as np
import pytest

from numpygpt.testing import check_decoder, check_sampler
from numpygpt.testing.decoders import _tables
from numpygpt.testing.intervals import interval_lengths
from numpygpt.testing.pace import paced
from numpygpt.testing.scores import SCORES, VERDICT, Case, _exponent, _moments, power
from numpygpt.testing.table_lm import enumerate_sequences, text_laws


def softmax(z):
    weights = np.exp(z.astype(float) - z.max())
    return weights / weights.sum()


def inverse_cdf(p, u):
    i = np.searchsorted(np.cumsum(p) / p.sum(), u, side="right")
    return int(min(i, np.flatnonzero(p)[-1]))


def texts_of(i):
    """The case of all texts of one model, and their probabilities."""
    model, prompt, n_new = [*_tables(0)][i]
    law = enumerate_sequences(model, n_new, prompt)
    next_law, _ = text_laws(model, n_new, prompt)
    case = Case.of_texts([*law], next_law, prompt[-1], np.arange(len(law)), None)
    return case, np.array([*law.values()])


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("i", range(7))
def test_the_bound_is_exact_for_texts(name, i):
    """E[exp(t * scores - sum of log E)] is 1, over all texts, for any t."""
    case, p = texts_of(i)
    scores = SCORES[name](case)
    for t in (-0.7, 0.1, 2.0):
        exponents = [_exponent(case, scores, np.array([o]), t) for o in range(len(p))]
        assert (p * np.exp(exponents)).sum() == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("i", range(7))
def test_the_moments_of_texts(i):
    case, p = texts_of(i)
    for score in SCORES.values():
        scores = score(case)
        one = [
            _moments(Case(*[*vars(case).values()][:6], np.array([o]), None), scores)
            for o in range(len(p))
        ]
        total, mean, variance = np.array(one).T
        off = total - mean
        assert (p * off).sum() == pytest.approx(0, abs=1e-9)
        assert (p * off**2).sum() == pytest.approx((p * variance).sum(), rel=1e-9)


def test_the_verdict_is_where_the_bound_is_best():
    assert math.exp(-(VERDICT**2) / 2) == pytest.approx(1e-8, rel=0.02)
    n, p = 4000, 0.3
    case = Case.of_row(np.array([p, 1 - p]), np.arange(0), None)
    scores = np.array([[1.0, 0.0]])
    t = VERDICT / math.sqrt(n * p * (1 - p))
    k = math.ceil(n * p + 6.3 * math.sqrt(n * p * (1 - p)))
    drawn = np.repeat([0, 1], [k, n - k])
    assert 1e-10 < math.exp(-_exponent(case, scores, drawn, t)) < 1e-8


def test_more_draws_find_less():
    q = np.array([0.5, 0.3, 0.2])
    shares = [
        power([Case.of_row(q, np.zeros(n, int), None)])["any possible token alike"]
        for n in (100, 1000, 10_000)
    ]
    assert shares == sorted(shares)[::-1]
    assert shares[0] == pytest.approx(10 * shares[2]) or shares[0] == 1


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2]])
def test_the_intervals_of_inverse_cdf_sampling(order):
    q = np.array([0.2, 0.0, 0.5, 0.3])

    def draw(u):
        return order[inverse_cdf(q[order], u)]

    assert np.allclose(interval_lengths(draw, 4), q, atol=1e-8)


def test_what_has_no_intervals_is_not_judged_by_them():
    assert interval_lengths(lambda u: int(u * 1e6) % 3, 3) is None


def test_a_hash_of_the_number_is_not_bisected_for_ever():
    """It has as many borders as there are numbers: on some machines this took hours."""
    asked = []

    def draw(u):
        asked.append(u)
        return random.Random(u).randrange(20)

    assert interval_lengths(draw, 20) is None
    assert len(asked) < 1000


def test_a_seed_made_of_the_number_is_not_an_interval():
    """Also where only its last bits count, as torch's generator takes 32 of a seed."""

    def sampler(z, rng):
        seed = int(rng.integers(2**62)) % 2**32
        return int(np.argmax(z + np.random.default_rng(seed).gumbel(size=len(z))))

    assert "without draws" not in check_sampler(sampler, n_draws=50).checked["law"]


@pytest.mark.parametrize("bits", [8, 10, 11])
def test_probabilities_of_half_precision_are_found(bits):
    def sampler(z, rng):
        p = softmax(z)
        scale = 2.0 ** (bits - np.floor(np.log2(np.maximum(p, 1e-30))))
        return inverse_cdf(np.round(p * scale) / scale, rng.random())

    with pytest.raises(AssertionError, match=r"^'law'(.|\n)*from 0 to 1, a share of"):
        check_sampler(sampler)


def test_float32_is_precise_enough():
    def sampler(z, rng):
        p = np.exp(z.astype(np.float32) - np.float32(z.max()))
        total = np.cumsum(p)
        i = np.searchsorted(total, np.float32(rng.random()) * total[-1], side="right")
        return int(min(i, np.flatnonzero(p)[-1]))

    assert "without draws" in check_sampler(sampler, n_draws=50).checked["law"]


def colder(share):
    def sampler(z, rng):
        cold = rng.random() < share
        return inverse_cdf(softmax(z * 2) if cold else softmax(z), rng.random())

    return sampler


@pytest.mark.usefixtures("patient")
def test_a_share_of_colder_draws():
    with pytest.raises(AssertionError, match="'law'"):
        check_sampler(colder(0.05))


def mixed(share, choose):
    def decoder(model, prompt, n_new, seed):
        rng, ids = np.random.default_rng(seed), list(prompt)
        for _ in range(n_new):
            p = softmax(model(ids)[-1])
            other = rng.random() < share
            ids.append(choose(p, len(ids)) if other else inverse_cdf(p, rng.random()))
            if ids[-1] == model.config.eos_token_id or len(ids) == model.config.n_ctx:
                break
        return ids

    return decoder


@pytest.mark.usefixtures("patient")
def test_a_share_of_best_tokens_in_a_decoder():
    with pytest.raises(AssertionError, match="'law'"):
        check_decoder(mixed(0.2, lambda p, n: int(p.argmax())), n_draws=200)


@pytest.mark.parametrize("token", [0, 2])
def test_a_token_before_the_prompt_is_found(token):
    right = mixed(0, None)

    def decoder(model, prompt, n_new, seed):
        return right(model, [token, *prompt], n_new, seed)[1:]

    check_decoder(right, n_draws=50)
    with pytest.raises(AssertionError, match="'possible'|'law'"):
        check_decoder(decoder, n_draws=50, skip=["full context"])


def test_what_is_slow_gets_fewer_rows():
    def slow(item):
        end = time.thread_time() + 0.01
        while time.thread_time() < end:
            pass
        return item

    seen = [slow(i) for i in paced(range(100), 0.2)]
    assert 10 <= len(seen) <= 30
    assert seen[-1] > 80
    assert [*paced(range(100), 5)] == [*range(100)]


@pytest.mark.parametrize("check", ["sampler", "decoder"])
def test_a_check_of_slow_code_takes_under_five_seconds(check, clock):
    began = clock.now

    def wait(seconds):
        clock.now += seconds

    def sampler(z, rng):
        wait(0.004)
        return inverse_cdf(softmax(z), rng.random())

    def decoder(*args):
        wait(0.004)
        return mixed(0, None)(*args)

    if check == "sampler":
        assert "law" in check_sampler(sampler).checked
    else:
        assert "law" in check_decoder(decoder).checked
    assert 1 < clock.now - began < 5
