"""Properties 27 to 33 and 66: rules that look at the text so far."""

import numpy as np
import pytest
from by_row import N, call, cases
from hypothesis import given
from hypothesis import strategies as st

from numpygpt import decoding as d
from numpygpt.decoding.rules.table import RULES, STEPS, reads
from numpygpt.layers import softmax
from numpygpt.testing import TableLM, contexts, logits

INF = np.inf
rows = logits(N)
# Without removed tokens: what a model gives.
full = logits(N, kinds=("ordinary", "ties"))
words = st.lists(st.integers(0, N - 1), min_size=1, max_size=3)
ROWS = pytest.mark.parametrize(("name", "value"), cases(RULES))


def nothing_left(rule, z, context):
    try:
        rule(z, context)
    except ValueError as error:
        assert "removes every token" in str(error)
        return True
    return False


def rule_of(name, value):
    return lambda z, context: call(STEPS[name], z, value, context)


@ROWS
@given(z=rows, context=contexts(N))
def test_03_04_25_what_every_rule_promises(name, value, z, context):
    rule, before = rule_of(name, value), z.copy()
    if nothing_left(rule, z, context):
        return
    out = rule(z, context)
    assert out.dtype == z.dtype
    assert out.shape == z.shape
    assert np.array_equal(z, before)
    if "forces" not in STEPS[name].kind:
        assert not np.isfinite(out[z == -INF]).any()
    assert np.isfinite(out).any()
    assert not np.isnan(out).any()
    two = np.stack([z, z])
    if not nothing_left(rule, z, context[:1]):
        apart = np.stack([out, rule(z, context[:1])])
        assert np.array_equal(rule(two, [context, context[:1]]), apart)
    assert np.array_equal(rule(two, context), np.stack([out, out]))


@ROWS
@given(z=full, context=contexts(N))
def test_01_06_15_what_a_rule_of_its_kind_promises(name, value, z, context):
    rule, kind, z = rule_of(name, value), STEPS[name].kind.split(), z.astype(float)
    if nothing_left(rule, z, context):
        return
    out = rule(z, context)
    if "truncation" in kind:
        assert np.array_equal(out[out > -INF], z[out > -INF])
    if "idempotent" in kind:
        assert np.array_equal(rule(out, context), out)
    if "shift" in kind:
        np.testing.assert_allclose(softmax(rule(z + 4, context)), softmax(out))


def test_06_two_rules_depend_on_where_zero_is():
    """The others have the word "shift" in their row."""
    without = {row.name for row in RULES if "shift" not in row.kind.split()}
    assert without == {"repetition_penalty", "exponential_decay_length_penalty"}
    for name in without:
        [value, *_] = (v for n, v in cases(RULES) if n == name)
        rule, z = rule_of(name, value), np.linspace(-1, 1, N)
        p, q = (softmax(rule(x, [0, 3, 3])) for x in (z, z + 4))
        assert np.abs(p - q).max() > 1e-3


@ROWS
@pytest.mark.parametrize("wrong", [np.nan, INF, -INF])
def test_24_the_error_names_the_rule(name, value, wrong):
    with pytest.raises(ValueError, match=name):
        rule_of(name, value)(np.full(N, wrong), [0])


@ROWS
@pytest.mark.parametrize("wrong", [-1, N])
def test_a_context_outside_the_vocabulary_is_named(name, value, wrong):
    if {"context", "output"} & {*reads(STEPS[name])}:
        with pytest.raises(ValueError, match=f"{name}: token id {wrong} is outside"):
            rule_of(name, value)(np.zeros(N), [0, wrong])


@given(rows, st.floats(1, 5), contexts(N))
def test_27_a_repetition_penalty_never_raises_a_seen_logit(z, r, context):
    out = d.repetition_penalty(z, r, context)
    unseen = [i for i in range(N) if i not in context]
    assert (out <= z).all()
    assert np.array_equal(out[unseen], z[unseen])
    if r > 1.01:
        seen = [i for i in set(context) if np.isfinite(z[i]) and z[i] != 0]
        assert (out[seen] < z[seen]).all()


@given(rows, st.floats(0.2, 5), contexts(N))
def test_28_a_token_is_counted_once(z, r, context):
    often = d.repetition_penalty(z, r, context * 3)
    assert np.array_equal(often, d.repetition_penalty(z, r, sorted(set(context))))
    often = d.presence_penalty(z, r, context * 3)
    assert np.array_equal(often, d.presence_penalty(z, r, sorted(set(context))))


