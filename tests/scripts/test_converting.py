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
from types import SimpleNamespace

import convert_pytorch
import converting
import numpy as np
import pytest

from numpygpt import GPT2, GPT2Config, Tokenizer, weights
from numpygpt.files.hub import FormatError
from numpygpt.files.safetensors import write_safetensors

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


# What the converters share, function by function.


def test_a_file_is_read_piece_by_piece(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"0123456789")
    assert [*converting.pieces(path, 2, 7, step=3)] == [b"234", b"567", b"8"]
    assert [*converting.pieces(path, 4, 6, step=3)] == [b"456", b"789"]
    assert [*converting.pieces(path, 3, 0)] == []
    found = converting.pieces(path, 4, 7, step=3)
    assert [next(found), next(found)] == [b"456", b"789"]
    with pytest.raises(FormatError, match="x ends before byte 11"):
        next(found)


SMALL = GPT2Config(5, 3, 2, 1, 1, bos_token_id=None, eos_token_id=None)


def tensors(config=SMALL, **changes):
    flat = weights.flatten(weights.random_params(config, seed=1))
    return {**flat, **changes}


def test_what_does_not_fit_the_config_is_told(tmp_path):
    """As many tensors as blocks is not too few to name the one that is missing."""
    write, out = converting.write_model, tmp_path / "out"
    two = GPT2Config(5, 3, 2, 2, 1)
    some = dict.fromkeys(("a.bias", "b"), ARRAY)
    with pytest.raises(FormatError, match="x lacks the tensor 'wte.weight'"):
        write("x", out, two, dict(some))
    with pytest.raises(FormatError, match="x: 2 tensors, 3 blocks"):
        write("x", out, GPT2Config(5, 3, 2, 3, 1), dict(some))
    with pytest.raises(
        FormatError, match=r"'wpe.weight' has shape \(2, 3\), not \(3, 2\)"
    ):
        write("x", out, SMALL, tensors(**{"wpe.weight": ARRAY}))
    more = tensors(**dict.fromkeys("gfedcb", ARRAY))
    with pytest.raises(FormatError, match="x: a GPT-2 has no 'b', 'c', 'd', 'e', 'f'$"):
        write("x", out, SMALL, more)
    assert not out.exists()
    masks = {"h.0.attn.bias": ARRAY, "v_head.summary.bias": ARRAY}
    write("x", out, SMALL, tensors(**masks), lambda f: (f / "note").write_text("1"))
    assert (out / "note").read_text() == "1"
    _, params = weights.load(out)
    for name, array in weights.flatten(params).items():
        assert np.array_equal(array, tensors()[name])


def test_a_tokenizer_is_saved_or_its_file_is_damaged(tmp_path):
    save = converting.save_tokenizer
    save(lambda: None, "x", tmp_path)
    assert list(tmp_path.iterdir()) == []
    for vocab in {"a": -1}, {"a": 0, "b": 0}, {"": 0}:
        tokenizer = SimpleNamespace(vocab=vocab, save_pretrained=lambda folder: None)
        with pytest.raises(FormatError, match="the tokenizer in x is damaged: "):
            save(lambda made=tokenizer: made, "x", tmp_path)

    def fail(error):
        raise error

    for error in ValueError("odd"), TypeError("odd"):
        with pytest.raises(FormatError, match="the tokenizer in x is damaged: odd"):
            save(lambda error=error: fail(error), "x", tmp_path)
    with pytest.raises(FormatError, match="^its own words$"):
        save(lambda: fail(FormatError("its own words")), "x", tmp_path)
    save(lambda: Tokenizer([("a", "b")]), "x", tmp_path)
    assert Tokenizer.from_pretrained(tmp_path).encode("ab") == [256]


def test_a_folder_may_be_empty_or_deep_but_not_filled(tmp_path):
    (tmp_path / "empty").mkdir()
    for name in "empty", "a/b/new":
        with converting.new_folder(tmp_path / name) as beside:
            (beside / "x").write_text("1")
            assert not (tmp_path / name / "x").exists()
        assert [path.name for path in (tmp_path / name).iterdir()] == ["x"]
    (tmp_path / "file").write_text("1")
    for name in "empty", "file":
        with (
            pytest.raises(ValueError, match="exists: name a folder"),
            converting.new_folder(tmp_path / name),
        ):
            pass
    assert sorted(os.listdir(tmp_path)) == ["a", "empty", "file"]


def test_gpt2s_tokenizer_and_the_files_that_are_copied(tmp_path):
    names = {
        "vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json",
        "special_tokens_map.json", "added_tokens.json", "generation_config.json",
    }  # fmt: skip
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    out.mkdir()
    for name in [*names, "config.json", "notes.txt"]:
        (source / name).write_text(name)
    converting.copy_tokenizer(source, out)
    assert {path.name: path.read_text() for path in out.iterdir()} == {
        name: name for name in names
    }
    converting.gpt2_tokenizer(tmp_path / "gpt2")
    assert Tokenizer.from_pretrained(tmp_path / "gpt2").n_vocab == 50257


