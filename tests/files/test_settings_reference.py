"""Settings of generation in a folder: to the token what transformers makes of them."""

import json

import pytest

from numpygpt import GPT2

pytestmark = pytest.mark.reference

SETTINGS = [
    {}, {"repetition_penalty": 1.7}, {"no_repeat_ngram_size": 2}, {"max_length": 9},
    {"num_beams": 3, "length_penalty": 2.0}, {"eos_token_id": [5, 60]},
    {"task_specific_params": {
        "text-generation": {"do_sample": True, "max_length": 50}}},
    {"eos_token_id": -1}, {"pad_token_id": -1}, {"bad_words_ids": [[3], [4, 5]]},
    {"top_k": 50, "temperature": 0.7}, {"min_length": 12}, {"forced_eos_token_id": 7},
    {"suppress_tokens": [1, 2, 700]}, {"eos_token_id": 50256, "min_length": 12},
    {"output_hidden_states": True, "output_attentions": True},
    {"decoder_start_token_id": 3, "remove_invalid_values": True, "some_key": 3},
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch, transformers = map(pytest.importorskip, ("torch", "transformers"))
    folder = tmp_path_factory.mktemp("settings")
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=61, n_positions=40, n_embd=16, n_layer=2, n_head=2,
        bos_token_id=60, eos_token_id=60,
    ))  # fmt: skip
    for parameter in model.parameters():
        parameter.data *= 6
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("file", ["config.json", "generation_config.json"])
@pytest.mark.parametrize("settings", SETTINGS)
def test_the_same_greedy_text(folder, file, settings):
    import torch
    import transformers

    for name in ("config.json", "generation_config.json"):
        (folder / f"{name}.kept").exists() or (folder / f"{name}.kept").write_text(
            (folder / name).read_text()
        )
        content = json.loads((folder / f"{name}.kept").read_text())
        content |= settings if name == file else {}
        (folder / name).write_text(json.dumps(content))
    if file == "config.json":
        (folder / "generation_config.json").unlink()
    theirs = transformers.AutoModelForCausalLM.from_pretrained(
        folder, attn_implementation="eager"
    )
    out = theirs.generate(torch.tensor([[1, 2, 3]]), do_sample=False)
    out = out if torch.is_tensor(out) else out.sequences
    ours = GPT2.from_pretrained(folder).generate([1, 2, 3], do_sample=False)
    assert ours.tolist() == out.tolist()
    (folder / "generation_config.json").write_text("{}")
