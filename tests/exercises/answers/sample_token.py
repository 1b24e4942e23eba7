import numpy as np


def right_search(p, u):
    ends = np.cumsum(p)
    at = np.searchsorted(ends, u, side="right")
    return int(at) if at < len(p) else int(np.flatnonzero(p)[-1])


def right_loop(p, u):
    total, last = 0.0, None
    for i, x in enumerate(p):
        total += x
        if x > 0:
            last = i
        if total > u:
            return i
    return last


def wrong_left(p, u):
    """probability 0|very border"""
    return min(int(np.searchsorted(np.cumsum(p), u)), int(np.flatnonzero(p)[-1]))


def wrong_behind(p, u):
    """outside the vocabulary"""
    return int(np.searchsorted(np.cumsum(p), u, side="right"))


def wrong_argmax(p, u):
    """gives the first token"""
    return int(np.argmax(np.cumsum(p) > u))


def wrong_greedy(p, u):
    """greedy"""
    return int(np.argmax(p))


def wrong_last(p, u):
    """probability 0 comes out"""
    return min(int(np.searchsorted(np.cumsum(p), u, side="right")), len(p) - 1)


def wrong_float(p, u):
    """returns a float"""
    return float(right_search(p, u))


def wrong_none(p, u):
    """returns None"""
    total = 0.0
    for i, x in enumerate(p):
        total += x
        if total > u:
            return i


def wrong_random(p, u):
    """likeliest|probability|before|behind|border|compared|another"""
    return int(np.random.default_rng(0).choice(len(p)))


def wrong_one_by_one(p, u):
    """one by one|first token|probability 0"""
    for i, x in enumerate(p):
        if u < x:
            return i
    return len(p) - 1


def wrong_before(p, u):
    """token before"""
    return max(right_search(p, u) - 1, 0)


def wrong_after(p, u):
    """token behind"""
    return min(right_search(p, u) + 1, len(p) - 1)


def wrong_own_probability(p, u):
    """one by one"""
    return int(np.argmax(p > u))
