"""convert_pytorch.py, on files that torch wrote and on files that it never would."""

import dataclasses
import io
import json
import pickle
import shutil
import struct
import zipfile
from pathlib import Path
from types import SimpleNamespace

import convert_pytorch
import converting
import numpy as np
import pytest

from numpygpt import GPT2, Tokenizer, weights
from numpygpt.files.hub import FormatError
from numpygpt.files.safetensors import DTYPES


def main(*argv):
    return converting.run(
        convert_pytorch.convert,
        convert_pytorch.__doc__,
        convert_pytorch.options,
        [str(a) for a in argv],
    )


@pytest.fixture
def source(formats, tmp_path):
    """A folder as transformers' save_pretrained made it before safetensors."""
    folder = tmp_path / "source"
    shutil.copytree(formats / "model", folder)
    (folder / "model.safetensors").unlink()
    return folder


@pytest.mark.parametrize("name", ["pytorch_zip.bin", "pytorch_legacy.bin"])
def test_both_formats_of_torch_give_the_model(name, formats, source, tmp_path, capsys):
    shutil.copy(formats / name, source / "pytorch_model.bin")
    assert main(source, tmp_path / "out", "--check", formats / "model") == 0
    assert "hold the same model" in capsys.readouterr().out
    assert Tokenizer.from_pretrained(tmp_path / "out").encode("hello") == (
        Tokenizer.from_pretrained(formats / "model").encode("hello")
    )
    assert GPT2.from_pretrained(tmp_path / "out")([1, 2, 258]).shape == (3, 259)


def test_check_names_what_differs(formats, tmp_path, capsys):
    config, params = weights.load(formats / "model")
    params["wpe"]["weight"] = params["wpe"]["weight"] + np.float32(0.25)
    weights.save(tmp_path / "other", config, params)
    assert main(formats / "model", "--check", tmp_path / "other") == 1
    assert capsys.readouterr().out == "wpe.weight: differs by up to 0.25\n"
    params["wpe"]["weight"][1, 2] = np.nan
    weights.save(tmp_path / "other", config, params)
    assert main(formats / "model", "--check", tmp_path / "other") == 1
    assert capsys.readouterr().out == "wpe.weight: differs by up to nan\n"


def test_the_folder_must_be_new_and_stays_away_on_failure(formats, source, tmp_path):
    (source / "pytorch_model.bin").write_bytes(b"no model at all" * 10)
    assert main(source, tmp_path / "out") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["source"]
    shutil.copy(formats / "pytorch_zip.bin", source / "pytorch_model.bin")
    assert main(source, source) == 1
    with pytest.raises(SystemExit, match="2"):
        main(source)


def zip_of(*entries):
    """A zip archive: pairs of a name and the bytes under it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return file.getvalue()


def refused(tmp_path, content):
    """The message that a file of these bytes gives."""
    path = tmp_path / "hostile.bin"
    path.write_bytes(content)
    with pytest.raises(FormatError) as error:
        convert_pytorch.read_checkpoint(path)
    assert str(path) in str(error.value)
    return str(error.value)


class Call:
    """Pickles as a call of any function, which is what makes pickles dangerous."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", ["eval", "exec", "getattr", "__import__"])
def test_a_pickle_that_calls_a_builtin_is_refused_by_name(name, protocol, tmp_path):
    function = __builtins__[name]
    marker = tmp_path / "ran"
    hostile = pickle.dumps(Call(function, f"open({str(marker)!r}, 'w')"), protocol)
    for content in (zip_of(("archive/data.pkl", hostile)), hostile + bytes(64)):
        message = refused(tmp_path, content)
        assert name in message
        assert "pickle" in message
    assert not marker.exists()


@pytest.mark.parametrize(
    "name",
    [b"posix system", b"os system", b"nt system", b"subprocess Popen",
     b"torch._utils _rebuild_tensor_v2.__globals__", b"torch load",
     b"torch.serialization load", b"collections namedtuple"],
)  # fmt: skip
def test_hostile_globals_are_refused(name, tmp_path):
    program = b"\x80\x02c" + name.replace(b" ", b"\n") + b"\n(X\x02\0\0\0ls\x85tR."
    message = refused(tmp_path, zip_of(("archive/data.pkl", program)))
    assert name.decode().replace(" ", ".") in message
    assert "Nothing of it was run" in message


