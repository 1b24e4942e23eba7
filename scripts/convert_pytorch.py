"""PyTorch's pytorch_model.bin, or nanoGPT's or minGPT's ckpt.pt -> a model folder.

    python scripts/convert_pytorch.py SOURCE FOLDER [--n-head N] [--activation NAME]

SOURCE is such a file, or a folder of transformers with pytorch_model.bin in it, whole
or in parts. Neither PyTorch nor a pickle's own code is ever run.

What torch.save writes is a *pickle* and, apart from it, the numbers. A pickle is a
program for a little stack machine. Here is one for {"wte": tensor}, as
``python -m pickletools`` prints it, shortened:

    EMPTY_DICT                            put an empty dict on the stack
    BINUNICODE 'wte'                      put a string on the stack
    GLOBAL 'torch._utils _rebuild_tensor_v2'     put that function on the stack
    MARK ... TUPLE                        make a tuple of what comes between
        BINPERSID                         ... a storage: dtype, key, how many numbers
        BININT1 0                         ... the offset in it, shape, strides
    REDUCE                                call the function with the tuple
    SETITEM                               dict["wte"] = what the call returned
    STOP

The danger is in GLOBAL and REDUCE: any function of any module, os.system as well,
called with any arguments. Python's own pickle.load runs such a program faithfully. The
machine below, `run_pickle`, has no instruction that imports or calls anything: a
GLOBAL is a name that must be on a short list, and REDUCE knows what those few mean.

The numbers: torch.save since version 1.6 makes a zip archive with the entries
``NAME/data.pkl`` and, for every storage, ``NAME/data/KEY``, not compressed. Before, it
was one stream: a magic number, a version, facts about the machine, the pickle, the list
of keys, and then the numbers of each key behind their count.

A tensor is a view of a storage: offset, shape, and strides, the steps from one index to
the next along every axis. `w.T` has the same storage and swapped strides, and tied
weights are two tensors with one storage, which is how we know them.

Try: ``python -m pickletools`` on the data.pkl of any model; write a pickle that would
call os.system, and read what this script says about it.
"""

import math
import mmap
import pickletools
import re
import struct
import sys
import zlib
from functools import partial
from io import BytesIO
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from converting import (
    DECODERS,
    MATRICES,
    Later,
    copy_tokenizer,
    fill,
    gpt2_tokenizer,
    pieces,
    run,
    write_model,
)

from numpygpt import GPT2Config
from numpygpt.files.hub import FormatError, parts_of, read_json
from numpygpt.weights import IGNORED, read_config

REBUILD_TENSOR = "torch._utils._rebuild_tensor_v2"
REBUILD_PARAMETER = "torch._utils._rebuild_parameter"
ORDERED_DICT = "collections.OrderedDict"
NUMPY_DTYPE, TO_BYTES = "numpy.dtype", "_codecs.encode"
NUMPY_SCALAR = re.compile(r"numpy\.(_?core)\.multiarray\.scalar")
# The class of a config that some training scripts save whole: a dataclass, whose fields
# are all that is taken.
CONFIG_CLASS = re.compile(r"(\w+\.){1,3}GPTConfig")
NUMPY_NUMBER = re.compile(r"[biuf][1248]")
# Names that stand for data and are never called: storage types and dtypes.
DATA_NAME = re.compile(r"torch\.(\w+Storage|(b?float|int|uint|complex)\d+|bool|Size)")
STORAGE = {
    "torch.DoubleStorage": ("F64", 8), "torch.FloatStorage": ("F32", 4),
    "torch.HalfStorage": ("F16", 2), "torch.BFloat16Storage": ("BF16", 2),
    "torch.LongStorage": ("I64", 8), "torch.IntStorage": ("I32", 4),
    "torch.ShortStorage": ("I16", 2), "torch.CharStorage": ("I8", 1),
    "torch.ByteStorage": ("U8", 1), "torch.BoolStorage": ("BOOL", 1),
}  # fmt: skip
MAX_STEPS = 250_000  # of a pickle; 96 blocks with their optimizer take 100,000
MAX_PICKLE = 4_000_000  # bytes; reading a string takes four times its length
MAX_ENTRIES = 20_000  # of a zip archive
MINGPT = {  # heads of the models that minGPT knows by name
    "openai-gpt": 12, "gpt2": 12, "gpt2-medium": 16, "gpt2-large": 20, "gpt2-xl": 25,
    "gopher-44m": 16, "gpt-mini": 6, "gpt-micro": 4, "gpt-nano": 3,
}  # fmt: skip
LEGACY_MAGIC, LEGACY_VERSION = 0x1950A86A20F9469CFC6C, 1001


