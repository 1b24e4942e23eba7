"""convert_gguf.py, on files that the gguf package wrote, and read by it."""

import shutil
import struct

import convert_gguf
import converting
import numpy as np
import pytest

from numpygpt import GPT2, GPT2Config, Tokenizer, weights
from numpygpt.fast.added import Added
from numpygpt.files.hub import FormatError

KINDS = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]


def main(*argv):
    arguments = [str(a) for a in argv]
    return converting.run(
        convert_gguf.convert, convert_gguf.__doc__, convert_gguf.options, arguments
    )


def test_a_file_of_the_gguf_package_gives_the_model(formats, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(formats / "model.gguf", out, "--check", formats / "model") == 0
    assert "hold the same model" in capsys.readouterr().out
    theirs = Tokenizer.from_pretrained(formats / "model")
    assert Tokenizer.from_pretrained(out).vocab == theirs.vocab


@pytest.mark.parametrize("kind", [*KINDS, "Q6_K"])
def test_every_kind_decodes_to_the_packages_numbers(kind, formats):
    _, tensors = convert_gguf.read_gguf(formats / "kinds.gguf")
    ours, right = np.asarray(tensors[kind]), np.asarray(tensors[f"{kind}.right"])
    assert ours.shape == (3, 256 if kind == "Q6_K" else 64)
    assert np.array_equal(ours.astype(np.float32), right)


def test_q8_0_is_encoded_to_the_packages_bytes(formats):
    _, tensors = convert_gguf.read_gguf(formats / "kinds.gguf")
    content = (formats / "kinds.gguf").read_bytes()
    ours = convert_gguf.encode_q8_0(np.asarray(tensors["x"]))
    assert len(ours) == 3 * 2 * 34
    assert ours in content


@pytest.fixture
def wide(tmp_path):
    """A model whose rows are long enough for groups of 32."""
    config = GPT2Config(
        300,
        n_positions=9,
        n_embd=64,
        n_layer=2,
        n_head=4,
        n_inner=96,
        bos_token_id=256,
        eos_token_id=256,
    )
    folder = tmp_path / "wide"
    weights.save(folder, config, weights.random_params(config, seed=3))
    Tokenizer.gpt2(n_merges=0).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("kind", "error"), [("F32", 0), ("F16", 1e-4), ("Q8_0", 1e-3)])
def test_there_and_back(wide, kind, error, tmp_path, capsys):
    assert main(wide, tmp_path / "x.gguf", "--type", kind) == 0
    assert main(tmp_path / "x.gguf", tmp_path / "back") == 0
    before, after = (weights.read_folder(f) for f in (wide, tmp_path / "back"))
    assert before.keys() == after.keys()
    for name, (_, array, _) in before.items():
        largest = np.abs(array - after[name][1]).max()
        assert largest <= error, name
    assert GPT2.from_pretrained(tmp_path / "back")([1, 2]).shape == (2, 300)
    size = (tmp_path / "x.gguf").stat().st_size
    bits = 8 * size / GPT2Config(300, 9, 64, 2, 4, 96).n_params
    assert bits < {"F32": 36, "F16": 20, "Q8_0": 13}[kind]


def test_an_untied_or_twice_written_output(wide, tmp_path):
    config, params = weights.load(wide)
    untied = GPT2Config(**{**vars(config), "tie_word_embeddings": False})
    for name, factor in (("untied", 2), ("twice", 1)):
        head = {"lm_head": {"weight": params["wte"]["weight"] * np.float32(factor)}}
        shutil.copytree(wide, tmp_path / name)
        weights.save(tmp_path / name, untied, params | head)
        assert main(tmp_path / name, tmp_path / f"{name}.gguf") == 0
        assert main(tmp_path / f"{name}.gguf", tmp_path / f"{name}.back") == 0
        back = GPT2.from_pretrained(tmp_path / f"{name}.back")
        assert back.config.tie_word_embeddings == (name == "twice")


def test_what_llama_cpp_cannot_compute_is_refused(wide, tmp_path, capsys):
    config, params = weights.load(wide)
    odd = GPT2Config(**{**vars(config), "activation_function": "gelu"})
    weights.save(wide, odd, params)
    assert main(wide, tmp_path / "x.gguf") == 1
    assert "activation_function" in capsys.readouterr().err
    assert not (tmp_path / "x.gguf").exists()


