"""convert_pytorch.py on every kind of file that it knows, written without torch: other
people's names, layouts, types and sizes, and what is wrong with a damaged one."""

import json
import struct
import zipfile
from types import SimpleNamespace

import convert_pytorch
import converting
import numpy as np
import pytest
from torch_files import Named, View, Writer, legacy, zipped

from numpygpt import GPT2, GPT2Config, weights
from numpygpt.files.hub import FormatError

SIZES = GPT2Config(23, 7, 6, 3, 2, n_inner=20, bos_token_id=None, eos_token_id=None)
ARRAY = np.arange(12, dtype="<f4")


def params(config=SIZES):
    return weights.flatten(GPT2.random(config, seed=1).params)


def as_linear(flat):
    """As nanoGPT and minGPT have it: every matrix of a Linear is [out, in]."""
    return {
        name: np.ascontiguousarray(a.T) if name.endswith(converting.MATRICES) else a
        for name, a in flat.items()
    }


def named(flat, prefix="transformer."):
    """The weights by other people's names; the head has wte's storage."""
    tensors = {f"{prefix}{name}": array for name, array in flat.items()}
    return {**tensors, f"{prefix[:-12]}lm_head.weight": flat["wte.weight"]}


def convert(tmp_path, content, *options, source="ckpt.pt"):
    (tmp_path / source).write_bytes(content)
    argv = [tmp_path / source, tmp_path / "out", *options]
    argv = [str(a) for a in argv]
    return converting.run(
        convert_pytorch.convert, convert_pytorch.__doc__, convert_pytorch.options, argv
    )


def check(folder, flat, **settings):
    """Does the folder hold these weights to the bit, and these settings?"""
    config, found = weights.load(folder)
    found = weights.flatten(found)
    assert found.keys() == flat.keys()
    for name, array in flat.items():
        assert np.array_equal(found[name], array), name
    want = {**SIZES.to_dict(), "n_inner": 20, **settings}
    assert {k: v for k, v in config.to_dict().items() if want.get(k) != v} == {}


@pytest.mark.parametrize("prefix", ["transformer.", "_orig_mod.transformer."])
@pytest.mark.parametrize("write", [zipped, legacy])
def test_nanogpt(tmp_path, capsys, prefix, write):
    """model_args tell the heads; a Linear's matrices are turned; GELU is its own."""
    flat = params()
    content = {
        "model": named(as_linear(flat), prefix), "optimizer": {"state": {0: 1.5}},
        "model_args": {"n_head": 2, "n_layer": 3, "bias": True, "dropout": 0.0},
        "iter_num": 2000, "best_val_loss": 3.25, "config": {"out_dir": "out"},
    }  # fmt: skip
    assert convert(tmp_path, write(content)) == 0
    check(tmp_path / "out", flat, activation_function="gelu")
    out = capsys.readouterr().out
    assert "3 blocks, 23 tokens, without a tokenizer" in out
    assert f"{sum(a.size for a in flat.values()):,} weights" in out


def test_without_biases(tmp_path):
    """nanoGPT's bias=False leaves them out: none is a bias of zeros."""
    flat = params()
    some = {n: a for n, a in flat.items() if not n.endswith(".bias")}
    content = {"model": named(as_linear(some)), "model_args": {"n_head": 2}}
    assert convert(tmp_path, zipped(content)) == 0
    zeros = {n: np.zeros_like(a) for n, a in flat.items() if n.endswith(".bias")}
    check(tmp_path / "out", {**flat, **zeros}, activation_function="gelu")


