"""One team: share a piece of work among the processor's cores.

NumPy lets go of Python's lock while it computes, so threads that call it run side by
side. Work is cut into pieces, and whoever is free takes the next one. Nobody waits for
a thread that has not begun: if another program has the second core, the first takes
all the pieces, and the work takes as long as on one core, not longer. A thread that has
nothing to do sleeps. To wake it takes 20 to 60 microseconds, so work of less than a
hundred or two is better done alone.

While work is shared, BLAS computes on one thread (blas.py): there are no other threads
than these. How work is cut depends on its size alone, never on how many threads there
are: so results do not depend on that, either. A piece that would share work of its own
does it alone: the others have pieces, too.

``NUMPYGPT_THREADS=1`` turns it off; a limit set for BLAS holds here, too.

Try: ``NUMPYGPT_THREADS=1 python scripts/benchmark.py``.

Next: one_row.py.
"""

import functools
import math
import os
import time
from queue import SimpleQueue
from threading import Lock, Thread, local

import numpy as np

from .blas import call_on_threads
from .starting import n_cores

BLOCK = 1 << 18  # numbers at a time: a megabyte stays in a core's cache
ENOUGH = BLOCK  # numbers: less is not worth sharing
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
    return min(n_cores(), MOST)


class Team:
    """Threads that wait for work. None is started before there is some."""

    def __init__(self, size):
        self.size = size
        self.last = -math.inf  # when it last had work
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


class Within(local):
    """Whether this thread is computing a piece."""

    a_piece = False


within = Within()


class Job:
    """Pieces of one work, who helps with it, and what went wrong."""

    def __init__(self, work, pieces):
        self.work, self.pieces = work, pieces
        self.helping, self.errors = [], []

    def run(self):
        """Do it, with the help of the team."""
        before = np.getbufsize()
        try:
            np.setbufsize(BUFFER)
            team.call(self.help_out, min(team.size, len(self.pieces)) - 1)
            self.take_pieces()
        finally:  # after Ctrl-C, too: nobody may write to arrays that are given up
            within.a_piece = False
            np.setbufsize(before)
            self.wait()

    def take_pieces(self):
        """Until there are none. After an error there are none."""
        try:
            within.a_piece = True
            while self.pieces:
                try:
                    piece = self.pieces.pop()
                except IndexError:  # somebody was faster
                    return
                self.work(*piece)
        except BaseException as error:
            self.pieces.clear()
            self.errors.append(error)
        finally:
            within.a_piece = False

    def help_out(self):
        """The same, in another thread."""
        busy = Lock()
        busy.acquire()
        self.helping.append(busy)  # before it takes a piece: then it is waited for
        self.take_pieces()
        busy.release()

    def wait(self):
        """For those who have a piece; who comes later finds none."""
        self.pieces.clear()
        for busy in tuple(self.helping):
            busy.acquire()
        self.work = None  # its arrays need not wait for who comes later


def share(work, n, size):
    """Call ``work(start, stop)`` for pieces of ``size`` that together make up
    ``range(n)``. Returns when all are done. If one fails, no further one is begun, and
    its error is raised.

    >>> out = [""] * 5
    >>> def work(start, stop):
    ...     out[start:stop] = [f"{start} to {stop}"] * (stop - start)
    >>> share(work, 5, size=2)
    >>> out
    ['0 to 2', '0 to 2', '2 to 4', '2 to 4', '4 to 5']
    """
    pieces = [(start, min(start + size, n)) for start in range(0, n, size)]
    if within.a_piece:  # whose others are being computed meanwhile
        for piece in pieces:
            work(*piece)
        return
    job = Job(work, pieces[::-1])
    call_on_threads(1, job.run)
    team.last = time.perf_counter()
    if job.errors:
        raise job.errors[0]


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
