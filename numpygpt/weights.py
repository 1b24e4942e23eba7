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
from pathlib import Path

import numpy as np

from .config import GPT2Config
from .hub import FormatError, parse_json, read_json, write_json, writing

DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2",  # bfloat16: see to_dtype
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?",
}  # fmt: skip
NAME_OF_DTYPE = {np.dtype(d): name for name, d in DTYPES.items() if name != "BF16"}
FLOATS = ("F64", "F32", "F16", "BF16")
MAX_HEADER, MAX_AXES = 100_000_000, 8
ALIGNMENT = 64
# Masks that old checkpoints carry along; the mask here is computed.
IGNORED = re.compile(r"h\.\d+\.attn\.(masked_)?bias")


def read_safetensors(path):
    """``{name: (dtype name, array)}``; the arrays are read-only views of the file.

    ``FormatError`` if the file is missing, cut off, or its header does not fit it.
    """
    path = Path(path)
    if not path.is_file():
        raise FormatError(
            f"{path} does not exist. Only safetensors are read here: scripts/convert_*.py "
            "make a folder of them from pytorch_model.bin and other formats"
        )
    with open(path, "rb") as file:
        if path.stat().st_size < 8:
            raise FormatError(f"{path} is cut off or no safetensors file: too short")
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    n = int.from_bytes(data[:8], "little")
    if n > min(len(data) - 8, MAX_HEADER):
        raise FormatError(
            f"{path} is cut off or no safetensors file: it has {len(data)} bytes and "
            f"announces a header of {n}"
        )
    header = parse_json(data[8 : 8 + n], f"{path}, bytes 8 to {8 + n},")
    header.pop("__metadata__", None)
    tensors, spans = {}, []
    for name, entry in header.items():
        dtype, shape, begin, end = _check_entry(path, name, entry, len(data) - 8 - n)
        count = (end - begin) // dtype.itemsize
        array = np.frombuffer(data, dtype, count, 8 + n + begin if count else 0)
        tensors[name] = entry["dtype"], array.reshape(shape)
        spans.append((begin, end, name))
    at, last = 0, "the header"
    for begin, end, name in [*sorted(spans), (len(data) - 8 - n, 0, "the file's end")]:
        if begin != at:
            what = "overlap" if begin < at else "leave a gap"
            raise FormatError(
                f"{path}: {last!r:.80} and {name!r:.80} {what} at {begin}"
            )
        at, last = end, name
    return tensors


def _check_entry(path, name, entry, n_data):
    """One header entry -> (dtype, shape, begin, end), or an error that says why not."""
    try:
        dtype = np.dtype(DTYPES[entry["dtype"]])
        shape, (begin, end) = entry["shape"], entry["data_offsets"]
        if not all(type(n) is int and n >= 0 for n in [*shape, begin, end]):
            raise ValueError
        if len(shape) > MAX_AXES or max(shape, default=0) > n_data:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        entry = f"{entry!r:.200}"
        raise FormatError(f"{path}: cannot read {name!r:.80}: {entry}") from None
    if not begin <= end <= n_data:
        raise FormatError(
            f"{path}: {name!r:.80} lies at bytes {begin} to {end} of {n_data}: the file is "
            "cut off or damaged; fetch it again"
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
            file.writelines(piece.data for piece in pieces)


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
    found = read_folder(folder)
    flat = {}
    if config.n_layer > len(found):  # or the next line may not end
        raise FormatError(f"{folder}: config.json wants {config.n_layer} blocks")
    for name, shape in config.shapes().items():
        if name not in found:
            raise FormatError(f"{folder}: the weights lack {name!r}")
        kind, array, file = found.pop(name)
        if array.shape != shape or kind not in FLOATS:
            raise FormatError(
                f"{file}: {name!r} is {kind} {list(array.shape)}, but config.json "
                f"wants numbers of shape {list(shape)}"
            )
        flat[name] = to_dtype(array, kind, dtype)
    unknown = [n for n in found if n != "lm_head.weight" and not IGNORED.fullmatch(n)]
    if unknown:
        raise FormatError(
            f"{folder}: a GPT-2 has no {str(sorted(unknown)[:5])[1:-1]:.200}: this is a "
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


def parts_of(folder, name):
    """The file of that name in a folder, or the parts that ``name.index.json`` lists."""
    folder = Path(folder)
    index = folder / f"{name}.index.json"
    if (folder / name).is_file() or not index.is_file():
        return [folder / name]
    files = read_json(index).get("weight_map")
    if not isinstance(files, dict) or not files:
        raise FormatError(f"{index} has no weight_map")
    for file in files.values():
        if not isinstance(file, str) or Path(file).name != file:
            raise FormatError(
                f"{index} names {file!r:.80}, which is no file of its folder"
            )
    return [folder / file for file in sorted(set(files.values()))]


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
