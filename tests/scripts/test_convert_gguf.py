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
from numpygpt.files.safetensors import write_safetensors

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
        "<a>": Added(257, lstrip=True),
        "<b>": Added(258, special=True, single_word=True),
    }
    for template, said in ((([], []), None), (([256], []), None),
                           (([257], []), "[257] and []"),
                           (([], [256]), "[256]")):  # fmt: skip
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


# Bounds, by the numbers that the format's description and our own limits have.


def test_the_kinds_of_numbers():
    """ggml.h: f16 is 1, q8_0 is 8, ...; how many values and bytes a group has."""
    sizes = {number: kind[:3] for number, kind in convert_gguf.KINDS.items()}
    assert sizes == {
        0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
        6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34),
        14: ("Q6_K", 256, 210), 30: ("BF16", 1, 2),
    }  # fmt: skip
    names = ["Q8_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q8_K", "IQ2_XXS", "IQ2_XS",
             "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS", "I8", "I16",
             "I32", "I64", "F64", "IQ1_M", "TQ1_0", "TQ2_0", "MXFP4", "NVFP4",
             "Q1_0"]  # fmt: skip
    numbers = [*range(9, 14), *range(15, 30), 34, 35, 39, 40, 41]
    for number, name in zip(numbers, names, strict=True):
        with pytest.raises(ValueError, match=f"'x' is {name}, which is not read"):
            convert_gguf.tensor_later(None, "x", (256,), number, 0)
    with pytest.raises(ValueError, match="'x' is of kind 4, which is not read"):
        convert_gguf.tensor_later(None, "x", (256,), 4, 0)


@pytest.mark.reference
def test_the_gguf_package_has_the_same_numbers():
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    for number, (name, *sizes) in convert_gguf.KINDS.items():
        assert GGMLQuantizationType[name].value == number
        assert GGML_QUANT_SIZES[number] == tuple(sizes[:2])
    for kind in GGMLQuantizationType:  # an older package lacks the newest
        assert kind.value in convert_gguf.KINDS or (
            convert_gguf.REFUSED[kind.value] == kind.name
        )


@pytest.mark.parametrize(
    ("kind", "data", "number"),
    [
        (0, b"\xff", 255), (1, b"\xff", -1),
        (2, b"\1\xff", 65281), (3, b"\1\xff", -255),
        (4, b"\1\0\0\xff", 4278190081), (5, b"\1\0\0\xff", -16777215),
        (6, b"\0\0\xc0?", 1.5), (7, b"\1", True),
        (10, b"\1" + b"\xff" * 7, 2**64 - 255),
        (11, b"\1" + b"\xff" * 7, -255), (12, b"\0" * 6 + b"\xf8?", 1.5),
        (8, b"\2" + bytes(7) + b"ab", "ab"),
    ],
)  # fmt: skip
def test_every_kind_of_value(kind, data, number):
    """To the file's last byte; cut off one byte before it."""
    found, at = convert_gguf.value(b"x" + data, kind, 1)
    assert (found, at) == (number, 1 + len(data)) and type(found) is type(number)
    with pytest.raises(ValueError, match="cut off"):
        convert_gguf.value(b"x" + data[:-1], kind, 1)
    array = struct.pack("<LQ", kind, 2) + data * 2
    found, at = convert_gguf.value(array, 9, 0)
    assert ([*found], at) == ([number] * 2, len(array))
    found, at = convert_gguf.value(struct.pack("<LQ", kind, 0), 9, 0)
    assert ([*found], at) == ([], 12)
    assert convert_gguf.pack(kind, number) == data
    assert convert_gguf.pack(9, (kind, [number] * 2)) == array


def test_the_shortest_file_and_the_versions(tmp_path):
    assert convert_gguf.read_header(gguf()) == ({}, {}, 32, 24)
    assert convert_gguf.read_header(gguf(version=2)) == ({}, {}, 32, 24)
    for version, message in ((1, "version 1,"), (4, "version 4,"), (2 << 24, "big")):
        with pytest.raises(ValueError, match=message):
            convert_gguf.read_header(gguf(version=version))
    path = tmp_path / "x.gguf"
    for content, message in ((gguf()[:23], "too short"), (bytes(24), "magic number")):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=message):
            convert_gguf.read_gguf(path)
    path.write_bytes(gguf(text(b"split.count") + struct.pack("<LH", 2, 1), 1))
    assert convert_gguf.read_gguf(path) == ({"split.count": 1}, {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gguf(n_keys=10_000), "cut off"),
        (gguf(n_keys=10_001), "0 tensors, 10001 keys"),
        (gguf(n_tensors=20_000), "cut off"),
        (gguf(n_tensors=20_001), "20001 tensors, 0 keys"),
        (gguf(text(b"a" * 1_000_000), 1), "4 bytes at byte 1000032: .*cut off"),
        (gguf(text(b"a") + struct.pack("<LLQ", 9, 8, 500_000), 1), "cut off"),
        (gguf(text(b"a") + struct.pack("<LLQ", 9, 8, 500_001), 1), "array of 500001"),
        (gguf(text(b"a") + struct.pack("<LLQ", 9, 13, 1), 1), "values of kind 13"),
        (gguf(tensors=text(b"t") + struct.pack("<L", 4), n_tensors=1), "cut off"),
        (gguf(tensors=text(b"t") + struct.pack("<L", 5), n_tensors=1), "has 5 axes"),
    ],
)
def test_the_most_that_a_header_may_ask_for(content, message):
    with pytest.raises(ValueError, match=message):
        convert_gguf.read_header(content)


