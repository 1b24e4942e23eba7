"""Damaged and hostile files: every reader either gives the right weights or raises
FormatError, soon, and within twice the file's memory.

The plain run tries some damages of each kind; ``NUMPYGPT_FUZZ=10000`` that many bits.
"""

import json
import os
import shutil
import time
import tracemalloc
from pathlib import Path

import convert_gguf
import convert_llmc
import convert_pytorch
import convert_tensorflow
import numpy as np
import pytest
from test_convert_llmc import llmc_file

from numpygpt import GPT2, Tokenizer, weights
from numpygpt.files.hub import FormatError
from numpygpt.files.vocabulary import read_merges
from numpygpt.tokenizer import END_OF_TEXT

N_FLIPS = int(os.environ.get("NUMPYGPT_FUZZ", "100"))
STRIDE = 1 if "NUMPYGPT_FUZZ" in os.environ else 251  # of truncations, in bytes
SMALL = 4_000_000  # bytes that any reader may use, however small the file


class Arguments:
    """The options of a converter, at their defaults."""

    n_head = activation = None


def read_with(convert, whole_folder=False):
    """A converter as a reader: what the folder that it makes holds."""

    def read(path):
        out = path.with_name("out")
        try:
            convert(path.parent if whole_folder else path, out, Arguments)
            return read_safetensors_folder(out)
        finally:
            shutil.rmtree(out, ignore_errors=True)

    return read


def read_safetensors_folder(path):
    folder = path if path.is_dir() else path.parent
    _, params = weights.load(folder)
    return {name: np.array(a) for name, a in weights.flatten(params).items()}


def header_of_safetensors(path):
    return 8 + int.from_bytes(path.read_bytes()[:8], "little")


def pickles_of_legacy(path):
    return min(begin for begin, _, _ in convert_pytorch.read_torch(path)[1].values())


def header_of_gguf(path):
    return convert_gguf.read_header(path.read_bytes())[3]


def all_of_it(path):
    return path.stat().st_size


# Where each format's fixture lies, which file of it is damaged, how it is read, and
# how far a flipped bit must not pass unnoticed: the structure, and, where the format
# has checksums, the numbers as well.
TENSORFLOW = read_with(convert_tensorflow.convert, whole_folder=True)
PYTORCH = read_with(convert_pytorch.convert)
READERS = {
    "safetensors": (
        "model/*", "model.safetensors", read_safetensors_folder, header_of_safetensors
    ),
    "zip": ("pytorch_zip.bin", "pytorch_zip.bin", PYTORCH, all_of_it),
    "legacy": ("pytorch_legacy.bin", "pytorch_legacy.bin", PYTORCH, pickles_of_legacy),
    "gguf": (
        "model.gguf", "model.gguf", read_with(convert_gguf.convert), header_of_gguf
    ),
    "llm.c": ("", "llmc.bin", read_with(convert_llmc.convert), lambda _: 32),
    "tensorflow": ("tensorflow/*", "model.ckpt.index", TENSORFLOW, all_of_it),
    "its data": (
        "tensorflow/*", "model.ckpt.data-00000-of-00001", TENSORFLOW, all_of_it
    ),
}  # fmt: skip


@pytest.fixture(params=READERS)
def case(request, formats, tmp_path):
    """(the file to damage, how to read it, the right answer, where to flip bits)."""
    pattern, name, read, structure = READERS[request.param]
    if pattern:
        for file in [*formats.glob("model/*.json"), *formats.glob(pattern)]:
            shutil.copy(file, tmp_path)
    else:
        llmc_file(tmp_path / name, formats / "model")
    path = tmp_path / name
    right = read_safetensors_folder(formats / "model")
    assert same(read(path), right)
    return path, read, right, structure(path)


def same(ours, right):
    return ours.keys() == right.keys() and all(
        np.array_equal(ours[name], right[name]) for name in right
    )


def outcome(path, read, content):
    """The weights that a damaged file gives, or None if it was refused as it should."""
    path.write_bytes(content)
    begin = time.process_time()
    try:
        return read(path)
    except FormatError as error:
        assert str(path.parent) in str(error)  # it names the file
        return None
    finally:
        assert time.process_time() - begin < 2


