"""How the tokenizer reads a word: its pieces, their bytes, and every merge in order.

`numpygpt.tokenizer.merge` returns only what is left in the end. Here is the same rule
with every state on the way, slowly: of all neighbouring pairs take the one whose merge
was learned first, merge it wherever it stands, and look again.

Next: inside.py.
"""

from itertools import pairwise

from ..tokenizer import BYTE_ORDER, cut


def pieces(tokenizer, text):
    """What becomes of a text, as data: a dictionary for each of its pieces.

    ``text``; ``bytes``: its UTF-8 bytes; ``merges``: a dictionary ``left, right, rank``
    for each, rank 0 being the first merge that was learned; ``tokens``: their ``text``
    and ``id``.

    >>> from numpygpt import Tokenizer
    >>> [piece] = pieces(Tokenizer.gpt2(), " then")
    >>> [(m["left"], m["right"], m["rank"]) for m in piece["merges"]]
    [(' ', 't', 0), ('h', 'e', 2), (' t', 'he', 6), (' the', 'n', 532)]
    >>> piece["tokens"]
    [{'text': ' then', 'id': 788}]
    """
    halves = {made: pair for pair, made in reversed(tokenizer.merges.items())}
    ranks = dict(zip(tokenizer.merges, range(len(tokenizer.merges))))
    return [_piece(tokenizer, piece, halves, ranks) for piece in cut(text)]


def _piece(tokenizer, piece, halves, ranks):
    data = piece.encode()
    symbols, merges = [BYTE_ORDER.index(byte) for byte in data], []
    while pairs := [pair for pair in pairwise(symbols) if pair in ranks]:
        pair = min(pairs, key=tokenizer.merges.get)
        left, right = (readable(spelled(symbol, halves)) for symbol in pair)
        merges.append({"left": left, "right": right, "rank": ranks[pair]})
        symbols = _merged(symbols, pair, tokenizer.merges[pair])
    tokens = [spelled(symbol, halves) for symbol in symbols]
    ids = tokenizer.encode(piece, disallowed_special=())
    tokens = [{"text": readable(t), "id": i} for t, i in zip(tokens, ids, strict=True)]
    return {"text": piece, "bytes": list(data), "merges": merges, "tokens": tokens}


def _merged(symbols, pair, made):
    """The symbols with this pair made one, wherever it stands, from left to right."""
    out = []
    for symbol in symbols:
        if out and (out[-1], symbol) == pair:
            out[-1] = made
        else:
            out.append(symbol)
    return out


def spelled(symbol, halves):
    """The bytes of a symbol. ``halves``: what each merged symbol was made of."""
    if symbol < 256:
        return bytes([BYTE_ORDER[symbol]])
    return b"".join(spelled(half, halves) for half in halves[symbol])


def readable(data):
    r"""Bytes as text that shows: what is no character, or cannot be seen, is escaped.

    >>> print(readable(" caf\u00e9\n".encode()), readable(b"\xc3"), readable(b"\\"))
     café\n \xc3 \
    """
    text = data.decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character):
    return character.encode("unicode_escape").decode()


def token_texts(tokenizer, ids):
    """How to show each token: see `readable`."""
    return [readable(tokenizer.decode_bytes([i])) for i in ids]