@pytest.mark.parametrize(
    "program",
    [
        b".", b"0.", b"t.", b"u.", b"R.", b"Q.", b"h\0.", b"a.", b"s.", b"b.", b"(",
        b"", b"}", b"\xff", b"}}s.", b"}(}}u.", b"](]]e}u.", b"\x8d" + b"\xff" * 8,
        b"\x8e" + struct.pack("<Q", 1 << 62) + b"x", b"\x96" + b"\xff" * 7 + b"\x7f",
        b"r\xff\xff\xff\xff.", b"\x8b\xff\xff\xff\x7f1", b"I" + b"9" * 100_000 + b"\n.",
        b"}" + b"(" * 300_000, b"]" * 600_000 + b".", b")" + b"\x85" * 300_000 + b"Q.",
        b"}q\0" + b"(h\0h\0tq\0" * 200 + b"Q.", b"}q\0" + b"(h\0h\0tq\0" * 200 + b"R.",
        b"}" + b")" + b"\x85" * 200_000 + b"}s.",
        b"}q\0" + b"(h\0h\0tq\0" * 200 + b"h\0\x93.",
    ],
    ids=lambda program: repr(program[:12]),
)  # fmt: skip
def test_broken_pickles_are_refused(program, tmp_path):
    refused(tmp_path, zip_of(("archive/data.pkl", program)))
    if len(program) < 100_000:
        refused(tmp_path, program + bytes(64))


def test_hostile_archives_are_refused(formats, tmp_path):
    good = (formats / "pytorch_zip.bin").read_bytes()
    assert "data.pkl" in refused(tmp_path, zip_of(("a/version", b"3" * 99)))
    pkl = ("archive/data.pkl", b"}.")
    assert "hostile" in refused(tmp_path, zip_of(pkl, ("archive/../../x", b"")))
    assert "two entries" not in refused(tmp_path, zip_of(pkl))
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(50_000_000))
    assert "compressed" in refused(tmp_path, bomb.getvalue())
    long = zip_of(("archive/data.pkl", b"V" + b"a" * 5_000_000 + b"\n."))
    assert "5000003 bytes" in refused(tmp_path, long)
    assert "pickle at byte" in refused(tmp_path, b"V" + b"a" * 5_000_000 + b"\n.")
    many = zip_of(*[(f"archive/{i}", b"") for i in range(30_000)])
    assert "entries are more" in refused(tmp_path, many)
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = zip_of(pkl, pkl)
    assert "twice" in refused(tmp_path, twice)
    assert "cut off" in refused(tmp_path, good[:-30])


@pytest.mark.parametrize(
    ("offset", "shape", "strides", "count"),
    [
        (1, (2, 3), (3, 1), 6),
        (0, (2, 3), (4, 1), 6),
        (0, (1 << 30, 1 << 30), (0, 0), 6),
        (-1, (2, 3), (3, 1), 6),
        (0, (2, 3), (-1, 1), 6),
        (0, (2, 3), (3,), 6),
        (0, (2, 3), (3, 1), 1 << 62),
        (0, (2, 3), (3, 1), 7),
        (1 << 61, (2, 3), (1 << 61, 1), 6),
        (0, (True, 3), (3, 1), 6),
        (0, (1,) * 100, (1,) * 100, 6),
    ],
)
def test_tensors_that_leave_their_storage_are_refused(offset, shape, strides, count):
    store = convert_pytorch.Storage("F32", 4, "0", count)
    tensor = convert_pytorch.Tensor(store, offset, shape, strides)
    with pytest.raises(FormatError, match="its storage"):
        convert_pytorch.tensor_later("file", "x", tensor, {"0": (0, 24, None)})