def test_one_missing_bias_is_an_error(tmp_path, capsys):
    flat = named(params())
    del flat["transformer.h.1.attn.c_proj.bias"]
    assert convert(tmp_path, zipped(flat), "--n-head", "2") == 1
    assert "lacks the tensor 'h.1.attn.c_proj.bias'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_config_as_an_object(tmp_path):
    """build-nanogpt: a dataclass, NumPy numbers in the three spellings there are."""
    flat = params()
    data = struct.pack("<d", 3.5)
    kind = Named("numpy", "dtype", ("f8", False, True))
    latin = Named("_codecs", "encode", (data.decode("latin1"), "latin1"))
    content = {
        "model": named(as_linear(flat)),
        "config": Named("__main__", "GPTConfig", (), {"n_head": 2, "n_embd": 6}),
        "val_loss": Named("numpy.core.multiarray", "scalar", (kind, latin)),
        "step": Named("numpy._core.multiarray", "scalar", (kind, data)),
    }
    path = tmp_path / "model.pt"
    path.write_bytes(zipped(content))
    found, _ = convert_pytorch.read_torch(path)
    assert (found["val_loss"], found["step"]) == (3.5, 3.5)
    assert found["config"] == {"n_head": 2, "n_embd": 6}
    assert convert(tmp_path, zipped(content)) == 0
    check(tmp_path / "out", flat, activation_function="gelu_new")


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ({"n_head": 2}, ()),
        ({"n_head": None, "model_type": "gpt-nano"}, ("--n-head", "2")),
        (None, ("--n-head", "2", "--activation", "relu")),
    ],
)
def test_mingpt(tmp_path, model, options):
    """The heads stand in a file beside; the tanh form; a buffer is no weight."""
    flat = params()
    if model:
        (tmp_path / "config.json").write_text(json.dumps({"model": model}))
    tensors = named(as_linear(flat))
    tensors["transformer.h.0.attn.bias"] = np.ones((1, 1, 7, 7), "<f4")
    assert convert(tmp_path, zipped(tensors), *options) == 0
    activation = "relu" if len(options) > 2 else "gelu_new"
    check(tmp_path / "out", flat, activation_function=activation)


def test_heads_that_nobody_tells(tmp_path, capsys):
    assert convert(tmp_path, zipped(named(params()))) == 1
    assert "give --n-head N" in capsys.readouterr().err
    (tmp_path / "config.json").write_text('{"model": {"n_head": "2"}}')
    assert convert(tmp_path, zipped(named(params()))) == 1
    assert "give --n-head N" in capsys.readouterr().err


def test_a_head_of_its_own(tmp_path):
    flat = {**params(), "lm_head.weight": np.ones((23, 6), "<f4")}
    tensors = {f"module.transformer.{n}": a for n, a in flat.items()}
    tensors["lm_head.decoder.weight"] = tensors.pop("module.transformer.lm_head.weight")
    tensors["v_head.summary.weight"] = np.ones((1, 6), "<f4")
    assert convert(tmp_path, zipped(tensors), "--n-head", "2") == 0
    check(tmp_path / "out", flat, tie_word_embeddings=False)


@pytest.mark.parametrize(
    "kind", [np.dtype("<f8"), np.dtype("<f2"), np.dtype("<u2")], ids=str
)
def test_other_types(tmp_path, kind):
    """float64, float16, and bfloat16: the upper half of a float32."""
    flat = params()
    if kind == "<u2":
        stored = {n: (a.view("<u4") >> 16).astype("<u2") for n, a in flat.items()}
        want = {n: (a.astype("<u4") << 16).view("<f4") for n, a in stored.items()}
    else:
        stored = {n: a.astype(kind) for n, a in flat.items()}
        want = {n: a.astype("<f4") for n, a in stored.items()}
    assert convert(tmp_path, zipped(named(stored)), "--n-head", "2") == 0
    check(tmp_path / "out", want)


