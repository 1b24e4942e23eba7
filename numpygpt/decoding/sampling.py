"""From a row of logits to one exact distribution, and one draw from it.

`distribution` does everything that happens to the logits and returns the probabilities
of the next token, exactly: no random number is used. `sample_token` turns probabilities
into a token with one uniform random number. Keeping the two apart makes sampling
testable: the distribution is compared with arithmetic, the draws with the distribution.

Each returned sequence draws from a stream of its own (plumbing/seeds.py), so it never
depends on what is generated beside it.

Try: draw 1,000 times from ``[0.5, 0.3, 0.2]`` and count.

Next: generate.py.
"""

import numpy as np

from ..layers import softmax
from .plumbing.checks import check_rows, check_step
from .rules.exact import coins, refuse
from .rules.table import Step, known, steps_of


def chain(config, n_prompt=0, rng=None, batch_id=0):
    """The steps from raw logits to those that are drawn from, as a list of functions
    ``step(logits, context) -> logits``: what ``config`` asks for, in the order of
    ``config.chain``. rules/table.py has them all.

    ``context`` is the ids so far, the first ``n_prompt`` of them the prompt's. Every
    sequence has a chain of its own, since a step may keep a state or draw from the
    sequence's ``rng``; ``copy.deepcopy`` makes an independent one.
    """
    return [
        e if callable(e) else Step(e, known(config, n_prompt, rng, batch_id))
        for e in steps_of(config)
    ]


def process(logits, context, steps):
    """Run a chain over one row of logits, and look at what each step returns."""
    logits = check_rows(logits, "the model's logits")
    context, shape = np.asarray(context, np.int64), logits.shape
    for step in steps:
        logits = step(logits, context)
        check_step(logits, shape, getattr(step, "name", None) or f"the step {step!r}")
    return logits


def distribution(logits, context=(), config=None, n_prompt=0):
    """The exact probabilities of the next token, float64 ``[n_vocab]``: the softmax of
    the processed logits when sampling, all on the largest when not. Settings that need
    more than a row of logits (a search, a constraint, a guided model, mirostat) raise a
    ValueError. Those that only end a text, or speed it up by drafts, change nothing.

    >>> from numpygpt import GenerationConfig
    >>> half = GenerationConfig(do_sample=True, top_k=2)
    >>> distribution(np.log([0.6, 0.2, 0.1, 0.1]), (), half).round(2).tolist()
    [0.75, 0.25, 0.0, 0.0]
    """
    if config is None:
        return probabilities(process(logits, context, []))
    refuse(config)
    mixture = 0.0
    for share, rng in coins(config):  # one case, of share 1, unless xtc is on
        row = process(logits, context, chain(config, n_prompt, rng))
        mixture += share * target(row, config)
    return mixture


def target(row, config):
    """What the next token is drawn from, given its processed logits."""
    if config.do_sample:
        return probabilities(row)
    return point(int(np.argmax(row)), len(row))


def point(token, n_vocab):
    """The distribution that is all on one token."""
    p = np.zeros(n_vocab)
    p[token] = 1.0
    return p


def probabilities(row):
    """softmax in float64: the sums of small probabilities deserve the digits."""
    left = np.flatnonzero(row > -np.inf)
    if len(left) == len(row):  # picking all of 50,000 costs more than their softmax
        return softmax(row.astype(np.float64))
    p = np.zeros(len(row))
    p[left] = softmax(row[left].astype(np.float64))  # all others are 0, at no cost
    return p


def sample_token(p, rng):
    """One token from probabilities ``p``: the first whose cumulative sum exceeds a
    uniform number (the inverse of the distribution function)."""
    total = np.cumsum(p)  # a token of probability 0 adds nothing, so it is never hit
    at = np.searchsorted(total, rng.random() * total[-1], side="right")
    return int(at if at < len(p) else np.flatnonzero(p)[-1])  # the product may round up
