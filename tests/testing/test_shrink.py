"""A failing example is made small, by hand."""

import numpy as np

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
