"""Encoding: apply the merges to one piece of text, the earliest learned first.

A tokenizer has a list of merges, in the order in which they were learned. To encode a
piece (a word, say), begin with its bytes and repeat:

    of all neighbouring pairs in the piece, take the one whose merge was learned first;
    merge it everywhere; stop when no pair of neighbours has a merge.

It is the rank in the list that decides, not the place in the word, and not the length
of what comes out. The learner of the merges did them in that order, and encoding must
repeat what it did, or a word would be cut otherwise than in training.

Here ``merges`` is a dictionary {(left, right): new}, the earliest learned first. New
symbols have rising numbers: the smaller ``new`` is, the earlier the merge.
"""

from ... import tokenizer
from ..grade import like
from .merge_pair import answer as merge_pair

NAME = "encode_piece"
STUB = '''
def encode_piece(symbols, merges):
    """Apply the merges to one piece.

    symbols: a list of ints; merges: {(left, right): new}. -> a shorter list.

    >>> a, b, c, bc, ab = range(5)
    >>> encode_piece([a, b, c], {(b, c): bc, (a, b): ab})   # (b, c) was learned first
    [0, 3]
    """
    raise NotImplementedError
'''
HINTS = [
    "In each round list the pairs that stand in the piece now: zip(symbols, "
    "symbols[1:]). Those in merges are the candidates; none: done.",
    "min(candidates, key=merges.get) is the earliest learned.",
    "Then one merge of the whole piece, as in the exercise merge_pair, and the next "
    "round: the new symbol may be half of another pair.",
]


def answer(symbols, merges):
    symbols = list(symbols)
    while pairs := [p for p in zip(symbols, symbols[1:]) if p in merges]:
        first = min(pairs, key=merges.get)
        symbols = merge_pair(symbols, first, merges[first])
    return symbols


SOLUTION = [tokenizer.merge, answer]


def leftmost(symbols, merges):
    symbols = list(symbols)
    while pairs := [p for p in zip(symbols, symbols[1:]) if p in merges]:
        i = list(zip(symbols, symbols[1:])).index(pairs[0])
        symbols[i : i + 2] = [merges[pairs[0]]]
    return symbols


def latest(symbols, merges):
    symbols = list(symbols)
    while pairs := [p for p in zip(symbols, symbols[1:]) if p in merges]:
        last = max(pairs, key=merges.get)
        symbols = merge_pair(symbols, last, merges[last])
    return symbols


def one_round(symbols, merges):
    pairs = [p for p in zip(symbols, symbols[1:]) if p in merges]
    first = min(pairs, key=merges.get, default=(None, None))
    return merge_pair(symbols, first, merges.get(first))


def longest(symbols, merges):
    spelled = {}
    for (left, right), new in merges.items():
        spelled[new] = spelled.get(left, (left,)) + spelled.get(right, (right,))
    known = {text: new for new, text in spelled.items()}
    out, i = [], 0
    while i < len(symbols):
        for n in range(len(symbols) - i, 0, -1):
            piece = tuple(symbols[i : i + n])
            if n == 1 or piece in known:
                out.append(known.get(piece, piece[0]))
                i += n
                break
    return out


SYMPTOMS = {
    "Only one merge is made: go on until no pair of neighbours has one.": like(
        one_round
    ),
    "The leftmost pair is merged first; the earliest learned should be.": like(
        leftmost
    ),
    "The pair that was learned last is merged first; it is the other way round.": like(
        latest
    ),
    "The longest known token is taken at each place. "
    "BPE does not look for the longest: "
    "it repeats the merges in their order.": like(longest),
    "There are pairs left that have a merge.": lambda got, e, symbols, merges: any(
        p in merges for p in zip(got, got[1:])
    ),
    "The result does not spell the same piece.": lambda got, e, symbols, merges: (
        sum(size(s, merges) for s in got) != len(symbols)
    ),
}


def size(symbol, merges):
    for (left, right), new in merges.items():
        if new == symbol:
            return size(left, merges) + size(right, merges)
    return 1


def cases():
    few = {(1, 2): 10, (0, 1): 11, (10, 2): 12, (11, 11): 13, (0, 10): 14}
    for symbols in [], [0], [0, 1], [2, 1], [0, 1, 2], [0, 1, 0, 1], [0, 1, 2, 2]:
        yield symbols, few
    yield [1, 2, 1, 2, 0, 1], few
    yield [0, 1, 2], {(0, 1): 10, (1, 2): 11}
    same = {(1, 1): 10, (10, 10): 11, (11, 1): 12}
    for n in range(2, 9):
        yield [1] * n, same
    chain = {(2, 3): 10, (0, 1): 11, (11, 2): 12, (12, 3): 13}
    yield [0, 1, 2, 3], chain
    yield [0, 1, 2, 0, 1, 2, 3], chain
