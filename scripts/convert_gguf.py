"""llama.cpp's GGUF -> a model folder, and a model folder -> GGUF.

    python scripts/convert_gguf.py model.gguf FOLDER
    python scripts/convert_gguf.py weights/fairytale fairytale.gguf --type Q8_0

A GGUF file is, all little-endian:

    "GGUF", version, number of tensors, number of keys
    for each key: its name, the kind of value, the value
    for each tensor: name, number of axes, sizes (the last axis first), kind, offset
    filler up to a multiple of 32, then the tensors' data

A string is its length in 8 bytes and then UTF-8; an array is the kind of its values,
how many, and the values. The keys hold the sizes, and the tokenizer as well.

What makes the format interesting are the kinds of tensors. Reading the weights from
memory is what takes the time when a token is made, so half the bytes is twice the
speed. Values are taken in groups of 32 neighbours that share a scale d, and here and
there a smallest value m, both float16:

    Q8_0   d, 32 x int8                     x = d * q              8.5 bits a weight
    Q4_0   d, 32 x 4 bits                   x = d * (q - 8)        4.5
    Q4_1   d, m, 32 x 4 bits                x = d * q + m          5
    Q5_0   d, 32 bits, 32 x 4 bits          x = d * (q - 16)       5.5
    Q5_1   d, m, 32 bits, 32 x 4 bits       x = d * q + m          6
    Q6_K   256 x 6 bits, 16 x int8 s, d     x = d * s * (q - 32)   6.6

Four-bit numbers share a byte: value i is the lower half of byte i, value i + 16 its
upper half. The fifth bits stand together. Q6_K has groups of 256, in 16 parts that have
a scale s of their own: llama.cpp takes it for the vocabulary of its Q4 files. Reading
gives the numbers that llama.cpp computes with; what was lost when they were made is
lost. There are more kinds, which are refused by name.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

Try: write a model as F32 and as Q8_0, read both back, --check one against the other.
"""

import math
import mmap
import re
import struct
import sys
from functools import partial

import numpy as np
from converting import (
    DECODERS,
    MATRICES,
    STEP,
    Later,
    fill,
    pieces,
    run,
    save_tokenizer,
    write_model,
)

from numpygpt import GPT2Config, Tokenizer
from numpygpt.fast.added import Added
from numpygpt.files.hub import FormatError, writing
from numpygpt.files.safetensors import release, to_dtype
from numpygpt.files.terminal import say
from numpygpt.weights import read_config, read_folder

ALIGNMENT = 32
MAX_KEYS, MAX_TENSORS, MAX_STRINGS = 10_000, 20_000, 500_000
MAX_STRING = 1_000_000  # bytes
SCALARS = {
    0: "<u1", 1: "<i1", 2: "<u2", 3: "<i2", 4: "<u4", 5: "<i4",
    6: "<f4", 7: "?", 10: "<u8", 11: "<i8", 12: "<f8",
}  # fmt: skip
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5  # kinds of tokens
TOKEN_NAMES = {
    "bos_token": "bos", "eos_token": "eos", "unk_token": "unknown",
    "pad_token": "padding",
}  # fmt: skip
TINY = np.float32(1e-38)  # below, 1 / d overflows; float16 makes such a d zero anyway
NAMES = {
    "token_embd": "wte", "position_embd": "wpe", "output_norm": "ln_f",
    "output": "lm_head", "attn_norm": "ln_1", "attn_qkv": "attn.c_attn",
    "attn_output": "attn.c_proj", "ffn_norm": "ln_2", "ffn_up": "mlp.c_fc",
    "ffn_down": "mlp.c_proj",
}  # fmt: skip
GGUF_NAMES = {ours: theirs for theirs, ours in NAMES.items()}
SIZES = {  # our setting: the key, without "gpt2."
    "n_layer": "block_count", "n_positions": "context_length",
    "n_embd": "embedding_length", "n_inner": "feed_forward_length",
    "n_head": "attention.head_count",
    "layer_norm_epsilon": "attention.layer_norm_epsilon",
}  # fmt: skip


# Groups of 32 values <-> bytes.


def scale(groups, at=0):
    """The float16 at a place of every group, as a column of float32."""
    return groups[:, at : at + 2].copy().view("<f2").astype(np.float32)


def halves(groups, at):
    """The 32 four-bit numbers behind a place of every group."""
    packed = groups[:, at:]
    return np.concatenate([packed & 15, packed >> 4], axis=1)


