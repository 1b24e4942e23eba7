"""Properties 1 to 26 of filters. Each test carries the number of its property."""

import math

import numpy as np
import pytest
from by_row import call, cases, kept, of_kind, subset
from hypothesis import assume, given
from hypothesis import strategies as st

from numpygpt import decoding as d
from numpygpt.decoding.rules.table import FILTERS, STEPS
from numpygpt.layers import softmax
from numpygpt.testing import check_filter, logits

shares = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1))
INF = np.inf
positive = st.sampled_from([0.1, 0.7, 1.0, 1.5, 10.0])
ordinary = logits(kinds=("ordinary",), dtypes=(np.float64,))
ALWAYS = np.random.default_rng(1)
# Values at the borders, and ways to call a filter that its row does not have.
MORE = {
    "dynamic_temperature": (
        lambda z, v: d.dynamic_temperature(z, v, 0.5), [0.3, 2.0], "any",
    ),
    "top_k, exactly": (lambda z, v: d.top_k(z, v, "lowest"), [2, 5], "upper set"),
    "top_p": (d.top_p, [0.0, 0.999999], "upper set"),
    "min_p": (d.min_p, [1.0], "upper set"),
    "top_a": (d.top_a, [1.0], "upper set"),
    "epsilon_cutoff": (d.epsilon_cutoff, [1.0], "upper set"),
    "eta_cutoff": (d.eta_cutoff, [1.0], "upper set"),
    "top_n_sigma": (d.top_n_sigma, [0.0], "upper set"),
    "top_h": (d.top_h, [0.0, 1.0], "upper set"),
    "typical_p": (d.typical_p, [0.0], "truncation"),
    "xtc": (lambda z, v: d.xtc(z, 1.0, v, ALWAYS), [0.0, 0.2], "truncation"),
    "mirostat_v1": (d.mirostat_v1, [0.5, 3.0], "upper set"),
    "mirostat_v2": (d.mirostat_v2, [0.5, 3.0], "upper set"),
}  # fmt: skip
ROWS = pytest.mark.parametrize(("name", "value"), cases(FILTERS))


@ROWS
@pytest.mark.hypothesis  # the kit draws examples too
def test_01_to_07_24_25_26_what_every_filter_promises(name, value):
    [kind] = {"any", "truncation", "upper-set"} & {*STEPS[name].kind.split()}
    check_filter(
        lambda z: call(STEPS[name], z, value), kind.replace("-", " "),
        also=["dtype"], broken_rows=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(n, v) for n, (_, values, _) in MORE.items() for v in values]
)
@pytest.mark.hypothesis
def test_01_to_07_24_25_26_at_the_borders(name, value):
    f, _, kind = MORE[name]
    check_filter(lambda z: f(z, value), kind, also=["dtype"], broken_rows=True)


@given(logits(), shares)
def test_08_top_p_is_the_smallest_set_of_its_mass(z, value):
    out = d.top_p(z, value)
    p = softmax(z.astype(np.float64))
    assert p[kept(out)].sum() >= value - 1e-12
    least = p[kept(out)].min()
    assert kept(out).sum() == 1 or p[kept(out)].sum() - least < value + 1e-12


@given(logits(), st.integers(1, 15))
def test_09_top_k_keeps_k(z, k):
    n_finite = np.isfinite(z).sum()
    assert kept(d.top_k(z, k, ties="lowest")).sum() == min(k, n_finite)
    n_ties = (z == np.sort(z)[-min(k, n_finite)]).sum()
    n = kept(d.top_k(z, k)).sum()
    assert min(k, n_finite) <= n <= min(k, n_finite) + n_ties - 1


@given(logits())
def test_09_ties_go_to_the_lowest_ids(z):
    for k in range(1, len(z) + 1):
        best = np.argsort(-z, kind="stable")[:k]
        expected = np.full_like(z, -np.inf)
        expected[best] = z[best]
        assert np.array_equal(d.top_k(z, k, ties="lowest"), expected)


@given(logits())
def test_10_k_of_one_is_the_argmax(z):
    out = d.top_k(z, 1, ties="lowest")
    assert np.flatnonzero(kept(out)).tolist() == [np.argmax(z)]
    assert np.argmax(d.top_k(z, 1)) == np.argmax(z)