def test_28_the_sign_decides_between_times_and_over():
    out = d.repetition_penalty(np.array([4.0, -4.0, 0.0, 4.0]), 2.0, [0, 1, 2])
    assert out.tolist() == [2.0, -8.0, 0.0, 4.0]


@given(full, st.sampled_from([-0.5, 0.25, 1.0]), contexts(N))
def test_29_frequency_is_linear_in_the_count(z, c, context):
    z = z.astype(np.float64)
    counts = np.bincount(context, minlength=N) if context else np.zeros(N)
    np.testing.assert_allclose(d.frequency_penalty(z, c, context), z - c * counts)
    np.testing.assert_allclose(d.presence_penalty(z, c, context), z - c * (counts > 0))


def ngrams(ids, n):
    return [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]


@given(logits(N, ("ordinary",)), st.integers(1, 4), contexts(N))
def test_30_only_tokens_that_complete_a_seen_ngram_are_banned(z, n, context):
    seen = ngrams(context, n)
    tail = context[len(context) - (n - 1) :] if len(context) >= n - 1 else None
    banned = [t for t in range(N) if tail is not None and (*tail, t) in seen]
    if len(banned) == N:
        with pytest.raises(ValueError, match="no_repeat_ngram_size"):
            d.no_repeat_ngram_size(z, n, context)
    else:
        out = d.no_repeat_ngram_size(z, n, context)
        assert np.flatnonzero(out == -INF).tolist() == banned


def test_30_the_shortest_contexts():
    z = np.zeros(3)
    assert d.no_repeat_ngram_size(z, 1, [2]).tolist() == [0.0, 0.0, -INF]
    assert d.no_repeat_ngram_size(z, 2, [0, 0]).tolist() == [-INF, 0.0, 0.0]
    assert d.no_repeat_ngram_size(z, 2, [0]).tolist() == [0.0, 0.0, 0.0]
    assert d.no_repeat_ngram_size(z, 3, [0]).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_30_no_ngram_repeats_beyond_those_of_the_prompt(n, seed):
    table = np.random.default_rng(seed).standard_normal((8, 8))
    prompt = [1, 2, 1, 2, 1, 2]
    [ids] = TableLM(table).generate(
        prompt, max_new_tokens=14, do_sample=True, seed=seed, no_repeat_ngram_size=n
    )
    ids = ids.tolist()
    old, every = ngrams(prompt, n), ngrams(ids, n)
    for gram in set(every):
        assert every.count(gram) == max(1, old.count(gram))


@given(full, st.lists(words, min_size=1, max_size=3), contexts(N))
def test_31_a_sequence_that_would_be_completed_is_banned(z, banned, context):
    texts = [[*context, t] for t in range(N)]
    hits = [t[-1] for t in texts if any(t[-len(w) :] == w for w in banned)]
    if len(set(hits)) == N:
        with pytest.raises(ValueError, match="bad_words_ids"):
            d.bad_words_ids(z, banned, context)
    else:
        out = d.bad_words_ids(z, banned, context)
        assert np.flatnonzero(out == -INF).tolist() == hits


@pytest.mark.parametrize("seed", range(5))
def test_31_a_banned_sequence_never_appears(seed):
    table = np.random.default_rng(seed).standard_normal((5, 5))
    banned = [[0], [1, 2], [3, 3, 3]]
    [ids] = TableLM(table).generate(
        [4], max_new_tokens=40, do_sample=True, seed=seed, bad_words_ids=banned,
        suppress_tokens=[], begin_suppress_tokens=[1],
    )  # fmt: skip
    text = " ".join(map(str, ids.tolist()))
    assert ids[1] != 1
    for word in banned:
        assert " ".join(map(str, word)) not in text


def test_31_only_the_first_new_token_is_suppressed():
    z = np.zeros(2)
    for n, expected in ((1, [0.0, 0.0]), (2, [0.0, -INF]), (3, [0.0, 0.0])):
        out = d.begin_suppress_tokens(z, [1], [0] * n, begin=2)
        assert out.tolist() == expected


def test_31_a_lone_eos_is_no_bad_word():
    z = np.zeros(3)
    assert d.bad_words_ids(z, [[1], [2]], [0], [1]).tolist() == [0.0, 0.0, -INF]
    assert d.bad_words_ids(z, [[0, 1]], [0], [1]).tolist() == [0.0, -INF, 0.0]
    assert d.suppress_tokens(z, [1]).tolist() == [0.0, -INF, 0.0]


