"""Ctrl-C, from the first millisecond on.

Loading NumPy takes a while, and Ctrl-C in the middle of it prints thirty lines that say
nothing to anybody. So the package's first line asks: is this process our own command?
Then Ctrl-C just ends it, until `command.main` takes over. In somebody's program nothing
is changed.

NumPy's BLAS starts threads when it is loaded, and where the system lets no more start,
it ends the process in the same way. Our own command has it do without.
"""

import os
import signal
import sys

from ..fast.starting import can_start, n_cores


def end_quietly():
    """Until `as_usual`, Ctrl-C ends this process, if it is ours."""
    if _is_ours() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def spare_threads():
    """If this process is ours and BLAS could not start its threads, it gets none."""
    if not _is_ours():
        return
    asked = [os.environ.get(f"{name}_NUM_THREADS", "") for name in ("OPENBLAS", "OMP")]
    n = min([n_cores(), *(int(n) for n in asked if n.isdecimal())])
    if not can_start(n - 1):
        os.environ["OPENBLAS_NUM_THREADS"] = "1"


def as_usual():
    """Ctrl-C is a KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(*_):
    os._exit(130)


def _is_ours():
    """Is this ``python -m numpygpt...`` or the script ``numpygpt``?"""
    args = sys.orig_argv[1:3]
    name = args[-1] if args[:1] == ["-m"] else "".join(args[:1])
    return os.path.basename(name).split(".")[0] == "numpygpt"
