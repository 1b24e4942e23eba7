def merged(symbols, pair, new):
    out = []
    i = 0
    while i < len(symbols):
        hit = tuple(symbols[i : i + 2]) == pair
        out.append(new if hit else symbols[i])
        i += 1 + hit
    return out


def right_rounds(symbols, merges):
    symbols = list(symbols)
    while True:
        pairs = {p for p in zip(symbols, symbols[1:]) if p in merges}
        if not pairs:
            return symbols
        pair = min(pairs, key=lambda p: merges[p])
        symbols = merged(symbols, pair, merges[pair])


def right_all_merges_in_order(symbols, merges):
    for pair, new in merges.items():
        symbols = merged(symbols, pair, new)
    return list(symbols)


def wrong_one_round(symbols, merges):
    """Only one merge"""
    pairs = [p for p in zip(symbols, symbols[1:]) if p in merges]
    if not pairs:
        return symbols
    pair = min(pairs, key=merges.get)
    return merged(symbols, pair, merges[pair])


def wrong_leftmost(symbols, merges):
    """leftmost pair"""
    symbols, i = list(symbols), 0
    while i < len(symbols) - 1:
        pair = (symbols[i], symbols[i + 1])
        if pair in merges:
            symbols[i : i + 2] = [merges[pair]]
            i = 0
        else:
            i += 1
    return symbols


def wrong_latest(symbols, merges):
    """learned last"""
    symbols = list(symbols)
    while pairs := [p for p in zip(symbols, symbols[1:]) if p in merges]:
        pair = max(pairs, key=merges.get)
        symbols = merged(symbols, pair, merges[pair])
    return symbols


def wrong_longest(symbols, merges):
    """longest known token"""
    text = {}
    for (a, b), new in merges.items():
        text[new] = text.get(a, (a,)) + text.get(b, (b,))
    ids, out, i = {v: k for k, v in text.items()}, [], 0
    while i < len(symbols):
        n = len(symbols) - i
        while n > 1 and tuple(symbols[i : i + n]) not in ids:
            n -= 1
        out.append(ids[tuple(symbols[i : i + n])] if n > 1 else symbols[i])
        i += n
    return out


def wrong_in_place(symbols, merges):
    """changes its argument symbols"""
    while pairs := [p for p in zip(symbols, symbols[1:]) if p in merges]:
        pair = min(pairs, key=merges.get)
        symbols[:] = merged(symbols, pair, merges[pair])
    return symbols


def wrong_key(symbols, merges):
    """raised KeyError"""
    symbols = list(symbols)
    while len(symbols) > 1:
        pair = min(zip(symbols, symbols[1:]), key=lambda p: merges[p])
        symbols = merged(symbols, pair, merges[pair])
    return symbols


def wrong_loses_the_end(symbols, merges):
    """does not spell the same piece"""
    symbols = right_rounds(symbols, merges)
    return [*symbols[:-2], *symbols[-1:]]


def wrong_stops_early(symbols, merges):
    """pairs left that have a merge"""
    symbols = list(symbols)
    for _ in range(2):
        pairs = [p for p in zip(symbols, symbols[1:]) if p in merges]
        if pairs:
            pair = min(pairs, key=merges.get)
            symbols = merged(symbols, pair, merges[pair])
    return symbols
