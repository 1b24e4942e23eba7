"""One row: the same bits however many threads compute, and patience with others."""

import os
import subprocess
import sys

import numpy as np
import pytest

from numpygpt.fast import blas, one_row, threads
from numpygpt.fast.blas import OneThread, Threads, n_blas_threads
from numpygpt.fast.matmul import arrange

pytestmark = pytest.mark.skipif(not blas.OPENBLAS, reason="another BLAS")
# n_in, n_out: of models of all widths, and vocabularies with something left over.
SHAPES = [(e, n) for e in (64, 192, 320, 768, 1600) for n in (e, 3 * e, 4 * e)]
SHAPES += [(4 * e, e) for e in (64, 192, 320, 768)] + [(96, 50257), (384, 4096)]
SHAPES += [(768, 5003), (24, 97), (100, 300), (7, 5), (1, 1)]


@pytest.fixture
def team(monkeypatch):
    """BLAS on three threads, as a user may have set it; a clock that knows nothing."""
    before = n_blas_threads()
    blas.OPENBLAS["set_num_threads"](3)
    monkeypatch.setattr(one_row, "clock", one_row.Clock())
    yield lambda size: monkeypatch.setattr(threads, "team", threads.Team(size))
    assert n_blas_threads() == 3
    blas.OPENBLAS["set_num_threads"](before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_bits_with_every_number_of_threads(team, monkeypatch, shape, dtype):
    rng = np.random.default_rng(1)
    weight = arrange(rng.standard_normal(shape).astype(dtype))
    x = rng.standard_normal(shape[0]).astype(dtype)
    results = []
    for size in (1, 2, 7):
        team(size)
        results.append(one_row.one_row(x, weight))
        monkeypatch.setattr(one_row, "ENOUGH", 1)  # shared with our own team, too
        monkeypatch.setattr(one_row.clock, "until", np.inf)
        results.append(one_row.one_row(x, weight))
        monkeypatch.undo()
        team(size)
    assert np.abs(results[0] - x @ weight).max() <= 1e-3 * np.sqrt(shape[0])
    for other in results:
        assert other.dtype == dtype and np.array_equal(other, results[0])


def seen_by(monkeypatch, weight, n=1):
    """On how many threads BLAS is while each of the next products is computed."""
    seen, dot = [], np.dot

    def spy(*args, **kwargs):
        seen.append(n_blas_threads())
        return dot(*args, **kwargs)

    monkeypatch.setattr(one_row.np, "dot", spy)
    for _ in range(n):
        one_row.one_row(np.ones(len(weight)), weight)
    monkeypatch.setattr(one_row.np, "dot", dot)
    return seen


def test_who_computes(team, monkeypatch):
    weight = np.ones((64, 128))
    team(2)
    assert seen_by(monkeypatch, weight) == [2]
    assert seen_by(monkeypatch, np.ones((64, 130))) == [2, 1]  # what is left over
    with OneThread():  # somebody shares work right now
        assert seen_by(monkeypatch, weight) == [1]
    team(1)
    assert seen_by(monkeypatch, weight) == [1]
    team(7)
    assert seen_by(monkeypatch, weight) == [4]


def test_blas_is_not_asked_for_threads_that_cannot_start(team, monkeypatch):
    """It would wait for them for ever; those it has had from the start are there."""
    weight, asked = np.ones((64, 128)), []
    monkeypatch.setattr(blas, "can_start", lambda n, wait: asked.append(n))
    monkeypatch.setattr(blas, "at_start", 2)
    blas.allowed.cache_clear()
    for size, n in (2, 2), (4, 1), (4, 1):
        team(size)
        assert seen_by(monkeypatch, weight) == [n]
    blas.allowed.cache_clear()
    assert asked == [4]


# A limit for a user who runs nothing else, while BLAS has one thread.
LIMITED = """
import os, resource, sys
import numpy as np
from numpygpt.fast.one_row import one_row
resource.setrlimit(resource.RLIMIT_NPROC, (int(sys.argv[1]),) * 2)
os.setgroups([])
os.setgid(65531)
os.setuid(65531)
weight = np.ones((3000, 3008), np.float32)
for _ in range(50):
    assert one_row(weight[0, :3000], weight)[0] == 3000
print("done")
"""


@pytest.mark.skipif(getattr(os, "getuid", int)(), reason="only root changes users")
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_limit_of_threads_does_not_hang(limit):
    env = {"OPENBLAS_NUM_THREADS": "1", "NUMPYGPT_THREADS": "4"}
    out = subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit)], env=os.environ | env,
        capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert out.stdout == "done\n", out.stderr


def test_not_just_after_our_own_team(team, monkeypatch):
    now, weight = [100.0], np.ones((64, 128))
    monkeypatch.setattr(one_row.time, "perf_counter", lambda: now[0])
    team(2)
    threads.share(lambda start, stop: None, 4, 1)
    for after, n in ((0.0, 1), (0.029, 1), (0.031, 2)):
        now[0] = 100.0 + after
        assert seen_by(monkeypatch, weight) == [n]


def test_a_product_that_was_late(team, monkeypatch):
    """Then BLAS is on one thread for 5 ms, for 10 if it happens again, and so on."""
    now = [100.0]
    monkeypatch.setattr(one_row.time, "perf_counter", lambda: now[0])
    clock, size, weight = one_row.clock, "a size", np.ones((64, 128))
    team(2)
    clock.took(size, 0.0, 0.0003)
    for pause in (0.005, 0.01, 0.02, 0.04):
        clock.took(size, now[0], now[0] + 0.0015)  # late, but less than LATE
        assert seen_by(monkeypatch, weight, 1) == [2]
        clock.pause = pause
        clock.took(size, now[0], now[0] + 0.0017)
        now[0] += 0.0017
        assert seen_by(monkeypatch, weight, 2) == [1, 1]
        now[0] += pause - 1e-6
        assert seen_by(monkeypatch, weight) == [1]
        now[0] += 2e-6
        assert clock.pause == 2 * pause and clock.until < now[0]
    for _ in range(2000):
        clock.took(size, 0.0, 0.0003)
    assert clock.pause == one_row.SHORT
    for _ in range(20):
        clock.took(size, 0.0, 1.0)
    assert clock.pause == one_row.LONG


def test_others_who_need_one_thread_get_it(team):
    """They share work while BLAS computes a row on several threads."""
    with Threads(4):
        assert n_blas_threads() == 4
        with OneThread():
            assert n_blas_threads() == 1
        assert n_blas_threads() == 1  # it may be in other hands by now


def test_while_they_are_left_alone_large_products_are_shared(team, monkeypatch):
    pieces, share = [], threads.share
    monkeypatch.setattr(threads, "share", lambda *a: pieces.append(a[1:]) or share(*a))
    monkeypatch.setattr(one_row.clock, "until", np.inf)
    monkeypatch.setattr(one_row, "ENOUGH", 64 * 300)
    team(2)
    threads.team.last = 5.0
    by_column = np.ones((300, 64)).T
    assert (one_row.one_row(np.ones(64), by_column) == 64).all()
    assert pieces == [(256, 64)]
    assert threads.team.last == 5.0  # this is no reason to leave them alone for longer
    one_row.one_row(np.ones(64), by_column[:, :299])  # not enough
    one_row.one_row(np.ones(64), np.ones((64, 300)))  # pieces would lie scattered
    assert len(pieces) == 1
