"""The kit itself: the command line, the learner's folder, code that misbehaves."""

import doctest
import functools
import importlib
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from numpygpt.exercises import EXERCISES, folder, run
from numpygpt.exercises import __main__ as exercises_main
from numpygpt.exercises.__main__ import main, stub_of
from numpygpt.exercises.examples import floats, probabilities, tiny_block, tiny_params
from numpygpt.exercises.grade import Problem, equal, grade, simpler_values
from numpygpt.exercises.show import kind_of, result, show

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
    return 1 if "while" in code else 60


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
    "while True: pass": "No end after 1 s",
    "while True: print('x' * 1000)": "No end after 1 s",
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


def named(x):
    """A function has a name."""


def marked(x):
    """Or a text that shows it."""


marked.shown = "marked()"


@pytest.mark.parametrize(
    ("value", "right"),
    [
        (np.array([1.0, np.inf]), "np.array([ 1., np.inf])"),
        (np.array([0.1, np.nan], np.float32), "np.array([0.1, np.nan], np.float32)"),
        (np.arange(2), "np.array([0, 1], np.int64)"),
        (np.zeros(151), "...  # an array [151] of float64"),
        ({"a": 1, 2: [3]}, "{'a': 1, 2: [3]}"), ({"a": named}, "{'a': named}"),
        ([1, (2, 3)], "[1, (2, 3)]"),
        ((1,), "(1,)"), ((), "()"), ([], "[]"), ([1], "[1]"), ("a", "'a'"),
        ([named], "[named]"), ((named, 1), "(named, 1)"),
        (np.float64(0.5), "0.5"), (np.int64(3), "3"), (0.1, "0.1"), (None, "None"),
        (named, "named"), (marked, "marked()"), (functools.partial(named), "..."),
        (tiny_params(7, 8, 4, 1), "tiny_params(7, 8, 4, 1)"),
        (tiny_block(2), "tiny_block(2)"),
    ],
)  # fmt: skip
def test_a_value_as_python(value, right):
    assert show(value) == right


def test_up_to_150_numbers_are_shown_in_lines_of_70_columns():
    text = show(np.arange(150.0))
    assert text.count(",") == 149 and "..." not in text
    lines = text.splitlines()
    assert len(lines) > 1 and 60 < max(map(len, lines[1:])) <= 70


@pytest.mark.parametrize(
    ("value", "right"),
    [
        (np.array([[1, 2.123456]], np.float32),
         "float32 [1, 2]\n[[1.      2.12346]]"),
        (np.array([1e-7, 1]), "float64 [2]\n[0. 1.]"),
        (np.array(2), "np.array(2, np.int64)"),
        ([np.array([1])], "a list of\nint64 [1]\n[1]"),
        ([1, np.array([1])], "a list of\n1\nint64 [1]\n[1]"), ([1, 2], "[1, 2]"),
        (0.12345678, "0.123457"), (np.float32(0.5), "0.5"), (3, "3"), ("a", "'a'"),
    ],
)  # fmt: skip
def test_a_result_with_what_it_is(value, right):
    assert result(value) == right


def test_a_large_result_is_shown_in_part():
    assert "..." not in result(np.arange(150.0)) and "..." in result(np.arange(151.0))
    lines = result(np.arange(150.0)).splitlines()
    assert 70 < max(map(len, lines)) <= 76


@pytest.mark.parametrize(
    ("value", "right"),
    [
        (np.zeros((2, 3)), "an array [2, 3] of float64"), (np.int8(1), "a int8"),
        (1, "an int"), (1.0, "a float"), ([], "a list"), ("", "a str"),
        (None, "a NoneType"), (True, "a bool"), ({}, "a dict"),
    ],
)  # fmt: skip
def test_what_sort_of_thing_a_value_is(value, right):
    assert kind_of(value) == right


# The examples' numbers: the same today and tomorrow.


def test_examples_have_few_digits():
    numbers = floats(0, 2, 3)
    assert numbers.dtype == np.float32 and numbers.shape == (2, 3)
    assert numbers.ravel().round(4).tolist() == pytest.approx(
        [0.3, -0.3, 1.3, 0.2, -1.1, 0.7], abs=1e-6
    )
    assert floats(0, 2, dtype=np.float64).tolist() == [0.3, -0.3]
    many = floats(1, 1000, dtype=np.float64)
    assert not np.signbit(many[many == 0]).any() and (many == 0).any()


def test_example_probabilities_sum_to_one():
    for seed in range(30):
        p = probabilities(seed, 5)
        assert p.shape == (5,) and p.sum() == pytest.approx(1) and (p >= 0).all()
        assert p.tolist() == [round(x, 2) for x in p.tolist()]
    assert probabilities(0, 3).tolist() == [0.64, 0.21, 0.15]
    assert probabilities(0, 1).tolist() == [1.0]


