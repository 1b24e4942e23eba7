"""The GPT series: the counts against the papers, and against transformers' models."""

import subprocess
import sys

import pytest

import sizes
from numpygpt import GPT2Config
from numpygpt.config import PUBLISHED

EXACT = {
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
    "gpt3-small": 125_226_240,
    "gpt3-175b": 174_604_259_328,
}


@pytest.mark.parametrize(("name", "n_params"), EXACT.items())
def test_exact_counts(name, n_params):
    assert GPT2Config.named(name).n_params == n_params


@pytest.mark.parametrize("name", [n for n in PUBLISHED if n.startswith("gpt3")])
def test_gpt3s_counts_round_to_what_is_printed(name):
    printed = PUBLISHED[name][-1]
    unit = 1e9 if printed.endswith("B") else 1e6
    printed, count = float(printed[:-1]), GPT2Config.named(name).n_params / unit
    assert abs(count - printed) / printed < 0.02


@pytest.mark.parametrize("name", ["gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"])
def test_gpt2s_printed_counts_are_those_of_gpt1s_vocabulary(name):
    n_embd, n_layer, n_head, n_ctx, printed = PUBLISHED[name]
    config = GPT2Config(sizes.GPT1.n_vocab, n_ctx, n_embd, n_layer, n_head)
    assert f"{config.n_params / 1e6:.0f}M" == printed
    line = f"{config.n_params:,}   printed {printed}"
    assert any(line in row for row in sizes.with_old_vocabulary())


def test_the_table_is_printed():
    command = [sys.executable, sizes.__file__]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stderr == ""
    lines = run.stdout.splitlines()
    assert lines[1].split() == ["gpt1", "768", "12", "12", "512", "116,534,784", "117M"]
    assert lines[3].split() == [
        "gpt2",
        "768",
        "12",
        "12",
        "1024",
        "124,439,808",
        "117M",
    ]
    assert len(lines) == 2 + len(PUBLISHED) + 6


@pytest.mark.reference
@pytest.mark.parametrize("name", PUBLISHED)
def test_transformers_counts_the_same(name):
    import torch
    import transformers

    settings = transformers.GPT2Config(**GPT2Config.named(name).to_dict())
    with torch.device("meta"):  # shapes without memory
        model = transformers.GPT2LMHeadModel(settings)
    assert model.num_parameters() == GPT2Config.named(name).n_params


@pytest.mark.reference
def test_transformers_counts_gpt1_the_same():
    import torch
    import transformers

    with torch.device("meta"):
        model = transformers.OpenAIGPTLMHeadModel(transformers.OpenAIGPTConfig())
    assert f"{model.num_parameters():,}" in "\n".join(sizes.rows())
