"""Is this function right? If not: what is wrong with it, on how small an example?

An exercise (a module of tasks/) brings

    answer(*args)    the right function
    cases()          arguments to try, from small to large
    SYMPTOMS         {what is wrong, in words: has(got, expected, *args) -> bool}
    valid(*args)     may the arguments be these?
    use(function)    what is graded, where that is more than one call
    call(*args)      how a case is shown
    extra(function)  a last look, the speed say: None, or what is wrong

of which the last four may be left out. The grader calls the learner's function with
copies of the arguments and compares. When it has found a case that fails, it makes the
example smaller: cases come in the order of their size, so sizes are small already, and
then values are replaced by 0, by 1, by rounded ones, as long as the function still
fails *in the same way*. That is how property testing shows a bug, and it is a better
teacher than a big example.
"""

import copy
import inspect
import itertools
import traceback
from typing import NamedTuple

import numpy as np

from .show import kind_of, show

CLOSE = {2: 2e-2, 4: 2e-5, 8: 1e-9}  # bytes of a number: how near is equal
ATTEMPTS = 400  # at making the example smaller


class Problem(NamedTuple):
    """What is wrong with one call. ``kind``: one word; ``says``: in words; ``call``:
    the call as Python."""

    kind: str
    says: str
    args: tuple = ()
    expected: object = None
    got: object = None
    call: str = ""


def grade(task, function, note=lambda text: None):
    """``(problem or None, number of cases)``. ``note`` is told every call before it
    is made, so that somebody knows what was going on if it never ends."""
    learners, n, problems = function, 0, []
    if hasattr(task, "use"):
        function = task.use(function)
    for n, args in enumerate(task.cases(), 1):
        problem = look(task, function, args, note)
        if problem is None:
            continue
        problems.append(problem)
        if problem.kind != "values" or len(problems) == 12:
            break
    if problems:
        problem = smallest(task, function, diagnose(task, problems), note)
        return problem._replace(call=show_call(task, problem.args)), n
    note("the last look at it")
    says = task.extra(learners) if hasattr(task, "extra") else None
    return (Problem("extra", says) if says else None), n


def look(task, function, args, note=lambda text: None):
    """Call the function once; a Problem, or None if all is well."""
    expected = task.answer(*copy.deepcopy(args))
    own = copy.deepcopy(args)
    note(show_call(task, args))
    try:
        got = function(*own)
    except NotImplementedError:
        return Problem("unwritten", "It is not written yet.", args)
    except BaseException as error:  # exit() and a simulated Ctrl-C, too
        return Problem("raised", what_was_raised(error, function), args, expected)
    kind, says = compare(expected, got)
    changed = [name for name, a, b in zip(names(task), args, own) if not equal(a, b)]
    if not says and changed:
        kind = "changed"
        says = (
            f"It changes its argument {changed[0]}, which belongs to the caller. "
            "Compute into a new array or list."
        )
    return Problem(kind, says, args, expected, got) if says else None


def what_was_raised(error, function):
    """The error and the learner's line that raised it."""
    if isinstance(error, SystemExit):
        return "It called exit(). A function returns its result."
    code = getattr(inspect.unwrap(function), "__code__", None)
    file = code.co_filename if code else None
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == file]
    where = f" (line {own[-1].lineno}: {own[-1].line})" if own else ""
    return f"It raised {type(error).__name__}: {str(error)[:200]}{where}"


def compare(expected, got):
    """``(kind, what is wrong)``; ``(None, None)`` if the two are the same."""
    if got is None:
        return "nothing", "It returns None. Is the return missing?"
    if isinstance(expected, np.ndarray):
        return compare_arrays(expected, got)
    if isinstance(expected, (list, tuple)):
        if isinstance(got, np.ndarray):
            got = list(got)
        if not isinstance(got, (list, tuple)):
            return "type", f"It returns {kind_of(got)}, not {kind_of(expected)}."
        if len(got) != len(expected):
            return "values", "The result has another length."
        for one, other in zip(expected, got):
            kind, says = compare(one, other)
            if says:
                return kind, says
        return None, None
    if isinstance(expected, str) or isinstance(got, str):
        same = isinstance(got, type(expected)) and got == expected
        return (None, None) if same else ("values", "The result is another.")
    if np.ndim(got) or not isinstance(got, (int, float, np.number, np.ndarray)):
        return "type", f"It returns {kind_of(got)}, not {kind_of(expected)}."
    if (
        isinstance(expected, (int, np.integer))
        and np.asarray(got).dtype.kind not in "iu"
    ):
        return "type", f"It returns {kind_of(got)}, not {kind_of(expected)}."
    ok = np.isclose(float(got), float(expected), rtol=1e-5, atol=1e-6, equal_nan=True)
    return (None, None) if ok else ("values", "The number is another.")