def test_added_and_named_tokens_go_there_and_back(wide, tmp_path):
    old = Tokenizer.gpt2(0)
    vocab = {**old.vocab, "</s>": 257, "<s>": 258, "to day": 259, "<pad>": 260}
    added = {
        "<|endoftext|>": Added(256, special=True), "</s>": Added(257, special=True),
        "<s>": Added(258, special=True), "to day": Added(259),
        "<pad>": Added(260, special=True),
    }  # fmt: skip
    names = {"bos_token": "<s>", "pad_token": "<pad>", "unk_token": "<|endoftext|>"}
    tokenizer = Tokenizer(
        [], vocab, "</s>", added=added, names=names, template=([258], [])
    )
    tokenizer.save_pretrained(wide)
    assert main(wide, tmp_path / "x.gguf") == 0
    assert main(tmp_path / "x.gguf", tmp_path / "back") == 0
    back = Tokenizer.from_pretrained(tmp_path / "back")
    assert (back.vocab, back.names) == (vocab, {**names, "eos_token": "</s>"})
    assert {t: a[:2] for t, a in back.added_tokens.items()} == {
        t: a[:2] for t, a in added.items()
    }
    text = "a to day</s> b"
    ids = tokenizer.encode(text, allowed_special="all")
    assert ids[0] == 258 and back.encode(text, allowed_special="all") == ids
    config = weights.read_config(tmp_path / "back")
    assert (config.bos_token_id, config.eos_token_id) == (258, 257)


def test_a_number_beyond_f16_is_an_error(wide, tmp_path, capsys):
    config, params = weights.load(wide)
    params["wte"]["weight"] = params["wte"]["weight"].copy()
    params["wte"]["weight"][3, 4] = 70000
    weights.save(wide, config, params)
    assert main(wide, tmp_path / "x.gguf", "--type", "F16") == 1
    error = capsys.readouterr().err
    assert "token_embd.weight: 70000 is beyond F16's range" in error
    assert main(wide, tmp_path / "x.gguf", "--type", "F32") == 0
    assert main(wide, tmp_path / "q.gguf", "--type", "Q8_0") == 0


def test_a_model_without_a_tokenizer_takes_gpt2s(wide, tmp_path, capsys):
    for name in ("merges.txt", "vocab.json", "tokenizer_config.json"):
        (wide / name).unlink()
    assert main(wide, tmp_path / "x.gguf") == 1
    assert "--gpt2-tokenizer" in capsys.readouterr().err
    assert main(wide, tmp_path / "x.gguf", "--gpt2-tokenizer") == 1
    assert "300" in capsys.readouterr().err  # rows, not 50257


def test_the_tanh_form_has_two_names(wide, tmp_path):
    config, params = weights.load(wide)
    other = GPT2Config(**{**vars(config), "activation_function": "gelu_pytorch_tanh"})
    weights.save(wide, other, params)
    assert main(wide, tmp_path / "x.gguf", "--type", "F32") == 0


def text(value):
    return struct.pack("<Q", len(value)) + value


def gguf(keys=b"", n_keys=0, tensors=b"", n_tensors=0, version=3):
    return b"GGUF" + struct.pack("<LQQ", version, n_tensors, n_keys) + keys + tensors


HUGE = b"\xff" * 7 + b"\x7f"
STRINGS = text(b"a") + struct.pack("<LLQ", 9, 8, 400_000)
FULL = STRINGS + bytes(8 * 400_000)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"GGUX" + bytes(40), "magic"),
        (gguf(version=9), "version 9"),
        (gguf(version=3 << 24), "big-endian.*gguf_convert_endian"),
        (gguf(text(b"split.count") + struct.pack("<LH", 2, 3), 1), "3 parts.*--merge"),
        (gguf(n_keys=1 << 62), "keys"),
        (gguf(n_tensors=1 << 62), "tensors"),
        (gguf(HUGE, 1), "cut off"),
        (gguf(text(b"a") + struct.pack("<L", 77), 1), "kind 77"),
        (gguf(text(b"a") + struct.pack("<LLQ", 9, 9, 1), 1), "kind 9"),
        (gguf(text(b"a") + struct.pack("<LLQ", 9, 4, 1 << 62), 1), "cut off"),
        (gguf(text(b"a") + struct.pack("<LLQ", 9, 8, 1 << 40), 1), "array of"),
        (gguf(STRINGS + bytes(8 * 400_000 - 1), 1), "cut off"),
        (gguf(FULL + FULL.replace(b"a", b"b"), 2), "strings: no model"),
        (gguf(text(b"a" * 1_000_001), 1), "string of 1000001 bytes"),
        (gguf(text(b"\xff") + bytes(12), 1), "utf-8"),
        (gguf((text(b"a") + struct.pack("<LB", 7, 1)) * 2, 2), "twice"),
        (gguf(tensors=text(b"t") + struct.pack("<L", 99), n_tensors=1), "99 axes"),
        (gguf(text(b"general.alignment") + struct.pack("<LL", 4, 3), 1), "alignment"),
        (gguf(text(b"general.alignment") + struct.pack("<LL", 4, 0), 1), "alignment"),
    ],
)
def test_hostile_headers_are_refused(content, message, tmp_path):
    path = tmp_path / "hostile.gguf"
    path.write_bytes(content + bytes(max(0, 64 - len(content))))
    with pytest.raises(FormatError, match=message) as error:
        convert_gguf.read_gguf(path)
    assert str(path) in str(error.value)


