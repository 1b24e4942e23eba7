"""Two hands are better than one: share a piece of work among the processor's cores.

NumPy lets go of Python's lock while it computes, so threads that call it run side by
side. BLAS does that by itself inside large products; this is for what it leaves alone.
A thread that waits costs nothing, and to wake it takes some 20 microseconds, so work of
less than a hundred or two is better done alone.

``NUMPYGPT_THREADS=1`` turns it off; a limit set for BLAS holds here, too.

Try: ``NUMPYGPT_THREADS=1 python scripts/benchmark.py``.

Next: matmul.py.
"""

import functools
import os
from queue import SimpleQueue
from threading import Thread

import numpy as np

ENOUGH = 1 << 17  # numbers: less is not worth sharing
BLOCK = 1 << 17  # numbers at a time: half a megabyte, and more than one pass over them
# NumPy computes 8192 numbers at a time. Where rows are shorter it first writes out what
# each of them meets, a bias or its own mean; with this it takes one row after another.
BUFFER = 1024
MOST = 4
SETTINGS = ("NUMPYGPT_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


def n_threads():
    """How many threads work, this one included: what the environment says, or one for
    each core that the process may use, but no more than `MOST`: Python lets only one
    thread at a time begin a piece."""
    for name in SETTINGS:
        if os.environ.get(name, "").isdecimal():
            n = max(int(os.environ[name]), 1)
            return n if name == SETTINGS[0] else min(n, MOST)
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), MOST)
    return min(os.cpu_count() or 1, MOST)


class Team:
    """Threads that wait for work. None is started before there is some."""

    def __init__(self, size):
        self.size = size
        self._calls = SimpleQueue()
        self._started = False

    def call(self, function, times):
        """Have the others call ``function``, ``times`` times in all, if there are any.
        Where the system lets no more threads start, those that did must do."""
        if times > 0 and not self._started:
            self._started = True
            for n_others in range(self.size - 1):
                try:
                    Thread(target=self._serve, daemon=True).start()
                except (RuntimeError, MemoryError):
                    self.size = 1 + n_others
                    break
        for _ in range(min(times, self.size - 1)):
            self._calls.put(function)

    def _serve(self):
        np.setbufsize(BUFFER)
        while True:
            self._calls.get()()


def _new_team():
    global team
    team = Team(n_threads())


_new_team()
if hasattr(os, "register_at_fork"):  # a forked child has none of its parent's threads
    os.register_at_fork(after_in_child=_new_team)


def share(work, n, most=None):
    """Call ``work(start, stop)`` for pieces that together make up ``range(n)``: one
    for each thread, or more of at most ``most``. Whoever is free takes the next piece.
    Returns when all are done, or raises the error of the first that failed.

    >>> out = [""] * 5
    >>> def work(start, stop):
    ...     out[start:stop] = [f"{start} to {stop}"] * (stop - start)
    >>> share(work, 5, most=2)
    >>> out
    ['0 to 2', '0 to 2', '2 to 4', '2 to 4', '4 to 5']
    """
    step = max(min(most or n, -(-n // team.size)), 1)
    pieces = [(start, min(start + step, n)) for start in range(0, n, step)][::-1]
    n_piece, ends = len(pieces), SimpleQueue()

    def next_piece():
        try:
            return pieces.pop()
        except IndexError:
            return None

    def take_pieces():
        for piece in iter(next_piece, None):
            error = None
            try:
                work(*piece)
            except BaseException as caught:
                error = caught
            ends.put((piece, error))

    team.call(take_pieces, min(team.size, n_piece) - 1)
    before = np.setbufsize(BUFFER)
    take_pieces()
    np.setbufsize(before)
    for _, error in sorted(ends.get() for _ in range(n_piece)):
        if error:
            raise error


def by_rows(function):
    """A function ``f(x, ...)`` that turns each row into a row of the same size, made to
    work on blocks of rows, which the threads share, where there are many."""

    @functools.wraps(function)
    def shared(x, *args, **kwargs):
        if x.ndim == 2 and len(x) == 1:  # NumPy is faster with a vector than one row
            return function(x[0], *args, **kwargs)[None]
        if x.size < ENOUGH or x.ndim < 2:
            return function(x, *args, **kwargs)
        out = np.empty_like(x)

        def work(start, stop):
            out[start:stop] = function(x[start:stop], *args, **kwargs)

        share(work, len(x), max(BLOCK * len(x) // x.size, 1))
        return out

    return shared
