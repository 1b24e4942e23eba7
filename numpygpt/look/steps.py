"""Step by step: what the model offered, what each link of the chain left of it, and
what was drawn.

`generate` is asked for the logits of every step; the chain is then run over them once
more, link by link. The last leaves exactly the scores that the token was drawn from.

Try: ``steps(model, ids, GenerationConfig(do_sample=True, top_p=0.5))``. At which steps
does one token stay? What have their contexts in common?

Next: beams.py.
"""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from ..decoding.constraints.plan import plan
from ..decoding.plumbing.settings import merge_config
from ..decoding.rules.table import STEPS
from ..decoding.rules.truncation import entropy
from ..decoding.sampling import chain, probabilities, process


class Link(NamedTuple):
    """What one link of the chain did at one step."""

    name: str  # with its setting
    before: np.ndarray  # [n_vocab], the probabilities before it
    left: np.ndarray  # the ids that can still be drawn
    removed: np.ndarray  # the ids that it removed
    mass: float  # the probability that these had before
    bits: float  # the entropy behind it


@dataclass(frozen=True)
class Step:
    """How one new token came about."""

    context: list  # the ids before it
    offered: np.ndarray  # [n_vocab], the model's probabilities
    links: list  # a `Link` for each link of the chain
    drawn_from: np.ndarray  # [n_vocab], the probabilities behind the chain
    token: int
    draft: str  # speculative decoding: "accepted", "refused", or ""


def steps(model, ids, config, seed=None):
    """Continue ``ids`` and tell each step: a list of `Step`, for the first continuation
    if there are several. A beam search has no steps of one text: see beams.py."""
    if config.num_beams > 1 or config.penalty_alpha is not None:
        raise ValueError(
            "steps needs num_beams 1 and no penalty_alpha: a beam search compares "
            "whole texts (see beams), contrastive search ranks hidden states"
        )
    config = merge_config(model.generation_config, config, {})
    out = model.generate(
        ids, replace(config, return_dict_in_generate=True, output_logits=True,
                     output_scores=True), seed=seed,
    )  # fmt: skip
    text = out.sequences[0, : out.lengths[0]].tolist()
    planned = plan([*ids], config, model.config.n_ctx)
    n_prompt = len(planned.ids)
    rows = [(logits[0], scores[0]) for logits, scores in zip(out.logits, out.scores)]
    rows = rows[: len(text) - n_prompt]
    drafts = _drafts(out.notes[0], len(rows), config)
    chains = _chains(planned, len(ids), config)
    found = []
    for n, (logits, scores) in enumerate(rows, n_prompt):
        links = _links(logits, text[:n], chains, scores)
        end = probabilities(scores) if config.do_sample else _all_on(scores)
        offered = probabilities(logits)
        found.append(Step(text[:n], offered, links, end, text[n], drafts[n - n_prompt]))
    return found


def _all_on(scores):
    """Greedy: everything on the largest."""
    p = np.zeros(len(scores))
    p[np.argmax(scores)] = 1
    return p


def _chains(planned, n_prompt, config):
    """The chain twice: with xtc acting and not. It alone acts by chance; which it was
    shows in the scores. Each link is ``(name, function)``."""
    chains = []
    for coin in 0.0, 1.0:
        rng = SimpleNamespace(random=lambda coin=coin: coin)
        links = [(label(step, config), step) for step in chain(config, n_prompt, rng)]
        chains.append([("constraint", mask) for mask in planned.masks] + links)
    return chains


def label(step, config):
    """A step's name with its settings, as in ``top_p 0.9``."""
    name = getattr(step, "name", None)
    if name is None:
        return getattr(step, "__name__", type(step).__name__)
    settings = [s for s in STEPS[name].settings if getattr(config, s.name) != s.default]
    return ", ".join(f"{s.name} {getattr(config, s.name)}" for s in settings)


def _links(logits, context, chains, scores):
    """What every link did, of the chain that leads to these scores."""
    for links in chains:
        row = process(logits, context, [])
        traced = []
        for name, link in links:
            before, row = row, process(row, context, [link])
            traced.append(_traced(name, before, row))
        if np.array_equal(row, scores):
            return traced
    return traced


def _traced(name, before, row):
    p = probabilities(before)
    removed = np.flatnonzero((before > -np.inf) & (row == -np.inf))
    left = np.flatnonzero(row > -np.inf)
    bits = abs(float(entropy(probabilities(row)) / np.log(2)))  # not -0.0
    return Link(name, p, left, removed, float(p[removed].sum()), bits)


def _drafts(notes, n_new, config):
    """For each new token, what became of a guess at it; a pass over k guesses, a of
    them accepted, gives a + 1 tokens, the first of all tokens belongs to no pass."""
    if config.assistant_model is None and not config.prompt_lookup_num_tokens:
        return [""] * n_new
    fates = [""]
    for guessed, accepted in notes:
        fates += ["accepted"] * accepted + ["refused" if accepted < guessed else ""]
    return (fates + [""] * n_new)[:n_new]
