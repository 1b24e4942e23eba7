import numpy as np


def right_in_one(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def right_by_logarithms(x):
    top = x.max(axis=-1)[..., None]
    return np.exp(x - top - np.log(np.exp(x - top).sum(axis=-1))[..., None])


def right_row_by_row(x):
    out = np.empty_like(x)
    for at in np.ndindex(*x.shape[:-1]):
        e = np.exp(x[at] - max(x[at]))
        out[at] = e / sum(e)
    return out


def wrong_overflow(x):
    """It overflows"""
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


def wrong_axis(x):
    """The columns sum to 1"""
    e = np.exp(x - x.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def wrong_whole_maximum(x):
    """its own maximum subtracted"""
    e = np.exp(x - x.max())
    return e / e.sum(axis=-1, keepdims=True)


def wrong_whole_sum(x):
    """whole array sums to 1"""
    e = np.exp(x - x.max())
    return e / e.sum()


def wrong_no_keepdims(x):
    """with keepdims=True|raised ValueError"""
    e = np.exp(x - x.max(axis=-1))
    return e / e.sum(axis=-1)


def wrong_in_place(x):
    """changes its argument x"""
    x -= x.max(axis=-1, keepdims=True)
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


def wrong_not_scaled(x):
    """rows do not sum to 1"""
    return np.exp(x - x.max(axis=-1, keepdims=True))


def wrong_base(x):
    """should weigh e"""
    e = 2 ** (x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def wrong_float64(x):
    """float64 comes out"""
    e = np.exp(x.astype(np.float64) - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def wrong_linear(x):
    """score"""
    y = x - x.min(axis=-1, keepdims=True) + 1
    return y / y.sum(axis=-1, keepdims=True)


def wrong_sign(x):
    """negative"""
    return -right_in_one(x)
