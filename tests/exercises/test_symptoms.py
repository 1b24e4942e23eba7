"""The edges of what an exercise looks for: results made by hand that show a symptom,
or just do not, and arguments that an example may have, or may not.

test_answers.py tries whole wrong answers; here stand single results.
"""

import importlib
import os
import time
from types import SimpleNamespace

import numpy as np
import pytest

from numpygpt import plain
from numpygpt.exercises.examples import tiny_params
from numpygpt.exercises.grade import Problem, has

INF, NAN = np.inf, np.nan


def row(*numbers):
    return np.array(numbers, np.float32)


def double(*numbers):
    return np.array(numbers, np.float64)


def task_of(name):
    return importlib.import_module(f"numpygpt.exercises.tasks.{name}")


def column(*numbers):
    return row(*numbers)[:, None]


def scored(score, *v):
    """q, k and v where the largest score, before the scaling, is this."""
    return [column(*[score] * len(v)), column(*[1] * len(v)), column(*v)]


TEXT = [[[1, 0], [2]], tiny_params(3, 4, 4, 1), 2]


def forgotten(part):
    """What a part is without those before it."""
    return plain.logits(part, *TEXT[1:])


LENS = [[1, 0], *TEXT[1:]]


def first_rows():
    """What the lens shows of the first token: of a text that ends there."""
    return task_of("logit_lens").answer(LENS[0][:1], *LENS[1:])


ROWS = np.array([[1, 2, 0], [0, 1, 3], [2, 0, 1]], np.float32)
LOSS = [ROWS, [0, 1, 2]]


def near(rows, targets, share):
    """The loss of these targets, and so much of it more."""
    p = np.exp(rows) / np.exp(rows).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(p)), targets]).mean()
    return float(loss) * (1 + share)


LEAKS, SELF = "future shines through", "does not see itself"

THREE = [row(3, 2.5, 0), 0.9]

