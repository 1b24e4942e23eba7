"""A model folder -> arrays, and back: the safetensors format, by hand.

A ``.safetensors`` file is three things in a row:

    8 bytes   N, the length of the header, little-endian
    N bytes   JSON: {"wte.weight": {"dtype": "F32", "shape": [50257, 768],
                                    "data_offsets": [0, 154389504]}, ...}
    the rest  the arrays' bytes; offsets count from the end of the header

That is all, and it is a fine format: nothing in it can run code (unlike a pickle),
and the arrays can be used where they lie. `read_safetensors` maps the file into
memory and returns views: the operating system reads a page when a product first
touches it, so a model of 500 MB "loads" in a millisecond. A view needs its dtype to
be the wanted one and its address to be a multiple of the item's size; otherwise that
array is copied once. (GPT-2's own file starts its data at byte 14291. Files written
here start it at a multiple of 64.)

A file from elsewhere is not to be trusted: every number in the header is checked
against the file's size before it is used.

Format: https://huggingface.co/docs/safetensors

Try: print the header of weights/fairytale/model.safetensors with five lines of your
own.

Next: decoding/filters.py.
"""

import json
import math
import mmap
import re
from itertools import pairwise
from pathlib import Path

import numpy as np

from .config import GPT2Config
from .hub import FormatError, read_json, write_json, writing

DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2",  # bfloat16: see _convert
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?",
}  # fmt: skip
NAME_OF_DTYPE = {np.dtype(d): name for name, d in DTYPES.items() if name != "BF16"}
FLOATS = ("F64", "F32", "F16", "BF16")
MAX_HEADER = 100_000_000
ALIGNMENT = 64
# Masks that old checkpoints carry along; the mask here is computed.
IGNORED = re.compile(r"h\.\d+\.attn\.(masked_)?bias")


