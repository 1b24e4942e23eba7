"""Merges for a piece that is too long for `tokenizer.merge`: a megabyte of "a".

`merge` looks at the whole piece again for every merge. For a word that is the fastest
way, but its time grows with the square of the length, and someone will send a megabyte
without a space. Here it grows with the length.

A merge that takes an eighth of the piece or more is done in one sweep over it: of a
megabyte of "a" six sweeps leave little. For thousands of rarer merges that would be too
much. The places of every pair are then kept in a heap, leftmost first, under the symbol
that the pair makes, and those symbols in a heap, too. The piece itself is a linked
list: `before` and `after` skip what is gone.

Next: tokenizer.py.
"""

import heapq
from collections import defaultdict
from itertools import pairwise, repeat

NOTHING = 1 << 62  # what a pair makes that no merge has: behind all symbols
DENSE = 8  # a sweep pays off if it merges at one place in so many


def sweep(symbols, merges):
    """Do the first merges, as long as each one takes many pairs. Returns what is left
    and what each of its pairs would make."""
    while True:
        made = list(map(merges.get, pairwise(symbols), repeat(NOTHING)))
        new = min(made, default=NOTHING)
        if made.count(new) * DENSE < len(symbols) or new == NOTHING:
            return symbols, made
        around = {*symbols, new}
        pairs = [*((s, new) for s in around), *((new, s) for s in around)]
        if min(map(merges.get, pairs, repeat(NOTHING))) < new:
            return symbols, made  # what it makes has an earlier merge: one at a time
        merged, halves = [], zip(symbols, [*made, NOTHING])
        for symbol, pair in halves:
            if pair == new:
                symbol = new
                next(halves)  # the right half
            merged.append(symbol)
        symbols = merged


def merge_long(symbols, merges):
    """As `tokenizer.merge`."""
    symbols, made = sweep(symbols, merges)
    gone, n = -1, len(symbols)
    symbols = [*symbols, gone]  # a wall at the end
    before, after = list(range(-1, n)), list(range(1, n + 2))
    places = defaultdict(list)  # new symbol -> where a pair's left half stands: a heap
    for i, new in enumerate(made):
        if new != NOTHING:
            places[new].append(i)
    waiting = list(places)
    heapq.heapify(waiting)
    while waiting:
        new = waiting[0]
        if not places[new]:
            del places[heapq.heappop(waiting)]
            continue
        i = heapq.heappop(places[new])
        j = after[i]
        if merges.get((symbols[i], symbols[j])) != new:
            continue  # a neighbour took one half first
        symbols[i], symbols[j] = new, gone
        h, k = before[i], after[j]
        after[i], before[k] = k, i
        # Two pairs are new: with the neighbour on the left, and on the right.
        for left, pair in ((h, (symbols[h], new)), (i, (new, symbols[k]))):
            if (made := merges.get(pair)) is not None:
                if made not in places:
                    heapq.heappush(waiting, made)
                heapq.heappush(places[made], left)
    return [s for s in symbols if s != gone]
