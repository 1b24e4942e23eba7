"""The safetensors format, by hand.

A ``.safetensors`` file is three things in a row:

    8 bytes   N, the length of the header, little-endian
    N bytes   JSON: {"wte.weight": {"dtype": "F32", "shape": [50257, 768],
                                    "data_offsets": [0, 154389504]}, ...}
    the rest  the arrays' bytes; offsets count from the end of the header

That is all, and it is a fine format: nothing in it can run code (unlike a pickle, see
scripts/convert_pytorch.py), and the arrays can be used where they lie.
`read_safetensors` maps the file into memory and returns views: the operating system
reads a page when a product first touches it, so a model of 500 MB "loads" in a
millisecond. A view needs its dtype to be the wanted one and its address to be a
multiple of the item's size; otherwise that array is copied once. (GPT-2's own file
starts its data at byte 14291. Files written here start it at a multiple of 64.)

A file from elsewhere is not to be trusted: every number in the header is checked
against the file's size before it is used, and the arrays must cover the file without
a gap or an overlap.

Format: https://huggingface.co/docs/safetensors

Try: print the header of weights/fairytale/model.safetensors with five lines of your
own.

Next: weights.py.
"""

import json
import math
import mmap
from pathlib import Path

import numpy as np

from .hub import FormatError, filling, parse_json, parts_of, write_json, writing

DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2",  # bfloat16: see to_dtype
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?",
}  # fmt: skip
NAME_OF_DTYPE = {np.dtype(d): name for name, d in DTYPES.items() if name != "BF16"}
MAX_HEADER, MAX_TENSORS, MAX_AXES = 2_000_000, 20_000, 8  # gpt2-xl: 60,000, 628, 4
ALIGNMENT = 64


def read_safetensors(path):
    """``{name: (dtype name, array)}``; the arrays are read-only views of the file.

    ``FormatError`` if the file is missing, cut off, or its header does not fit it.
    """
    data, n, header = _open(Path(path))
    same = header.pop("__metadata__", None)
    tensors, spans = {}, []
    for name, entry in header.items():
        dtype, shape, begin, end = _check_entry(path, name, entry, len(data) - 8 - n)
        count = (end - begin) // dtype.itemsize
        array = np.frombuffer(data, dtype, count, 8 + n + begin if count else 0)
        tensors[name] = entry["dtype"], array.reshape(shape)
        spans.append((begin, end, name))
    _check_spans(path, spans, len(data) - 8 - n)
    # safetensors' save_model writes shared memory once, and notes the other name.
    for name, other in same.items() if isinstance(same, dict) else ():
        if isinstance(other, str) and other in tensors and name not in tensors:
            tensors[name] = tensors[other]
    return tensors


def _open(path):
    """The mapped file, the size of its header, and the header."""
    if not path.is_file():
        raise FormatError(
            f"{path} does not exist. Only safetensors are read here; "
            "scripts/convert_*.py make them from pytorch_model.bin and other formats"
        )
    with open(path, "rb") as file:
        if path.stat().st_size < 8:
            raise FormatError(f"{path} is empty or cut off")
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    n = int.from_bytes(data[:8], "little")
    if n > min(len(data) - 8, MAX_HEADER):
        raise FormatError(
            f"{path} is cut off or no safetensors file: it has {len(data)} bytes and "
            f"announces a header of {n}"
        )
    if data[8 : 8 + n].count(b"{") > MAX_TENSORS:
        raise FormatError(f"{path} has more than {MAX_TENSORS} tensors: no GPT-2 does")
    return data, n, parse_json(data[8 : 8 + n], f"{path}: the header is damaged")


def _check_spans(path, spans, n_data):
    """The tensors must fill the data: no gap, nothing twice."""
    at, last = 0, "the header"
    for begin, end, name in [*sorted(spans), (n_data, 0, "the file's end")]:
        if begin != at:
            what = "overlap" if begin < at else "leave a gap"
            raise FormatError(
                f"{path}: {last!r:.80} and {name!r:.80} {what} at {begin}"
            )
        at, last = end, name