@pytest.mark.parametrize("strides", [(0, 1), (1, 0), (2, 1), (1, 1)])
def test_a_tensor_that_overlaps_itself_is_refused(strides):
    store = convert_pytorch.Storage("F32", 4, "0", 6)
    tensor = convert_pytorch.Tensor(store, 0, (2, 3), strides)
    with pytest.raises(FormatError, match="overlaps itself"):
        convert_pytorch.tensor_later("file", "x", tensor, {"0": (0, 24, None)})


def test_names_that_become_one_are_refused(formats, tmp_path):
    """Else the file's order would decide which weights are taken."""
    content = (formats / "pytorch_legacy.bin").read_bytes()
    twice = content.replace(
        b"transformer.h.0.ln_1.weight", b"module.module.h.1.ln_1.bias"
    )
    (tmp_path / "x.bin").write_bytes(twice)
    with pytest.raises(FormatError, match="'h.1.ln_1.bias' stands twice"):
        convert_pytorch.read_checkpoint(tmp_path / "x.bin")


def test_a_tensor_may_be_any_view_of_its_storage(tmp_path):
    numbers = np.arange(24, dtype="<f4")
    (tmp_path / "file").write_bytes(b"head" + numbers.tobytes())
    store = convert_pytorch.Storage("F32", 4, "0", 24)
    spans = {"0": (4, 96, None)}

    def view(*place):
        tensor = convert_pytorch.Tensor(store, *place)
        return convert_pytorch.tensor_later(tmp_path / "file", "x", tensor, spans)

    grid = numbers.reshape(4, 6)
    assert np.array_equal(view(0, (6, 4), (1, 6)), grid.T)
    assert np.array_equal(view(7, (2, 3), (6, 2)), grid[1:3, 1::2])
    assert np.asarray(view(3, (), ())) == 3
    assert np.asarray(view(24, (0, 5), (5, 1))).shape == (0, 5)


@dataclasses.dataclass
class GPTConfig:
    """As in build-nanogpt's train_gpt2.py."""

    block_size: int = 8
    vocab_size: int = 259
    n_layer: int = 2
    n_head: int = 3
    n_embd: int = 6


def state_of(formats, **names):
    """The fixture's weights as nn.Linear has them, by the names of nanoGPT."""
    import torch

    _, params = weights.load(formats / "model")
    tensors = {}
    for name, array in weights.flatten(params).items():
        array = array.T if name.endswith(converting.MATRICES) else array
        tensors[f"transformer.{name}"] = torch.from_numpy(np.array(array))
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"]
    return tensors


@pytest.mark.reference
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_checkpoint_with_its_config_as_an_object(formats, tmp_path, protocol):
    """build-nanogpt: a dataclass and NumPy numbers beside the weights."""
    import torch

    config, _ = weights.load(formats / "model")
    sizes = GPTConfig(config.n_ctx, config.n_vocab, config.n_layer, config.n_head)
    sizes.n_embd = config.n_embd
    whole = {"model": state_of(formats), "config": sizes, "step": np.int64(7),
             "val_loss": np.float64(3.5), "bits": np.float32(1.5)}  # fmt: skip
    torch.save(whole, tmp_path / "model_00007.pt", pickle_protocol=protocol)
    content, _ = convert_pytorch.read_torch(tmp_path / "model_00007.pt")
    assert content["config"] == dataclasses.asdict(sizes)
    assert (content["step"], content["val_loss"], content["bits"]) == (7, 3.5, 1.5)
    assert main(tmp_path / "model_00007.pt", tmp_path / "out") == 0
    got, want = (GPT2.from_pretrained(f) for f in (tmp_path / "out", formats / "model"))
    assert np.array_equal(got([1, 2, 3]), want([1, 2, 3]))
    assert got.config.activation_function == "gelu_new"


