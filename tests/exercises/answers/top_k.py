import numpy as np


def right_sort(logits, k):
    border = np.sort(logits)[::-1][:k][-1]
    return np.where(logits < border, np.asarray(-np.inf, logits.dtype), logits)


def right_loop(logits, k):
    out = logits.copy()
    for i, x in enumerate(logits):
        if sum(logits > x) >= k:
            out[i] = -np.inf
    return out


def wrong_zero(logits, k):
    """logit -inf"""
    border = np.sort(logits)[-k:][0]
    return np.where(logits >= border, logits, np.asarray(0, logits.dtype))


def wrong_finite(logits, k):
    """logit -inf"""
    border = np.sort(logits)[-k:][0]
    return np.where(logits >= border, logits, np.asarray(-1e9, logits.dtype))


def wrong_smallest(logits, k):
    """smallest stay"""
    border = np.sort(logits)[:k][-1]
    return np.where(logits <= border, logits, np.asarray(-np.inf, logits.dtype))


def wrong_fewer(logits, k):
    """One too few"""
    border = np.sort(logits)[-k:][0]
    return np.where(logits > border, logits, np.asarray(-np.inf, logits.dtype))


def wrong_more(logits, k):
    """One too many"""
    border = np.sort(logits)[-k - 1 :][0]
    return np.where(logits >= border, logits, np.asarray(-np.inf, logits.dtype))


def wrong_ties(logits, k):
    """ties with the k-th"""
    out = np.full_like(logits, -np.inf)
    best = np.argsort(-logits, kind="stable")[:k]
    out[best] = logits[best]
    return out


def wrong_sorted(logits, k):
    """in other places"""
    out = np.full_like(logits, -np.inf)
    out[:k] = np.sort(logits)[::-1][:k]
    return out


def wrong_large_k(logits, k):
    """raised IndexError"""
    border = np.sort(logits)[-k]
    return np.where(logits >= border, logits, np.asarray(-np.inf, logits.dtype))


def wrong_in_place(logits, k):
    """changes its argument logits"""
    logits[logits < np.sort(logits)[-k:][0]] = -np.inf
    return logits


def wrong_float64(logits, k):
    """float64 comes out"""
    border = np.sort(logits)[-k:][0]
    return np.array([x if x >= border else -np.inf for x in logits.tolist()])


def wrong_moved(logits, k):
    """keep its logit"""
    return right_sort(logits, k) - logits.max()
