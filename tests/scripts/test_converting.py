"""The converters as commands: what they leave behind, say and return."""

import doctest
import importlib
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import convert_pytorch
import converting
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)
SCRIPTS = ["convert_pytorch", "convert_tensorflow", "convert_llmc", "convert_gguf"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_as_a_command(name, tmp_path):
    """From anywhere, without an installation; one line of reason, no traceback."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def command(*argv):
        return subprocess.run(
            [sys.executable, str(ROOT / "scripts" / f"{name}.py"), *argv],
            capture_output=True, text=True, cwd=tmp_path, env=environment, check=False,
        )  # fmt: skip

    usage = command()
    assert (usage.returncode, usage.stdout) == (2, "")
    failed = command("missing", "out")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith(f"{name}.py: missing")
    assert failed.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    assert "model folder" in " ".join(command("--help").stdout.split())


@pytest.mark.parametrize("name", SCRIPTS)
def test_examples_in_docstrings(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_an_interruption_leaves_nothing(tmp_path, formats):
    def convert(source, folder, args):
        with converting.new_folder(folder) as beside:
            (beside / "half").write_text("half")
            raise KeyboardInterrupt

    assert converting.run(convert, "", argv=["source", str(tmp_path / "out")]) == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stem", ["archive", "pytorch_model", "a/b"])
def test_older_archives_of_torch(formats, tmp_path, stem):
    """The folder inside is called after the file or "archive"; the byte order and the
    serialization's id came later."""
    old = io.BytesIO()
    with (
        zipfile.ZipFile(formats / "pytorch_zip.bin") as now,
        zipfile.ZipFile(old, "w") as then,
    ):
        for entry in now.infolist():
            name = entry.filename.partition("/")[2]
            if name in ("data.pkl", "version") or name.startswith("data/"):
                then.writestr(f"{stem}/{name}", now.read(entry))
    (tmp_path / "x.bin").write_bytes(old.getvalue())
    (tmp_path / "config.json").write_bytes((formats / "model/config.json").read_bytes())
    argv = [tmp_path / "x.bin", tmp_path / "out", "--check", formats / "model"]
    code = converting.run(
        convert_pytorch.convert, "", convert_pytorch.options, [str(a) for a in argv]
    )
    assert code == 0


def test_a_transposed_array_is_still_read_later():
    read = []
    later = converting.Later((2, 3), np.dtype("f4"), lambda: read.append(1) or ARRAY)
    assert later.T.shape == (3, 2)
    assert later.T.T.shape == (2, 3)
    assert read == []
    assert np.array_equal(np.asarray(later.T), ARRAY.T)


@pytest.mark.parametrize(
    ("model", "n_head"),
    [
        ({"n_head": 5, "model_type": "gpt2"}, 5),
        ({"n_head": None, "model_type": "gpt-mini"}, 6),
        ({"model_type": "gpt2-xl"}, 25),
        ({"model_type": "another"}, None),
    ],
)
def test_mingpts_heads(tmp_path, model, n_head):
    (tmp_path / "config.json").write_text(json.dumps({"model": model}))
    assert convert_pytorch.mingpt_heads(tmp_path / "model.pt") == n_head
    assert convert_pytorch.mingpt_heads(tmp_path) == n_head
