"""Strategies: rows of logits, contexts, configs and models for tests of your own.

A test by example asks whether one input gives one output. A property says what holds
for every input, and hypothesis looks for an input that breaks it, then for the smallest
one. The checks of this kit have a bank of rows of their own (rows.py); these strategies
are for ``@given``, and for ``rows=``, ``context=``, ``models=`` of the checks.

>>> from hypothesis import given
>>> @given(logits(5))
... def top_2_keeps_two_or_ties(row):
...     ...

Next: properties.py.
"""

import math

import numpy as np
from hypothesis import strategies as st

from ..decoding.config import GenerationConfig
from .table_lm import TableLM

INF = float("inf")
# Kinds of rows on which samplers break: ordinary, ties, removed tokens, extremes.
ELEMENTS = {
    "ordinary": st.integers(-2048, 2048).map(lambda i: i / 256),
    "ties": st.sampled_from([-1.0, 0.0, 2.0]),
    "removed": st.sampled_from([-INF, -INF, 0.5, 1.0, 3.0]),
    "extremes": st.sampled_from([-1e4, -100.0, 0.0, 100.0, 1e4]),
    "lone": st.just(-INF),
}


@st.composite
def logits(draw, n_vocab=None, kinds=tuple(ELEMENTS), dtypes=(np.float32, np.float64)):
    """Rows of logits ``[n_vocab]`` with something to choose from. ``kinds``: which of
    "ordinary", "ties", "removed", "extremes", "lone" (one token left)."""
    n = draw(st.integers(1, 12)) if n_vocab is None else n_vocab
    elements = ELEMENTS[draw(st.sampled_from(kinds))]
    row = draw(st.lists(elements, min_size=n, max_size=n))
    if max(row) == -INF:
        row[draw(st.integers(0, n - 1))] = draw(ELEMENTS["ordinary"])
    return np.array(row, draw(st.sampled_from(dtypes)))


@st.composite
def bad_logits(draw, n_vocab=None):
    """Rows from which nothing can be drawn: with NaN, with +inf, or all -inf."""
    row = draw(logits(n_vocab))
    wrong = draw(st.sampled_from([math.nan, INF, -INF]))
    where = slice(None) if wrong == -INF else draw(st.integers(0, len(row) - 1))
    row[where] = wrong
    return row


def contexts(n_vocab, max_size=12):
    """Lists of token ids, some with many repeats."""
    few = st.integers(0, min(2, n_vocab - 1))
    every = st.integers(0, n_vocab - 1)
    return st.one_of(*(st.lists(e, max_size=max_size) for e in (few, every)))


SETTINGS = {
    "temperature": st.sampled_from([0.5, 0.9, 1.0, 2.0]),
    "dynatemp_range": st.sampled_from([0.0, 0.4]),
    "top_k": st.integers(0, 6),
    "top_p": st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    "min_p": st.sampled_from([0.0, 0.1, 1.0]),
    "typical_p": st.sampled_from([0.0, 0.5, 1.0]),
    "epsilon_cutoff": st.sampled_from([0.0, 0.05, 1.0]),
    "eta_cutoff": st.sampled_from([0.0, 0.05, 1.0]),
    "top_n_sigma": st.sampled_from([None, 0.0, 1.0]),
    "top_h": st.sampled_from([None, 0.0, 0.5]),
    "xtc_probability": st.sampled_from([0.0, 0.5, 1.0]),
    "repetition_penalty": st.sampled_from([0.5, 1.0, 1.3]),
    "frequency_penalty": st.sampled_from([-0.5, 0.0, 0.5]),
    "presence_penalty": st.sampled_from([-0.5, 0.0, 0.5]),
    "dry_multiplier": st.sampled_from([0.0, 1.0]),
    "renormalize_logits": st.booleans(),
    "chain": st.sampled_from(["hf", "llama.cpp"]),
}


@st.composite
def configs(draw, **fixed):
    """GenerationConfigs that sample, with up to four settings away from their
    defaults, and those of ``fixed``."""
    names = draw(st.lists(st.sampled_from([*SETTINGS]), max_size=4, unique=True))
    drawn = {name: draw(SETTINGS[name]) for name in names}
    settings = {"do_sample": True, **drawn, **fixed}
    if settings.get("chain") == "llama.cpp" and settings.get("dry_multiplier"):
        # Its breakers are texts, which only a tokenizer turns into ids.
        settings.setdefault("dry_sequence_breakers", [])
    return GenerationConfig(**settings)


@st.composite
def tiny_models(draw, n_vocab=3, n_back=1, eos_token_id=None):
    """TableLMs over a few tokens, ties and extremes included."""
    size = (n_vocab,) * (n_back + 1)
    flat = draw(logits(math.prod(size), ("ordinary", "ties"), (np.float64,)))
    return TableLM(flat.reshape(size), eos_token_id=eos_token_id)
