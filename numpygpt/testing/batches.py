"""Does the code of a filter speak of several rows?

Whether ``[n_row, n_vocab]`` is promised cannot be seen from outside: a right filter of
one row, which takes ``z.max()``, and a filter of several that forgot ``axis=-1`` are
the same code. So several rows are asked for only where the code names what they need:
``ndim``, or ``axis`` in NumPy (and one row of shape [1, n_vocab] then works as it does
alone). ``check_filter(..., batch=True)`` asks in any case.
"""

import types

import numpy as np

from .compare import difference, probabilities
from .report import Broken

__tracebackhide__ = True


def speaks_of_rows(subject):
    """See above."""
    words = set()
    for code in _codes(subject.f, depth=3):
        words |= {"ndim"} & set(code.co_names)
        for constant in code.co_consts:  # the names of keyword arguments are a tuple
            if isinstance(constant, tuple):
                words |= {"axis", "keepdims"} & {c for c in constant if type(c) is str}
    return "ndim" in words or (bool(words) and _one_row_works(subject))


def _one_row_works(subject):
    row = np.linspace(-1, 2, 7)[[3, 0, 6, 2, 5, 1, 4]]
    try:
        out = np.asarray(subject.raw(row[None], None), np.float64)
        if out.shape != (1, 7) or not np.isfinite(out.max()):
            return False
        one = probabilities(out[0])
        return not difference(
            one, subject.p(row, None), row, lambda r: subject.p(r, None)
        )
    except (Broken, TypeError, ValueError):
        return False


def _codes(f, depth):
    """The code of a function, of those it closes over and of those it names."""
    f = getattr(f, "func", f)  # functools.partial
    code = getattr(f, "__code__", None)
    if code is None or depth == 0:
        return
    yield code
    nested = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    yield from nested
    scope = getattr(f, "__globals__", {})
    names = [n for c in (code, *nested) for n in c.co_names]
    found = [cell.cell_contents for cell in f.__closure__ or () if _filled(cell)]
    for name in names:
        value = scope.get(name)
        if isinstance(value, types.ModuleType):
            found += [vars(value).get(n) for n in names]
        else:
            found.append(value)
    for value in found:
        module = getattr(value, "__module__", "") or ""
        if module.split(".")[0] not in ("numpy", "torch", "transformers", "builtins"):
            yield from _codes(value, depth - 1)


def _filled(cell):
    try:
        cell.cell_contents
    except ValueError:
        return False
    return True
