"""A failing example is made small, by hand."""

import time

import numpy as np
import pytest

from numpygpt.testing.shrink import _simpler, smaller

INF = np.inf


def candidates(row, context=None):
    return [(r.tolist(), c) for r, c in _simpler(np.array(row, float), context)]


def test_less_of_the_row_first():
    """Half of it, then single tokens; then rounder values, then 0, -1 and 1."""
    found = [r for r, _ in candidates([0.25, 2.0, -3.0, -INF])]
    assert found[:2] == [[-3.0, -INF], [0.25, 2.0]]
    assert found[2:6] == [
        [2.0, -3.0, -INF], [0.25, -3.0, -INF], [0.25, 2.0, -INF], [0.25, 2.0, -3.0],
    ]  # fmt: skip
    assert found[6:8] == [[0.0, 2.0, -3.0, -INF], [0.2, 2.0, -3.0, -INF]]
    assert found[8] == [-1.75, 0.0, -5.0, -INF]
    assert found[9] == [0.0, 2.0, -3.0, -INF]
    assert found[10:13] == [[0.25, v, -3.0, -INF] for v in (0.0, -1.0, 1.0)]
    assert found[13:] == [[0.25, 2.0, v, -INF] for v in (0.0, -1.0, 1.0)]


def test_a_row_always_has_something_left():
    assert all(np.isfinite(r).any() for r, _ in candidates([-INF, -INF, 1.0, -INF]))


def test_a_text_goes_with_its_row():
    """Tokens of the text stay in the row, under their new numbers."""
    found = candidates([0.0, 0.0, 0.0, 0.0], [3, 1])
    assert ([0.0, 0.0, 0.0], [2, 0]) in found  # without token 0
    assert ([0.0, 0.0, 0.0], [2, 1]) in found  # without token 2
    assert all(len(r) == 4 or len(r) == 3 for r, _ in found)
    assert ([0.0] * 4, [1]) in found and ([0.0] * 4, [3]) in found
    assert all(text for _, text in candidates([0.0, 0.0], [1]))
    assert ([0.0, 0.0], [1, 0]) in candidates([0.0] * 4, [3, 2])


def test_the_smallest_with_which_it_still_fails():
    def fails(row, context):
        return len(row) >= 2 and row.max() > 0.5

    row, context = smaller(np.array([0.3, 7.7, -2.0, 0.1, 0.9]), None, fails)
    assert row.tolist() == [0.0, 1.0] or sorted(row.tolist()) == [0.0, 1.0]
    assert context is None
    row, context = smaller(
        np.array([0.5, 0.25, 0.125]), [2, 1, 2], lambda r, c: c.count(len(r) - 1) == 2
    )
    assert context == [len(row) - 1] * 2


def test_no_longer_than_a_second():
    calls = []
    row = np.arange(50.0)
    smaller(row, None, lambda r, c: calls.append(1) or True, seconds=0)
    assert calls == []


def test_what_is_left_out_of_an_odd_row():
    """Pieces of half the length, then of a quarter, down to single tokens."""
    found = [r for r, _ in candidates([0.0] * 7)]
    assert [7 - len(r) for r in found] == [3, 3] + [1] * 7
    row = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    found = [r for r, _ in candidates(row) if len(r) < 9]
    assert found[:6] == [
        row[4:], [*row[:4], 9.0],
        row[2:], [*row[:2], *row[4:]], [*row[:4], *row[6:]], [*row[:6], 9.0],
    ]  # fmt: skip
    assert found[6:] == [[*row[:i], *row[i + 1 :]] for i in range(9)]
    assert all(len(r) == 1 for r, _ in candidates([3.0]))


def test_a_piece_with_a_token_of_the_text_stays():
    """Of 0 to 3 only the piece of 2 and 3 can go, and behind it nothing moves."""
    found = [(len(r), c) for r, c in candidates([0.0] * 4, [0, 1]) if len(r) < 4]
    assert found == [(2, [0, 1]), (3, [0, 1]), (3, [0, 1])]
    found = [(len(r), c) for r, c in candidates([0.0] * 4, [2, 3, 2]) if len(r) < 4]
    assert found == [(2, [0, 1, 0]), (3, [1, 2, 1]), (3, [1, 2, 1])]
    texts = [c for r, c in candidates([0.0] * 4, [2, 3, 1]) if len(r) == 4]
    assert texts == [[3, 1], [2, 1], [2, 3]]


def test_rounder_values_and_a_best_of_zero():
    found = [r for r, _ in candidates([1.23456])]
    assert found[:5] == [[1.0], [1.2], [1.23], [1.2346], [0.0]]
    assert found[5:] == [[0.0], [-1.0], [1.0]]
    [rounded, *_] = [r for r, _ in candidates([-0.3, 1.0]) if len(r) == 2]
    assert rounded == [0.0, 1.0] and not np.signbit(rounded[0])
    assert [0.0, 1.0] not in [r for r, _ in candidates([0.0, -1.0])]
    assert [0.0, -3.0] in [r for r, _ in candidates([-2.0, -5.0])]


def test_values_become_smaller_and_never_larger():
    for value, simpler in (
        (1.0, [0.0]),
        (-1.0, [0.0]),
        (1.5, [0.0, -1.0, 1.0]),
        (-0.25, [0.0]),
    ):
        found = [r for r, _ in candidates([0.0, value]) if len(r) == 2 and r[0] == 0]
        assert [r[1] for r in found][-len(simpler) :] == simpler
    assert candidates([0.0, -INF]) == [([0.0], None)]
    found = [r for r, _ in candidates([2.0] * 25) if len(r) == 25]
    assert len(found) == 1 + 3 * 20 and found[-1] == [2.0] * 19 + [1.0] + [2.0] * 5


@pytest.mark.parametrize(
    ("each", "still_fails", "n_calls"),
    [(0.3, False, 4), (0.5, False, 3), (0.5, True, 2), (0.3, True, 4), (2, False, 1)],
)
def test_a_slow_function_is_called_for_a_second(
    monkeypatch, each, still_fails, n_calls
):
    now, calls = [0.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def fails(row, context):
        calls.append(1)
        now[0] += each
        return still_fails

    smaller(np.arange(1.0, 70), None, fails)
    assert len(calls) == n_calls


def test_it_begins_again_with_what_is_smaller():
    """Not with what could be left out of the row before."""
    seen = []

    def fails(row, context):
        seen.append(len(row))
        return True

    row, _ = smaller(np.ones(16), None, fails)
    assert row.tolist() == [0.0] and seen[:4] == [8, 4, 2, 1]


def test_it_ends_when_nothing_smaller_fails(monkeypatch):
    """Every candidate is tried once, and not again until the time is up."""
    now, seen = [0.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def fails(row, context):
        seen.append(row.tolist())
        now[0] += 0.001
        return False

    smaller(np.array([0.25, 2.0, -3.0]), None, fails)
    assert seen == [r for r, _ in candidates([0.25, 2.0, -3.0])]


def test_numbers_too_large_to_round_are_no_warning():
    row = np.array([3e38, 1.0], np.float32)  # times 10 it is infinite
    with np.errstate(all="raise"):
        assert len([*_simpler(row, None)]) > 2
