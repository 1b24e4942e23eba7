"""Learning the merges: where a tokenizer's list comes from.

Text is cut into pieces (words with the space before them), and every distinct piece is
counted. Then, n_merges times:

    count every pair of neighbouring symbols, in every piece, as often as the piece was
    seen; merge the most frequent pair everywhere; note it down.

At first the symbols are single characters. "newest" six times and "widest" three times
make (e, s) a pair that was seen nine times; the symbol "es" comes of it, and in the
next round (es, t) has a count too.

Ties: of pairs with the same count take the one that is smaller as a pair of texts,
``min`` of the pairs. (Real trainers have other rules; all that matters is to have one.)
In "a a a" the pair (a, a) counts twice.
"""

from collections import Counter

from ... import learn_merges
from ..grade import like
from .merge_pair import answer as merge_pair

NAME = "train_bpe"
STUB = '''
def train_bpe(pieces, n_merges):
    """The first n_merges merges: a list of pairs of strings, the first learned first.

    pieces: {piece: how often it was seen}. If no pair is left, fewer come back.

    >>> train_bpe({"low": 5, "lower": 2, "newest": 6, "widest": 3}, 3)
    [('e', 's'), ('es', 't'), ('l', 'o')]
    """
    raise NotImplementedError
'''
HINTS = [
    "Keep every piece as a list of strings, its symbols: list('low'). A merge replaces "
    "left, right by left + right in each list.",
    "Count with a collections.Counter: for each piece add its number to every pair of "
    "zip(symbols, symbols[1:]).",
    "min(counts, key=lambda pair: (-counts[pair], "
    "pair)) is the most frequent pair, and "
    "among equals the smallest.",
]


# The same with mistakes that can be switched on.
def learn(pieces, n_merges, weigh=True, best=None, recount=True, merge=merge_pair):
    best = best or (lambda counts: min(counts, key=lambda p: (-counts[p], p)))
    words = [(list(piece), n) for piece, n in pieces.items()]
    merges, counts = [], None
    while len(merges) < n_merges:
        if recount or counts is None:
            counts = Counter()
            for word, n in words:
                for pair in zip(word, word[1:]):
                    counts[pair] += n if weigh else 1
        if not counts:
            break
        pair = best(counts)
        merges.append(pair)
        words = [(merge(word, pair, "".join(pair)), n) for word, n in words]
        if not recount:
            del counts[pair]
    return merges


def answer(pieces, n_merges):
    words = [(list(piece), n) for piece, n in pieces.items()]
    merges = []
    while len(merges) < n_merges:
        counts = Counter()
        for word, n in words:
            for pair in zip(word, word[1:]):
                counts[pair] += n
        if not counts:
            break
        pair = min(counts, key=lambda p: (-counts[p], p))
        merges.append(pair)
        words = [(merge_pair(word, pair, "".join(pair)), n) for word, n in words]
    return merges


SOLUTION = [answer, merge_pair, learn_merges.most_frequent_pairs]


def first_seen(counts):
    return max(counts, key=counts.get)


def across(pieces, n_merges):
    text = [c for piece, n in pieces.items() for _ in range(n) for c in piece]
    return learn({tuple(text): 1}, n_merges)


def no_overlap(pieces, n_merges):
    def count(words):
        counts = Counter()
        for word, n in words:
            last = None
            for i, pair in enumerate(zip(word, word[1:])):
                if last == (i - 1, pair):
                    last = None
                    continue
                counts[pair] += n
                last = i, pair
        return counts

    words, merges = [(list(p), n) for p, n in pieces.items()], []
    while len(merges) < n_merges and (counts := count(words)):
        pair = min(counts, key=lambda p: (-counts[p], p))
        merges.append(pair)
        words = [(merge_pair(w, pair, "".join(pair)), n) for w, n in words]
    return merges


SYMPTOMS = {
    "How often a piece was seen is not used: a "
    "pair counts as often as its piece.": like(lambda *args: learn(*args, weigh=False)),
    "The counts stay those of the first round: after a merge there are new pairs, and "
    "old ones have become rarer.": like(lambda *args: learn(*args, recount=False)),
    "Pairs are counted across the border of two pieces; no merge crosses one.": like(
        across
    ),
    "Among equal counts another pair is taken: the "
    "smallest pair of texts should win.": (
        lambda got, e, *args: (
            like(lambda *a: learn(*a, best=first_seen))(got, e, *args)
            or like(
                lambda *a: learn(*a, best=lambda c: max(c, key=lambda p: (c[p], p)))
            )(got, e, *args)
        )
    ),
    "In 'a a a' the pair (a, a) is counted once; it counts twice.": like(no_overlap),
    "The rarest pair is merged, not the most frequent.": like(
        lambda *args: learn(*args, best=lambda c: min(c, key=lambda p: (c[p], p)))
    ),
    "There should be as many merges as were asked for, while pairs are left.": (
        lambda got, e, pieces, n: len(got) != len(e)
    ),
}


def cases():
    for pieces, n in [
        ({"ab": 1}, 1), ({"ab": 1}, 3), ({"ab": 1, "cd": 2}, 1),
        ({"ba": 1, "ab": 1}, 2),
        ({"aaa": 1, "bc": 1}, 1), ({"aaa": 2, "bc": 3}, 2), ({"abc": 2, "bc": 1}, 2),
        ({"ab": 5, "b": 4, "ba": 1}, 1), ({"cb": 3, "bc": 2, "bcb": 1, "x": 9}, 3),
        ({"low": 5, "lower": 2, "newest": 6, "widest": 3}, 8),
        ({"banana": 3, "bandana": 2, "ananas": 2, "anna": 1}, 9),
    ]:  # fmt: skip
        yield pieces, n
