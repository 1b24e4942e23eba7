"""Rules of llama.cpp and of papers, worked by hand from their definitions."""

import copy
import math

import numpy as np
import pytest

from numpygpt import GenerationConfig
from numpygpt import decoding as d
from numpygpt.decoding.sampling import chain
from numpygpt.fast.nucleus import smallest_set

INF = np.inf


def kept(z):
    return np.flatnonzero(np.isfinite(z)).tolist()


def test_top_n_sigma_uses_the_population_deviation_of_what_is_left():
    # Mean 1, deviations -1 -1 -1 3: variance 12 / 4 = 3. From 4, 2.3 * 1.732 is 3.98
    # (4 is not reached); with the sample's variance 12 / 3 it would be 4.6.
    z = np.array([0.0, 0.0, 0.0, 4.0, -INF])
    assert kept(d.top_n_sigma(z, 2.3)) == [3]
    assert kept(d.top_n_sigma(z, 2.31)) == [0, 1, 2, 3]


def test_min_p_at_the_border_keeps():
    z = np.log([0.8, 0.1, 0.05, 0.05])
    z[1] = z[0] + math.log(0.125)
    assert kept(d.min_p(z, 0.125)) == [0, 1]
    assert kept(d.min_p(z, 0.126)) == [0]


def test_epsilon_and_eta_thresholds():
    # Four tokens of 1/4: H = ln 4, sqrt(0.36) * exp(-H) = 0.15: eta asks for 0.15.
    # Of 0.7, 0.1, 0.1, 0.1 H = 0.94: 0.6 * 0.39 = 0.234.
    assert kept(d.epsilon_cutoff(np.zeros(4), 0.36)) == [0, 1, 2, 3]  # all are the best
    assert kept(d.eta_cutoff(np.zeros(4), 0.36)) == [0, 1, 2, 3]
    z = np.log([0.5, 0.25, 0.2, 0.05])
    # H = 1.165: sqrt(0.3) * exp(-1.165) = 0.171, under 0.3.
    assert kept(d.epsilon_cutoff(z, 0.3)) == [0]
    assert kept(d.eta_cutoff(z, 0.3)) == [0, 1, 2]
    # A sure row: H = 0.056, sqrt(0.01) * 0.945 = 0.0945: the smaller, 0.01, counts.
    z = np.log([0.99, 0.0099, 0.0001])
    assert kept(d.eta_cutoff(z, 0.01)) == [0]
    assert kept(d.eta_cutoff(z, 0.0098)) == [0, 1]


def test_what_lies_on_a_border_stays():
    z = np.array([math.log(2), 0.0, 0.0])  # 1/2, 1/4, 1/4: exp and the sum are exact
    above = np.nextafter(0.25, 1)
    for f, border, more in (
        (d.epsilon_cutoff, 0.25, above),
        (d.top_a, 1.0, None),  # 1/4 is the square of 1/2
        (d.min_p, 0.5, np.nextafter(0.5, 1)),
    ):
        assert kept(f(z, border)) == [0, 1, 2]
        assert more is None or kept(f(z, more)) == [0]
    rng = np.random.default_rng(0)
    assert kept(d.xtc(z, 1.0, 0.25, rng)) == [2]
    assert kept(d.xtc(z, 1.0, above, rng)) == [0, 1, 2]
    z = np.log([15, 1])
    p = float(d.distribution(z)[1])  # less than sqrt(p) * exp(-0.234)
    assert kept(d.eta_cutoff(z, p)) == [0, 1]
    assert kept(d.eta_cutoff(z, np.nextafter(p, 1))) == [0]


@pytest.mark.parametrize("min_keep", [-1, 1.5, True])
def test_how_many_to_keep_is_a_count(min_keep):
    z, rng = np.zeros(3), np.random.default_rng(0)
    for call in (
        lambda: d.top_p(z, 0.5, min_keep), lambda: d.min_p(z, 0.5, min_keep),
        lambda: d.typical_p(z, 0.5, min_keep),
        lambda: d.xtc(z, 0.5, 0.1, rng, min_keep),
        lambda: d.xtc(z, 0, 0.1, rng, min_keep),
    ):  # fmt: skip
        with pytest.raises(
            ValueError, match="^min_keep must be an integer of at least"
        ):
            call()