def decode_q8_0(data):
    groups = np.frombuffer(data, np.uint8).reshape(-1, 34)
    return (scale(groups) * groups[:, 2:].view(np.int8)).reshape(-1)


def decode_q4_0(data):
    groups = np.frombuffer(data, np.uint8).reshape(-1, 18)
    return (scale(groups) * (halves(groups, 2).astype(np.int8) - 8)).reshape(-1)


def decode_q4_1(data):
    groups = np.frombuffer(data, np.uint8).reshape(-1, 20)
    return (scale(groups) * halves(groups, 4) + scale(groups, 2)).reshape(-1)


def fifth(groups, at):
    """The 32 single bits behind a place of every group, worth 16 each."""
    return np.unpackbits(groups[:, at : at + 4], axis=1, bitorder="little") << 4


def decode_q5_0(data):
    groups = np.frombuffer(data, np.uint8).reshape(-1, 22)
    q = (halves(groups, 6) | fifth(groups, 2)).astype(np.int8) - 16
    return (scale(groups) * q).reshape(-1)


def decode_q5_1(data):
    groups = np.frombuffer(data, np.uint8).reshape(-1, 24)
    q = halves(groups, 8) | fifth(groups, 4)
    return (scale(groups) * q + scale(groups, 2)).reshape(-1)


def decode_q6_k(data):
    """Twice 128 values: their lower four bits in 64 bytes, the upper two in 32."""
    groups = np.frombuffer(data, np.uint8).reshape(-1, 210)
    low = groups[:, :128].reshape(-1, 2, 64)
    low = np.concatenate([low & 15, low >> 4], axis=2)
    high = groups[:, 128:192].reshape(-1, 2, 1, 32) >> np.uint8([[0], [2], [4], [6]])
    q = (low | (high.reshape(-1, 2, 128) & 3) << 4).astype(np.int8) - 32
    s = scale(groups, 208) * groups[:, 192:208].view(np.int8)
    return (s[:, :, None] * q.reshape(-1, 16, 16)).reshape(-1)


def encode_f16(x):
    """float16 ends at 65504."""
    with np.errstate(over="ignore"):
        half = x.astype("<f2")
    if not np.array_equal(np.isfinite(half), np.isfinite(x)):
        most = np.abs(x[np.isfinite(x)]).max()
        raise ValueError(f"{most:.6g} is beyond F16's range, 65504: take --type F32")
    return half.tobytes()


def encode_q8_0(x):
    """The scale makes the largest of a group 127; then round, halves away from zero."""
    groups = x.reshape(-1, 32)
    d = np.abs(groups).max(axis=1, keepdims=True) / np.float32(127)
    with np.errstate(divide="ignore", over="ignore"):
        q = groups * np.where(d < TINY, np.float32(0), 1 / d)
    q = np.trunc(q + np.copysign(np.float32(0.5), q)).astype(np.int8)
    d = np.frombuffer(encode_f16(d), np.uint8).reshape(-1, 2)
    return np.concatenate([d, q.view(np.uint8)], axis=1).tobytes()


# kind: name, values in a group, bytes of a group, dtype we keep, bytes -> values
KINDS = {
    0: ("F32", 1, 4, *DECODERS["F32"]),
    1: ("F16", 1, 2, *DECODERS["F16"]),
    30: ("BF16", 1, 2, *DECODERS["BF16"]),
    8: ("Q8_0", 32, 34, np.float32, decode_q8_0),
    2: ("Q4_0", 32, 18, np.float32, decode_q4_0),
    3: ("Q4_1", 32, 20, np.float32, decode_q4_1),
    6: ("Q5_0", 32, 22, np.float32, decode_q5_0),
    7: ("Q5_1", 32, 24, np.float32, decode_q5_1),
    14: ("Q6_K", 256, 210, np.float32, decode_q6_k),
}
WRITERS = {  # name: kind, llama.cpp's number for files of it, values -> bytes
    "F32": (0, 0, lambda x: x.astype("<f4").tobytes()),
    "F16": (1, 1, encode_f16),
    "Q8_0": (8, 7, encode_q8_0),
}
REFUSED = {
    9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 15: "Q8_K",
    16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S",
    22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
    29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4", 40: "NVFP4", 41: "Q1_0",
}  # fmt: skip


# Reading. `at` is always the place in the file; every function returns the next one.


