"""Plant random bugs, one at a time, and see whether the tests notice.

    pip install -e .[test] coverage
    python scripts/mutate.py [WORD ...] [-n 60] [--seed 0] [--named]

A bug is one small change to the syntax tree: `<` becomes `<=`, `+` becomes `-`, a
number grows by one, a condition is always false, a statement or an argument is gone. It
is drawn from all such changes to the package, the converters, train.py and evaluate.py,
or to the files whose path has one of the words, and planted in a copy of the tree.
Then those tests run that execute the changed line, first the ones named after the file,
the quick before the slow, until one fails; of a line that runs when its module is
imported, a table or a default, any test may notice. Which tests run which lines is
found out first: that takes as long as the tests themselves, and is kept in ``--lines
FILE``. With ``--named`` only the tests named after the file run: soon done; what
survives may be caught by others.

The score is the share of bugs that some test caught. What survives is printed: a bug
that changes nothing, or a test that is missing. What is known to change nothing stands
in tests/changes_nothing.txt, each with why, and is not counted. Exit code 1 below 92%.
"""

import argparse
import ast
import contextlib
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from numpygpt.files.terminal import count, harmless, without_traceback

ROOT = Path(__file__).resolve().parents[1]
PLACES = ["numpygpt/**/*.py", "scripts/convert*.py", "scripts/train.py"]
PLACES += ["scripts/evaluate.py"]
PARTS = ("numpygpt", "scripts", "tests", "weights", "setup.cfg", "README.md", "LICENSE")
# Of these a bug could make only the text of a file different.
NOT_RUN = ("test_house.py", "test_readmes.py", "test_python_versions.py")
NOT_RUN += ("test_mutate.py",)
TESTS_OF = {  # where no test file has the file's name
    "activations": ["test_layers"], "inputs": ["test_model"], "hub": ["test_saving"],
    "watch": ["test_saving"], "download": ["test_hub"], "known": ["test_hub"],
    "safetensors": ["test_weights", "test_hostile", "test_written_files"],
    "__main__": ["test_main"],
    "attention": ["test_small_limits"], "matmul": ["test_small_limits"],
    "int8": ["test_small_limits"], "generate": ["test_small_limits", "test_gpt2"],
    "gpt2": ["test_saving"],
    "memo": ["test_tokenizer"], "long_pieces": ["test_tokenizer"], "merges":
    ["test_tokenizer"], "added": ["test_tokenizer", "test_vocabulary"],
    "cache": ["test_interrupted"], "methods": ["test_pairs"], "table": ["test_pairs"],
    "weights": ["test_edges"], "schema": ["test_regular"], "choices":
    ["test_constraints"], "stopping": ["test_gpt2"], "tokenizer_json":
    ["test_vocabulary", "test_written_files"], "packing": ["test_gpt2"],
    "settings": ["test_gpt2"],
    "steps": ["test_sampling"], "truncation": ["test_filters", "test_by_hand"],
    "mirostat": ["test_by_hand", "test_filters"], "penalties": ["test_by_hand"],
    "filters": ["test_by_hand"], "terminal": ["test_endings"], "seeds": ["test_edges"],
    "config": ["test_generation_config"], "checks": ["test_saving"],
    "train": ["test_corpus"], "plain": ["test_small_limits"],
    "convert_pytorch": ["test_torch_files"], "convert_gguf": ["test_written_files"],
    "vocabulary": ["test_written_files"],
    "converting": ["test_torch_files", "test_convert_pytorch", "test_convert_gguf"],
}  # fmt: skip
ENVIRONMENT = {"NUMPYGPT_EXAMPLES": "10", "PYTHONDONTWRITEBYTECODE": "1"}
ENVIRONMENT |= {"OPENBLAS_NUM_THREADS": "1", "NUMPYGPT_THREADS": "2"}
# What a run of the tests may take before it is ended, in seconds and in bytes. (The
# processor's time is limited by what the tests take: that a machine is busy says
# nothing about a bug.)
WAIT, MEMORY = 3600, 8 << 30

# Kinds of bugs: each function yields what could stand in the place of a node.

SWAPPED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult, ast.And: ast.Or, ast.Or: ast.And, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum"}
NAMES |= {"maximum": "minimum", "argmax": "argmin", "cumsum": "sort"}


def changed(node, **fields):
    values = {name: getattr(node, name) for name in node._fields} | fields
    return ast.copy_location(type(node)(**values), node)


def other_operator(node):
    if isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)):
        if type(node.op) in SWAPPED:
            yield changed(node, op=SWAPPED[type(node.op)]())
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            ops = [*node.ops[:i], SWAPPED[type(op)](), *node.ops[i + 1 :]]
            yield changed(node, ops=ops)
    if isinstance(node, ast.UnaryOp):
        yield node.operand