def test_a_folder_in_parts(tmp_path, capsys):
    """As transformers saved it: an index says which part has which tensor."""
    flat, source = params(), tmp_path / "source"
    source.mkdir()
    (source / "config.json").write_text(json.dumps({**SIZES.to_dict(), "n_inner": 20}))
    (source / "merges.txt").write_text("#version: 0.2\nh e\n")
    (source / "generation_config.json").write_text('{"max_new_tokens": 3}')
    names = sorted(flat)
    parts = {"a.bin": names[: len(names) // 2], "b.bin": names[len(names) // 2 :]}
    for part, some in parts.items():
        tensors = {f"transformer.{n}": flat[n] for n in some}
        (source / part).write_bytes(zipped(tensors))
    index = {f"transformer.{n}": part for part, some in parts.items() for n in some}
    index = {"metadata": {}, "weight_map": index}
    (source / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    argv = [str(source), str(tmp_path / "out")]
    run = convert_pytorch.convert, "", convert_pytorch.options, argv
    assert converting.run(*run) == 0
    check(tmp_path / "out", flat)
    assert "with a tokenizer" in capsys.readouterr().out
    assert json.loads((tmp_path / "out/generation_config.json").read_text()) == {
        "max_new_tokens": 3
    }
    # One tensor in both parts: which would count?
    tensors = {f"transformer.{n}": flat[n] for n in [*parts["b.bin"], names[0]]}
    (source / "b.bin").write_bytes(zipped(tensors))
    argv[1] += "2"
    assert converting.run(*run) == 1
    assert f"{names[0]!r} is in another part, too" in capsys.readouterr().err


def test_gpt2s_own_vocabulary_brings_its_tokenizer(tmp_path):
    """Padded to 50304 as nanoGPT has it, the file has no tokenizer but ours has."""
    config = GPT2Config(50304, 4, 2, 1, 1)
    assert convert(tmp_path, zipped(named(params(config))), "--n-head", "1") == 0
    config = weights.read_config(tmp_path / "out")
    assert (config.eos_token_id, config.bos_token_id) == (50256, 50256)
    assert (tmp_path / "out/merges.txt").stat().st_size > 400_000


def read(tmp_path, content, name="w"):
    """The tensor of a name, as the converter reads it."""
    path = tmp_path / "x.bin"
    path.write_bytes(content)
    tensors, _, spans = convert_pytorch.read_checkpoint(path)
    return np.asarray(convert_pytorch.tensor_later(path, name, tensors[name], spans))


@pytest.mark.parametrize("write", [zipped, legacy])
def test_views_of_one_storage(tmp_path, write):
    """Offset, shape, strides; a parameter is its tensor."""
    grid = ARRAY.reshape(3, 4)
    views = {"w": View(ARRAY, 0, (4, 3), (1, 4)), "one": View(ARRAY, 11, (), ()),
             "x": View(ARRAY, 5, (2, 2), (4, 2))}  # fmt: skip
    views["p"] = Named("torch._utils", "_rebuild_parameter", (views["x"], True, 0))
    content = write(views)
    assert np.array_equal(read(tmp_path, content), grid.T)
    assert np.array_equal(read(tmp_path, content, "x"), grid[1:, 1::2])
    assert np.array_equal(read(tmp_path, content, "p"), grid[1:, 1::2])
    assert read(tmp_path, content, "one") == 11


def test_whole_numbers_are_no_weights(tmp_path):
    numbers = ARRAY.astype("<i8")
    with pytest.raises(FormatError, match="'w' is I64, not floating point"):
        read(tmp_path, zipped({"w": numbers}))
    with pytest.raises(FormatError, match="'w' is I64, not floating point"):
        read(tmp_path, legacy({"w": numbers}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "no dict of tensors"),
        ([ARRAY], "no dict of tensors"),
        ({"model": {}}, "no dict of tensors"),
        ({"model": {"w": 3.5}}, "the entry 'w' is no tensor"),
        ({5: ARRAY}, "the entry 5 is no tensor"),
        ({"w": ARRAY, "module.w": ARRAY}, "'w' stands twice"),
    ],
)
def test_what_is_no_checkpoint(tmp_path, content, message):
    for write in (zipped, legacy) if content else (zipped,):
        with pytest.raises(FormatError, match=message):
            read(tmp_path, write(content))


def test_damaged_bytes_are_seen(tmp_path):
    content = zipped({"w": ARRAY})
    at = content.index(ARRAY.tobytes())
    changed = content[:at] + b"\1" + content[at + 1 :]
    with pytest.raises(FormatError, match="the checksum of storage '0' is wrong"):
        read(tmp_path, changed)
    name = content.index(b"_rebuild_tensor_v2")
    changed = content[:name] + b"-" + content[name + 1 :]
    with pytest.raises(FormatError, match="the checksum of 'archive/data.pkl'"):
        read(tmp_path, changed)


def test_the_order_of_bytes(tmp_path):
    little = zipped({"w": ARRAY}, [("byteorder", "little")])
    assert np.array_equal(read(tmp_path, little), ARRAY)
    with pytest.raises(FormatError, match="not little-endian"):
        read(tmp_path, zipped({"w": ARRAY}, [("byteorder", "big")]))
    with pytest.raises(FormatError, match="not written on a little-endian machine"):
        read(tmp_path, legacy({"w": ARRAY}, little_endian=False))


def test_an_old_stream_that_does_not_fit(tmp_path):
    content = legacy({"w": ARRAY, "x": ARRAY.copy()})
    for wrong, message in [
        (content + b"\0", "goes on after its last storage"),
        (content[:-1], "storage '1' is cut off"),
        (content.replace(struct.pack("<q", 12), struct.pack("<q", 11)), "is cut off"),
        (content.replace(b"\xe9\3", b"\xe8\3"), "its magic number is wrong"),
        (
            content.replace(b"\1\0\0\0001e.", b"\1\0\0\0000e."),
            "'0' is unknown or stands",
        ),
        (
            content.replace(b"\1\0\0\0001e.", b"\1\0\0\0007e."),
            "'7' is unknown or stands",
        ),
        (content.replace(b"X\1\0\0\0001e.", b"J1234e."), "list of keys is damaged"),
    ]:
        assert wrong != content
        with pytest.raises(FormatError, match=message):
            read(tmp_path, wrong)


def test_one_storage_cannot_have_two_types(tmp_path):
    content = zipped({"w": ARRAY, "x": ARRAY})
    second = content.rindex(b"FloatStorage")
    wrong = content[: second - 6] + content[second - 6 :].replace(
        b"torch\nFloatStorage", b"torch\nHalfStoragee"
    )
    with pytest.raises(FormatError):
        read(tmp_path, wrong)
    store = convert_pytorch.Storage("F32", 4, "0", 2)
    assert convert_pytorch.storage(
        ("storage", convert_pytorch.Name("torch.FloatStorage"), "0", "cpu", 2, None)
    ) == store  # fmt: skip
    for identity in [
        ("module", convert_pytorch.Name("torch.FloatStorage"), "0", "cpu", 2),
        ("storage", convert_pytorch.Name("torch.FloatStorage"), 0, "cpu", 2),
        ("storage", convert_pytorch.Name("torch.FloatStorage"), "0", "cpu", 2.0),
        (
            "storage",
            convert_pytorch.Name("torch.FloatStorage"),
            "0",
            "cpu",
            2,
            ("v", 1),
        ),
    ]:
        with pytest.raises(ValueError, match="no storage"):
            convert_pytorch.storage(identity)


def test_a_pickle_may_have_so_many_steps(monkeypatch, tmp_path):
    monkeypatch.setattr(convert_pytorch, "MAX_STEPS", 40)
    run = convert_pytorch.run_pickle
    long = b"N" * 40 + b"."
    assert run(convert_pytorch.BytesIO(long), "x", {}) is None
    with pytest.raises(FormatError, match="pickle at byte 41: more than 40 steps"):
        run(convert_pytorch.BytesIO(b"N" + long), "x", {})


@pytest.mark.parametrize(
    ("program", "value"),
    [
        (b"]N.", None), (b"\x80\4\x95\2\0\0\0\0\0\0\0N.", None),
        (b"](K\1K\2e.", [1, 2]), (b"]K\1a.", [1]), (b"}K\1K\2s.", {1: 2}),
        (b"}(K\1K\2K\3K\4u.", {1: 2, 3: 4}), (b"K\1K\2K\3\x87.", (1, 2, 3)),
        (b"K\1K\2K\3\x86.", (2, 3)), (b"K\1\x85.", (1,)), (b").", ()), (b"M\1\1.", 257),
        (b"J\xff\xff\xff\xff.", -1), (b"\x8a\1\xfe.", -2), (b"\x88.", True),
        (b"\x89.", False), (b"G\x3f\xf8\0\0\0\0\0\0.", 1.5), (b"U\2ab.", "ab"),
        (b"T\2\0\0\0ab.", "ab"), (b"\x8c\2ab.", "ab"), (b"C\2ab.", b"ab"),
        (b"K\7q\5K\x08h\5\x86.", (8, 7)), (b"K\7r\5\0\0\0K\x08j\5\0\0\0\x86.", (8, 7)),
        (b"K\7\x94K\x08\x94h\0h\1\x86.", (7, 8)),
        (b"ccollections\nOrderedDict\n)R.", {}),
        (b"\x8c\x0bcollections\x8c\x0bOrderedDict\x93)R}K\1K\2sb.", {}),
        (b"cx.y\nGPTConfig\n)\x81}X\1\0\0\0aK\2sb.", {"a": 2}),
    ],
    ids=repr,
)  # fmt: skip
def test_the_instructions_one_by_one(program, value):
    """Each does what Python's own machine does."""
    found = convert_pytorch.run_pickle(convert_pytorch.BytesIO(program), "x", {})
    assert found == value and type(found) in (type(value), convert_pytorch.Fields)


# Zip archives: their end, their directory, their wide fields.


def wide(content):
    """The same archive as one of over 4 GB has it: 64-bit numbers where they fit."""
    end = content.rindex(b"PK\5\6")
    count, size, at = struct.unpack_from("<HLL", content, end + 10)
    data, entries, here = content[:at], [], at
    for _ in range(count):
        head = bytearray(content[here : here + 46])
        n_name, n_extra, n_comment = struct.unpack_from("<3H", head, 28)
        name = content[here + 46 : here + 46 + n_name]
        packed, plain = struct.unpack_from("<2L", head, 20)
        (local,) = struct.unpack_from("<L", head, 42)
        other = struct.pack("<2HH", 9, 2, 77)
        extra = other + struct.pack("<2H3Q", 1, 24, plain, packed, local)
        struct.pack_into("<2L", head, 20, 0xFFFFFFFF, 0xFFFFFFFF)
        struct.pack_into(
            "<2HHHHLL", head, 28, n_name, len(extra), 4, 0, 0, 0, 2**32 - 1
        )
        entries.append(bytes(head) + name + extra + b"note")
        here += 46 + n_name + n_extra + n_comment
    listing = b"".join(entries)
    record = b"PK\6\6" + struct.pack(
        "<QHHLLQQQQ", 44, 45, 45, 0, 0, count, count, len(listing), at
    )
    locator = b"PK\6\7" + struct.pack("<LQL", 0, at + len(listing), 1)
    last = b"PK\5\6" + struct.pack(
        "<4H2LH", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 3
    )
    return data + listing + record + locator + last + b"end"


def test_an_archive_of_over_4_gb(tmp_path):
    content = wide(zipped({"w": ARRAY}))
    assert np.array_equal(read(tmp_path, content), ARRAY)
    at = content.index(b"PK\6\6")
    wrong = content[:at] + b"PK\6\5" + content[at + 4 :]
    with pytest.raises(FormatError, match=f"no directory end at byte {at}"):
        read(tmp_path, wrong)
    with pytest.raises(FormatError, match="no directory at byte 1099511627776"):
        here = at + 48
        read(
            tmp_path, content[:here] + struct.pack("<Q", 1 << 40) + content[here + 8 :]
        )


def test_an_end_that_lies(tmp_path):
    content = zipped({"w": ARRAY})
    end = content.rindex(b"PK\5\6")
    at = struct.unpack_from("<L", content, end + 16)[0]
    local, second = 0, content.index(b"PK\3\4", 1)
    for where, value, message in [
        (end + 20, b"\1\0", "does not end where byte"),
        (end + 16, b"\1\0\0\0", "no directory entry at byte 1"),
        (end + 16, b"\xff\xff\xff\x7f", "no directory at byte 2147483647"),
        (at, b"PK\1\3", f"no directory entry at byte {at}"),
        (at + 8, b"\1", "compressed or encrypted"),
        (at + 10, b"\x08", "compressed or encrypted"),
        (at + 20, b"\0", "compressed or encrypted"),
        (at + 20, b"\0\0\1\0" * 2, "lies at bytes"),
        (at + 42, b"\1", "does not lie at byte"),
        (at + 42, b"\xff\xff\xff\0", "does not lie at byte"),
        (at + 46, b"A", "has another name at byte"),
        (second, b"PK\3\5", "does not lie at byte"),
        (local + 28, b"\xff\xff", "lies at bytes"),
        (local + 28, b"\x3c\0", "two entries overlap"),
    ]:
        wrong = content[:where] + value + content[where + len(value) :]
        with pytest.raises(FormatError, match=message):
            read(tmp_path, wrong)


def test_the_space_behind_a_local_name(tmp_path):
    """torch.save pads it, so that the numbers begin at a multiple of 64 bytes."""
    path = tmp_path / "padded.bin"
    content = zipped({"w": ARRAY})
    with zipfile.ZipFile(path, "w") as archive:
        (tmp_path / "plain").write_bytes(content)
        with zipfile.ZipFile(tmp_path / "plain") as plain:
            for entry in plain.infolist():
                info = zipfile.ZipInfo(entry.filename)
                info.extra = struct.pack("<2H", 0x4246, 20) + b"Z" * 20
                archive.writestr(info, plain.read(entry))
    assert np.array_equal(read(tmp_path, path.read_bytes()), ARRAY)


def test_the_limit_of_entries(tmp_path, monkeypatch):
    more = [(f"data/x{i}", "") for i in range(3)]
    monkeypatch.setattr(convert_pytorch, "MAX_ENTRIES", 5)
    assert np.array_equal(read(tmp_path, zipped({"w": ARRAY}, more)), ARRAY)
    with pytest.raises(FormatError, match="6 entries are more than a model needs"):
        read(tmp_path, zipped({"w": ARRAY}, [*more, ("data/y", "")]))


def test_the_limit_of_a_pickle(tmp_path, monkeypatch):
    content = zipped({"w": ARRAY})
    n = convert_pytorch.zip_entries("x", content)["archive/data.pkl"][1]
    monkeypatch.setattr(convert_pytorch, "MAX_PICKLE", n)
    assert np.array_equal(read(tmp_path, content), ARRAY)
    monkeypatch.setattr(convert_pytorch, "MAX_PICKLE", n - 1)
    with pytest.raises(FormatError, match=f"'archive/data.pkl' has {n} bytes"):
        read(tmp_path, content)


def test_too_short_for_a_model(tmp_path):
    with pytest.raises(FormatError, match="too short"):
        convert_pytorch.read_torch(tmp_path / "none")
    (tmp_path / "x").write_bytes(bytes(63))
    with pytest.raises(FormatError, match="too short"):
        convert_pytorch.read_torch(tmp_path / "x")
    (tmp_path / "x").write_bytes(bytes(64))
    with pytest.raises(FormatError, match="pickle at byte"):
        convert_pytorch.read_torch(tmp_path / "x")


@pytest.mark.parametrize(
    ("shape", "strides", "n"),
    [((3,), (2,), 5), ((2, 3), (3, 1), 6), ((), (), 1), ((0, 4), (4, 1), 0),
     ((4, 0), (9, 1), 0), ((0, 5), (6, 1), 0), ((1, 3), (0, 1), 3),
     ((4, 1), (1, 9), 4), ((2, 2), (5, 2), 8)],
)  # fmt: skip
def test_the_span_of_a_view(shape, strides, n):
    """A view that is exactly as long as its storage fits, one number more does not."""
    assert convert_pytorch.span_of(shape, strides) == n
    assert convert_pytorch.is_view_without_overlap(shape, strides)
    for offset in 0, 3:
        store = convert_pytorch.Storage("F32", 4, "0", n + offset)
        tensor = convert_pytorch.Tensor(store, offset, shape, strides)
        assert convert_pytorch.what_is_wrong(tensor, 4 * (n + offset)) is None
        if n:
            less = store._replace(count=n + offset - 1)
            tensor = convert_pytorch.Tensor(less, offset, shape, strides)
            wrong = convert_pytorch.what_is_wrong(tensor, 4 * (n + offset - 1))
            assert wrong == "leaves its storage"


def test_the_most_axes_and_the_largest_number():
    store = convert_pytorch.Storage("F32", 4, "0", 1)
    for n_axes, wrong in ((8, None), (9, "does not fit its storage")):
        tensor = convert_pytorch.Tensor(store, 0, (1,) * n_axes, (1,) * n_axes)
        assert convert_pytorch.what_is_wrong(tensor, 4) == wrong
    for stride, wrong in (((1 << 62) - 1, None), (1 << 62, "does not fit its storage")):
        tensor = convert_pytorch.Tensor(store, 0, (1,), (stride,))
        assert convert_pytorch.what_is_wrong(tensor, 4) == wrong


def test_a_shape_that_is_no_gpt2(tmp_path):
    tensors = {
        name: SimpleNamespace(shape=(9, 6)) for name in ("wte.weight", "wpe.weight")
    }
    args = SimpleNamespace(n_head=2, activation=None)
    with pytest.raises(FormatError, match="lacks the tensor 'h.0.mlp.c_fc.weight'"):
        convert_pytorch.infer_config(tensors, None, args, tmp_path)
    with pytest.raises(FormatError, match="lacks the tensor 'wte.weight'"):
        convert_pytorch.infer_config({}, None, args, tmp_path)
    tensors["h.0.mlp.c_fc.weight"] = SimpleNamespace(shape=(6, 24))
    args.n_head = 4
    with pytest.raises(FormatError, match="n_head"):
        convert_pytorch.infer_config(tensors, None, args, tmp_path)


def test_a_tensor_that_no_gpt2_has(tmp_path, capsys):
    tensors = named(params())
    tensors["transformer.h.0.attn.rotary.inv_freq"] = ARRAY
    assert convert(tmp_path, zipped(tensors), "--n-head", "2") == 1
    assert "a GPT-2 has no 'h.0.attn.rotary.inv_freq'" in capsys.readouterr().err
    tensors = named(params())
    tensors["transformer.h.0.mlp.c_fc.bias"] = ARRAY
    assert convert(tmp_path, zipped(tensors), "--n-head", "2") == 1
    assert "'h.0.mlp.c_fc.bias' has shape (12,), not (20,)" in capsys.readouterr().err


def test_more_blocks_than_tensors(tmp_path, capsys):
    """A config.json may claim a billion: that is seen before anything is made."""
    (tmp_path / "config.json").write_text(
        json.dumps({**SIZES.to_dict(), "n_layer": 10**9})
    )
    assert convert(tmp_path, zipped(named(params()))) == 1
    assert "40 tensors, 1000000000 blocks" in capsys.readouterr().err


def test_a_stream_is_read_no_further_than_a_pickle_may_be_long(tmp_path, monkeypatch):
    content = legacy({"w": ARRAY})
    n = content.index(struct.pack("<q", 12))
    monkeypatch.setattr(convert_pytorch, "MAX_PICKLE", n)
    assert np.array_equal(read(tmp_path, content), ARRAY)
    monkeypatch.setattr(convert_pytorch, "MAX_PICKLE", n - 1)
    with pytest.raises(FormatError, match="pickle at byte"):
        read(tmp_path, content)


def stream(*values):
    """A stream with these pickles behind the magic number."""
    magic = b"\x80\x02\x8a\x0a" + (0x1950A86A20F9469CFC6C).to_bytes(10, "little") + b"."
    return magic + b"".join(Writer().pickle(value) for value in values) + bytes(64)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((1000, {}, {}, []), "its magic number is wrong"),
        ((1001, [1], {}, []), "not written on a little-endian machine"),
        ((1001, {}, {}, []), "not written on a little-endian machine"),
        (
            (1001, {"little_endian": 1}, {}, []),
            "not written on a little-endian machine",
        ),
        ((1001, {"little_endian": True}, {}, ("0",)), "the list of keys is damaged"),
        ((1001, {"little_endian": True}, {}, ["0", 5]), "the list of keys is damaged"),
        ((1001, {"little_endian": True}, {}, ["0"]), "key '0' is unknown"),
        ((1001, {"little_endian": True}, {}, []), "goes on after its last storage"),
    ],
)
def test_what_a_stream_says(tmp_path, values, message):
    with pytest.raises(FormatError, match=message):
        read(tmp_path, stream(*values))


def test_entries_in_another_order_than_their_directory(tmp_path):
    content, path = zipped({"w": ARRAY, "x": ARRAY.copy()}), tmp_path / "y.zip"
    path.write_bytes(content)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("archive/more", "")  # or the directory is not written anew
        archive.filelist.reverse()
    assert np.array_equal(read(tmp_path, path.read_bytes(), "x"), ARRAY)


def test_a_storage_that_is_not_in_the_file():
    store = convert_pytorch.Storage("U8", 1, "9", 1)
    tensor = convert_pytorch.Tensor(store, 0, (1,), (1,))
    with pytest.raises(FormatError, match="'x' does not fit its storage"):
        convert_pytorch.tensor_later("file", "x", tensor, {})