@given(full, words, st.floats(-3, 3), contexts(N))
def test_sequence_bias_by_its_definition(z, word, bias, context):
    z = z.astype(np.float64)
    expected = z.copy()
    if [*context, word[-1]][-len(word) :] == word:
        expected[word[-1]] += bias
    for value in ({tuple(word): bias}, [[word, bias]]):
        assert np.array_equal(d.sequence_bias(z, value, context), expected)


def test_biases_add_up():
    z = np.zeros(3)
    value = [[[1], 1.0], [[0, 1], 0.5], [[2, 0, 1], 0.25], [[1, 1], 9.0]]
    assert d.sequence_bias(z, value, [2, 0]).tolist() == [0.0, 1.75, 0.0]
    twice = [[[1], 1.0], [[1], 3.0]]
    assert d.sequence_bias(z, twice, []).tolist() == [0.0, 3.0, 0.0]
    assert d.logit_bias(z, {"0": 1.5, 2: -1}).tolist() == [1.5, 0.0, -1.0]


@given(full, st.integers(0, 9), contexts(N))
def test_32_no_end_too_early(z, least, context):
    expected = z.copy()
    if len(context) < least:
        expected[[2, 4]] = -INF
    assert np.array_equal(d.min_length(z, least, context, [2, 4]), expected)
    assert np.array_equal(d.min_new_tokens(z, least, context, [2, 4]), expected)


@pytest.mark.parametrize(
    ("settings", "least"),
    [({"min_length": 9}, 9), ({"min_new_tokens": 7}, 10), ({"min_length": 2}, 4)],
)
def test_32_no_text_ends_too_early(settings, least):
    model = TableLM(np.zeros((3, 3)), eos_token_id=1)
    lengths = set()
    for seed in range(60):
        [ids] = model.generate(
            [0, 0, 0], max_new_tokens=20, do_sample=True, seed=seed, **settings
        )
        ends = np.flatnonzero(ids[3:] == 1) + 4
        lengths |= set(ends[:1].tolist())
    assert min(lengths) in (least, least + 1)
    assert len(lengths) > 5


def repeat_length(context, token):
    """The longest L such that the last L tokens stood before, with token behind."""
    best = 0
    for at in range(len(context) - 1):
        if context[at + 1] == token:
            length = 0
            while length <= at and context[at - length] == context[-1 - length]:
                length += 1
            best = max(best, length)
    return best


@given(full, contexts(N, 20), st.integers(1, 3))
def test_33_dry_touches_tokens_that_extend_a_repeat_and_grows(z, context, allowed):
    z = z.astype(np.float64)
    expected = z.copy()
    for token in range(N):
        length = repeat_length(context, token)
        if length >= allowed:
            expected[token] -= 0.8 * 1.75 ** (length - allowed)
    out = d.dry(z, 0.8, context, 1.75, allowed)
    np.testing.assert_allclose(out, expected, rtol=1e-12)


def test_33_dry_breakers():
    z = np.zeros(6)
    context = [1, 5, 2, 0, 1, 5, 2]
    assert d.dry(z, 1.0, context, 2.0, 1).tolist() == [-4.0, 0, 0, 0, 0, 0]
    # 5 breaks: the repeat is 2 alone, of length 1.
    assert d.dry(z, 1.0, context, 2.0, 1, [5]).tolist() == [-1.0, 0, 0, 0, 0, 0]
    # 2 breaks: the text ends with a breaker, nothing is repeated.
    assert d.dry(z, 1.0, context, 2.0, 1, [2]).tolist() == [0.0] * 6
    # 0 breaks: it is what would follow, and breakers are not penalised.
    assert d.dry(z, 1.0, context, 2.0, 1, [0]).tolist() == [0.0] * 6


def test_33_a_very_long_repeat_stays_finite():
    out = d.dry(np.zeros(2, np.float32), 1.0, [0] * 1000)
    assert np.isfinite(out).all()
    assert out[0] < -1e30
    assert out[1] == 0