def other_value(node):
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bool):
            yield ast.Constant(not value)
        elif isinstance(value, (int, float)):
            yield ast.Constant(
                value + 1 if isinstance(value, int) else 2 * value or 1.0
            )
        elif isinstance(value, (str, bytes)) and 0 < len(value.split()) < 4:
            yield ast.Constant(value[:-1])
    if isinstance(node, (ast.Name, ast.Attribute)):
        name = node.id if isinstance(node, ast.Name) else node.attr
        if name in NAMES and isinstance(node.ctx, ast.Load):
            yield changed(node, **{node._fields[node._fields[0] != "id"]: NAMES[name]})


def no_argument(node):
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            rest = [other for other in node.keywords if other is not keyword]
            yield changed(node, keywords=rest)
    if isinstance(node, ast.Slice):
        for name in ("lower", "upper", "step"):
            if getattr(node, name) is not None:
                yield changed(node, **{name: None})


def no_condition(node):
    if isinstance(node, (ast.If, ast.IfExp)):
        yield changed(node, test=ast.Constant(False))
        yield changed(node, test=ast.Constant(True))


def no_statement(node):
    is_call = isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
    if is_call or isinstance(node, (ast.AugAssign, ast.Continue, ast.Break, ast.Raise)):
        yield ast.Pass()


KINDS = (other_operator, other_value, no_argument, no_condition, no_statement)


class Bug(NamedTuple):
    path: str
    line: int
    begin: int  # the bytes that are replaced
    end: int
    old: str
    new: str
    at_import: bool
    code: str  # the line of code

    def __str__(self):
        return f"{self.path}:{self.line}\n    {self.code}\n    {self.change()}"

    def change(self):
        old, new = (re.sub(r"\s+", " ", text) for text in (self.old, self.new))
        if len(old) > 80:  # show where they part
            same = len(os.path.commonprefix([old, new[1:]]))
            old, new = old[max(0, same - 30) :], new[max(0, same - 29) :]
        return f"{old:.80} -> {new:.80}".strip()


def bugs_of(path):
    """All the bugs that a file can be given."""
    source = (ROOT / path).read_bytes()
    lines = source.decode().splitlines()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node, in_function in nodes(ast.parse(source)):
        for kind in KINDS:
            for new in kind(node):
                part = node.test if kind is no_condition else node
                begin = starts[part.lineno - 1] + part.col_offset
                end = starts[part.end_lineno - 1] + part.end_col_offset
                new = new.test if kind is no_condition else new
                text = ast.unparse(ast.fix_missing_locations(new))
                if isinstance(new, ast.expr) and not isinstance(new, ast.Slice):
                    text = f"({text})"
                old = source[begin:end].decode()
                code = lines[node.lineno - 1].strip()
                where = path, node.lineno, begin, end
                yield Bug(*where, old, text, not in_function, code)


def nodes(node, in_function=False):
    """The nodes in which a bug is one: not in docstrings, types, texts for people."""
    skipped = {"annotation", "returns", "help", "decorator_list", "metavar"}
    if isinstance(node, ast.JoinedStr) or is_main(node):
        return
    if hasattr(node, "lineno") and not isinstance(node, ast.keyword):
        yield node, in_function
    if isinstance(node, ast.Raise):
        return
    in_function |= isinstance(node, (ast.FunctionDef, ast.Lambda))
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            is_text = isinstance(child, ast.Expr) and isinstance(
                child.value, ast.Constant
            )
            is_skipped = name in skipped or getattr(child, "arg", None) in skipped
            if isinstance(child, ast.AST) and not is_text and not is_skipped:
                yield from nodes(child, in_function)


def is_main(node):
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def changes_nothing():
    """``{(path, line of code, change): why}`` of what no test can notice: paragraphs of
    these four, the last as long as it wants to be. A path's line number is not looked
    at."""
    text = (ROOT / "tests" / "changes_nothing.txt").read_text(encoding="utf-8")
    known = {}
    for paragraph in text.split("\n\n")[1:]:
        path, code, change, *why = map(str.strip, paragraph.strip().split("\n"))
        known[path.partition(":")[0], code, change] = " ".join(why)
    return known


# Which tests run which lines.


def test_files(failing=()):
    """The files of tests that can tell anything: not those that fail without a bug."""
    found = sorted(ROOT.glob("tests/**/test_*.py"))
    found = [str(p.relative_to(ROOT)) for p in found if p.name not in NOT_RUN]
    return [file for file in found if file not in failing]


