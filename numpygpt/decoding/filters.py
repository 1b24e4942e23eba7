"""Filters: which tokens may come next, and how varied the draw is.

The model gives every token a logit, and ``softmax(logits)`` makes probabilities of
them. Drawing from these as they stand makes bad mistakes: fifty thousand unlikely
tokens have, together, a good chance. A filter looks at the logits and removes some: it
sets them to -inf, so that their probability is exactly 0. What stays keeps its logit.
Temperature removes nothing: it sharpens the distribution or flattens it.

A filter is a pure function ``filter(logits, value) -> logits`` of one row
``[n_vocab]`` or several ``[n_row, n_vocab]``; the input is never written to. A row
with NaN, +inf or nothing but -inf is a ``ValueError``: something upstream broke, and a
sampler that goes on would hide it.

Three filters are here. The others, and the penalties, are in rules/.

Try: `top_p(logits, 0.9)` on a row where one token has 95%. How many stay? Why must
the token that crosses the border stay?

Next: config.py (the one of this folder).
"""

import numpy as np

from ..fast.nucleus import smallest_set
from .plumbing.checks import check_rows
from .plumbing.ranges import COUNT_OR_0, POSITIVE, SHARE, check


def temperature(logits, value):
    """``logits / value``: below 1 sharper, safer; above 1 flatter, more varied. The
    value must be positive.

    >>> temperature(np.array([1.0, 2.0]), 0.5).tolist()
    [2.0, 4.0]
    """
    check("temperature", POSITIVE, value)
    logits = check_rows(logits, "temperature")
    limits = np.finfo(logits.dtype)  # the value must not round to 0 or to infinity
    value = min(max(value, float(limits.tiny)), float(limits.max))
    with np.errstate(over="ignore"):
        scaled = logits / value
        if not np.isfinite(scaled.max(axis=-1)).all():
            # Too large for the number format. Scaling the distance to the largest logit
            # gives the same distribution; what is far behind becomes -inf.
            scaled = (logits - logits.max(axis=-1, keepdims=True)) / value
    return scaled


def top_k(logits, value, ties="all"):
    """Keep the ``value`` largest logits (Fan et al., arXiv:1805.04833). 0 keeps all.

    Ties at the border all stay, as in transformers; with ``ties="lowest"`` the lowest
    ids win and exactly ``value`` stay. A value above the number of tokens keeps all.

    >>> top_k(np.array([1.0, 3.0, 2.0]), 2).tolist()
    [-inf, 3.0, 2.0]
    """
    check("top_k", COUNT_OR_0, value)
    if ties not in ("all", "lowest"):
        raise ValueError(f'ties must be "all" or "lowest", not {ties!r}')
    logits = check_rows(logits, "top_k")
    n = logits.shape[-1]
    if value == 0 or value >= n:
        return logits
    if ties == "lowest" and logits.ndim == 2:
        return np.stack([top_k(row, value, ties) for row in logits])
    border = np.partition(logits, n - value, axis=-1)[..., n - value, None]
    if ties == "lowest":
        return keep(logits, best(logits, value, border))
    return keep(logits, logits >= border)


def top_p(logits, value, min_keep=0):
    """Keep the smallest set of most likely tokens whose probabilities sum to at least
    ``value`` (nucleus sampling, Holtzman et al., arXiv:1904.09751).

    The token that crosses the border stays, so the set is never empty and its mass is
    never below ``value``. Among equals the lower id comes first. 1 keeps all. With the
    tokens in ``order`` of falling probability, the kept are

        order[: searchsorted(cumsum(p[order]), value) + 1]

    which `smallest_set` finds without sorting them all. At least ``min_keep`` stay.

    >>> top_p(np.log([0.5, 0.3, 0.2]), 0.6).round(2).tolist()
    [-0.69, -1.2, -inf]
    """
    check("top_p", SHARE, value)
    logits = check_rows(logits, "top_p")
    if value == 1:
        return logits
    if logits.ndim == 2:
        return np.stack([top_p(row, value, min_keep) for row in logits])
    exact = logits.astype(np.float64)
    weights = np.exp(exact - exact.max())
    kept = smallest_set(-exact, weights, value * weights.sum())
    return keep(logits, at_least(min_keep, kept, -exact))


def best(logits, count, smallest):
    """A mask of the ``count`` largest of a row, the last of which is ``smallest``.
    Among equals the lowest ids."""
    kept = logits > smallest
    equals = np.flatnonzero(logits == smallest)
    kept[equals[: count - np.count_nonzero(kept)]] = True
    return kept


def at_least(min_keep, kept, keys):
    """A mask of ``min_keep`` elements or more: ``kept``, and if these are fewer, those
    of the smallest keys."""
    check("min_keep", COUNT_OR_0, min_keep)
    if np.count_nonzero(kept) < min_keep:
        kept[np.argsort(keys, kind="stable")[:min_keep]] = True
    return kept


def keep(logits, kept):
    """The logits where ``kept`` is true, -inf elsewhere, in the same dtype."""
    out = np.full(logits.shape, -np.inf, logits.dtype)
    places = np.flatnonzero(kept)  # np.where(kept, logits, -inf), three times as fast
    out.reshape(-1)[places] = logits.reshape(-1)[places]
    return out
