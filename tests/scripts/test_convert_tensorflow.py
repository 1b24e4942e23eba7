"""convert_tensorflow.py, on a checkpoint that TensorFlow wrote."""

import json
import shutil
import struct

import convert_tensorflow
import converting
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpygpt import GPT2, Tokenizer
from numpygpt.files.hub import FormatError


def main(*argv):
    arguments = [str(a) for a in argv]
    return converting.run(
        convert_tensorflow.convert, convert_tensorflow.__doc__, argv=arguments
    )


def test_a_checkpoint_of_tensorflow_gives_the_model(formats, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(formats / "tensorflow", out, "--check", formats / "model") == 0
    assert "hold the same model" in capsys.readouterr().out
    theirs = Tokenizer.from_pretrained(formats / "model")
    assert Tokenizer.from_pretrained(out).encode("hello") == theirs.encode("hello")
    assert GPT2.from_pretrained(out).config.eos_token_id == theirs.eos_token_id
    index = formats / "tensorflow" / "model.ckpt.index"
    assert main(index, tmp_path / "too", "--check", out) == 0


def test_the_logits_are_tensorflows(formats, tmp_path):
    """TensorFlow computed them from the checkpoint: tests/reference/make_formats.py."""
    assert main(formats / "tensorflow", tmp_path / "out") == 0
    right = np.load(formats / "tensorflow_logits.npy")
    logits = GPT2.from_pretrained(tmp_path / "out")([3, 1, 4, 1, 5, 258, 2])
    assert logits.shape == right.shape
    assert np.abs(logits - right).max() < 1e-5


def crc32c_bit_by_bit(data):
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@given(st.binary(max_size=400), st.integers(0, 400))
def test_crc32c_is_the_division_bit_by_bit(data, cut):
    right = crc32c_bit_by_bit(data)
    assert convert_tensorflow.crc32c(data) == right
    first = convert_tensorflow.crc32c(data[:cut])
    assert convert_tensorflow.crc32c(data[cut:], first) == right


def test_crc32c_of_much_data_is_that_of_its_pieces():
    data = np.random.default_rng(0).bytes(3 * 65536 + 4099)
    pieces = 0
    for begin in range(0, len(data), 251):
        pieces = convert_tensorflow.crc32c(data[begin : begin + 251], pieces)
    assert convert_tensorflow.crc32c(data) == pieces
    assert crc32c_bit_by_bit(data[:70_000]) == convert_tensorflow.crc32c(data[:70_000])


def mask(crc):
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % (1 << 32)


def block(*entries):
    """A block with its trailer: triples of how much is shared, the rest, the value."""
    body = b""
    for shared, rest, value in entries:
        body += bytes([shared, len(rest), len(value)]) + rest + value
    body += struct.pack("<LL", 0, 1) + b"\0"
    return body + struct.pack("<L", mask(crc32c_bit_by_bit(body)))


def varint(n):
    return bytes([n]) if n < 128 else bytes([n % 128 + 128]) + varint(n // 128)


def table(content):
    """An index file of one block, all checksums right."""
    index = block((0, b"z", b"\0" + varint(len(content) - 5)))
    footer = bytes([0, 0]) + varint(len(content)) + varint(len(index) - 5)
    magic = struct.pack("<Q", 0xDB4775248B80FB57)
    return content + index + footer.ljust(40, b"\0") + magic


@pytest.fixture
def refused(formats, tmp_path):
    shutil.copytree(formats / "tensorflow", tmp_path / "tf")

    def message(content):
        index = tmp_path / "tf" / "model.ckpt.index"
        index.write_bytes(content)
        with pytest.raises(FormatError) as error:
            convert_tensorflow.read_index(index)
        assert str(index) in str(error.value)
        return str(error.value)

    return message


HEADER = (0, b"", b"\x08\x01")
ENDLESS = b"\xff" * 12
SHAPE = b"\x12\x08\x12\x02\x08\x03\x12\x02\x08\x06"  # [3, 6], 72 bytes


def entry(value):
    return table(block(HEADER, (0, b"model/wpe", value)))


def test_hostile_entries_are_refused_with_right_checksums(refused):
    good = b"\x08\x01" + SHAPE + b"\x20\x00\x28\x48\x35abcd"
    assert "checksum" not in refused(entry(good[:-5]))
    assert "without end" in refused(entry(ENDLESS))
    assert "without end" in refused(entry(b"\x08" + ENDLESS))
    assert "leaves its message" in refused(entry(b"\x08\x01\x12\x7f"))
    assert "kind 3" in refused(entry(b"\x0b" + good))
    assert "dtype 2" in refused(entry(b"\x08\x02" + good[2:]))
    assert "shape" in refused(entry(good.replace(b"\x28\x48", b"\x28\x44")))
    far = b"\x20" + b"\xff" * 8 + b"\x7f"
    assert "bytes 9223" in refused(entry(good.replace(b"\x20\x00", far)))
    assert "00007-of" in refused(entry(good.replace(b"\x20\x00", b"\x18\x07\x20\x00")))
    huge = b"\x12\x0e\x12\x0c\x08" + b"\xff" * 8 + b"\x7f\x12\x00"
    assert "cannot read" in refused(entry(b"\x08\x01" + huge + good[12:]))
    value = (0, b"a", good), (0, b"b", good)
    assert "overlap" in refused(table(block(HEADER, *value)))


def test_hostile_blocks_are_refused(refused):
    assert "stands twice" in refused(table(block(HEADER, (0, b"", b"\x08\x01"))))
    assert "leaves its block" in refused(table(block(HEADER, (9, b"a", b""))))
    broken = bytearray(table(block(HEADER)))
    broken[3] ^= 1
    assert "checksum" in refused(bytes(broken))
    assert "magic" in refused(table(block(HEADER))[:-1] + b"\0")
    assert "size" in refused(b"")
    assert "size" in refused(bytes(2_000_000))


def test_numbers_of_seven_bits_a_byte():
    """At most ten bytes, which are 70 bits."""
    read = convert_tensorflow.varint
    for data, number in ((b"\0", 0), (b"\x7f", 127), (b"\x80\1", 128), (b"\xac\2", 300),
                         (b"\xff" * 9 + b"\1", 2**64 - 1)):  # fmt: skip
        assert read(data, 0) == (number, len(data))
        assert read(b"\xff" + data + b"\xff", 1) == (number, 1 + len(data))
    for data in b"", b"\x80", b"\xff" * 10 + b"\1":
        with pytest.raises(ValueError, match="without end at byte 0"):
            read(data, 0)
    assert convert_tensorflow.varints(b"\1\x80\1\3", 0, 2) == ([1, 128], 3)


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (b"", []), (b"\x08\x96\1", [(1, 150)]), (b"\x12\2ab", [(2, b"ab")]),
        (b"\x1a\0", [(3, b"")]), (b"\x35\1\2\0\0", [(6, 513)]),
        (b"\x08\1\x12\1a\x08\2", [(1, 1), (2, b"a"), (1, 2)]),
        (b"\x12\2a", "leaves its message"), (b"\x35\1\2\0", "leaves its message"),
        (b"\x09" + bytes(8), "a field of kind 1"), (b"\x0b", "a field of kind 3"),
        (b"\x0c", "a field of kind 4"), (b"\x80\1", "without end"),
    ],
)  # fmt: skip
def test_protocol_buffers(data, fields):
    if isinstance(fields, list):
        assert convert_tensorflow.read_message(data) == fields
    else:
        with pytest.raises(ValueError, match=fields):
            convert_tensorflow.read_message(data)


