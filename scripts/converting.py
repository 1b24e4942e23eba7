"""What the converters share. Each of them is a lesson on one file format:

    convert_pytorch.py      a pickle is a program; here is a machine that runs it safely
    convert_tensorflow.py   a sorted table of names, protocol buffers, checksums
    convert_llmc.py         no names at all: everything in a fixed order
    convert_gguf.py         numbers in four bits; reading and writing

All work the same way. First the file's description is read and checked, which takes
little memory; that gives names, shapes, and for each tensor a way to read it
(`Later`). Then the new folder is written one tensor at a time, so the memory needed
is that of the largest tensor, however large the model. The folder is made beside its
place and renamed when it is whole.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

# The scripts run from a fresh checkout, without an installation.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from numpygpt import Tokenizer, weights
from numpygpt.files.hub import FormatError, beside_name, read_file
from numpygpt.files.safetensors import release, to_dtype, widen_bfloat16
from numpygpt.files.terminal import harmless, shown, without_traceback
from numpygpt.files.vocabulary import check_vocab

STEP = 1 << 20  # bytes read at a time
# The matrices that GPT-2 stores as [in, out] and most others as [out, in].
MATRICES = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
DECODERS = {  # safetensors' name of a dtype: what we keep it as, bytes -> values
    "F64": (np.float64, lambda data: np.frombuffer(data, "<f8")),
    "F32": (np.float32, lambda data: np.frombuffer(data, "<f4")),
    "F16": (np.float16, lambda data: np.frombuffer(data, "<f2")),
    "BF16": (
        np.float32,
        lambda data: widen_bfloat16(np.frombuffer(data, "<u2")),
    ),
}


class Later(NamedTuple):
    """An array that is read when it is wanted: NumPy asks through ``__array__``."""

    shape: tuple
    dtype: np.dtype
    read: Callable

    def __array__(self, dtype=None, copy=None):
        return self.read()

    @property
    def T(self):
        return Later(self.shape[::-1], self.dtype, lambda: self.read().T)


def pieces(path, begin, n_bytes, step=STEP):
    """The bytes ``begin`` to ``begin + n_bytes`` of a file, a megabyte at a time."""
    with open(path, "rb") as file:
        file.seek(begin)
        while n_bytes:
            piece = file.read(min(step, n_bytes))
            if len(piece) < min(step, n_bytes):
                raise FormatError(f"{path} ends before byte {begin + n_bytes}")
            n_bytes -= len(piece)
            begin += len(piece)
            yield piece


def fill(shape, dtype, parts, decode):
    """Decode ``parts``, pieces of bytes, into one new array: never more than a piece
    exists twice."""
    out = np.empty(shape, dtype)
    flat, at = out.reshape(-1), 0
    for part in parts:
        values = decode(part)
        flat[at : at + len(values)] = values
        at += len(values)
    return out


def write_model(source, folder, config, tensors, write_tokenizer=None):
    """Write a model folder; ``tensors``: ``{name: Later}``, named as in
    ``config.shapes()``. A file without any bias gets zeros, which are no bias.
    ``write_tokenizer``: is given the folder, and its memory is free before the
    weights' turn."""
    if config.n_layer > len(tensors):  # or the next line may not end
        raise FormatError(f"{source}: {len(tensors)} tensors, {config.n_layer} blocks")
    if not any(name.endswith(".bias") for name in tensors):
        shapes = {n: s for n, s in config.shapes().items() if n.endswith(".bias")}
        tensors |= {n: np.zeros(s, np.float32) for n, s in shapes.items()}
    flat = {}
    for name, shape in config.shapes().items():
        if name not in tensors:
            raise FormatError(f"{source} lacks the tensor {name!r}")
        flat[name] = tensors.pop(name)
        if tuple(flat[name].shape) != shape:
            raise FormatError(
                f"{source}: {name!r} has shape {flat[name].shape}, not {shape}"
            )
    left = [name for name in tensors if not weights.IGNORED.fullmatch(name)]
    if left:
        raise FormatError(
            f"{source}: a GPT-2 has no {str(sorted(left)[:5])[1:-1]:.200}"
        )
    with new_folder(folder) as beside:
        if write_tokenizer is not None:
            write_tokenizer(beside)
        settings = beside / "generation_config.json"
        copied = settings.read_bytes() if settings.exists() else None
        weights.save(beside, config, weights.nest(flat))
        if copied is not None:  # saved weights take settings of others away
            settings.write_bytes(copied)


