"""Bits per byte of a model folder: what is counted, and that transformers agrees."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "scripts"))

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
    """A guess for every token of its own: the bits are their sum, the end's the last."""
    tokenizer = Tokenizer.from_pretrained(folder / "m")
    unlike = lambda ids: np.arange(1.0, len(ids)) ** 2  # noqa: E731
    result = evaluate.evaluate(unlike, tokenizer, folder / "text", limit=1)
    n, text = result["tokens"], "A fox sat.\n\nIt ate!"
    bits = (np.arange(1.0, n + 1) ** 2).sum() / math.log(2)
    assert result["bits_per_byte"] == pytest.approx(bits / result["bytes"])
    without = (bits - n**2 / math.log(2)) / len(text)
    assert result["bits_per_byte_without_ends"] == pytest.approx(without)
    assert result["perplexity_of_a_token"] == pytest.approx(2 ** (bits / n))