def shapes(tree):
    if isinstance(tree, dict):
        return {name: shapes(branch) for name, branch in tree.items()}
    if isinstance(tree, list):
        return [shapes(branch) for branch in tree]
    assert tree.dtype == np.float32
    return tree.shape


def linear_shapes(n_in, n_out):
    return {"weight": (n_in, n_out), "bias": (n_out,)}


def test_example_parameters_are_a_small_models():
    norm = {"weight": (4,), "bias": (4,)}
    block = {
        "ln_1": norm, "ln_2": norm,
        "attn": {"c_attn": linear_shapes(4, 12), "c_proj": linear_shapes(4, 4)},
        "mlp": {"c_fc": linear_shapes(4, 16), "c_proj": linear_shapes(16, 4)},
    }  # fmt: skip
    assert shapes(tiny_block(4)) == block
    assert shapes(tiny_params(7, 8, 4, 2)) == {
        "wte": {"weight": (7, 4)}, "wpe": {"weight": (8, 4)}, "h": [block, block],
        "ln_f": norm,
    }  # fmt: skip
    first = tiny_block(2)["ln_1"]["weight"].round(3).tolist()
    assert first == pytest.approx([1.095, 0.739], abs=1e-5)
    assert tiny_block(2) is tiny_block(2)  # so that examples can be many


# The learner's folder.


