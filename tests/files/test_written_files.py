"""What is written, letter by letter: other programs read these files."""

import json
import re
import struct

import numpy as np
import pytest

from numpygpt import GPT2, GenerationConfig, GPT2Config, Tokenizer, weights
from numpygpt.fast.added import Added
from numpygpt.files.hub import write_json

import convert_gguf
import converting

MERGES = [("h", "e"), ("l", "l")]


def tokenizer(template=((), ()), **settings):
    """258: the end, 259: to pad with, 260: a word that takes the space before it."""
    vocab = {**Tokenizer(MERGES).vocab, "<pad>": 259, "to day": 260}
    added = {
        "<|endoftext|>": Added(258, special=True),
        "<pad>": Added(259, special=True, normalized=False),
        "to day": Added(260, lstrip=True),
    }
    names = {"pad_token": "<pad>", "bos_token": "<|endoftext|>"}
    return Tokenizer(
        MERGES, vocab, "<|endoftext|>", added=added, names=names, template=template,
        **settings,
    )  # fmt: skip


def entry(content, **flags):
    none = dict.fromkeys(("special", "lstrip", "rstrip", "single_word"), False)
    return {"content": content, **none, "normalized": True, **flags}


ENTRIES = {
    "258": entry("<|endoftext|>", special=True),
    "259": entry("<pad>", special=True, normalized=False),
    "260": entry("to day", lstrip=True),
}


def content(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("before", [[], [258]])
@pytest.mark.parametrize("space", [False, True])
def test_a_tokenizers_three_files(tmp_path, before, space):
    ours = tokenizer((before, []), add_prefix_space=space)
    ours.save_pretrained(tmp_path)
    assert (tmp_path / "merges.txt").read_bytes() == b"#version: 0.2\nh e\nl l\n"
    assert content(tmp_path / "vocab.json") == ours.vocab
    assert content(tmp_path / "tokenizer_config.json") == {
        "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": None,
        "pad_token": "<pad>", "tokenizer_class": "GPT2Tokenizer",
        "add_prefix_space": space, "add_bos_token": before == [258],
        "added_tokens_decoder": ENTRIES, "clean_up_tokenization_spaces": False,
    }  # fmt: skip
    assert not (tmp_path / "tokenizer.json").exists()
    back = Tokenizer.from_pretrained(tmp_path)
    assert (back.template, back.add_prefix_space) == ((before, []), space)
    assert back.added_tokens == ours.added_tokens


@pytest.mark.parametrize("template", [([258], [259]), ([259], []), ([258, 258], [])])
def test_a_template_of_its_own_needs_tokenizer_json(tmp_path, template):
    ours = tokenizer(template, add_prefix_space=True)
    ours.save_pretrained(tmp_path)
    names = {258: "<|endoftext|>", 259: "<pad>"}
    sides = [[{"SpecialToken": {"id": names[i], "type_id": 0}} for i in ids]
             for ids in template]  # fmt: skip
    single = [*sides[0], {"Sequence": {"id": "A", "type_id": 0}}, *sides[1]]
    level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True,
             "use_regex": True}  # fmt: skip
    assert content(tmp_path / "tokenizer.json") == {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": int(i), **e} for i, e in ENTRIES.items()],
        "normalizer": None, "pre_tokenizer": level, "decoder": level,
        "post_processor": {
            "type": "TemplateProcessing", "single": single,
            "pair": [*single, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {
                names[i]: {"id": names[i], "ids": [i], "tokens": [names[i]]}
                for i in {*template[0], *template[1]}
            },
        },
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None,
            "continuing_subword_prefix": "", "end_of_word_suffix": "",
            "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": ours.vocab, "merges": [["h", "e"], ["l", "l"]],
        },
    }  # fmt: skip
    settings = content(tmp_path / "tokenizer_config.json")
    assert settings["add_bos_token"] is False
    back = Tokenizer.from_pretrained(tmp_path)
    assert back.encode("hell") == [*template[0], 220, 256, 257, *template[1]]


def test_json_is_for_people_too(tmp_path):
    write_json(tmp_path / "x.json", {"é": [1, None]})
    right = '{\n  "é": [\n    1,\n    null\n  ]\n}\n'
    assert (tmp_path / "x.json").read_bytes() == right.encode()


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("eos", [None, 3])
def test_a_models_files(tmp_path, tied, eos):
    config = GPT2Config(5, 4, 2, 1, 1, eos_token_id=eos, tie_word_embeddings=tied)
    model = GPT2.random(config)
    model.save_pretrained(tmp_path)
    assert content(tmp_path / "config.json") == {
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": 5,
        "n_positions": 4, "n_embd": 2, "n_layer": 1, "n_head": 1, "n_inner": None,
        "activation_function": "gelu_new", "layer_norm_epsilon": 1e-05,
        "scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False,
        "reorder_and_upcast_attn": False, "tie_word_embeddings": tied,
        "initializer_range": 0.02, "bos_token_id": 50256, "eos_token_id": eos,
        "torch_dtype": "float32",
    }  # fmt: skip
    ends = {"bos_token_id": 50256, "eos_token_id": eos}
    assert content(tmp_path / "generation_config.json") == ends
    shapes = {f"transformer.{n}": s for n, s in config.shapes().items()}
    if not tied:
        shapes["lm_head.weight"] = shapes.pop("transformer.lm_head.weight")
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes.items():
        end = at + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": [*shape], "data_offsets": [at, end]}
        at = end
    data = (tmp_path / "model.safetensors").read_bytes()
    (n,) = struct.unpack_from("<Q", data)
    assert json.loads(data[8 : 8 + n]) == header
    assert n % 8 == 0 and len(data) == 8 + n + at
    arrays = weights.flatten(model.params).values()
    assert data[8 + n :] == b"".join(a.tobytes() for a in arrays)
    back = GPT2.from_pretrained(tmp_path)
    assert back.config == config
    assert back.generation_config.eos_token_id == eos


