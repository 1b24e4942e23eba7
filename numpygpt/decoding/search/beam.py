"""Beam search: keep the W best texts so far, not just one.

Greedy decoding takes the most likely token and cannot take it back, even where it leads
into a dead end. Looking at every text is out of the question: there are n_vocab ** n. A
beam search keeps the W best beginnings ("beams"), continues each by every token, and
keeps the best W of these W * n_vocab. The score of a text is the sum of the logarithms
of its tokens' probabilities, so the best beam is the likeliest text found.

A text that ends leaves the beam and waits among the finished. These are compared by
``sum / length ** length_penalty``; the length counts the new tokens, without the
prompt. Every token adds a negative number, so with 0 short texts win. 1 compares the
mean a token. Despite its name, a larger penalty favours longer texts: it divides a
negative sum by more. When to stop is the search's other question:

- ``early_stopping=True``: when W texts have finished;
- ``False``: when W have, and the best beam, were it to end now, would be no better than
  the worst of them. It could still get better, so this is a rule of thumb;
- ``"never"``: when no beam can get better any more, whatever follows.

The rules are transformers 4.57's, to the token. Where we depart: a beam that cannot
exist (fewer than W beginnings do) is dropped, where transformers keeps it with a score
of -1e9 and returns texts twice; so fewer rows than ``num_return_sequences`` come back
when there are no more texts; and when sampling, a filter may leave a beam one token,
where transformers makes it leave two. A beam that the rules leave no token is dropped,
there as here (there an empty answer of ``prefix_allowed_tokens_fn`` is an error all the
same); here it is an error when no beam is left. ``patience`` waits for ``W * patience``
finished texts (Kasai et al., arXiv:2204.05424).

With ``do_sample`` the candidates are drawn, without replacement. Two relatives with a
step of their own: `diverse_step` and `stochastic_step`. In every result, ``notes`` is
the tree that the search grew: for each step a list of ``(parent, token, score, fate)``,
the best score first, the parent a number among the "kept" of the step before.

Try: a wider beam finds likelier texts. Are they better ones? (Holtzman et al.,
arXiv:1904.09751, show where the likeliest text leads.)

Next: speculative.py.
"""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from ...layers import log_softmax
from ..generate import decode_step, prefill
from ..plumbing.checks import NothingLeft
from ..sampling import process


@dataclass
class Group:
    """Beams that compete with each other. One group a prompt, or several."""

    live: list  # the beams, best first
    width: int
    finished: list = field(default_factory=list)  # best first, never more than `wanted`
    done: bool = False
    dead_end: Exception | None = None  # which rule last left a beam no token


def beam_search(model, prompts, config, seed):
    """See above. Yields once, at the end: until then any beam may still win."""
    yield from _search(model, prompts, config, seed, best_step)


def diverse_beam_search(model, prompts, config, seed):
    """``num_beam_groups`` groups that avoid each other's tokens: see `diverse_step`."""
    yield from _search(model, prompts, config, seed, diverse_step)


def stochastic_beam_search(model, prompts, config, seed):
    """``num_beams`` different texts, drawn: see `stochastic_step`."""
    yield from _search(model, prompts, config, seed, stochastic_step)