def test_the_most_strings_of_all_keys(monkeypatch):
    monkeypatch.setattr(convert_gguf, "MAX_STRINGS", 3)
    array = lambda name, n: text(name) + struct.pack("<LLQ", 9, 8, n) + bytes(8 * n)
    keys = array(b"a", 2) + array(b"b", 1)
    numbers = text(b"n") + struct.pack("<LLQ", 9, 0, 9) + bytes(9)  # not counted
    found, *_ = convert_gguf.read_header(gguf(numbers + keys, 3))
    assert found["a"] == ["", ""] and found["b"] == [""]
    with pytest.raises(ValueError, match="more than 3 strings"):
        convert_gguf.read_header(gguf(keys + array(b"c", 1), 3))


@pytest.mark.parametrize(
    ("kind", "align", "is_right"),
    [(4, 4, False), (4, 8, True), (4, 24, False), (4, 1 << 20, True),
     (4, 1 << 21, False), (6, 32.0, False), (7, True, False)],
)  # fmt: skip
def test_the_alignment_is_a_power_of_two(kind, align, is_right):
    key = text(b"general.alignment") + struct.pack("<L", kind)
    header = gguf(key + convert_gguf.pack(kind, align), 1)
    if is_right:
        assert convert_gguf.read_header(header)[2] == align
    else:
        with pytest.raises(ValueError, match="general.alignment is"):
            convert_gguf.read_header(header)


def test_tensors_lie_one_behind_the_other(tmp_path):
    """Between them are zeros up to the next multiple of 32, and nothing behind."""
    path = tmp_path / "x.gguf"
    content = tensor(b"a", (3,), 0, 0) + tensor(b"output.weight", (2, 2), 1, 32)
    head = gguf(tensors=content, n_tensors=2)
    head += bytes(-len(head) % 32)
    a, b = np.float32([1, 2, 3]), np.float16([[4, 5], [6, 7]])
    data = a.tobytes() + bytes(20) + b.tobytes()
    path.write_bytes(head + data)
    _, tensors = convert_gguf.read_gguf(path)
    assert np.array_equal(np.asarray(tensors["a"]), a)
    found = tensors["lm_head.weight"]
    assert (found.shape, found.dtype) == ((2, 2), np.float16)
    assert np.array_equal(np.asarray(found), b)
    path.write_bytes(head + data + bytes(24))
    assert len(convert_gguf.read_gguf(path)[1]) == 2
    for wrong, message in (
        (data[:-1], f"'output.weight' ends at byte {len(head) + 40}: cut off"),
        (data[:12] + b"\1" + data[13:], "'a' is followed by more than zeros"),
        (data[:31] + b"\1" + data[32:], "'a' is followed by more than zeros"),
        (data + b"\1", "'output.weight' is followed by more than zeros"),
    ):
        path.write_bytes(head + wrong)
        with pytest.raises(FormatError, match=message):
            convert_gguf.read_gguf(path)


@pytest.mark.parametrize(
    ("shape", "kind", "message"),
    [((1 << 50,), 0, "has shape"), (((1 << 50) - 1,), 0, None), ((3, 31), 8, "shape"),
     ((3, 64), 8, None), ((), 0, "shape"), ((128,), 14, "shape")],
)  # fmt: skip
def test_shapes_that_fit_a_kind(shape, kind, message):
    if message is None:
        later = convert_gguf.tensor_later(None, "x", shape, kind, 0)
        assert later.shape == shape
    else:
        with pytest.raises(ValueError, match=message):
            convert_gguf.tensor_later(None, "x", shape, kind, 0)


