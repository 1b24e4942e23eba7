"""Loss, perplexity, windows and ranking, against the obvious formulas."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpygpt import GPT2, GPT2Config, scoring

CONFIG = GPT2Config(23, n_positions=11, n_embd=12, n_layer=2, n_head=3)


@pytest.fixture(scope="module")
def model():
    return GPT2.random(CONFIG, seed=1, dtype=np.float64)


def obvious(logits, target):
    return math.log(sum(math.exp(x) for x in logits)) - logits[target]


def test_loss_is_the_mean_surprise_of_the_targets_that_count():
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(6, 9)), rng.integers(0, 9, 6)
    targets[[1, 4]] = -100
    wanted = np.mean([obvious(logits[i], targets[i]) for i in (0, 2, 3, 5)])
    assert scoring.loss(logits, targets) == pytest.approx(wanted, abs=1e-12)
    assert scoring.loss(logits, targets.tolist()) == scoring.loss(logits, targets)


def test_large_logits_do_not_overflow():
    logits = np.array([[1e4, 0.0], [-1e4, 0.0]], np.float32)
    assert scoring.nll(logits, [0, 0]).tolist() == [0, 1e4]
    assert scoring.nll(logits, [0, 0]).dtype == np.float32


def test_no_target_that_counts_is_nan():
    assert math.isnan(scoring.loss(np.zeros((2, 3)), [-100, -100]))


@pytest.mark.parametrize("targets", [[0], [0, 3], [0, -1], [0.0, 1.0], [[0], [1]]])
def test_wrong_targets_are_named(targets):
    with pytest.raises(ValueError, match="targets"):
        scoring.loss(np.zeros((2, 3)), targets)


@given(st.integers(0, 60), st.integers(1, 12), st.data())
def test_windows_score_every_token_but_the_first_once(n_tok, n_ctx, data):
    stride = data.draw(st.integers(1, n_ctx))
    scored = []
    for begin, end, n_new in scoring.spans(n_tok, n_ctx, stride):
        assert 0 <= begin < end - n_new + 1 and end - begin <= n_ctx + 1
        assert begin == 0 or end - n_new - begin >= n_ctx + 1 - stride
        scored += range(end - n_new, end)
    assert scored == list(range(1, n_tok))


def test_a_text_within_the_context_needs_no_window(model):
    ids = np.arange(10)
    wanted = scoring.loss(model(ids[:-1]), ids[1:])
    assert math.log(scoring.perplexity(model, ids)) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("stride", [1, 4, 11])
def test_a_long_text_sees_the_past_that_the_stride_leaves(model, stride):
    ids = np.random.default_rng(2).integers(0, 23, 40)
    found = scoring.nlls(model, ids, stride)
    for i in range(1, 40):
        if i <= 11:
            past = ids[:i]
        else:  # the window that scores i ends at `end`, and holds 11 tokens and it
            end = min(40, 12 + -(-(i - 11) // stride) * stride)
            past = ids[end - 12 : i]
        assert found[i - 1] == pytest.approx(obvious(model(past)[-1], ids[i]), abs=1e-9)


@pytest.mark.parametrize("stride", [0, 12, 2.5, -1])
def test_a_wrong_stride_is_named(model, stride):
    with pytest.raises(ValueError, match="stride must be from 1 to 11"):
        scoring.perplexity(model, [1, 2, 3], stride)


def test_perplexity_needs_two_tokens(model):
    with pytest.raises(ValueError, match="at least 2"):
        scoring.perplexity(model, [1])


def test_an_even_guess_has_the_perplexity_of_the_vocabulary():
    model = GPT2.random(CONFIG)
    model.params["wte"]["weight"] = np.zeros((23, 12), np.float32)
    assert scoring.perplexity(model, [1, 2, 3, 4]) == pytest.approx(23, rel=1e-6)


def test_rank_orders_by_the_probability_of_the_whole_answer(model):
    prompt, answers = [3, 1, 4], [[1, 5], [9], [2, 6, 5]]
    scores = []
    for answer in answers:
        row = [*prompt, *answer]
        parts = (obvious(model(row[:i])[-1], row[i]) for i in range(3, len(row)))
        scores.append(-sum(parts))
    ranked = scoring.rank(model, prompt, answers)
    assert [s for s, _ in ranked] == pytest.approx(sorted(scores, reverse=True))
    assert [scores[i] for _, i in ranked] == pytest.approx(sorted(scores, reverse=True))
    per_token = dict((i, s) for s, i in scoring.rank(model, prompt, answers, True))
    assert per_token[2] == pytest.approx(scores[2] / 3)
    assert scoring.rank(model, prompt, []) == []


def test_a_perplexity_beyond_all_floats_is_infinite(model):
    model = GPT2(model.config, {**model.params})
    model.unembed = lambda hidden: np.arange(23.0)[::-1] * 1e4 + 0 * hidden[:, :1]
    assert scoring.perplexity(model, [1, 2, 3]) == math.inf


def test_rank_needs_tokens(model):
    for prompt, answers in ([], [[1]]), ([1], [[1], []]):
        with pytest.raises(ValueError, match="at least one token"):
            scoring.rank(model, prompt, answers)


def test_damaged_weights_have_no_loss():
    config = GPT2Config(13, n_positions=9, n_embd=8, n_layer=1, n_head=2)
    model = GPT2.random(config)
    model.params["h"][0]["mlp"]["c_fc"]["weight"][0, 0] = np.nan
    for call in (
        lambda: scoring.loss(model([1, 2, 3]), [1, 2, 3]),
        lambda: scoring.perplexity(model, [1, 2, 3]),
        lambda: scoring.rank(model, [1], [[2], [3, 4]]),
        lambda: model.generate([1, 2], max_new_tokens=2),
        lambda: model.generate([1, 2], max_new_tokens=2, do_sample=True),
        lambda: model.generate([1, 2], max_new_tokens=2, num_beams=2),
    ):
        with pytest.raises(ValueError, match="NaN"):
            call()


def test_half_a_context_is_the_usual_stride(model):
    ids = np.random.default_rng(3).integers(0, 23, 30)
    usual, half = scoring.nlls(model, ids), scoring.nlls(model, ids, 5)
    assert np.array_equal(usual, half)
    assert not np.allclose(usual, scoring.nlls(model, ids, 6))
    one = GPT2.random(GPT2Config(23, n_positions=1, n_embd=12, n_layer=1, n_head=3))
    assert scoring.nlls(one, [1, 2, 3]).shape == (2,)
    assert scoring.nlls(model, [1]).shape == scoring.nlls(model, []).shape == (0,)
    assert scoring.perplexity(model, [1, 2]) > 1


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda m: scoring.loss([[1, 2], [3]], [0, 0]), "logits must be an array, not"),
        (lambda m: scoring.loss([["a"]], [0]), "logits must be an array of numbers"),
        (
            lambda m: scoring.nll([[1.0]], [[0], [1, 2]]),
            "targets must be an array, not",
        ),
        (lambda m: scoring.loss([[1.0]], [0], 0.5), "ignore_index must be an integer"),
        (lambda m: scoring.loss([[1.0]], [0, 0]), r"without n_vocab, \[1\], not \[2\]"),
        (lambda m: [*scoring.spans(3.0, 2, 1)], "n_tok must be an integer"),
        (lambda m: [*scoring.spans(3, 2.0, 1)], "n_ctx must be an integer"),
        (lambda m: [*scoring.spans(3, 2, 3)], "stride must be from 1 to 2"),
        (lambda m: [*scoring.spans(3, 2, 0)], "stride must be from 1 to 2"),
        (lambda m: scoring.nlls(3, [1, 2]), "model must be a GPT2"),
        (lambda m: scoring.rank(3, [1], [[2]]), "model must be a GPT2"),
        (lambda m: scoring.rank(m, [1], 3), "answers must be a list of lists of ids"),
        (lambda m: scoring.rank(m, [1], np.array([2])), "answers must be a list of"),
        (lambda m: scoring.perplexity(m, []), "ids must be at least 2 tokens, not 0"),
    ],
)
def test_what_is_wrong_is_named(model, call, says):
    with pytest.raises(ValueError, match=says):
        call(model)


def test_what_counts_as_numbers_and_as_no_target():
    for logits in [[0, 0]], [[False, False]], np.zeros((1, 2), np.uint8):
        assert scoring.loss(logits, [1]) == pytest.approx(math.log(2))
    two = np.log([[0.5, 0.5], [0.25, 0.75]])
    assert scoring.loss(two, [0, 1], ignore_index=1) == pytest.approx(math.log(2))
    assert scoring.loss(two, [0, 0], None) == pytest.approx(1.5 * math.log(2))
    assert scoring.loss(two[None], [[-100, 0]]) == pytest.approx(2 * math.log(2))


def test_equal_answers_stay_in_their_order(model):
    answers = np.array([[5, 6], [5, 6], [5, 6]])
    assert [i for _, i in scoring.rank(model, [3], answers)] == [0, 1, 2]
    [(both, _)] = scoring.rank(model, [3], [[5, 6]])
    [(mean, _)] = scoring.rank(model, [3], [[5, 6]], per_token=True)
    assert mean == both / 2