def run_tests(folder, arguments, before=(), seconds=WAIT, **environment):
    """Run pytest in a copy of the tree -> exit code (1: a test failed), output."""
    process = subprocess.Popen(
        [sys.executable, "-P" if sys.version_info >= (3, 11) else "-u", *before]
        + ["-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider", *arguments],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": str(folder)} | environment,
        start_new_session=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY)),
    )  # fmt: skip
    end = time.monotonic() + WAIT
    try:
        while True:
            try:
                output = process.communicate(timeout=5)[0]
                return process.returncode, output
            except subprocess.TimeoutExpired:
                if used(process.pid) > seconds:
                    return 1, "FAILED: it does not end"
                if time.monotonic() > end:
                    return 1, "FAILED: it waits for ever"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def used(pid):
    """Seconds of the processor's time. (A limit of it, set in the process, would leave
    its clock with ticks only, and there are tests that look at the clock.)"""
    command = ["ps", "-o", "time=", "-p", str(pid)]
    said = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    total = 0
    for part in re.split("[-:]", said or "0"):
        total = 60 * total + float(part)
    return total


def lines_and_tests(n_jobs):
    """``{path: {line: [test, ...]}}``, each test as pytest names it; under "failing"
    stand the files with tests that fail as things are, under "seconds" how long a test
    takes."""
    failing, seconds = [], {}
    found = {"failing": failing, "seconds": seconds}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(n_jobs) as pool:
        copy_tree(folder)
        settings = f"[run]\ndynamic_context = test_function\nsource = {folder}\n"
        Path(folder, "rc").write_text(settings, encoding="utf-8")
        for part, output in pool.map(partial(lines_of, folder), test_files()):
            failing.extend(re.findall(r"^(?:FAILED|ERROR) (\S+?\.py)", output, re.M))
            times = re.findall(r"^([\d.]+)s \w+ +(\S+?::[^\s[]+)", output, re.M)
            for took, test in times:
                seconds[test] = seconds.get(test, 0) + float(took)
            for path, line, test in part:
                found.setdefault(path, {}).setdefault(line, []).append(test)
    return found


def lines_of(folder, file):
    """``[(path, line, test), ...]`` of one file of tests, and what pytest said. Each
    has a process of its own: a test that traces lines itself ends the record."""
    name = f"{folder}/found.{file.replace('/', '.')}"
    before = ["-m", "coverage", "run", f"--rcfile={folder}/rc"]
    arguments = [file, "--durations=0", "-vv"]
    _, output = run_tests(folder, arguments, before, COVERAGE_FILE=name)
    return list(read_contexts(name, folder, file)), output


def read_contexts(name, folder, file):
    from coverage import CoverageData

    data = CoverageData(name)
    data.read()
    for source in data.measured_files():
        path = os.path.relpath(source, os.path.realpath(folder))
        for line, contexts in data.contexts_by_lineno(source).items():
            names = (context.rpartition(".") for context in contexts)
            tests = [name for module, _, name in names if module == Path(file).stem]
            # Else it is a fixture, an import, or hypothesis that calls the test.
            for test in sorted(tests) or [""]:
                yield path, str(line), f"{file}::{test}" if test else file


def tests_for(bug, lines):
    """The tests that may notice, the likeliest first."""
    files = test_files(lines["failing"])
    first = named(bug.path, files)
    if bug.path == "scripts/train.py":
        return first
    doctests = [bug.path] if bug.path.startswith("numpygpt") else []
    if lines.get("only named"):
        return [*first, *doctests]
    quick = partial(seconds_of, lines=lines)
    running = [] if bug.at_import else lines.get(bug.path, {}).get(str(bug.line), [])
    running = [t for t in running if t.partition("::")[0] in files]
    if not running:
        rest = [file for file in files if file not in first]
        return [*sorted(first, key=quick), *doctests, *sorted(rest, key=quick)]
    of_name = [t for t in running if t.partition("::")[0] in first]
    others = [t for t in running if t not in of_name]
    # What a test's own processes run is not known.
    unknown = [f for f in first if not any(t.startswith(f) for t in of_name)]
    others = sorted(others, key=quick) + sorted(unknown, key=quick)
    return [*sorted(of_name, key=quick), *doctests, *others]


def seconds_of(test, lines):
    """How long a test, or a file of them, takes; of the quickest, pytest says 0."""
    seconds = lines.get("seconds", {})
    if "::" in test:
        return seconds.get(test, 0)
    return sum(took for name, took in seconds.items() if name.startswith(f"{test}::"))