def test_reading_a_piece_at_a_time_gives_the_same(formats, monkeypatch):
    _, whole = convert_gguf.read_gguf(formats / "kinds.gguf")
    monkeypatch.setattr(convert_gguf, "STEP", 220)  # no multiple of any group's bytes
    _, parts = convert_gguf.read_gguf(formats / "kinds.gguf")
    for name, later in whole.items():
        assert np.array_equal(np.asarray(later), np.asarray(parts[name]))


def test_twice_written_means_byte_for_byte(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"abcdabcdabce")
    spans = {"output.weight": (0, 4), "token_embd.weight": (4, 4)}
    both = {name: ((2, 1), 1, 0) for name in spans}
    assert convert_gguf.is_written_twice(path, both, spans)
    other = {**both, "output.weight": ((2, 1), 30, 0)}
    assert not convert_gguf.is_written_twice(path, other, spans)
    assert not convert_gguf.is_written_twice(path, {}, {})
    spans["token_embd.weight"] = 8, 4
    assert not convert_gguf.is_written_twice(path, both, spans)


def test_half_precision_ends_at_65504():
    assert convert_gguf.encode_f16(np.float32([1, -np.inf])) == b"\0\x3c\0\xfc"
    assert convert_gguf.encode_f16(np.float32([65504])) == b"\xff\x7b"
    with pytest.raises(ValueError, match="^70000 is beyond F16's range, 65504"):
        convert_gguf.encode_f16(np.float32([1, -70000, np.inf]))


def test_the_scale_of_a_group_of_tiny_numbers():
    """From 1e-38 on it has an inverse, though float16 has nothing between it and 0."""
    for d, q in ((2.0e-38, 127), (1.1e-38, 127), (0.9e-38, 0)):
        x = np.zeros(32, np.float32)
        x[3] = 127 * d
        data = convert_gguf.encode_q8_0(x)
        assert data == bytes(5) + bytes([q]) + bytes(28)


def keys_of(**changes):
    """The keys of a small model with three tokens, and its config's own tensors."""
    keys = {
        "general.architecture": "gpt2", "gpt2.block_count": 1,
        "gpt2.context_length": 4, "gpt2.embedding_length": 2,
        "gpt2.feed_forward_length": 6, "gpt2.attention.head_count": 2,
        "gpt2.attention.layer_norm_epsilon": float(np.float32(1e-5)),
    }  # fmt: skip
    return {k: v for k, v in {**keys, **changes}.items() if v is not None}


WTE = converting.Later((7, 2), np.dtype("f4"), None)


def test_the_config_that_the_keys_give():
    config = convert_gguf.config_of("x", keys_of(), {"wte.weight": WTE})
    assert (config.n_vocab, config.n_ctx, config.n_embd, config.n_layer) == (7, 4, 2, 1)
    assert (config.n_head, config.n_inner, config.layer_norm_epsilon) == (2, 6, 1e-5)
    assert config.tie_word_embeddings
    assert config.bos_token_id is config.eos_token_id is None
    both = {"wte.weight": WTE, "lm_head.weight": WTE}
    changes = {"tokenizer.ggml.bos_token_id": 5, "tokenizer.ggml.eos_token_id": 6,
               "gpt2.feed_forward_length": np.array([8, 8]),
               "gpt2.attention.layer_norm_epsilon": 0.0010000000474974513}  # fmt: skip
    config = convert_gguf.config_of("x", keys_of(**changes), both)
    assert config.layer_norm_epsilon == 0.001  # float32's neighbour of it
    assert (config.bos_token_id, config.eos_token_id, config.n_inner) == (5, 6, 8)
    assert not config.tie_word_embeddings
    for changes, message in (
        ({"general.architecture": None}, "no GPT-2: general.architecture is None"),
        ({"general.architecture": ["gpt2"]}, "no GPT-2"),
        ({"tokenizer.ggml.bos_token_id": 1.5}, "bos_token_id or eos_token_id is no"),
        ({"tokenizer.ggml.eos_token_id": "x"}, "bos_token_id or eos_token_id is no"),
        ({"gpt2.attention.head_count": np.array([2, 1])}, "x: .*n_head"),
        ({"gpt2.block_count": None}, "x: .*n_layer"),
        ({"gpt2.attention.layer_norm_epsilon": None}, "x: "),
    ):
        with pytest.raises(FormatError, match=message):
            convert_gguf.config_of("x", keys_of(**changes), {"wte.weight": WTE})
    with pytest.raises(FormatError, match="wte.weight"):
        convert_gguf.config_of("x", keys_of(), {})