@pytest.mark.reference
@pytest.mark.parametrize("heads", ["number", "name"])
def test_mingpts_own_folder(formats, tmp_path, heads):
    import torch

    config, _ = weights.load(formats / "model")
    out = tmp_path / "out"
    out.mkdir()
    torch.save(state_of(formats), out / "model.pt")
    model = {"n_head": config.n_head, "model_type": None}
    if heads == "name":
        model = {"n_head": None, "model_type": "gpt-nano"}
    (out / "config.json").write_text(json.dumps({"system": {}, "model": model}))
    assert main(out / "model.pt", tmp_path / "new") == 0
    got = weights.read_config(tmp_path / "new")
    assert got.n_head == config.n_head == 3 and got.n_embd == config.n_embd


@pytest.mark.reference
def test_other_heads_and_other_names(formats, source, tmp_path):
    """trl's value head is left out; DialoGPT calls its head lm_head.decoder."""
    import torch

    tensors = state_of(formats)
    tensors = {
        n: t.T if n.endswith(converting.MATRICES) else t for n, t in tensors.items()
    }
    tensors["lm_head.decoder.weight"] = tensors.pop("lm_head.weight")
    tensors["v_head.summary.weight"] = torch.ones(1, 6)
    torch.save(tensors, source / "pytorch_model.bin")
    assert main(source, tmp_path / "new", "--check", formats / "model") == 0


@pytest.mark.parametrize(
    "name",
    [
        "numpy.load",
        "numpy.core.multiarray.fromstring",
        "os.GPTConfigs",
        "_codecs.decode",
    ],
)
def test_names_beside_the_list_are_refused(name):
    module, _, attribute = name.rpartition(".")
    with pytest.raises(ValueError, match=name):
        convert_pytorch.global_name(module, attribute)


@pytest.mark.parametrize(
    ("kind", "data"),
    [("O8", b"12345678"), ("f8", b"1234"), ("f16", b"1" * 16), ("U4", b"1234")],
)
def test_a_numpy_number_is_one_of_few_kinds(kind, data):
    with pytest.raises(ValueError, match="a NumPy number of the kind"):
        convert_pytorch.numpy_scalar(kind, data)


def test_sizes_are_read_from_the_shapes_where_no_config_is():
    """nanoGPT's and minGPT's files hold weights alone; no two sizes are the same."""
    shapes = {"wte.weight": (31, 6), "wpe.weight": (9, 6)}
    for i in range(3):
        shapes[f"h.{i}.mlp.c_fc.weight"] = (20, 6)
    tensors = {name: SimpleNamespace(shape=shape) for name, shape in shapes.items()}
    options = SimpleNamespace(n_head=None, activation=None)
    config = convert_pytorch.infer_config(tensors, {"n_head": 2}, options, Path("x.pt"))
    assert (config.vocab_size, config.n_positions, config.n_embd) == (31, 9, 6)
    assert (config.n_layer, config.n_head, config.n_inner) == (3, 2, 20)
    assert config.activation_function == "gelu"
    assert config.eos_token_id is None
    options = SimpleNamespace(n_head=3, activation=None)
    config = convert_pytorch.infer_config(tensors, None, options, Path("x.pt"))
    assert (config.n_head, config.activation_function) == (3, "gelu_new")
    tensors["wte.weight"] = SimpleNamespace(shape=(50257, 6))
    config = convert_pytorch.infer_config(tensors, None, options, Path("x.pt"))
    assert config.eos_token_id == 50256


def test_the_sizes_of_storages():
    for kind, size in convert_pytorch.STORAGE.values():
        assert np.dtype(DTYPES[kind]).itemsize == size


# Bounds and tables, value by value.


def run_program(program, storages=None):
    file = io.BytesIO(program)
    return convert_pytorch.run_pickle(file, "x", {} if storages is None else storages)


def test_the_types_of_storages():
    """Their names in torch, ours, and the bytes of a number."""
    for name, kind, size in (
        ("Double", "F64", 8), ("Float", "F32", 4), ("Half", "F16", 2),
        ("BFloat16", "BF16", 2), ("Long", "I64", 8), ("Int", "I32", 4),
        ("Short", "I16", 2), ("Char", "I8", 1), ("Byte", "U8", 1), ("Bool", "BOOL", 1),
    ):  # fmt: skip
        dotted = convert_pytorch.global_name("torch", f"{name}Storage")
        found = convert_pytorch.storage(("storage", dotted, "0", "cpu", 3))
        assert found == (kind, size, "0", 3)


