"""The kit itself: the command line, the learner's folder, code that misbehaves."""

import doctest
import importlib
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from numpygpt.exercises import EXERCISES, run
from numpygpt.exercises import __main__ as exercises_main
from numpygpt.exercises.__main__ import main, stub_of
from numpygpt.exercises.examples import floats, tiny_block, tiny_params
from numpygpt.exercises.grade import equal, grade, simpler_values
from numpygpt.exercises.show import show

TASKS = {
    name: importlib.import_module(f"numpygpt.exercises.tasks.{name}")
    for name in EXERCISES
}


def function_of(task):
    return getattr(task, "read", task.answer)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_answer_passes_and_the_stubs_example_is_true(name):
    task = TASKS[name]
    assert grade(task, function_of(task))[0] is None
    space = {}
    exec(compile(stub_of(task, name), name, "exec"), space)
    stub = space[task.NAME]
    examples = doctest.DocTestParser().get_examples(stub.__doc__)
    assert len(examples) >= 1
    space[task.NAME] = adapted(task)
    finder = doctest.DocTestFinder()
    runner, said = doctest.DocTestRunner(verbose=False), []
    for test in finder.find(stub, name, globs=space):
        runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)


def adapted(task):
    """The answer with the signature of the stub."""
    return getattr(task, "read", task.answer)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_stub_has_a_lesson_and_its_first_example_fails(name):
    text = stub_of(TASKS[name], name)
    assert all(len(line) <= 88 for line in text.splitlines())
    space = {"__name__": name}
    exec(compile(text, name, "exec"), space)
    assert len(space["__doc__"]) > 300
    stub = space[TASKS[name].NAME]
    problem, _ = grade(TASKS[name], stub)
    assert problem.kind == "unwritten"
    runner = doctest.DocTestRunner(verbose=False)
    for test in doctest.DocTestFinder().find(stub, name, globs=space):
        runner.run(test, out=lambda text: None)
    assert runner.failures > 0


@pytest.mark.parametrize("name", EXERCISES)
def test_hints_and_solution(name, capsys):
    assert len(TASKS[name].HINTS) >= 2
    assert main(["solution", name]) == 0
    places = re.findall(r"^(\S+\.py):(\d+)$", capsys.readouterr().out, re.MULTILINE)
    assert len(places) == len(TASKS[name].SOLUTION)
    from numpygpt.exercises.__main__ import ROOT

    for path, line in places:
        source = (ROOT / path).read_text().splitlines()[int(line) - 1]
        assert source.startswith(("def ", "class ", "@"))


def test_the_symptoms_of_an_exercise_are_all_reachable_text():
    for name, task in TASKS.items():
        for says in task.SYMPTOMS:
            assert says.strip() == says and says.endswith((".", "?")), (name, says)


