"""Bits per byte of a model folder: what is counted, and that transformers agrees."""

import io
import json
import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import evaluate

from numpygpt import GPT2, GPT2Config, Tokenizer

TEXT = "A fox sat.\n\nIt ate!\n<|endoftext|>\nThe hen, too, ran off.\n<|endoftext|>\n"


@pytest.fixture
def folder(tmp_path):
    tokenizer = Tokenizer.gpt2(n_merges=20)
    config = GPT2Config(277, 9, n_embd=12, n_layer=2, n_head=3, eos_token_id=276)
    GPT2.random(config, seed=3).save_pretrained(tmp_path / "m")
    tokenizer.save_pretrained(tmp_path / "m")
    (tmp_path / "text").write_text(TEXT)
    return tmp_path


def run(capsys, *args):
    assert evaluate.main([str(a) for a in args]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_model_that_guesses_evenly(folder):
    tokenizer = Tokenizer.from_pretrained(folder / "m")
    even = lambda ids: np.full(len(ids) - 1, math.log(256))  # noqa: E731
    result = evaluate.evaluate(even, tokenizer, folder / "text")
    assert result["bytes"] == len(TEXT) and result["stories"] == 2
    n_token = result["tokens"]
    assert result["bits_per_byte"] == pytest.approx(8 * n_token / len(TEXT))
    n_text = len(TEXT.replace("\n<|endoftext|>\n", ""))
    without = result["bits_per_byte_without_ends"]
    assert without == pytest.approx(8 * (n_token - 2) / n_text)


def test_the_command_line(folder, capsys):
    result = run(capsys, folder / "m", folder / "text")
    assert result["stride"] == 2 and result["tokens"] > 30
    one = run(capsys, folder / "m", folder / "text", "--limit", 1)
    assert one["stories"] == 1 and one["bytes"] == TEXT.index("The")


def test_a_folder_that_is_missing(folder, capsys):
    assert evaluate.main([str(folder / "no"), str(folder / "text")]) == 1
    assert "no model" in capsys.readouterr().err


@pytest.mark.reference
def test_transformers_computes_the_same(folder, capsys):
    args = folder / "m", folder / "text", "--stride", 5
    ours, theirs = run(capsys, *args), run(capsys, *args, "--torch")
    assert ours["bits_per_byte"] == pytest.approx(theirs["bits_per_byte"], abs=1e-6)
    assert (ours["by"], theirs["by"]) == ("numpygpt", "transformers")


def test_the_last_token_of_a_story_is_its_end(folder):
    """A guess for each token of its own: the bits are their sum, the end's the last."""
    tokenizer = Tokenizer.from_pretrained(folder / "m")
    unlike = lambda ids: np.arange(1.0, len(ids)) ** 2  # noqa: E731
    result = evaluate.evaluate(unlike, tokenizer, folder / "text", limit=1)
    n, text = result["tokens"], "A fox sat.\n\nIt ate!"
    bits = (np.arange(1.0, n + 1) ** 2).sum() / math.log(2)
    assert result["bits_per_byte"] == pytest.approx(bits / result["bytes"])
    without = (bits - n**2 / math.log(2)) / len(text)
    assert result["bits_per_byte_without_ends"] == pytest.approx(without)
    assert result["perplexity_of_a_token"] == pytest.approx(2 ** (bits / n))


@pytest.mark.parametrize("stride", [1, 5, 8])
def test_the_window_moves_by_its_stride(folder, capsys, stride):
    """The bits are those of the model itself, for whatever of a story it still sees."""
    model, tokenizer = (
        kind.from_pretrained(folder / "m") for kind in (GPT2, Tokenizer)
    )
    end, bits, n = tokenizer.eos_token_id, 0.0, 0
    for story in ("A fox sat.\n\nIt ate!", "The hen, too, ran off."):
        ids = [end, *tokenizer.encode(story), end]
        at = 1  # the next token to guess
        while at < len(ids):
            stop = 10 if at == 1 else at + stride  # nine to read, one to guess
            stop = min(stop, len(ids))
            begin = max(0, stop - 10)
            rows = model(ids[begin : stop - 1])
            for place in range(at, stop):
                row = rows[place - 1 - begin].astype(float)
                bits += (np.log(np.exp(row).sum()) - row[ids[place]]) / math.log(2)
            n, at = n + stop - at, stop
    result = run(capsys, folder / "m", folder / "text", "--stride", stride)
    assert (result["stride"], result["tokens"], result["by"]) == (stride, n, "numpygpt")
    assert result["bits_per_byte"] == pytest.approx(bits / len(TEXT), rel=1e-5)
    assert result["model"] == str(folder / "m")


def test_what_is_said_meanwhile_is_for_terminals(folder, capsys, monkeypatch):
    notes = []
    tokenizer = Tokenizer.from_pretrained(folder / "m")
    even = lambda ids: np.zeros(len(ids) - 1)  # noqa: E731
    evaluate.evaluate(even, tokenizer, folder / "text", note=notes.append)
    assert notes == ["\r1 of 2 stories, 0 s ", "\r2 of 2 stories, 0 s "]
    run(capsys, folder / "m", folder / "text")
    assert evaluate.main([str(folder / "m"), str(folder / "text")]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert evaluate.main([str(folder / "m"), str(folder / "text")]) == 0
    assert "\r2 of 2 stories, 0 s " in capsys.readouterr().err


def test_a_context_of_three_moves_by_one(tmp_path, folder, capsys):
    config = GPT2Config(277, 3, n_embd=12, n_layer=1, n_head=3, eos_token_id=276)
    GPT2.random(config).save_pretrained(folder / "m")
    assert run(capsys, folder / "m", folder / "text")["stride"] == 1


def test_what_the_options_are(folder, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit, match="0"):
        evaluate.main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    for words in (
        "Bits per byte of a model on a text.", "model a name or a model folder",
        "text a file of stories", "tokens; default: n_ctx / 4",
        "the first so many stories only", "check by transformers",
    ):  # fmt: skip
        assert words in said
    for stride, code in (("10", 1), ("9", 0), ("x", 2)):
        argv = [str(folder / "m"), str(folder / "text"), "--stride", stride]
        if code == 2:
            with pytest.raises(SystemExit, match="2"):
                evaluate.main(argv)
        else:
            assert evaluate.main(argv) == code, stride


def test_a_line_that_is_not_ended_is_shown(folder, capsys, monkeypatch):
    shown, out = [], io.StringIO()
    out.isatty = lambda: True
    out.flush = lambda: shown.append(out.getvalue())
    monkeypatch.setattr(sys, "stderr", out)
    run(capsys, folder / "m", folder / "text", "--limit", 1)
    assert shown[0].startswith("\r1 of 1 stories, ") and "\n" not in shown[0]


class Tensor(np.ndarray):
    """As much of torch's as is needed here."""

    def double(self):
        return self.astype(np.float64)

    def log_softmax(self, axis):
        return self - np.log(np.exp(self).sum(axis, keepdims=True))

    def gather(self, axis, index):
        return np.take_along_axis(self, index, axis)

    def numpy(self):
        return np.asarray(self)


@pytest.mark.parametrize("stride", [1, 5, 9])
def test_the_windows_of_the_other_library(folder, capsys, monkeypatch, stride):
    """Without it: a stand-in that answers with our own logits."""
    model = GPT2.from_pretrained(folder / "m")

    def load(name, dtype, attn_implementation):
        assert (name, dtype) == (str(folder / "m"), "float32")
        assert attn_implementation == "eager"

        def answer(ids):
            (row,) = ids
            return SimpleNamespace(logits=model(row.tolist())[None].view(Tensor))

        answer.config = SimpleNamespace(n_positions=9)
        return answer

    torch = SimpleNamespace(
        float32="float32", no_grad=lambda: lambda function: function,
        tensor=lambda ids: np.array(ids).view(Tensor),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "torch", torch)
    loader = SimpleNamespace(from_pretrained=load)
    transformers = SimpleNamespace(AutoModelForCausalLM=loader)
    monkeypatch.setitem(sys.modules, "transformers", transformers)
    args = folder / "m", folder / "text", "--stride", stride
    ours, theirs = run(capsys, *args), run(capsys, *args, "--torch")
    assert (ours.pop("by"), theirs.pop("by")) == ("numpygpt", "transformers")
    assert ours.pop("model") == theirs.pop("model")
    assert theirs == pytest.approx(ours, rel=1e-5)
