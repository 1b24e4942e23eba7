"""One BPE merge: a pair of neighbouring symbols becomes a new symbol.

Byte-pair encoding begins with the bytes of a word and applies merges, one after the
other. A merge says: wherever `left` stands directly before `right`, write `new`. It
goes from left to right, and a symbol that has been used up is gone: in "a a a" the
merge of (a, a) makes "aa a", not "a aa" and not two overlapping ones. What it has just
written is not looked at again in the same merge.
"""

from ... import learn_merges
from ..grade import like

NAME = "merge_pair"
STUB = '''
def merge_pair(symbols, pair, new):
    """Replace a pair of neighbours by a new symbol, everywhere, from left to right.

    symbols: a list of ints; pair: (left, right); new: an int. -> a new list.

    >>> merge_pair([7, 8, 5, 7, 8], (7, 8), 9)
    [9, 5, 9]
    >>> merge_pair([7, 7, 7], (7, 7), 9)
    [9, 7]
    """
    raise NotImplementedError
'''
HINTS = [
    "Keep an index i and an output list. If "
    "symbols[i] and symbols[i + 1] are the pair, "
    "append new and go on by 2; if not, append symbols[i] and go on by 1.",
    "At the last symbol there is no i + 1. Looking at the slice symbols[i : i + 2] is "
    "one way to be safe.",
]


def answer(symbols, pair, new):
    out, i = [], 0
    while i < len(symbols):
        if tuple(symbols[i : i + 2]) == tuple(pair):
            out.append(new)
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


SOLUTION = [answer, learn_merges.merge_pair]


def first_only(symbols, pair, new):
    for i in range(len(symbols) - 1):
        if (symbols[i], symbols[i + 1]) == pair:
            return symbols[:i] + [new] + symbols[i + 2 :]
    return list(symbols)


def from_the_right(symbols, pair, new):
    return answer(symbols[::-1], pair[::-1], new)[::-1]


def overlapping(symbols, pair, new):
    out, at = [], 0
    for i in range(len(symbols) - 1):
        if (symbols[i], symbols[i + 1]) == pair:
            out += symbols[at:i] + [new]
            at = i + 2
    return out + symbols[at:]


def looking_back(symbols, pair, new):
    """Each symbol is compared with the one before it, whether used up or not."""
    out = []
    for i, symbol in enumerate(symbols):
        if i and (symbols[i - 1], symbol) == pair:
            out[-1] = new
        else:
            out.append(symbol)
    return out


def again(symbols, pair, new):
    while (out := answer(symbols, pair, new)) != symbols:
        symbols = out
    return out


def either_order(symbols, pair, new):
    out, i = [], 0
    while i < len(symbols):
        hit = sorted(symbols[i : i + 2]) == sorted(pair)
        out.append(new if hit else symbols[i])
        i += 2 if hit else 1
    return out


SYMPTOMS = {
    "Only the first place is merged; a merge applies wherever the pair stands.": like(
        first_only
    ),
    "It goes from right to left: in three equal symbols the first two belong "
    "together.": like(from_the_right),
    "The pair is merged in either order; (left, right) is not (right, left).": like(
        either_order
    ),
    "Pairs overlap: a symbol that was merged is gone and cannot be half of a second "
    "pair.": lambda got, e, symbols, pair, new: (
        like(overlapping)(got, e, symbols, pair, new) or got.count(new) > e.count(new)
    ),
    "A symbol is used in two merges: in 7 7 7 the middle one is used up by the "
    "first.": like(looking_back),
    "What was just made is merged again in the same merge.": like(again),
    "The last symbol is lost.": lambda got, e, *args: list(got) == e[:-1],
    "The result still holds the pair's symbols behind the new one.": (
        lambda got, e, symbols, pair, new: len(got) > len(e)
    ),
}


def valid(symbols, pair, new):
    """A new symbol that is nowhere yet: else an example reads as if it were merged."""
    return new not in symbols and new not in pair


def cases():
    pair, new = (7, 8), 9
    for symbols in (
        [], [7], [7, 8], [8, 7], [1, 2], [7, 8, 1], [1, 7, 8], [7, 8, 7, 8],
        [7, 7, 8, 8], [7, 8, 1, 7, 8, 2], [8, 7, 8, 7],
    ):  # fmt: skip
        yield symbols, pair, new
    for n in range(1, 7):
        yield [7] * n, (7, 7), 9
    yield [1, 7, 7, 7, 2, 7, 7], (7, 7), 9
    yield [1, 2, 2], (1, 2), 1
    yield [2, 2, 1], (2, 1), 2
