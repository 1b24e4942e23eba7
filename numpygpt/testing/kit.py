"""Property-test a sampler: strategies, properties, and checks that run them.

A test by example asks whether one input gives one output. A property says what holds
for every input (a filter never revives a removed token), and a program looks for an
input that breaks it, then for the smallest one. hypothesis is that program; this module
is the only one that needs it.

    check_filter(f)     f(logits) -> logits
    check_sampler(f)    f(logits, rng) -> a token
    check_decoder(f)    f(model, prompt, n_new, seed) -> the ids, prompt included

Each raises an AssertionError that names the property and shows the smallest example
that breaks it. `PROPERTIES_OF_FILTERS` lists those of filters.

>>> from numpygpt.decoding import top_p
>>> check_filter(lambda logits: top_p(logits, 0.9), "upper set")
>>> check_sampler(lambda logits, rng: int(logits.argmax()))  # doctest: +ELLIPSIS
Traceback (most recent call last):
AssertionError: (24) a row without a choice is a ValueError: for [...]: it returned 0
>>> positive = lambda logits: np.where(logits > 0, logits, -np.inf)
>>> check_filter(positive, skip=[0])  # doctest: +ELLIPSIS
Traceback (most recent call last):
AssertionError: (2) at least one token survives: for [...]: nothing is left

The pieces are there for tests of your own: strategies for logits, contexts, configs and
models, and a goodness-of-fit test whose false alarms are one in ten million.

Try: write top_k with ``>`` for ``>=`` and let `check_filter` find it.
"""

import copy
import math
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from ..decoding.config import GenerationConfig
from ..decoding.sampling import probabilities
from .table_lm import TableLM, TokenCache, enumerate_sequences

__all__ = [
    "PROPERTIES_OF_FILTERS", "TableLM", "TokenCache", "bad_logits", "check_decoder",
    "check_filter", "check_law", "check_sampler", "configs", "contexts",
    "enumerate_sequences", "logits", "tiny_models",
]  # fmt: skip

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
    return GenerationConfig(**{"do_sample": True, **drawn, **fixed})


@st.composite
def tiny_models(draw, n_vocab=3, n_back=1, eos_token_id=None):
    """TableLMs over a few tokens, ties and extremes included."""
    size = (n_vocab,) * (n_back + 1)
    flat = draw(logits(math.prod(size), ("ordinary", "ties"), (np.float64,)))
    return TableLM(flat.reshape(size), eos_token_id=eos_token_id)


# Properties of a filter. Each gets the filter and a row, and returns what is wrong.


def _same_shape(f, row):
    out = f(row)
    if out.shape != row.shape or out.dtype != row.dtype:
        return f"it is {out.dtype} {list(out.shape)}"


def _survivors_unchanged(f, row):
    out = f(row)
    if not np.array_equal(out[out > -INF], row[out > -INF]):
        return f"it is {out.tolist()}"


def _one_survives(f, row):
    if not np.isfinite(f(row)).any():
        return "nothing is left"


def _none_revived(f, row):
    if np.isfinite(f(row))[row == -INF].any():
        return f"it is {f(row).tolist()}"


def _input_untouched(f, row):
    before = row.copy()
    f(row)
    if not np.array_equal(row, before):
        return f"the row is now {row.tolist()}"


def _permutes(f, row):
    finite = row[row > -INF]
    if len(np.unique(finite)) == len(finite):  # ties may go by position
        back = row[::-1].copy()
        return _differ(f(back)[::-1], f(row), "backwards")
    return None


def _shifts(f, row):
    if np.abs(row[row > -INF]).max() <= 8:  # where adding 4 rounds nothing
        return _differ(f(row + 4), f(row), "with 4 added to every logit")
    return None


def _batch(f, row):
    rows = np.stack([row, row[::-1], row / 2 - 3])
    return _differ(f(rows), np.stack([f(r) for r in rows]), "as one of three rows")


def _stays_finite(f, row):
    p = probabilities(f(row))
    if not (np.isfinite(p).all() and abs(p.sum() - 1) < 1e-9):
        return f"the probabilities are {p.tolist()}"


def _upper_set(f, row):
    left = np.isfinite(f(row))
    if row[left].max() < row.max():
        return "the best token is gone"
    if not left.all() and row[~left].max() > row[left].min():
        return f"kept {row[left].tolist()}, removed {row[~left].tolist()}"


def _differ(a, b, how):
    with np.errstate(invalid="ignore"):  # nothing left at all gives NaN, and differs
        p, q = (np.exp(x - x.max(axis=-1, keepdims=True)) for x in (a, b))
    if not (np.array_equal(p > 0, q > 0) and np.allclose(p, q, rtol=1e-5, atol=0)):
        return f"{how} it is {a.tolist()}, else {b.tolist()}"


