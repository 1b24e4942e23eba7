"""Right answers pass, wrong ones are refused with a message that names the symptom.

answers/NAME.py holds both: functions ``right_...``, written in different ways, and
``wrong_...``, plausible mistakes, each with a pattern of what must be said about it.

said.json keeps the whole of what is said about each, letter by letter, in how many
cases each symptom shows, and which cases there are: learners see it, so it changes on
purpose or not at all.

    NUMPYGPT_WRITE=1 python -m pytest tests/exercises/test_answers.py    # a new one
"""

import importlib.util
import inspect
import json
import os
import re
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest

from numpygpt.exercises import EXERCISES
from numpygpt.exercises.grade import grade, has, look

FOLDER = Path(__file__).parent / "answers"
SAID = json.loads((FOLDER.parent / "said.json").read_text(encoding="utf-8"))


def task_of(name):
    return importlib.import_module(f"numpygpt.exercises.tasks.{name}")


def load(name):
    spec = importlib.util.spec_from_file_location(
        f"answers_{name}", FOLDER / f"{name}.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answers(kind):
    return [
        pytest.param(name, function, id=f"{name}-{word}")
        for name in EXERCISES
        for word, function in vars(load(name)).items()
        if word.startswith(kind) and inspect.isfunction(function)
    ]


def graded(name, function):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return grade(task_of(name), function)


@pytest.mark.parametrize("name, function", answers("right_"))
def test_right_answers_pass(name, function):
    problem, n = graded(name, function)
    assert problem is None, problem
    assert n >= 5
    check_said(name, number_of(name))
    assert n == SAID[name][0]


def number_of(name):
    """How many cases an exercise has, and a number that changes when one of them does.
    (Of numbers the first four digits: computers differ in the last.)"""

    def words(value):
        if isinstance(value, np.ndarray):
            values = [f"{v:.4g}" for v in value.ravel().tolist()]
            return f"{value.dtype} {value.shape} {values}"
        if isinstance(value, (list, tuple)):
            return f"[{', '.join(map(words, value))}]"
        if isinstance(value, dict):
            return (
                f"{{{', '.join(f'{words(k)}: {words(v)}' for k, v in value.items())}}}"
            )
        if callable(value):
            return "a function"
        return f"{value:.4g}" if isinstance(value, float) else repr(value)

    cases = [words(args) for args in task_of(name).cases()]
    return [len(cases), zlib.crc32("\n".join(cases).encode())]


def check_said(key, now):
    """Is it what said.json has? Or, if asked to, put it there."""
    if os.environ.get("NUMPYGPT_WRITE"):
        SAID[key] = now
        text = json.dumps(dict(sorted(SAID.items())), indent=0, ensure_ascii=False)
        (FOLDER.parent / "said.json").write_text(text + "\n", encoding="utf-8")
    assert SAID.get(key) == now


@pytest.mark.parametrize("name, function", answers("wrong_"))
def test_wrong_answers_are_refused_by_their_symptom(name, function):
    problem, n = graded(name, function)
    assert problem is not None
    told = [problem.kind]  # Python's own words and times are not always the same
    if problem.kind not in ("raised", "extra"):
        told += [n, problem.says, problem.call]
    check_said(f"{name} {function.__name__}", told)
    assert re.search(function.__doc__, problem.says), problem
    task = task_of(name)
    symptom = task.SYMPTOMS.get(problem.says)
    if symptom:  # the example that is shown shows what is said
        assert has(symptom, problem)
    elif problem.kind not in ("extra", "raised"):
        use = getattr(task, "use", lambda function: function)
        assert look(task, use(function), problem.args).says == problem.says


@pytest.mark.parametrize("name, function", answers("wrong_"))
def test_each_symptom_shows_in_the_same_cases(name, function):
    shown = symptoms_of(name, function)
    if shown:
        check_said(f"{name} {function.__name__} shows", " ".join(map(str, shown)))


def symptoms_of(name, function):
    """Of each symptom, how many of the cases show it."""
    task = task_of(name)
    if hasattr(task, "use"):
        function = task.use(function)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        problems = [look(task, function, args) for args in task.cases()]
    wrong = [p for p in problems if p and p.kind in ("values", "shape")]
    return wrong and [sum(has(s, p) for p in wrong) for s in task.SYMPTOMS.values()]


@pytest.mark.parametrize("name", EXERCISES)
def test_there_are_two_right_and_four_wrong_answers(name):
    kinds = [word[:5] for word, f in vars(load(name)).items() if inspect.isfunction(f)]
    assert kinds.count("right") >= 2 and kinds.count("wrong") >= 4
