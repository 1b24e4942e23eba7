"""The house rules that a program can check: reading order, imports, sizes."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpygpt

PACKAGE = Path(numpygpt.__file__).parent
ROOT = PACKAGE.parent
ORDER = re.findall(r"^    ([\w/]+\.py)", numpygpt.__doc__, re.MULTILINE)
MODULES = sorted(
    p.relative_to(PACKAGE).as_posix()
    for p in PACKAGE.rglob("*.py")
    if p.name != "__init__.py"
)
# The path from text to text, read in one sitting.
CORE = [
    "tokenizer.py", "config.py", "layers.py", "cache.py", "model.py", "weights.py",
    "decoding/filters.py", "decoding/sampling.py", "decoding/generate.py",
]  # fmt: skip


def imports(module):
    """The package's modules that a module imports, anywhere in it."""
    path = PACKAGE / module
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1]
            base = base.joinpath(*(node.module or "").split("."))
            names = [base.with_suffix(".py"), *(base / f"{a.name}.py" for a in node.names)]
            for name in names:
                if name.is_file():
                    yield name.relative_to(PACKAGE).as_posix()


def test_the_reading_order_names_every_module():
    assert sorted(ORDER) == MODULES


def test_no_module_imports_one_that_comes_after_it():
    checked = 0
    for module in MODULES:
        for other in imports(module):
            assert ORDER.index(other) < ORDER.index(module), f"{module}: {other}"
            checked += 1
    assert checked > 20


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
        "import sys, numpygpt, numpygpt.__main__\n"
        "files = {n for n, m in sys.modules.items() if getattr(m, '__file__', None)}\n"
        "print(*{n.split('.')[0] for n in files} - set(sys.stdlib_module_names))"
    )
    names = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    known = {"numpy", "regex", "numpygpt", "sitecustomize", "usercustomize"}
    assert {"numpy", "regex"} <= {n for n in names if not n.startswith("_")} <= known


def test_lines_are_short():
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "scripts").glob("*.py")]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert len(line) <= 88, f"{path}:{number}"


def test_the_core_can_be_read_in_one_sitting():
    lines = {name: len((PACKAGE / name).read_text().splitlines()) for name in CORE}
    assert sum(lines.values()) < 1400, lines
