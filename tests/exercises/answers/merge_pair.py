def right_index(symbols, pair, new):
    out, i = [], 0
    while i < len(symbols):
        if i + 1 < len(symbols) and (symbols[i], symbols[i + 1]) == pair:
            out.append(new)
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


def right_stack(symbols, pair, new):
    out, fresh = [], False
    for s in symbols:
        if out and not fresh and (out[-1], s) == pair:
            out[-1], fresh = new, True
        else:
            out.append(s)
            fresh = False
    return out


def wrong_first_only(symbols, pair, new):
    """Only the first place"""
    for i in range(len(symbols) - 1):
        if (symbols[i], symbols[i + 1]) == pair:
            return symbols[:i] + [new] + symbols[i + 2 :]
    return symbols


def wrong_from_the_right(symbols, pair, new):
    """right to left"""
    out, i = [], len(symbols) - 1
    while i >= 0:
        if i > 0 and (symbols[i - 1], symbols[i]) == pair:
            out.append(new)
            i -= 2
        else:
            out.append(symbols[i])
            i -= 1
    return out[::-1]


def wrong_overlap(symbols, pair, new):
    """Pairs overlap"""
    out = []
    for i, s in enumerate(symbols):
        if i + 1 < len(symbols) and (s, symbols[i + 1]) == pair:
            out.append(new)
        elif i == 0 or (symbols[i - 1], s) != pair:
            out.append(s)
    return out


def wrong_again(symbols, pair, new):
    """merged again in the same merge"""
    out = []
    for s in symbols:
        out.append(s)
        if len(out) > 1 and (out[-2], out[-1]) == pair:
            out[-2:] = [new]
    return out


def wrong_either_order(symbols, pair, new):
    """in either order"""
    out, i = [], 0
    while i < len(symbols):
        if i + 1 < len(symbols) and {symbols[i], symbols[i + 1]} == set(pair):
            out.append(new)
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


def wrong_last_lost(symbols, pair, new):
    """last symbol is lost"""
    out, i = [], 0
    while i < len(symbols) - 1:
        if (symbols[i], symbols[i + 1]) == pair:
            out.append(new)
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


def wrong_beyond(symbols, pair, new):
    """raised IndexError"""
    out, i = [], 0
    while i < len(symbols):
        if (symbols[i], symbols[i + 1]) == pair:
            out.append(new)
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


def wrong_in_place(symbols, pair, new):
    """changes its argument symbols"""
    i = 0
    while i < len(symbols) - 1:
        if (symbols[i], symbols[i + 1]) == pair:
            symbols[i : i + 2] = [new]
        i += 1
    return symbols


def wrong_looking_back(symbols, pair, new):
    """used in two merges"""
    out = []
    for i, s in enumerate(symbols):
        if i > 0 and (symbols[i - 1], s) == pair:
            out[-1] = new
        else:
            out.append(s)
    return out


def wrong_left_over(symbols, pair, new):
    """still holds the pair's symbols"""
    pairs = zip(symbols, symbols[1:] + [None])
    return [new if both == pair else both[0] for both in pairs]