def dims(*sizes):
    parts = [b"\x12\2\x08" + bytes([n]) if n else b"\x12\0" for n in sizes]
    return b"\x12" + bytes([len(b"".join(parts))]) + b"".join(parts)


def test_what_an_entry_says():
    read, rest = convert_tensorflow.read_entry, b"\x28\x18\x35\1\0\0\0"
    assert read(b"\x08\1" + dims(3, 2) + rest) == ((3, 2), 0, 0, 24, 1)
    where = b"\x18\5\x20\7"
    assert read(b"\x08\1" + dims(6) + where + rest) == ((6,), 5, 7, 24, 1)
    ones = (1,) * 7
    assert read(b"\x08\1" + dims(6, *ones) + rest)[0] == (6, *ones)
    nothing = b"\x28\0\x35\1\0\0\0"
    assert read(b"\x08\1" + dims(0, 3) + nothing)[0] == (0, 3)
    for wrong, message in (
        (b"\x08\1" + dims(6, *ones, 1) + rest, "the shape"),
        (b"\x08\1" + dims(5) + rest, r"the shape \(5,\) and 24 bytes"),
        (b"\x08\3" + dims(6) + rest, "dtype 3, not float32"),
        (dims(6) + rest, "dtype None, not float32"),
    ):
        with pytest.raises(ValueError, match=message):
            read(wrong)


