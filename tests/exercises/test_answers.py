"""Right answers pass, wrong ones are refused with a message that names the symptom.

answers/NAME.py holds both: functions ``right_...``, written in different ways, and
``wrong_...``, plausible mistakes, each with a pattern of what must be said about it.
"""

import importlib.util
import inspect
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from numpygpt.exercises import EXERCISES
from numpygpt.exercises.grade import grade, has, look

FOLDER = Path(__file__).parent / "answers"


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


@pytest.mark.parametrize("name, function", answers("wrong_"))
def test_wrong_answers_are_refused_by_their_symptom(name, function):
    problem, _ = graded(name, function)
    assert problem is not None
    assert re.search(function.__doc__, problem.says), problem
    task = task_of(name)
    symptom = task.SYMPTOMS.get(problem.says)
    if symptom:  # the example that is shown shows what is said
        assert has(symptom, problem)
    elif problem.kind not in ("extra", "raised"):
        use = getattr(task, "use", lambda function: function)
        assert look(task, use(function), problem.args).says == problem.says


@pytest.mark.parametrize("name", EXERCISES)
def test_there_are_two_right_and_four_wrong_answers(name):
    kinds = [word[:5] for word, f in vars(load(name)).items() if inspect.isfunction(f)]
    assert kinds.count("right") >= 2 and kinds.count("wrong") >= 4