class Name(NamedTuple):
    """What GLOBAL puts on our stack."""

    dotted: str


class Storage(NamedTuple):
    """A run of numbers in the file, known by its key."""

    kind: str
    item_size: int
    key: str
    count: int


class Fields(dict):
    """What an object of `CONFIG_CLASS` holds."""


class Tensor(NamedTuple):
    """A view of a storage; all in numbers, not in bytes."""

    storage: Storage
    offset: int
    shape: tuple
    strides: tuple


# The stack machine.


def run_pickle(file, where, storages):
    """Run the pickle that starts at the file's position; returns what it makes, and
    notes every storage it names in ``storages``, ``{key: Storage}``.

    ``file`` must be in memory: a length that lies then costs nothing. No error shows a
    value: a value can contain itself twice, and that thirty times over.
    """
    stack, marked, memo, at = [], [], {}, 0
    try:
        for step, (op, arg, at) in enumerate(pickletools.genops(file)):
            if step > MAX_STEPS:
                raise ValueError(f"more than {MAX_STEPS} steps: this is no model")
            if op.name == "STOP":
                return stack.pop()
            if op.name == "MARK":
                marked.append(stack)
                stack = []
            elif op.name in ("TUPLE", "SETITEMS", "APPENDS"):
                since_mark, stack = stack, marked.pop()
                from_mark(op.name, since_mark, stack)
            elif op.name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
                memo[len(memo) if arg is None else arg] = stack[-1]
            elif op.name in ("BINGET", "LONG_BINGET"):
                stack.append(memo[arg])
            elif op.name == "BINPERSID":
                made = storage(stack.pop())
                if storages.setdefault(made.key, made) != made:
                    raise ValueError(f"storage {made.key!r:.80} has two types or sizes")
                stack.append(made)
            elif op.name not in ("PROTO", "FRAME"):
                instruction(op.name, arg, stack)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise FormatError(f"{where}, pickle at byte {at}: {error}") from None


def from_mark(name, items, stack):
    """The instructions that take everything since the last MARK."""
    if name == "TUPLE":
        stack.append(tuple(items))
    elif name == "APPENDS":
        stack[-1] += items
    else:
        for key, value in zip(items[::2], items[1::2], strict=True):
            set_item(stack[-1], key, value)


def instruction(name, arg, stack):
    """The instructions that work on the top of the stack."""
    match name:
        case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT" | "BINUNICODE":
            stack.append(arg)
        case "SHORT_BINUNICODE" | "SHORT_BINSTRING" | "BINSTRING" | "SHORT_BINBYTES":
            stack.append(arg)
        case "NONE" | "NEWTRUE" | "NEWFALSE":
            stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[name])
        case "EMPTY_DICT" | "EMPTY_LIST" | "EMPTY_TUPLE":
            stack.append({"EMPTY_DICT": {}, "EMPTY_LIST": [], "EMPTY_TUPLE": ()}[name])
        case "TUPLE1" | "TUPLE2" | "TUPLE3":
            n = int(name[-1])
            stack[-n:] = [tuple(stack[-n:])]
        case "SETITEM":
            value, key = stack.pop(), stack.pop()
            set_item(stack[-1], key, value)
        case "APPEND":
            value = stack.pop()
            stack[-1] += [value]
        case "GLOBAL":
            stack.append(global_name(*arg.split(" ", 1)))
        case "STACK_GLOBAL":
            attribute, module = stack.pop(), stack.pop()
            stack.append(global_name(module, attribute))
        case "REDUCE" | "NEWOBJ":
            arguments, function = stack.pop(), stack.pop()
            stack.append(call(function, arguments))
        case "BUILD":  # attributes of the object, as a state dict's version numbers
            attributes = stack.pop()
            if type(stack[-1]) is Fields and type(attributes) is dict:
                stack[-1].update(attributes)
        case _:
            raise ValueError(f"the instruction {name}, which no model needs")


def set_item(target, key, value):
    if type(target) is not dict or type(key) not in (str, int):
        raise ValueError(f"a {type(key).__name__} as key in a {type(target).__name__}")
    target[key] = value


