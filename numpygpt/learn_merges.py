"""How the merges are learned: count pairs, merge the most frequent, again.

Encoding only obeys a list of merges. Where does the list come from? From text, by a
rule of one line: *join the pair of neighbours that is seen most often, everywhere,
and repeat*. Each round makes one new token, so 50,000 rounds give GPT-2's 50,000
merges. Nothing in it knows what a word is, and yet words come out, since their
letters stand side by side more often than chance.

Done as stated, every round would read the whole text. Two facts make it quick:

1. No merge crosses the border of a piece (tokenizer.py cuts the text into them), and
   most pieces are seen many times. So it is enough to look at each *distinct* piece
   once and to count its pairs as often as the piece was seen.
2. A merge changes only the pieces that hold the pair, and there only the pairs beside
   it: in "l o w e r", merging "o w" takes away "l o" and "w e" and brings "l ow" and
   "ow e". So we keep the counts, and correct what changed.

The largest count is found with a heap. An entry of it may be out of date, since counts
fall as neighbours are merged; such an entry is put back with its true count when it
comes up. Equal counts are settled as Hugging Face's trainer does it: the pair whose
left (then right) symbol is older wins, single characters by their code point. OpenAI
did not publish how GPT-2's ties were settled, or the text.

Paper: Sennrich et al., arXiv:1508.07909, section 3.2.

Try: learn from one repeated letter, ``{"aaaaaaaa": 1}``. Which lengths become tokens?
"""

import numbers
from collections import Counter, defaultdict
from heapq import heapify, heappop, heappush
from itertools import islice, pairwise

MOST = 1 << 31  # merges; ids are no larger anywhere


def learn_merges(pieces, n_merges, progress=None):
    """``{piece: how often}`` -> ``[(left, right), ...]``, the first learned first.

    Symbols are the pieces' characters at first. ``progress``, if given, is called with
    the number of merges so far. It is a ValueError if the pieces are merged to one
    symbol each, so that no pair is left, before there are ``n_merges``.

    >>> learn_merges({"low": 5, "lower": 2, "newest": 6, "widest": 3}, 4)
    [('e', 's'), ('es', 't'), ('l', 'o'), ('lo', 'w')]
    """
    if not isinstance(n_merges, numbers.Integral) or n_merges < 0:
        raise ValueError(f"n_merges must be an integer of at least 0, not {n_merges!r}")
    if progress is not None and not callable(progress):
        raise ValueError(f"progress must be a function, not {progress!r:.80}")
    merges = []
    for merge in islice(most_frequent_pairs(pieces), min(n_merges, MOST)):
        merges.append(merge)
        if progress:
            progress(len(merges))
    if len(merges) < n_merges:
        raise ValueError(
            f"n_merges must be at most {len(merges)} for this text, not {n_merges}: "
            "after so many merges each of its pieces is one token"
        )
    return merges


def most_frequent_pairs(pieces):
    """Yield the most frequent pair, merge it, and so on until no pair is left."""
    tokens = sorted(set().union(*pieces))  # symbol -> what it spells
    symbols = {token: symbol for symbol, token in enumerate(tokens)}
    words = [[symbols[character] for character in piece] for piece in pieces]
    seen = list(pieces.values())
    counts, holders = count_pairs(words, seen)
    heap = [(-count, pair) for pair, count in counts.items()]
    heapify(heap)
    while heap:
        count, pair = heappop(heap)
        if -count != counts[pair]:  # out of date
            heappush(heap, (-counts[pair], pair))
        elif count < 0:
            left, right = (tokens[symbol] for symbol in pair)
            yield left, right
            new = symbols.setdefault(left + right, len(tokens))
            if new == len(tokens):  # no other pair has made this token before
                tokens.append(left + right)
            brought = set()
            for n in holders.pop(pair):
                for other, change in merge_pair(words[n], pair, new):
                    counts[other] += change * seen[n]
                    if change > 0:
                        holders[other].add(n)
                        brought.add(other)
            for other in brought:
                heappush(heap, (-counts[other], other))


def count_pairs(words, seen):
    """How often each pair is seen, and the numbers of the words that hold it."""
    counts, holders = defaultdict(int), defaultdict(set)
    for n, word in enumerate(words):
        for pair in pairwise(word):
            counts[pair] += seen[n]
            holders[pair].add(n)
    return counts, holders


def merge_pair(word, pair, new):
    """Replace ``pair`` by ``new`` in a word, in place, from left to right; yield the
    neighbouring pairs that this takes away, ``(pair, -1)``, and brings, ``(pair, 1)``.

    >>> word = list("lower")
    >>> list(merge_pair(word, ("o", "w"), "ow"))
    [(('l', 'o'), -1), (('l', 'ow'), 1), (('w', 'e'), -1), (('ow', 'e'), 1)]
    >>> word
    ['l', 'ow', 'e', 'r']
    """
    left, right = pair
    i = 0
    while i < len(word) - 1:
        if word[i] == left and word[i + 1] == right:
            word[i : i + 2] = [new]
            if i > 0:
                yield (word[i - 1], left), -1
                yield (word[i - 1], new), 1
            if i + 1 < len(word):
                yield (right, word[i + 1]), -1
                yield (new, word[i + 1]), 1
        i += 1


def count_pieces(texts, cut, separator):
    """``{piece: how often}`` of all texts. ``cut`` makes pieces of a text; a
    ``separator`` inside one ("<|endoftext|>") is not learned from.

    >>> dict(count_pieces(["to be or not", "to be"], str.split, "<|endoftext|>"))
    {'to': 2, 'be': 2, 'or': 1, 'not': 1}
    """
    counts = Counter()
    for text in check_texts(texts):
        for part in text.split(separator):
            counts.update(cut(part))
    if not counts:
        raise ValueError("texts holds no text to learn from")
    return counts


def check_texts(texts):
    """Yield texts that can be learned from, or say which one cannot."""
    if isinstance(texts, (str, bytes)):
        raise ValueError("texts must be several texts, not one: write [text]")
    try:
        texts = enumerate(texts)
    except TypeError:
        raise ValueError(f"texts must be several texts, not {texts!r:.80}") from None
    for n, text in texts:
        if not isinstance(text, str):
            raise ValueError(f"texts[{n}] must be a str, not {type(text).__name__}")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"texts[{n}] holds half a character at {error.start}, "
                f"{text[error.start]!r}: UTF-8 cannot write it"
            ) from None
        yield text
