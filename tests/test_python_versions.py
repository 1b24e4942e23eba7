"""Is every file written in the grammar of the oldest Python that setup.cfg promises?

`ast.parse` with ``feature_version`` refuses most of what is newer, not all: what it
lets pass is looked for here. Only an interpreter of that version shows what its library
lacks: where one is at hand, .ci/run runs the tests with it.
"""

import ast
import configparser
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = [
    path
    for part in ("numpygpt", "scripts", "tests")
    for path in sorted((ROOT / part).rglob("*.py"))
]


def promised():
    """The oldest version that setup.cfg promises, as ``(3, 10)``."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    oldest = re.fullmatch(r">=3\.(\d+)", setup["options"]["python_requires"])
    return 3, int(oldest[1])


def source_of(node, lines):
    """`ast.get_source_segment`, which splits the whole text at every call."""
    part = lines[node.lineno - 1 : node.end_lineno]
    part[-1] = part[-1][: node.end_col_offset]
    part[0] = part[0][node.col_offset :]
    return b"\n".join(part).decode()


def too_new(text):
    """What a piece of source has that came after 3.10, as its text; an error where the
    parser itself refuses it."""
    lines = text.encode().splitlines()
    for node in ast.walk(ast.parse(text, feature_version=promised())):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
            # 3.11: x[*a, b] has the tree of x[(*a, b)]; only where it begins tells.
            begin = lines[node.slice.lineno - 1][node.slice.col_offset :]
            starred = any(isinstance(e, ast.Starred) for e in node.slice.elts)
            if starred and not begin.startswith(b"("):
                yield source_of(node, lines)
        if isinstance(node, ast.JoinedStr):
            # 3.12: the string's own quote, or a backslash, within the braces.
            source = source_of(node, lines)
            quote = source.lstrip("rRfF")[:1]
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    inner = source_of(part.value, lines)
                    if quote in inner or "\\" in inner:
                        yield source


def test_every_file_is_in_the_promised_grammar():
    assert len(FILES) > 100
    for path in FILES:
        with tokenize.open(path) as file:
            assert list(too_new(file.read())) == [], path


@pytest.mark.parametrize(
    "text",
    [
        "x[*a, b] = 1",
        "try:\n    pass\nexcept* ValueError:\n    pass",
        "def f[T](x: T): ...",
        "type X = int",
    ],
)
def test_newer_grammar_is_noticed(text):
    """Whatever runs the test: what it cannot parse at all is refused, too."""
    try:
        assert list(too_new(text))
    except SyntaxError:
        pass
    assert list(too_new("x[(*a, b)] = 1; f'{x[\"a\"]}'")) == []
