"""Beam search: keep the W best texts so far, not just one.

Greedy decoding takes the likeliest token and cannot take it back, even where it leads
into a dead end. A beam search keeps W beginnings. In each round it continues every one
by every token, W * n_vocab candidates, and keeps the W best of *all* of them: one
beginning may have several children among them, another none.

The score of a text is the sum of the log-probabilities of its new tokens. The model is
a function here: ``log_probs(ids)`` gives [n_vocab] log-probabilities of what follows.
There is no end token: all texts have n_new new tokens at the end.
"""

import numpy as np

from ...decoding.search import beam
from ..grade import like

NAME = "beam_search"
STUB = '''
import numpy as np


def beam_search(log_probs, prompt, width, n_new):
    """The best texts found: a list of (score, ids), the best first, at most width.

    log_probs(ids) -> [n_vocab], float64: the log-probabilities of the token that
    follows. prompt: a list of ints, part of the ids, without a part in the score.
    There may be fewer than width texts: n_vocab ** n_new if that is less.

    >>> def log_probs(ids):              # a model that likes to repeat its last token
    ...     p = np.full(3, 0.2)
    ...     p[ids[-1]] = 0.6
    ...     return np.log(p)
    >>> best = beam_search(log_probs, [0], 2, 2)
    >>> [(round(score, 2), ids) for score, ids in best]
    [(-1.02, [0, 0, 0]), (-2.12, [0, 0, 1])]
    """
    raise NotImplementedError
'''
HINTS = [
    "Begin with beams = [(0.0, list(prompt))]. One round makes a list of all "
    "candidates (score + log_probs(ids)[token], ids + [token]).",
    "Sort the candidates by score, the largest first, and cut the list at width. "
    "sorted(..., key=lambda c: -c[0]) leaves equal scores in their order.",
]


def search(log_probs, prompt, width, n_new, start=0.0):
    beams = [(start, list(prompt))]
    for _ in range(n_new):
        made = []
        for score, ids in beams:
            logp = log_probs(ids)
            order = np.argsort(-logp, kind="stable")
            made += [(score + float(logp[t]), ids + [int(t)]) for t in order]
        beams = sorted(made, key=lambda c: -c[0])[:width]
    return beams


def answer(log_probs, prompt, width, n_new):
    beams = [(0.0, list(prompt))]
    for _ in range(n_new):
        made = [
            (score + float(logp), ids + [token])
            for score, ids in beams
            for token, logp in enumerate(log_probs(ids))
        ]
        beams = sorted(made, key=lambda c: -c[0])[:width]
    return beams


SOLUTION = [answer, beam.best_step]


def greedy_twins(log_probs, prompt, width, n_new):
    first = search(log_probs, prompt, width, min(n_new, 1))
    for _ in range(n_new - 1):
        first = [search(log_probs, ids, 1, 1, start=score)[0] for score, ids in first]
    return sorted(first, key=lambda c: -c[0])


def products(log_probs, prompt, width, n_new):
    beams = [(1.0, list(prompt))]
    for _ in range(n_new):
        made = [(s * float(np.exp(l)), ids + [t]) for s, ids in beams
                for t, l in enumerate(log_probs(ids))]  # fmt: skip
        beams = sorted(made, key=lambda c: -c[0])[:width]
    return beams


def worst(log_probs, prompt, width, n_new):
    beams = [(0.0, list(prompt))]
    for _ in range(n_new):
        made = [(s + float(l), ids + [t]) for s, ids in beams
                for t, l in enumerate(log_probs(ids))]  # fmt: skip
        beams = sorted(made, key=lambda c: c[0])[:width]
    return beams


def last_only(log_probs, prompt, width, n_new):
    beams = [(0.0, list(prompt))]
    for _ in range(n_new):
        made = [(float(l), ids + [t]) for _, ids in beams
                for t, l in enumerate(log_probs(ids))]  # fmt: skip
        beams = sorted(made, key=lambda c: -c[0])[:width]
    return beams


def without_prompt(got, expected, log_probs, prompt, width, n_new):
    return [ids for _, ids in got] == [ids[len(prompt) :] for _, ids in expected]


def same_texts(got, expected):
    mine, right = ({tuple(ids) for _, ids in texts} for texts in (got, expected))
    return len(got) == len(expected) and mine == right


SYMPTOMS = {
    "The scores are products of probabilities; sums "
    "of log-probabilities are asked for. "
    "Those of long texts would round to 0.": like(products),
    "The worst candidates stay; the best should.": like(worst),
    "Only the last token's log-probability counts; a score is the sum over all.": like(
        last_only
    ),
    "Each beam keeps only its own best continuation; the best of all candidates, over "
    "all beams, should stay.": like(greedy_twins),
    "The ids should begin with the prompt.": without_prompt,
    "The right texts, but not the best first.": lambda got, expected, *args: (
        same_texts(got, expected)
        and [s for s, _ in got] != sorted((s for s, _ in got), reverse=True)
    ),
    "The right texts with other scores: the sum of "
    "the new tokens' log-probabilities.": (
        lambda got, expected, *args: same_texts(got, expected)
    ),
    "There should be `width` texts, or all where there are fewer.": (
        lambda got, expected, *args: len(got) != len(expected)
    ),
    "A better text was lost on the way.": lambda got, expected, *args: (
        max(s for s, _ in got) < expected[0][0] - 1e-9
    ),
}


def table(seed, n_vocab):
    """A model: what follows depends on the last token alone."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(n_vocab, 0.8), n_vocab)

    def log_probs(ids):
        return np.log(p[ids[-1]])

    log_probs.shown = f"table({seed}, {n_vocab})"
    return log_probs


def trap():
    """Greedy decoding goes to 1, and then has nothing good left."""
    p = np.array([[0.1, 0.5, 0.4], [0.34, 0.33, 0.33], [0.02, 0.03, 0.95]])

    def log_probs(ids):
        return np.log(p[ids[-1]])

    log_probs.shown = "trap()"
    return log_probs


def cases():
    for width in 1, 2, 3:
        for n_new in 1, 2, 3:
            yield trap(), [0], width, n_new
    yield table(0, 2), [0], 5, 2
    yield table(1, 3), [2, 1], 4, 3
    yield table(2, 5), [0], 3, 4
    yield table(3, 4), [1], 2, 6
    yield table(4, 3), [1], 2, 0
