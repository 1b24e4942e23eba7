"""Filters: which tokens may come next, and how bold the draw is.

The model gives every token a logit. Drawing from ``softmax(logits)`` as it stands
makes dull mistakes: fifty thousand unlikely tokens have, together, a good chance. A
filter looks at the logits and removes some (sets them to -inf, so that their
probability is exactly 0); what stays keeps its logit. Temperature removes nothing: it
sharpens or flattens.

A filter is a pure function ``filter(logits, value) -> logits`` of one row
``[n_vocab]`` or several ``[n_row, n_vocab]``; the input is never written to. A row
with NaN, +inf or nothing but -inf is a ``ValueError``: something upstream broke, and a
sampler must not paper over it.

Try: `top_p(logits, 0.9)` on a row where one token has 95%. How many stay? Why must
the token that crosses the border stay?

Next: sampling.py.
"""

import numpy as np


def temperature(logits, value):
    """``logits / value``: below 1 bolder, above 1 wilder; the value must be positive.

    >>> temperature(np.array([1.0, 2.0]), 0.5).tolist()
    [2.0, 4.0]
    """
    if not 0 < value < float("inf"):
        raise ValueError(f"temperature must be positive and finite, not {value!r}")
    logits = check_rows(logits, "temperature")
    limits = np.finfo(logits.dtype)  # the value must not round to 0 or to infinity
    value = min(max(value, float(limits.tiny)), float(limits.max))
    with np.errstate(over="ignore"):
        scaled = logits / value
        if not np.isfinite(scaled.max(axis=-1)).all():
            # Too bold for the number format. Scaling the distance to the largest logit
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
    if not isinstance(value, (int, np.integer)) or value < 0:
        raise ValueError(f"top_k must be an integer of at least 0, not {value!r}")
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


def top_p(logits, value):
    """Keep the smallest set of most likely tokens whose probabilities sum to at least
    ``value`` (nucleus sampling, Holtzman et al., arXiv:1904.09751).

    The token that crosses the border stays, so the set is never empty and its mass is
    never below ``value``. Among equals the lower id comes first. 1 keeps all.

    >>> top_p(np.log([0.5, 0.3, 0.2]), 0.6).round(2).tolist()
    [-0.69, -1.2, -inf]
    """
    if not 0 <= value <= 1:
        raise ValueError(f"top_p must be from 0 to 1, not {value!r}")
    logits = check_rows(logits, "top_p")
    if value == 1:
        return logits
    if logits.ndim == 2:
        return np.stack([top_p(row, value) for row in logits])
    exact = logits[np.flatnonzero(logits > -np.inf)].astype(np.float64)
    weights = np.exp(exact - exact.max())
    total = weights.sum()
    # Sorting 50,000 numbers to keep a few takes longer than all else together. What has
    # less than its even share of the mass that may go, 1 - value, surely goes: even all
    # such tokens together have no more than that. So only the others are sorted.
    share = (1 - value) * total / len(exact) * 0.999999
    ranked = np.sort(exact[np.flatnonzero(weights >= share)])[::-1]
    mass = np.cumsum(np.exp(ranked - ranked[0]))
    count = min(int(np.searchsorted(mass, value * total)) + 1, len(ranked))
    return keep(logits, best(logits, count, logits.dtype.type(ranked[count - 1])))


def best(logits, count, smallest):
    """A mask of the ``count`` largest of a row, the last of which is ``smallest``.
    Among equals the lowest ids."""
    kept = logits > smallest
    equals = np.flatnonzero(logits == smallest)
    kept[equals[: count - np.count_nonzero(kept)]] = True
    return kept


def keep(logits, kept):
    """The logits where ``kept`` is true, -inf elsewhere, in the same dtype."""
    out = np.full(logits.shape, -np.inf, logits.dtype)
    places = np.flatnonzero(kept)  # np.where(kept, logits, -inf), three times as fast
    out.reshape(-1)[places] = logits.reshape(-1)[places]
    return out


def check_rows(logits, name):
    """The logits as a float array, if every row has something to choose from."""
    logits = np.asarray(logits)
    if logits.dtype.kind != "f":
        logits = logits.astype(np.float64)
    if logits.ndim not in (1, 2) or logits.shape[-1] == 0:
        raise ValueError(f"{name}: logits must be [n_vocab] or [n_row, n_vocab], not "
                         f"{list(logits.shape)}")  # fmt: skip
    # One pass: the largest logit is NaN if any is.
    if not np.isfinite(logits.max(axis=-1)).all():
        raise ValueError(
            f"{name}: a row of logits holds NaN or +inf, or every token is removed "
            "(-inf): nothing can be drawn from it"
        )
    return logits