def test_what_was_done_is_added_to_what_is_known(tmp_path):
    home = tmp_path / "new" / "folder"
    assert folder.read_progress(home) == {}
    folder.record(home, "gelu", hints=1)
    folder.record(home, "softmax", done="2026-01-31")
    folder.record(home, "gelu", done="2026-02-01")
    assert folder.read_progress(home) == {
        "gelu": {"hints": 1, "done": "2026-02-01"}, "softmax": {"done": "2026-01-31"},
    }  # fmt: skip
    text = (home / "progress.json").read_text()
    assert text.startswith('{\n "gelu": {\n') and text.endswith("}\n")
    assert [path.name for path in home.iterdir()] == ["progress.json"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", folder.today())
    for text in '{"gelu": 3}', '{"gelu": {}, "softmax": 3}', "[]", "3":
        (home / "progress.json").write_text(text)
        with pytest.raises(ValueError, match="not a record of progress"):
            folder.read_progress(home)


def test_a_stub_is_written_once_into_a_new_folder(tmp_path):
    home = tmp_path / "new" / "folder"
    path = folder.start("gelu", "text \u2026", home)
    assert path == home / "gelu.py" and path.read_text("utf-8") == "text \u2026"
    assert folder.start("softmax", "more", home).exists()
    with pytest.raises(ValueError, match="gelu.py exists, and nothing"):
        folder.start("gelu", "other", home)


# What is told of a check.


def test_a_problem_is_told_with_its_example():
    problem = Problem("values", "Wrong.", (1,), 2, 3, "x = 1\nf(x)")
    example = "Wrong.\n\nThe smallest example found:\n\n    x = 1\n    f(x)"
    assert run.told(problem) == f"{example}\n\nexpected  2\n\ngot       3"
    assert run.told(problem._replace(kind="changed")) == example
    assert run.told(problem._replace(got=None)) == f"{example}\n\nexpected  2"
    assert run.told(problem._replace(expected=None, kind="unwritten")) == example
    assert run.told(problem._replace(args=(), expected=0, got=None)) == (
        "Wrong.\n\nexpected  0"
    )
    assert run.told(Problem("extra", "Slow.")) == "Slow."


def test_what_is_printed_is_kept_up_to_a_limit():
    kept = run.Kept()
    assert kept.write("a" * 999) == 999 and kept.write("bc") == 2
    assert kept.text == "a" * 999 + "b"
    assert kept.write("d") == 1 and len(kept.text) == run.PRINTED == 1000
    kept.flush()


def test_a_report_that_was_not_finished_says_what_was_going_on(tmp_path):
    path = tmp_path / "report"
    assert run.read_report(path, "It ended") == (
        False, "It ended, at this:\n\n    reading the file",
    )  # fmt: skip
    path.write_text('{"now": "x = 1\\nf(x)"}')
    assert run.read_report(path, "It ended") == (
        False, "It ended, at this:\n\n    x = 1\n    f(x)",
    )  # fmt: skip
    path.write_text('{"passed": true, "text": "All is right."}')
    assert run.read_report(path, "It ended") == (True, "All is right.")
    path.write_text("{dam")
    assert "reading the file" in run.read_report(path, "It ended")[1]


def test_the_process_of_a_check(tmp_path, monkeypatch):
    """It finds the package before all else, has no input and one thread."""
    path, calls = tmp_path / "mine.py", []
    path.write_text("")

    def process(command, **how):
        calls.append((command, how))
        assert os.path.isdir(how["cwd"]) and how["cwd"] != os.getcwd()
        return subprocess.CompletedProcess(command, 3)

    def endless(command, **how):
        raise subprocess.TimeoutExpired(command, how["timeout"])

    monkeypatch.setattr(run.subprocess, "run", process)
    monkeypatch.setenv("PYTHONPATH", "mine")
    told = "The code ended the whole process (exit code 3), at this:\n\n    reading"
    assert run.check("gelu", path) == (False, f"{told} the file")
    [(command, how)] = calls
    name, file, report = command[3:]
    assert command[:3] == [sys.executable, "-m", "numpygpt.exercises.run"]
    assert (name, file) == ("gelu", str(path)) and report.startswith(how["cwd"])
    first, *rest = how["env"]["PYTHONPATH"].split(os.pathsep)
    assert rest == ["mine"] and os.path.isdir(os.path.join(first, "numpygpt"))
    assert how["env"]["OPENBLAS_NUM_THREADS"] == "1" and how["timeout"] == 10
    assert how["env"].keys() >= os.environ.keys()
    streams = [how[name] for name in ("stdin", "stdout", "stderr")]
    assert streams == [subprocess.DEVNULL] * 3
    monkeypatch.delenv("PYTHONPATH")
    run.check("gelu", path, 2)
    assert calls[1][1]["env"]["PYTHONPATH"] == first and calls[1][1]["timeout"] == 2
    monkeypatch.setattr(run.subprocess, "run", endless)
    _, told = run.check("gelu", path, 2)
    assert told.startswith("No end after 2 s: a loop that never ends, or very slow")


def test_a_call_is_written_down_before_it_is_made(tmp_path, monkeypatch):
    report, seen = tmp_path / "report", []

    def graded(name, path, note):
        note("f(x)")
        seen.append((name, path, json.loads(report.read_text())))
        print("here")
        return True, "All is right."

    monkeypatch.setattr(run, "limit_memory", lambda: None)
    monkeypatch.setattr(run, "graded", graded)
    run.child("gelu", "mine.py", str(report))
    assert seen == [("gelu", "mine.py", {"now": "f(x)"})]
    assert run.read_report(report, "") == (True, "All is right.")


def test_memory_is_limited_where_it_can_be(monkeypatch):
    resource, calls = pytest.importorskip("resource"), []
    monkeypatch.setattr(resource, "setrlimit", lambda *how: calls.append(how))
    run.limit_memory()
    assert calls == [(resource.RLIMIT_AS, (8 << 30, 8 << 30))]
    for error in ValueError, OSError:
        monkeypatch.setattr(resource, "setrlimit", raising(error))
        run.limit_memory()


def raising(error):
    def function(*how):
        raise error

    return function


def test_only_the_last_line_of_the_learners_own_file_is_told(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def f(x):\n    return x[3]\n\n\nf([])\n")
    with pytest.raises(IndexError) as error:
        run.load(str(path))
    assert run.what_stopped(error.value, str(path)) == (
        "line 2: return x[3]\nIndexError: list index out of range"
    )
    assert run.what_stopped(error.value, "other.py") == (
        "IndexError: list index out of range"
    )


def test_a_file_may_import_its_neighbours(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "neighbour_of_mine.py").write_text("value = 5")
    (tmp_path / "mine.py").write_text("from neighbour_of_mine import value")
    module = run.load(str(tmp_path / "mine.py"))
    assert module.value == 5 and module.__name__ == "mine_learner"


def test_a_right_answer_may_print(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from numpygpt.plain import gelu as right\n\n\ndef gelu(x):\n"
        "    print('here')\n    return right(x)\n"
    )
    assert run.check("gelu", path) == (True, "All 13 cases are right.")
    assert run.graded("gelu", str(path), print) == (True, "All 13 cases are right.")


def test_a_wrong_answer_that_prints_is_told_both(tmp_path, monkeypatch):
    path, report = tmp_path / "mine.py", tmp_path / "report"
    path.write_text("def gelu(x):\n    print('here')\n    return x + 1\n")
    limited = []
    monkeypatch.setattr(run, "limit_memory", lambda: limited.append(1))
    run.child("gelu", str(path), str(report))
    assert limited == [1]
    passed, text = run.read_report(report, "It ended")
    assert not passed and "\n\nThe code printed:\n    here\n    here\n" in text
    assert "got       float32 [1]" in text


# The command line.


def exercises(capsys, *argv, code=0):
    assert main([*map(str, argv)]) == code
    return capsys.readouterr().out


def test_the_list_says_what_is_done_and_begun(tmp_path, capsys):
    home = ["--folder", tmp_path]
    nothing = exercises(capsys, *home)
    assert nothing == exercises(capsys, *home, "list")
    lines = nothing.splitlines()
    assert (
        lines[0]
        == "       gelu                  5 min  the bend between two linear layers"
    )
    assert lines[1].startswith("       softmax              10 min  scores")
    assert lines[-2:] == [
        "", "0 of 22 done. Go on with: python -m numpygpt.exercises start NAME",
    ]  # fmt: skip
    exercises(capsys, *home, "start", "gelu")
    exercises(capsys, *home, "hint", "softmax")
    folder.record(tmp_path, "layer_norm", done="2026-01-31")
    lines = exercises(capsys, *home).splitlines()
    assert [line[:18].split() for line in lines[:4]] == [
        ["begun", "gelu"], ["softmax"], ["done", "layer_norm"], ["split_heads"],
    ]  # fmt: skip
    assert lines[-1].startswith("1 of 22 done.")


def test_start_says_where_and_what_next(tmp_path, capsys):
    said = exercises(capsys, "--folder", tmp_path, "start", "gelu")
    assert said == (
        f"{tmp_path / 'gelu.py'} holds the lesson and what is to be written. When it "
        "is:\n    python -m numpygpt.exercises check gelu\n"
    )
    text = (tmp_path / "gelu.py").read_text()
    assert text.startswith('"""') and not text.startswith('"""\n')
    assert (
        "\n\nWhen it is written:  python -m numpygpt.exercises check gelu\n"
        "Stuck?               python -m numpygpt.exercises hint gelu\n"
        '"""\n\nimport math'
    ) in text


def checked(capsys, monkeypatch, tmp_path, passed, name="gelu", *more):
    """What `check` prints where the check itself says so."""
    calls = []

    def check(*args):
        calls.append(args)
        return passed, "First " + "word " * 20 + "\n\nrest"

    monkeypatch.setattr("numpygpt.exercises.__main__.check", check)
    argv = ["--folder", tmp_path, "check", name, *more]
    said = exercises(capsys, *argv, code=0 if passed else 1)
    return calls, said.splitlines()


def test_check_says_what_to_do_next(tmp_path, capsys, monkeypatch):
    calls, lines = checked(capsys, monkeypatch, tmp_path, False)
    assert calls == [("gelu", tmp_path / "gelu.py", 10)]
    assert lines[0].startswith("gelu: not yet. First word") and len(lines[0]) <= 80
    assert lines[1].startswith("word") and lines[2:4] == ["", "rest"]
    assert lines[4:] == ["", "Stuck? python -m numpygpt.exercises hint gelu"]
    assert folder.read_progress(tmp_path) == {}
    calls, lines = checked(
        capsys, monkeypatch, tmp_path, True, "gelu", "mine.py", "--seconds", "2.5"
    )
    assert calls == [("gelu", "mine.py", 2.5)] and lines[0].startswith("gelu: done. F")
    assert lines[-2:] == [
        "Compare: python -m numpygpt.exercises solution gelu",
        "Next:    python -m numpygpt.exercises start softmax",
    ]
    assert folder.read_progress(tmp_path) == {"gelu": {"done": folder.today()}}
    _, lines = checked(capsys, monkeypatch, tmp_path, True, "no_recent")
    assert lines[-1] == "Compare: python -m numpygpt.exercises solution no_recent"


def test_hints_come_one_by_one(tmp_path, capsys):
    said = [exercises(capsys, "--folder", tmp_path, "hint", "gelu") for _ in range(5)]
    hints = TASKS["gelu"].HINTS
    for n, text in enumerate(said):
        n = min(n, len(hints) - 1)
        words = " ".join(text.split())
        assert words.startswith(f"{n + 1} of {len(hints)}: {hints[n]}")
        assert max(map(len, text.splitlines())) <= 80
    last = "That was the last hint. The answer: python -m numpygpt.exercises solution"
    assert [last in text for text in said] == [False] * len(hints) + [True] * 2
    assert folder.read_progress(tmp_path) == {"gelu": {"hints": len(hints)}}


def test_a_solution_is_shown_with_its_place(capsys):
    said = exercises(capsys, "solution", "gelu")
    assert re.match(r"numpygpt.plain\.py:\d+\n\ndef gelu\(x\):\n", said)
    assert said.endswith("\n\n")
