"""check_filter: is this filter right, on every row we can think of?

Best give it the law, a reference ``logits -> probabilities`` that you trust (slow and
plain): then what the filter leaves is compared with it, row for row, without a draw,
and nothing gets through that changes a probability. Without a reference there are still
properties that every filter of a kind has.

>>> from numpygpt import GenerationConfig
>>> from numpygpt.decoding import distribution, top_p
>>> nine = GenerationConfig(do_sample=True, top_p=0.9)
>>> nucleus = lambda z: top_p(z, 0.9)
>>> report = check_filter(nucleus, law=lambda z: distribution(z, (), nine))
>>> report = check_filter(nucleus, "upper set")                  # without a law
>>> positive = lambda z: np.where(z > 0, z, -np.inf)
>>> check_filter(positive, "truncation")  # doctest: +ELLIPSIS
Traceback (most recent call last):
AssertionError: 'something left': at least one token survives
for:
    row = np.array([0.0])
nothing is left...
"""

import numpy as np

from .batches import speaks_of_rows
from .compare import REMOVED, STEP, difference, probabilities
from .pace import paced
from .properties import PROPERTIES, Run, n_examples
from .report import Broken, as_code, call, failure
from .rows import contexts_to_try, hard_rows, ordinary_rows
from .search import broken_rows_of, examples_of
from .shrink import smaller

__tracebackhide__ = True

BASIC = ("shape", "precision", "finite", "something left")
ALWAYS = (*BASIC, "dtype", "never revived", "same again")
KINDS = {
    "any": (),
    "truncation": ("kept logits", "permutation", "shift"),
    "upper set": ("kept logits", "best kept", "permutation", "shift"),
}


def check_filter(
    f, kind=None, *, law=None, ties="any", context=None, skip=(), rows=None, also=(),
    batch=None, broken_rows=False, seed=0, time_limit=30,
):  # fmt: skip
    """Look for a row of logits on which the filter ``f(logits) -> logits`` is wrong.

    kind: "truncation" (what stays keeps its logit), "upper set" (and no removed token
        is likelier than a kept one) or "any"; None and "any" find out on ordinary rows
        what the filter does there, and then ask the same of the hard ones.
    law: a reference ``logits -> probabilities``; with ``context``, ``(logits, context)
        -> probabilities``. Compared on every row, up to what float32 can decide.
    ties: "any" takes every choice among equal logits at a border for right, "exact"
        wants the law's own.
    context: for a rule that looks at the text, ``f(logits, context)``: True for a bank
        of contexts, or a list or a strategy of them.
    rows: rows of your own, a list or a strategy, in place of the bank.
    batch: True wants ``[n_row, n_vocab]`` to work, row by row; None looks whether the
        code of ``f`` speaks of rows (`batches.speaks_of_rows`); False does not ask.
    skip, also: names of `PROPERTIES`, to leave out or to add.

    Returns a `Report`; raises an AssertionError with the smallest example.
    """
    check_kind(kind, ties)
    run = Run("filter", skip, [*also, *["broken rows"] * bool(broken_rows)], seed)
    subject = Subject(f, law, ties, context is not None, time_limit)
    try:
        names = _names(run, subject, kind)
        _batch(run, subject, batch)
        n, first = _search(run, subject, names, rows, context)
        if law is not None and n and not subject.n_laws:
            raise ValueError("law is a ValueError on every row: law(row) cannot be had")
        _again(run, subject, first)
        if run.has("broken rows"):
            broken_rows_of(run, lambda row: subject.raw(row, None), "broken rows")
    except Broken as broken:
        text = PROPERTIES[broken.name].text
        raise failure(broken, text, seed) from broken.cause
    for name in ("no crash", "input untouched", *names):
        if run.has(name):
            run.passed(name, f"on {n} rows")
    return run.report


def check_kind(kind, ties):
    if kind not in (None, *KINDS):
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    if ties not in ("any", "exact"):
        raise ValueError(f'ties must be "any" or "exact", not {ties!r}')


