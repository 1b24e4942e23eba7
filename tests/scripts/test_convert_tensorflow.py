"""convert_tensorflow.py, on a checkpoint that TensorFlow wrote."""

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
    """tests/reference/make_formats.py let TensorFlow compute them from the checkpoint."""
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


def table(content):
    """An index file of one block, all checksums right."""
    size = len(content) - 5
    index = block((0, b"z", bytes([0, size])))
    footer = bytes([0, 0]) + bytes([len(content), len(index) - 5])
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
