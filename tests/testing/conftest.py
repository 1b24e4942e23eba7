"""What a check finds must not depend on how busy or slow the testing machine is."""

import time

import pytest


@pytest.fixture
def patient(monkeypatch):
    """The clock of the checks goes at half its speed: so a machine that is twice as
    slow as usual makes as many draws as a usual one does without this."""
    clock = time.thread_time
    monkeypatch.setattr(time, "thread_time", lambda: clock() / 2)


class Clock:
    """The time of the thread, which goes on only when it is told to."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "thread_time", clock)
    return clock
