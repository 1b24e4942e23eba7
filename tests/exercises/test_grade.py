"""The grader by hand: what is equal, what is wrong, and how an example gets smaller."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from numpygpt.exercises import grade as g

NAN, INF = np.nan, np.inf
FLOATS = np.array([1.0, 100.0], np.float32)


def row(*numbers, dtype=np.float32):
    return np.array(numbers, dtype)


VALUES, TYPE = "values", "type"


def unheard(text):
    """Notes that nobody reads."""


@pytest.mark.parametrize(
    ("expected", "got", "kind", "words"),
    [
        (1, None, "nothing", "return missing"),
        # lists
        ([1, 2], (1, 2), None, None),
        ([1, 2], np.array([1, 2]), None, None),
        ([1, 2], [1], VALUES, "another length"),
        ([1, 2], 3, TYPE, "an int, not a list"),
        ([1, 2], [1, 3], VALUES, "another"),
        ([1, 2], [3, 2], VALUES, "another"),
        ([[1], [2]], [[1], 2], TYPE, "an int, not a list"),
        # texts
        ("ab", "ab", None, None),
        ("ab", "ac", VALUES, "result is another"),
        ("1", 1, VALUES, "result is another"),
        (1, "1", VALUES, "result is another"),
        # numbers
        (1, 1, None, None),
        (1, np.int64(1), None, None),
        (1, np.array(1, np.uint8), None, None),
        (1, 2, VALUES, "number is another"),
        (1, 1.0, TYPE, "a float, not an int"),
        (1, np.float32(1), TYPE, "a float32, not an int"),
        (np.int64(1), 1.0, TYPE, "a float, not a int64"),
        (1, True, TYPE, "a bool, not an int"),
        (1.0, 1, None, None),
        (1.0, row(1), TYPE, "an array [1] of float32, not a float"),
        (1.0, [1.0], TYPE, "a list, not a float"),
        (1.0, 1j, TYPE, "a complex, not a float"),
        (100.0, 100.0009, None, None),
        (100.0, 100.0015, VALUES, "number is another"),
        (0.0, 9e-7, None, None),
        (0.0, 1.5e-6, VALUES, "number is another"),
        (NAN, NAN, None, None),
        (NAN, 1.0, VALUES, "number is another"),
    ],
)
def test_two_results_are_compared(expected, got, kind, words):
    found, says = g.compare(expected, got)
    assert found == kind
    assert says is None if words is None else words in says


@pytest.mark.parametrize(
    ("expected", "got", "kind", "words"),
    [
        (FLOATS, FLOATS.copy(), None, None),
        (FLOATS, "text", TYPE, "a str, not an array [2] of float32"),
        (FLOATS, [1.0, 100.0], TYPE, "a list, not an array"),
        (FLOATS, FLOATS.astype(object), TYPE, "of object, not"),
        (FLOATS, FLOATS.astype(complex), TYPE, "of complex128, not"),
        (FLOATS, FLOATS[None], "shape", "wrong shape"),
        (row(1)[0:1].reshape(()), 1.0, "dtype", "float64 comes out"),
        (row(1).reshape(()), np.float32(1), None, None),
        (row(1).reshape(()), 2, VALUES, "The values differ."),
        (row(0, 1), np.array([False, True]), "dtype", "bool comes out"),
        (row(1, dtype=np.int64), row(1, dtype=np.uint8), "dtype", "uint8 comes out"),
        (FLOATS, FLOATS.astype(float), "dtype", "float64 comes out where float32"),
        (FLOATS, row(NAN, 100), VALUES, "NaN comes out"),
        (row(NAN, 1), row(NAN, 1), None, None),
        (row(NAN, 1), row(1, NAN), VALUES, "The values differ."),
        (row(1, NAN), row(1, 2), VALUES, "The values differ."),
        # how near is equal: 2e-5 of float32, 1e-9 of float64, 2e-2 of float16
        (row(0), row(1.9e-5), None, None),
        (row(0), row(2.1e-5), VALUES, "The values differ."),
        (row(1), row(1 + 3.9e-5), None, None),
        (row(1), row(1 + 4.1e-5), VALUES, "The values differ."),
        (row(0, dtype=float), row(0.9e-9, dtype=float), None, None),
        (row(0, dtype=float), row(1.1e-9, dtype=float), VALUES, "The values differ."),
        (row(0, dtype=np.float16), row(0.019, dtype=np.float16), None, None),
        (
            row(0, dtype=np.float16),
            row(0.021, dtype=np.float16),
            VALUES,
            "The values differ.",
        ),
        (row(5, dtype=np.int64), row(5, dtype=np.int64), None, None),
        (
            row(10**9, dtype=np.int64),
            row(10**9 + 1, dtype=np.int64),
            VALUES,
            "The values differ.",
        ),
    ],
)
def test_two_arrays_are_compared(expected, got, kind, words):
    found, says = g.compare(expected, got)
    assert found == kind
    assert says is None if words is None else words in says


def test_a_dtype_is_no_other_value():
    assert g.same(FLOATS, FLOATS.astype(float)) and g.same([1], [1])
    assert not g.same(FLOATS, FLOATS + 1) and not g.same([1], [2])


@pytest.mark.parametrize(
    ("a", "b", "right"),
    [
        (row(1), row(1), True), (row(1), row(2), False), (row(1), row(1, 1), False),
        (row(1), row(1, dtype=float), False), (row(NAN), row(NAN), True),
        ([1, row(1, 2)], [1, row(1, 2)], True),
        ([1, row(1, 2)], [1, row(1, 3)], False),
        ([1], [1, 2], False), ((1, 2), (1, 3), False),
        ({"a": row(1, 2)}, {"a": row(1, 2)}, True),
        ({"a": row(1, 2)}, {"a": row(1, 3)}, False),
        ({"a": 1}, {"b": 1}, False), ({"a": 1, "b": 2}, {"a": 1, "b": 3}, False),
        (1, 1, True), (1, 2, False), (NAN, NAN, True), ("a", "b", False),
    ],
)  # fmt: skip
def test_exactly_the_same(a, b, right):
    assert g.equal(a, b) == right


@pytest.mark.parametrize(
    ("got", "right"),
    [
        ([1, 2, -9], True), ([1, 2, -INF], False), ([1, 2, 0], False),
        ([1, 3, -9], False), ([-9, 2, -INF], False), ([1, 2, NAN], False),
        ([1, 2, INF], False),
    ],
)  # fmt: skip
def test_what_should_be_removed_and_is_still_finite(got, right):
    assert g.still_finite(row(*got), row(1, 2, -INF), row(1, 2, 0)) == right


def test_what_should_be_removed_and_is_still_finite_in_one_of_several_places():
    got = row(1, -9, -INF)
    assert g.still_finite(got, row(1, -INF, -INF), row(1, 0, 2))


def test_a_symptom_that_trips_does_not_show():
    problem = g.Problem("values", "", (row(1),), row(2), row(3))
    assert g.has(lambda got, expected, x: got > expected > x, problem) is True
    assert g.has(lambda got, expected, x: got < expected, problem) is False
    assert g.has(lambda got, expected: 1, problem) is False
    assert g.has(lambda *args: 1 / 0, problem) is False
    wrong = g.like(lambda x: x * 3)
    assert g.has(wrong, problem) and not g.has(g.like(lambda x: x), problem)


def test_numpys_complaints_are_no_failures():
    """What overflows is infinite, even where somebody asked for errors."""
    problem = g.Problem("values", "", (row(0),), row(0), row(0))
    fraction = task(answer=lambda x: 1 / x)
    with np.errstate(all="raise"):
        assert g.has(lambda got, expected, x: 1 / x > 0, problem)
        start = g.Problem("values", "", (row(3),))
        found = g.smallest(fraction, lambda x: -1 / x, start, unheard)
        assert found.args[0].tolist() == [0]


def test_a_symptom_cannot_change_the_arguments():
    def spoil(x):
        x *= 3
        return x

    problem = g.Problem("values", "", (row(1),), row(2), row(3))
    assert g.has(g.like(spoil), problem) and problem.args[0][0] == 1


def double(x, more=0):
    """What the task below asks for."""
    return 2 * x


def task(*cases, symptoms=None, answer=double, **more):
    symptoms = {} if symptoms is None else symptoms
    cases = [case if isinstance(case, tuple) else (case,) for case in cases]
    return SimpleNamespace(
        NAME="double", answer=answer, cases=lambda: iter(cases), SYMPTOMS=symptoms,
        **more,
    )  # fmt: skip


def test_a_right_function_passes_and_its_cases_are_counted():
    assert g.grade(task(row(1), row(2)), lambda x: x + x) == (None, 2)
    assert g.grade(task(), lambda x: x) == (None, 0)


def test_twelve_failures_are_enough():
    many = [row(n) for n in range(1, 30)]
    problem, n = g.grade(task(*many), lambda x: x)
    assert (problem.kind, n) == ("values", 12)
    assert problem.call == "x = np.array([1.], np.float32)\ndouble(x)"
    problem, n = g.grade(task(*many[:11]), lambda x: x)
    assert (problem.kind, n) == ("values", 11)


def test_anything_but_a_wrong_value_ends_it():
    problem, n = g.grade(task(row(1), row(2)), lambda x: None)
    assert (problem.kind, n) == ("nothing", 1)
    mixed = [row(1), row(2), row(3)]
    problem, n = g.grade(task(*mixed), lambda x: x if x[0] < 2 else None)
    assert (problem.kind, n) == ("values", 2)


def test_the_last_look_comes_when_all_is_right():
    notes = []
    slow = task(row(1), extra=lambda function: "It is slow.")
    problem, n = g.grade(slow, lambda x: 2 * x, notes.append)
    assert (problem.kind, problem.says, n) == ("extra", "It is slow.", 1)
    assert notes == [
        "x = np.array([1.], np.float32)\ndouble(x)", "the last look at it",
    ]  # fmt: skip
    slow.extra = lambda function: None
    assert g.grade(slow, lambda x: 2 * x) == (None, 1)
    slow.extra = lambda function: 1 / 0
    assert g.grade(slow, lambda x: x)[0].kind == "values"


def test_use_makes_what_is_graded():
    used = task(row(1), use=lambda function: lambda x: function(x) + x)
    assert g.grade(used, lambda x: x)[0] is None


def test_what_goes_wrong_in_one_call():
    def spoil(x):
        x += x
        return x

    def unwritten(x):
        raise NotImplementedError

    for function, kind, words in [
        (unwritten, "unwritten", "It is not written yet"),
        (spoil, "changed", "It changes its argument x,"),
        (lambda x: exit(), "raised", "It called exit()"),
        (
            lambda x: 1 / 0,
            "raised",
            "It raised ZeroDivisionError: division by zero (li",
        ),
        (lambda x: None, "nothing", "It returns None. Is the return missing?"),
    ]:
        problem = g.look(task(), function, (row(1),))
        assert problem.kind == kind and problem.says.startswith(words)
        assert problem.args[0].tolist() == [1]
    problem = g.look(task(), spoil, (row(1),))
    assert (problem.expected.tolist(), problem.got.tolist()) == ([2], [2])
    assert g.look(task(), lambda x: 2 * x, (row(1),)) is None


def test_a_wrong_result_matters_more_than_a_changed_argument():
    def spoil(x):
        x += 5
        return x

    assert g.look(task(), spoil, (row(1),)).kind == "values"


def test_the_second_argument_is_named_when_it_changes():
    def spoil(x, more):
        more.append(1)
        return 2 * x

    assert "its argument more," in g.look(task(), spoil, (row(1), [])).says


def fails(x):
    raise ValueError("y" * 300)


def test_an_error_is_told_with_its_line_and_cut():
    says = g.look(task(), fails, (row(1),)).says
    line = fails.__code__.co_firstlineno + 1
    assert says == (
        f'It raised ValueError: {"y" * 200} (line {line}: raise ValueError("y" * 300))'
    )
    says = g.look(task(), "".join, (row(1),)).says
    assert says.startswith("It raised TypeError: ") and "(line" not in says


def problems(*pairs):
    return [g.Problem(kind, "?", (n,), 0, n) for kind, n in pairs]


def test_the_first_symptom_that_all_show_is_told():
    symptoms = {
        "one": lambda got, *_: got == 1,
        "odd": lambda got, *_: got % 2 == 1,
        "any": lambda got, *_: got > 0,
    }
    told = task(symptoms=symptoms)

    def says(*pairs):
        found = g.diagnose(told, problems(*pairs))
        return found.says, found.got

    assert says(("values", 1)) == says(("shape", 1)) == ("one", 1)
    assert says(("values", 3), ("values", 1)) == ("odd", 3)
    assert says(("values", 2), ("shape", 1)) == ("any", 2)
    assert says(("values", -2), ("shape", 1)) == ("one", 1)
    assert says(("values", -2), ("values", 4)) == ("any", 4)
    assert says(("values", -2)) == ("?", -2)
    assert says(("type", 1), ("values", 1)) == ("?", 1)
    assert says(("values", 3), ("type", -1)) == ("odd", 3)


def test_an_example_becomes_simple_while_the_same_shows():
    symptoms = {"negative": lambda got, expected, x: (x < 0).any()}
    args = (row(7.3, -2.7, 3),)
    problem = g.Problem("values", "negative", args, double(*args), args[0])
    found = g.smallest(task(symptoms=symptoms), lambda x: x, problem, unheard)
    assert found.says == "negative" and found.args[0].tolist() == [0, -1, 0]
    assert found.expected.tolist() == [0, -2, 0]
    problem = problem._replace(says="another")
    found = g.smallest(task(symptoms=symptoms), lambda x: x, problem, unheard)
    assert found.says == "another" and found.args[0].tolist() == [0, 0, 1]


@pytest.mark.parametrize("kind", ["values", "shape", "dtype", "changed", "raised"])
def test_only_some_kinds_of_failures_have_a_smaller_example(kind):
    function = {
        "values": lambda x: x + 1,
        "shape": lambda x: x[None],
        "dtype": lambda x: 2 * x.astype(float),
        "changed": lambda x: np.multiply(x, 2, x),
        "raised": lambda x: 1 / 0,
    }[kind]
    x = row(3)
    problem = g.look(task(), function, (x.copy(),))
    assert problem.kind == kind
    found = g.smallest(task(), function, problem, unheard)
    wanted = {"raised": 3, "changed": 1}
    assert found.args[0].tolist() == [wanted.get(kind, 0)]


def test_another_kind_of_failure_is_no_smaller_example():
    """At 0 it fails in another way."""
    function = lambda x: x if x.all() else None  # noqa: E731
    problem = g.look(task(), function, (row(4),))
    assert g.smallest(task(), function, problem, unheard).args[0].tolist() == [1]


def test_what_is_not_valid_is_no_smaller_example():
    limited = task(valid=lambda x: x.min() >= 2)
    problem = g.look(limited, lambda x: x, (row(3.7),))
    assert g.smallest(limited, lambda x: x, problem, unheard).args[0].tolist() == [4]


def test_what_the_right_answer_cannot_take_is_no_smaller_example():
    def answer(x):
        if x[0] == 0:
            raise ValueError
        return 2 * x

    picky = task(answer=answer)
    problem = g.look(picky, lambda x: x, (row(3),))
    assert g.smallest(picky, lambda x: x, problem, unheard).args[0].tolist() == [1]


def test_there_is_an_end_to_the_attempts(monkeypatch):
    calls = []

    def function(x):
        calls.append(x)
        return 2 * x + (x == 9)

    problem = g.look(task(), function, (np.full(30, 9.0, np.float32),))
    monkeypatch.setattr(g, "ATTEMPTS", 20)
    calls.clear()
    g.smallest(task(), function, problem, unheard)
    assert len(calls) == 13  # in 20 attempts: a new round counts as one


def test_what_cannot_get_simpler_is_not_tried_again():
    calls = []

    def function(x):
        calls.append(x)
        return 2 * x + (x == 1)

    problem = g.look(task(), function, (row(1),))
    calls.clear()
    assert g.smallest(task(), function, problem, unheard) == problem
    assert [x.tolist() for x in calls] == [[0], [0]]


def simpler(value):
    return [x.tolist() if isinstance(x, np.ndarray) else x
            for x in g.simpler_values(value)]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "right"),
    [
        (0, []), (3, [0, 1, 2]), (9, [0, 1, 2, 3]), (True, []), ("text", []),
        (0.0, []), (0.5, [0.0]), (1.0, [0.0, 0.5]), (0.25, [0.0, 0.5, 1.0, 0.2]),
        (0.3, [0.0, 0.5, 1.0]), ([], []), (["a"], []), ([0], [[]]),
        ([2, 5], [[5], [2], [0, 5], [1, 5], [2, 0], [2, 1], [2, 2]]),
        (row(), []), (row(1, dtype=np.int64), []), (row(0), []),
        (row(1), [[0], [0]]), (row(-1), [[0], [0], [1]]),
        (row(2), [[0], [0], [1], [-1]]),
        (row(0, 2.25, dtype=float),
         [[0, 0], [0, 2], [0, 2.2], [0, 0], [0, 1], [0, -1]]),
        (row(0, 2)[None], [[[0, 0]], [[0, 0]], [[0, 1]], [[0, -1]]]),
    ],
)  # fmt: skip
def test_simpler_values_in_their_order(value, right):
    assert simpler(value) == right


def test_of_a_long_array_only_the_first_40_numbers_are_replaced():
    changed = [np.flatnonzero(new != 9) for new in g.simpler_values(np.full(50, 9.0))]
    single = [at[0] for at in changed if len(at) == 1]
    assert single == [i for i in range(40) for _ in range(3)]


def test_a_zero_has_no_sign():
    for new in g.simpler_values(row(-0.3, -5)):
        assert not np.signbit(new[new == 0]).any() and new.dtype == np.float32


def test_one_argument_after_the_other_becomes_simpler():
    assert [*g.simpler((1, "a", 2))] == [(0, "a", 2), (1, "a", 0), (1, "a", 1)]


def test_a_call_is_shown():
    assert g.show_call(task(), (1, 2)) == "x = 1\nmore = 2\ndouble(x, more)"
    assert g.show_call(task(), (1,)) == "x = 1\ndouble(x)"
    own = task(call=lambda x, more: f"double({x}, more={more})")
    assert g.show_call(own, (1, 2)) == "x = 1\nmore = 2\ndouble(1, more=2)"
    assert list(itertools.islice(g.names(task()), 3)) == ["x", "more"]
