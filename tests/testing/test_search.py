"""Examples of the user's own, and rows from which nothing can be drawn."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpygpt.testing import search
from numpygpt.testing.properties import Run
from numpygpt.testing.report import Broken
from numpygpt.testing.search import broken_rows_of, examples_of

INF, NAN = np.inf, np.nan


def test_the_examples_of_a_list_are_all_of_it():
    assert examples_of((3, 1, 2)) == [3, 1, 2]
    assert examples_of([3, 1, 2], 1) == [3, 1, 2]
    assert examples_of(i for i in range(200)) == [*range(200)]


def test_so_many_examples_of_a_strategy_and_the_same_every_time(monkeypatch):
    numbers = st.integers(0, 10**9)
    assert len(examples_of(numbers, 7)) == 7
    assert examples_of(numbers, 7) == examples_of(numbers, 7)
    monkeypatch.setattr(search, "n_examples", lambda: 4)
    assert len(examples_of(numbers)) == 4
    assert len(examples_of(numbers, 6)) == 6


def test_a_given_around_is_no_hindrance():
    threads = threading.active_count()

    @settings(max_examples=2, database=None)
    @given(st.integers())
    def test(_):
        assert len(examples_of(st.integers(0, 10**9), 5)) == 5

    test()
    assert threading.active_count() == threads


def test_examples_that_are_rare_or_slow_are_no_error():
    def slow(i):
        threading.Event().wait(0.25)  # above hypothesis' deadline
        return i

    assert len(examples_of(st.integers(0, 1000).map(slow), 1)) == 1
    rare = st.integers(0, 10**6).filter(lambda i: i % 40 == 39)
    assert len(examples_of(rare, 30)) > 10


def run_of():
    return Run("filter", (), ["broken rows"], 0)


def broken_by(error):
    broken = Broken("no crash", "it raised", "")
    broken.cause = error
    return broken


def test_the_six_broken_rows():
    seen, run = [], run_of()

    def f(row):
        seen.append((row.tolist(), row.dtype.name))
        raise broken_by(ValueError("no"))

    broken_rows_of(run, f, "broken rows")
    rows = [[0.5, NAN, 1.0], [0.5, INF, 1.0], [-INF] * 3]
    want = [(row, dtype) for row in rows for dtype in ("float64", "float32")]
    assert repr(seen) == repr(want)
    assert run.report.checked["broken rows"] == "6 rows"


def test_a_broken_row_must_be_a_value_error():
    with pytest.raises(Broken) as error:
        broken_rows_of(run_of(), lambda row: 7, "the name")
    found = error.value
    assert (found.name, found.wrong) == ("the name", "it returns 7")
    assert found.example == "row = np.array([0.5, np.nan, 1.0])"

    def crashes(row):
        raise broken_by(KeyError("no"))

    with pytest.raises(Broken) as error:
        broken_rows_of(run_of(), crashes, "the name")
    assert error.value.name == "no crash"
    with pytest.raises(Broken) as error:
        broken_rows_of(run_of(), lambda row: "x" * 999, "the name")
    assert 200 < len(error.value.wrong) < 230
