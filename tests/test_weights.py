"""Model folders and safetensors: read, written, mapped, damaged."""

import json
import mmap
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpygpt import GPT2, GPT2Config
from numpygpt.files.hub import FormatError, writing
from numpygpt.files.safetensors import (
    owner_of,
    read_folder,
    read_safetensors,
    release,
    to_dtype,
    write_safetensors,
)
from numpygpt.weights import (
    flatten,
    load,
    nest,
    random_params,
    save,
)

REFERENCE = Path(__file__).parent / "reference"
CONFIG = GPT2Config(37, n_positions=11, n_embd=6, n_layer=2, n_head=3, n_inner=10)
PARAMS = random_params(CONFIG, seed=5)


@pytest.mark.parametrize("dtype", [None, np.float16, np.float32, np.float64])
def test_saved_and_loaded(tmp_path, dtype):
    save(tmp_path / "new", CONFIG, PARAMS, dtype)
    config, params = load(tmp_path / "new")
    assert config == CONFIG
    for name, array in flatten(params).items():
        want = flatten(PARAMS)[name].astype(dtype or np.float32).astype(np.float32)
        assert array.dtype == np.float32
        assert (array == want).all(), name
    names = sorted(os.listdir(tmp_path / "new"))
    assert names == ["config.json", "model.safetensors"]


def test_float32_is_mapped_and_not_copied(tmp_path):
    save(tmp_path, CONFIG, PARAMS)
    _, params = load(tmp_path)
    for array in flatten(params).values():
        if array.ndim == 2 and array.shape[0] <= array.shape[1]:  # see matmul.arrange
            assert array.flags.f_contiguous
        else:
            assert not array.flags.owndata
            assert not array.flags.writeable
        assert array.flags.aligned
    data = (tmp_path / "model.safetensors").read_bytes()
    assert (8 + int.from_bytes(data[:8], "little")) % 64 == 0


def test_unaligned_data_is_copied_once(tmp_path):
    """GPT-2's own file starts its data at byte 14291."""
    save(tmp_path, CONFIG, PARAMS)
    path = tmp_path / "model.safetensors"
    data = path.read_bytes()
    n = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + n].rstrip() + b" "
    header += b" " * (len(header) % 2 == 0)
    path.write_bytes(len(header).to_bytes(8, "little") + header + data[8 + n :])
    _, params = load(tmp_path)
    for name, array in flatten(params).items():
        assert array.flags.aligned
        assert (array == flatten(PARAMS)[name]).all()


def test_bfloat16(tmp_path):
    """bfloat16 is the upper half of a float32."""
    save(tmp_path, CONFIG, PARAMS)
    cut = {n: a.view(np.uint32) >> 16 for n, a in flatten(PARAMS).items()}
    header, body = {}, b""
    for name, array in cut.items():
        data = array.astype("<u2").tobytes()
        offsets = [len(body), len(body) + len(data)]
        header[name] = {"dtype": "BF16", "shape": array.shape, "data_offsets": offsets}
        body += data
    text = json.dumps(header).encode()
    whole = len(text).to_bytes(8, "little") + text + body
    (tmp_path / "model.safetensors").write_bytes(whole)
    _, params = load(tmp_path)
    for name, array in flatten(params).items():
        assert (array == (cut[name] << 16).view(np.float32)).all()


def test_names_without_prefix_and_masks(tmp_path):
    """GPT-2's own spelling, with the masks that old files carry."""
    save(tmp_path, CONFIG, PARAMS)
    flat = flatten(PARAMS)
    flat["h.0.attn.bias"] = np.ones((1, 1, 11, 11), np.uint8)
    flat["h.1.attn.masked_bias"] = np.array(-1e4, np.float32)
    flat["lm_head.weight"] = flat["wte.weight"]
    write_safetensors(tmp_path / "model.safetensors", flat)
    _, params = load(tmp_path)
    assert flatten(params).keys() == flatten(PARAMS).keys()


def test_a_second_name_and_other_heads(tmp_path):
    """safetensors' save_model writes tied weights once, under the first name of the
    alphabet; training with a value head, or for choices, leaves more tensors."""
    save(tmp_path, CONFIG, PARAMS)
    want, path = load(tmp_path)[1], tmp_path / "model.safetensors"
    flat = {f"transformer.{n}": a for n, a in flatten(PARAMS).items()}
    flat["lm_head.weight"] = flat.pop("transformer.wte.weight")
    flat["v_head.summary.weight"] = flat["multiple_choice_head.summary.bias"] = np.ones(
        6
    )
    write_safetensors(path, flat)
    with pytest.raises(FormatError, match="wte.weight.* is missing"):
        load(tmp_path)
    data = path.read_bytes()
    n = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + n])
    header["__metadata__"] = {
        "transformer.wte.weight": "lm_head.weight",
        "format": "pt",
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + n :])
    for name, array in flatten(load(tmp_path)[1]).items():
        assert (array == flatten(want)[name]).all()


