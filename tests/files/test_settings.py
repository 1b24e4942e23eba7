"""How a model generates by itself: generation_config.json or an old config.json.
What transformers makes of the same files: test_settings_reference.py."""

import json

import numpy as np
import pytest

from numpygpt import GPT2, GenerationConfig, GPT2Config
from numpygpt.files.hub import FormatError

CONFIG = GPT2Config(61, n_positions=40, n_embd=8, n_layer=2, n_head=2, eos_token_id=60)


@pytest.fixture
def folder(tmp_path):
    GPT2.random(CONFIG, seed=4).save_pretrained(tmp_path)
    return tmp_path


def put(folder, name, **settings):
    path = folder / name
    old = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**old, **settings}))


NOT_OURS = {
    "output_hidden_states": True, "output_attentions": True,
    "decoder_start_token_id": 3, "remove_invalid_values": True,
    "trust_remote_code": True, "some_new_key": [1],
}  # fmt: skip


def test_what_we_do_not_have_is_passed_over_and_said(folder, caplog):
    want = GPT2.from_pretrained(folder).generate([1, 2], max_new_tokens=4)
    assert not caplog.records
    put(folder, "generation_config.json", **NOT_OURS)
    model = GPT2.from_pretrained(folder)
    assert np.array_equal(model.generate([1, 2], max_new_tokens=4), want)
    (record,) = caplog.records
    for name in NOT_OURS:
        assert name in record.getMessage()
    assert "generation_config.json" in record.getMessage()
    with pytest.raises(ValueError, match="output_attentions"):
        model.generate([1, 2], output_attentions=True)


OLD = [
    {"repetition_penalty": 1.5}, {"no_repeat_ngram_size": 2}, {"max_length": 9},
    {"num_beams": 3, "length_penalty": 2.0}, {"bad_words_ids": [[3], [4, 5]]},
    {"eos_token_id": [5, 60]}, {"min_length": 12, "eos_token_id": 7},
]  # fmt: skip


@pytest.mark.parametrize("settings", OLD)
def test_an_old_config_json_says_how_to_generate(folder, settings):
    call = {"eos_token_id": 60, **settings}
    want = GPT2.from_pretrained(folder).generate([1, 2], **call)
    (folder / "generation_config.json").unlink()
    put(folder, "config.json", **settings)
    assert np.array_equal(GPT2.from_pretrained(folder).generate([1, 2]), want)
    task = {"text-generation": {"do_sample": True, "max_length": 3}}
    put(folder, "config.json", task_specific_params=task)
    assert np.array_equal(GPT2.from_pretrained(folder).generate([1, 2]), want)


def test_an_error_names_the_file_that_there_is(folder):
    put(folder, "generation_config.json", temperature="hot")
    with pytest.raises(FormatError, match="generation_config.json: temperature"):
        GPT2.from_pretrained(folder)
    (folder / "generation_config.json").unlink()
    put(folder, "config.json", temperature="hot")
    with pytest.raises(FormatError, match=r"/config.json: temperature"):
        GPT2.from_pretrained(folder)


@pytest.mark.parametrize("file", ["generation_config.json", "config.json"])
def test_minus_one_means_that_there_is_none(folder, file):
    if file == "config.json":
        (folder / "generation_config.json").unlink()
    put(folder, file, eos_token_id=-1, pad_token_id=-1)
    model = GPT2.from_pretrained(folder)
    assert model.generation_config.eos_token_ids == ()
    assert model.generate([1, 2], max_new_tokens=30).shape == (1, 32)
    put(folder, file, eos_token_id=[-1, 60])
    assert GPT2.from_pretrained(folder).generation_config.eos_token_ids == (60,)
    assert GPT2.random(GPT2Config(9, 8, 8, 1, 1, eos_token_id=-1)).generate([1]).any()


METHODS = [
    {}, {"do_sample": True}, {"num_beams": 3}, {"num_beams": 3, "do_sample": True},
    {"penalty_alpha": 0.5, "top_k": 4}, {"prompt_lookup_num_tokens": 3},
    {"guidance_scale": 2.0}, {"dola_layers": "high"},
]  # fmt: skip
NEVER = [
    {"eos_token_id": 50256}, {"eos_token_id": 50256, "min_length": 9},
    {"eos_token_id": 50256, "min_new_tokens": 3},
    {"eos_token_id": 50256, "exponential_decay_length_penalty": (1, 2.0)},
    {"bad_words_ids": [[50256], [3, 50256], [50256, 3]]},
    {"suppress_tokens": [50256], "begin_suppress_tokens": [50256]},
]  # fmt: skip


@pytest.mark.parametrize("never", NEVER)
def test_a_token_that_the_vocabulary_lacks_never_comes(never):
    """Whatever the method, the text is the one without the setting."""
    model = GPT2.random(CONFIG, seed=4)
    model.generation_config = GenerationConfig()
    for how in METHODS:
        how = {**how, "max_new_tokens": 6, "seed": 0}
        want = model.generate([1, 2], **how)
        assert np.array_equal(model.generate([1, 2], **how, **never), want)


def test_settings_are_saved_with_the_model(tmp_path):
    model = GPT2.random(CONFIG, seed=4)
    settings = {
        "eos_token_id": [5, 60], "bos_token_id": 60, "pad_token_id": 0, "top_p": 0.9,
        "do_sample": True, "repetition_penalty": 1.2, "max_new_tokens": 7,
        "bad_words_ids": [[3]], "sequence_bias": {(1, 2): 0.5}, "logit_bias": {5: 1.0},
        "temperature": np.float32(0.5), "stop_strings": ["x"],
    }  # fmt: skip
    model.generation_config = GenerationConfig(**settings, stopping_criteria=[len])
    model.save_pretrained(tmp_path)
    again = GPT2.from_pretrained(tmp_path).generation_config
    settings["sequence_bias"] = [[[1, 2], 0.5]]
    settings["logit_bias"] = {"5": 1.0}
    for name, value in settings.items():
        assert getattr(again, name) == value, name
    assert again.stopping_criteria is None