# exercise: (words of a symptom, arguments, result, does it show?)
SHOWN = {
    "causal_attention": [
        (LEAKS, scored(40, 0, 0, 0), lambda e: e + column(0, 0, 9), False),
        (LEAKS, scored(40, 0, 0, 0), lambda e: e + column(0, 9, 0), True),
        (LEAKS, scored(40, 0, 0, 0), lambda e: e + column(0.0015, 0, 0), True),
        (LEAKS, scored(40, 0, 0, 0), lambda e: e + column(0.0009, 0, 0), False),
        (LEAKS, scored(30, 0, 0, 0), lambda e: e + column(9, 0, 0), False),
        (LEAKS, scored(30.5, 0, 0, 0), lambda e: e + column(9, 0, 0), True),
        ("exp overflows", scored(80, 0, 0), column(NAN, 0), False),
        ("exp overflows", scored(80.5, 0, 0), column(NAN, 0), True),
        ("exp overflows", scored(80.5, 0, 0), column(0, 0), False),
        (SELF, scored(1, 0, 0), column(NAN, 0), True),
        (SELF, scored(1, 0, 0), column(NAN, NAN), False),
        (SELF, [np.zeros((2, 2), np.float32)] * 3,
         np.array([[NAN, 0], [0, 0]]), False),
    ],
    "gelu": [
        ("not 0 at 0", [row(0)], row(0), False),
        ("not 0 at 0", [row(0)], row(-0.5), True),
        ("not 0 at 0", [row(1)], row(0.5), False),
        ("not 0 at 0", [row(0, 0)], row(0, 0.5), True),
        ("Large x", [row(6.5)], row(6.4), True),
        ("Large x", [row(6.5)], row(6.4985), True),
        ("Large x", [row(6.5)], row(6.5), False),
        ("Large x", [row(6)], row(5), False),
        ("Large x", [row(6, 7)], row(6, 7), False),
        ("Large x", [row(7, 8)], row(7, 7), True),
    ],
    "cross_entropy": [
        ("shifted the wrong way", LOSS, near(ROWS[1:], [0, 1], 0.8e-4), True),
        ("shifted the wrong way", LOSS, near(ROWS[1:], [0, 1], 1.5e-4), False),
        ("shifted the wrong way", LOSS, near(ROWS, [2, 0, 1], 0.8e-4), True),
        ("shifted the wrong way", LOSS, near(ROWS, [2, 0, 1], 1.5e-4), False),
        ("log of the sum is missing", LOSS, -2.5 * (1 + 0.8e-4), True),
        ("log of the sum is missing", LOSS, -2.5 * (1 + 1.5e-4), False),
        ("Infinite or NaN", LOSS, INF, True), ("Infinite or NaN", LOSS, NAN, True),
        ("Infinite or NaN", LOSS, 1.0, False),
    ],
    "kv_cache": [
        ("first call is wrong", TEXT, lambda e: [e[0] + 0.0015, e[1]], True),
        ("first call is wrong", TEXT, lambda e: [e[0], e[1] + 0.0015], False),
        ("a later one is not", TEXT, lambda e: [e[0], e[1] + 0.0015], True),
        ("a later one is not", TEXT, lambda e: [e[0] + 0.0015, e[1]], False),
        ("several new tokens", TEXT, lambda e: [e[0] + 0.0015, e[1]], True),
        ("several new tokens", TEXT, lambda e: [e[0], e[1] + 0.0015], False),
        ("It forgets", TEXT, lambda e: [forgotten(x) for x in TEXT[0]], True),
        ("It forgets", TEXT, lambda e: [forgotten(x) + 0.0015 for x in TEXT[0]], False),
        ("More rows", TEXT, lambda e: [e[0], np.concatenate([*e])], True),
        ("More rows", TEXT, lambda e: [e[0][:1], e[1]], False),
    ],
    "logit_lens": [
        ("before the first block", LENS, lambda e: e[1:] + 0.0008, True),
        ("before the first block", LENS, lambda e: e[1:] + 0.0015, False),
        ("before the first block", LENS, lambda e: e[:-1], False),
        ("after the last block", LENS, lambda e: e[:-1] + 0.0008, True),
        ("after the last block", LENS, lambda e: e[:-1] + 0.0015, False),
        ("first token's row", LENS, lambda e: first_rows() + 0.0008, True),
        ("first token's row", LENS, lambda e: first_rows() + 0.0015, False),
        ("All tokens' rows", LENS, lambda e: np.stack([e, e], axis=1), True),
        ("All tokens' rows", LENS, lambda e: e, False),
        ("probabilities", LENS, lambda e: 0 * e + 1.0008 / 3, True),
        ("probabilities", LENS, lambda e: 0 * e + 1.0015 / 3, False),
        ("model's own answer", LENS, lambda e: e + 0.0015, True),
        ("model's own answer", LENS, lambda e: e + 0.0008, False),
    ],
    "min_p": [
        ("must keep its logit", [row(1, 0, -9), 0.1], row(1, 0.5, -INF), True),
        ("must keep its logit", [row(1, 0, -9), 0.1], row(1, 0, -9), False),
        ("must keep its logit", [row(1, 0, -9), 0.1], row(1, -INF, -INF), False),
    ],
    "sample_token": [
        ("behind the last cumulative sum gives", [double(0.5, 0.25), 0.75], 0, True),
        ("behind the last cumulative sum gives", [double(0.5, 0.25), 0.74], 0, False),
        ("behind the last cumulative sum gives", [double(0.5, 0.25), 0.75], 1, False),
        ("probability 0", [double(0, 1), 0.5], 0, True),
        ("probability 0", [double(0, 1), 0.5], -1, False),
        ("probability 0", [double(0, 1), 0.5], 2, False),
        ("outside the vocabulary", [double(0.5, 0.5), 0.5], 2, True),
        ("outside the vocabulary", [double(0.5, 0.5), 0.5], -1, True),
        ("outside the vocabulary", [double(0.5, 0.5), 0.5], 0, False),
    ],
    "softmax": [
        ("score of -inf", [row(0, -INF)], row(1, 0.5), True),
        ("score of -inf", [row(0, -INF)], row(1, NAN), True),
        ("score of -inf", [row(0, -INF)], row(0.5, 0), False),
        ("negative", [row(0, 0)], row(1.5, -0.5), True),
        ("negative", [row(0, 0)], row(1, 0), False),
        ("do not sum to 1", [row(0, 0)], row(0.5, 0.5008), False),
        ("do not sum to 1", [row(0, 0)], row(0.5, 0.5015), True),
    ],
    "top_k": [
        ("ties with the k-th", [row(1, 2, 3), 2], row(-INF, -INF, 3), False),
        ("ties with the k-th", [row(0, 0, 1, 2), 2], row(-INF, -INF, 1.5, 2), False),
        ("ties with the k-th", [row(2, 1, 1, 0), 2], row(2, -INF, -INF, 0), False),
        ("ties with the k-th", [row(2, 1, 1, 0), 2], row(2, -INF, -INF, -INF), True),
        ("ties with the k-th", [row(2, 1, 1, 0), 2], row(*[-INF] * 4), False),
        ("ties with the k-th", [row(0, 1, 1, 3, 4), 3],
         row(-INF, -INF, -INF, 3, 4), True),
        ("must keep its logit", [row(1, 2, 3), 2], row(-INF, 2, 3.5), True),
        ("must keep its logit", [row(1, 2, 3), 2], row(0, 2, 3), False),
    ],
    "top_p": [  # the first two stay
        ("must keep its logit", THREE, row(3, 3, -INF), True),
        ("must keep its logit", THREE, row(4, -INF, -INF), False),
        ("must keep its logit", THREE, row(3, 2.5, 0), False),
        ("These are probabilities", THREE, row(0.5, 0.50005, 0), True),
        ("These are probabilities", THREE, row(0.5, 0.50015, 0), False),
        ("These are probabilities", THREE, row(1.5, -0.5, 0), False),
        ("Too many", THREE, row(3, 2.5, 0), True),
        ("Too many", THREE, row(3, 2.5, -INF), False),
        ("Too few", THREE, row(3, -INF, -INF), True),
        ("Too few", THREE, row(3, 2.5, -INF), False),
        ("Nothing is left", THREE, row(-INF, -INF, -INF), True),
        ("Nothing is left", THREE, row(-INF, 3, -INF), False),
    ],
}  # fmt: skip

