import numpy as np


def _draw(p, v):
    at = int(np.searchsorted(np.cumsum(p), v, side="right"))
    return min(at, int(np.flatnonzero(p)[-1]))


def right_ratio(p, q, token, u, v):
    if u < p[token] / q[token]:
        return token
    rest = np.clip(p - q, 0, None)
    return _draw(rest / rest.sum(), v)


def right_unscaled(p, q, token, u, v):
    if u < min(1, p[token] / q[token]):
        return token
    v *= sum(max(a - b, 0) for a, b in zip(p, q))
    for i, (a, b) in enumerate(zip(p, q)):
        v -= max(a - b, 0)
        if v < 0:
            return i


def wrong_from_p(p, q, token, u, v):
    """draws from p again"""
    return token if u < p[token] / q[token] else _draw(p, v)


def wrong_absolute(p, q, token, u, v):
    """from |p - q|"""
    if u < p[token] / q[token]:
        return token
    rest = abs(p - q)
    return _draw(rest / rest.sum(), v)


def wrong_not_scaled(p, q, token, u, v):
    """without scaling"""
    if u < p[token] / q[token]:
        return token
    rest = np.maximum(p - q, 0)
    return min(int(np.searchsorted(np.cumsum(rest), v, side="right")), len(p) - 1)


def wrong_upside_down(p, q, token, u, v):
    """ratio is upside down"""
    if p[token] > 0 and u < q[token] / p[token]:
        return token
    rest = np.maximum(p - q, 0)
    return _draw(rest / rest.sum(), v)


def wrong_always(p, q, token, u, v):
    """accepted where it should be refused"""
    return token


def wrong_never(p, q, token, u, v):
    """refused where"""
    rest = np.maximum(p - q, 0)
    return _draw(rest / rest.sum(), v) if rest.any() else token


def wrong_from_q(p, q, token, u, v):
    """from q|from p|p - q"""
    return token if u < p[token] / q[token] else _draw(q, v)


def wrong_greedy(p, q, token, u, v):
    """accepted where|refused where"""
    if p[token] >= q[token]:
        return token
    rest = np.maximum(p - q, 0)
    return _draw(rest / rest.sum(), v)


def wrong_at_zero(p, q, token, u, v):
    """compare with <, not <="""
    if u <= p[token] / q[token]:
        return token
    rest = np.maximum(p - q, 0)
    return _draw(rest / rest.sum(), v)


def wrong_left(p, q, token, u, v):
    """sum must exceed v, so side='right'"""
    if u < p[token] / q[token]:
        return token
    rest = np.maximum(p - q, 0)
    return int(np.searchsorted(np.cumsum(rest / rest.sum()), v))


def wrong_too_much(p, q, token, u, v):
    """what q gave too much of"""
    if u < p[token] / q[token]:
        return token
    rest = np.maximum(q - p, 0)
    return _draw(rest / rest.sum(), v)


def wrong_ratio(p, q, token, u, v):
    """ratio is upside down"""
    if u < q[token] / p[token]:
        return token
    rest = np.maximum(p - q, 0)
    return _draw(rest / rest.sum(), v)


def wrong_best_of_the_rest(p, q, token, u, v):
    """not the one on whose stretch"""
    return token if u < p[token] / q[token] else int(np.argmax(p - q))
