"""Make a failing example small: a fault is easier to see in [0, 0, 1] than in 150
numbers. As long as the same property still fails, leave out tokens and round values."""

import time

import numpy as np

__tracebackhide__ = True


def smaller(row, context, fails, seconds=1.0):
    """The row and context after all simplifications with which ``fails(row, context)``
    is still true. ``context``: a list of ids, or None."""
    end = time.monotonic() + seconds
    changed = True
    while changed and time.monotonic() < end:
        changed = False
        for other, text in _simpler(row, context):
            if time.monotonic() > end:
                break
            if fails(other, text):
                row, context, changed = other, text, True
                break
    return row, context


def _simpler(row, context):
    """Candidates, the boldest first: less of the row, less text, rounder values."""
    size = len(row) // 2
    while size:
        for at in range(0, len(row) - size + 1, size):
            kept = np.delete(row, np.s_[at : at + size])
            if not np.isfinite(kept).any():
                continue
            if context is None:
                yield kept, None
            elif all(i < at or i >= at + size for i in context):
                yield kept, [i if i < at else i - size for i in context]
        size //= 2
    for at in range(len(context or ())):
        if len(context) > 1:
            yield row, context[:at] + context[at + 1 :]
    for digits in (0, 1, 2, 4):
        with np.errstate(all="ignore"):
            rounded = row.round(digits) + 0.0
        if not np.array_equal(rounded, row):
            yield rounded, context
    top = row.max()
    if np.isfinite(top) and top != 0:
        yield row - top, context
    for i in np.flatnonzero(row != 0)[:20]:
        for value in (0.0, -1.0, 1.0):
            if abs(value) < abs(row[i]) and row[i] > -np.inf:
                changed = row.copy()
                changed[i] = value
                yield changed, context
