"""Are two laws of the next token the same? Ties and rounding make this a question.

Two right top-k's may differ. Where three tokens share the border one of them keeps all
three, another the lowest id. And where a mass of 0.9 is reached up to the eighth digit,
float32 and float64 keep different sets. Neither is a fault, so `difference` takes both
for right, and nothing else. It asks the reference about variants of the row, too: with
logits changed by 3e-5, and with a mass moved that a cumulative sum in float32 may lose
(half a step an addition; 1e-6 at the least). Then

- what all variants keep must be kept, and what none keeps must not;
- of equal logits (``ties="any"``) any number may be kept, but not none, if some variant
  splits them: then the border runs through them;
- what is kept must have the reference's probabilities, up to rounding.

Removed means a probability below 1e-30: -inf, or a number so low that it never counts.
"""

import numpy as np

__tracebackhide__ = True

STEP, MASS = 3e-5, 1e-6  # what float32 may blur, in logits and in probability
REMOVED, MAYBE = 1e-30, 1e-24  # below the first a token is gone; between, who knows


def probabilities(out):
    """softmax in float64."""
    out = np.asarray(out, np.float64)
    weights = np.exp(out - out.max())
    return weights / weights.sum()


def difference(p, q, row, law, ties="any"):
    """What is wrong with the probabilities ``p`` where the reference has ``q =
    law(row)``, or None."""
    tolerance = 1e-4 + 8 * float(np.finfo(np.float32).eps) * _largest(row)
    if _alike(p, q, tolerance):
        return None
    groups = np.arange(len(row))
    if ties == "any":
        groups = np.unique(row, return_inverse=True)[1]
    variants = [q, *(law(other) for other in _variants(row, p, q, ties))]
    wrong = _sets(p, variants, groups)
    if wrong:
        return wrong
    expected, known = _expected(p, q, groups)
    p = np.where(known, p, 0)
    if not known.any() or _alike(p / p.sum(), expected, tolerance):
        return None
    i = int(np.argmax(np.abs(p / p.sum() - expected)))
    return f"token {i} has the probability {p[i]:.6g} and not {expected[i]:.6g}"


def decided(row, law):
    """Is the reference's choice clear: no ties at its border, nothing undecided?"""
    q = law(row)
    others = [law(other) for other in _variants(row, q, q)]
    return all(np.array_equal(o > REMOVED, q > REMOVED) for o in others)


def possible(row, q, law):
    """A mask: which tokens some right implementation may draw."""
    may = q > 0
    for other in _variants(row, q, q):
        may |= law(other) > 0
    groups = np.unique(row, return_inverse=True)[1]
    return np.bincount(groups, may)[groups] > 0


def _alike(p, q, tolerance):
    certain = (p > MAYBE) | (q > MAYBE)
    if ((p > REMOVED) != (q > REMOVED))[certain].any():
        return False
    both = certain & (p > REMOVED)
    return bool((np.abs(np.log(p[both]) - np.log(q[both])) <= tolerance).all())


def _sets(p, variants, groups):
    """Is the kept set one that the variants allow? Counted by groups of equals."""
    size = np.bincount(groups)
    most = np.maximum(p, variants[0])
    faint = np.bincount(groups, (REMOVED < most) & (most < MAYBE)) > 0
    kept = np.bincount(groups, p > REMOVED)
    allowed = np.array([np.bincount(groups, v > REMOVED) for v in variants])
    extra = (kept > 0) & (allowed == 0).all(axis=0) & ~faint
    missing = (kept == 0) & (allowed > 0).all(axis=0) & ~faint
    split = (0 < kept) & (kept < size) & (allowed == size).all(axis=0) & ~faint
    for bad, gone, words in (
        (extra, p <= REMOVED, "kept, and should not be"),
        (missing, p > REMOVED, "removed, and should stay"),
        (split, p > REMOVED, "removed, and should stay"),
    ):
        ids = np.flatnonzero(bad[groups] & ~gone)
        if len(ids):
            more = f" ({len(ids)} such tokens)" if len(ids) > 1 else ""
            return f"token {ids[0]} is {words}{more}"
    return None


def _expected(p, q, groups):
    """The reference's probabilities on what ``p`` keeps, as far as they are known: its
    own, or those of an equal logit; and a mask of the tokens for which they are."""
    most = np.zeros(groups.max() + 1)
    np.maximum.at(most, groups, q)
    weights = np.where(q > 0, q, most[groups])
    known = (p > REMOVED) & (weights > REMOVED)
    weights = np.where(known, weights, 0)
    return (weights / weights.sum() if known.any() else weights), known


def _largest(row):
    finite = row[np.isfinite(row)]
    return float(np.abs(finite).max()) if len(finite) else 0.0


def _variants(row, p, q, ties="any"):
    """Rows that float32 cannot well tell from ``row``; with ``ties="exact"`` what is
    equal stays equal."""
    rng = np.random.default_rng(0)
    groups = np.unique(row, return_inverse=True)[1]
    exact = row.astype(np.float64)
    step = STEP + 4 * float(np.finfo(np.float32).eps) * _largest(row)
    towards, away = (
        np.where(p > REMOVED, step, -step),
        np.where(q > REMOVED, step, -step),
    )
    best = exact.max()
    moved = [exact + rng.uniform(-step, step, len(row))[groups] for _ in range(6)]
    moved += [best + (exact - best) * (1 + s) for s in (STEP, -STEP)]
    mass = max(MASS, len(row) * 2.0**-25)
    moved += [np.log(_moved_mass(exact, s)) for s in (mass, -mass)]
    if ties == "any":
        moved += [exact + towards, exact - towards, exact + away, exact - away]
        moved += [exact + rng.uniform(-step, step, len(row)) for _ in range(6)]
    for other in moved:
        other[exact == -np.inf] = -np.inf
        yield other.astype(row.dtype)


def _moved_mass(exact, mass):
    """The probabilities with this mass moved to the unlikely, or from them."""
    p = probabilities(exact)
    if mass > 0:
        return p + mass / np.isfinite(exact).sum()
    order = np.argsort(p)
    tail = order[np.cumsum(p[order]) <= -mass]
    p[tail] *= 1e-3
    return np.maximum(p, 1e-300)