def _search(model, prompts, config, seed, step):
    """The loop. All beams of all prompts go through the model in one pass."""
    check(config)
    families = []
    for root in prefill(model, prompts, replace(config, num_return_sequences=1), seed):
        root.score = 0.0
        n = config.num_beam_groups
        twins = [replace(root, cache=root.cache.fork(), notes=[]) for _ in range(1, n)]
        families.append([Group([r], config.num_beams // n) for r in (root, *twins)])
    while going := [f for f in families if not all(group.done for group in f)]:
        live = [beam for family in going for beam in _live(family)]
        logits = model.unembed(np.stack([beam.hidden[-1] for beam in live]))
        for family in going:
            n_rows = len(_live(family))
            step(family, logits[:n_rows], config)
            logits = logits[n_rows:]
        decode_step(model, [beam for family in going for beam in _live(family)])
    for family in families:
        if not _finished(family):  # every beam ran into a dead end
            raise family[0].dead_end or NothingLeft("no beam has a token left")
    best = [sorted(_finished(f), key=lambda text: -text.score) for f in families]
    yield [text for texts in best for text in texts[: config.num_return_sequences]]


def check(config):
    width, n = config.num_beams, config.num_beam_groups
    if config.num_return_sequences > width:
        raise ValueError(
            f"num_return_sequences must be at most num_beams, {width}, not "
            f"{config.num_return_sequences}"
        )
    if width % n:
        raise ValueError(f"num_beam_groups must divide num_beams, {width}, not {n}")
    for name, off in ("mirostat", 0), ("adaptive_target", None):
        if getattr(config, name) not in (None, off):
            raise ValueError(
                f"{name} must be {off} in a beam search: it steers one text by what "
                "was drawn, and beams are cut and branched"
            )


def _live(family):
    return [beam for group in family if not group.done for beam in group.live]


def _finished(family):
    return [text for group in family for text in group.finished]


def best_step(family, logits, config):
    """Continue every beam by every token, keep the best. ``logits``: a row a beam."""
    [group] = family
    _advance(group, _look(group, logits), config)


def diverse_step(family, logits, config):
    """The groups choose one after another; a token costs ``diversity_penalty`` for each
    time that an earlier group has just chosen it.

    Vijayakumar et al., arXiv:1610.02424. The cost stays in the score, and the finished
    texts of all groups are ranked together, as in transformers 4.49; the padding of a
    group that is done costs nothing, which is not as there.
    """
    chosen = np.zeros(logits.shape[-1], logits.dtype)
    for group in family:
        if not group.done:
            own, logits = logits[: len(group.live)], logits[len(group.live) :]
            cost = config.diversity_penalty * chosen
            children = _advance(group, _look(group, own, cost), config)
            tokens = [child.ids[-1] for child in children]
            going_on = [t for t in tokens if t not in config.eos_token_ids]
            np.add.at(chosen, going_on[: group.width], 1)


def stochastic_step(family, logits, config):
    """Draw W texts without replacement, in proportion to their probability (Kool et
    al., arXiv:1903.06059).

    Add Gumbel noise to the log-probability of every text there is, take the W largest
    sums: that is such a draw. The largest sum below a beam is Gumbel distributed too,
    so noise can be drawn from the top of the tree down: a beam's score is the largest
    sum below it, and its children's scores are drawn given that this is their maximum.
    The finished stay in the race. A text's log-probability is the sum of its
    ``logprobs``.
    """
    [group] = family
    rows = _look(group, logits)
    with np.errstate(invalid="ignore"):  # a dead end's row becomes NaN: see below
        rows = rows._replace(scores=log_softmax(rows.scores.astype(np.float64)))
    rng = group.live[0].rng
    sums = np.array([[sum(beam.logprobs)] for beam in group.live]) + rows.scores
    noisy = sums + rng.gumbel(size=sums.shape)
    if len(group.live[0].ids) == group.live[0].n_prompt:
        group.live[0].score = rng.gumbel()
    wanted = np.array([[beam.score] for beam in group.live])
    # Shift the noise so that each row's maximum is the wanted one (appendix B.3).
    with np.errstate(divide="ignore", invalid="ignore"):
        v = np.log1p(-np.exp(noisy - noisy.max(axis=1, keepdims=True))) + wanted - noisy
    totals = wanted - np.maximum(v, 0) - np.log1p(np.exp(-np.abs(v)))
    totals[np.isnan(totals)] = -np.inf
    found = best(totals, group.width)
    children = _children(group, rows, totals, found, config)
    texts = sorted(children + group.finished, key=lambda text: -text.score)
    texts = texts[: group.width]
    group.finished = [text for text in texts if text.done]
    _go_on(group, [text for text in texts if not text.done], found, totals, children)
    group.done = not group.live


class Rows(NamedTuple):
    """What there is to know of the next tokens; each ``[n_live, n_vocab]``."""

    logits: np.ndarray  # the model's
    logprobs: np.ndarray  # the model's
    scores: np.ndarray  # log-probabilities after all rules: those that count


def _look(group, logits, cost=0):
    logprobs = log_softmax(logits)
    rows = [_scored(group, *pair) for pair in zip(group.live, logprobs - cost)]
    return Rows(logits, logprobs, np.stack(rows))


def _scored(group, beam, row):
    """Where the rules leave a beam no token, all its scores are -inf: it has no
    children, and the search goes on with the others."""
    try:
        return process(row, beam.ids, beam.chain)
    except NothingLeft as error:
        group.dead_end = error
        return np.full_like(row, -np.inf)


def _advance(group, rows, config):
    """From the beams to their best continuations, by the rules at the top. Returns all
    candidates."""
    totals = rows.scores + np.array([[beam.score] for beam in group.live])
    # Enough candidates that W go on, even if the best token of every beam ends it.
    n = max(2, 1 + len(config.eos_token_ids)) * group.width
    found = drawn(totals, n, group.live[0].rng) if config.do_sample else best(totals, n)
    children = _children(group, rows, totals, found, config)
    ended = [c for c in children[: group.width] if c.done]  # the others do not count
    for text in ended:
        text.score /= (len(text.ids) - text.n_prompt) ** config.length_penalty
    finished = sorted(group.finished + ended, key=lambda text: -text.score)
    group.finished = finished[: _n_wanted(group, config)]
    live = sorted([c for c in children if not c.done], key=lambda c: -c.score)
    _go_on(group, live[: group.width], found, totals, children)
    group.done = _is_over(group, config)
    return children


def _n_wanted(group, config):
    """How many texts have to finish."""
    wanted = min(group.width * config.patience, 1e9)  # more than ever finish
    return max(int(wanted), 1)


def _is_over(group, config):
    if not group.live:
        return True
    if len(group.finished) < _n_wanted(group, config):
        return False
    if config.early_stopping is True:
        return True
    beam, worst = group.live[0], group.finished[-1].score
    n_new = len(beam.ids) - beam.n_prompt
    if config.early_stopping == "never" and config.length_penalty > 0:
        n_new = beam.limit - beam.n_prompt  # the sum can only fall, the length may help
    return beam.score / n_new**config.length_penalty <= worst


def best(totals, n):
    """Where the ``n`` largest of ``totals`` are, best first; -inf is nowhere."""
    totals = totals.ravel()
    n = min(n, len(totals))
    top = np.argpartition(totals, len(totals) - n)[len(totals) - n :]
    top = top[np.lexsort((top, -totals[top]))]
    return top[totals[top] > -np.inf]


def drawn(totals, n, rng):
    """``n`` draws without replacement from ``softmax(totals)``, in the order drawn: the
    largest after adding Gumbel noise."""
    return best(totals + rng.gumbel(size=totals.shape), n)


def _children(group, rows, totals, found, config):
    """The texts that the search goes on with, from their places in ``totals``."""
    children = []
    for parent, token in zip(*np.unravel_index(found, totals.shape)):
        beam, token = group.live[parent], int(token)
        child = replace(
            beam,
            ids=[*beam.ids, token],
            score=float(totals[parent, token]),
            logprobs=[*beam.logprobs, float(rows.scores[parent, token])],
            model_logprobs=[*beam.model_logprobs, float(rows.logprobs[parent, token])],
        )
        if config.output_scores:
            child.scores = [*beam.scores, rows.scores[parent]]
        if config.output_logits:
            child.logits = [*beam.logits, rows.logits[parent]]
        child.done = any(stop(child.ids) for stop in child.stops)
        if child.done:
            child.cache = None  # nothing will be added: let go of the memory
        children.append(child)
    return children


def _go_on(group, live, found, totals, children):
    """Go on with these beams. The first child of a beam inherits its cache, the others
    get a copy: of the rows behind the prompt, which all share."""
    inherited = set()
    for beam in live:
        if id(beam.cache) in inherited:
            beam.cache = beam.cache.fork()
        inherited.add(id(beam.cache))
    fates = {id(c): "kept" for c in live} | {id(c): "finished" for c in group.finished}
    fates = [fates.get(id(child), "dropped") for child in children]
    parents, tokens = np.unravel_index(found, totals.shape)
    scores = totals[parents, tokens].tolist()
    step = zip(parents.tolist(), tokens.tolist(), scores, fates)
    group.live[0].notes.append(sorted(step, key=lambda note: -note[2]))
    group.live = live
