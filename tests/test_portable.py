"""What would only fail on somebody else's system, found by reading."""

import ast
from pathlib import Path

import pytest

import numpygpt

PACKAGE = Path(numpygpt.__file__).parent
SOURCES = [*PACKAGE.rglob("*.py"), *(PACKAGE.parent / "scripts").glob("*.py")]


def calls(path):
    """``(name, positional arguments, keywords, line)`` of every call in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            keywords = {k.arg: k.value for k in node.keywords}
            yield name, node.args, keywords, node.lineno


def lacks_encoding(name, args, keywords):
    """Is text read or written in whatever encoding the system prefers?"""
    if "encoding" in keywords:
        return False
    if name == "read_text":
        return not args
    if name == "write_text":
        return len(args) < 2
    if name not in ("open", "fdopen") or len(args) > 3:
        return False
    modes = [a.value for a in args[:2] if isinstance(a, ast.Constant)]
    modes += [m.value for m in [keywords.get("mode")] if isinstance(m, ast.Constant)]
    return not any(isinstance(m, str) and "b" in m for m in modes)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_file_of_text_names_its_encoding(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    for name, args, keywords, number in calls(path):
        line = lines[number - 1]
        if not any(other in line for other in (").open(asked", "os.open(", "tarfile.")):
            assert not lacks_encoding(name, args, keywords), f"{path}:{number}: {line}"


def test_the_check_finds_what_it_looks_for():
    tree = ast.parse("open(p)\nopen(p, 'rb')\nq.read_text()\nopen(p, encoding='ascii')")
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    found = [
        lacks_encoding(
            getattr(n.func, "id", getattr(n.func, "attr", "")), n.args,
            {k.arg: k.value for k in n.keywords},
        )
        for n in found
    ]  # fmt: skip
    assert found == [True, False, True, False]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_cursor_commands_that_old_consoles_lack(path):
    """Colours are for terminals that were asked for them; moving about is for none."""
    text = path.read_text(encoding="utf-8")
    assert "\\033[K" not in text and "\\x1b[K" not in text