def test_the_largest_difference(monkeypatch):
    """A piece at a time; two numbers that are none are the same."""
    monkeypatch.setattr(converting, "STEP", 2)
    a = np.array([1, 2, 3, 4, np.nan, 5], np.float32)
    for changes, far in (
        ({}, 0),
        ({0: 3, 1: 2.5}, 2),
        ({1: 2.5, 3: 1, 5: 6}, 3),
        ({5: 4}, 1),
    ):
        b = a.copy()
        for place, number in changes.items():
            b[place] = number
        assert converting.furthest(a, "F32", b, "F32") == far
    assert np.isnan(converting.furthest(a, "F32", np.ones(6, "f4"), "F32"))
    a[1], b[1] = np.inf, np.inf
    assert converting.furthest(a, "F32", b, "F32") == 1
    half = np.array([1, 2], np.float16)
    bits = np.array([0x3F80, 0x4040], np.uint16)  # 1 and 3
    assert converting.furthest(half, "F16", bits, "BF16") == 1


def test_every_difference_has_a_line(tmp_path, capsys):
    config = GPT2Config(5, 3, 2, 1, 1, eos_token_id=4)
    model = GPT2.random(config, seed=1)
    first, second = tmp_path / "a", tmp_path / "b"
    model.save_pretrained(first)
    flat = {**tensors(config), "only.here": ARRAY, "v_head.x": ARRAY}
    flat["wpe.weight"] = flat["wpe.weight"] + np.float32(0.125)
    flat["ln_f.bias"] = np.zeros(3, np.float32)
    del flat["ln_f.weight"]
    model.save_pretrained(second)
    write_safetensors(second / "model.safetensors", flat)
    settings = json.loads((second / "config.json").read_text())
    settings |= {"n_inner": 8, "eos_token_id": 3}  # 8 = 4 * n_embd: not another one
    (second / "config.json").write_text(json.dumps(settings))
    lines = [*converting.differences(first, second)]
    assert lines == [
        f"ln_f.weight: only in {first}", f"only.here: only in {second}",
        "ln_f.bias: shape (2,) and (3,)", "wpe.weight: differs by up to 0.125",
        "config.json, eos_token_id: 4 and 3",
    ]  # fmt: skip
    assert converting.check(first, second) == 1
    assert capsys.readouterr().out == "".join(f"{line}\n" for line in lines)
    flat = tensors(config)
    flat["h.0.attn.masked_bias"] = ARRAY
    write_safetensors(second / "model.safetensors", flat)
    settings["eos_token_id"] = 4
    (second / "config.json").write_text(json.dumps(settings))
    assert converting.check(first, second) == 0
    assert capsys.readouterr().out == f"{first} and {second} hold the same model\n"


def test_what_a_converter_says(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["convert.py"])
    monkeypatch.setenv("COLUMNS", "200")

    def convert(source, folder, args):
        if source.name != "good":
            raise {"memory": MemoryError(), "odd": ValueError("odd")}[source.name]
        if folder.suffix:
            folder.write_bytes(bytes(1234))
        else:
            weights.save(folder, SMALL, weights.random_params(SMALL))
            if args.file:
                (folder / args.file).write_text("")

    def run(*argv):
        add = lambda parser: parser.add_argument("--file")
        code = converting.run(convert, "First line.\nMore.", add, [*map(str, argv)])
        return code, *capsys.readouterr()

    out = tmp_path / "out"
    said = f"{SMALL.n_params} weights, 1 blocks, 5 tokens, without a tokenizer\n"
    assert run("good", out) == (0, f"{out}: {said}", "")
    for i, file in enumerate(("merges.txt", "tokenizer.json")):
        _, said, _ = run("good", f"{out}{i}", "--file", file)
        assert said.endswith("with a tokenizer\n")
    path = tmp_path / "x.gguf"
    assert run("good", path) == (0, f"{path}: 1,234 bytes\n", "")
    assert run("memory", out) == (1, "", "convert.py: MemoryError\n")
    assert run("odd", out) == (1, "", "convert.py: odd\n")
    same = f"{out} and {out}0 hold the same model\n"
    assert run(out, "--check", f"{out}0") == (0, same, "")
    assert run("good", tmp_path / "y", "--check", out)[0] == 0
    with pytest.raises(SystemExit, match="2"):
        converting.run(convert, "", argv=["good"])
    assert "name the FOLDER to make" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="0"):
        converting.run(convert, "First line.\nMore.", argv=["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith(
        "usage: convert.py [-h] [--check OTHER] SOURCE [FOLDER] First"
    )
    for words in (
        "First line. positional", "SOURCE the file or folder to read",
        "FOLDER the folder to make",
        "compare FOLDER (without it, SOURCE) with this model folder",
    ):  # fmt: skip
        assert words in said
    assert "More" not in said
