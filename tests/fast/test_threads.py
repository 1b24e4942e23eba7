"""Work shared among threads: all of it done once, errors passed on, forks survived."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpygpt.fast import starting, threads
from numpygpt.fast.threads import Team, n_threads, share

TEAMS = {n: Team(n) for n in (1, 2, 5)}  # their threads never end: not one a test


@pytest.fixture(params=TEAMS)
def team(request, monkeypatch):
    monkeypatch.setattr(threads, "team", TEAMS[request.param])
    return request.param


@pytest.mark.parametrize("n", [0, 1, 2, 7, 1000])
@pytest.mark.parametrize("size", [1, 3, 5000])
def test_every_piece_is_done_once(team, n, size):
    done = [0] * n
    sizes = []

    def work(start, stop):
        sizes.append(stop - start)
        for i in range(start, stop):
            done[i] += 1

    share(work, n, size)
    assert done == [1] * n
    # cut in the same way whoever is there: so results are the same, too
    assert sorted(sizes)[::-1][: n // size] == [size] * (n // size)
    assert len(sizes) == -(-n // size)


def test_the_work_is_shared(monkeypatch):
    """Two pieces that wait for each other finish only if two threads have them."""
    monkeypatch.setattr(threads, "team", Team(2))
    meeting = threading.Barrier(2, timeout=20)
    share(lambda start, stop: meeting.wait(), 2, 1)


def test_calls_from_several_threads_do_not_mix(team):
    results = {}

    def user(k):
        out = []
        for _ in range(50):
            share(lambda a, b: out.extend(range(a, b)), 20, 3)
        results[k] = sorted(out) == sorted([*range(20)] * 50)

    users = [threading.Thread(target=user, args=(k,)) for k in range(4)]
    for each in users:
        each.start()
    for each in users:
        each.join()
    assert results == {k: True for k in range(4)}


def test_work_may_share_work(team):
    done = []
    inner = lambda a, b: done.extend(range(a, b))
    share(lambda a, b: [share(inner, 10, 1) for _ in range(a, b)], 6, 1)
    assert sorted(done) == sorted([*range(10)] * 6)


def test_work_within_work_calls_nobody(monkeypatch):
    calls = []
    monkeypatch.setattr(threads, "team", Team(2))
    monkeypatch.setattr(threads.team, "call", lambda function, n: calls.append(n))
    share(lambda a, b: share(lambda c, d: None, 10, 1), 6, 1)
    assert calls == [1]
    share(lambda a, b: None, 10, 1)
    assert calls == [1, 1]


@given(st.integers(0, 9))
def test_an_error_is_raised_where_share_was_called(bad):
    def work(start, stop):
        if start <= bad < stop:
            raise IndexError(f"number {bad}")

    with pytest.raises(IndexError, match=f"number {bad}"):
        share(work, 10, 1)
    share(lambda start, stop: None, 10, 1)  # and the next call works


@pytest.mark.parametrize(
    ("settings", "want"),
    [
        ({"NUMPYGPT_THREADS": "3", "OMP_NUM_THREADS": "2"}, 3),
        ({"NUMPYGPT_THREADS": "9"}, 9),
        ({"OPENBLAS_NUM_THREADS": "1"}, 1),
        ({"OMP_NUM_THREADS": "64"}, threads.MOST),
        ({"NUMPYGPT_THREADS": "0"}, 1),
        ({"NUMPYGPT_THREADS": "many", "OMP_NUM_THREADS": "4"}, 4),
    ],
)
def test_the_environment_says_how_many(monkeypatch, settings, want):
    for name in threads.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    assert 1 <= n_threads() <= threads.MOST
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert n_threads() == want


def test_nobody_waits_for_who_did_not_come(monkeypatch):
    """A second thread that has something else to do delays nothing."""
    team, away, back = Team(2), threading.Event(), threading.Event()
    monkeypatch.setattr(threads, "team", team)
    team.call(lambda: (away.set(), back.wait(20)), 1)
    assert away.wait(20)
    done = []
    share(lambda start, stop: done.append(start), 5, 1)
    assert sorted(done) == [0, 1, 2, 3, 4]
    back.set()


def test_after_an_error_no_piece_is_left_running(monkeypatch):
    monkeypatch.setattr(threads, "team", Team(2))
    both, running = threading.Barrier(2, timeout=20), []

    def work(start, stop):
        both.wait()
        if threading.current_thread() is threading.main_thread():
            raise KeyError("here")
        running.append(start)
        time.sleep(0.1)
        running.remove(start)

    with pytest.raises(KeyError):
        share(work, 50, 1)
    assert running == []


@pytest.mark.parametrize(
    ("shape", "pieces"),
    [
        ((9,), [(9,)]),
        ((40,), [(40,)]),  # a vector is one row
        ((2, 3, 2), [(1, 3, 2), (1, 3, 2)]),
        ((1, 40), [(40,)]),
        ((3, 3), [(3, 3)]),
        ((5, 2), [(2, 2), (2, 2), (1, 2)]),  # enough: blocks of four numbers
        ((2, 5), [(1, 5), (1, 5)]),  # a row is never cut
    ],
)
def test_rows_are_shared_where_there_is_enough(monkeypatch, shape, pieces):
    monkeypatch.setattr(threads, "ENOUGH", 10)
    monkeypatch.setattr(threads, "BLOCK", 4)
    seen = []

    @threads.by_rows
    def sums(x, start, *, factor=1):
        """So far."""
        seen.append(x.shape)
        return factor * x.cumsum(axis=-1) + start

    x = np.arange(np.prod(shape), dtype=float).reshape(shape)
    assert np.array_equal(sums(x, 1, factor=2), 2 * x.cumsum(axis=-1) + 1)
    assert sorted(seen) == sorted(pieces)
    assert sums.__doc__ == "So far."


def test_at_most_four_threads_unless_asked_for(monkeypatch):
    for name in threads.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    for n_cores, n in (1, 1), (3, 3), (4, 4), (9, 4):
        cores = {*range(n_cores)}
        monkeypatch.setattr(
            os, "sched_getaffinity", lambda _, c=cores: c, raising=False
        )
        assert n_threads() == n
    monkeypatch.delattr(os, "sched_getaffinity")
    for n_cores, n in (None, 1), (2, 2), (9, 4):
        monkeypatch.setattr(os, "cpu_count", lambda n=n_cores: n)
        assert n_threads() == n


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_gets_threads_of_its_own():
    code = """if True:
        import os
        from numpygpt.fast.threads import share
        out = []
        share(lambda a, b: out.append(b - a), 10, 1)
        child = os.fork()
        if child == 0:
            share(lambda a, b: out.append(b - a), 10, 1)
            os._exit(0 if sum(out) == 20 else 1)
        print(os.waitpid(child, 0)[1])
    """
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60,
        env={**os.environ, "NUMPYGPT_THREADS": "2"},
    )  # fmt: skip
    assert done.stdout.strip() == "0", done.stderr


def test_small_buffers_inside_and_only_there(team):
    before, seen = np.getbufsize(), []
    meeting = threading.Barrier(team, timeout=20)  # a piece for each thread

    def work(start, stop):
        meeting.wait()
        seen.append(np.getbufsize())

    share(work, team, 1)
    assert seen == [threads.BUFFER] * team
    assert np.getbufsize() == before != threads.BUFFER


@pytest.mark.parametrize("n_allowed", [0, 1, 2])
def test_where_no_more_threads_can_start_those_there_are_do_the_work(
    monkeypatch, n_allowed
):
    """A limit of processes; the calls that nobody takes must not pile up either."""
    team, start, left = Team(4), threading.Thread.start, [None] * n_allowed

    def start_if_allowed(thread):
        if not left:
            raise RuntimeError("can't start new thread")
        left.pop()
        start(thread)

    monkeypatch.setattr(threads, "team", team)
    monkeypatch.setattr(threads.Thread, "start", start_if_allowed)
    for _ in range(20):
        done = []
        share(lambda a, b, out=done: out.extend(range(a, b)), 100, 7)
        assert sorted(done) == [*range(100)]
    assert team.size == 1 + n_allowed
    for _ in range(100):  # a thread takes a call, finds no piece left, and is free
        if team._calls.empty():
            break
        threading.Event().wait(0.05)
    assert team._calls.empty()


@pytest.mark.parametrize("n_allowed", [0, 1, 5])
def test_whether_threads_can_start(monkeypatch, n_allowed):
    start, there = starting.start_new_thread, []

    def start_if_allowed(function, args):
        if len(there) == n_allowed:
            raise RuntimeError("can't start new thread")
        there.append(start(function, args))

    monkeypatch.setattr(starting, "start_new_thread", start_if_allowed)
    for n in range(7):
        there.clear()
        assert starting.can_start(n, wait=True) == (n <= n_allowed)
        assert len(there) == min(n, n_allowed)