def take(data, dtype, n, at):
    """n numbers -> (an array, the next place); no memory is taken for them."""
    size = np.dtype(dtype).itemsize * n
    if at + size > len(data):
        raise ValueError(f"{size} bytes at byte {at}: the file is cut off or damaged")
    return np.frombuffer(data, dtype, n, at) if n else np.empty(0, dtype), at + size


def number(data, dtype, at):
    values, at = take(data, dtype, 1, at)
    return values[0].item(), at


def strings(data, n, at):
    """n strings -> (a list, the next place)."""
    found = []
    for _ in range(n):
        begin = at + 8
        at = begin + int.from_bytes(data[at:begin], "little")
        if at > len(data):
            raise ValueError(f"a string that ends at byte {at}: the file is cut off")
        if at - begin > MAX_STRING:
            raise ValueError(f"a string of {at - begin} bytes at byte {begin}")
        found.append(data[begin:at].decode("utf-8"))
    return found, at


def string(data, at):
    (text,), at = strings(data, 1, at)
    return text, at


def value(data, kind, at):
    """A key's value: a number, a string, or an array of either."""
    if kind in SCALARS:
        return number(data, SCALARS[kind], at)
    if kind == STRING:
        return string(data, at)
    if kind != ARRAY:
        raise ValueError(f"a value of the unknown kind {kind} before byte {at}")
    kind, at = number(data, "<u4", at)
    n, at = number(data, "<u8", at)
    if kind in SCALARS:
        return take(data, SCALARS[kind], n, at)
    if kind != STRING or n > MAX_STRINGS:
        raise ValueError(f"an array of {n} values of kind {kind} before byte {at}")
    return strings(data, n, at)


def read_header(data):
    """-> (keys, tensors ``{name: (shape, kind, offset)}``, alignment, header's end)."""
    if data[:4] != b"GGUF":
        raise ValueError("the magic number GGUF is missing")
    version, at = number(data, "<u4", 4)
    if version in (2 << 24, 3 << 24):
        raise ValueError("its bytes are in big-endian order: gguf_convert_endian.py of "
                         "the gguf package turns them")  # fmt: skip
    (n_tensors, n_keys), at = take(data, "<u8", 2, at)
    if version not in (2, 3) or n_tensors > MAX_TENSORS or n_keys > MAX_KEYS:
        raise ValueError(f"version {version}, {n_tensors} tensors, {n_keys} keys")
    keys, tensors, n_strings = {}, {}, 0
    for _ in range(n_keys):
        name, at = string(data, at)
        kind, at = number(data, "<u4", at)
        if name in keys:
            raise ValueError(f"the key {name!r:.80} stands twice")
        keys[name], at = value(data, kind, at)
        n_strings += len(keys[name]) if isinstance(keys[name], list) else 0
        if n_strings > MAX_STRINGS:
            raise ValueError(f"more than {MAX_STRINGS} strings: no model needs that")
    for _ in range(n_tensors):
        name, at = string(data, at)
        n_axes, at = number(data, "<u4", at)
        if name in tensors or n_axes > 4:
            raise ValueError(f"{name!r:.80} stands twice or has {n_axes} axes")
        sizes, at = take(data, "<u8", n_axes, at)
        kind, at = number(data, "<u4", at)
        offset, at = number(data, "<u8", at)
        tensors[name] = tuple(sizes.tolist()[::-1]), kind, offset
    if (n_parts := keys.get("split.count", 1)) != 1:
        raise ValueError(
            f"it is one of {n_parts!r:.80} parts: llama-gguf-split --merge makes one "
            "file of them"
        )
    align = keys.get("general.alignment", ALIGNMENT)
    if type(align) is not int or not 8 <= align <= 1 << 20 or align & (align - 1):
        raise ValueError(f"general.alignment is {align!r:.80}")
    return keys, tensors, align, at