def test_forced_tokens():
    z = np.array([3.0, 1.0, -INF])
    assert d.forced_bos_token_id(z, 1, [0]).tolist() == [-INF, 0.0, -INF]
    assert d.forced_bos_token_id(z, 1, [0, 0]).tolist() == z.tolist()
    assert d.forced_bos_token_id(z, 1, []).tolist() == z.tolist()
    assert d.forced_eos_token_id(z, [1, 2], [0], limit=2).tolist() == [-INF, 0.0, 0.0]
    assert d.forced_eos_token_id(z, 1, [0], limit=3).tolist() == z.tolist()
    assert d.forced_eos_token_id(z, 1, [0, 0], limit=2).tolist() == z.tolist()
    assert d.forced_eos_token_id(z, 1, [0]).tolist() == z.tolist()
    with pytest.raises(ValueError, match="forced_bos_token_id: token id 3"):
        d.forced_bos_token_id(z, 3, [0])


def test_exponential_decay():
    def decay(z, n_new):
        row = np.array([z, 0.0])
        return d.exponential_decay_length_penalty(row, (2, 1.5), [1] * n_new, [0])[0]

    assert decay(-4.0, 2) == -4.0
    assert decay(-4.0, 3) == -4.0 + 4.0 * 0.5
    assert decay(4.0, 4) == 4.0 + 4.0 * 1.25
    assert decay(0.0, 4) == 0.0
    assert decay(-INF, 4) == -INF
    assert np.isfinite(decay(4.0, 5000))
    assert np.isfinite(decay(0.0, 5000))


def test_allowed_tokens():
    z = np.array([1.0, 2.0, -INF, 3.0])
    seen = []

    def allowed(batch_id, ids):
        seen.append((batch_id, ids.tolist()))
        return np.array([1, 2])

    out = d.prefix_allowed_tokens_fn(z, allowed, [0, 1], 7)
    assert out.tolist() == [-INF, 2.0, -INF, -INF]
    assert seen == [(7, [0, 1])]
    with pytest.raises(ValueError, match="prefix_allowed_tokens_fn.*removes every"):
        d.prefix_allowed_tokens_fn(z, lambda _, ids: [], [0])


@given(full, full, st.floats(0, 4))
def test_66_guidance_by_its_definition(c, u, scale):
    c, u = c.astype(np.float64), u.astype(np.float64)
    if scale == 1:
        return
    log_c, log_u = (z - np.log(np.exp(z).sum()) for z in (c, u))
    expected = log_u + scale * (log_c - log_u)
    np.testing.assert_allclose(d.guidance_scale(c, scale, u), expected, atol=1e-9)


def test_66_guidance_edges():
    c, u = np.array([-INF, 0.0]), np.array([-INF, 3.0])
    assert d.guidance_scale(c, 2.0, u).tolist() == [-INF, 0.0]
    assert d.guidance_scale(c, 2.0, np.zeros(2))[0] == -INF
    with pytest.raises(ValueError, match="guidance_scale"):
        d.guidance_scale(np.zeros(2), 2.0, np.array([-INF, 0.0]))
    with pytest.raises(ValueError, match="unconditional"):
        d.guidance_scale(np.zeros(2), 2.0, np.full(2, np.nan))


@given(rows)
def test_renormalized_logits_are_log_probabilities(z):
    out = d.renormalize_logits(z)
    assert abs(np.exp(out.astype(np.float64)).sum() - 1) < 1e-5
    left = np.isfinite(z)
    shift = out[left] - z[left]
    np.testing.assert_allclose(shift, shift[0], atol=2e-3)  # float32 at 1e4


def test_renormalized_or_as_they_are():
    z = np.array([1.0, 3.0])
    assert d.renormalize_logits(z, False).tolist() == [1.0, 3.0]
    for out in (d.renormalize_logits(z, True), d.renormalize_logits(z)):
        np.testing.assert_allclose(out, [-2.126928, -0.126928], atol=1e-6)


