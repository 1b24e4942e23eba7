"""A model folder -> arrays, and back.

A folder holds ``config.json``, the sizes, and ``model.safetensors``, the arrays, each
under a name such as ``h.0.attn.c_attn.weight`` (files/safetensors.py knows the format).
`load` checks every array against the shape that the config wants, and nests the arrays
as their names do. What a function needs is then one dict, handed over with
``**params``.

A float32 array is not read into memory: it is mapped, that is, the operating system
reads a page of the file when it is first needed. Only matrices that multiply faster in
another layout (fast/matmul.py) and half-precision files are copied, once.

Try: how much of the file do the arrays of block 0 take? `flatten` helps.

Next: decoding/filters.py.
"""

import math
import re
from pathlib import Path

import numpy as np

from .checks import must
from .config import GPT2Config
from .fast.int8 import pack
from .files.hub import FormatError, read_json
from .files.safetensors import read_folder, release, to_dtype, write_model

FLOATS = ("F64", "F32", "F16", "BF16")
# Masks that old checkpoints carry along (the mask here is computed), and what training
# for another purpose put beside the model: a value head, a head for multiple choice.
IGNORED = re.compile(
    r"h\.\d+\.attn\.(masked_)?bias|(v_head|multiple_choice_head)\..+"
)


def read_config(folder):
    """The GPT2Config that a folder's config.json says."""
    path = Path(folder) / "config.json"
    settings = read_json(path)
    try:
        return GPT2Config.from_dict(settings)
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None


def load(folder, dtype=np.float32):
    """A model folder, as transformers' save_pretrained writes it -> config, params.

    ``params`` nests as the checkpoint's names do: ``params["h"][0]["attn"]["c_attn"]
    ["weight"]``. ``dtype``: to compute in, float32, float64 or "int8" (fast/int8.py). A
    file's own may be any; half precision is widened once.
    """
    folder = Path(folder)
    kept = check_dtype("float32" if str(dtype) == "int8" else dtype)
    config = read_config(folder)
    found = read_folder(folder)
    flat = {}
    if config.n_layer > len(found):  # or the next line may not end
        raise FormatError(f"{folder}: config.json wants {config.n_layer} blocks")
    for name, shape in config.shapes().items():
        if name not in found:
            raise FormatError(f"{folder}: {name!r} is missing from the weights")
        kind, array, file = found.pop(name)
        if array.shape != shape or kind not in FLOATS:
            raise FormatError(
                f"{file}: {name!r} is {kind} {list(array.shape)}, but config.json "
                f"wants numbers of shape {list(shape)}"
            )
        flat[name] = pack(name, to_dtype(array, kind, kept), dtype)
        if flat[name] is not array:
            release(array)
    unknown = [n for n in found if n != "lm_head.weight" and not IGNORED.fullmatch(n)]
    if unknown:
        raise FormatError(
            f"{folder}: a GPT-2 has no {str(sorted(unknown)[:5])[1:-1]:.200}: this is "
            "a model of another kind, or config.json belongs to another one"
        )
    return config, nest(flat)


def save(folder, config, params, dtype=None, **settings):
    """Write config.json, model.safetensors and, of the ``settings``, a
    generation_config.json: a folder that transformers opens. ``dtype`` np.float16
    halves the file. All appear together, or none does."""
    if dtype is not None:
        dtype = check_dtype(dtype, ("float16", "float32", "float64"))
    tensors = {
        f"{'' if name.startswith('lm_head') else 'transformer.'}{name}": (
            array if dtype is None else array.astype(dtype)
        )
        for name, array in flatten(params).items()
    }
    kind = next(iter(tensors.values())).dtype.name
    write_model(folder, {**config.to_dict(), "torch_dtype": kind}, settings, tensors)


def random_params(config, seed=0, dtype=np.float32):
    """Weights as GPT-2 starts its training: normal with standard deviation 0.02, the
    layers that write to the residual stream smaller by sqrt(2 * n_layer) so that it
    does not grow with depth, norms at 1, biases at 0 (Radford et al. 2019, 2.3)."""
    if not isinstance(config, GPT2Config):
        raise ValueError(f"config must be a GPT2Config, not {config!r:.80}")
    ok = seed is None or isinstance(seed, (int, np.integer)) and seed >= 0
    must("seed", seed, ok, "an integer of at least 0")
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
            flat[name] = pack(name, flat[name] * dtype.type(std), dtype)
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


def check_dtype(dtype, known=("float32", "float64")):
    """NumPy's dtype of that name; a ValueError if it is none of ``known``."""
    ok = str(getattr(dtype, "__name__", dtype)) in known
    must("dtype", dtype, ok, " or ".join(known))
    return np.dtype(dtype)