def global_name(module, attribute):
    """A name on the list, or an error: here the hostile pickle ends."""
    if type(module) is not str or type(attribute) is not str:
        raise ValueError("a global whose name is no string")
    dotted = f"{module}.{attribute}"
    known = REBUILD_TENSOR, REBUILD_PARAMETER, ORDERED_DICT, NUMPY_DTYPE, TO_BYTES
    patterns = DATA_NAME, NUMPY_SCALAR, CONFIG_CLASS
    if dotted not in known and not any(p.fullmatch(dotted) for p in patterns):
        raise ValueError(
            f"it wants {dotted!r:.80}, which no model needs: loaded by Python's own "
            "pickle, this file would run code. Nothing of it was run"
        )
    return Name(dotted)


def storage(identity):
    """A persistent id: ("storage", type, key, device, count) and, in old files, a view
    of another storage, which nobody has written since 2016."""
    tag, kind, key, _, count, *view = identity
    if tag != "storage" or any(view) or type(key) is not str or type(count) is not int:
        raise ValueError("a persistent id that is no storage")
    return Storage(*STORAGE[kind.dotted], key, count)


def call(function, arguments):
    """What the few functions on the list would do. A NumPy scalar is its dtype and its
    bytes, and protocol 2 writes bytes as a text to be encoded in Latin-1."""
    match function, arguments:
        case Name(dotted=name), (Storage(), int(), tuple(), tuple(), *_) if (
            name == REBUILD_TENSOR
        ):
            return Tensor(*arguments[:4])
        case Name(dotted=name), (Tensor() as tensor, *_) if name == REBUILD_PARAMETER:
            return tensor
        case Name(dotted=name), () if name == ORDERED_DICT:
            return {}
        case Name(dotted=name), () if CONFIG_CLASS.fullmatch(name):
            return Fields()
        case Name(dotted=name), (str(text), "latin1") if name == TO_BYTES:
            return text.encode("latin1")
        case Name(dotted=name), (str(kind), *_) if name == NUMPY_DTYPE:
            return Name(f"{NUMPY_DTYPE}.{kind}")
        case Name(dotted=name), (Name(dotted=kind), bytes(data)) if (
            NUMPY_SCALAR.fullmatch(name)
        ):
            return numpy_scalar(kind.removeprefix(f"{NUMPY_DTYPE}."), data)
    raise ValueError("a call that does not fit one of the functions on the list")


def numpy_scalar(kind, data):
    """The number, as a Python one."""
    if not NUMPY_NUMBER.fullmatch(kind) or len(data) != int(kind[1]):
        raise ValueError(f"a NumPy number of the kind {kind!r:.40}: {len(data)} bytes")
    return np.frombuffer(data, f"<{kind}")[0].item()


# Where a storage's bytes lie: both kinds of file give
# {key: (begin, n_bytes, crc32 or None)}.


def read_torch(path):
    """A file of torch.save -> (the object, ``{key: span}``); tensors as `Tensor`."""
    if not path.is_file() or path.stat().st_size < 64:
        raise FormatError(f"{path} does not exist or is too short for a model")
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if data[:4] == b"PK\3\4":
        return read_zip_model(path, data)
    return read_legacy_model(path, data)