def test_the_settings_that_json_can_say(tmp_path):
    """None that is not set, no functions; ids and tuples as JSON has them."""
    config = GenerationConfig(
        do_sample=True, top_k=np.int64(7), temperature=np.float32(0.5),
        sequence_bias={(1, 2): 0.5}, logit_bias={"3": 1.0}, eos_token_id=None,
        bos_token_id=4, stopping_criteria=[len], suppress_tokens=[1],
    )  # fmt: skip
    model = GPT2.random(GPT2Config(5, 4, 2, 1, 1))
    model.generation_config = config
    model.save_pretrained(tmp_path, np.float16)
    assert content(tmp_path / "generation_config.json") == {
        "do_sample": True, "top_k": 7, "temperature": 0.5, "suppress_tokens": [1],
        "sequence_bias": [[[1, 2], 0.5]], "logit_bias": {"3": 1.0},
        "bos_token_id": 4, "eos_token_id": None,
    }  # fmt: skip
    assert content(tmp_path / "config.json")["torch_dtype"] == "float16"
    back = GPT2.from_pretrained(tmp_path).generation_config
    assert (back.eos_token_id, back.bos_token_id, back.top_k) == (None, 4, 7)


# GGUF, read by a reader of its own: every key with its kind, every tensor.

NUMBERS = {4: "<I", 5: "<i", 6: "<f", 7: "?"}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, kind):
        values = struct.unpack_from(kind, self.data, self.at)
        self.at += struct.calcsize(kind)
        return values[0]

    def text(self):
        n = self.take("<Q")
        self.at += n
        return self.data[self.at - n : self.at].decode()

    def value(self, kind):
        if kind == 9:
            kind, n = self.take("<I"), self.take("<Q")
            return (kind, [self.value(kind) for _ in range(n)])
        return self.text() if kind == 8 else self.take(NUMBERS[kind])