def test_the_tokenizer_that_the_keys_give(tmp_path):
    """What a kind of token means, and numbers that name no token."""
    vocab = Tokenizer([("a", "b")]).vocab
    tokens = [*vocab][:257] + ["<e>", "<u>", "<w>", "[PAD260]"]
    kinds = np.array([1] * 257 + [3, 1, 4, 5], "i4")
    keys = {f"tokenizer.ggml.{k}": v for k, v in {
        "tokens": tokens, "merges": ["a b"], "token_type": kinds, "eos_token_id": 257,
        "bos_token_id": 258, "padding_token_id": 261, "unknown_token_id": 260,
        "add_bos_token": True, "add_space_prefix": True,
    }.items()}  # fmt: skip
    found = convert_gguf.tokenizer_of("x", keys)
    assert found.vocab == {t: i for i, t in enumerate(tokens[:260])}
    assert (found.eos_token, found.names) == (
        "<e>", {"bos_token": "<u>", "eos_token": "<e>"}
    )  # fmt: skip
    assert found.added_tokens == {
        "<e>": Added(257, special=True), "<u>": Added(258, special=True),
        "<w>": Added(259),
    }  # fmt: skip
    assert (found.template, found.add_prefix_space) == (([258], []), True)
    plain = {k: v for k, v in keys.items() if not k.endswith(("type", "id", "space"))}
    plain["tokenizer.ggml.add_bos_token"] = True  # of which nobody says what it is
    plain["tokenizer.ggml.add_space_prefix"] = 1
    found = convert_gguf.tokenizer_of("x", plain)
    assert found.vocab == {t: i for i, t in enumerate(tokens)}
    assert (found.names, found.added_tokens) == ({"eos_token": None}, {})
    assert (found.template, found.add_prefix_space) == (([], []), False)
    for name in "tokens", "merges":
        assert (
            convert_gguf.tokenizer_of("x", {**keys, f"tokenizer.ggml.{name}": 1})
            is None
        )
    keys["tokenizer.ggml.tokens"] = ["a", "b", "a"]
    with pytest.raises(FormatError, match="x: a token stands twice"):
        convert_gguf.tokenizer_of("x", keys)


@pytest.mark.parametrize(
    "name", ["scale_attn_weights", "scale_attn_by_inverse_layer_idx"]
)
def test_other_scores_are_refused(wide, tmp_path, capsys, name):
    config, params = weights.load(wide)
    odd = {**vars(config), name: not getattr(config, name)}
    weights.save(wide, GPT2Config(**odd), params)
    assert main(wide, tmp_path / "x.gguf") == 1
    assert f"whose {name} is set differently" in capsys.readouterr().err


def test_the_keys_of_named_tokens(wide, tmp_path):
    """A name whose token has no row in the model is left out."""
    old = Tokenizer.gpt2(0)
    more = {"<u>": 257, "<p>": 299, "<s>": 300}
    tokenizer = Tokenizer(
        [], {**old.vocab, **more}, added={
            "<|endoftext|>": Added(256, special=True),
            **{token: Added(i, special=True) for token, i in more.items()},
        },
        names={"unk_token": "<u>", "pad_token": "<p>", "bos_token": "<s>"},
    )  # fmt: skip
    tokenizer.save_pretrained(wide)
    assert main(wide, tmp_path / "x.gguf") == 0
    keys, _ = convert_gguf.read_gguf(tmp_path / "x.gguf")
    ids = {k.split(".")[-1]: v for k, v in keys.items() if k.endswith("_token_id")}
    assert ids == {
        "eos_token_id": 256, "unknown_token_id": 257, "padding_token_id": 299
    }  # fmt: skip


def test_the_options(capsys, monkeypatch, wide, tmp_path):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit, match="0"):
        main("--help")
    said = " ".join(capsys.readouterr().out.split())
    assert "{F32,F16,Q8_0} of a GGUF file to write: F32, F16, Q8_0" in said
    assert "into a GGUF file of a model without one" in said
    with pytest.raises(SystemExit, match="2"):
        main(wide, tmp_path / "x.gguf", "--type", "Q4_0")
    assert main(wide, tmp_path / "x.gguf") == 0
    keys, _ = convert_gguf.read_gguf(tmp_path / "x.gguf")
    assert keys["general.file_type"] == 1  # F16


def test_a_folder_that_lacks_a_tensor(wide, tmp_path, capsys):
    found = weights.read_folder(wide)
    arrays = {name: array for name, (_, array, _) in found.items()}
    del arrays["h.1.ln_2.bias"]
    write_safetensors(wide / "model.safetensors", arrays)
    assert main(wide, tmp_path / "x.gguf") == 1
    assert "'h.1.ln_2.bias' is missing" in capsys.readouterr().err