def test_all_banned_names_the_rule():
    with pytest.raises(
        ValueError, match=r"suppress_tokens \[0, 1\] removes every token"
    ):
        d.suppress_tokens(np.zeros(2), [0, 1])
    with pytest.raises(ValueError, match="min_length 9 removes every token"):
        d.min_length(np.zeros(1), 9, [], [0])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda z: d.ignore_eos(z, True, eos_token_ids=[3]),
            "eos_token_id: token id 3",
        ),
        (lambda z: d.min_length(z, 1, [], [-1]), "eos_token_id: token id -1"),
        (lambda z: d.min_new_tokens(z, 1, [], [-1]), "eos_token_id: token id -1"),
        (
            lambda z: d.exponential_decay_length_penalty(z, (0, 1.5), [0], [-1]),
            "eos_token_id: token id -1",
        ),
        (lambda z: d.allowed_token_ids(z, [3]), "allowed_token_ids: token id 3"),
        (lambda z: d.suppress_tokens(z, [-1]), "suppress_tokens: token id -1"),
        (lambda z: d.sequence_bias(z, {(3,): 1.0}), "sequence_bias: token id 3"),
        (lambda z: d.sequence_bias(z, {(3, 0): 1.0}), "sequence_bias: token id 3"),
        (lambda z: d.bad_words_ids(z, [[-1]]), "bad_words_ids: token id -1"),
        (lambda z: d.logit_bias(z, {3: 1.0}), "logit_bias: token id 3"),
        (
            lambda z: d.prefix_allowed_tokens_fn(z, lambda n, ids: [3]),
            "prefix_allowed_tokens_fn: token id 3",
        ),
        (lambda z: d.presence_penalty(z, 0.5, [0, 3, -1]), "penalty: token id -1"),
        (lambda z: d.presence_penalty(z, 0.5, [0, 4, 1]), "penalty: token id 4"),
    ],
)
def test_an_id_outside_the_vocabulary_is_named_with_its_setting(call, words):
    with pytest.raises(ValueError, match=f"{words} is outside the vocabulary, 0 to 2"):
        call(np.zeros(3))


def test_what_never_comes_need_not_be_kept_away():
    z = np.zeros(3)
    for out in (
        d.suppress_tokens(z, [1, 3]), d.begin_suppress_tokens(z, [1, 9]),
        d.min_length(z, 1, [], [1, 3]), d.min_new_tokens(z, 1, [], [1, 3]),
        d.bad_words_ids(z, [[1], [3], [3, 2], [2, 3]], [2]),
    ):  # fmt: skip
        assert out.tolist() == [0, -INF, 0]
    out = d.exponential_decay_length_penalty(z + 1, (0, 3.0), [0], [1, 3])
    assert out.tolist() == [1, 3, 1]


def test_as_many_contexts_as_rows():
    with pytest.raises(ValueError, match="zip"):
        d.repetition_penalty(np.zeros((2, 3)), 1.5, [[0], [1], [2]])


@pytest.mark.parametrize(
    ("rule", "value", "message"),
    [
        (
            d.repetition_penalty,
            0,
            "repetition_penalty must be a positive number, not 0",
        ),
        (d.repetition_penalty, -1, "repetition_penalty must be a positive number"),
        (d.repetition_penalty, np.nan, "repetition_penalty must be a positive number"),
        (d.frequency_penalty, np.nan, "frequency_penalty must be a finite number"),
        (d.presence_penalty, np.inf, "presence_penalty must be a finite number"),
        (d.logit_bias, {0: np.nan}, "logit_bias must be {id: number or -inf}, not"),
        (d.no_repeat_ngram_size, -1, "no_repeat_ngram_size must be an integer of at"),
        (
            d.sequence_bias,
            {(): 1.0},
            "sequence_bias: a sequence must have at least one",
        ),
        (
            d.sequence_bias,
            [[[], 1.0]],
            "sequence_bias: a sequence must have at least one",
        ),
        (d.bad_words_ids, [[]], "bad_words_ids: a sequence must have at least one"),
        # Said at once, not when the token's turn has come:
        (d.forced_eos_token_id, 3, "forced_eos_token_id: token id 3 is outside"),
        (d.forced_bos_token_id, 3, "forced_bos_token_id: token id 3 is outside"),
        (
            d.begin_suppress_tokens,
            [-1],
            "begin_suppress_tokens: token id -1 is outside",
        ),
    ],
)
def test_a_wrong_value_is_named(rule, value, message):
    with pytest.raises(ValueError, match=message):
        rule(np.zeros(3), value, [0, 1])


@pytest.mark.parametrize("breaker", [-1, 3])
def test_33_a_breaker_outside_the_vocabulary_never_occurs(breaker):
    context, how = [0, 1, 2, 0, 1], {"allowed_length": 1}
    want = d.dry(np.zeros(3), 1.0, context, **how)
    assert want[2] < 0
    got = d.dry(np.zeros(3), 1.0, context, breakers=[breaker], **how)
    assert got.tolist() == want.tolist()