def read_zip_model(path, data):
    entries = zip_entries(path, data)
    pickles = [name for name in entries if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise FormatError(f"{path} has {len(pickles)} entries data.pkl, not one")
    stem = pickles[0].removesuffix("data.pkl")

    def content(name):
        begin, size, crc = entries[name]
        if size > MAX_PICKLE:
            raise FormatError(f"{path}: {name!r:.80} has {size} bytes: no model does")
        text = data[begin : begin + size]
        if zlib.crc32(text) != crc:
            raise FormatError(f"{path}: the checksum of {name!r} is wrong")
        return text

    if f"{stem}byteorder" in entries and content(f"{stem}byteorder") != b"little":
        raise FormatError(f"{path} has its bytes in an order that is not little-endian")
    spans = {
        name.removeprefix(f"{stem}data/"): span
        for name, span in entries.items()
        if name.startswith(f"{stem}data/")
    }
    pickle = BytesIO(content(pickles[0]))
    return run_pickle(pickle, f"{path}, {pickles[0]!r}", {}), spans


def zip_entries(path, data):
    """``{name: (begin, n_bytes, crc32)}`` of a zip archive whose entries are stored as
    they are. A zip file is read from its end: there lies the directory, and before it
    the entries."""
    try:
        count, at = directory(data)
        if count > MAX_ENTRIES:
            raise ValueError(f"{count} entries are more than a model needs")
        entries, spans = {}, []
        for _ in range(count):
            name, begin, size, crc, at = directory_entry(data, at)
            if name in entries or "\\" in name or ".." in name.split("/"):
                raise ValueError(f"the name {name!r:.80} stands twice or is hostile")
            entries[name] = begin, size, crc
            spans.append((begin, begin + size))
        spans.sort()
        for (_, end), (begin, _) in pairwise(spans):
            if begin < end:
                raise ValueError(f"two entries overlap at byte {begin}")
        return entries
    except (ValueError, struct.error) as error:
        raise FormatError(f"{path}, zip archive: {error}") from None


def directory(data):
    """How many entries, and where their directory starts. Archives above 4 GB have a
    second, wider end record, which a locator before the first points to."""
    end = data.rfind(b"PK\5\6", max(0, len(data) - 65_557))
    if end < 0 or end + 22 > len(data):
        raise ValueError("its end is missing: the file is cut off")
    count, _, at, n_comment = struct.unpack_from("<HLLH", data, end + 10)
    if end + 22 + n_comment != len(data):
        raise ValueError(f"the file does not end where byte {end} says")
    if data[end - 20 : end - 16] == b"PK\6\7":
        wide = struct.unpack_from("<Q", data, end - 12)[0]
        if wide > end or data[wide : wide + 4] != b"PK\6\6":
            raise ValueError(f"no directory end at byte {wide}")
        count, _, at = struct.unpack_from("<QQQ", data, wide + 32)
    if at > end:
        raise ValueError(f"no directory at byte {at}")
    return count, at


def directory_entry(data, at):
    """One directory entry -> (name, where its bytes begin, how many, their crc32, where
    the next entry stands)."""
    if data[at : at + 4] != b"PK\1\2":
        raise ValueError(f"no directory entry at byte {at}")
    fields = struct.unpack_from("<6H3L3H2H2L", data, at + 4)
    flags, method, crc, packed, size, n_name, n_extra, n_comment = (
        fields[i] for i in (2, 3, 6, 7, 8, 9, 10, 11)
    )
    local = fields[15]
    name = data[at + 46 : at + 46 + n_name].decode("utf-8")
    extra = data[at + 46 + n_name : at + 46 + n_name + n_extra]
    size, packed, local = wide_fields(extra, [size, packed, local])
    if method != 0 or flags & 1 or packed != size:
        raise ValueError(f"{name!r:.80} is compressed or encrypted; a model is stored")
    if local + 30 > len(data) or data[local : local + 4] != b"PK\3\4":
        raise ValueError(f"{name!r:.80} does not lie at byte {local}")
    n_local_name, n_local_extra = struct.unpack_from("<2H", data, local + 26)
    begin = local + 30 + n_local_name + n_local_extra
    if data[local + 30 : local + 30 + n_local_name] != name.encode():
        raise ValueError(f"{name!r:.80} has another name at byte {local}")
    if begin + size > len(data):
        raise ValueError(f"{name!r:.80} lies at bytes {begin} to {begin + size}")
    return name, begin, size, crc, at + 46 + n_name + n_extra + n_comment


def wide_fields(extra, values):
    """A field of 2**32 - 1 says: see the 64-bit number in the extra fields, kind 1."""
    at = 0
    while at + 4 <= len(extra) and 0xFFFFFFFF in values:
        kind, size = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            wide = iter(struct.unpack_from(f"<{size // 8}Q", extra, at + 4))
            return [next(wide, v) if v == 0xFFFFFFFF else v for v in values]
        at += 4 + size
    return values


def read_legacy_model(path, data):
    """The stream: five pickles, then count and bytes of every key, in the order of the
    list that the fifth pickle is."""
    storages, file = {}, BytesIO(data[:MAX_PICKLE])
    head = [run_pickle(file, path, storages) for _ in range(2)]
    if head != [LEGACY_MAGIC, LEGACY_VERSION]:
        raise FormatError(f"{path} is no file of torch.save: its magic number is wrong")
    machine, content, keys = (run_pickle(file, path, storages) for _ in range(3))
    if type(machine) is not dict or machine.get("little_endian") is not True:
        raise FormatError(f"{path} was not written on a little-endian machine")
    if type(keys) is not list or any(type(key) is not str for key in keys):
        raise FormatError(f"{path}: the list of keys is damaged")
    spans, at = {}, file.tell()
    for key in keys:
        if key not in storages or key in spans:
            raise FormatError(f"{path}: key {key!r:.80} is unknown or stands twice")
        count = int.from_bytes(data[at : at + 8], "little")
        n_bytes = count * storages[key].item_size
        if count != storages[key].count or at + 8 + n_bytes > len(data):
            raise FormatError(f"{path}: storage {key!r:.80} is cut off at byte {at}")
        spans[key] = at + 8, n_bytes, None
        at += 8 + n_bytes
    if at != len(data):
        raise FormatError(f"{path} goes on after its last storage, at byte {at}")
    return content, spans


# Tensors, and the models they make.


def tensor_later(path, name, tensor, spans):
    """A `Tensor` -> a `Later`, after checking that it stays inside its storage."""
    store, offset, shape, strides = tensor
    begin, n_bytes, _ = spans.get(store.key, (0, -1, None))
    wrong = what_is_wrong(tensor, n_bytes)
    if wrong:
        raise FormatError(f"{path}: the tensor {name!r:.80} {wrong}")
    dtype, decode = DECODERS[store.kind]
    size, n = store.item_size, span_of(shape, strides)

    def read():
        if spans[store.key][2] is not None:
            check_crc(path, store.key, *spans[store.key])
            spans[store.key] = begin, n_bytes, None  # once is enough
        parts = pieces(path, begin + offset * size, n * size)
        flat = fill((n,), dtype, parts, decode)
        steps = [stride * flat.itemsize for stride in strides]
        return np.lib.stride_tricks.as_strided(flat, shape, steps)

    return Later(shape, np.dtype(dtype), read)


def what_is_wrong(tensor, n_bytes):
    """Why a tensor cannot be a view of a storage of so many bytes, or None."""
    store, offset, shape, strides = tensor
    numbers = [offset, store.count, *shape, *strides]
    if (
        any(type(n) is not int or not 0 <= n < 1 << 62 for n in numbers)
        or len(shape) != len(strides)
        or len(shape) > 8
        or n_bytes != store.count * store.item_size
    ):
        return "does not fit its storage"
    n = span_of(shape, strides)
    if math.prod(shape) > store.count or (n and offset + n > store.count):
        return "leaves its storage"
    if not is_view_without_overlap(shape, strides):
        return "overlaps itself"
    return None if store.kind in DECODERS else f"is {store.kind}, not floating point"


def span_of(shape, strides):
    """How many numbers lie between a view's first and last, both counted."""
    if 0 in shape:
        return 0
    return 1 + sum((n - 1) * stride for n, stride in zip(shape, strides))


def is_view_without_overlap(shape, strides):
    """Is every number of the view another one of the storage's? Along the axes from the
    smallest step on, a step must be longer than all that the steps before can reach.

    >>> is_view_without_overlap((2, 3), (3, 1)), is_view_without_overlap((2, 3), (2, 1))
    (True, False)
    """
    reach = 0
    for stride, n in sorted(zip(strides, shape)):
        if n > 1 and stride <= reach:
            return False
        reach += (n - 1) * stride
    return True


def check_crc(path, key, begin, n_bytes, crc):
    """Is this zip entry undamaged?"""
    found = 0
    for piece in pieces(path, begin, n_bytes):
        found = zlib.crc32(piece, found)
    if found != crc:
        raise FormatError(f"{path}: the checksum of storage {key!r:.80} is wrong")


def read_checkpoint(path):
    """A file -> (``{tensor name: Tensor}``, nanoGPT's model_args or None, spans)."""
    content, spans = read_torch(path)
    arguments = None
    if type(content) is dict and type(content.get("model")) is dict:
        arguments = content.get("model_args")
        if type(content.get("config")) is Fields:  # build-nanogpt has the tanh form
            arguments = {**content["config"], "activation": "gelu_new"}
        content = content["model"]
    if type(content) is not dict or not content:
        raise FormatError(f"{path} holds no dict of tensors")
    tensors = {}
    for name, value in content.items():
        if type(name) is not str or type(value) is not Tensor:
            raise FormatError(f"{path}: the entry {name!r:.80} is no tensor")
        # What torch.compile, DataParallel and transformers put in front of the names.
        name = re.sub(r"^(_orig_mod\.|module\.|transformer\.)+", "", name)
        name = name.replace("lm_head.decoder.weight", "lm_head.weight")  # DialoGPT
        if name in tensors:
            raise FormatError(f"{path}: {name!r:.80} stands twice")
        if not IGNORED.fullmatch(name):
            tensors[name] = value
    return tensors, arguments if type(arguments) is dict else None, spans


def mingpt_heads(path):
    """The heads that minGPT's own config.json beside its model.pt says: a number, or
    the name of one of its models."""
    file = (path if path.is_dir() else path.parent) / "config.json"
    model = read_json(file).get("model") if file.is_file() else None
    if not isinstance(model, dict):
        return None
    return model.get("n_head") or MINGPT.get(str(model.get("model_type")))


def is_model_folder(home):
    """Is there a config.json of transformers? minGPT's has the model's part inside."""
    file = home / "config.json"
    return file.is_file() and not isinstance(read_json(file).get("model"), dict)


def infer_config(tensors, arguments, args, path):
    """What the shapes and nanoGPT's model_args say. minGPT writes neither a config nor
    the number of heads, which leaves no trace in the shapes: ``--n-head``."""
    n_head = args.n_head or (arguments or {}).get("n_head") or mingpt_heads(path)
    if type(n_head) is not int:
        raise FormatError(f"{path} does not say the number of heads: give --n-head N")
    try:
        wte, wpe = tensors["wte.weight"], tensors["wpe.weight"]
        end = 50256 if wte.shape[0] > 50256 else None
        return GPT2Config(
            vocab_size=wte.shape[0],
            n_positions=wpe.shape[0],
            n_embd=wte.shape[1],
            n_layer=len({name.split(".")[1] for name in tensors if name[:2] == "h."}),
            n_head=n_head,
            n_inner=max(tensors["h.0.mlp.c_fc.weight"].shape),
            # nanoGPT has GELU itself, minGPT and OpenAI its tanh form.
            activation_function=args.activation
            or (arguments.get("activation", "gelu") if arguments else "gelu_new"),
            tie_word_embeddings=tensors.get("lm_head.weight", wte) == wte,
            bos_token_id=end,
            eos_token_id=end,
        )
    except KeyError as error:
        raise FormatError(f"{path} is no GPT-2: it lacks the tensor {error}") from None
    except (ValueError, IndexError) as error:
        raise FormatError(f"{path}: {error}") from None


def convert(source, folder, args):
    """The whole conversion."""
    home = source if source.is_dir() else source.parent
    files = parts_of(source, "pytorch_model.bin") if source.is_dir() else [source]
    tensors, later, arguments = {}, {}, None
    for file in files:
        found, arguments, spans = read_checkpoint(file)
        if both := tensors.keys() & found.keys():
            raise FormatError(f"{file}: {min(both)!r:.80} is in another part, too")
        tensors |= found
        later |= {n: tensor_later(file, n, t, spans) for n, t in found.items()}
    if arguments is None and is_model_folder(home):
        config = read_config(home)
        write_tokenizer = partial(copy_tokenizer, home)
    else:
        config = infer_config(tensors, arguments, args, source)
        gpt2 = 50257 <= config.vocab_size <= 50304  # padded to a multiple of 64
        write_tokenizer = gpt2_tokenizer if gpt2 else None
    if config.tie_word_embeddings:
        later.pop("lm_head.weight", None)
    # PyTorch's Linear stores [out, in]; transformers' GPT-2 stores [in, out] as OpenAI.
    c_attn = later.get("h.0.attn.c_attn.weight")
    if c_attn and c_attn.shape == (3 * config.n_embd, config.n_embd):
        for name in later:
            if name.endswith(MATRICES):
                later[name] = later[name].T
    write_model(source, folder, config, later, write_tokenizer)


def options(parser):
    parser.add_argument("--n-head", type=int, help="where the file does not say it")
    parser.add_argument("--activation", help="in place of the one its writer uses")


if __name__ == "__main__":
    sys.exit(run(convert, __doc__, options))