def test_typical_by_hand():
    # H of 0.6, 0.3, 0.1 is 0.898; surprises 0.511, 1.204, 2.303: distances 0.387,
    # 0.306, 1.405. So the order is 1, 0, 2.
    z = np.log([0.6, 0.3, 0.1])
    assert kept(d.typical_p(z, 0.29)) == [1]
    assert kept(d.typical_p(z, 0.31)) == [0, 1]
    assert kept(d.typical_p(z, 0.91)) == [0, 1, 2]


def test_top_h_by_hand():
    # -p ln p of 0.5, 0.3, 0.2: 0.3466, 0.3612, 0.3219, in all 1.0297.
    z = np.log([0.3, 0.5, 0.2])
    assert kept(d.top_h(z, 0.33)) == [1]  # 0.340: not even the first, which stays
    assert kept(d.top_h(z, 0.68)) == [1]
    assert kept(d.top_h(z, 0.69)) == [0, 1]  # 0.7078 of 0.7105
    assert kept(d.top_h(z, 1.0)) == [0, 1, 2]


def test_xtc_by_hand():
    z = np.log([0.4, 0.3, 0.2, 0.1])
    rng = np.random.default_rng(0)
    assert kept(d.xtc(z, 1.0, 0.15, rng)) == [2, 3]
    assert kept(d.xtc(z, 1.0, 0.35, rng)) == [0, 1, 2, 3]  # one qualifies: off
    assert kept(d.xtc(z, 1.0, 0.5, rng)) == [0, 1, 2, 3]
    assert kept(d.xtc(np.zeros(2), 1.0, 0.5, rng)) == [1]  # of equals the last stays


def test_what_xtc_takes_for_a_top_choice_unless_told():
    z = np.log([0.5, 0.3, 0.11, 0.09])
    assert kept(d.xtc(z, 1.0, rng=np.random.default_rng(0))) == [2, 3]


def test_xtc_leaves_as_many_as_asked_or_does_nothing():
    z, rng = np.log([0.4, 0.3, 0.2, 0.1]), np.random.default_rng(0)
    assert kept(d.xtc(z, 1.0, 0.15, rng, min_keep=2)) == [2, 3]  # 4 - 3 + 1
    assert kept(d.xtc(z, 1.0, 0.15, rng, min_keep=3)) == [0, 1, 2, 3]

    class Coin:
        random = staticmethod(lambda: 0.5)

    assert kept(d.xtc(z, 0.5, 0.15, Coin)) == [0, 1, 2, 3]  # acts below, not at
    assert kept(d.xtc(z, 0.51, 0.15, Coin)) == [2, 3]


def test_mirostat_1_looks_at_the_best_hundred():
    """Zipf's law with exponent 2 up to there, and a steep fall behind."""
    z = -2 * np.log(np.arange(1, 301))
    z[100:] -= 50
    assert len(kept(d.mirostat_v1(z, 5.0))) == 5  # sqrt(32 / (1 - 1 / 300)) = 5.67
    assert len(kept(d.mirostat_v1(z, 5.0, m=101))) == 4


def test_dynamic_temperature_by_hand():
    # Over a uniform row H = ln n: the highest temperature. Over a sure row the lowest.
    z = np.array([0.0, 0.0, -INF])
    np.testing.assert_allclose(d.dynamic_temperature(z + 3, 1.0, 0.5), (z + 3) / 1.5)
    sure = np.array([0.0, -1000.0])
    np.testing.assert_allclose(d.dynamic_temperature(sure, 1.0, 0.5), sure / 0.5)
    # H of 0.8, 0.2 is 0.5004, of ln 2 a share of 0.7219; squared 0.5212.
    z = np.log([0.8, 0.2])
    np.testing.assert_allclose(
        d.dynamic_temperature(z, 1.0, 0.5, 2.0), z / (0.5 + 0.5212), rtol=1e-4
    )
    # Range above the temperature: the lowest is 0, and a sure row becomes greedy.
    assert kept(d.dynamic_temperature(sure, 1.0, 2.0)) == [0]
    assert d.dynamic_temperature(np.array([5.0, -INF]), 1.0, 2.0).tolist() == [
        5.0,
        -INF,
    ]


