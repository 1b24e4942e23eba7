"""``x @ weight`` for one row: a token to be generated.

Every weight is read once, so the memory sets the time, and two cores read nearly twice
as fast as one. But a layer of GPT-2 124M has four such products of 50 to 300
microseconds, and on many machines it takes 50 to wake a thread (threads.py). BLAS's own
threads need not be woken: after a product they keep asking for the next one.

That is also their weakness. All of them must finish before a product is finished. If
another program takes one's core away, the others wait, milliseconds instead of
microseconds. A clock tells: after a product that took much longer than usual, BLAS's
threads are left alone for a while, and for twice as long if it happens again.

For the same reason they are not used just after our own team, which reads a prompt or
continues several texts: for some 30 milliseconds after a product BLAS's threads ask on,
and take the core from ours.

The result must not depend on who computes it. A column always comes out the same if
every thread gets whole groups of 16 columns. With one, two or four threads that is so
where the columns come in groups of 64; what is left over is done by one
(tests/fast/test_one_row.py tries many shapes).

Next: matmul.py.
"""

import time

import numpy as np

from . import threads
from .blas import allowed, call_on_threads

GROUP = 64  # columns
ENOUGH = 1_600_000  # weights: less is not worth waking a thread of ours
LATE = 1e-3  # seconds: another program takes a core for 2 to 4 times as long
APART = 0.03  # seconds between the work of our team and of BLAS's
SHORT, LONG = 0.005, 1.0  # seconds without BLAS's threads, at first and at most


class Clock:
    """Knows how long products take, and until when to leave BLAS's threads alone.

    >>> clock = Clock()
    >>> clock.took("a size", start=0.0, stop=0.001)
    >>> clock.took("a size", start=1.0, stop=1.009)  # 9 ms, usually it is 1
    >>> round(clock.until, 3)  # leave them alone for 5
    1.014
    """

    def __init__(self):
        self.usual, self.until, self.pause = {}, 0.0, SHORT

    def took(self, size, start, stop):
        """Several threads computed a product of this size in this time."""
        usual = min(stop - start, self.usual.get(size, stop - start))
        self.usual[size] = usual
        if stop - start > 2 * usual + LATE:
            self.until = stop + self.pause
            self.pause = min(2 * self.pause, LONG)
        else:
            self.pause = max(0.99 * self.pause, SHORT)


clock = Clock()


def one_row(x, weight):
    """``x @ weight``: ``[n_in] @ [n_in, n_out] -> [n_out]``."""
    out = np.empty(weight.shape[1], x.dtype)
    whole = len(out) - len(out) % GROUP
    start, n = time.perf_counter(), allowed(even(threads.team.size))
    ours = threads.team.last

    def work(first, last):
        np.dot(x, weight[:, first:last], out=out[first:last])

    if n > 1 and start > max(clock.until, ours + APART):
        call_on_threads(n, work, 0, whole)
        clock.took(weight.size, start, time.perf_counter())
    elif weight.size < ENOUGH or not by_column(weight):
        call_on_threads(1, work, 0, whole)
    else:
        threads.share(work, whole, max(whole // 4 // GROUP, 1) * GROUP)
        threads.team.last = ours  # this work does not count
    if whole < len(out):
        call_on_threads(1, work, whole, len(out))
    return out


def by_column(weight):
    """Whether the columns are contiguous, not the rows."""
    return weight.strides[0] < weight.strides[1]


def even(n):
    """The largest of 1, 2 and 4 that is not above ``n``."""
    return 4 if n >= 4 else 2 if n >= 2 else 1