def _accepted(f, row):
    try:
        return f"it returned {np.asarray(f(row)).tolist()}"
    except ValueError:
        return None


def _no_token(f, row):
    token = f(row)
    return None if _is_token(token) else f"it returned {token!r}"


def _is_token(value):
    return hasattr(value, "__index__") and np.ndim(value) == 0


def _as_token(value):
    if not _is_token(value):
        raise AssertionError(f"(0) a token is an integer: {value!r} was drawn")
    return int(value)


def _impossible(f, row, law):
    token = int(f(row))
    if not law(row)[token] > 0:
        return f"it drew {token}"


def _not_again(f, row):
    tokens = f(row), f(row)
    if tokens[0] != tokens[1]:
        return f"it drew {tokens[0]}, then {tokens[1]}"


# number in the list of properties, what holds, test; for every filter ...
_ALL = (
    (0, "shape and dtype stay", _same_shape),
    (2, "at least one token survives", _one_survives),
    (3, "a removed token is never revived", _none_revived),
    (4, "the input is not written to", _input_untouched),
    (5, "permuting the vocabulary permutes the result", _permutes),
    (6, "adding a constant to all logits changes nothing", _shifts),
    (25, "several rows give what each gives alone", _batch),
    (26, "extreme logits give finite probabilities", _stays_finite),
)
# ... for those that remove and do not rescale; for those that remove from below.
_TRUNCATION = ((1, "what survives keeps its logit", _survivors_unchanged),)
_UPPER_SET = ((7, "the best tokens are kept", _upper_set),)
NO_CHOICE = (24, "a row without a choice is a ValueError", _accepted)
PROPERTIES_OF_FILTERS = {
    "any": _ALL,
    "truncation": _ALL + _TRUNCATION,
    "upper set": _ALL + _TRUNCATION + _UPPER_SET,
}


def check_filter(f, kind="truncation", rows=None, skip=()):
    """Run the properties of a filter ``f(logits) -> logits``.

    ``kind``: "any" (temperature), "truncation" (what stays keeps its logit), "upper
    set" (no removed token is likelier than a kept one). ``rows``: a strategy for rows,
    by default `logits`. ``skip``: numbers of properties that are not promised.
    """
    if kind not in PROPERTIES_OF_FILTERS:
        raise ValueError(
            f"kind must be one of {', '.join(PROPERTIES_OF_FILTERS)}, not {kind!r}"
        )
    tests = [p for p in PROPERTIES_OF_FILTERS[kind] if p[0] not in skip]
    _check_rows(rows, f, tests)
    _check(bad_logits(), f, [] if 24 in skip else [NO_CHOICE])


def check_sampler(f, law=probabilities, n_draws=5000, skip=()):
    """Run the properties of a sampler ``f(logits, rng) -> token``, and compare draws
    with the law.

    ``law(logits)``: the probabilities that it should draw with, by default softmax.
    ``skip``: numbers of properties that are not promised.
    """

    def drawn(row):
        return f(row, np.random.default_rng(0))

    tests = (
        (4, "the input is not written to", _input_untouched),
        (0, "a token is an integer", _no_token),
        (37, "only possible tokens are drawn", lambda f, row: _impossible(f, row, law)),
        (39, "the same seed draws the same token", _not_again),
    )
    _check_rows(None, drawn, [p for p in tests if p[0] not in skip])
    _check(bad_logits(), drawn, [] if 24 in skip else [NO_CHOICE])
    rng = np.random.default_rng(0)
    for row in ROWS_TO_DRAW_FROM:
        tokens = [_as_token(f(row, rng)) for _ in range(n_draws)]
        check_law(tokens, dict(enumerate(law(row))), f"of logits {row.tolist()}")


