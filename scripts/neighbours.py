"""What else the machine does while benchmark.py measures, and what it is told to do.

    busy = others(pids)                    # seconds of processor that strangers used

A figure means nothing if another program had a core meanwhile. Linux counts the time
of all processes and of each one: what is neither ours nor idle is somebody else's. On
other systems nothing is known, and nothing is marked.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

ALLOWED = 1 / 20  # of a core, by others, in a round that counts
# Every peer has its own switch; together they hold all to what most processors have.
ISA = {
    "avx2": {
        "OPENBLAS_CORETYPE": "Haswell",
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "CT2_FORCE_CPU_ISA": "AVX2",
    }
}


def ticks():
    """Seconds of processor that the machine has used so far; None if not known."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").split("\n")[0].split()
    except OSError:
        return None
    used = [int(n) for i, n in enumerate(first[1:9]) if i not in (3, 4)]  # idle, iowait
    return sum(used) / os.sysconf("SC_CLK_TCK")


def used_by(pid):
    """Seconds that a process has used, and those of its children that have ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return 0
    fields = text.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


class Watch:
    """How much of a core strangers had since the last look."""

    def __init__(self, pids, clock):
        self.pids, self.clock = [os.getpid(), *pids], clock
        self.last = self.now()

    def now(self):
        """``(wall clock, the machine's seconds, ours)``."""
        return self.clock(), ticks(), sum(map(used_by, self.pids))

    def look(self):
        """Cores that strangers used, or None. Times are counted in hundredths of a
        second: of a round shorter than a few of those nothing can be said."""
        before, self.last = self.last, self.now()
        wall = self.last[0] - before[0]
        if before[1] is None or wall < 0.2:
            return None
        theirs = (self.last[1] - before[1]) - (self.last[2] - before[2])
        return max(theirs, 0.0) / wall


@contextlib.contextmanager
def spinning(n):
    """So many processes that do nothing but take time; yields their ids."""
    command = [sys.executable, "-c", "while True: pass"]
    processes = []
    try:
        for _ in range(n):
            processes.append(subprocess.Popen(command))
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