def _check_entry(path, name, entry, n_data):
    """One header entry -> (dtype, shape, begin, end), or an error that says why not."""
    try:
        dtype = np.dtype(DTYPES[entry["dtype"]])
        shape, (begin, end) = entry["shape"], entry["data_offsets"]
        numbers = [begin, end, *shape[: MAX_AXES + 1]]
        if not all(type(n) is int and 0 <= n < 1 << 64 for n in numbers):
            raise ValueError
        if len(shape) > MAX_AXES or math.prod(n or 1 for n in shape) >= 1 << 50:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        entry = f"{entry!r:.200}"
        raise FormatError(f"{path}: cannot read {name!r:.80}: {entry}") from None
    if not begin <= end <= n_data:
        raise FormatError(
            f"{path}: {name!r:.80} lies at bytes {begin} to {end} of {n_data}: it "
            "is cut off or damaged; fetch it again"
        )
    if math.prod(shape) * dtype.itemsize != end - begin:
        raise FormatError(
            f"{path}: {name!r:.80} has shape {shape} of {entry['dtype']} but "
            f"{end - begin} bytes"
        )
    return dtype, shape, begin, end


def write_safetensors(path, tensors):
    """Write ``{name: array}``, whole or not at all.

    In place of an array, anything with dtype, shape and ``__array__`` will do: that
    method is called when its turn comes, so a model larger than the memory passes
    through one tensor at a time.
    """
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, array in tensors.items():
        end = at + math.prod(array.shape) * array.dtype.itemsize
        kind, shape = NAME_OF_DTYPE[array.dtype], list(array.shape)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    with writing(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in tensors.values():
            # A piece at a time, so that a transposed array is not copied as a whole.
            flags = ["external_loop", "buffered", "zerosize_ok"]
            pieces = np.nditer(np.asarray(array), flags, order="C", buffersize=1 << 18)
            file.writelines(np.ascontiguousarray(piece).data for piece in pieces)


def widen_bfloat16(bits):
    """bfloat16, as the uint16 that its bits are, to float32: it is the upper half."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def to_dtype(array, kind, dtype):
    """The array itself where it is usable as it lies, else a copy in ``dtype``."""
    if kind == "BF16":
        array = widen_bfloat16(array)
    if array.dtype == dtype and array.flags.aligned:
        return array
    return array.astype(dtype)


def release(array):
    """Give back the memory that a mapped array takes, once it has been copied; the
    file would be read again. Nothing happens to an array that is not mapped."""
    owner = owner_of(array)
    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        begin = array.ctypes.data - np.frombuffer(owner, np.uint8).ctypes.data
        end = (begin + array.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
        begin = -(-begin // mmap.PAGESIZE) * mmap.PAGESIZE
        if begin < end:
            owner.madvise(mmap.MADV_DONTNEED, begin, end - begin)


def owner_of(array):
    """What an array is a view of, in the end: a mapped file, or another array."""
    owner = array
    while isinstance(owner, (np.ndarray, memoryview)):
        base = owner.base if isinstance(owner, np.ndarray) else owner.obj
        if base is None:
            break
        owner = base
    return owner


def read_folder(folder):
    """``{name: (dtype name, array, file)}`` of all the safetensors in a model folder;
    names without the ``transformer.`` that some writers put in front."""
    found = {}
    for file in parts_of(folder, "model.safetensors"):
        for name, (kind, array) in read_safetensors(file).items():
            name = name.removeprefix("transformer.")
            if name in found:
                raise FormatError(f"{file}: {name!r:.80} is in another file, too")
            found[name] = kind, array, file
    return found


def write_model(folder, config, settings, tensors):
    """config.json, generation_config.json (if there are settings; or an older one
    goes) and the tensors: a model folder, of which all files appear together, or none
    (`hub.filling`)."""
    with filling(folder, "config.json", ["generation_config.json"]) as new:
        write_json(new / "config.json", config)
        if settings:
            write_json(new / "generation_config.json", settings)
        write_safetensors(new / "model.safetensors", tensors)
