"""The table of merges, made in one go.

Merge k makes symbol ``256 + k``. Plainly, with every token made once:

    symbols = {token: symbol for symbol, token in enumerate(tokens)}
    {(symbols[left], symbols[right]): symbols[left + right] for left, right in merges}

In some tables that were learned elsewhere several merges make the same token, as "a" +
"bc" and "ab" + "c". It then has a symbol for each of them, so that a merge's place in
the order is its own, and whatever merges with one of these symbols merges with all.

Next: tokenizer.py.
"""

from collections import defaultdict
from itertools import count

MOST = 1 << 22  # pairs in a table


def merge_table(merges, tokens):
    """``{(left symbol, right symbol): the symbol that they make}``. ``tokens``: what
    the symbols stand for, first those that no merge makes."""
    symbols = dict(zip(tokens, count()))
    try:
        pairs = [(symbols[left], symbols[right]) for left, right in merges]
    except KeyError:
        unknown = (not {*pair} <= symbols.keys() for pair in merges)
        n = list(unknown).index(True)
        raise ValueError(
            f"merge {n}, {merges[n]!r:.80}, uses a token that no merge makes"
        ) from None
    n_bytes = len(tokens) - len(merges)
    if len(symbols) < len(tokens):
        return all_pairs(merges, tokens, n_bytes)
    return dict(zip(pairs, count(n_bytes)))


def all_pairs(merges, tokens, n_bytes):
    """The same, where tokens stand twice."""
    symbols = defaultdict(list)
    for symbol, token in enumerate(tokens):
        symbols[token].append(symbol)
    if sum(len(symbols[a]) * len(symbols[b]) for a, b in merges) > MOST:
        raise ValueError("too many merges make the same tokens: no model needs that")
    return {
        (left, right): new
        for new, (a, b) in enumerate(merges, n_bytes)
        for left in symbols[a]
        for right in symbols[b]
    }
