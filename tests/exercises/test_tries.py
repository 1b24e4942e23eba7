"""Every "Try:" line of the source has an answer in numpygpt/exercises/README.md."""

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import numpygpt

PACKAGE = Path(numpygpt.__file__).parent
ROOT = PACKAGE.parent
README = (PACKAGE / "exercises" / "README.md").read_text()
ANSWER = re.compile(r"^- \*\*([\w/.]+)\*\*: (.+)$", re.MULTILINE)


def tries():
    """The files that have something to try, as the README names them."""
    for path in sorted([*PACKAGE.rglob("*.py"), *(ROOT / "scripts").glob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)):
                if re.search(r"^Try: ", ast.get_docstring(node) or "", re.MULTILINE):
                    base = PACKAGE if path.is_relative_to(PACKAGE) else ROOT
                    yield path.relative_to(base).as_posix()


def test_every_try_has_an_answer_and_no_answer_is_left_over():
    answered = [name for name, _ in ANSWER.findall(README)]
    assert len(answered) == len(set(answered)) > 30
    assert sorted(answered) == sorted(set(tries()))


def load_script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_answers_the_same_files():
    path = list(sys.path)
    answered = [name for name, _ in ANSWER.findall(README)]
    assert list(load_script("tries").TRIES) == answered
    sys.path[:] = path


# Those that are quick and that no weights and no clock change.
SURE = [
    "learn_merges.py", "config.py", "cache.py", "decoding/config.py",
    "decoding/filters.py", "decoding/sampling.py", "decoding/rules/penalties.py",
    "decoding/rules/truncation.py", "decoding/constraints/stopping.py",
    "testing/table_lm.py", "scripts/convert_pytorch.py", "scripts/convert_llmc.py",
    "scripts/convert_tensorflow.py", "tokenizer.py",
]  # fmt: skip


def test_answers_that_depend_on_no_weights_are_still_true():
    script = ROOT / "scripts" / "tries.py"
    said = subprocess.run(
        [sys.executable, script, *SURE], capture_output=True, text=True, check=True
    ).stdout
    found = dict(ANSWER.findall(said))
    assert sorted(found) == sorted(SURE)
    written = dict(ANSWER.findall(README))
    for name, text in found.items():
        assert written[name] == text, name


def test_the_scaling_table_is_what_the_script_says(tmp_path):
    script = ROOT / "scripts" / "scaling.py"
    said = subprocess.run(
        [sys.executable, script, tmp_path / "scaling.svg"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    folder = PACKAGE / "exercises"
    assert said.strip() in (folder / "prompting.md").read_text()
    drawn = (tmp_path / "scaling.svg").read_text()
    assert drawn == (folder / "scaling.svg").read_text()


@pytest.mark.parametrize("name", ["README.md", "prompting.md"])
def test_links_lead_somewhere(name):
    text = (PACKAGE / "exercises" / name).read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (PACKAGE / "exercises" / target).exists(), target