def runs_of(tests, lines):
    """``(tests, seconds)`` of one run after another, each longer than the one before:
    what is noticed, or does not end, mostly shows in the first."""
    part, total, enough = [], 0, 5
    for test in tests:
        if part and total + seconds_of(test, lines) > enough:
            yield part, total
            part, total, enough = [], 0, 4 * enough
        part.append(test)
        total += seconds_of(test, lines)
    if part:
        yield part, total


def named(path, files):
    """The test files that are named after a file, or, if none is, after its folder."""
    stem, folders = Path(path).stem, Path(path).parts[1:-1]
    names = [f"test_{name}" for name in (stem, *folders)] + TESTS_OF.get(stem, [])
    found = [f for f in files if Path(f).stem in names]
    beneath = "/".join(["tests", *folders[:1]])
    return found or [f for f in files if Path(f).parent.as_posix() == beneath]


# Planting.


def copy_tree(folder):
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, Path(folder) / part)


def is_caught(bug, folder, lines):
    """Whether a test notices; the line of the first that does."""
    path = Path(folder, bug.path)
    source = path.read_bytes()
    new = source[: bug.begin] + bug.new.encode() + source[bug.end :]
    try:
        compile(new, bug.path, "exec")
        path.write_bytes(new)
        options, least = ["-x"], 40
        if bug.path == "scripts/train.py":  # it needs torch, and so do its tests
            options, least = ["-x", "-m", "reference or not reference"], 400
        for tests, seconds in runs_of(tests_for(bug, lines), lines):
            # What takes four times as long as without the bug will not end.
            limit = least + 4 * seconds
            code, output = run_tests(folder, [*options, *tests], seconds=limit)
            if code not in (0, 5):
                failed = re.findall("^(?:FAILED|ERROR).*", output, re.MULTILINE)
                return True, (failed or [output[-200:]])[0][:100]
        return False, ""
    except SyntaxError as error:
        return None, str(error)
    finally:
        path.write_bytes(source)


@without_traceback("mutate.py", unread=1)
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("words", nargs="*", metavar="WORD", help="parts of paths")
    parser.add_argument("-n", type=count, default=60, help="bugs (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=count, default=2, help="at once (%(default)s)")
    parser.add_argument("--lines", metavar="FILE", help="keep which test runs what")
    parser.add_argument("--named", action="store_true", help="only tests so named")
    args = harmless(parser).parse_args(argv)
    paths = [p.relative_to(ROOT) for place in PLACES for p in ROOT.glob(place)]
    paths = sorted({p.as_posix() for p in paths if p.name != "__init__.py"})
    bugs = [bug for path in paths for bug in bugs_of(path)
            if not args.words or any(word in path for word in args.words)]  # fmt: skip
    chosen = random.Random(args.seed).sample(bugs, min(args.n, len(bugs)))
    print(f"{len(bugs)} bugs in {len(paths)} files, {len(chosen)} drawn", flush=True)
    known = changes_nothing()
    n_drawn = len(chosen)
    chosen = [b for b in chosen if (b.path, b.code, b.change()) not in known]
    print(f"{n_drawn - len(chosen)} of them are known to change nothing", flush=True)
    if args.named:
        lines = {"failing": [], "only named": True}
    elif args.lines and Path(args.lines).is_file():
        lines = json.loads(Path(args.lines).read_text(encoding="utf-8"))
    else:
        lines = lines_and_tests(args.jobs)
        if args.lines:
            Path(args.lines).write_text(json.dumps(lines), encoding="utf-8")
    for file in sorted({*lines["failing"]}):
        print(f"{file} has tests that fail without any bug: left out", flush=True)
    return report(chosen, lines, args.jobs)


def report(bugs, lines, n_jobs):
    """Plant the bugs, say of each what became of it, and the score."""
    n_caught = n_survived = 0
    folders = SimpleQueue()
    with tempfile.TemporaryDirectory() as top, ThreadPoolExecutor(n_jobs) as pool:
        for i in range(n_jobs):
            os.makedirs(f"{top}/{i}")
            copy_tree(f"{top}/{i}")
            folders.put(f"{top}/{i}")

        def plant(bug):
            folder = folders.get()
            try:
                return is_caught(bug, folder, lines)
            finally:
                folders.put(folder)

        for bug, (dead, line) in zip(bugs, pool.map(plant, bugs)):
            n_caught += dead is True
            n_survived += dead is False
            print({True: "caught  ", False: "SURVIVED", None: "no Python"}[dead], bug)
            print("   ", line, flush=True)
    share = n_caught / max(n_caught + n_survived, 1)
    print(f"{n_caught + n_survived} bugs, {n_survived} survived: {share:.0%} caught")
    return int(share < 0.92)


if __name__ == "__main__":
    sys.exit(main())