def test_truncated_files_are_refused(case):
    path, read, right, structure = case
    content = path.read_bytes()
    n = len(content)
    for end in sorted(
        {n * i // 100 for i in range(100)} | set(range(0, structure, STRIDE))
    ):
        if end < n:
            assert outcome(path, read, content[:end]) is None, end
    longer = outcome(path, read, content + bytes(4096))
    assert longer is None or same(longer, right)


def test_flipped_bits_never_give_wrong_weights(case):
    path, read, right, structure = case
    content = path.read_bytes()
    rng = np.random.default_rng(7)
    refused = 0
    for bit in rng.integers(0, 8 * structure, N_FLIPS):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << (bit % 8)
        got = outcome(path, read, bytes(damaged))
        refused += got is None
        assert got is None or same(got, right), f"byte {bit // 8}, bit {bit % 8}"
    assert refused > N_FLIPS // 4


def test_refusing_takes_little_memory(case):
    path, read, _, structure = case
    content = path.read_bytes()
    rng = np.random.default_rng(8)
    tracemalloc.start()
    try:
        for at in rng.integers(0, structure - 8, 20):
            lie = content[:at] + b"\xff" * 7 + b"\x7f" + content[at + 8 :]
            tracemalloc.reset_peak()
            outcome(path, read, lie)
            peak = tracemalloc.get_traced_memory()[1]
            assert peak < 2 * len(content) + SMALL
    finally:
        tracemalloc.stop()


TEXTS = [
    "config.json", "generation_config.json", "model.safetensors.index.json",
    "merges.txt", "vocab.json", "tokenizer_config.json", "tokenizer.json",
]  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_flipped_bits_in_text_are_refused_or_give_a_model(name, formats, tmp_path):
    """No checksum protects these, and many values are as good as others: what is asked
    is that reading either fails in the one way or gives something that works."""
    folder = tmp_path / "model"
    shutil.copytree(formats / "model", folder)
    if name == "tokenizer.json":
        as_one_file(folder)
    if name == "model.safetensors.index.json":
        weight_map = dict.fromkeys(read_safetensors_folder(folder), "a.safetensors")
        (folder / "model.safetensors").rename(folder / "a.safetensors")
        (folder / name).write_text(json.dumps({"weight_map": weight_map}))
    content, rng, refused = (folder / name).read_bytes(), np.random.default_rng(9), 0
    damages = [content[:end] for end in range(0, len(content), max(1, STRIDE // 8))]
    for bit in rng.integers(0, 8 * len(content), N_FLIPS):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << (bit % 8)
        damages.append(bytes(damaged))
    for damaged in damages:
        refused += outcome(folder / name, use, damaged) is None
    assert refused > len(damages) // 50


def as_one_file(folder):
    """The tokenizer of a folder as newer tools write it."""
    merges = [" ".join(pair) for pair in read_merges(folder / "merges.txt")]
    vocab = json.loads((folder / "vocab.json").read_text())
    added = [{"content": END_OF_TEXT, "id": vocab.pop(END_OF_TEXT)}]
    model = {"vocab": vocab, "merges": merges}
    content = json.dumps({"model": model, "added_tokens": added})
    (folder / "tokenizer.json").write_text(content)
    (folder / "merges.txt").unlink()
    (folder / "vocab.json").unlink()


def use(path):
    """Read what the folder holds, and do something with it."""
    model = GPT2.from_pretrained(path.parent)
    tokenizer = Tokenizer.from_pretrained(path.parent)
    ids = tokenizer.encode("hello there", disallowed_special=())
    assert "hello there" in tokenizer.decode(ids)
    return model([1, 2, 3])


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "merges.txt"])
def test_what_is_no_ordinary_file_is_refused(name, formats, tmp_path):
    """A link to a device that never ends, a pipe that never begins, a folder."""
    folder = tmp_path / "model"
    for make in (lambda p: p.symlink_to("/dev/zero"), os.mkfifo, Path.mkdir):
        shutil.copytree(formats / "model", folder)
        (folder / name).unlink()
        make(folder / name)
        with pytest.raises(FormatError, match=name.split(".")[0]):
            GPT2.from_pretrained(folder)
            Tokenizer.from_pretrained(folder)
        shutil.rmtree(folder)


LINKED = {
    "model": ["config.json", "model.safetensors", "merges.txt", "vocab.json"],
    "tensorflow": ["model.ckpt.index", "model.ckpt.data-00000-of-00001"],
}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in LINKED for name in LINKED[kind]]
)
def test_links_out_of_the_folder_are_refused(kind, name, formats, tmp_path):
    """The same file is right where it lies in the folder, or in the blobs of the
    Hugging Face cache."""
    read = TENSORFLOW if kind == "tensorflow" else use
    folder, blobs = tmp_path / "snapshots" / "0123", tmp_path / "blobs"
    shutil.copytree(formats / kind, folder)
    blobs.mkdir()
    (folder / name).rename(blobs / name)
    (folder / name).symlink_to(f"../../blobs/{name}")
    read(folder / "config.json")
    plain = folder.rename(tmp_path / "plain")
    (plain / name).unlink()
    (plain / name).symlink_to(blobs / name)
    with pytest.raises(FormatError, match=f"{name} is a link out of its folder"):
        read(plain / "config.json")
    (plain / name).unlink()
    (plain / name).symlink_to(name)  # in a circle: as if there were no file
    if name != "vocab.json":  # which may be missing
        with pytest.raises(FormatError, match=str(plain)):
            read(plain / "config.json")
    (plain / name).unlink()
    shutil.copy(blobs / name, plain / "other")
    (plain / name).symlink_to("other")
    read(plain / "config.json")
