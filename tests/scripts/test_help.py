"""Every script says what it is for before it needs anything: ``--help`` works without
arguments, without the optional packages, and outside the checkout."""

import os
import subprocess
import sys
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


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_help_needs_nothing(path, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "88"}
    run = subprocess.run(
        [sys.executable, "-c", HIDE, str(path), "--help"], cwd=tmp_path,
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("usage:"), run.stdout
    assert run.stderr == ""
    assert list(tmp_path.iterdir()) == []


# Not the one that others start, and that whose arguments marimo reads.
BY_HAND = [p for p in SCRIPTS if p.stem not in ("peers", "interactive")]


@pytest.mark.parametrize("path", BY_HAND, ids=lambda path: path.stem)
def test_a_mistake_is_never_said_in_stdout(path, tmp_path):
    """Where stderr is closed argparse would do so, into whatever reads the results."""
    run = subprocess.run(
        ["bash", "-c", 'exec "$0" "$@" 2>&-', sys.executable, path, "--nonsense"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, timeout=60, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (2, b"")


def test_every_script_ends_without_a_traceback():
    for path in BY_HAND:
        text = path.read_text()
        converter = "sys.exit(run(convert" in text  # of converting.py, which does it
        assert converter or f'@without_traceback("{path.name}")\ndef main(' in text, (
            path
        )


@pytest.mark.parametrize("args", [
    "curve.py NIX NIX", "evaluate.py NIX NIX",
    "microscope.py --model NIX", "multiple_choice.py NIX NIX", "prompting.py NIX",
    "sample_quality.py NIX NIX", "train_tokenizer.py NIX NIX --n-merges 1",
    "yardsticks.py NIX",
])  # fmt: skip
def test_what_is_not_there_is_said_in_one_sentence(args, tmp_path):
    name, *args = args.replace("NIX", "no/such/file").split()
    run = subprocess.run(
        [sys.executable, ROOT / "scripts" / name, *args], cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 1 and run.stdout == ""
    assert run.stderr.startswith(f"{name}: ") and "no/such/file" in run.stderr
    assert run.stderr.count("\n") == 1


def test_all_scripts_are_tried():
    assert len(SCRIPTS) >= 19
