"""llm.c's gpt2_124M.bin, the file its C program reads -> a model folder.

    python scripts/convert_llmc.py gpt2_124M.bin FOLDER

The simplest format there is, and the one that a C program of a few lines can read:

    256 x int32   magic number, version, context, vocabulary, blocks, heads, width,
                  padded vocabulary; the rest is zero
    the weights   in a fixed order, each kind of all blocks together

There are no names: whoever reads must know the order, and if one weight more or less is
there, everything behind it is silently wrong. So the one check that can be made is the
file's size, which must fit the sizes in the header to the byte.

Version 3 is float32. Version 5 is bfloat16: the upper half of a float32, which keeps
its range and has three significant digits; it becomes float32 again without a loss.

llm.c makes the vocabulary a multiple of 128 so that its matrix products are faster; the
additional rows are zeros, which are never drawn, and are left out here; that they are
zeros, and the row before them is not, is another check. Matrices are [out, in].

Format: write_model in https://github.com/karpathy/llm.c/blob/master/train_gpt2.py

Try: how much larger is the file when the vocabulary is padded, and why is that cheap?
"""

import math
import sys

import numpy as np
from converting import (
    DECODERS,
    MATRICES,
    Later,
    fill,
    gpt2_tokenizer,
    pieces,
    run,
    write_model,
)

from numpygpt import GPT2Config
from numpygpt.files.hub import FormatError

MAGIC = 20240326
VERSIONS = {3: ("F32", 4), 5: ("BF16", 2)}
N_HEADER = 256
PADDING = 128  # the vocabulary becomes a multiple of this
GPT2_VOCABULARY = 50257
# What stands once for every block, in the file's order.
OF_BLOCKS = (
    "ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias",
    "attn.c_proj.weight", "attn.c_proj.bias", "ln_2.weight", "ln_2.bias",
    "mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias",
)  # fmt: skip


def read_header(path):
    """-> (config, padded vocabulary, name of the dtype, bytes a number)."""
    if not path.is_file() or path.stat().st_size < 4 * N_HEADER:
        raise FormatError(f"{path} does not exist or is too short for a model")
    magic, version, *sizes = np.fromfile(path, "<i4", 8).tolist()
    if magic != MAGIC or version not in VERSIONS:
        raise FormatError(
            f"{path} begins with {magic}, {version}; llm.c's models begin with {MAGIC} "
            f"and a version out of {list(VERSIONS)}"
        )
    n_ctx, n_vocab, n_layer, n_head, n_embd, n_padded = sizes
    end = n_vocab - 1 if n_vocab == GPT2_VOCABULARY else None
    try:
        config = GPT2Config(
            n_vocab, n_ctx, n_embd, n_layer, n_head, bos_token_id=end, eos_token_id=end
        )
    except ValueError as error:
        raise FormatError(f"{path}, header: {error}") from None
    if n_padded != -(-n_vocab // PADDING) * PADDING:
        raise FormatError(f"{path}: {n_vocab} tokens do not become {n_padded} rows")
    return config, n_padded, *VERSIONS[version]


def layout(config, n_padded):
    """``(name, shape, numbers in the file)`` of every tensor, in the file's order."""
    shapes = config.shapes()
    yield "wte.weight", shapes["wte.weight"], n_padded * config.n_embd
    yield "wpe.weight", shapes["wpe.weight"], config.n_ctx * config.n_embd
    for name in OF_BLOCKS:
        for layer in range(config.n_layer):
            shape = shapes[f"h.{layer}.{name}"]
            shape = shape[::-1] if name.endswith(MATRICES) else shape
            yield f"h.{layer}.{name}", shape, math.prod(shape)
    yield "ln_f.weight", shapes["ln_f.weight"], config.n_embd
    yield "ln_f.bias", shapes["ln_f.bias"], config.n_embd


def count(config, n_padded):
    """How many numbers the file holds: `layout` summed up, without walking through it,
    for a header may claim a billion blocks."""
    e, inner = config.n_embd, config.d_inner
    a_block = 4 * e + 4 * e * e + 4 * e + 2 * e * inner + inner + e
    return (n_padded + config.n_ctx + 2) * e + config.n_layer * a_block


def check_padding(path, config, n_padded, item_size):
    """The last row of the vocabulary is not zero, and all rows behind it are."""
    row = config.n_embd * item_size
    n_rows, begin = n_padded - config.n_vocab, 4 * N_HEADER + (config.n_vocab - 1) * row
    rows = np.fromfile(path, np.uint8, (1 + n_rows) * row, offset=begin)
    if rows[row:].any() or not rows[:row].any():
        raise FormatError(f"{path}: its vocabulary has not {config.n_vocab} tokens")


def convert(source, folder, args):
    """The whole conversion."""
    config, n_padded, kind, item_size = read_header(source)
    wanted = 4 * N_HEADER + item_size * count(config, n_padded)
    if source.stat().st_size != wanted:
        raise FormatError(
            f"{source} has {source.stat().st_size} bytes, its header makes {wanted}: "
            "it is cut off or damaged"
        )
    check_padding(source, config, n_padded, item_size)
    tensors, at = {}, 4 * N_HEADER
    for name, shape, n in layout(config, n_padded):
        later = tensor_later(source, shape, at, kind, item_size)
        tensors[name] = later.T if name.endswith(MATRICES) else later
        at += n * item_size
    tokenizer = gpt2_tokenizer if config.n_vocab == GPT2_VOCABULARY else None
    write_model(source, folder, config, tensors, tokenizer)


def tensor_later(path, shape, begin, kind, item_size):
    dtype, decode = DECODERS[kind]
    size = math.prod(shape) * item_size

    def read():
        return fill(shape, dtype, pieces(path, begin, size), decode)

    return Later(shape, np.dtype(dtype), read)


if __name__ == "__main__":
    sys.exit(run(convert, __doc__))