class Subject:
    """The filter under test, and the law that it should have."""

    def __init__(self, f, law, ties, with_context, seconds):
        self.f, self.law, self.ties, self.seconds = f, law, ties, seconds
        self.with_context, self.n_laws = with_context, 0

    def raw(self, row, context):
        """What the filter returns; it may not write to what it is given."""
        example = example_of(row, context)
        given, text = row.copy(), None if context is None else list(context)
        args = (given, text) if self.with_context else (given,)
        out = call(self.f, *args, seconds=self.seconds, example=example)
        if not np.array_equal(given, row, equal_nan=True) or text != context:
            now = f"the row is now {as_code(given)}"
            raise Broken("input untouched", now, example)
        return out.copy() if isinstance(out, np.ndarray) else out

    def out(self, row, context):
        return as_float64(self.raw(row, context))

    def p(self, row, context):
        """The probabilities that are left."""
        out = self.out(row, context)
        if out.shape != row.shape or not np.isfinite(out.max()):
            raise Broken(
                "finite", f"it returns {as_code(out)}", example_of(row, context)
            )
        return probabilities(out)

    def has_law(self, row, context):
        """A rule may ban every token; then the law is a ValueError, and there is
        nothing to compare."""
        try:
            self.reference(row, context)
        except ValueError as error:
            if "law must return" in str(error):
                raise
            return False
        self.n_laws += 1
        return True

    def reference(self, row, context):
        args = (row.copy(), list(context)) if self.with_context else (row.copy(),)
        return law_of(self.law, *args)


def law_of(law, *args):
    """The probabilities of a reference, if they are some."""
    q = as_float64(law(*args))
    if q.shape != args[0].shape or not (q >= 0).all() or abs(q.sum() - 1) > 1e-3:
        raise ValueError(
            "law must return the probabilities of all tokens, which sum to 1: for "
            f"{as_code(args[0])} it returned {as_code(q)} with the sum {q.sum():.6g}"
        )
    return q


def as_float64(out):
    """Lists, arrays and tensors as an array of float64."""
    if hasattr(out, "detach"):
        out = out.detach().cpu().double().numpy()
    try:
        return np.asarray(out, np.float64)
    except (TypeError, ValueError):
        raise Broken("shape", f"it returns {out!r:.200}, which are no logits") from None


def example_of(row, context):
    text = as_code(row, "row")
    return text if context is None else f"{text}\ncontext = {context}"


def _names(run, subject, kind):
    """Which properties to check on every row."""
    names = [n for n in ALWAYS if run.has(n)]
    wanted = KINDS[kind] if kind else ()
    if subject.law is not None:
        names = [n for n in names if n != "never revived"] + ["law"]
        run.pass_over("never revived", "the law says what is removed")
    elif kind in (None, "any") and not subject.with_context:
        wanted = [n for n in KINDS["truncation"] if _holds(subject, n, run.seed)]
    if subject.with_context:
        wanted = [n for n in wanted if n not in ("permutation", "shift")]
    names += [n for n in wanted if run.has(n)]
    for name in ("law", *KINDS["upper set"]):
        if run.has(name) and name not in names:
            run.pass_over(name, "no law" if name == "law" else "not of this kind")
    return [n for n in names if run.has(n)]


def _holds(subject, name, seed):
    """Does the filter have this property on all ordinary rows?"""
    try:
        rows = ordinary_rows(seed)
        return not any(wrong_with(subject, r, None, (*BASIC, name)) for r in rows)
    except Broken:
        return False


def wrong_with(subject, row, context, names):
    """The first of these properties that does not hold here, as a `Broken`, or None."""
    if "law" in names and not subject.has_law(row, context):
        return None
    try:
        raw = subject.raw(row, context)
        out = as_float64(raw)
        for name in names:
            sound = out.shape == row.shape and np.isfinite(out.max())
            if not sound and name not in BASIC:
                break  # a basic property is skipped, and no other can be looked at
            wrong = TESTS[name](subject, row, context, raw, out)
            if wrong:
                return Broken(name, wrong)
    except Broken as broken:
        banned = subject.with_context and isinstance(broken.cause, ValueError)
        return None if banned and "law" not in names else broken
    return None