def test_shards_and_one_file_hold_the_same(tmp_path):
    config, params = load(REFERENCE / "untied")
    save(tmp_path, config, params)
    assert (REFERENCE / "untied" / "model.safetensors.index.json").is_file()
    for name, array in flatten(load(tmp_path)[1]).items():
        assert (array == flatten(params)[name]).all()


@given(st.lists(st.tuples(st.sampled_from(["<f2", "<f4", "<f8", "<i8", "?"]),
                          st.lists(st.integers(0, 3), max_size=3))))  # fmt: skip
def test_any_arrays_survive(tmp_path_factory, kinds):
    path = tmp_path_factory.mktemp("any") / "x.safetensors"
    tensors = {
        f"t{i}": (np.arange(np.prod(shape, dtype=int)) % 2).reshape(shape).astype(kind)
        for i, (kind, shape) in enumerate(kinds)
    }
    write_safetensors(path, tensors)
    read = read_safetensors(path)
    assert read.keys() == tensors.keys()
    for name, (_, array) in read.items():
        assert array.dtype == tensors[name].dtype
        assert array.shape == tensors[name].shape
        assert (array == tensors[name]).all()


def test_nest_and_flatten():
    flat = flatten(PARAMS)
    assert set(flat) == set(CONFIG.shapes())
    assert flatten(nest(flat)) == flat


def test_random_params_follow_the_paper():
    config = GPT2Config(500, n_positions=300, n_embd=40, n_layer=8, n_head=4)
    flat = flatten(random_params(config))
    assert abs(flat["wte.weight"].std() - 0.02) < 1e-3
    assert abs(flat["h.3.mlp.c_fc.weight"].std() - 0.02) < 1e-3
    assert abs(flat["h.3.mlp.c_proj.weight"].std() - 0.02 / 4) < 3e-4
    assert (flat["ln_f.weight"] == 1).all()
    assert (flat["ln_f.bias"] == 0).all()


def pack(header, body=b"\0" * 64):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def entry(dtype="F32", shape=(4, 4), offsets=(0, 64)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\1\2\3", "cut off"),
        ((2**63).to_bytes(8, "little") + b"{}", "cut off"),
        (pack(b"{nonsense"), "header is damaged"),
        (pack(b"[1, 2]"), "header is damaged"),
        (pack(b"[" * 100_000), "header is damaged"),
        (pack(b"\xff\xfe{}"), "header is damaged"),
        (pack(b'{"x": 1, "x": 2}'), "twice"),
        (pack(b" " * 2_000_000 + b"{}"), "announces a header"),
        (pack(b'{"x":' * 20_001), "more than 20000 tensors"),
        (pack({"x": entry(offsets=(0, 10**4000))}), "'x'"),
        (pack({"x": 1}), "'x'"),
        (pack({"x": entry(dtype="F4")}), "'x'"),
        (pack({"x": entry(shape=(-4, -4))}), "'x'"),
        (pack({"x": entry(shape=(4.0, 4))}), "'x'"),
        (pack({"x": entry(offsets=(-64, 0))}), "'x'"),
        (pack({"x": entry(offsets=(64, 0))}), "'x'"),
        (pack({"x": entry(offsets=(4, 68))}), "4 to 68 of 64"),
        (pack({"x": entry(offsets=(0, 2**63))}), "cut off"),
        (pack({"x": entry(shape=(4, 5))}), "shape"),
        (pack({"x": entry(shape=(2**40, 2**40))}), "shape"),
        (pack({"x": entry(), "y": entry(shape=(1,), offsets=(8, 12))}), "overlap"),
    ],
)
def test_damaged_safetensors(tmp_path, content, message):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as error:
        read_safetensors(path)
    assert str(path) in str(error.value)


