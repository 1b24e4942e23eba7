"""OpenAI's own release of GPT-2, a TensorFlow checkpoint -> a model folder.

    python scripts/convert_tensorflow.py models/124M FOLDER

SOURCE is the folder with ``model.ckpt.index``, ``model.ckpt.data-00000-of-00001``,
``hparams.json``, ``encoder.json`` and ``vocab.bpe``, or the path of another .index
file. TensorFlow is not needed.

The data file holds the tensors' bytes one after the other. The index says which are
where; it is a *table* as LevelDB writes it, and it is read from its end:

    block, block, ..., 48 bytes of footer

The footer names the place of the last block, an index of the others. A block is a list
of keys in sorted order, and because neighbours in sorted order begin alike, each key
says how many bytes it shares with the one before: "model/h0/ln_1/g" after
"model/h0/ln_1/b" is "14 shared, and then g". Behind the entries stand the places where
a whole key is written out, for searching; we read all, so we skip them. Behind every
block: its kind of compression (none) and a checksum.

The value under a key is a *protocol buffer*: fields of a number, a kind and a content.
Numbers are varints: seven bits a byte, the lowest first, the eighth bit saying "more".

The checksums are CRC-32C: read the bytes as one long polynomial over {0, 1}, and take
the remainder of a division by a fixed one. The standard library has no CRC-32C, and a
loop over 500 MB of bytes would take minutes in Python, but a remainder is linear, which
makes it work for NumPy: `crc32c` divides 16384 lanes at once and adds them up.

Formats: LevelDB's table_format.md, TensorFlow's tensor_bundle.proto.

Try: print the index's keys with `read_table`. How many bytes do shared beginnings save?
"""

import math
import re
import struct
import sys
from functools import cache, partial
from itertools import pairwise

import numpy as np
from converting import DECODERS, Later, fill, pieces, run, save_tokenizer, write_model

from numpygpt import GPT2Config, Tokenizer
from numpygpt.files.hub import MAX_TEXT, FormatError, inside, read_json
from numpygpt.files.vocabulary import read_merges

MAGIC = 0xDB4775248B80FB57
FOOTER, TRAILER = 48, 5
MAX_INDEX = 200_000  # bytes; that of gpt2-xl has 21,000
FLOAT32 = 1  # TensorFlow's number of that dtype
POLYNOMIAL = 0x82F63B78  # CRC-32C's, lowest bit first
LANES = (1 << 14, 1 << 10, 1 << 6, 1)


# Checksums. A state of 32 bits takes in zero bytes by a linear map, so feeding n zeros
# is a matrix of bits, and feeding 2n is that matrix squared.