def test_the_heads_of_mingpts_models(tmp_path):
    for name, n_head in (
        ("openai-gpt", 12), ("gpt2", 12), ("gpt2-medium", 16), ("gpt2-large", 20),
        ("gpt2-xl", 25), ("gopher-44m", 16), ("gpt-mini", 6), ("gpt-micro", 4),
        ("gpt-nano", 3),
    ):  # fmt: skip
        config = {"model": {"n_head": None, "model_type": name}}
        (tmp_path / "config.json").write_text(json.dumps(config))
        assert convert_pytorch.mingpt_heads(tmp_path / "model.pt") == n_head
    (tmp_path / "config.json").write_text('{"model": 3}')
    assert convert_pytorch.mingpt_heads(tmp_path) is None
    (tmp_path / "config.json").unlink()
    assert convert_pytorch.mingpt_heads(tmp_path) is None
    assert not convert_pytorch.is_model_folder(tmp_path)
    (tmp_path / "config.json").write_text('{"model": 3}')
    assert convert_pytorch.is_model_folder(tmp_path)


def test_the_longest_program_that_is_run():
    assert run_program(b"N" * 250_000 + b".") is None
    with pytest.raises(FormatError, match="more than 250000 steps"):
        run_program(b"N" * 250_001 + b".")


def test_the_longest_pickle_of_an_archive(tmp_path):
    path = tmp_path / "x.bin"
    for n, message in (
        (4_000_000, "the instruction UNICODE"),
        (4_000_001, "has 4000001 by"),
    ):
        path.write_bytes(zip_of(("archive/data.pkl", b"V" + b"a" * (n - 3) + b"\n.")))
        with pytest.raises(FormatError, match=message):
            convert_pytorch.read_checkpoint(path)


def end_of_archive(count, comment=b""):
    sizes = struct.pack("<4H2LH", 0, 0, count, count, 0, 0, len(comment))
    return bytes(64) + b"PK\5\6" + sizes + comment


def test_the_most_entries_and_the_longest_comment():
    for count, message in ((20_000, "no directory entry at byte 0"),
                           (20_001, "20001 entries are more")):  # fmt: skip
        with pytest.raises(FormatError, match=message):
            convert_pytorch.zip_entries("x", end_of_archive(count))
    data = end_of_archive(0, b"x" * 65_535)
    assert convert_pytorch.directory(data) == (0, 0)
    assert convert_pytorch.zip_entries("x", data) == {}
    for wrong in data + b"x", data[:-1]:
        with pytest.raises(ValueError, match="its end is missing|does not end where"):
            convert_pytorch.directory(wrong)
    for n in range(22):  # the end is cut off itself
        with pytest.raises(ValueError, match="its end is missing"):
            convert_pytorch.directory(end_of_archive(0)[: 64 + n])


M = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("extra", "values", "want"),
    [
        (b"", [1, 2, 3], [1, 2, 3]), (b"", [M, 2, 3], [M, 2, 3]),
        (struct.pack("<2HQ", 1, 8, 7), [5, M, 6], [5, 7, 6]),
        (struct.pack("<2H2Q", 1, 16, 7, 8), [M, 5, M], [7, 5, 8]),
        (struct.pack("<2H3Q", 1, 24, 7, 8, 9), [M, M, M], [7, 8, 9]),
        (struct.pack("<2HQ", 1, 8, 7), [1, 2, 3], [1, 2, 3]),
        (struct.pack("<2HQ", 1, 8, 7), [M, M, 3], [7, M, 3]),
        (struct.pack("<2H3s2HQ", 9, 3, b"abc", 1, 8, 7), [M, 2, 3], [7, 2, 3]),
        (struct.pack("<2HQ", 9, 8, 7), [M, 2, 3], [M, 2, 3]),
        (struct.pack("<2HQ", 1, 8, 7) + b"\1\0\x08", [M, 2, 3], [7, 2, 3]),
        (b"\1\0\x08", [M, 2, 3], [M, 2, 3]),
    ],
)  # fmt: skip
def test_fields_of_64_bits(extra, values, want):
    assert convert_pytorch.wide_fields(extra, values) == want


