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
    "special_tokens_map.json", "added_tokens.json",
]  # fmt: skip


def folder_with(name, formats, tmp_path):
    """A model folder that has this file."""
    folder = tmp_path / "model"
    shutil.copytree(formats / "model", folder)
    if name == "tokenizer.json":
        as_one_file(folder)
    if name == "model.safetensors.index.json":
        weight_map = dict.fromkeys(read_safetensors_folder(folder), "a.safetensors")
        (folder / "model.safetensors").rename(folder / "a.safetensors")
        (folder / name).write_text(json.dumps({"weight_map": weight_map}))
    if name in ("special_tokens_map.json", "added_tokens.json"):
        (folder / "tokenizer_config.json").unlink()
        n = len(json.loads((folder / "vocab.json").read_text()))
        flags = {"lstrip": True, "rstrip": False, "single_word": False}
        names = {"pad_token": {"content": "<p>", "normalized": False, **flags}}
        names |= {"additional_special_tokens": ["<q>", {"content": "<r>", **flags}]}
        (folder / "special_tokens_map.json").write_text(json.dumps(names))
        added = {"<p>": n, "<q>": n + 1, "word": n + 2}
        (folder / "added_tokens.json").write_text(json.dumps(added))
    return folder


@pytest.mark.parametrize("name", TEXTS)
def test_flipped_bits_in_text_are_refused_or_give_a_model(name, formats, tmp_path):
    """No checksum protects these, and many values are as good as others: what is asked
    is that reading either fails in the one way or gives something that works."""
    folder = folder_with(name, formats, tmp_path)
    use(folder / name)  # as it is, it is fine
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
    end = vocab.pop(END_OF_TEXT)
    flags = dict.fromkeys(["lstrip", "rstrip", "single_word", "normalized"], False)
    added = [{"content": END_OF_TEXT, "id": end, "special": True, **flags}]
    added += [{"content": "<w>", "id": end + 1, "special": False, **flags}]
    template = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": END_OF_TEXT}}, {"Sequence": {"id": "A"}}],
        "special_tokens": {END_OF_TEXT: {"id": END_OF_TEXT, "ids": [end]}},
    }
    model = {"vocab": vocab, "merges": merges}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False}
    content = {"model": model, "added_tokens": added}
    content |= {"pre_tokenizer": byte_level, "decoder": byte_level}
    post = {"type": "Sequence", "processors": [byte_level, template]}
    content |= {"normalizer": None, "post_processor": post, "version": "1.0"}
    content = json.dumps(content)
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


HOSTILE = [
    10**6, 10**8, 10**18, 2**63, 10**400, -1, 0, 1, 0.5, -0.0, 1e308, 1e-320, True,
    False, None, "", "x", "\u0000", "\ud800", "../../etc/passwd", "gelu_new",
    "<|endoftext|>", [], {}, [[]], [0], [10**9], {"a": 1}, "x" * 10_000, [0] * 10_000,
]  # fmt: skip
SETTINGS = [  # names that a reader may know what to do with
    "num_beams", "num_return_sequences", "top_k", "penalty_alpha", "max_length",
    "regex", "min_length", "n_layer", "n_embd", "n_positions", "vocab_size", "n_inner",
    "n_head", "eos_token_id", "bos_token_id", "suppress_tokens", "sequence_bias",
    "choices", "watermarking_config", "dola_layers", "guidance_scale",
    "prompt_lookup_num_tokens", "eos_token", "added_tokens", "added_tokens_decoder",
    "add_prefix_space", "model_type", "normalizer", "pre_tokenizer", "post_processor",
    "decoder", "pad_token", "model",
    "additional_special_tokens", "extra_special_tokens", "clean_up_tokenization_spaces",
]  # fmt: skip


def edited(value, rng):
    """A JSON object with one value replaced, removed or added, anywhere in it."""
    places = []

    def walk(node):
        for key in node if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], (dict, list)) and len(places) < 3000:
                walk(node[key])

    walk(value := json.loads(json.dumps(value)))
    hostile = HOSTILE[rng.integers(len(HOSTILE))]
    node, key = places[rng.integers(len(places))]
    kind = rng.integers(4)
    if kind == 0:
        del node[key]
    elif kind == 1:
        value[SETTINGS[rng.integers(len(SETTINGS))]] = hostile
    else:
        node[key] = hostile
    return value


N_EDITS = N_FLIPS // (10 if "NUMPYGPT_FUZZ" in os.environ else 4)


@pytest.mark.parametrize("name", [n for n in TEXTS if n.endswith(".json")])
def test_edited_json_is_refused_or_works(name, formats, tmp_path):
    """Within two seconds, and little memory: what it says may be anything."""
    folder = folder_with(name, formats, tmp_path)
    right, rng, peaks = (
        json.loads((folder / name).read_text()),
        np.random.default_rng(3),
        [],
    )
    use(folder / name)
    tracemalloc.start()
    try:
        for _ in range(N_EDITS):
            content = json.dumps(edited(right, rng)).encode()
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            outcome(folder / name, generated, content)
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
            assert peaks[-1] < 2 * len(content) + SMALL, content[-300:]
    finally:
        tracemalloc.stop()


def generated(path):
    """Read what the folder holds and continue a text with it. What its settings ask for
    may be refused in a call's own words."""
    use(path)
    model = GPT2.from_pretrained(path.parent)
    try:
        return model.generate([1, 2, 3], max_new_tokens=2)
    except ValueError as error:
        raise FormatError(f"{path.parent}: {error}") from None