def test_blocks_byte_by_byte():
    """Shared beginnings, places to search from, and what is no block."""

    def trailed(body, kind=b"\0"):
        crc = mask(crc32c_bit_by_bit(body + kind))
        return body + kind + struct.pack("<L", crc)

    read, footer = convert_tensorflow.read_block, bytes(48)
    entries = b"\0\3\1abcX" + b"\2\1\0d" + b"\3\1\2eYZ"
    want = {b"abc": b"X", b"abd": b"", b"abde": b"YZ"}
    for places in (), (0,), (0, 7):
        body = entries + struct.pack(f"<{len(places)}LL", *places, len(places))
        data = b"??" + trailed(body) + footer
        assert read(data, 2, len(body)) == want
    assert read(trailed(bytes(4)) + footer, 0, 4) == {}
    for data, size, message in (
        (trailed(bytes(4)) + footer, 5, "at bytes 0 to 5, outside the file"),
        (trailed(bytes(3)) + footer, 3, "compressed or empty"),
        (trailed(bytes(4), b"\1") + footer, 4, "compressed or empty"),
        (trailed(b"\0\1\1ab" + struct.pack("<L", 0)) + footer, 9, None),
        (trailed(b"\0\1\1a" + struct.pack("<L", 0)) + footer, 8, "leaves its block"),
        (trailed(b"\1\1\0a" + struct.pack("<L", 0)) + footer, 8, "leaves its block"),
    ):
        if message is None:
            assert read(data, 0, size) == {b"a": b"b"}
        else:
            with pytest.raises(ValueError, match=message):
                read(data, 0, size)


def test_the_sizes_of_an_index(tmp_path):
    path = tmp_path / "model.ckpt.index"
    for n, message in ((48, "its size"), (49, "magic number"),
                       (199_999, "magic number"), (200_000, "its size")):  # fmt: skip
        path.write_bytes(bytes(n))
        with pytest.raises(FormatError, match=message):
            convert_tensorflow.read_table(path)


def test_names_and_shapes(tmp_path):
    """Only a convolution of width one is a matrix; tensors touch and do not overlap."""
    one = lambda *shape: dims(*shape) + b"\x28" + bytes([4 * int(np.prod(shape))])
    end = b"\x35abcd"
    index = tmp_path / "m.index"
    (tmp_path / "m.data-00000-of-00001").write_bytes(bytes(96))
    content = block(
        HEADER, (0, b"model/h0/mlp/c_fc/w", b"\x08\1" + one(1, 2, 3) + end),
        (0, b"model/wpe", b"\x08\1" + one(2, 2, 2) + b"\x20\x18" + end),
        (0, b"model/wte", b"\x08\1" + one(1, 4) + b"\x20\x38" + end),
    )  # fmt: skip
    index.write_bytes(table(content))
    shapes = {n: t.shape for n, t in convert_tensorflow.read_index(index).items()}
    assert shapes == {
        "h.0.mlp.c_fc.weight": (2, 3), "wpe.weight": (2, 2, 2), "wte.weight": (1, 4)
    }  # fmt: skip
    content = block(
        HEADER, (0, b"a", b"\x08\1" + one(2) + end),
        (0, b"b", b"\x08\1" + one(2) + b"\x20\7" + end),
    )  # fmt: skip
    index.write_bytes(table(content))
    with pytest.raises(FormatError, match="two tensors overlap at byte 7"):
        convert_tensorflow.read_index(index)
    turned = block(  # the index goes by names, not by places
        HEADER, (0, b"a", b"\x08\1" + one(2) + b"\x20\x08" + end),
        (0, b"b", b"\x08\1" + one(2) + end),
    )  # fmt: skip
    index.write_bytes(table(turned))
    assert convert_tensorflow.read_index(index).keys() == {"a", "b"}
    two = block(
        (0, b"", b"\x08\2"), (0, b"a", b"\x08\1" + one(2) + end),
        (0, b"b", b"\x08\1" + one(2) + b"\x18\1" + end),
    )  # fmt: skip
    index.write_bytes(table(two))
    for shard in 0, 1:
        (tmp_path / f"m.data-0000{shard}-of-00002").write_bytes(bytes(8))
    assert convert_tensorflow.read_index(index).keys() == {"a", "b"}
    (tmp_path / "m.data-00001-of-00002").write_bytes(bytes(7))
    with pytest.raises(FormatError, match="bytes 0 to 8 of m.data-00001-of-00002"):
        convert_tensorflow.read_index(index)


@pytest.mark.parametrize("name", ["n_vocab", "n_ctx", "n_embd", "n_layer", "n_head"])
def test_hparams_without_a_size(formats, tmp_path, name, capsys):
    shutil.copytree(formats / "tensorflow", tmp_path / "tf")
    path = tmp_path / "tf" / "hparams.json"
    hparams = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in hparams.items() if k != name}))
    assert main(tmp_path / "tf", tmp_path / "out") == 1
    assert f"hparams.json: '{name}'" in capsys.readouterr().err
    path.write_text(json.dumps(hparams))
    (tmp_path / "tf" / "vocab.bpe").unlink()
    assert main(tmp_path / "tf", tmp_path / "out") == 0
    assert "without a tokenizer" in capsys.readouterr().out
    config = GPT2.from_pretrained(tmp_path / "out").config
    assert config.bos_token_id == config.eos_token_id == hparams["n_vocab"] - 1