@pytest.mark.parametrize("name", ["archive\\x", "archive/../x", ".."])
def test_hostile_names_of_entries(tmp_path, name):
    message = refused(tmp_path, zip_of(("archive/data.pkl", b"}."), (name, b"")))
    assert "stands twice or is hostile" in message


def test_one_pickle_and_no_other(tmp_path):
    pkl = ("a/data.pkl", b"}.")
    assert "has 0 entries" in refused(tmp_path, zip_of(("a/x.pkl", bytes(64))))
    assert "has 2 entries" in refused(tmp_path, zip_of(pkl, ("b/data.pkl", b"}.")))
    assert "no dict of tensors" in refused(tmp_path, zip_of(pkl, ("b/x.pkl", b"}.")))


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (b"}(K\1u.", "zip"), (b"}(K\1K\2K\3u.", "zip"),
        (b"}NK\1s.", "a NoneType as key in a dict"),
        (b"}\x88K\1s.", "a bool as key in a dict"),
        (b"]K\1K\2s.", "a int as key in a list"),
        (b"](K\1K\2u.", "a int as key in a list"),
        (b"K\1K\2\x93.", "a global whose name is no string"),
        (b"\x8c\1aK\2\x93.", "a global whose name is no string"),
        (b"K\2\x8c\1a\x93.", "a global whose name is no string"),
        (b"K\1Q.", "cannot unpack|not iterable|not enough"),
        (b"\x8f.", "the instruction EMPTY_SET, which no model needs"),
    ],
)  # fmt: skip
def test_programs_that_are_refused(program, message):
    with pytest.raises(FormatError, match=f"x, pickle at byte .*({message})"):
        run_program(program)


def test_an_object_without_fields_keeps_what_it_has():
    """Only a config takes fields, and only from a dict."""
    assert run_program(b"cx.y\nGPTConfig\n)\x81K\1b.") == {}
    assert run_program(b"}K\3K\4s}K\1K\2sb.") == {3: 4}


def test_a_storage_is_named_with_one_type_and_one_size():
    def identity(kind, count):
        dotted = f"ctorch\n{kind}Storage\n".encode()
        return b"(X\7\0\0\0storage" + dotted + b"X\1\0\0\0aN" + count + b"tQ"

    storages = {}
    first = identity("Float", b"K\2")
    assert run_program(first + first + b"\x86.", storages)[1] == ("F32", 4, "a", 2)
    assert storages == {"a": ("F32", 4, "a", 2)}
    for other in identity("Float", b"K\3"), identity("Int", b"K\2"):
        with pytest.raises(FormatError, match="storage 'a' has two types or sizes"):
            run_program(first + other + b".")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("torch._utils._rebuild_tensor_v2", (1, 0, (), ())),
        ("torch._utils._rebuild_tensor_v2", ()),
        ("torch._utils._rebuild_parameter", (1,)), ("collections.OrderedDict", (1,)),
        ("x.GPTConfig", (1,)), ("_codecs.encode", ("a", "utf-8")),
        ("_codecs.encode", (b"a", "latin1")), ("numpy.dtype", (1,)),
        ("numpy.core.multiarray.scalar", ("f8", bytes(8))),
        ("numpy.core.multiarray.scalar", (convert_pytorch.Name("numpy.dtype.f8"), "x")),
        ("torch.FloatStorage", ()), ("torch.Size", ((1,),)),
    ],
)  # fmt: skip
def test_calls_that_do_not_fit(name, arguments):
    with pytest.raises(ValueError, match="a call that does not fit"):
        convert_pytorch.call(convert_pytorch.Name(name), arguments)
    with pytest.raises(ValueError, match="a call that does not fit"):
        convert_pytorch.call(name, arguments)


