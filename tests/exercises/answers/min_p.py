import math

import numpy as np


def soft(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def _kept(logits, which):
    return np.where(which, logits, np.asarray(-np.inf, logits.dtype))


def right_probabilities(logits, value):
    probs = soft(logits.astype(np.float64))
    return _kept(logits, probs >= value * probs.max())


def right_logits(logits, value):
    out = logits.copy()
    out[logits - logits.max() < math.log(value)] = -np.inf
    return out


def wrong_absolute(logits, value):
    """border is value itself"""
    return _kept(logits, soft(logits) >= value)


def wrong_of_logits(logits, value):
    """largest \\*logit\\*"""
    return _kept(logits, logits >= value * logits.max())


def wrong_no_logarithm(logits, value):
    """minus value"""
    return _kept(logits, logits >= logits.max() - value)


def wrong_strict(logits, value):
    """a token at the border stays"""
    return _kept(logits, logits - logits.max() > math.log(value))


def wrong_sign(logits, value):
    """unlikely tokens stay"""
    return _kept(logits, soft(logits) < value * soft(logits).max())


def wrong_finite(logits, value):
    """-inf"""
    return np.where(
        logits - logits.max() >= math.log(value), logits, np.asarray(-1e4, logits.dtype)
    )


def wrong_probabilities(logits, value):
    """These are probabilities"""
    probs = soft(logits)
    return np.where(probs >= value * probs.max(), probs, np.asarray(0, logits.dtype))


def wrong_in_place(logits, value):
    """changes its argument logits"""
    logits[logits - logits.max() < math.log(value)] = -np.inf
    return logits


def wrong_overflow(logits, value):
    """Too|NaN|left"""
    probs = np.exp(logits) / np.exp(logits).sum()
    return _kept(logits, probs >= value * probs.max())


def wrong_moved(logits, value):
    """keep its logit"""
    return right_probabilities(logits, value) - logits.max()


def wrong_more(logits, value):
    """Too many"""
    return right_probabilities(logits, value**2)


def wrong_fewer(logits, value):
    """Too few"""
    return right_probabilities(logits, value**0.5)
