"""May threads be started at all?

A system limits how many processes and threads a user has. Python says so when it cannot
start one. OpenBLAS does not: it ends the process that loads it, or waits for ever for
threads that are not there. So whoever would have it start some asks here first.
"""

from threading import Event, Thread


def can_start(n):
    """Does the system let so many more threads be there at once?"""
    gate, started = Event(), []
    try:
        for _ in range(n):
            thread = Thread(target=gate.wait, daemon=True)
            thread.start()
            started.append(thread)
        return True
    except (RuntimeError, MemoryError):
        return False
    finally:
        gate.set()
        for thread in started:
            thread.join()