@pytest.mark.parametrize(
    ("kind", "data", "number"),
    [
        ("i2", b"\xff\xff", -1), ("u1", b"\xff", 255), ("u4", b"\1\1\0\0", 257),
        ("f4", b"\0\0\xc0?", 1.5), ("i8", b"\2" + bytes(7), 2), ("b1", b"\1", True),
    ],
)  # fmt: skip
def test_numpy_numbers(kind, data, number):
    found = convert_pytorch.numpy_scalar(kind, data)
    assert found == number and type(found) is type(number)


def view_of(*shape):
    store = convert_pytorch.Storage("F32", 4, f"{shape}", 1 << 30)
    return convert_pytorch.Tensor(store, 0, shape, (1,) * len(shape))


def test_what_a_checkpoint_says_of_its_config(monkeypatch, tmp_path):
    """Heads: an option, then the file, then minGPT's folder. The end of a text is
    GPT-2's where the vocabulary has it."""
    shapes = {"wte.weight": view_of(50257, 4), "wpe.weight": view_of(3, 4),
              "h.0.mlp.c_fc.weight": view_of(4, 9)}  # fmt: skip
    infer = convert_pytorch.infer_config
    args = SimpleNamespace(n_head=None, activation=None)
    config = infer(shapes, {"n_head": 2}, args, tmp_path)
    assert (config.n_head, config.activation_function, config.n_inner) == (2, "gelu", 9)
    assert (config.bos_token_id, config.eos_token_id) == (50256, 50256)
    assert config.tie_word_embeddings
    config = infer(shapes, {"n_head": 2, "activation": "relu"}, args, tmp_path)
    assert config.activation_function == "relu"
    args = SimpleNamespace(n_head=4, activation="silu")
    shapes |= {"wte.weight": view_of(50256, 4), "lm_head.weight": view_of(50256, 5)}
    config = infer(shapes, {"n_head": 2, "activation": "relu"}, args, tmp_path)
    assert (config.n_head, config.activation_function) == (4, "silu")
    assert config.bos_token_id is config.eos_token_id is None
    assert not config.tie_word_embeddings


@pytest.mark.parametrize(
    ("n_vocab", "is_gpt2s"),
    [(50256, False), (50257, True), (50304, True), (50305, False)],
)
def test_which_vocabularies_are_gpt2s(monkeypatch, tmp_path, n_vocab, is_gpt2s):
    shapes = {"wte.weight": view_of(n_vocab, 2), "wpe.weight": view_of(3, 2),
              "h.0.mlp.c_fc.weight": view_of(8, 2),
              "h.0.attn.c_attn.weight": view_of(6, 2)}  # fmt: skip
    written = []
    read = shapes, {"n_head": 1}, {}
    monkeypatch.setattr(convert_pytorch, "read_checkpoint", lambda _: read)
    later = lambda file, name, tensor, spans: converting.Later(tensor.shape, None, None)
    monkeypatch.setattr(convert_pytorch, "tensor_later", later)
    monkeypatch.setattr(convert_pytorch, "write_model", lambda *a: written.append(a))
    args = SimpleNamespace(n_head=None, activation=None)
    convert_pytorch.convert(tmp_path / "x.pt", tmp_path / "out", args)
    (_, _, _, tensors, write_tokenizer) = written[0]
    tokenizer = convert_pytorch.gpt2_tokenizer if is_gpt2s else None
    assert write_tokenizer is tokenizer
    assert tensors["h.0.attn.c_attn.weight"].shape == (2, 6)  # turned, as all matrices
    assert tensors["h.0.mlp.c_fc.weight"].shape == (2, 8)
    assert tensors["wte.weight"].shape == (n_vocab, 2)


def test_the_options(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit, match="0"):
        main("--help")
    said = " ".join(capsys.readouterr().out.split())
    assert "where the file does not say it" in said
    assert "in place of the one its writer uses" in said
    with pytest.raises(SystemExit, match="2"):
        main("x", "y", "--n-head", "two")