# exercise: (arguments, may they be?)
VALID = {
    "accept_or_resample": [
        ([double(0.5, 0.5), double(0.75, 0.25), 0, 0.0, 0.0], True),
        ([double(0.5, 0.5), double(0.75, 0.25), 0, 1.0, 0.0], False),
        ([double(0.5, 0.5), double(0.75, 0.25), 0, -0.1, 0.0], False),
        ([double(0.5, 0.5), double(0.75, 0.25), 0, 0.5, 1.0], False),
        ([double(0.5, 0.5), double(0.75, 0.25), 0, 0.5, -0.1], False),
        ([double(0.5, 0.5), double(0.75, 0.25), 2, 0.5, 0.5], False),
        ([double(0.5, 0.5), double(1, 0), 1, 0.9, 0.5], False),
        ([double(0.4, 0.5), double(0.75, 0.25), 0, 0.5, 0.5], False),
        ([double(0.5, 0.5), double(0.7, 0.25), 0, 0.5, 0.5], False),
        ([double(-0.5, 1.5), double(0.75, 0.25), 0, 0.5, 0.5], False),
        ([double(0, 1), double(0.5, 0.5), 0, 0.5, 0.5], True),
        ([double(0, 1), double(0.5, 0.5), 0, 0.0, 0.5], True),
        ([double(0.25, 0.75), double(0.5, 0.5), 0, 0.5, 0.5], False),
        ([double(0.25, 0.75), double(0.5, 0.5), 0, 0.5 + 2.5e-7, 0.5], False),
        ([double(0.25, 0.75), double(0.5, 0.5), 0, 0.5 + 7.5e-7, 0.5], True),
    ],
    "cross_entropy": [([row(1, 2), [0]], False), ([row(1, 2), [0, 1]], True)],
    "merge_pair": [
        ([[7, 9], (7, 8), 9], False), ([[7], (7, 9), 9], False),
        ([[7], (7, 8), 9], True),
    ],
    "min_p": [
        ([row(0, -3), 0.0], False), ([row(0, -3), 1.0], True),
        ([row(0, -3), 1.5], False), ([row(5, 2), 0.5], True),
        ([double(0, -1), np.exp(-1)], False), ([double(5, 4), np.exp(-1)], False),
        ([double(0, -1.00015), np.exp(-1)], True),
        ([double(0, -1.00005), np.exp(-1)], False),
    ],
    "repetition_penalty": [
        ([row(1), [0], 1.0], True), ([row(1), [0], 0.99], False),
        ([row(1), [0], 1.5], True),
    ],
    "sample_token": [
        ([double(0.5, 0.5), 0.0], True), ([double(0.5, 0.5), 1.0], False),
        ([double(0.5, 0.5), -0.1], False), ([double(0, 1), 0.5], True),
        ([double(-0.5, 1.5), 0.5], False), ([double(0.98), 0.5], False),
        ([double(0.985), 0.5], True), ([double(1 + 1e-9), 0.5], True),
        ([double(1 + 1.5e-9), 0.5], False),
    ],
    "softmax": [
        ([np.array([[0, -INF], [-INF, -INF]])], False),
        ([np.array([[0, -INF], [0, -INF]])], True),
    ],
    "top_k": [
        ([row(1, 2), 0], False), ([row(1, 2), 1], True), ([row(-INF, 2), 1], True),
        ([row(-INF, -INF), 1], False),
    ],
    "top_p": [
        ([np.log([0.3, 0.7]), 0.5], True), ([np.log([0.3, 0.7]), 0.0], False),
        ([np.log([0.3, 0.7]), 1.5], False), ([double(0, 0), 0.3], False),
        ([np.log([0.3, 0.7]), 0.69995], False), ([np.log([0.3, 0.7]), 0.69985], True),
        ([np.log([0.7, 0.3]), 0.3], True),
    ],
}  # fmt: skip


