"""May threads be started at all?

A system limits how many processes and threads a user has. Python says so when it cannot
start one. OpenBLAS does not: it ends the process that loads it, or waits for ever for
threads that are not there. So whoever would have it start some asks here first.
"""

import os
import time
from _thread import allocate_lock, start_new_thread


def n_cores():
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def can_start(n, wait=False):
    """Does the system let so many more threads be there at once? ``wait`` until those
    that tried have gone again: whoever starts some soon needs their places."""
    gate, n_started, gone = allocate_lock(), 0, []

    def stay():
        with gate:
            gone.append(None)

    with gate:
        try:
            while n_started < n:
                start_new_thread(stay, ())
                n_started += 1
        except (RuntimeError, MemoryError):
            pass
    while wait and len(gone) < n_started:
        time.sleep(0.001)
    return n_started == n
