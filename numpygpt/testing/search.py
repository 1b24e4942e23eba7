"""Examples of the user's own: a list, or a strategy of hypothesis."""

import threading

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

from .properties import n_examples
from .report import Broken, as_code

__tracebackhide__ = True


def examples_of(examples, n=None):
    """The examples as a list: those of a list, or ``max_examples`` drawn from a
    strategy, the same ones every time."""
    if not isinstance(examples, SearchStrategy):
        return list(examples)
    found, errors, n = [], [], n or n_examples()

    def collect():
        how = {"database": None, "deadline": None, "derandomize": True}
        quiet = settings(max_examples=n, suppress_health_check=list(HealthCheck), **how)
        try:
            quiet(given(examples)(lambda example: found.append(example)))()
        except BaseException as error:  # of the strategy; a thread would swallow it
            errors.append(error)

    # In a thread of its own, since there may be a @given around us, and hypothesis
    # allows none within another.
    thread = threading.Thread(target=collect)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return found


def broken_rows_of(run, f, name):
    """Rows from which nothing can be drawn must be a ValueError."""
    for wrong in (np.nan, np.inf, -np.inf):
        for dtype in (np.float64, np.float32):
            row = np.array([0.5, wrong, 1.0], dtype)
            row = np.full(3, wrong, dtype) if wrong == -np.inf else row
            try:
                out = f(row)
            except Broken as broken:
                if not isinstance(broken.cause, ValueError):
                    raise
                continue
            raise Broken(name, f"it returns {out!r:.200}", as_code(row, "row"))
    run.passed(name, "6 rows")
