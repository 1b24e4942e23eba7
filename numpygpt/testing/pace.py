"""How a check stays within its time: what is slow gets fewer rows.

The time is that of the thread, so that a busy machine changes nothing.
"""

import time

__tracebackhide__ = True


class Pace:
    """Seconds to share among n things. What the first leave over, the later have."""

    def __init__(self, seconds, n):
        self.seconds, self.n, self.i = seconds, max(1, n), 0
        self.began = time.thread_time()

    def next(self):
        """The seconds that there are for the next thing."""
        self.i += 1
        return self.seconds * self.i / self.n - (time.thread_time() - self.began)


def paced(items, seconds):
    """The items, but for those that come when their time is used up already."""
    items = list(items)
    pace = Pace(seconds, len(items))
    for item in items:
        if pace.next() > 0:
            yield item
