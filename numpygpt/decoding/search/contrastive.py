"""Contrastive search: likely, but not what has been said.

The most likely continuation of a text is, all too often, the text again. Contrastive
search takes the ``top_k`` likeliest tokens and looks one step ahead: what would the
hidden state be behind each? One that resembles a state that the text already had means
that the model is about to repeat itself. Chosen is

    argmax  (1 - alpha) * p(token) - alpha * max over the text of cosine(h(token), h)

with ``penalty_alpha`` for alpha; 0 is greedy decoding. Nothing is random, and yet the
text does not turn in circles. The price: every step runs all candidates.

Paper: Su et al., arXiv:2202.06417. The rules are transformers 4.49's; p is the
distribution after the rules, before any filter.

Try: penalty_alpha 0.6 and top_k 4, the paper's choice, where greedy decoding repeats.

Next: guidance.py.
"""

from typing import NamedTuple

import numpy as np

from ..generate import append, prefill
from ..sampling import probabilities, process
from .beam import best


def contrastive_search(model, prompts, config, seed):
    """See above. All candidates of all sequences go through the model in one pass."""
    check(config)
    sequences = live = prefill(model, prompts, config, seed)
    past = {id(s): _directions(s.hidden) for s in sequences}
    while live:
        logits = model.unembed(np.stack([s.hidden[-1] for s in live]))
        plans = [_plan(s, row, config) for s, row in zip(live, logits)]
        new = [[token] for plan in plans for token in plan.tokens]
        hidden = model.hidden(new, [cache for plan in plans for cache in plan.caches])
        for sequence, row, plan in zip(live, logits, plans):
            ahead, hidden = hidden[: len(plan.tokens)], hidden[len(plan.tokens) :]
            i = rank(plan.p, ahead, past[id(sequence)], config.penalty_alpha)
            sequence.cache, sequence.hidden = plan.caches[i], ahead[i : i + 1]
            seen = past[id(sequence)], _directions(sequence.hidden)
            past[id(sequence)] = np.concatenate(seen)
            append(sequence, plan.tokens[i], row, plan.scores, config)
        yield sequences
        live = [s for s in live if not s.done]


def check(config):
    """Raise a ValueError if the config does not go with contrastive search."""
    if not config.top_k:
        raise ValueError(
            "penalty_alpha: contrastive search ranks the top_k most likely tokens: set "
            "top_k (4 to 8 in the paper)"
        )
    if config.do_sample:
        raise ValueError(
            "penalty_alpha: contrastive search does not sample: set do_sample=False "
            "(on the command line --no-do-sample)"
        )


def rank(p, ahead, past, alpha):
    """The candidate to take, from the probabilities ``p [k]``, the hidden states behind
    the candidates ``[k, n_embd]`` and the directions of all earlier ones."""
    similarity = (_directions(ahead) @ past.T).max(axis=1)
    return int(np.argmax((1 - alpha) * p - alpha * similarity))


class Plan(NamedTuple):
    """One step of one sequence: the candidates, best first, and a cache for each."""

    tokens: list
    p: np.ndarray
    scores: np.ndarray  # the processed logits of all tokens
    caches: list


def _plan(sequence, row, config):
    scores = process(row, sequence.ids, sequence.chain)
    tokens = best(scores, config.top_k).tolist()
    caches = [sequence.cache, *(sequence.cache.fork() for _ in tokens[1:])]
    return Plan(tokens, probabilities(scores)[tokens], scores, caches)


def _directions(hidden):
    """Rows of length one, so that a product of two is their cosine."""
    return hidden / np.linalg.norm(hidden, axis=-1, keepdims=True)