def read_gguf(path):
    """A file -> (keys, ``{our name: Later}``)."""
    if not path.is_file() or path.stat().st_size < 24:
        raise FormatError(f"{path} does not exist or is too short for a model")
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        keys, tensors, align, at = read_header(data)
        start = -(-at // align) * align
        later, spans, expected = {}, {}, 0
        for name, (shape, kind, offset) in tensors.items():
            begin = start + offset
            later[our_name(name)] = tensor_later(path, name, shape, kind, begin)
            size = math.prod(shape) // KINDS[kind][1] * KINDS[kind][2]
            spans[name] = begin, size
            if offset != expected:  # they follow each other without a gap
                raise ValueError(f"{name!r:.80} has offset {offset}, not {expected}")
            if begin + size > len(data):
                raise ValueError(f"{name!r:.80} ends at byte {begin + size}: cut off")
            expected = -(-(offset + size) // align) * align
            if any(data[begin + size : start + expected]):
                raise ValueError(f"{name!r:.80} is followed by more than zeros")
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None
    if is_written_twice(path, tensors, spans):
        del later["lm_head.weight"]
    return keys, later


def is_written_twice(path, tensors, spans):
    """Older writers store tied weights two times, byte for byte."""
    both = [
        tensors.get(name, ())[:2] for name in ("output.weight", "token_embd.weight")
    ]
    if both[0] != both[1] or not both[0]:
        return False
    parts = zip(
        *(pieces(path, *spans[n]) for n in ("output.weight", "token_embd.weight"))
    )
    return all(a == b for a, b in parts)


def our_name(name):
    """``blk.3.attn_qkv.weight`` -> ``h.3.attn.c_attn.weight``; others stay."""
    block, layer, theirs, end = re.fullmatch(
        r"(blk\.(\d+)\.)?(.*?)(\.weight|\.bias)?", name, re.DOTALL
    ).groups()
    return f"{f'h.{layer}.' if block else ''}{NAMES.get(theirs, theirs)}{end or ''}"


def tensor_later(path, name, shape, kind, begin):
    if kind not in KINDS:
        raise ValueError(
            f"{name!r:.80} is {REFUSED.get(kind, f'of kind {kind}')}, which is not "
            "read; llama.cpp's llama-quantize --allow-requantize makes Q8_0 of it"
        )
    _, per_group, group_bytes, dtype, decode = KINDS[kind]
    if not shape or shape[-1] % per_group or math.prod(shape) >= 1 << 50:
        raise ValueError(f"{name!r:.80} has shape {shape}")
    size = math.prod(shape) // per_group * group_bytes
    step = STEP // group_bytes * group_bytes

    def read():
        return fill(shape, dtype, pieces(path, begin, size, step), decode)

    return Later(shape, np.dtype(dtype), read)


def config_of(path, keys, tensors):
    """The config that the keys and the shapes give."""
    kind = keys.get("general.architecture")
    if type(kind) is not str or kind != "gpt2":
        raise FormatError(
            f"{path} holds no GPT-2: general.architecture is {kind!r:.80}"
        )
    ends = [keys.get(f"tokenizer.ggml.{end}_token_id") for end in ("bos", "eos")]
    if any(type(end) not in (int, type(None)) for end in ends):
        raise FormatError(f"{path}: bos_token_id or eos_token_id is no number")
    sizes = {ours: keys.get(f"gpt2.{theirs}") for ours, theirs in SIZES.items()}
    for name, found in sizes.items():  # some writers say a size for each block
        if isinstance(found, np.ndarray) and len(set(found.tolist())) == 1:
            sizes[name] = found[0].item()
    try:
        # The nearest short decimal: float32 has no 1e-05, but that was meant.
        epsilon = float(f"{sizes.pop('layer_norm_epsilon'):.7g}")
        return GPT2Config(
            vocab_size=tensors["wte.weight"].shape[0],
            **sizes,
            layer_norm_epsilon=epsilon,
            bos_token_id=ends[0],
            eos_token_id=ends[1],
            tie_word_embeddings="lm_head.weight" not in tensors,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: {error!s:.300}") from None


def tokenizer_of(path, keys):
    """The tokenizer that the keys hold, or None."""
    tokens, merges, kinds = (
        keys.get(f"tokenizer.ggml.{name}")
        for name in ("tokens", "merges", "token_type")
    )
    if not isinstance(tokens, list) or not isinstance(merges, list):
        return None
    if len(set(tokens)) < len(tokens):
        raise FormatError(f"{path}: a token stands twice in its vocabulary")
    kinds = kinds.tolist() if isinstance(kinds, np.ndarray) else [NORMAL] * len(tokens)
    kinds = dict(zip(tokens, kinds))
    vocab = {t: i for i, t in enumerate(tokens) if kinds.get(t) != UNUSED}
    names = {}
    for ours, theirs in TOKEN_NAMES.items():
        i = keys.get(f"tokenizer.ggml.{theirs}_token_id")
        if type(i) is int and i < len(tokens) and tokens[i] in vocab:
            names[ours] = tokens[i]
            kinds[tokens[i]] = CONTROL
    added = {
        token: Added(i, special=kinds[token] == CONTROL)
        for token, i in vocab.items()
        if kinds.get(token) in (CONTROL, USER_DEFINED)
    }
    before = []
    if keys.get("tokenizer.ggml.add_bos_token") is True and "bos_token" in names:
        before = [vocab[names["bos_token"]]]
    return Tokenizer(
        [tuple(merge.split(" ")) for merge in merges],
        vocab,
        names.pop("eos_token", None),
        added=added,
        names=names,
        template=(before, []),
        add_prefix_space=keys.get("tokenizer.ggml.add_space_prefix") is True,
    )


def read(source, folder):
    """GGUF -> model folder."""
    keys, tensors = read_gguf(source)
    config = config_of(source, keys, tensors)
    for name in tensors:
        if name.endswith(MATRICES):
            tensors[name] = tensors[name].T
    save = partial(save_tokenizer, partial(tokenizer_of, source, keys), source)
    write_model(source, folder, config, tensors, save)


# Writing.


def pack(kind, value):
    """A value of a key in bytes."""
    if kind == STRING:
        text = value.encode()
        return struct.pack("<Q", len(text)) + text
    if kind in SCALARS:
        return np.array(value, SCALARS[kind]).tobytes()
    item_kind, items = value
    return struct.pack("<LQ", item_kind, len(items)) + b"".join(
        pack(item_kind, item) for item in items
    )


def keys_to_write(source, config, tokenizer, file_kind):
    """``[(key, kind, value), ...]`` in the names that llama.cpp looks for."""
    spelling = {i: token for token, i in tokenizer.vocab.items()}
    kinds = {
        a.id: CONTROL if a.special else USER_DEFINED
        for a in tokenizer.added_tokens.values()
    }
    ids = range(config.n_vocab)
    tokens = [spelling.get(i, f"[PAD{i}]") for i in ids]
    types = [kinds.get(i, NORMAL) if i in spelling else UNUSED for i in ids]
    named = [
        (f"tokenizer.ggml.{theirs}_token_id", U32, getattr(tokenizer, f"{ours}_id"))
        for ours, theirs in TOKEN_NAMES.items()
        if (getattr(tokenizer, f"{ours}_id") or 0) < config.n_vocab
        and getattr(tokenizer, f"{ours}_id") is not None
    ]
    bos = [tokenizer.bos_token_id]
    merges = [" ".join(pair) for pair in tokenizer.spelled_merges]
    sizes = {**vars(config), "n_inner": config.d_inner}
    return [
        ("general.architecture", STRING, "gpt2"),
        ("general.name", STRING, source.resolve().name),
        ("general.file_type", U32, file_kind),
        ("general.quantization_version", U32, 2),
        *[
            (f"gpt2.{key}", F32 if "epsilon" in key else U32, sizes[name])
            for name, key in SIZES.items()
        ],
        ("tokenizer.ggml.model", STRING, "gpt2"),
        ("tokenizer.ggml.pre", STRING, "gpt-2"),
        ("tokenizer.ggml.tokens", ARRAY, (STRING, tokens)),
        ("tokenizer.ggml.token_type", ARRAY, (I32, types)),
        ("tokenizer.ggml.merges", ARRAY, (STRING, merges)),
        *named,
        ("tokenizer.ggml.add_bos_token", BOOL, bos == [*tokenizer.template[0]]),
        ("tokenizer.ggml.add_space_prefix", BOOL, tokenizer.add_prefix_space),
    ]


def what_is_lost(tokenizer):
    """A line about what a tokenizer does and GGUF's keys cannot say, or None."""
    flags = ("lstrip", "rstrip", "single_word")
    lost = {f: [t for t, a in tokenizer.added_tokens.items() if getattr(a, f)]
            for f in flags}  # fmt: skip
    lost = [f"{f} of {str(tokens)[1:-1]:.80}" for f, tokens in lost.items() if tokens]
    before, behind = tokenizer.template
    if [*before] not in ([], [tokenizer.bos_token_id]) or behind:
        lost.append(f"the ids around a text, {[*before]} and {[*behind]}")
    return f"GGUF cannot say, and the file lacks: {'; '.join(lost)}" if lost else None


def tensors_to_write(source, config, kind_name):
    """``{their name: (our array [out, in], name of its kind)}``. As llama.cpp's own
    converter has it, positions and all that is no matrix stay float32; a row that is no
    multiple of 32 long cannot be Q8_0."""
    found = read_folder(source)
    tensors = {}
    for name in config.shapes():
        if name not in found:
            raise FormatError(f"{source}: {name!r} is missing")
        stored, array, _ = found[name]
        layer, ours, end = re.fullmatch(
            r"(?:h\.(\d+)\.)?(.+?)(\.weight|\.bias)", name
        ).groups()
        theirs = f"{f'blk.{layer}.' if layer else ''}{GGUF_NAMES[ours]}{end}"
        array = array.T if name.endswith(MATRICES) else array
        kind = kind_name if array.ndim == 2 and ours != "wpe" else "F32"
        kind = "F16" if kind == "Q8_0" and array.shape[1] % 32 else kind
        tensors[theirs] = stored, array, kind
    return tensors


def write(source, path, kind_name, gpt2_tokenizer=False):
    """Model folder -> GGUF."""
    config = read_config(source)
    plain = GPT2Config(scale_attn_weights=True)
    for name in (
        "activation_function", "scale_attn_weights", "scale_attn_by_inverse_layer_idx"
    ):  # fmt: skip
        if getattr(config, name) not in (getattr(plain, name), "gelu_pytorch_tanh"):
            raise ValueError(
                f"llama.cpp knows no GPT-2 whose {name} is set differently"
            )
    tensors = tensors_to_write(source, config, kind_name)
    tokenizer = tokenizer_for(source, config, gpt2_tokenizer)
    if lost := what_is_lost(tokenizer):
        say(lost)
    keys = keys_to_write(source, config, tokenizer, WRITERS[kind_name][1])
    header = b"GGUF" + struct.pack("<LQQ", 3, len(tensors), len(keys))
    for key, kind, content in keys:
        header += pack(STRING, key) + struct.pack("<L", kind) + pack(kind, content)
    offset = 0
    for name, (_, array, kind) in tensors.items():
        number = WRITERS[kind][0]
        sizes = array.shape[::-1]
        header += pack(STRING, name) + struct.pack("<L", len(sizes))
        header += struct.pack(f"<{len(sizes)}QLQ", *sizes, number, offset)
        _, per_group, group_bytes, *_ = KINDS[number]
        offset += aligned(array.size // per_group * group_bytes)
    with writing(path) as file:
        file.write(header.ljust(aligned(len(header)), b"\0"))
        for name, (stored, array, kind) in tensors.items():
            rows = max(1, STEP // max(1, array[0].size))
            for i in range(0, len(array), rows):
                piece = to_dtype(array[i : i + rows], stored, np.dtype(np.float32))
                try:
                    file.write(WRITERS[kind][2](np.ascontiguousarray(piece)))
                except ValueError as error:
                    raise ValueError(f"{source}, {name}: {error}") from None
            release(array)
            file.write(bytes(aligned(file.tell()) - file.tell()))


def tokenizer_for(source, config, gpt2_tokenizer):
    """The folder's tokenizer, or GPT-2's own where that is asked for."""
    if not gpt2_tokenizer:
        try:
            return Tokenizer.from_pretrained(source)
        except FormatError as error:
            raise FormatError(f"{error} (--gpt2-tokenizer writes that)") from None
    tokenizer = Tokenizer.gpt2()
    if config.n_vocab < tokenizer.n_vocab:
        raise ValueError(
            f"--gpt2-tokenizer: {source} has {config.n_vocab} tokens, GPT-2's own has "
            f"{tokenizer.n_vocab}"
        )
    return tokenizer


def aligned(n):
    return -(-n // ALIGNMENT) * ALIGNMENT


def convert(source, target, args):
    """Either way, as the target's name says."""
    if target.suffix == ".gguf":
        write(source, target, args.type, args.gpt2_tokenizer)
    else:
        read(source, target)


def options(parser):
    parser.add_argument("--type", choices=WRITERS, default="F16",
                        help="of a GGUF file to write: %(choices)s")  # fmt: skip
    parser.add_argument("--gpt2-tokenizer", action="store_true",
                        help="into a GGUF file of a model without one")  # fmt: skip


if __name__ == "__main__":
    sys.exit(run(convert, __doc__, options))
