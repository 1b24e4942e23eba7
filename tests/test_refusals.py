"""Errors and lines that no other plain test asks for, each by its words."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from numpygpt import GPT2, GenerationConfig, GPT2Config, Tokenizer, hf, scoring, weights
from numpygpt.decoding import explain
from numpygpt.decoding.rules import penalties
from numpygpt.exercises import show
from numpygpt.files import download
from numpygpt.files.hub import FormatError
from numpygpt.files.known import DownloadError

CONFIG = GPT2Config(9, 8, 4, 2, 2, eos_token_id=None)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, "greedy, up to 20 tokens with the prompt"),
        ({"do_sample": True, "max_new_tokens": 1}, "sampling, up to 1 new tokens"),
        ({"prompt_lookup_num_tokens": 3}, "greedy, drafts of up to 3 tokens by lookup"),
        ({"assistant_model": GPT2.random(CONFIG)}, "greedy, drafts by assistant_model"),
        ({"guidance_scale": 1.5}, "greedy, guidance_scale 1.5"),
        ({"guidance_scale": 1}, "greedy, up to"),
        ({"dola_layers": "low"}, "greedy, dola_layers low"),
        ({"num_beams": 3}, "beam search with 3 beams, up to"),
        ({"num_beams": 3, "do_sample": True}, "beam search with 3 beams, sampling, up"),
        ({"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5},
         "diverse beam search with 4 beams in 2 groups, up"),
        ({"num_beams": 3, "stochastic_beams": True}, "stochastic beam search with 3"),
        ({"penalty_alpha": 0.6, "top_k": 4},
         "contrastive search, penalty_alpha 0.6, up"),
    ],
)  # fmt: skip
def test_explain_names_the_method(capsys, settings, line):
    explain(GenerationConfig(**settings))
    assert capsys.readouterr().out.startswith(line)


@pytest.mark.parametrize(
    ("logits", "targets", "says"),
    [
        (np.zeros(3), [1], r"logits must be .* not \[3\] and \[1\]"),
        (np.zeros((2, 3)), [1], r"not \[2, 3\] and \[1\]"),
        (np.zeros((1, 3)), [1.0], "targets must be integers, not float64"),
        (np.zeros((1, 3)), [3], "targets must be ids from 0 to 2"),
        (np.zeros((1, 3)), [-1], "targets must be ids from 0 to 2"),
        (np.full((1, 3), np.nan), [1], "logits are NaN"),
    ],
)
def test_what_nll_refuses(logits, targets, says):
    with pytest.raises(ValueError, match=says):
        scoring.nll(logits, targets)


def test_nll_by_hand():
    logits = np.log([[0.5, 0.25, 0.25], [0.125, 0.375, 0.5]])
    found = scoring.nll(logits, [0, 2])
    np.testing.assert_allclose(found, [np.log(2), np.log(2)])
    assert scoring.nll(logits[:0], np.zeros(0, int)).shape == (0,)


def test_token_ids_are_integers():
    for ids in [1.5], ["a"]:
        with pytest.raises(ValueError, match="token ids are integers"):
            penalties.suppress_tokens(np.zeros(3), ids)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float32(0.123456789), "0.123457"), (2.0, "2"), (3, "3"), ("a", "'a'"),
        (np.array([[1.123456, 2.0]], np.float32),
         "float32 [1, 2]\n[[1.12346 2.     ]]"),
        ([np.zeros(1), np.ones(2)],
         "a list of\nfloat64 [1]\n[0.]\nfloat64 [2]\n[1. 1.]"),
        ([1, 2], "[1, 2]"),
    ],
)  # fmt: skip
def test_a_result_with_what_it_is(value, text):
    assert show.result(value) == text


def test_places_to_fetch_from(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_ENDPOINT", "ftp://x")
    with pytest.raises(DownloadError, match="must be an http address, not 'ftp://x'"):
        download.fetch("a/b", tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match="set NUMPYGPT_HOME to a folder"):
        download.fetch("a/b", Path("~/x"))


def test_a_vocabulary_that_is_missing(tmp_path):
    Tokenizer([("h", "e")]).save_pretrained(tmp_path)
    (tmp_path / "vocab.json").unlink()
    with pytest.raises(FormatError, match="vocab.json is missing, where"):
        Tokenizer.from_pretrained(tmp_path)


def test_a_template_without_numbers(tmp_path):
    ours = Tokenizer([("h", "e")], template=([257], [257]))
    ours.save_pretrained(tmp_path)
    path = tmp_path / "tokenizer.json"
    content = json.loads(path.read_text())
    [token] = content["post_processor"]["special_tokens"].values()
    token["ids"] = ["257"]
    path.write_text(json.dumps(content))
    with pytest.raises(FormatError, match="its template has the ids"):
        Tokenizer.from_pretrained(tmp_path)


def test_what_hf_refuses():
    with pytest.raises(ValueError, match="config must be a numpygpt.hf.GPT2Config"):
        hf.GPT2LMHeadModel({"n_layer": 1})
    with pytest.raises(ValueError, match="needs tokenizer=, too"):
        hf.pipeline(
            "text-generation", model=hf.GPT2LMHeadModel(hf.GPT2Config(**vars(CONFIG)))
        )
    model = hf.GPT2LMHeadModel(hf.GPT2Config(**vars(CONFIG)))
    with pytest.raises(ValueError, match="pad_token_id must be a token id or None"):
        model.config.pad_token_id = "x"
        model.generate(np.array([[1]]))


def test_a_prompt_cache_of_another_shape(tmp_path):
    model = GPT2.random(CONFIG)
    model.read([1, 2, 3]).save(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as file:
        arrays = dict(file)
    for name, wrong in (("ids", [1, 2]), ("keys", arrays["keys"][:1]),
                        ("values", arrays["values"][:, :1]),
                        ("hidden", arrays["hidden"][:, :1])):  # fmt: skip
        np.savez(tmp_path / "y.npz", **{**arrays, name: wrong})
        with pytest.raises(FormatError, match="does not hold . tokens of this model"):
            type(model.read([1, 2])).load(tmp_path / "y.npz", model)


def test_arrays_that_are_missing_when_a_gguf_file_is_written(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "scripts"))
    import convert_gguf

    weights.save(tmp_path, CONFIG, weights.random_params(CONFIG))
    more = GPT2Config(**{**vars(CONFIG), "n_layer": 3})
    with pytest.raises(FormatError, match="'h.2.ln_1.weight' is missing"):
        convert_gguf.tensors_to_write(tmp_path, more, "F32")
    keys = {"general.architecture": "gpt2", "tokenizer.ggml.eos_token_id": "x"}
    with pytest.raises(FormatError, match="bos_token_id or eos_token_id is no number"):
        convert_gguf.config_of("x", keys, {})


def test_what_differs_between_two_folders(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "scripts"))
    import converting

    params = weights.random_params(CONFIG)
    weights.save(tmp_path / "a", CONFIG, params)
    other = GPT2Config(9, 8, 4, 1, 2, eos_token_id=3, n_inner=5)
    weights.save(tmp_path / "b", other, weights.random_params(other))
    lines = list(converting.differences(tmp_path / "a", tmp_path / "b"))
    assert f"h.1.ln_1.bias: only in {tmp_path / 'a'}" in lines
    assert "h.0.mlp.c_fc.weight: shape (4, 16) and (4, 5)" in lines
    assert "config.json, eos_token_id: None and 3" in lines
    assert "config.json, n_inner: 16 and 5" in lines
    back = list(converting.differences(tmp_path / "b", tmp_path / "a"))
    assert f"h.1.ln_1.bias: only in {tmp_path / 'a'}" in back
    assert list(converting.differences(tmp_path / "a", tmp_path / "a")) == []
    (tmp_path / "short").write_bytes(bytes(9))
    with pytest.raises(FormatError, match="short ends before byte 10"):
        list(converting.pieces(tmp_path / "short", 2, 8))
    parts = list(converting.pieces(tmp_path / "short", 2, 7, step=3))
    assert [len(part) for part in parts] == [3, 3, 1]


def test_two_types_of_one_storage(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "scripts"))
    import convert_pytorch

    def stored(kind):
        text = b"".join(b"X" + struct.pack("<L", len(t)) + t for t in (b"storage",))
        name = f"ctorch\n{kind}Storage\n".encode()
        return b"(" + text + name + b"X\1\0\0\0000X\3\0\0\0cpuK\2tQ"

    for second, says in (("Float", None), ("Half", "storage '0' has two types")):
        program = b"(" + stored("Float") + stored(second) + b"t."
        file = convert_pytorch.BytesIO(program)
        if says is None:
            assert len(convert_pytorch.run_pickle(file, "x", {})) == 2
        else:
            with pytest.raises(FormatError, match=says):
                convert_pytorch.run_pickle(file, "x", {})


def test_kinds_of_gguf_that_are_not_read_have_their_names(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "scripts"))
    import convert_gguf

    names = "Q8_1 Q2_K Q3_K Q4_K Q5_K Q8_K IQ2_XXS IQ2_XS IQ3_XXS IQ1_S IQ4_NL IQ3_S "
    names += "IQ2_S IQ4_XS I8 I16 I32 I64 F64 IQ1_M TQ1_0 TQ2_0 MXFP4 NVFP4 Q1_0"
    assert [*convert_gguf.REFUSED.values()] == names.split()
    for kind, name in convert_gguf.REFUSED.items():
        with pytest.raises(ValueError, match=f"'x' is {name}, which is not read"):
            convert_gguf.tensor_later("file", "x", (256,), kind, 0)


@pytest.mark.parametrize("name", ["merges.txt", "tokenizer.json", "vocab.json"])
def test_what_is_said_of_a_new_folder(tmp_path, monkeypatch, name):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "scripts"))
    import converting

    weights.save(tmp_path, CONFIG, weights.random_params(CONFIG))
    (tmp_path / name).write_text("")
    has = "without" if name == "vocab.json" else "with"
    right = f"{CONFIG.n_params:,} weights, 2 blocks, 9 tokens, {has} a tokenizer"
    assert converting.what_was_written(tmp_path) == right
