"""Merges for a piece that is too long for `tokenizer.merge`: a megabyte of "a".

`merge` looks at the whole piece again for every merge. For a word that is the fastest
way, but its time grows with the square of the length, and someone will send a megabyte
without a space. Here it grows with the length.

A merge that takes an eighth of the piece or more is done in one sweep over it: of a
megabyte of "a" six sweeps leave little. For thousands of rarer merges that would be too
much. The places of every pair are then kept in a list under the symbol that the pair
makes. A new symbol can only be part of pairs learned after it, so taking the lists in
the order of their symbols never misses one. The piece itself is a linked list: `before`
and `after` skip what is gone.

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
    places = defaultdict(list)  # new symbol -> where a pair's left half stands
    for i, new in enumerate(made):
        if new != NOTHING:
            places[new].append(i)
    waiting = list(places)
    heapq.heapify(waiting)
    while waiting:
        new = heapq.heappop(waiting)
        for i in sorted(places.pop(new)):
            j = after[i]
            if merges.get((symbols[i], symbols[j])) != new:
                continue  # a neighbour took one half first
            symbols[i], symbols[j] = new, gone
            h, k = before[i], after[j]
            after[i], before[k] = k, i
            # Two pairs are new: with the neighbour on the left, and on the right.
            for left, pair in ((h, (symbols[h], new)), (i, (new, symbols[k]))):
                made = merges.get(pair)
                if made is None:
                    continue
                if made not in places:
                    heapq.heappush(waiting, made)
                places[made].append(left)
    return [s for s in symbols if s != gone]