def read_safetensors(path):
    """``{name: (dtype name, array)}``; the arrays are read-only views of the file.

    ``FormatError`` if the file is missing, cut off, or its header does not fit it.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise FormatError(
            f"{path} does not exist. Only safetensors are read: save a model that has "
            "pytorch_model.bin with transformers' save_pretrained first"
        ) from None
    except ValueError:
        raise FormatError(f"{path} is empty") from None
    n = int.from_bytes(data[:8], "little")
    if len(data) < 8 or n > min(len(data) - 8, MAX_HEADER):
        raise FormatError(
            f"{path} is cut off or no safetensors file: it has {len(data)} bytes and "
            f"announces a header of {n}"
        )
    tensors, spans = {}, []
    for name, entry in _parse_header(path, data[8 : 8 + n]).items():
        dtype, shape, begin, end = _check_entry(path, name, entry, len(data) - 8 - n)
        count = (end - begin) // dtype.itemsize
        array = np.frombuffer(data, dtype, count, 8 + n + begin if count else 0)
        tensors[name] = entry["dtype"], array.reshape(shape)
        spans.append((begin, end, name))
    spans.sort()
    for (_, end, first), (begin, _, second) in pairwise(spans):
        if begin < end:
            raise FormatError(f"{path}: the data of {first!r} and {second!r} overlap")
    return tensors


def _parse_header(path, text):
    def unique(pairs):
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a name stands twice")
        return dict(pairs)

    try:
        header = json.loads(text, object_pairs_hook=unique)
        header.pop("__metadata__", None)
        return header
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path}: the header is damaged: {error}") from None


def _check_entry(path, name, entry, n_data):
    """One header entry -> (dtype, shape, begin, end), or an error that says why not."""
    try:
        dtype = np.dtype(DTYPES[entry["dtype"]])
        shape, (begin, end) = entry["shape"], entry["data_offsets"]
        if not all(type(n) is int and n >= 0 for n in [*shape, begin, end]):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        entry = f"{entry!r:.200}"
        raise FormatError(f"{path}: cannot read entry {name!r}: {entry}") from None
    if not begin <= end <= n_data:
        raise FormatError(
            f"{path}: {name!r} lies at bytes {begin} to {end} of {n_data}: the file is "
            "cut off or damaged; fetch it again"
        )
    if math.prod(shape) * dtype.itemsize != end - begin:
        raise FormatError(
            f"{path}: {name!r} has shape {shape} of {entry['dtype']} but "
            f"{end - begin} bytes"
        )
    return dtype, shape, begin, end


def write_safetensors(path, tensors):
    """Write ``{name: array}``, whole or not at all."""
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, array in tensors.items():
        header[name] = {
            "dtype": NAME_OF_DTYPE[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [at, at + array.nbytes],
        }
        at += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    with writing(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in tensors.values():
            file.write(np.ascontiguousarray(array).data)


def load(folder, dtype=np.float32):
    """A model folder, as transformers' save_pretrained writes it -> config, params.

    ``params`` nests as the checkpoint's names do: ``params["h"][0]["attn"]["c_attn"]
    ["weight"]``. The file's own dtype may be any; half precision is widened once.
    """
    folder, dtype = Path(folder), check_dtype(dtype)
    try:
        config = GPT2Config.from_dict(read_json(folder / "config.json"))
    except ValueError as error:
        raise FormatError(f"{folder / 'config.json'}: {error}") from None
    files = {f"{folder / f}": read_safetensors(folder / f) for f in _files(folder)}
    found = {
        name.removeprefix("transformer."): (kind, array, file)
        for file, tensors in files.items()
        for name, (kind, array) in tensors.items()
    }
    flat = {}
    for name, shape in config.shapes().items():
        if name not in found:
            raise FormatError(f"{', '.join(files)}: {name!r} is missing")
        kind, array, file = found.pop(name)
        if array.shape != shape or kind not in FLOATS:
            raise FormatError(
                f"{file}: {name!r} is {kind} {list(array.shape)}, but config.json "
                f"wants numbers of shape {list(shape)}"
            )
        flat[name] = _convert(array, kind, dtype)
    unknown = [n for n in found if n != "lm_head.weight" and not IGNORED.fullmatch(n)]
    if unknown:
        raise FormatError(
            f"{folder}: a GPT-2 has no {', '.join(sorted(unknown)[:5])}: this is a "
            "model of another kind, or config.json belongs to another one"
        )
    return config, nest(flat)


def save(folder, config, params, dtype=None):
    """Write config.json and model.safetensors, which transformers opens; ``dtype``
    np.float16 halves the file."""
    tensors = {
        f"{'' if name.startswith('lm_head') else 'transformer.'}{name}": (
            array if dtype is None else array.astype(dtype)
        )
        for name, array in flatten(params).items()
    }
    kind = next(iter(tensors.values())).dtype.name
    write_json(f"{folder}/config.json", {**config.to_dict(), "torch_dtype": kind})
    write_safetensors(f"{folder}/model.safetensors", tensors)


def random_params(config, seed=0, dtype=np.float32):
    """Weights as GPT-2 starts its training: normal with standard deviation 0.02, the
    layers that write to the residual stream smaller by sqrt(2 * n_layer) so that it
    does not grow with depth, norms at 1, biases at 0 (Radford et al. 2019, 2.3)."""
    rng, dtype = np.random.default_rng(seed), check_dtype(dtype)
    flat = {}
    for name, shape in config.shapes().items():
        if name.endswith("bias"):
            flat[name] = np.zeros(shape, dtype)
        elif len(shape) == 1:
            flat[name] = np.ones(shape, dtype)
        else:
            std = config.initializer_range
            std /= math.sqrt(2 * config.n_layer) if "c_proj" in name else 1
            flat[name] = rng.standard_normal(shape, dtype)
            flat[name] *= std
    return nest(flat)


def nest(flat):
    """``{"h.0.ln_1.bias": x}`` -> ``{"h": [{"ln_1": {"bias": x}}]}``.

    >>> nest({"wte.weight": 1, "h.0.ln_1.bias": 2})
    {'wte': {'weight': 1}, 'h': [{'ln_1': {'bias': 2}}]}
    """
    tree = {}
    for name, array in flat.items():
        *path, last = name.split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[last] = array
    tree["h"] = list(tree["h"].values())
    return tree


def flatten(params, prefix=""):
    """The inverse of `nest`."""
    items = enumerate(params) if isinstance(params, list) else params.items()
    flat = {}
    for key, value in items:
        if isinstance(value, (dict, list)):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def check_dtype(dtype):
    """The dtype to compute in: float32 or float64."""
    if dtype not in (np.float32, np.float64, "float32", "float64"):
        raise ValueError(f"dtype must be float32 or float64, not {dtype!r}")
    return np.dtype(dtype)


def _files(folder):
    """The safetensors files of a folder: one, or those that the index names."""
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").is_file() or not index.is_file():
        return ["model.safetensors"]
    files = read_json(index).get("weight_map")
    if not isinstance(files, dict) or not files:
        raise FormatError(f"{index} has no weight_map")
    for file in files.values():
        if not isinstance(file, str) or Path(file).name != file:
            raise FormatError(f"{index} names {file!r}, which is no file of its folder")
    return sorted(set(files.values()))


def _convert(array, kind, dtype):
    """The array itself where it is usable as it lies, else a copy in ``dtype``."""
    if kind == "BF16":  # bfloat16 is the upper half of a float32
        array = (array.astype(np.uint32) << 16).view(np.float32)
    if array.dtype == dtype and array.flags.aligned:
        return array
    return array.astype(dtype)