IDENTITIES = [
    lambda z: d.temperature(z, 1.0),
    lambda z: d.dynamic_temperature(z, 1.0, 0.0, 2.0),
    lambda z: d.top_k(z, len(z)),
    lambda z: d.top_k(z, len(z) + 5),
    lambda z: d.top_p(z, 1),
    lambda z: d.top_n_sigma(z, 1e9),
    lambda z: d.xtc(z, 0.0, 0.0),
    lambda z: d.guidance_scale(z, 1.0, z + 1),
    lambda z: d.watermark(z, {"bias": 0.0}, [0]),
    lambda z: d.min_new_tokens(z, 0, [], [0]),
    lambda z: d.exponential_decay_length_penalty(z, (0, 1.0), [0, 0], [0]),
]


@pytest.mark.parametrize(
    "name", [r.name for r in STEPS.values() if r.settings[0].default is not None]
)
@given(z=logits())
def test_11_a_default_is_the_identity(name, z):
    out = call(STEPS[name], z, STEPS[name].settings[0].default, [0, 0])
    assert np.array_equal(out, z)
    assert out.dtype == z.dtype


@given(logits())
def test_11_66_68_off_is_the_identity(z):
    for i, identity in enumerate(IDENTITIES):
        out = identity(z)
        assert np.array_equal(out, z), f"IDENTITIES[{i}]"
        assert out.dtype == z.dtype, f"IDENTITIES[{i}]"


@pytest.mark.parametrize(
    "name", sorted({n for n, _ in of_kind("grows") + of_kind("shrinks")})
)
@given(z=logits(), a=shares, b=shares)
def test_12_sets_are_nested(name, z, a, b):
    row = STEPS[name]
    scale = {"top_k": 14, "top_n_sigma": 4}.get(name, 1)
    low, high = sorted([type(scale)(a * scale), type(scale)(b * scale)])
    if name == "top_k":
        low, high = low + 1, high + 1
    small, large = call(row, z, low), call(row, z, high)
    assert subset(small, large) if "grows" in row.kind.split() else subset(large, small)


@pytest.mark.parametrize(("name", "value"), of_kind("grows-hot"))
@given(z=ordinary, a=positive, b=positive)
def test_13_some_sets_grow_with_the_temperature(name, value, z, a, b):
    cold, hot = (call(STEPS[name], d.temperature(z, t), value) for t in sorted([a, b]))
    assert subset(cold, hot)


@pytest.mark.parametrize(("name", "value"), of_kind("no-heat"))
@given(z=ordinary, t=positive)
def test_14_some_sets_do_not_depend_on_the_temperature(name, value, z, t):
    borders = z.max() - value * z.std()
    assume(
        name == "top_k" or np.abs(z - borders).min() > 1e-9
    )  # rounding goes both ways
    hot = call(STEPS[name], d.temperature(z, t), value)
    assert np.array_equal(kept(hot), kept(call(STEPS[name], z, value)))


@pytest.mark.parametrize(("name", "value"), of_kind("idempotent", FILTERS))
@given(z=logits())
def test_15_some_filters_are_idempotent(name, value, z):
    once = call(STEPS[name], z, value)
    assert np.array_equal(call(STEPS[name], once, value), once)


@pytest.mark.parametrize(
    "name", [r.name for r in FILTERS if not {"idempotent", "any"} & {*r.kind.split()}]
)
def test_15_the_others_are_not(name):
    """Else the word is missing in its row."""
    rows = np.random.default_rng(0).standard_normal((2, 200, 8))
    rows = np.concatenate([2 * rows[0], 5 * rows[1]])
    values = [value for n, value in cases(FILTERS) if n == name]
    once = [call(STEPS[name], rows, value) for value in values]
    twice = [call(STEPS[name], z, value) for z, value in zip(once, values)]
    assert not np.array_equal(once, twice)


@pytest.mark.parametrize(("name", "value"), of_kind("upper-set", FILTERS))
@pytest.mark.parametrize("level", [1000.0, -1000.0])
def test_06_no_level_is_too_high_or_too_low(name, value, level):
    z = np.array([2.0, 1.5, 1.0, 0.0, -1.0, -2.0])
    want = kept(call(STEPS[name], z, value))
    assert np.array_equal(kept(call(STEPS[name], z + level, value)), want)


@given(logits(), st.integers(1, 12), shares)
def test_16_top_k_and_min_p_commute(z, k, m):
    assert np.array_equal(d.min_p(d.top_k(z, k), m), d.top_k(d.min_p(z, m), k))


@given(
    st.integers(1, 40), st.floats(0.001, 0.999), st.sampled_from([0.0, -3.25, 900.0])
)
def test_18_typical_on_a_uniform_row_keeps_its_share(n, tau, level):
    out = d.typical_p(np.full(n, level), tau)
    assert kept(out).sum() == math.ceil(tau * n)


