"""Every script says what it is for before it needs anything: ``--help`` works without
arguments, without the optional packages, and outside the checkout."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [p for p in sorted((ROOT / "scripts").glob("*.py"))
           if '__name__ == "__main__"' in p.read_text()]  # fmt: skip
# What setup.cfg's extras name, and what these bring along.
OPTIONAL = [
    "torch", "transformers", "tokenizers", "tiktoken", "gguf", "ctranslate2",
    "tensorflow", "huggingface_hub", "safetensors", "llama_cpp", "onnxruntime",
    "hypothesis", "pytest", "coverage", "scipy", "matplotlib", "numba", "requests",
]  # fmt: skip
HIDE = f"""
import runpy, sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OPTIONAL!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
sys.argv = sys.argv[1:]
sys.path[0] = sys.argv[0].rpartition("/")[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


# Not the one that others start, and that whose arguments marimo reads.
BY_HAND = [p for p in SCRIPTS if p.stem not in ("peers", "interactive")]
MISSING = [
    "curve.py NIX NIX", "evaluate.py NIX NIX", "microscope.py --model NIX",
    "multiple_choice.py NIX NIX", "prompting.py NIX", "sample_quality.py NIX NIX",
    "train_tokenizer.py NIX NIX --n-merges 1", "yardsticks.py NIX",
]  # fmt: skip
WITHOUT_STDERR = ["bash", "-c", 'exec "$0" "$@" 2>&-']


def command(case):
    """The words of a case: ``(kind, what)``."""
    kind, what = case
    if kind == "help":
        return [sys.executable, "-c", HIDE, str(what), "--help"]
    if kind == "mistake":
        return [*WITHOUT_STDERR, sys.executable, str(what), "--nonsense"]
    name, *args = what.replace("NIX", "no/such/file").split()
    return [sys.executable, str(ROOT / "scripts" / name), *args]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What came of every case, and the files it left: run two at a time."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "88"}

    def run(case, folder):
        done = subprocess.run(
            command(case), cwd=folder, env=environment, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr, list(folder.iterdir())

    cases = [("help", path) for path in SCRIPTS]
    cases += [("mistake", path) for path in BY_HAND]
    cases += [("missing", args) for args in MISSING]
    with ThreadPoolExecutor(2) as pool:
        folders = [tmp_path_factory.mktemp("empty") for _ in cases]
        return dict(zip(cases, pool.map(run, cases, folders)))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_help_needs_nothing(path, found):
    code, out, err, files = found["help", path]
    assert code == 0, err
    assert out.startswith("usage:"), out
    assert (err, files) == ("", [])


@pytest.mark.parametrize("path", BY_HAND, ids=lambda path: path.stem)
def test_a_mistake_is_never_said_in_stdout(path, found):
    """Where stderr is closed argparse would do so, into whatever reads the results."""
    assert found["mistake", path] == (2, "", "", [])


@pytest.mark.parametrize("args", MISSING)
def test_what_is_not_there_is_said_in_one_sentence(args, found):
    code, out, err, files = found["missing", args]
    assert (code, out, files) == (1, "", [])
    assert err.startswith(f"{args.split()[0]}: ") and "no/such/file" in err
    assert err.count("\n") == 1


def test_every_script_ends_without_a_traceback():
    for path in BY_HAND:
        text = path.read_text()
        converter = "sys.exit(run(convert" in text  # of converting.py, which does it
        decorator = rf'@without_traceback\("{path.name}".*\)\ndef main\('
        assert converter or re.search(decorator, text), path


def test_all_scripts_are_tried():
    assert len(SCRIPTS) >= 19