def rows_of(table):
    return [(name, *case) for name, cases in table.items() for case in cases]


@pytest.mark.parametrize(("name", "words", "args", "got", "shows"), rows_of(SHOWN))
def test_a_result_at_the_edge_shows_the_symptom_or_not(name, words, args, got, shows):
    task = task_of(name)
    [symptom] = [has for says, has in task.SYMPTOMS.items() if words in says]
    expected = task.answer(*args)
    got = got(expected) if callable(got) else got
    assert has(symptom, Problem("values", words, args, expected, got)) == shows


@pytest.mark.parametrize(("name", "args", "right"), rows_of(VALID))
def test_what_an_example_may_have(name, args, right):
    assert task_of(name).valid(*args) == right


@pytest.mark.parametrize(("step", "anew", "fast"), [(1, 3, False), (1, 3.5, True)])
def test_a_cache_must_make_a_step_three_times_as_fast(monkeypatch, step, anew, fast):
    """Told by a clock that the calls themselves move; of several the best counts."""
    task, now, read, lengths = task_of("kv_cache"), [0.0], [], []
    if os.name == "posix":
        assert task.CLOCK is time.thread_time  # what others do does not count

    def reader(ids, params, n_head, cache):
        now[0] += step / 1024 if len(read) == 2 else 9
        read.append(len(ids))

    def logits(ids, params, n_head):
        now[0] += anew / 1024 if len(lengths) == 2 else 9
        lengths.append(len(ids))

    monkeypatch.setattr(task, "CLOCK", lambda: now[0])
    monkeypatch.setattr(task.plain, "logits", logits)
    says = task.extra(reader)
    assert (says is None) == fast
    assert says is None or "takes 1.0 ms" in says and "anew takes 2.9 ms" in says
    assert read == [200] + [1] * 15 and lengths == [201] * 15


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ([3, 1], None), ([3, 1, 3], "came again: [3, 1, 3]"), ([3, 1, 1], "[3, 1, 1]"),
        ([3, 1, 2, 4, 3], None), ([3, 1, 2, 4, 1], "came again: [1, 2, 4, 1]"),
        ([3, 1, 2, 4, 5, 5], "[2, 4, 5, 5]"),
    ],
)  # fmt: skip
def test_no_token_of_the_last_three_comes_again_in_generate(monkeypatch, text, says):
    def generate(prompt, **how):
        assert prompt == text[:2] and how["do_sample"] and how["chain"] == [len]
        return np.array([text])

    model = SimpleNamespace(generate=generate)
    gpt2 = SimpleNamespace(random=lambda config: model)
    monkeypatch.setattr(task_of("no_recent"), "GPT2", gpt2)
    found = task_of("no_recent").extra(len)
    assert found is None if says is None else says in found


def test_the_models_of_the_beam_search_are_distributions():
    for log_probs, *_ in task_of("beam_search").cases():
        first = np.exp(log_probs([0]))
        rows = [np.exp(log_probs([1, i])) for i in range(len(first))]
        np.testing.assert_allclose(np.sum(rows, axis=1), 1)
        if log_probs.shown == "trap()":  # greedy: 1, but the best is 2, 2
            assert first.argmax() == 1 and first[1] * rows[1].max() < first[2] * 0.9
        else:
            assert log_probs.shown.endswith(f", {len(first)})")