def test_cut_off_anywhere(tmp_path):
    save(tmp_path, CONFIG, PARAMS)
    path = tmp_path / "model.safetensors"
    data = path.read_bytes()
    for size in [*range(0, 64), *range(64, len(data), len(data) // 60)]:
        path.write_bytes(data[:size])
        with pytest.raises(FormatError, match="model.safetensors"):
            load(tmp_path)


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "config.json").unlink(), "config.json does not exist"),
        (lambda f: (f / "config.json").write_text("{"), "not valid JSON"),
        (lambda f: (f / "config.json").write_text("[]"), "JSON object"),
        (lambda f: (f / "model.safetensors").unlink(), "does not exist"),
        (lambda f: edit_config(f, n_embd=9), "wte.weight.*wants"),
        (lambda f: edit_config(f, n_layer=3), "h.2.*missing"),
        (lambda f: edit_config(f, n_layer=1), "no 'h.1"),
        (lambda f: edit_config(f, activation_function="mish"), "mish"),
        (lambda f: edit_config(f, model_type="bert"), "bert"),
        (lambda f: edit_config(f, tie_word_embeddings=False), "lm_head"),
    ],
)
def test_a_folder_that_is_no_model(tmp_path, spoil, message):
    save(tmp_path, CONFIG, PARAMS)
    spoil(tmp_path)
    with pytest.raises(FormatError, match=message) as error:
        GPT2.from_pretrained(tmp_path)
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({}, "weight_map"),
        ({"weight_map": {"wte.weight": "../../etc/passwd"}}, "no file of its folder"),
        ({"weight_map": {"wte.weight": 3}}, "no file of its folder"),
        ({"weight_map": {"wte.weight": "x" * 5000}}, "no file of its folder"),
        ({"weight_map": {"wte.weight": "a\0b"}}, "no file of its folder"),
        ({"weight_map": {"wte.weight": "a\n"}}, "no file of its folder"),
        ({"weight_map": {"wte.weight": ".."}}, "no file of its folder"),
        ({"weight_map": {"wte.weight": "gone.safetensors"}}, "gone.*does not exist"),
    ],
)
def test_a_wrong_index(tmp_path, index, message):
    shutil.copy(REFERENCE / "untied" / "config.json", tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(FormatError, match=message):
        load(tmp_path)


def test_a_wrong_dtype():
    with pytest.raises(ValueError, match="float16"):
        load(REFERENCE / "plain", np.float16)


def test_nothing_half_written(tmp_path):
    """A failure while writing leaves the old file and no other."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), writing(path) as file:
        file.write(b"new")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["model.safetensors"]


# Bounds and tables of safetensors, value by value.


def test_a_file_byte_by_byte(tmp_path):
    """The header without blanks between; filled up, so that the data begin at 64."""
    path = tmp_path / "x.safetensors"
    write_safetensors(path, {"a": np.float32([[1, 2]]).T, "b": np.uint8([3])})
    header = (
        b'{"__metadata__":{"format":"pt"},'
        b'"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},'
        b'"b":{"dtype":"U8","shape":[1],"data_offsets":[8,9]}}'
    )
    header = header.ljust(184)  # 8 + 184 = 3 * 64
    data = b"\0\0\x80?\0\0\0@\3"
    assert path.read_bytes() == b"\xb8" + bytes(7) + header + data


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("F64", "<f8"), ("F32", "<f4"), ("F16", "<f2"), ("BF16", "<u2"), ("I64", "<i8"),
     ("I32", "<i4"), ("I16", "<i2"), ("I8", "i1"), ("U8", "u1"), ("BOOL", "?")],
)  # fmt: skip
def test_the_names_of_dtypes(tmp_path, name, dtype):
    path, size = tmp_path / "x.safetensors", np.dtype(dtype).itemsize
    header = {"x": entry(name, (2,), (0, 2 * size))}
    path.write_bytes(pack(header, bytes(size) + b"\1" + bytes(size - 1)))
    kind, array = read_safetensors(path)["x"]
    assert (kind, array.dtype, array.shape) == (name, np.dtype(dtype), (2,))
    assert array.tobytes() == bytes(size) + b"\1" + bytes(size - 1)
    if name != "BF16":
        write_safetensors(path, {"x": array})
        assert read_safetensors(path)["x"][0] == name


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes(7), "is empty or cut off"), (bytes(8), "the header is damaged"),
        (b"\3" + bytes(7) + b"{}", "it has 10 bytes and announces a header of 3"),
        (b"\2" + bytes(7) + b"{}", None),
        (pack(b"{}".ljust(2_000_000), b""), None),
        (pack(b"{}".ljust(2_000_001), b""), "announces a header of 2000001"),
        (pack(b'{"__metadata__": {"x": "' + b"{" * 19_998 + b'"}}', b""), None),
        (pack(b'{"__metadata__": {"x": "' + b"{" * 19_999 + b'"}}', b""),
         "20000 tensors"),
        (pack({"x": entry("U8", (1,) * 8, (0, 1))}, b"1"), None),
        (pack({"x": entry("U8", (1,) * 9, (0, 1))}, b"1"), "cannot read 'x'"),
        (pack({"x": entry("U8", (0, (1 << 50) - 1), (0, 0))}, b""), None),
        (pack({"x": entry("U8", (0, 1 << 50), (0, 0))}, b""), "cannot read 'x'"),
        (pack({"x": entry("U8", (0, 1 << 30, 1 << 20), (0, 0))}, b""),
         "cannot read 'x'"),
        (pack({"x": entry("U8", (), (0, 1 << 64))}), "cannot read 'x'"),
        (pack({"x": entry("U8", (), (0, (1 << 64) - 1))}), "of 64: it is cut off"),
        (pack({"x": entry("U8", (True,), (0, 1))}, b"1"), "cannot read 'x'"),
        (pack({"x": entry(offsets=(0, 64, 0))}), "cannot read 'x'"),
        (pack({"x": entry(offsets=(0, 65))}), "0 to 65 of 64: it is cut off"),
        (pack({"x": entry("F64")}), r"shape \[4, 4\] of F64 but 64 bytes"),
        (pack({"x": entry(shape=(15,), offsets=(0, 60))}),
         "'x' and \"the file's end\" leave a gap at 64"),
        (pack({"x": entry(shape=(15,), offsets=(4, 64))}),
         "'the header' and 'x' leave a gap at 4"),
        (pack({"x": entry(), "y": entry(shape=(1,), offsets=(8, 12))}),
         "'x' and 'y' overlap at 8"),
    ],
)  # fmt: skip
def test_what_a_file_may_say(tmp_path, content, message):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    if message is None:
        read_safetensors(path)
    else:
        with pytest.raises(FormatError, match=message):
            read_safetensors(path)


def test_second_names(tmp_path):
    """Only of a tensor that is there, and only for a name that is not."""
    path = tmp_path / "x.safetensors"
    tensors = {"a": entry("U8", (1,), (0, 1)), "b": entry("U8", (1,), (1, 2))}
    for same, names in (
        ({"c": "a", "format": "pt", "b": "a"}, {"a": 1, "b": 2, "c": 1}),
        ({"c": 1}, {"a": 1, "b": 2}), ({"c": ["a"]}, {"a": 1, "b": 2}),
        (["c", "a"], {"a": 1, "b": 2}), (None, {"a": 1, "b": 2}),
    ):  # fmt: skip
        path.write_bytes(pack({"__metadata__": same, **tensors}, b"\1\2"))
        found = {name: int(a[0]) for name, (_, a) in read_safetensors(path).items()}
        assert found == names


def test_one_tensor_in_two_files(tmp_path):
    one = np.ones(2, np.float32)
    write_safetensors(tmp_path / "a", {"transformer.x": one, "y": one})
    write_safetensors(tmp_path / "b", {"x": one})
    index = {"weight_map": {"x": "a", "y": "a"}}
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps(index))
    found = read_folder(tmp_path)
    assert {n: (k, f.name) for n, (k, _, f) in found.items()} == {
        "x": ("F32", "a"), "y": ("F32", "a")
    }  # fmt: skip
    path.write_text(json.dumps({"weight_map": {"x": "a", "z": "b"}}))
    with pytest.raises(FormatError, match="b: 'x' is in another file, too"):
        read_folder(tmp_path)


class Noted(mmap.mmap):
    """Notes what it is told about its pages."""

    def madvise(self, *how):
        self.told = how


def test_the_pages_that_are_given_back():
    """Whole ones only, that hold nothing else."""
    page, none = mmap.PAGESIZE, None
    mapped = Noted(-1, 4 * page)
    whole = np.frombuffer(mapped, np.uint8)
    for begin, end, n in (
        (0, 4 * page, (0, 4)), (1, 4 * page - 1, (1, 2)), (page, 2 * page, (1, 1)),
        (page, 2 * page - 1, none), (page + 1, 2 * page, none), (page, page, none),
        (5, 9, none), (page - 1, 2 * page + 1, (1, 1)),
    ):  # fmt: skip
        mapped.told = None
        release(whole[begin:end].view(np.int8))
        want = n and (mmap.MADV_DONTNEED, n[0] * page, n[1] * page)
        assert mapped.told == want, (begin, end)
    assert owner_of(whole[3:].reshape(-1, 1).T) is mapped
    array = np.arange(6)
    assert owner_of(array) is array
    assert owner_of(array[2:].reshape(2, 2)) is array
    assert owner_of(memoryview(b"ab")) == b"ab"
    release(array)
    assert array.tolist() == [0, 1, 2, 3, 4, 5]
    release(np.zeros(4 * page))  # of several pages, and not mapped


def test_an_array_is_taken_as_it_lies_or_copied():
    array = np.arange(4, dtype=np.float32)
    assert to_dtype(array, "F32", np.float32) is array
    assert to_dtype(array, "F32", np.float64).dtype == np.float64
    crooked = np.frombuffer(b"x" + array.tobytes(), "<f4", 4, 1)
    copy = to_dtype(crooked, "F32", np.float32)
    assert copy.flags.aligned and not crooked.flags.aligned
    assert (copy == array).all()
    bits = np.uint16([0x3F80, 0xC040, 0x7F80])
    assert to_dtype(bits, "BF16", np.float32).tolist() == [1, -3, np.inf]