@cache
def feed_zeros(n):
    """The map "feed n zero bytes" (n a power of two) as two tables, for the low and the
    high 16 bits of the state: ``low[state & 0xFFFF] ^ high[state >> 16]``."""
    if n == 1:
        images = 1 << np.arange(32, dtype=np.uint32)
        for _ in range(8):
            images = (images >> 1) ^ np.where(images & 1, POLYNOMIAL, 0)
    else:
        half = feed_zeros(n // 2)
        images = advance(half, advance(half, 1 << np.arange(32, dtype=np.uint32)))
    tables = []
    for bits in (images[:16], images[16:]):
        table = np.zeros(1, np.uint32)
        for image in bits:
            table = np.concatenate([table, table ^ image.astype(np.uint32)])
        tables.append(table)
    return tables


def advance(tables, states):
    # Plain indexing would do; `take` skips its check of every index.
    low, high = (
        table.take(half, mode="clip")
        for table, half in zip(tables, (states & 0xFFFF, states >> 16))
    )
    return low ^ high


def crc32c(data, crc=0):
    """CRC-32C of some bytes, going on from the ``crc`` of those before.

    Words of 32 bits lie in rows of `LANES` lanes. Taking in the next row means, lane by
    lane: feed a row's length of zeros, add the new word. At the end the left half of
    the lanes is fed the zeros that take it to the right half, and added, and so on.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    state, at = crc ^ 0xFFFFFFFF, 0
    for n in LANES:
        n_rows = (len(data) - at) // (4 * n)
        if n_rows == 0:
            continue
        words = np.frombuffer(data, "<u4", n_rows * n, at).reshape(n_rows, n)
        lanes = words[0].copy()
        lanes[0] ^= state
        for row in words[1:]:
            lanes = advance(feed_zeros(4 * n), lanes) ^ row
        at += words.nbytes
        while n > 1:
            n //= 2
            lanes = advance(feed_zeros(4 * n), lanes[:n]) ^ lanes[n:]
        state = int(advance(feed_zeros(4), lanes)[0])
    for byte in data[at:]:  # the last three at most
        state = int(feed_zeros(1)[0][(state ^ byte) & 0xFF]) ^ (state >> 8)
    return state ^ 0xFFFFFFFF


def unmask(stored):
    """Checksums of data that holds checksums are weak, so stored ones are disguised:
    turned by 15 bits, plus a constant."""
    turned = (stored - 0xA282EAD8) & 0xFFFFFFFF
    return (turned >> 17) | (turned << 15) & 0xFFFFFFFF


# The table.


def varint(data, at):
    """The varint at a place -> (the number, the place behind it)."""
    value = 0
    for n, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << (7 * n)
        if byte < 0x80:
            return value, at + n + 1
    raise ValueError(f"a number without end at byte {at}")


def varints(data, at, n):
    """n of them -> (a list, the place behind it)."""
    values = []
    for _ in range(n):
        value, at = varint(data, at)
        values.append(value)
    return values, at


def read_block(data, begin, size):
    """The entries of a block, ``{key: value}``, after checking its checksum."""
    end = begin + size
    if end + TRAILER > len(data) - FOOTER:
        raise ValueError(f"a block at bytes {begin} to {end}, outside the file")
    kind, stored = struct.unpack_from("<BL", data, end)
    if crc32c(data[begin : end + 1]) != unmask(stored):
        raise ValueError(f"the checksum of the block at byte {begin} is wrong")
    if kind != 0 or size < 4:
        raise ValueError(f"the block at byte {begin} is compressed or empty")
    n_restarts = struct.unpack_from("<L", data, end - 4)[0]
    stop = end - 4 - 4 * n_restarts
    entries, key, at = {}, b"", begin
    while at < stop:
        (shared, unshared, n_value), at = varints(data, at, 3)
        if shared > len(key) or at + unshared + n_value > stop:
            raise ValueError(f"the entry before byte {at} leaves its block")
        key = key[:shared] + data[at : at + unshared]
        if key in entries:
            raise ValueError(f"the key {key!r:.80} stands twice")
        entries[key] = data[at + unshared : at + unshared + n_value]
        at += unshared + n_value
    return entries


def read_table(path):
    """An index file -> ``{key: value}``, both bytes."""
    if not inside(path).is_file() or not FOOTER < path.stat().st_size < MAX_INDEX:
        raise FormatError(f"{path} does not exist, or its size is not that of an index")
    data = path.read_bytes()
    try:
        if int.from_bytes(data[-8:], "little") != MAGIC:
            raise ValueError("the magic number at its end is wrong: it is cut off")
        (_, _, begin, size), _ = varints(data, len(data) - FOOTER, 4)
        table = {}
        for place in read_block(data, begin, size).values():
            (begin, size), _ = varints(place, 0, 2)
            table |= read_block(data, begin, size)
        return table
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None


# The values: protocol buffers.


def read_message(data):
    """A protocol buffer -> ``[(field number, content), ...]``."""
    fields, at = [], 0
    while at < len(data):
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            content, at = varint(data, at)
        elif kind == 2:
            size, at = varint(data, at)
            content, at = data[at : at + size], at + size
        elif kind == 5:
            content, at = int.from_bytes(data[at : at + 4], "little"), at + 4
        else:
            raise ValueError(f"a field of kind {kind}")
        if at > len(data):
            raise ValueError("a field that leaves its message")
        fields.append((number, content))
    return fields


def read_entry(value):
    """A BundleEntryProto -> (shape, shard, offset, size in bytes, masked checksum)."""
    fields = dict(read_message(value))
    if fields.get(1) != FLOAT32:
        raise ValueError(f"dtype {fields.get(1)}, not float32")
    dims = [dict(read_message(dim)) for n, dim in read_message(fields[2]) if n == 2]
    shape = tuple(dim.get(1, 0) for dim in dims)
    shard, offset = fields.get(3, 0), fields.get(4, 0)
    if len(shape) > 8 or 4 * math.prod(shape) != fields[5]:
        raise ValueError(f"the shape {shape} and {fields[5]} bytes")
    return shape, shard, offset, fields[5], fields[6]


def our_name(name):
    """``model/h0/attn/c_attn/w`` -> ``h.0.attn.c_attn.weight``.

    >>> our_name("model/h11/ln_1/g"), our_name("model/wte")
    ('h.11.ln_1.weight', 'wte.weight')
    """
    name = re.sub(r"^model/(h(\d+)/)?", lambda m: f"h.{m[2]}." if m[1] else "", name)
    name = re.sub(r"(^wte|^wpe)$", r"\1/weight", name)
    return re.sub(r"/[gw]$", "/weight", re.sub("/b$", "/bias", name)).replace("/", ".")


def read_index(path):
    """The whole index -> ``{our name: Later}``."""
    table, tensors, spans = read_table(path), {}, []
    header = table.pop(b"", None)
    for key, value in table.items():
        try:
            n_shards = dict(read_message(header or b"")).get(1)
            shape, shard, offset, size, crc = read_entry(value)
            name = key.decode("utf-8")
            data = (
                f"{path.name.removesuffix('.index')}.data-{shard:05}-of-{n_shards:05}"
            )
            data = inside(path.with_name(data))
            if not data.is_file() or offset + size > data.stat().st_size:
                raise ValueError(f"bytes {offset} to {offset + size} of {data.name}")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FormatError(f"{path}, {key!r:.80}: cannot read {error}") from None
        # A matrix was a convolution of width one: [1, in, out].
        shape = shape[1:] if len(shape) == 3 and shape[0] == 1 else shape
        tensors[our_name(name)] = tensor_later(data, name, shape, offset, size, crc)
        spans.append((shard, offset, offset + size))
    spans.sort()
    for (a, _, end), (b, begin, _) in pairwise(spans):
        if a == b and begin < end:
            raise FormatError(f"{path}: two tensors overlap at byte {begin}")
    return tensors


def tensor_later(path, name, shape, offset, size, crc):
    def checked():
        found = 0
        for piece in pieces(path, offset, size):
            found = crc32c(piece, found)
            yield piece
        if found != unmask(crc):
            raise FormatError(f"{path}: the checksum of {name!r:.80} is wrong")

    dtype, decode = DECODERS["F32"]
    return Later(shape, np.dtype(dtype), lambda: fill(shape, dtype, checked(), decode))


def convert(source, folder, args):
    """The whole conversion."""
    index = source if source.suffix == ".index" else source / "model.ckpt.index"
    home = index.parent
    hparams = read_json(home / "hparams.json")
    try:
        config = GPT2Config(
            vocab_size=hparams["n_vocab"],
            n_positions=hparams["n_ctx"],
            n_embd=hparams["n_embd"],
            n_layer=hparams["n_layer"],
            n_head=hparams["n_head"],
            bos_token_id=hparams["n_vocab"] - 1,  # <|endoftext|> is the last
            eos_token_id=hparams["n_vocab"] - 1,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{home / 'hparams.json'}: {error}") from None
    save = partial(save_tokenizer, partial(tokenizer_of, home), home)
    write_model(source, folder, config, read_index(index), save)


def tokenizer_of(home):
    """OpenAI's encoder.json is vocab.json, and vocab.bpe is merges.txt."""
    if not (home / "vocab.bpe").is_file():
        return None
    vocab = read_json(home / "encoder.json", MAX_TEXT)
    return Tokenizer(read_merges(home / "vocab.bpe"), vocab)


if __name__ == "__main__":
    sys.exit(run(convert, __doc__))