def check_decoder(f, config=None, n_draws=4000):
    """Run the properties of a whole decoder on tables as models:
    ``f(model, prompt, n_new, seed) -> the ids, prompt included``, and compare what it
    writes with the exact law of ``config`` (by default the model's own).

    For a decoder that draws token by token, or takes the best; not for beams.
    """

    def written(model, prompt, n_new, seed):
        return [int(i) for i in np.ravel(f(model, prompt, n_new, seed))]

    def other_prompt(_, case):
        ids = written(*case[:2], 2, case[2])
        return f"it wrote {ids}" if ids[: len(case[1])] != case[1] else None

    def other_text(_, case):
        ids = [written(*case[:2], 2, case[2]) for _ in range(2)]
        return f"it wrote {ids[0]}, then {ids[1]}" if ids[0] != ids[1] else None

    def no_prefix(_, case):
        two, three = (written(*case[:2], n, case[2]) for n in (2, 3))
        return f"{two} and {three}" if three[: len(two)] != two else None

    def impossible(_, case):
        ids = written(*case[:2], 2, case[2])
        law = enumerate_sequences(*case[:1], 2, case[1], config)
        return None if law.get(tuple(ids[len(case[1]) :])) else f"it wrote {ids}"

    models = st.sampled_from(
        [TableLM(t, eos_token_id=e) for t in TABLES for e in (2, None)]
    )
    prompts = st.sampled_from([[0], [1, 2], [2, 2, 2]])
    tests = (
        (0, "the prompt comes first", other_prompt),
        (37, "only possible texts are written", impossible),
        (39, "the same seed writes the same text", other_text),
        (47, "two new tokens are the first two of three", no_prefix),
    )
    _check(st.tuples(models, prompts, st.integers(0, 9)), f, tests)
    model = TableLM(TABLES[1], eos_token_id=2)
    texts = [tuple(written(model, [0], 3, seed)[1:]) for seed in range(n_draws)]
    law = enumerate_sequences(model, 3, [0], config)
    check_law(texts, law, f"of texts of {_show(model)}")


def check_law(outcomes, law, what=""):
    """A chi-square test: do these outcomes come from ``law``, ``{outcome: p}``?

    Rare outcomes are pooled until ten are expected. A right sampler fails less than
    once in 8 million times: with k cells beyond one, the statistic exceeds
    ``k + 2 * sqrt(16 * k) + 32`` with a probability below exp(-16) (Laurent & Massart,
    2000, lemma 1).
    """
    n, counts = len(outcomes), Counter(outcomes)
    impossible = [outcome for outcome in counts if not law.get(outcome)]
    if impossible:
        raise AssertionError(
            f"(37) draws follow the law: {what}: {impossible[0]} has probability 0 "
            "and was drawn"
        )
    cells, seen, expected = [], 0, 0.0
    for outcome, p in sorted(law.items(), key=lambda item: item[1]):
        seen, expected = seen + counts[outcome], expected + n * p
        if expected >= 10:
            cells.append((seen, expected))
            seen, expected = 0, 0.0
    statistic = sum((seen - e) ** 2 / e for seen, e in cells)
    k = max(1, len(cells) - 1)
    bound = k + 2 * math.sqrt(16 * k) + 32
    if statistic > bound:
        rows = ", ".join(f"{seen} for {e:.0f}" for seen, e in cells)
        raise AssertionError(
            f"(36) draws follow the law: {what}: of {n} draws, seen for expected: "
            f"{rows}; chi-square {statistic:.0f} where {bound:.0f} is plenty"
        )


# Tables to write from: every token alike; ordinary; nearly certain; with gaps.
TABLES = [
    np.zeros((3, 3)),
    np.log([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5]]),
    50 * np.eye(3)[[1, 0, 2]],
    np.array([[-INF, 0.0, 0.0], [2.0, -INF, 0.0], [0.0, 0.0, -INF]]),
]
ROWS_TO_DRAW_FROM = [
    np.zeros(3),
    np.array([2.0, 1.0, -INF, 0.0, -1.0]),
    np.array([-INF, 5.0, 0.0], np.float32),
    np.linspace(-3, 2, 20),
]


def _check_rows(rows, f, tests):
    """Look among these rows, or else among every kind of `logits` in its turn: of all
    together the rows of one kind may be few, since what is drawn resembles what was."""
    n = settings().max_examples
    if rows is not None:
        _check(rows, f, tests, max_examples=n)
        return
    for kind in ELEMENTS:
        n_kind = max(10, min(n // 2, 50), n // len(ELEMENTS))
        _check(logits(kinds=(kind,)), f, tests, max_examples=n_kind)


def _check(examples, f, tests, **how):
    """Look for an example for which one of the tests says what is wrong; raise an
    AssertionError with the smallest."""
    smallest = []

    @settings(deadline=None, database=None, report_multiple_bugs=False, **how)
    @given(examples)
    def search(example):
        for number, text, test in tests:
            try:
                wrong = test(f, copy.deepcopy(example))
            except Exception as error:
                wrong = f"{type(error).__name__}: {error}"
            if wrong:
                smallest[:] = [f"({number}) {text}: for {_show(example)}: {wrong}"]
                raise AssertionError

    try:
        search()
    except (AssertionError, Flaky):  # flaky: a seed that does not fix the result, say
        pass
    if smallest:
        raise AssertionError(smallest[0])


def _show(example):
    if isinstance(example, tuple):
        return ", ".join(map(_show, example))
    if isinstance(example, TableLM):
        return f"TableLM({example.table.round(3).tolist()})"
    return repr(example.tolist() if isinstance(example, np.ndarray) else example)