def tensor(name, sizes, kind, offset):
    head = text(name) + struct.pack(f"<L{len(sizes)}Q", len(sizes), *sizes)
    return head + struct.pack("<LQ", kind, offset)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ([(b"a", (4,), 0, 0), (b"b", (4,), 0, 8)], "offset 8, not 32"),
        ([(b"a", (4,), 0, 0), (b"b", (4,), 0, 64)], "offset 64, not 32"),
        ([(b"a", (4,), 0, 1 << 62)], "offset"),
        ([(b"a", (1 << 63, 1 << 63), 0, 0)], "shape"),
        ([(b"a", (1 << 40,), 0, 0)], "cut off"),
        ([(b"a", (33,), 8, 0)], "shape"),
        ([(b"a", (), 0, 0)], "shape"),
        ([(b"a", (256,), 12, 0)], "Q4_K.*allow-requantize"),
        ([(b"a", (64,), 14, 0)], "shape"),
        ([(b"a", (256,), 99, 0)], "kind 99"),
        ([(b"a", (4,), 0, 0), (b"a", (4,), 0, 32)], "twice"),
    ],
)
def test_hostile_tensors_are_refused(tensors, message, tmp_path):
    path = tmp_path / "hostile.gguf"
    content = b"".join(tensor(*t) for t in tensors)
    path.write_bytes(gguf(tensors=content, n_tensors=len(tensors)) + bytes(200))
    with pytest.raises(FormatError, match=message):
        convert_gguf.read_gguf(path)