@given(logits(), shares)
def test_19_the_threshold_of_eta_is_at_most_epsilon(z, value):
    assert subset(d.epsilon_cutoff(z, value), d.eta_cutoff(z, value))


@given(logits(), shares)
def test_20_xtc_leaves_the_least_likely_choice(z, threshold):
    p = softmax(z.astype(np.float64))
    top = np.flatnonzero((p >= threshold) & np.isfinite(z))
    out = d.xtc(z, 1.0, threshold, np.random.default_rng(0))
    removed = np.flatnonzero(np.isfinite(z) & ~kept(out))
    assert len(removed) == max(0, len(top) - 1)
    assert set(removed) <= set(top)
    if len(top):
        [least] = set(top) - set(removed)
        assert z[least] == z[top].min()


def test_20_xtc_acts_as_often_as_it_should():
    rng, z = np.random.default_rng(0), np.log([0.5, 0.3, 0.2])
    n = sum(not kept(d.xtc(z, 0.3, 0.1, rng))[0] for _ in range(4000))
    # Binomial, 4000 draws of 0.3: six deviations are 174. False alarms: 2e-9.
    assert abs(n - 1200) < 174


@given(logits())
def test_21_temperature_goes_from_the_argmax_to_uniform(z):
    best = np.isfinite(z) & (z == z.max())
    left = np.isfinite(z)
    cold = softmax(d.temperature(z, 1e-7).astype(np.float64))
    hot = softmax(d.temperature(z, 1e10).astype(np.float64))
    np.testing.assert_allclose(cold, best / best.sum(), atol=1e-6)
    np.testing.assert_allclose(hot, left / left.sum(), atol=1e-5)


@given(logits(), st.sampled_from([1e-300, 1e-45, 5e-324, 1e300]))
def test_21_no_temperature_is_too_extreme(z, value):
    with np.errstate(over="ignore"):
        p = softmax(d.temperature(z, value).astype(np.float64))
    assert np.isfinite(p).all()
    assert p.argmax() == z.argmax() or value == 1e300


def test_21_a_row_that_overflows_does_not_hide_among_others():
    rows = np.array([[1.0, 0.0], [-1e300, -2e300], [1e300, -1e300]])
    assert d.temperature(rows, 1e-20).tolist() == [[0, -1e20], [0, -INF], [0, -INF]]
    assert d.temperature(rows[:2], 1e-20).tolist() == [[0, -1e20], [0, -INF]]
    assert d.temperature(rows[0], 1e-20).tolist() == [1e20, 0]  # it can be said


@given(ordinary, positive, positive)
def test_22_entropy_does_not_fall_as_the_temperature_rises(z, a, b):
    cold, hot = (d.entropy(softmax(d.temperature(z, t))) for t in sorted([a, b]))
    assert cold <= hot + 1e-12


@ROWS
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_24_the_error_names_the_filter(name, value, wrong):
    row = np.full(3, wrong)
    with pytest.raises(ValueError, match=name):
        call(STEPS[name], row, value)
    with pytest.raises(ValueError, match=name):  # one bad row among good ones
        call(STEPS[name], np.stack([np.zeros(3), row]), value)


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_a_temperature_is_positive(value):
    for f in (d.temperature, lambda z, v: d.dynamic_temperature(z, v, 0.5)):
        with pytest.raises(ValueError, match=f"temperature must be .*{value!r}"):
            f(np.zeros(3), value)


def test_wrong_shapes_and_ties_are_named():
    with pytest.raises(ValueError, match=r"top_p: logits must be \[n_vocab\]"):
        d.top_p(np.zeros((2, 2, 2)), 0.5)
    with pytest.raises(ValueError, match="ties must be"):
        d.top_k(np.zeros(3), 1, ties="first")
    with pytest.raises(ValueError, match="dynatemp_range"):
        d.dynamic_temperature(np.zeros(3), 1.0, -0.5)


def test_what_xtc_and_the_exponent_need_is_said():
    with pytest.raises(ValueError, match="rng must be a numpy.random.Generator"):
        d.xtc(np.zeros(3), 0.5)
    with pytest.raises(ValueError, match="dynatemp_exponent must be a positive number"):
        d.dynamic_temperature(np.array([0.0, -5.0, -800.0]), 1.0, 0.5, -1.0)


def test_integer_logits_are_taken():
    assert d.top_k([1, 3, 2], 1).tolist() == [-np.inf, 3.0, -np.inf]