def test_mirostat_2_by_hand():
    z, state = np.log([0.5, 0.25, 0.125, 0.125]), {}

    def step(context):
        return kept(d.mirostat(z, 2, context, state, tau=1.25, eta=0.5))

    assert step([0]) == [0, 1]  # mu 2.5 bits: 1 and 2, not 3
    # Token 1 was drawn from 2/3, 1/3: 1.585 bits, 0.335 too many.
    assert step([0, 1]) == [0, 1]
    assert state["mu"] == pytest.approx(2.5 - 0.5 * (math.log2(3) - 1.25))
    # Token 0: 0.585 bits, 0.665 too few.
    step([0, 1, 0])
    assert state["mu"] == pytest.approx(2.5 - 0.5 * (2 * math.log2(3) - 1 - 2.5))
    # A context that did not grow by one (a new text) changes nothing.
    mu = state["mu"]
    step([3])
    assert state["mu"] == mu


def test_mirostat_keeps_what_has_just_as_many_bits():
    z = np.array([math.log(2), 0.0, 0.0])  # exp and the sum are exact: 2 bits
    assert kept(d.mirostat_v2(z, 2.0)) == [0, 1, 2]
    assert kept(d.mirostat_v2(z, 1.999)) == [0]


def test_mirostat_keeps_the_best_even_when_it_surprises():
    state = {"mu": 0.1}
    assert kept(d.mirostat(np.log([0.4, 0.3, 0.3]), 2, [0], state)) == [0]


def test_mirostat_1_by_hand():
    # Zipf's law with exponent 2 over 8 tokens: p of rank r is proportional to r ** -2,
    # so the fit gives s = 2 exactly and k = (2 ** mu / (1 - 1 / 8)) ** (1 / 2).
    z = -2 * np.log(np.arange(1, 9))
    assert len(kept(d.mirostat_v1(z, 3.0))) == 3  # sqrt(8 / 0.875) = 3.02
    assert len(kept(d.mirostat_v1(z, 2.9))) == 2  # 2.92
    assert len(kept(d.mirostat_v1(z, 0.1))) == 1
    assert len(kept(d.mirostat_v1(z, 50.0))) == 8
    # Exponent 1, where the formula is 0 / 0: k = 2 ** mu / ln 8.
    z = -np.log(np.arange(1, 9))
    assert len(kept(d.mirostat_v1(z, 3.0))) == 3  # 8 / 2.08 = 3.85
    assert len(kept(d.mirostat_v1(z, 3.1))) == 4  # 4.12
    # Only the best m tokens count for the fit: here all alike, no fall at all.
    z = np.concatenate([np.zeros(4), np.full(4, -9.0)])
    assert len(kept(d.mirostat_v1(z, 2.0, m=4))) == 1  # (2 ** 2 / 7) ** huge
    assert len(kept(d.mirostat_v1(z, 3.0, m=4))) == 8  # (2 ** 3 / 7) ** huge


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("tau", [1.0, 1e308])
@pytest.mark.parametrize("eta", [1e4, 1e308])
def test_mirostat_steers_as_far_as_it_likes(version, tau, eta):
    """A law at every step, whatever mu has come to; and the way back."""
    z, state = np.log([0.7, 0.2, 0.1]), {}
    for n in range(8):
        filtered = d.mirostat(z, version, [2] * n, state, tau=tau, eta=eta)
        assert filtered[0] == z[0]
        assert abs(state["mu"]) <= 1e6
    assert kept(d.mirostat_v2(z, -1e300)) == [0]
    assert kept(d.mirostat_v2(z, 1e300)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("version", "how", "message"),
    [(3, {}, "mirostat must be 0, 1 or 2, not 3"),
     (2, {"tau": -1.0}, "mirostat_tau must be a positive number, not -1.0"),
     (2, {"eta": math.nan}, "mirostat_eta must be a positive number, not nan")],
)  # fmt: skip
def test_a_wrong_setting_of_mirostat_is_named(version, how, message):
    with pytest.raises(ValueError, match=message):
        d.mirostat(np.zeros(3), version, [0], {}, **how)


