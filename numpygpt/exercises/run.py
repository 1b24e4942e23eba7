"""Run a learner's file in a process of its own, and say how it went.

The code may loop for ever, call exit(), print a million lines or take all memory: it
is somebody's first attempt. So the file is read and graded in a child process with a
time limit and no input. The child writes down each call before it makes it; if it dies
or has to be stopped, we can still say which call that was.
"""

import contextlib
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

SECONDS = 10  # a check may take so long
MEMORY = 8 << 30  # bytes of address space, where the system can limit it
PRINTED = 1000  # characters of what the code prints are shown


def check(name, path, seconds=SECONDS):
    """Grade a file: ``(passed, text)``."""
    path = Path(path).resolve()
    if not path.is_file():
        raise ValueError(f"there is no file {path}: start {name} writes one")
    package = str(Path(__file__).resolve().parents[2])
    both = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {"PYTHONPATH": os.pathsep.join(both), "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        command = [sys.executable, "-m", __spec__.name, name, str(path), str(report)]
        try:
            code = subprocess.run(
                command, timeout=seconds, env=os.environ | own, cwd=folder,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ).returncode  # fmt: skip
            ended = f"The code ended the whole process (exit code {code})"
        except subprocess.TimeoutExpired:
            ended = (
                f"No end after {seconds} s: a loop that never ends, or very slow code"
            )
        return read_report(report, ended)


def read_report(report, ended):
    """What the child wrote: its verdict, or what it was doing when it ended."""
    try:
        content = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = {"now": "reading the file"}
    if "text" in content:
        return content["passed"], content["text"]
    return False, f"{ended}, at this:\n\n{indent(content['now'])}"


def indent(text):
    return "\n".join("    " + line for line in text.splitlines())


class Kept:
    """A place for what the code prints; the first characters are kept."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text[: PRINTED - len(self.text)]
        return len(text)

    def flush(self):
        pass


def child(name, path, report):
    """Grade, in the child process, and write the report."""

    def write(**content):
        Path(report).write_text(json.dumps(content), encoding="utf-8")

    limit_memory()
    printed = Kept()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        passed, text = graded(name, path, lambda now: write(now=now))
    if printed.text and not passed:
        text += f"\n\nThe code printed:\n{indent(printed.text)}"
    write(passed=passed, text=text)


def graded(name, path, note):
    """Load the file, take the function, grade it: ``(passed, text)``."""
    from .grade import grade

    task = importlib.import_module(f"{__package__}.tasks.{name}")
    note("reading the file")
    try:
        module = load(path)
    except BaseException as error:  # exit(), too
        return False, f"The file cannot be read:\n\n{indent(what_stopped(error, path))}"
    function = getattr(module, task.NAME, None)
    if not callable(function):
        return False, f"{Path(path).name} defines no function {task.NAME}."
    problem, n = grade(task, function, note)
    return (False, told(problem)) if problem else (True, f"All {n} cases are right.")


def load(path):
    """Import a file by its path; it may import its neighbours. Python's cache is left
    out: it takes a file that changes twice within a second for the same."""
    sys.dont_write_bytecode = True
    sys.path.append(str(Path(path).parent))
    spec = importlib.util.spec_from_file_location(Path(path).stem + "_learner", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def what_stopped(error, path):
    """An error of the learner's file, with the lines of that file alone."""
    if isinstance(error, SystemExit):
        return "It calls exit()."
    if isinstance(error, SyntaxError):
        return "".join(traceback.format_exception_only(error)).rstrip()
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if f.filename == path
    ]
    where = [f"line {f.lineno}: {f.line}" for f in frames[-1:]]
    return "\n".join([*where, f"{type(error).__name__}: {error}"])


def told(problem):
    """A problem in words: what is wrong, the example, expected and got."""
    from .show import result

    parts = [problem.says]
    if problem.args:
        parts += ["The smallest example found:", indent(problem.call)]
    if problem.kind == "changed":
        return "\n\n".join(parts)
    if problem.expected is not None:
        parts.append("expected  " + result(problem.expected))
    if problem.got is not None and problem.kind != "unwritten":
        parts.append("got       " + result(problem.got))
    return "\n\n".join(parts)


def limit_memory():
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except (ImportError, ValueError, OSError):
        pass  # not on this system


if __name__ == "__main__":
    child(*sys.argv[1:])