def save_tokenizer(make, where, folder):
    """Write the tokenizer that ``make()`` returns, if it does, or say that the file
    which it read is damaged."""
    try:
        tokenizer = make()
        if tokenizer is not None:
            check_vocab(tokenizer.vocab)
            tokenizer.save_pretrained(folder)
    except FormatError:
        raise
    except (ValueError, TypeError) as error:
        raise FormatError(f"the tokenizer in {where} is damaged: {error}") from None


@contextmanager
def new_folder(folder):
    """A folder to fill; it appears under its name when the block ends without error,
    and not at all otherwise."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} exists: name a folder that does not")
    beside = beside_name(folder)
    beside.mkdir(parents=True)
    try:
        yield beside
        os.replace(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def gpt2_tokenizer(folder):
    """Write GPT-2's own tokenizer, for formats that leave it out."""
    Tokenizer.gpt2().save_pretrained(folder)


def copy_tokenizer(source, folder):
    """Copy what a model folder says about its tokenizer, and about how to generate."""
    names = ["vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"]
    names += ["special_tokens_map.json", "added_tokens.json", "generation_config.json"]
    for name in names:
        if (source / name).exists():
            (folder / name).write_bytes(read_file(source / name))


def furthest(a, a_kind, b, b_kind):
    """The largest difference of two arrays' numbers, a million at a time; nan where one
    has a number and the other has none."""
    far = np.float32(0)
    for i in range(0, len(a), STEP):
        x = to_dtype(a[i : i + STEP], a_kind, np.float32)
        y = to_dtype(b[i : i + STEP], b_kind, np.float32)
        differ = (x != y) & ~(np.isnan(x) & np.isnan(y))
        if differ.any():
            far = np.maximum(far, np.abs(x[differ] - y[differ]).max())
    return far


def differences(first, second):
    """What differs between two model folders, a line each."""
    ours, theirs = weights.read_folder(first), weights.read_folder(second)
    for name in sorted(ours.keys() ^ theirs.keys()):
        if not weights.IGNORED.fullmatch(name):
            yield f"{name}: only in {first if name in ours else second}"
    for name in sorted(ours.keys() & theirs.keys()):
        if weights.IGNORED.fullmatch(name):
            continue
        (a_kind, a, _), (b_kind, b, _) = ours[name], theirs[name]
        if a.shape != b.shape:
            yield f"{name}: shape {a.shape} and {b.shape}"
            continue
        far = furthest(a.reshape(-1), a_kind, b.reshape(-1), b_kind)
        if far != 0:
            yield f"{name}: differs by up to {far:.3g}"
        release(a)
        release(b)
    ours, theirs = weights.read_config(first), weights.read_config(second)
    ours, theirs = ({**c.to_dict(), "n_inner": c.d_inner} for c in (ours, theirs))
    for key in ours:
        if ours[key] != theirs[key]:
            yield f"config.json, {key}: {ours[key]!r} and {theirs[key]!r}"


def run(convert, description, add_options=lambda parser: None, argv=None):
    """A converter's command line: ``convert(source, folder, args)``, then the check.
    Returns the exit code: 0 done, 1 could not, or the folders differ, 130 interrupted;
    argparse itself exits with 2 on wrong usage."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("source", metavar="SOURCE", help="the file or folder to read")
    parser.add_argument(
        "folder", metavar="FOLDER", nargs="?", help="the folder to make"
    )
    parser.add_argument("--check", metavar="OTHER", help="compare FOLDER (without it, "
                        "SOURCE) with this model folder, tensor by tensor")  # fmt: skip
    add_options(parser)
    args = harmless(parser).parse_args(argv)
    if args.folder is None and args.check is None:
        parser.error("name the FOLDER to make")

    @without_traceback(parser.prog, unread=1)
    def convert_and_check():
        if args.folder is not None:
            convert(Path(args.source), Path(args.folder), args)
            print(f"{shown(args.folder)}: {what_was_written(Path(args.folder))}")
        return check(args.folder or args.source, args.check) if args.check else 0

    return convert_and_check()


def what_was_written(path):
    """A line about a new model folder or file."""
    if path.is_file():
        return f"{path.stat().st_size:,} bytes"
    config = weights.read_config(path)
    has_tokenizer = any((path / f).exists() for f in ("merges.txt", "tokenizer.json"))
    return (
        f"{config.n_params:,} weights, {config.n_layer} blocks, "
        f"{config.n_vocab:,} tokens, {'with' if has_tokenizer else 'without'} a "
        "tokenizer"
    )


def check(first, second):
    """Print what differs; the exit code."""
    lines = list(differences(first, second))
    print(shown("\n".join(lines)) or f"{first} and {second} hold the same model")
    return 1 if lines else 0
