"""What the READMEs tell people to type: it is typed here, and its output compared.

A fenced block of ``sh`` is run line by line in a folder that looks like the repository,
one of ``python`` in one process a README, in order. A block of ``text`` behind one, if
the words between end in "prints:", is its output, white space aside. Lines that set up
an environment are left to .ci/run, which runs the README's own. A block marked
``norun`` needs what a test has not (a network, another program, a large file): of its
commands only the options are checked.
"""

import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
READMES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("README.md", "numpygpt/**/*.md", "scripts/*.md", "weights/*.md")
    for path in ROOT.glob(pattern)
)
FENCE = re.compile(r"^```(\w+)( norun)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What .ci/run does itself: an environment, an installation, these tests.
SET_UP = re.compile(r"python3? -m (venv|pip|pytest)|pip install|^\s*(\. |pytest)")
LINK = re.compile(r"\]\(([^)#:]+)[^):]*\)")


def blocks(readme, kind, runs=True):
    """``[(source, expected output or None), ...]`` of a README's fenced blocks."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    found = list(FENCE.finditer(text))
    for block, after in zip(found, [*found[1:], None]):
        if block[1] == kind and (not block[2]) == runs:
            between = text[block.end() : after.start()] if after else ""
            yield block[3], after[3] if between.endswith("prints:\n\n") else None


def commands(source):
    """The lines of a shell block that are to be run; a backslash joins two."""
    lines = source.replace("\\\n", " ").splitlines()
    for line in lines:
        parts = line.split("&&")
        rest = "&&".join(part for part in parts if not SET_UP.search(part)).strip()
        if rest and not rest.startswith("#"):
            yield rest


def typed_by_a_reader(line, output):
    """On a terminal a story ends with a sentence."""
    told = output is not None and line.startswith("python -m numpygpt ")
    return f"{line} --whole-sentences" if told else line


SHELL = [
    (readme, typed_by_a_reader(line, expected), expected)
    for readme in READMES
    for source, output in blocks(readme, "sh")
    for lines in [list(commands(source))]
    for expected in [output if len(lines) == 1 else None]
    for line in lines
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder that looks like the repository; what is written there is thrown away."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("numpygpt", "scripts", "weights", "tests", "setup.cfg", "README.md"):
        (folder / name).symlink_to(ROOT / name)
    return folder


MARKER = "=== the next block ==="


@pytest.fixture(scope="module")
def typed(folder):
    """``{readme: {line, or "python": what came of it}}``: the commands of a README one
    behind the other, the READMEs two at a time."""
    # One thread: on a busy machine several wait for each other.
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"

    def run(*command):
        return subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, timeout=300,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def type_all(readme):
        done = {ln: run("bash", "-c", ln) for r, ln, _ in SHELL if r == readme}
        parts = [code for code, _ in blocks(readme, "python")]
        if parts:
            source = f"print({MARKER!r})\n".join(parts)
            done["python"] = run(sys.executable, "-c", source)
        return done

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(READMES, pool.map(type_all, READMES)))


def same(output, expected):
    assert output.split() == expected.split(), output


@pytest.mark.parametrize(("readme", "line", "expected"), SHELL)
def test_commands(readme, line, expected, typed):
    done = typed[readme][line]
    assert done.returncode == 0, done.stderr
    if expected is not None:
        same(done.stdout, expected)


@pytest.mark.parametrize("readme", [r for r in READMES if list(blocks(r, "python"))])
def test_python(readme, typed):
    done, wanted = typed[readme]["python"], list(blocks(readme, "python"))
    assert done.returncode == 0, done.stderr
    for output, (_, expected) in zip(done.stdout.split(MARKER), wanted, strict=True):
        if expected is not None:
            same(output, expected)


@cache
def help_of(*command):
    """All that a command says of its options."""

    def said(option):
        return subprocess.run(
            [sys.executable, *command, option], cwd=ROOT, capture_output=True,
            text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        ).stdout  # fmt: skip

    text = said("--help")
    return text + said("--help-all") if "--help-all" in text else text


def own_options():
    """Commands of ours in blocks that are not run: ``(readme, command, option)``."""
    for readme in READMES:
        for source, _ in blocks(readme, "sh", runs=False):
            for line in commands(source):
                words = shlex.split(line, comments=True)
                if words[:1] != ["python"]:
                    continue
                words = words[1:]
                own = words[:2] if words[0] == "-m" else words[:1]
                options = {w.partition("=")[0] for w in words if w.startswith("--")}
                yield readme, tuple(own), options


@pytest.mark.parametrize(("readme", "command", "options"), [*own_options()])
def test_commands_that_need_more_than_a_test_has(readme, command, options):
    if command[0] != "-m":
        assert (ROOT / command[0]).is_file()
    text = help_of(*command)
    assert text, command
    assert {o for o in options if o not in text} == set()


@pytest.mark.parametrize("readme", READMES)
def test_links(readme):
    """Every relative link leads to a file of the repository."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    for link in LINK.findall(text):
        assert ((ROOT / readme).parent / link).exists(), link


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_something_is_checked():
    assert len(READMES) > 3
    assert len(SHELL) > 3