def _search(run, subject, names, rows, context):
    """All rows and contexts; a failing one is made small. Returns how many there were,
    and the first of them with their results."""
    n, first = 0, []
    for row, text in _cases(run, rows, context):
        broken = wrong_with(subject, row, text, names)
        if broken and run.has(broken.name):
            raise _smallest(subject, row, text, names, broken)
        if n < 25 and not broken:
            first.append((row, text, subject.out(row, text)))
        n += 1
    return n, first


def _cases(run, rows, context):
    if context is not None:
        cases = _with_contexts(run, rows, context)
        yield from cases if rows is not None else paced(cases, 3.5)
    elif rows is not None:
        yield from ((row, None) for row in examples_of(rows))
    else:
        bank = [row for _, row in hard_rows(run.seed, min(25, n_examples()))]
        step = max(1, len(bank) // (25 * n_examples()))
        yield from ((row, None) for row in paced(bank[::step], 3.0))


def _with_contexts(run, rows, context):
    rng = np.random.default_rng([run.seed, 5])
    own = None if context is True else [list(c) for c in examples_of(context)]
    own_rows = None if rows is None else [*examples_of(rows)]
    least = 1 + max((i for c in own or () for i in c), default=2)
    for n_vocab in (3, 6, 12, 40):
        n_vocab = max(n_vocab, least)
        for text in own or contexts_to_try(n_vocab, run.seed, min(24, n_examples())):
            for row in own_rows or _rows_around_zero(rng, n_vocab):
                yield row, text


def _rows_around_zero(rng, n):
    """For rules that look at the sign, at ties, at what is removed already."""
    mixed = rng.normal(0, 2, n)
    removed = mixed.copy()
    removed[rng.integers(n)] = -np.inf
    yield from (mixed, -np.abs(mixed) - 0.1, np.abs(mixed).astype(np.float32) + 1)
    yield from (removed.astype(np.float32), rng.integers(-1, 2, n) * 1.5)


def _smallest(subject, row, context, names, broken):
    def fails(row, context):
        try:
            found = wrong_with(subject, row, context, names)
        except (ValueError, IndexError):  # of the law: not a row for it
            return False
        return found is not None and found.name == broken.name

    if "has not come back" not in broken.wrong:
        row, context = smaller(row, context, fails)
        broken = wrong_with(subject, row, context, names) or broken
    broken.example = example_of(row, context)
    return broken


def _again(run, subject, first):
    """Rows seen at the beginning, once more: nothing may be kept in between."""
    for row, text, out in first if run.has("same again") else ():
        now = subject.out(row, text)
        if not np.array_equal(now, out, equal_nan=True):
            wrong = f"it was {as_code(out)}, and after other rows {as_code(now)}"
            raise Broken("same again", wrong, example_of(row, text))


def _batch(run, subject, batch):
    if not run.has("rows apart"):
        return
    asked = subject.with_context is False and (
        speaks_of_rows(subject) if batch is None else batch
    )
    if not asked:
        return run.pass_over(
            "rows apart", "its code speaks of one row; else batch=True"
        )
    for _, row in hard_rows(run.seed, 5):
        if len(row) <= 150:
            wrong = _apart(subject, row, batch)
            if wrong:
                raise Broken("rows apart", wrong, example_of(row, None))
    run.passed("rows apart", "on stacks of three rows")
    return None


def _apart(subject, row, strict):
    rows = np.stack([row, row[::-1], row / 2 - 3]).astype(row.dtype)
    try:
        out = as_float64(subject.raw(rows, None))
    except Broken:
        if strict:
            raise
        return None
    if out.shape != rows.shape:
        return f"of [3, {len(row)}] it makes {list(out.shape)}" if strict else None

    def law(row):
        return subject.p(row, None)

    for i, one in enumerate(rows):
        if not np.isfinite(out[i].max()):
            return f"as row {i} of three, it becomes {as_code(out[i])}"
        wrong = difference(probabilities(out[i]), law(one), one, law, subject.ties)
        if wrong:
            return f"as row {i} of three, and not alone, {wrong}"
    return None


# The tests. Each gets the subject, the case, what came out (as it is and in float64),
# and says what is wrong, or nothing.


def _shape(subject, row, context, raw, out):
    if out.shape != row.shape:
        return f"of {list(row.shape)} it makes {list(out.shape)}"


def _dtype(subject, row, context, raw, out):
    made = str(getattr(raw, "dtype", type(raw).__name__))  # to NumPy None is float64
    if made != str(row.dtype):
        return f"of {row.dtype} it makes {made}"


def _precision(subject, row, context, raw, out):
    if str(getattr(raw, "dtype", "")).endswith("float16"):
        return f"of {row.dtype} it makes {raw.dtype}"


def _finite(subject, row, context, raw, out):
    if np.isnan(out).any() or (out == np.inf).any():
        return f"it returns {as_code(out)}"


def _something_left(subject, row, context, raw, out):
    may_ban_all = subject.with_context and subject.law is None
    if out.shape == row.shape and out.max() == -np.inf and not may_ban_all:
        return "nothing is left"


def _never_revived(subject, row, context, raw, out):
    p = probabilities(out)
    revived = np.flatnonzero((row == -np.inf) & (p > REMOVED))
    if len(revived):
        i = revived[0]
        return f"token {i} has the logit {out[i]:.6g} now, the probability {p[i]:.3g}"


def _same_again(subject, row, context, raw, out):
    now = subject.out(row, context)
    if not np.array_equal(now, out, equal_nan=True):
        return f"it is {as_code(out)}, and then {as_code(now)}"


def _kept_logits(subject, row, context, raw, out):
    kept = probabilities(out) > REMOVED
    if not kept.any() or np.isneginf(row[kept]).any():
        return None  # other properties speak of that
    moved = out[kept] - row[kept]
    if moved.max() - moved.min() > _blur(row):
        return f"it returns {as_code(out)}"


def _best_kept(subject, row, context, raw, out):
    gone = (probabilities(out) <= REMOVED) & (probabilities(row) > REMOVED)
    kept = probabilities(out) > REMOVED
    if gone.any() and kept.any() and row[gone].max() > row[kept].min() + _blur(row):
        return (
            f"the logit {row[kept].min():.6g} is kept and {row[gone].max():.6g} removed"
        )


def _permutation(subject, row, context, raw, out):
    if subject.ties == "exact" and len(np.unique(row)) < len(row):
        return None
    order = np.random.default_rng(len(row)).permutation(len(row))
    p = np.empty(len(row))
    p[order] = subject.p(row[order], context)
    wrong = difference(p, probabilities(out), row, lambda r: subject.p(r, context))
    return (
        wrong and f"in the order {order.tolist()[:64]}, and not as it stands, {wrong}"
    )


def _shift(subject, row, context, raw, out):
    for constant in (4, -7):
        p = subject.p(row + row.dtype.type(constant), context)
        wrong = difference(p, probabilities(out), row, lambda r: subject.p(r, context))
        if wrong:
            return f"with {constant} added, and not as it stands, {wrong}"
    return None


def _law(subject, row, context, raw, out):
    def law(row):
        return subject.reference(row, context)

    return difference(probabilities(out), law(row), row, law, subject.ties)


def _blur(row):
    finite = row[np.isfinite(row)]
    return STEP + 8 * float(np.finfo(np.float32).eps) * float(np.abs(finite).max())


TESTS = {
    "shape": _shape, "dtype": _dtype, "precision": _precision, "finite": _finite,
    "something left": _something_left, "never revived": _never_revived,
    "same again": _same_again, "kept logits": _kept_logits, "best kept": _best_kept,
    "permutation": _permutation, "shift": _shift, "law": _law,
}  # fmt: skip
