"""Which properties count in a run, and what the report says of the others; examples of
one's own; and who is asked for several rows."""

import functools

import numpy as np
import pytest
from hypothesis import strategies as st

from numpygpt.testing import PROPERTIES, batches, search
from numpygpt.testing.filters import Subject
from numpygpt.testing.properties import Run
from numpygpt.testing.report import Broken

INF = np.inf
OF = {
    "filter": "no crash, input untouched, shape, precision, finite, something left, "
    "never revived, same again, kept logits, best kept, permutation, shift, rows apart, "
    "law, dtype, broken rows",
    "sampler": "no crash, input untouched, law, token, possible, same seed, edges, "
    "independent, even, broken rows",
    "decoder": "no crash, input untouched, law, possible, same seed, independent, "
    "prompt first, ends, several eos, full context, longer run",
    "beams": "no crash, input untouched, possible, prompt first, ends, best texts, "
    "sorted, distinct, score",
}


@pytest.mark.parametrize("check", OF)
def test_the_properties_of_a_check(check):
    names = OF[check].split(", ")
    assert [n for n, p in PROPERTIES.items() if check in p.checks] == names
    run = Run(check, (), (), 5)
    asked_for = {"dtype", "broken rows", "longer run"} & {*names}
    assert run.names == {*names} - asked_for
    assert run.report.not_checked == dict.fromkeys(asked_for, "not asked for: also=")
    assert (run.seed, run.report.seed, run.report.check) == (5, 5, f"check_{check}")


@pytest.mark.parametrize("one", [str, lambda name: [name], lambda name: (name,)])
def test_names_come_alone_or_in_a_list(one):
    run = Run("filter", one("shape"), one("dtype"), 0)
    assert run.has("dtype")
    assert not run.has("shape")
    assert run.report.not_checked["shape"] == "skip"
    assert "dtype" not in run.report.not_checked
    both = Run("filter", one("dtype"), one("dtype"), 0)
    assert both.report.not_checked["dtype"] == "skip"


@pytest.mark.parametrize("name", ["edges", "law "])
def test_a_name_of_another_check_is_unknown(name):
    with pytest.raises(ValueError, match=f"^skip: a filter has no property '{name}'; "):
        Run("filter", name, (), 0)
    with pytest.raises(ValueError, match="^also: .* it has no crash, input untouched,"):
        Run("filter", (), [name], 0)


def test_what_is_passed_and_what_is_passed_over():
    run = Run("beams", (), (), 0)
    run.passed("sorted")
    run.passed("score", "on 3 texts")
    run.pass_over("ends", "it has none")
    assert run.report.checked == {"sorted": "1 time", "score": "on 3 texts"}
    assert run.report.not_checked == {"ends": "it has none"}
    assert not run.has("ends")
    assert run.has("sorted")


# Examples of one's own.


def test_a_list_is_taken_as_it_is():
    assert search.examples_of(iter([3, 1, 2]), 2) == [3, 1, 2]


def test_a_strategy_gives_so_many_the_same_every_time(monkeypatch):
    numbers = st.integers(0, 10**6)
    found = search.examples_of(numbers, 7)
    assert len(found) == 7
    assert search.examples_of(numbers, 7) == found
    monkeypatch.setattr(search, "n_examples", lambda: 4)
    assert len(search.examples_of(numbers)) == 4


def value_error(wrong=True):
    def f(row):
        seen.append((row.dtype.name, row.tolist()))
        if wrong and not np.isfinite(row).all():
            raise Broken("no crash", "refused", cause=ValueError())
        return 1

    seen = []
    return f, seen


def test_rows_that_nothing_can_be_drawn_from():
    f, seen = value_error()
    run = Run("filter", (), "broken rows", 0)
    search.broken_rows_of(run, f, "broken rows")
    assert run.report.checked["broken rows"] == "6 rows"
    assert [name for name, _ in seen] == ["float64", "float32"] * 3
    rows = [row for _, row in seen[::2]]
    assert str(rows) == "[[0.5, nan, 1.0], [0.5, inf, 1.0], [-inf, -inf, -inf]]"


def test_other_errors_and_results_are_not_right():
    run = Run("filter", (), "broken rows", 0)
    f, _ = value_error(False)
    with pytest.raises(Broken) as error:
        search.broken_rows_of(run, f, "broken rows")
    assert (error.value.name, error.value.wrong) == ("broken rows", "it returns 1")
    assert error.value.example == "row = np.array([0.5, np.nan, 1.0])"

    def crashes(row):
        raise Broken("no crash", "other", cause=TypeError())

    with pytest.raises(Broken, match="other"):
        search.broken_rows_of(run, crashes, "broken rows")


# Who speaks of several rows.


def peak(z):
    return z.max(axis=-1, keepdims=True)


def two_deep(z):
    return peak(z)


def three_deep(z):
    return two_deep(z)


def closes_over(g):
    return lambda z: z - g(z)


class Tool:
    """Something to call that has no code of its own."""

    def __call__(self, z):
        return z - z.max(axis=-1, keepdims=True)


@pytest.mark.parametrize(
    ("f", "speaks"),
    [
        (lambda z: z - z.max(), False),
        (lambda z: z - z.max(axis=-1, keepdims=True), True),
        (lambda z: z - np.max(z, axis=1, keepdims=True) if len(z) == 1 else z, True),
        (lambda z: z - z.max(keepdims=True), True),
        (lambda z: z if z.ndim == 1 else 1 / 0, True),
        (lambda z: z - peak(z), True),
        (lambda z: z - two_deep(z), True),
        (lambda z: z - three_deep(z), False),
        (closes_over(peak), True),
        (closes_over(lambda z: z.max()), False),
        (functools.partial(lambda c, z: c + z - peak(z), 2), True),
        (lambda z: [r - r.max(axis=-1) for r in z] if z.ndim == 2 else z, True),
        (lambda z: np.sort(z, axis=0), False),
        (lambda z: z - z.max(axis=0), False),
        (lambda z: (z - z.max(axis=-1))[0] if z.ndim < 0 else z[0] + 0 * z, True),
        (Tool(), False),
        (np.abs, False),
    ],
)
def test_whose_code_speaks_of_rows(f, speaks):
    assert batches.speaks_of_rows(Subject(f, None, "any", False, 5)) == speaks


@pytest.mark.parametrize(
    ("f", "works"),
    [
        (lambda z: z, True),
        (lambda z: z * (1 + z.ndim), False),
        (lambda z: z[0] if z.ndim == 2 else z, False),
        (lambda z: z - INF if z.ndim == 2 else z, False),
        (lambda z: 1 / 0 if z.ndim == 2 else z, False),
        (lambda z: "word" if z.ndim == 2 else z, False),
        (lambda z: z.tolist(), True),
        (lambda z: z[:, ::-1] if z.ndim == 2 else z, False),
    ],
)
def test_whether_one_row_as_a_table_works(f, works):
    assert batches._one_row_works(Subject(f, None, "any", False, 5)) == works


def test_a_variable_that_is_not_there_yet():
    def f(z):
        return z - later(z)

    if f is None:
        later = peak
    assert not batches.speaks_of_rows(Subject(f, None, "any", False, 5))
