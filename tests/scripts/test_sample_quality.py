"""What the sample measures count, on texts made for it."""

import numpy as np
import pytest

import sample_quality as quality
import yardsticks


@pytest.mark.parametrize(
    "text, good, known",
    [
        ("He ran. He sat! Did", 2, 2),
        ("He ran\n\nHe sat.", 1, 2),
        ('"Run!" he said: \n\nThe', 2, 2),
        ('"It is," said he, "so"\n\n', 0, 1),
    ],
)
def test_sentences(text, good, known):
    assert quality.sentences(text) == (good, known)


@pytest.mark.parametrize(
    "text, closed",
    [
        ('"Go," he said, "now."\n\n"Where', True),
        ('"Go," he said, "now.\n\nHe went.', False),
        ('"And then.\n\n"And then more." He sat.\n\n', True),
        ("no quotes at all", True),
    ],
)
def test_quotes_close(text, closed):
    assert quality.quotes_close(text) is closed


def test_names_of_the_second_half():
    text = "So Anna saw Tom. Then Tom, and Anna, met Bert."
    assert quality.names(text) == (2, 3)


def test_measure():
    result = quality.measure(["a b c d a b c d.", "\ufffd x"])
    assert (result["broken"], result["repeated"]) == (1, 0.2)


def test_longest_copies_are_found_whole():
    rng = np.random.default_rng(0)
    known = [f"w{i}" for i in rng.integers(0, 50, 3000)]
    texts = [
        " ".join([*known[100:117], "new", *known[40:45]]),
        "none of these",
        " ".join(known[2990:]) + " zzz",
    ]
    copies = quality.longest_copies(texts, " ".join(known)).tolist()
    assert copies == [17, 0, 10]


def obvious_kneser_ney(ids, context, token, order):
    """Straight from the formula, with loops."""
    runs = [tuple(ids[i : i + order]) for i in range(len(ids) - order + 1)]
    levels = []
    for n in range(order, 0, -1):
        count = {run: runs.count(run) for run in runs}
        once = sum(c == 1 for c in count.values())
        twice = sum(c == 2 for c in count.values())
        discount = once / (once + 2 * twice) if once else 0.75
        levels.append((n, count, discount))
        runs = [run[1:] for run in count]
    p = 1 / 4096
    for n, count, discount in reversed(levels):
        past = tuple(context[len(context) - n + 1 :])
        seen = {run: c for run, c in count.items() if run[:-1] == past}
        if total := sum(seen.values()):
            own = max(seen.get((*past, token), 0) - discount, 0)
            p = (own + discount * len(seen) * p) / total
    return p


def test_kneser_ney_is_the_formula_and_sums_to_one():
    ids = np.random.default_rng(1).zipf(1.7, 300) % 9
    model = yardsticks.KneserNey(ids, order=3)
    for context in ([1, 2], [8, 8], [4, 1]):
        row = np.array([[*context, t] for t in range(9)])
        p = np.array([model.probabilities(r)[0] for r in row])
        wanted = [obvious_kneser_ney(ids.tolist(), context, t, 3) for t in range(9)]
        assert p == pytest.approx(np.array(wanted))
        assert p.sum() < 1  # the rest is for the ids that no text had
