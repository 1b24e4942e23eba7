"""What a check says, to the letter where it is code or a number."""

import importlib
import pkgutil
import signal
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

import numpygpt.testing
from numpygpt.testing import Report, TableLM, maze
from numpygpt.testing.report import (
    ALPHA,
    MOST_VERDICTS,
    Broken,
    Statistic,
    TookTooLong,
    as_code,
    call,
    failure,
    time_limit,
)


def test_no_module_of_the_kit_stands_in_a_traceback():
    """But strategies and table_lm, which the tests of a user call themselves."""
    names = {module.name for module in pkgutil.iter_modules(numpygpt.testing.__path__)}
    for name in names - {"strategies", "table_lm"}:
        module = importlib.import_module(f"numpygpt.testing.{name}")
        assert module.__tracebackhide__ is True, name


def test_the_lines_of_a_report():
    report = Report("check_foo", 7, {"shape": "on 3 rows"}, {"law": "no law"})
    lines = [
        "check_foo: nothing found (seed=7)",
        "  checked      shape: on 3 rows",
        "  not checked  law: no law",
    ]
    assert str(report).split("\n") == lines
    report.statistics.append(Statistic("some draws", 40, 2.04, 0.5))
    report.statistics.append(Statistic("others", 30, 9.96, 0.00123, "cleared"))
    report.statistics.append(Statistic("more", 20, 1.0, 0.9))
    report.power["any token"] = 0.0123
    assert str(report).split("\n")[3:] == [
        "  3 tests of draws, a false alarm at most once in 2,000,000 runs; least p:",
        "    others: 30 draws, statistic 10.0, p = 0.0012: cleared",
        "  found in 99.9 % of runs: any token in 1.2% of the draws",
    ]
    assert str(report.statistics[0]) == (
        "some draws: 40 draws, statistic 2.0, p = 0.5: as it should be"
    )


def test_two_reports_share_nothing():
    one, other = Report("a", 0), Report("b", 0)
    for name in ("checked", "not_checked", "statistics", "power"):
        assert not getattr(one, name)
        assert getattr(one, name) is not getattr(other, name)


def test_false_alarms_as_the_readme_has_them():
    """At most 50 verdicts a check, each at 1e-8: once in two million runs."""
    assert (ALPHA, MOST_VERDICTS) == (1e-8, 50)


@pytest.mark.parametrize(
    ("broken", "lines"),
    [
        (
            Broken("shape", "too short", "row = 1\nx = 2"),
            ["'shape': as many", "for:", "    row = 1", "    x = 2", "too short"],
        ),
        (Broken("shape", "too short"), ["'shape': as many", "too short"]),
    ],
)
def test_the_lines_of_a_failure(broken, lines):
    error = failure(broken, "as many", 3)
    assert type(error) is AssertionError
    last = "(again with seed=3; to leave it out: skip=['shape'])"
    assert str(error).split("\n") == [*lines, last]


def test_a_broken_property_knows_what_and_why():
    cause = KeyError("x")
    broken = Broken("law", "wrong", "row", cause)
    assert (broken.name, broken.wrong, broken.example) == ("law", "wrong", "row")
    assert broken.cause is cause and broken.args == ("law", "wrong")


def broken_of(*args, **how):
    with pytest.raises(Broken) as error:
        call(*args, **how)
    return error.value


def test_a_call_returns_or_is_broken():
    assert call(lambda a, b: a - b, 5, 3) == 2
    broken = broken_of(lambda: {}["x"], example="here")
    assert (broken.name, broken.wrong) == ("no crash", "KeyError: 'x'")
    assert type(broken.cause) is KeyError and broken.example == "here"
    assert broken_of(lambda: {}["x"]).example == ""


def sleep_in_vain():
    try:
        time.sleep(20)
    except Exception:
        time.sleep(20)


def test_a_call_that_does_not_come_back():
    broken = broken_of(sleep_in_vain, seconds=0.02, example="here")
    assert (broken.name, broken.example) == ("no crash", "here")
    assert "not come back after 0.02 seconds" in broken.wrong
    assert broken.cause is None


def test_a_call_has_ten_seconds_by_default():
    left = call(lambda: signal.getitimer(signal.ITIMER_REAL)[0])
    assert 8 < left <= 10


def alarm():
    return signal.getitimer(signal.ITIMER_REAL)[0]


def test_no_limit_and_no_alarm():
    """Without one asked for, and in another thread, where signals do not work."""
    before, seen = signal.getsignal(signal.SIGALRM), []
    with time_limit(0):
        seen.append(alarm())
    with time_limit(None):
        seen.append(alarm())

    def elsewhere():
        with time_limit(5):
            seen.append(alarm())

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [0, 0, 0] and signal.getsignal(signal.SIGALRM) is before


def test_no_limit_where_there_are_no_timers(monkeypatch):
    """As on Windows."""
    monkeypatch.delattr(signal, "setitimer")
    with time_limit(5):
        assert alarm() == 0


def test_an_alarm_ends_with_the_function():
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(KeyError), time_limit(5):
        assert 0 < alarm() <= 5
        raise KeyError
    assert alarm() == 0 and signal.getsignal(signal.SIGALRM) is before
    assert not issubclass(TookTooLong, Exception)


FLOAT32 = np.float32
CODES = [
    (np.array([0.0, -np.inf, np.inf, np.nan]),
     "np.array([0.0, -np.inf, np.inf, np.nan])"),
    (np.array([1, 2]), "np.array([1, 2], np.int64)"),
    (np.array([0.5], FLOAT32), "np.array([0.5], np.float32)"),
    (np.array([[0.5, 1.0], [-2.0, -np.inf]]),
     "np.array([[0.5, 1.0], [-2.0, -np.inf]])"),
    (np.arange(65.0), "np.array([0.0, 1.0, 2.0, 3.0, ...])  # 65 logits, float64"),
    ([1, 2], "[1, 2]"),
    ("a", "'a'"),
    (TableLM(np.zeros((2, 2))),
     "TableLM(np.array([[0.0, 0.0], [0.0, 0.0]]), n_ctx=64, eos_token_id=None)"),
    (TableLM([0.12345678, -1.0], n_ctx=9, eos_token_id=1, start=1),
     "TableLM(np.array([0.123457, -1.0]), n_ctx=9, eos_token_id=1, start=1)"),
    (maze(3, 1, None, 20), "maze(3, 1, None, 20)"),
    (SimpleNamespace(code="mine()"), "mine()"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "text"), CODES, ids=[text for _, text in CODES])
def test_a_value_as_code(value, text):
    assert as_code(value) == text
    assert as_code(value, "row") == f"row = {text}"


def test_64_numbers_are_shown_and_more_are_not():
    """Of one row; a table is shown whole."""
    assert as_code(np.zeros(64)) == "np.array([" + ", ".join(["0.0"] * 64) + "])"
    assert as_code(np.zeros((65, 1))).count("0.0") == 65
