import numpy as np


def soft(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def right_before(logits, p):
    probs = soft(logits.astype(np.float64))
    order = np.argsort(-probs)
    before = np.cumsum(probs[order]) - probs[order]
    kept = np.zeros(len(probs), bool)
    kept[order] = before < p
    return np.where(kept, logits, np.asarray(-np.inf, logits.dtype))


def right_loop(logits, p):
    probs, mass = soft(logits.astype(np.float64)), 0.0
    out = np.full_like(logits, -np.inf)
    for i in sorted(range(len(probs)), key=lambda i: -probs[i]):
        if mass >= p:
            break
        mass += probs[i]
        out[i] = logits[i]
    return out


def wrong_crossing(logits, p):
    """crosses the border is removed"""
    probs = soft(logits)
    order = np.argsort(-probs)
    kept = np.zeros(len(probs), bool)
    kept[order] = np.cumsum(probs[order]) <= p
    return np.where(kept, logits, np.asarray(-np.inf, logits.dtype))


def wrong_ascending(logits, p):
    """begins with the unlikeliest"""
    probs = soft(logits)
    order = np.argsort(probs)
    kept = np.zeros(len(probs), bool)
    kept[order] = np.cumsum(probs[order]) - probs[order] < p
    return np.where(kept, logits, np.asarray(-np.inf, logits.dtype))


def wrong_not_put_back(logits, p):
    """not put back"""
    ranked = np.sort(soft(logits))[::-1]
    kept = np.cumsum(ranked) - ranked < p
    return np.where(kept, logits, np.asarray(-np.inf, logits.dtype))


def wrong_sorted(logits, p):
    """sorted order"""
    ranked = np.sort(logits)[::-1]
    probs = soft(ranked)
    kept = np.cumsum(probs) - probs < p
    return np.where(kept, ranked, np.asarray(-np.inf, logits.dtype))


def wrong_threshold(logits, p):
    """own probability is at least p"""
    return np.where(soft(logits) >= p, logits, np.asarray(-np.inf, logits.dtype))


def wrong_finite(logits, p):
    """-inf"""
    out = right_before(logits, p)
    out[out == -np.inf] = -1e9
    return out


def wrong_probabilities(logits, p):
    """These are probabilities"""
    probs = soft(right_before(logits, p))
    return probs / probs.sum()


def wrong_in_place(logits, p):
    """changes its argument logits"""
    logits[right_before(logits, p) == -np.inf] = -np.inf
    return logits


def wrong_one_more(logits, p):
    """Too many"""
    probs = soft(logits.astype(np.float64))
    order = np.argsort(-probs)
    n = int(np.searchsorted(np.cumsum(probs[order]), p)) + 2
    out = np.full_like(logits, -np.inf)
    out[order[:n]] = logits[order[:n]]
    return out


def right_last_of_equals(logits, p):
    """Of equal tokens it keeps the later ones."""
    return right_before(logits[::-1], p)[::-1].copy()


def right_from_below(logits, p):
    """Remove the unlikeliest while the rest has p."""
    probs = soft(logits.astype(np.float64))
    order = np.argsort(probs)
    out = logits.copy()
    out[order[np.cumsum(probs[order]) <= 1 - p]] = -np.inf
    return out


def right_by_logsumexp(logits, p):
    top = logits.max()
    probs = np.exp(logits - top - np.log(np.exp(logits - top).sum()))
    order = np.argsort(-probs)
    n = int(np.searchsorted(np.cumsum(probs[order]), p)) + 1
    out = np.full_like(logits, -np.inf)
    out[order[:n]] = logits[order[:n]]
    return out


def wrong_at_most(logits, p):
    """p exactly gets one token more"""
    probs = soft(logits)
    order = np.argsort(-probs)
    kept = np.zeros(len(probs), bool)
    kept[order] = np.cumsum(probs[order]) - probs[order] <= p
    return np.where(kept, logits, np.asarray(-np.inf, logits.dtype))


def wrong_ties(logits, p):
    """only as many as are needed"""
    kept = right_before(logits, p)
    least = kept[kept > -np.inf].min()
    return np.where(logits >= least, logits, np.asarray(-np.inf, logits.dtype))


def wrong_logits_summed(logits, p):
    """logits themselves are summed"""
    order = np.argsort(-logits)
    ranked = logits[order]
    kept = np.zeros(len(logits), bool)
    kept[order] = np.cumsum(ranked) - ranked < p
    return np.where(kept, logits, np.asarray(-np.inf, logits.dtype))


def wrong_logits_summed_too_far(logits, p):
    """logits themselves are summed"""
    order = np.argsort(-logits)
    kept = np.zeros(len(logits), bool)
    kept[order] = np.cumsum(logits[order]) <= p
    return np.where(kept, logits, np.asarray(-np.inf, logits.dtype))


def wrong_nothing(logits, p):
    """Nothing is left"""
    return np.full_like(logits, -np.inf)


def wrong_moved(logits, p):
    """keep its logit"""
    return right_before(logits, p) - logits.max()


def wrong_fewer(logits, p):
    """Too few"""
    return right_before(logits, p / 2)