def read_gguf(path):
    """(keys with their kinds, [(name, sizes, kind, offset)], the data behind)."""
    reader = Reader(path.read_bytes())
    assert reader.data[:4] == b"GGUF"
    reader.at = 4
    version, n_tensors, n_keys = reader.take("<I"), reader.take("<Q"), reader.take("<Q")
    assert version == 3
    keys = {}
    for _ in range(n_keys):
        name, kind = reader.text(), reader.take("<I")
        keys[name] = kind, reader.value(kind)
    tensors = []
    for _ in range(n_tensors):
        name = reader.text()
        sizes = [reader.take("<Q") for _ in range(reader.take("<I"))]
        tensors.append((name, sizes, reader.take("<I"), reader.take("<Q")))
    start = -(-reader.at // 32) * 32
    assert not any(reader.data[reader.at : start])
    return keys, tensors, reader.data[start:]


def to_gguf(folder, path, *options):
    argv = [str(folder), str(path), *options]
    add = convert_gguf.options
    assert converting.run(convert_gguf.convert, "", add, argv) == 0
    return read_gguf(path)


@pytest.mark.parametrize(("kind", "file_kind"), [("F32", 0), ("F16", 1), ("Q8_0", 7)])
def test_a_gguf_files_keys(tmp_path, kind, file_kind):
    config = GPT2Config(262, 4, 32, 2, 2, n_inner=64, eos_token_id=258)
    GPT2.random(config).save_pretrained(tmp_path / "tiny")
    ours = tokenizer(([258], []))
    ours.save_pretrained(tmp_path / "tiny")
    keys, _, _ = to_gguf(tmp_path / "tiny", tmp_path / "x.gguf", "--type", kind)
    spelling = {i: t for t, i in ours.vocab.items()}
    epsilon = struct.unpack("<f", struct.pack("<f", 1e-5))[0]
    assert keys == {
        "general.architecture": (8, "gpt2"), "general.name": (8, "tiny"),
        "general.file_type": (4, file_kind), "general.quantization_version": (4, 2),
        "gpt2.block_count": (4, 2), "gpt2.context_length": (4, 4),
        "gpt2.embedding_length": (4, 32), "gpt2.feed_forward_length": (4, 64),
        "gpt2.attention.head_count": (4, 2),
        "gpt2.attention.layer_norm_epsilon": (6, epsilon),
        "tokenizer.ggml.model": (8, "gpt2"), "tokenizer.ggml.pre": (8, "gpt-2"),
        "tokenizer.ggml.tokens": (
            9, (8, [*(spelling[i] for i in range(261)), "[PAD261]"])
        ),
        "tokenizer.ggml.token_type": (9, (5, [1] * 258 + [3, 3, 4, 5])),
        "tokenizer.ggml.merges": (9, (8, ["h e", "l l"])),
        "tokenizer.ggml.bos_token_id": (4, 258),
        "tokenizer.ggml.eos_token_id": (4, 258),
        "tokenizer.ggml.padding_token_id": (4, 259),
        "tokenizer.ggml.add_bos_token": (7, True),
        "tokenizer.ggml.add_space_prefix": (7, False),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["F32", "F16", "Q8_0"])
def test_a_gguf_files_tensors(tmp_path, kind):
    """Matrices as [out, in], their rows' length first; the rest stays float32."""
    model = GPT2.random(GPT2Config(262, 4, 32, 1, 2, n_inner=50, eos_token_id=258))
    model.save_pretrained(tmp_path / "tiny")
    tokenizer().save_pretrained(tmp_path / "tiny")
    _, tensors, data = to_gguf(tmp_path / "tiny", tmp_path / "x.gguf", "--type", kind)
    number, size = {"F32": (0, 4), "F16": (1, 2), "Q8_0": (8, 34 / 32)}[kind]
    wide = (1, 2) if kind == "Q8_0" else (number, size)  # 50 is no multiple of 32
    right = [("token_embd.weight", [32, 262], number, size),
             ("position_embd.weight", [32, 4], 0, 4)]  # fmt: skip
    for name, n_in, n_out in (
        ("attn_norm", 0, 32), ("attn_qkv", 32, 96), ("attn_output", 32, 32),
        ("ffn_norm", 0, 32), ("ffn_up", 32, 50), ("ffn_down", 50, 32),
    ):  # fmt: skip
        how = wide if n_in == 50 else (number, size)
        shape, how = ([n_in, n_out], how) if n_in else ([n_out], (0, 4))
        right.append((f"blk.0.{name}.weight", shape, *how))
        right.append((f"blk.0.{name}.bias", [n_out], 0, 4))
    right += [("output_norm.weight", [32], 0, 4), ("output_norm.bias", [32], 0, 4)]
    at = 0
    for (name, sizes, found, offset), want in zip(tensors, right, strict=True):
        assert (name, sizes, found, offset) == (*want[:3], at)
        at += -(-int(np.prod(sizes) * want[3]) // 32) * 32
    assert len(data) == at
    flat = weights.flatten(model.params)
    matrix = flat["h.0.mlp.c_fc.weight"].T
    encoded = {
        "F32": matrix.tobytes(),
        "F16": matrix.astype("<f2").tobytes(),
        "Q8_0": convert_gguf.encode_q8_0(np.ascontiguousarray(matrix)),
    }
    begin = next(t[3] for t in tensors if t[0] == "blk.0.ffn_up.weight")
    assert data[begin : begin + len(encoded[kind])] == encoded[kind]
    begin = next(t[3] for t in tensors if t[0] == "position_embd.weight")
    assert data[begin : begin + 512] == flat["wpe.weight"].tobytes()


def test_a_piece_at_a_time_is_the_same_gguf(tmp_path, monkeypatch):
    model = GPT2.random(GPT2Config(262, 4, 32, 1, 2, eos_token_id=258))
    model.save_pretrained(tmp_path / "tiny")
    tokenizer().save_pretrained(tmp_path / "tiny")
    for kind in ("F32", "F16", "Q8_0"):
        whole = to_gguf(tmp_path / "tiny", tmp_path / "x.gguf", "--type", kind)
        *how, encode = convert_gguf.WRITERS[kind]
        shapes = set()
        noted = lambda x, encode=encode: shapes.add(x.shape) or encode(x)
        with monkeypatch.context() as patch:
            patch.setattr(convert_gguf, "STEP", 100)  # three rows of 32
            patch.setitem(convert_gguf.WRITERS, kind, (*how, noted))
            parts = to_gguf(tmp_path / "tiny", tmp_path / "y.gguf", "--type", kind)
        assert parts == whole
        assert max(shape for shape in shapes if len(shape) == 2) == (3, 32)


def test_names_of_tensors():
    for ours, theirs in convert_gguf.GGUF_NAMES.items():
        for end in ("", ".weight", ".bias"):
            assert convert_gguf.our_name(theirs + end) == ours + end
            name = convert_gguf.our_name(f"blk.12.{theirs}{end}")
            assert name == f"h.12.{ours}{end}"
    assert convert_gguf.our_name("rope_freqs.weight") == "rope_freqs.weight"
    assert re.fullmatch(r"h\.0\.x", convert_gguf.our_name("blk.0.x"))