def compare_arrays(expected, got):
    """`compare` for an array: type, shape, values, dtype."""
    number = isinstance(got, (np.ndarray, np.generic, int, float))
    if not number or np.asarray(got).dtype.kind not in "fiub":
        return "type", f"It returns {kind_of(got)}, not {kind_of(expected)}."
    got = np.asarray(got)
    if got.shape != expected.shape:
        return "shape", "The result has the wrong shape."
    close = CLOSE[expected.dtype.itemsize] if expected.dtype.kind == "f" else 0
    if np.isnan(got).any() and not np.isnan(expected).any():
        return "values", "NaN comes out where a number is due."
    if not np.allclose(got, expected, rtol=close, atol=close, equal_nan=True):
        return "values", "The values differ."
    if got.dtype != expected.dtype:
        return "dtype", (
            f"{got.dtype} comes out where {expected.dtype} is due. (A number or an "
            "array that NumPy makes, np.sqrt(2) or np.zeros(3), is float64 and turns "
            "all that it touches into it; math.sqrt(2), a Python number, does not.)"
        )
    return None, None


def equal(a, b):
    """Exactly the same, arrays and all."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
    return a is b or a == b


def same(a, b):
    """Near enough, in the sense of the grader."""
    return compare(a, b)[1] is None or compare(a, b)[0] == "dtype"


def like(wrong):
    """For SYMPTOMS: does the result look like that of a well-known mistake?"""

    def has(got, expected, *args):
        return same(wrong(*copy.deepcopy(args)), got)

    return has


def still_finite(got, expected, logits, *rest):
    """For SYMPTOMS of filters: what should be removed has another, finite logit."""
    removed = expected == -np.inf
    changed = np.isfinite(got) & (got != logits)
    return (changed & removed).any() and np.array_equal(got[~removed], logits[~removed])


def has(symptom, problem):
    """Does a problem show a symptom? (A symptom's function may trip over what came.)"""
    try:
        with np.errstate(all="ignore"):
            return bool(symptom(problem.got, problem.expected, *problem.args))
    except Exception:
        return False


def diagnose(task, problems):
    """The smallest problem, in the words of the first symptom that all of them show,
    or else of the first that some show."""
    wrong = [p for p in problems if p.kind in ("values", "shape")]
    if not wrong or problems[0].kind not in ("values", "shape"):
        return problems[0]
    for enough in all, any:
        for says, symptom in task.SYMPTOMS.items():
            shown = [has(symptom, p) for p in wrong]
            if enough(shown):
                return wrong[shown.index(True)]._replace(says=says)
    return wrong[0]


def smallest(task, function, problem, note):
    """Make the example simpler while the function fails in the same way."""
    symptom = task.SYMPTOMS.get(problem.says)
    attempts = itertools.count()
    again = problem.kind in ("values", "shape", "dtype", "changed")
    while again and next(attempts) < ATTEMPTS:
        again = False
        for args in simpler(problem.args):
            if next(attempts) >= ATTEMPTS:
                break
            new = try_simpler(task, function, args, note)
            if new is None or new.kind != problem.kind:
                continue
            if symptom and not has(symptom, new):
                continue
            problem, again = new._replace(says=problem.says), True
            break
    return problem


def try_simpler(task, function, args, note):
    try:
        with np.errstate(all="ignore"):
            if hasattr(task, "valid") and not task.valid(*args):
                return None
            return look(task, function, args, note)
    except Exception:  # the right answer itself cannot take these
        return None


def simpler(args):
    """Simpler arguments, the boldest step first."""
    for i, arg in enumerate(args):
        for new in simpler_values(arg):
            yield (*args[:i], new, *args[i + 1 :])


def simpler_values(value):
    """Simpler values of one argument: fewer items, then zeros, ones, round numbers."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
        for new in np.zeros_like(value), np.round(value), np.round(value, 1):
            if not equal(new, value):
                yield new + value.dtype.type(0)  # -0 becomes 0
        flat = value.reshape(-1)
        for i in range(min(len(flat), 40)):
            for x in 0.0, 1.0, -1.0:
                if flat[i] == x:
                    break
                new = flat.copy()
                new[i] = x
                yield new.reshape(value.shape)
    elif isinstance(value, list) and value and isinstance(value[0], int):
        for i in range(len(value)):
            yield value[:i] + value[i + 1 :]
        for i, item in enumerate(value):
            yield from (value[:i] + [x] + value[i + 1 :] for x in range(min(item, 3)))
    elif isinstance(value, float):
        for x in 0.0, 0.5, 1.0, round(value, 1):
            if x == value:
                break
            yield x
    elif isinstance(value, int) and not isinstance(value, bool):
        yield from range(min(value, 4))


def names(task):
    """The names of the function's arguments."""
    return list(inspect.signature(task.answer).parameters)


def show_call(task, args):
    """The call as lines of Python."""
    lines = [f"{name} = {show(arg)}" for name, arg in zip(names(task), args)]
    call = f"{task.NAME}({', '.join(names(task)[: len(args)])})"
    return "\n".join([*lines, task.call(*args) if hasattr(task, "call") else call])
