"""Are two laws of the next token the same? Ties and rounding make this a question.

Two right top-k's may differ. Where three tokens share the border one of them keeps all
three, another the lowest id. And where a mass of 0.9 is reached up to the eighth digit,
float32 and float64 keep different sets. Neither is a fault, so `difference` takes both
for right, and nothing else:

- what is kept must have the probabilities of the reference, up to rounding;
- of equal logits (``ties="any"``) any choice may be kept, if the reference keeps some,
  and there is one border only;
- a border is undecided where the reference itself decides otherwise when the logits
  change by 3e-5 or a mass of 1e-6 moves. Then what it keeps in some of these
  variants may be kept, and what it keeps in all of them must be.

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
    groups = np.unique(row, return_inverse=True)[1] if ties == "any" else None
    if groups is None:
        groups = np.arange(len(row))
    variants = [q]
    wrong = _sets(p, variants, groups)
    if wrong:
        variants += [law(other) for other in _variants(row, p, q, ties)]
        if _sets(p, variants, groups):
            return wrong
    expected = _expected(p, variants, groups)
    if _alike(p, expected, tolerance):
        return None
    i = int(np.argmax(np.abs(p - expected)))
    return f"token {i} has the probability {p[i]:.6g} and not {expected[i]:.6g}"


def decided(row, law):
    """Is the reference's choice clear: no ties at its border, nothing undecided?"""
    q = law(row)
    _, groups, sizes = np.unique(row, return_inverse=True, return_counts=True)
    kept = np.bincount(groups, q > REMOVED)
    if ((kept > 0) & (kept < sizes)).any() or _border_is_tied(row, q):
        return False
    others = [law(other) for other in _variants(row, q, q)]
    return all(np.array_equal(o > REMOVED, q > REMOVED) for o in others)


def _border_is_tied(row, q):
    """Something finite is removed, and several equals are left at the edge."""
    kept, finite = q > REMOVED, row > -np.inf
    if kept.all() or not (finite & ~kept).any():
        return False
    return any((row[kept] == edge).sum() > 1 for edge in (row[kept].min(),))


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
    faint = np.bincount(groups, (p < MAYBE) & (variants[0] < MAYBE)) > 0
    kept = np.bincount(groups, p > REMOVED)
    allowed = np.array([np.bincount(groups, v > REMOVED) for v in variants])
    extra = (kept > 0) & (allowed == 0).all(axis=0) & ~faint
    missing = (kept == 0) & (allowed > 0).all(axis=0) & ~faint
    if extra.any() or missing.any():
        which = "kept, and should not be" if extra.any() else "removed, and should stay"
        bad = extra if extra.any() else missing
        changed = (p > REMOVED) if extra.any() else (p <= REMOVED)
        ids = np.flatnonzero(bad[groups] & changed)
        return f"token {ids[0]} is {which}" + (
            f" ({len(ids)} such tokens)" if len(ids) > 1 else ""
        )
    partial = ((kept > 0) & (kept < size)).sum()
    if partial > 1 + ((allowed[0] > 0) & (allowed[0] < size)).sum():
        return "of several groups of equal logits only parts are kept"
    return None


def _expected(p, variants, groups):
    """The reference's probabilities on what ``p`` keeps: where it has none, those of an
    equal logit, or of a variant that keeps the token."""
    weights = variants[0].copy()
    for q in variants[1:]:
        common = int(np.argmax(np.minimum(weights, q)))
        if q[common] > 0 and weights[common] > 0:
            scaled = q * (weights[common] / q[common])
            weights = np.where(weights > 0, weights, scaled)
    most = np.zeros(groups.max() + 1)
    np.maximum.at(most, groups, weights)
    weights = np.where(weights > 0, weights, most[groups])
    weights = np.where(p > REMOVED, weights, 0)
    return weights / weights.sum() if weights.any() else weights


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
    moved += [np.log(_moved_mass(exact, s)) for s in (MASS, -MASS)]
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