def test_42_a_copied_mirostat_is_independent():
    config = GenerationConfig(do_sample=True, mirostat=2, mirostat_tau=1.5)
    [one] = chain(config, 1)
    z = np.log([0.5, 0.25, 0.25])
    one(z, np.array([0]))
    two = copy.deepcopy(one)
    one(z, np.array([0, 1]))
    assert one.known["state"]["mu"] < 3.0
    assert two.known["state"]["mu"] == 3.0
    two(z, np.array([0, 0]))
    assert two.known["state"]["mu"] > 3.0


def test_mirostat_starts_at_twice_its_target_and_reaches_it():
    rng = np.random.default_rng(0)
    config = GenerationConfig(do_sample=True, mirostat=2, mirostat_tau=2.0)
    [step] = chain(config, 1)
    z, context, surprise = rng.standard_normal(2000), [0], []
    for _ in range(400):
        p = np.exp(step(z, np.array(context)))
        p /= p.sum()
        context.append(int(rng.choice(2000, p=p)))
        surprise.append(-math.log2(p[context[-1]]))
    assert abs(np.mean(surprise[100:]) - 2.0) < 0.1
    assert step.known["state"]["mu"] != 4.0


@pytest.mark.parametrize("n", [5, 20, 1000])
def test_among_many_equals_the_lowest_ids_stay(n):
    z, first = np.zeros(n), [0, 1, 2]
    one = np.array([1.0, *z])
    assert kept(d.top_k(z, 3, ties="lowest")) == first
    assert kept(d.top_p(z, 2.5 / n)) == kept(d.typical_p(z, 2.5 / n)) == first
    assert kept(d.top_h(z, 3.5 / n)) == first
    assert kept(d.top_p(one, 0, min_keep=3)) == first
    assert kept(d.min_p(one, 1, min_keep=3)) == first
    assert kept(d.typical_p(one, 0, min_keep=3)) == [1, 2, 3]
    assert kept(d.xtc(z, 1.0, 0.0, np.random.default_rng(0))) == [n - 1]


def test_nothing_warns_of_what_is_meant():
    """Some numbers overflow, or are infinite on purpose."""
    alike, far = np.zeros(100), np.array([*range(100), -1.7e308, 1.7e308])
    least = np.array([-INF, 0.0], np.float32)
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        assert d.temperature(np.array([1e300, -1e300]), 1e-20).tolist() == [0, -INF]
        assert kept(d.typical_p(np.array([0.0, 0.0, -INF]), 0.4)) == [0]
        for call in (
            lambda: d.presence_penalty(least, -1e39, [0]),
            lambda: d.presence_penalty(least, -1e39, [1]),
            lambda: d.logit_bias(least, {1: 1e39}),
        ):
            with pytest.raises(ValueError, match="makes a logit NaN or .inf"):
                call()
        out = d.exponential_decay_length_penalty(alike + 1, (0, 1e300), [1] * 5, [0])
        assert np.isfinite(out).all() and out[0] > 1e100
        both = np.array([-INF, 0.0])
        assert d.guidance_scale(both, 2.0, both).tolist() == [-INF, 0.0]
        assert len(kept(d.top_p(alike, 0.5))) == 50
        assert smallest_set(far, np.ones(102), 40).sum() == 40
