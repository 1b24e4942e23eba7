from collections import Counter


def right_texts(pieces, n_merges):
    words = {tuple(p): n for p, n in pieces.items()}
    merges = []
    for _ in range(n_merges):
        counts = Counter()
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                counts[pair] += n
        if not counts:
            break
        pair = sorted(counts, key=lambda p: (-counts[p], p))[0]
        merges.append(pair)
        new = {}
        for word, n in words.items():
            word, i, out = list(word), 0, []
            while i < len(word):
                if tuple(word[i : i + 2]) == pair:
                    out.append("".join(pair))
                    i += 2
                else:
                    out.append(word[i])
                    i += 1
            new[tuple(out)] = new.get(tuple(out), 0) + n
        words = new
    return merges


def right_library(pieces, n_merges):
    """The package's own, which settles ties by age: here by the pair itself."""
    from numpygpt.exercises.tasks.train_bpe import learn

    most = lambda c: max(sorted(c), key=c.get)  # noqa: E731
    return [list(pair) for pair in learn(pieces, n_merges, best=most)]


def _learn(pieces, n_merges, **how):
    from numpygpt.exercises.tasks.train_bpe import learn

    return learn(pieces, n_merges, **how)


def wrong_unweighted(pieces, n_merges):
    """How often a piece was seen is not used"""
    return _learn({p: 1 for p in pieces}, n_merges)


def wrong_counts_once(pieces, n_merges):
    """counts stay those of the first round"""
    counts = Counter()
    for piece, n in pieces.items():
        for pair in zip(piece, piece[1:]):
            counts[pair] += n
    return sorted(counts, key=lambda p: (-counts[p], p))[:n_merges]


def wrong_across(pieces, n_merges):
    """across the border"""
    text = [c for piece, n in pieces.items() for c in piece * n]
    return _learn({tuple(text): 1}, n_merges)


def wrong_ties(pieces, n_merges):
    """Among equal counts another pair"""
    return _learn(pieces, n_merges, best=lambda c: c.most_common(1)[0][0])


def wrong_rarest(pieces, n_merges):
    """rarest pair"""
    return _learn(pieces, n_merges, best=lambda c: min(c, key=lambda p: (c[p], p)))


def wrong_joined(pieces, n_merges):
    """joined texts|returns a str|not a tuple"""
    return ["".join(pair) for pair in _learn(pieces, n_merges)]


def wrong_overlap(pieces, n_merges):
    """counted once"""
    merges = []
    words = [(list(p), n) for p, n in pieces.items()]
    while len(merges) < n_merges:
        counts = Counter()
        for word, n in words:
            i = 0
            while i < len(word) - 1:
                counts[word[i], word[i + 1]] += n
                same = word[i : i + 3] == [word[i]] * 3
                i += 2 if same else 1
        if not counts:
            break
        pair = min(counts, key=lambda p: (-counts[p], p))
        merges.append(pair)
        new = []
        for word, n in words:
            out, i = [], 0
            while i < len(word):
                hit = tuple(word[i : i + 2]) == pair
                out.append("".join(pair) if hit else word[i])
                i += 1 + hit
            new.append((out, n))
        words = new
    return merges


def wrong_empty(pieces, n_merges):
    """raised ValueError"""
    merges = _learn(pieces, n_merges)
    for _ in range(n_merges - len(merges)):
        min([])
    return merges


def wrong_only_repeated(pieces, n_merges):
    """as many merges"""
    counts = Counter()
    for piece, n in pieces.items():
        counts.update(dict.fromkeys(zip(piece, piece[1:]), n))
    return _learn(pieces, min(n_merges, sum(n > 1 for n in counts.values())))


def wrong_largest_of_equals(pieces, n_merges):
    """Among equal counts another pair"""
    return _learn(pieces, n_merges, best=lambda c: max(c, key=lambda p: (c[p], p)))