def test_a_learner_goes_through_an_exercise(tmp_path, capsys):
    folder = ["--folder", str(tmp_path)]
    assert main([*folder, "start", "top_k"]) == 0
    path = tmp_path / "top_k.py"
    stub = path.read_text()
    assert main([*folder, "check", "top_k"]) == 1
    assert "not written yet" in capsys.readouterr().out
    path.write_text(stub.replace("raise NotImplementedError", "return logits"))
    assert main([*folder, "check", "top_k"]) == 1
    said = capsys.readouterr().out
    assert "One too many stays." in said and "expected  float32 [2]" in said
    assert "logits = np.array([0., 1.], np.float32)" in said
    assert "def top_k" not in said and "np.sort" not in said
    for n, last in (1, False), (2, False), (2, True):
        assert main([*folder, "hint", "top_k"]) == 0
        said = capsys.readouterr().out
        assert said.startswith(f"{n} of 2: ")
        assert said.endswith("exercises solution top_k\n") == last
    right = "return np.where(logits >= np.sort(logits)[-k:][0], logits, -np.inf)"
    right = right.replace("-np.inf)", "np.asarray(-np.inf, logits.dtype))")
    path.write_text(stub.replace("raise NotImplementedError", right))
    assert main([*folder, "check", "top_k"]) == 0
    assert "start top_p" in capsys.readouterr().out
    assert main([*folder, "list"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"done +top_k ", said) and "1 of 22 done" in said
    progress = json.loads((tmp_path / "progress.json").read_text())
    assert progress["top_k"]["hints"] == 2 and progress["top_k"]["done"]
    assert {p.name for p in tmp_path.iterdir()} == {"top_k.py", "progress.json"}


def test_nothing_of_the_learners_is_overwritten(tmp_path, capsys):
    (tmp_path / "gelu.py").write_text("mine")
    assert main(["--folder", str(tmp_path), "start", "gelu"]) == 1
    assert "nothing of yours is overwritten" in capsys.readouterr().err
    assert (tmp_path / "gelu.py").read_text() == "mine"
    (tmp_path / "progress.json").write_text("{damaged")
    for command in ["list"], ["hint", "gelu"]:
        assert main(["--folder", str(tmp_path), *command]) == 1
        assert "is damaged" in capsys.readouterr().err
    (tmp_path / "progress.json").write_text("[1]")
    assert main(["--folder", str(tmp_path)]) == 1
    assert "not a record of progress" in capsys.readouterr().err
    assert (tmp_path / "progress.json").read_text() == "[1]"


def test_what_does_not_exist_is_named(tmp_path, capsys):
    assert main(["start", "gellu"]) == 1
    said = capsys.readouterr().err
    assert "no exercise 'gellu' (did you mean gelu?): there are gelu, " in said
    assert main(["start", "layernorm"]) == 1
    assert "did you mean layer_norm?" in capsys.readouterr().err
    assert main(["start", "xyz"]) == 1
    assert "no exercise 'xyz': there are gelu, " in capsys.readouterr().err
    assert main(["--folder", str(tmp_path), "check", "gelu"]) == 1
    assert "there is no file" in capsys.readouterr().err


def seconds_for(code):
    """Little for what never ends; more than a busy machine needs for the rest."""
    return 2 if "while" in code else 60


def test_what_code_prints_cannot_command_the_terminal(tmp_path, capsys):
    """Nor can the name of a folder; Ctrl-C is no traceback."""
    folder = tmp_path / "a\x1b[31mb"
    body = "print('\\x1b[31m')\n    raise ValueError('\\x1b]52;c;YQ==\\x07')"
    assert main(["--folder", str(folder), "start", "gelu"]) == 0
    (folder / "gelu.py").write_text(f"def gelu(x):\n    {body}\n")
    assert main(["--folder", str(folder), "check", "gelu"]) == 1
    said = capsys.readouterr().out
    assert "\x1b" not in said and "\x07" not in said
    assert said.count("\\x1b[31m") >= 2


def test_ctrl_c_is_no_traceback(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(exercises_main, "task_of", interrupted)
    assert main(["hint", "gelu"]) == 130


MISBEHAVING = {
    "while True: pass": "No end after 2 s",
    "while True: print('x' * 1000)": "No end after 2 s",
    "import os; os._exit(3)": "ended the whole process (exit code 3)",
    "import os; os.abort()": "ended the whole process",
    "exit()": "called exit()",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "print('hello', x[0]); return x + 1": "The code printed:\n    hello 0.0",
    "return input()": "EOFError",
    "return 'text'": "returns a str, not an array [1] of float32",
    "return x.astype(object)": "of object, not an array [1] of float32",
    "return x[None]": "wrong shape",
    "return lambda: x": "returns a function",
    "x / [1, 2": "SyntaxError",
    "return undefined": "NameError: name 'undefined' is not defined (line 5: return",
    "return [0] * 10**12": "MemoryError",
    "return gelu(x)": "RecursionError",
    "return x * np.nan": "NaN comes out",
}


@pytest.mark.parametrize("body", MISBEHAVING)
def test_code_that_misbehaves_is_told(body, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(f"import numpy as np\n\n\ndef gelu(x):\n    {body}\n")
    passed, text = run.check("gelu", path, seconds=seconds_for(body))
    assert not passed and MISBEHAVING[body] in text, text


@pytest.mark.parametrize(
    "text, says",
    [
        ("x = 1", "defines no function gelu"),
        ("import nothing_like_that", "ModuleNotFoundError"),
        ("exit()", "It calls exit()"),
        ("1 / 0", "line 1: 1 / 0\n    ZeroDivisionError"),
        ("def gelu(): pass", "takes 0 positional arguments"),
        ("gelu = 3", "defines no function gelu"),
        ("while True: pass", "reading the file"),
        ("\0", "cannot be read"),
    ],
)
def test_files_that_are_no_solution(text, says, tmp_path):
    (tmp_path / "mine.py").write_text(text)
    seconds = seconds_for(text)
    passed, text = run.check("gelu", tmp_path / "mine.py", seconds)
    assert not passed and says in text, text


def test_a_shown_call_can_be_made_again():
    space = {"np": np, "tiny_params": tiny_params, "tiny_block": tiny_block}
    for task in TASKS.values():
        for args in task.cases():
            for arg in args:
                text = show(arg)
                if callable(arg) or text.startswith("..."):
                    continue
                assert equal(eval(text, space), arg), text


def test_simpler_values_come_to_an_end():
    for value in floats(0, 2, 3), [5, 7, 7], 0.37, 9:
        for _ in range(100):
            new = next(iter(simpler_values(value)), None)
            if new is None:
                break
            value = new
        assert new is None


@pytest.mark.skipif(os.name == "nt", reason="no limits of this kind there")
def test_speed_is_told_where_time_is_limited():
    """`ulimit -t` leaves the process's clock with ticks only."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (300, 305))\n"
        "from numpygpt.exercises.tasks import kv_cache as task\n"
        "assert task.extra(getattr(task, 'read', task.answer)) is None"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