@pytest.mark.parametrize("align", [8, 8192])
def test_sizes_for_each_block_and_other_alignments(wide, tmp_path, align):
    """A key's value becomes an array of equal ones; the file is laid out anew."""
    assert main(wide, tmp_path / "x.gguf", "--type", "F32") == 0
    data = (tmp_path / "x.gguf").read_bytes()
    end = convert_gguf.read_header(data)[3]
    key = text(b"gpt2.attention.head_count")
    head = data[:end].replace(
        key + struct.pack("<LL", 4, 4), key + struct.pack("<LLQLL", 9, 5, 2, 4, 4)
    )
    n_keys = struct.unpack_from("<Q", head, 16)[0]
    head = head[:16] + struct.pack("<Q", n_keys + 1) + head[24:]
    head = (
        head[:24]
        + text(b"general.alignment")
        + struct.pack("<LL", 4, align)
        + head[24:]
    )
    body, new = data[-(-end // 32) * 32 :], b""
    for name, (shape, _, offset) in convert_gguf.read_header(data)[1].items():
        entry = text(name.encode()) + struct.pack(
            f"<L{len(shape)}Q", len(shape), *shape[::-1]
        )
        size = 4 * int(np.prod(shape))
        head = head.replace(
            entry + struct.pack("<LQ", 0, offset),
            entry + struct.pack("<LQ", 0, len(new)),
        )
        new += body[offset : offset + size]
        new += bytes(-len(new) % align)
    path = tmp_path / "y.gguf"
    path.write_bytes(head + bytes(-len(head) % align) + new)
    assert main(path, tmp_path / "back", "--check", wide) == 0


def test_a_file_of_another_kind_of_model(tmp_path, formats):
    path = tmp_path / "x.gguf"
    content = (formats / "model.gguf").read_bytes()
    path.write_bytes(
        content.replace(b"\4\0\0\0\0\0\0\0gpt2", b"\4\0\0\0\0\0\0\0bert", 1)
    )
    with pytest.raises(FormatError, match="'bert'"):
        convert_gguf.convert(path, tmp_path / "out", None)


@pytest.mark.reference
@pytest.mark.parametrize("kind", ["F32", "F16", "Q8_0"])
def test_the_gguf_package_reads_what_we_write(wide, kind, tmp_path):
    from gguf import GGUFReader, quants

    assert main(wide, tmp_path / "x.gguf", "--type", kind) == 0
    reader = GGUFReader(tmp_path / "x.gguf")
    found = {t.name: t for t in reader.tensors}
    assert found["position_embd.weight"].tensor_type.name == "F32"
    assert found["blk.1.ffn_up.weight"].tensor_type.name == kind
    before = weights.read_folder(wide)
    for theirs, ours in (
        ("token_embd.weight", "wte.weight"),
        ("blk.1.ffn_up.weight", "h.1.mlp.c_fc.weight"),
        ("blk.0.attn_qkv.bias", "h.0.attn.c_attn.bias"),
    ):
        t = found[theirs]
        array = quants.dequantize(t.data, t.tensor_type)
        right = before[ours][1]
        right = right.T if ours.endswith("c_fc.weight") else right
        assert array.shape == right.shape
        assert np.abs(array - right).max() < (0 if kind == "F32" else 1e-3) + 1e-9
        if kind == "Q8_0" and t.tensor_type.name == kind:
            assert np.array_equal(t.data, quants.quantize(right, t.tensor_type))
    fields = {name: field.contents() for name, field in reader.fields.items()}
    assert fields["general.architecture"] == "gpt2"
    assert fields["gpt2.attention.head_count"] == 4
    assert fields["gpt2.feed_forward_length"] == 96
    assert len(fields["tokenizer.ggml.tokens"]) == 300
    assert fields["tokenizer.ggml.tokens"][299] == "[PAD299]"
    assert fields["tokenizer.ggml.eos_token_id"] == 256


@pytest.mark.reference
@pytest.mark.parametrize("kind", KINDS)
def test_random_numbers_decode_as_in_the_gguf_package(kind):
    from gguf import GGMLQuantizationType, quants

    rng = np.random.default_rng(1)
    number = GGMLQuantizationType[kind]
    x = (rng.normal(size=(50, 320)) * 10.0 ** rng.integers(-6, 4, (50, 1))).astype("f4")
    packed = quants.quantize(x, number)
    decode = convert_gguf.KINDS[number.value][4]
    ours = decode(packed.tobytes()).astype(np.float32).reshape(x.shape)
    assert np.array_equal(ours, quants.dequantize(packed, number))
    if kind in convert_gguf.WRITERS:
        assert convert_gguf.WRITERS[kind][2](x) == packed.tobytes()


def test_gpt2s_own_tokenizer_fits_its_own_vocabulary(tmp_path, capsys):
    """With as many rows, and with more; not with one fewer."""
    for n_vocab, code in ((50257, 0), (50260, 0), (50256, 1)):
        config = GPT2Config(n_vocab, 2, 2, 1, 1)
        weights.save(tmp_path / str(n_vocab), config, weights.random_params(config))
        path = tmp_path / f"{n_vocab}.gguf"
        assert main(tmp_path / str(n_vocab), path, "--gpt2-tokenizer") == code
        assert path.exists() == (code == 0)
    assert "50256 tokens, GPT-2's own has 50257" in capsys.readouterr().err
    keys, _ = convert_gguf.read_gguf(tmp_path / "50260.gguf")
    tokens = keys["tokenizer.ggml.tokens"]
    assert tokens[50256:] == [
        "<|endoftext|>",
        *(f"[PAD{i}]" for i in (50257, 50258, 50259)),
    ]


def test_what_gguf_cannot_say_is_said(wide, tmp_path, capsys):
    """How an added token is found, and what stands around a text."""
    tokenizer = Tokenizer.from_pretrained(wide)
    vocab = tokenizer.vocab | {"<a>": 257, "<b>": 258}
    added = tokenizer.added_tokens | {
        "<a>": Added(257, lstrip=True), "<b>": Added(258, special=True, single_word=True)
    }  # fmt: skip
    for template, said in ((([], []), None), (([256], []), None),
                           (([257], []), "[257] and []"), (([], [256]), "[256]")):  # fmt: skip
        for some in ({}, added):
            Tokenizer([], vocab, added=some or tokenizer.added_tokens,
                      template=template).save_pretrained(wide)  # fmt: skip
            assert main(wide, tmp_path / "x.gguf") == 0
            err = capsys.readouterr().err
            assert ("lstrip of '<a>'; single_word of '<b>'" in err) == (some != {})
            assert (said or "around a text") in err or said is None
            assert ("GGUF cannot say" in err) == (some != {} or said is not None)
            keys, _ = convert_gguf.read_gguf(tmp_path / "x.gguf")
            assert keys["tokenizer.ggml.add_bos_token"] is (template[0] == [256])
            (tmp_path / "x.gguf").unlink()
