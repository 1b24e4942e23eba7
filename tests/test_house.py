"""The house rules that a program can check: reading order, imports, sizes."""

import ast
import itertools
import re
import subprocess
import sys
from pathlib import Path

import numpygpt

PACKAGE = Path(numpygpt.__file__).parent
ROOT = PACKAGE.parent
GROUND = ("fast", "files")  # what everything stands on, and what knows nothing of it
ENTRY = re.compile(r"^    ([\w/]+(?:\.py|/)) ", re.MULTILINE)


def order_of(package):
    """The files and folders of a package in the order that its docstring gives."""
    text = ast.get_docstring(
        ast.parse((package / "__init__.py").read_text()), clean=False
    )
    return ENTRY.findall(text)


ORDER = order_of(PACKAGE)
DECODING = order_of(PACKAGE / "decoding")
BESIDE = {
    "checks.py": "tokenizer.py",
    "clean_up.py": "tokenizer.py",
    "activations.py": "layers.py",
    "learn_merges.py": "tokenizer.py",
}
MODULES = sorted(
    p.relative_to(PACKAGE).as_posix()
    for p in PACKAGE.rglob("*.py")
    if p.name != "__init__.py"
)
# The path from text to text, read in one sitting.
CORE = [
    "plain.py", "tokenizer.py", "config.py", "layers.py", "cache.py", "model.py",
    "weights.py", "decoding/config.py", "decoding/filters.py", "decoding/sampling.py",
    "decoding/generate.py", "gpt2.py",
]  # fmt: skip


def imports(module):
    """``(module, name)`` of what a module imports from the package, anywhere in it but
    where it runs as a command."""
    path = PACKAGE / module
    body = ast.parse(path.read_text()).body
    nodes = [n for n in body if ast.unparse(n)[:23] != "if __name__ == '__main_"]
    for node in itertools.chain.from_iterable(map(ast.walk, nodes)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1]
            base = base.joinpath(*(node.module or "").split("."))
            for name in node.names:
                for file in base.with_suffix(".py"), base / f"{name.name}.py":
                    if file.is_file():
                        yield file.relative_to(PACKAGE).as_posix(), name.name


def place(name, order):
    """Where in an order a file stands: by its own name or by its folder's."""
    name = BESIDE.get(name, name)
    beneath = [e == name or (e[-1] == "/" and name.startswith(e)) for e in order]
    assert any(beneath), f"{name} stands in no reading order"
    return beneath.index(True)


def rank(module):
    """Where a module stands in the whole reading order; the ground comes first."""
    top, _, rest = module.partition("/")
    if top in GROUND:
        return -1, 0
    inner = place(rest, DECODING) if top == "decoding" else 0
    return place(module, ORDER), inner


def test_every_module_stands_in_the_reading_order():
    for module in MODULES:
        assert rank(module)
    for package, entries in (PACKAGE, ORDER), (PACKAGE / "decoding", DECODING):
        for entry in entries:
            assert (package / entry).exists(), entry


def test_no_import_runs_against_the_reading_order():
    checked = 0
    for module in MODULES:
        for other, _ in imports(module):
            assert rank(other) <= rank(module), f"{module} imports {other}"
            checked += 1
    assert checked > 100


def test_the_ground_knows_nothing_of_the_core():
    for module in MODULES:
        if module.split("/")[0] in GROUND:
            for other, _ in imports(module):
                assert other.split("/")[0] in GROUND, f"{module} imports {other}"


def test_page_one_stands_alone():
    """NumPy and the standard library, no file of the package, 70 lines of code."""
    assert not list(imports("plain.py"))
    tree = ast.parse((PACKAGE / "plain.py").read_text())
    names = [a.name for n in tree.body if isinstance(n, ast.Import) for a in n.names]
    assert names == ["math", "numpy"]
    assert len(code_lines(tree)) <= 70


def code_lines(tree):
    """The numbers of the lines that hold code: no docstring, comment or empty line."""
    doc, code = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            if ast.get_docstring(node) is not None:
                doc |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
        elif isinstance(node, (ast.stmt, ast.expr, ast.arg, ast.keyword)):
            code |= {node.lineno, node.end_lineno}
    return code - doc


def test_no_function_runs_over_30_lines_of_code():
    long = {}
    for module in MODULES:
        for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
            if isinstance(node, ast.FunctionDef):
                n = node.end_lineno - node.lineno + 1
                if ast.get_docstring(node) is not None:
                    n -= node.body[0].end_lineno - node.body[0].lineno + 1
                if n > 30:
                    long[f"{module}: {node.name}"] = n
    assert not long


def test_the_core_needs_little_of_the_ground():
    names = {
        (other, name)
        for module in CORE
        for other, name in imports(module)
        if other.split("/")[0] in GROUND
    }
    assert len(names) <= 22, sorted(names)


def test_next_file_of_each_lesson_exists():
    for module in CORE[:-1]:
        text = ast.get_docstring(ast.parse((PACKAGE / module).read_text()))
        following = re.search(r"Next: ([\w/]+\.py)", text)
        assert following, module
        places = [PACKAGE / following[1], PACKAGE / "decoding" / following[1]]
        assert any(place.is_file() for place in places), module


def test_only_numpy_and_regex_are_imported():
    """In a fresh interpreter, the package loads no other foreign package."""
    code = (
        "import sys; before = set(sys.modules)\n"  # of this environment's own
        "import numpygpt, numpygpt.__main__\n"
        "new = {n for n, m in sys.modules.items() if getattr(m, '__file__', None)}\n"
        "new = {n.split('.')[0] for n in new - before}\n"
        "print(*new - set(sys.stdlib_module_names))"
    )
    names = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    known = {"numpy", "regex", "numpygpt"}
    assert {n for n in names if not n.startswith("_")} == known


def test_lines_are_short():
    tests = Path(__file__).parent.rglob("*.py")
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "scripts").glob("*.py"), *tests]:
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            assert len(line) <= 88, f"{path}:{number}"


def test_the_core_can_be_read_in_one_sitting():
    lines = {name: len((PACKAGE / name).read_text().splitlines()) for name in CORE}
    assert sum(lines.values()) < 1800, lines
