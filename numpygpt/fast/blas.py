"""NumPy's BLAS, kept to one thread while numpygpt works.

BLAS is the library behind ``@``. OpenBLAS, which NumPy's wheels bring along, shares a
large product among threads of its own. They and ours (threads.py) would be two teams on
the same cores, each waiting for the other. BLAS's team is also the more fragile one:
all its threads must meet after every step, and they wait by asking again and again. If
another program takes a core away, the whole product waits for that core.

So one team works at a time, and BLAS's only on a single row (one_row.py). `OneThread`
sets BLAS to one thread and puts back what was set before. Your own NumPy code runs as
ever:

>>> before = n_blas_threads()
>>> with OneThread():
...     during = n_blas_threads()
>>> during in (1, None), n_blas_threads() == before
(True, True)

NumPy has no function for this; OpenBLAS has one, and `find` looks for it in the library
that is loaded already, as the package threadpoolctl does. Another BLAS (Accelerate on a
Mac, Intel's MKL) keeps its threads, and then products are not cut (matmul.py).

Next: threads.py.
"""

import ctypes
import functools
import os
import sys
from pathlib import Path
from threading import RLock

import numpy as np

from .starting import can_start

# What OpenBLAS's functions are called in NumPy's wheels, and in other builds.
SPELLINGS = [p + "openblas_{}" + s for p in ("scipy_", "") for s in ("64_", "")]
# The kernels that multiply small matrices as they lie, without a copy first.
SMALL_KERNELS = ("SkylakeX", "Cooperlake", "SapphireRapids")


def libraries():
    """Files whose functions are BLAS's: on Linux and on a Mac NumPy's own, which leads
    to what it was linked with, on Windows the library beside it."""
    core = sys.modules.get("numpy._core._multiarray_umath")
    beside = Path(np.__file__).parent.parent / "numpy.libs"
    return [getattr(core, "__file__", ""), *map(str, beside.glob("*openblas*.dll"))]


def find(paths):
    """``{name: function}`` of OpenBLAS, or nothing where there is none."""
    for path in filter(None, paths):
        try:
            library = ctypes.PyDLL(path)
            for spelling in SPELLINGS:
                if hasattr(library, spelling.format("set_num_threads")):
                    return {
                        name: getattr(library, spelling.format(name))
                        for name in ("set_num_threads", "get_num_threads")
                    } | named(library, spelling)
        except (OSError, AttributeError):
            continue
    return {}


def named(library, spelling):
    """The two functions that return text."""
    found = {}
    for name in ("get_corename", "get_config"):
        function = getattr(library, spelling.format(name), None)
        if function is not None:
            function.restype = ctypes.c_char_p
            found[name] = function
    return found


OPENBLAS = find(libraries())


def kernel():
    """The name of the processor that OpenBLAS's code in use was written for, or "":
    it is chosen when NumPy is loaded, unless OPENBLAS_CORETYPE names another."""
    return OPENBLAS["get_corename"]().decode() if "get_corename" in OPENBLAS else ""


def n_blas_threads():
    """On how many threads BLAS computes; None if that cannot be found out."""
    return OPENBLAS["get_num_threads"]() if OPENBLAS else None


at_start = n_blas_threads() or 1  # so many there are already


@functools.cache
def allowed(n):
    """``n`` threads for BLAS, or one, where the system lets no more start. (One more is
    tried than BLAS needs: those that tried may not be quite gone when it begins.)"""
    return n if n <= at_start or can_start(n, wait=True) else 1


def describe():
    """What the figures of a benchmark depend on, as a dict."""
    config = OPENBLAS["get_config"]().decode() if "get_config" in OPENBLAS else ""
    built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    forced = {k: v for k, v in os.environ.items() if k.startswith("OPENBLAS_")}
    return {
        "blas": " ".join(config.split()[:2]) or f"{built['name']} {built['version']}",
        "kernel": kernel() or "unknown",
        "kernel_chosen": "OPENBLAS_CORETYPE" if "OPENBLAS_CORETYPE" in forced else
        "by the processor",
        "blas_threads": n_blas_threads(),
        "blas_held": bool(OPENBLAS),
        "settings": forced,
    }  # fmt: skip


class Threads:
    """``with Threads(n):`` BLAS computes on ``n`` threads, for all who call it.

    Several may be open, one within another or in different threads: the first sets, the
    last puts back. Between them, once somebody has asked for one thread, it is one.
    """

    _lock, _open, _before = RLock(), set(), None  # of all together

    def __init__(self, n):
        self.n = n

    def __enter__(self):
        if OPENBLAS:
            with Threads._lock:
                first = Threads._before is None
                if first:
                    Threads._before = n_blas_threads()
                self._open.add(id(self))
                if first or self.n == 1:
                    OPENBLAS["set_num_threads"](self.n)

    def __exit__(self, *_):
        with Threads._lock:
            self._open.discard(id(self))
            if not self._open and Threads._before is not None:
                OPENBLAS["set_num_threads"](Threads._before)
                Threads._before = None


def OneThread():
    """``with OneThread():`` BLAS computes on one thread, for all who call it."""
    return Threads(1)


def call_on_threads(n, function, *args, **kwargs):
    """``function(*args, **kwargs)`` with ``Threads(n)``. If Ctrl-C comes
    while BLAS's threads are set or put back, they are put back once more. (A ``with``
    does not do that, and in a ``__del__`` Python swallows Ctrl-C.)"""
    if n_blas_threads() in (n, None):  # as it is, or there is no saying
        return function(*args, **kwargs)
    hold = Threads(n)
    try:
        hold.__enter__()
        return function(*args, **kwargs)
    finally:
        try:
            hold.__exit__()
        except BaseException:
            hold.__exit__()
            raise


def on_one_thread(function):
    """The function, with BLAS on one thread while it runs."""
    return functools.wraps(function)(functools.partial(call_on_threads, 1, function))


def _forget():
    """In a forked child: whoever had BLAS on one thread is not there, nor are BLAS's
    own threads."""
    global at_start
    at_start = 1
    allowed.cache_clear()
    Threads._lock = RLock()
    Threads._open.clear()
    Threads.__exit__(Threads(1))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
