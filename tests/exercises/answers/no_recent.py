import numpy as np


def right_index(logits, context):
    out = logits.copy()
    out[context[-3:]] = -np.inf
    return out if (out > -np.inf).any() else logits


def right_loop(logits, context):
    last = set(context.tolist()[-3:])
    if all(x == -np.inf or i in last for i, x in enumerate(logits)):
        return np.array(logits)
    kept = [i not in last for i in range(len(logits))]
    return np.where(kept, logits, np.asarray(-np.inf, logits.dtype))


def wrong_nothing_left(logits, context):
    """Nothing is left"""
    out = logits.copy()
    out[context[-3:]] = -np.inf
    return out


def wrong_whole_text(logits, context):
    """whole text is blocked"""
    out = logits.copy()
    out[context] = -np.inf
    return out if out.max() > -np.inf else logits


def wrong_first_three(logits, context):
    """first three tokens"""
    out = logits.copy()
    out[context[:3]] = -np.inf
    return out if out.max() > -np.inf else logits


def wrong_last_one(logits, context):
    """Only the last token"""
    out = logits.copy()
    if len(context):
        out[context[-1]] = -np.inf
    return out if out.max() > -np.inf else logits


def wrong_finite(logits, context):
    """-inf"""
    out = logits.copy()
    out[context[-3:]] = -1e9
    return out


def wrong_in_place(logits, context):
    """changes its argument logits"""
    if len(set(range(len(logits))) - set(context[-3:])) == 0:
        return logits
    logits[context[-3:]] = -np.inf
    return logits


def wrong_positions(logits, context):
    """Positions are blocked|not said lately"""
    out = logits.copy()
    out[-3:] = -np.inf
    return out


def wrong_short_context(logits, context):
    """raised IndexError"""
    out = logits.copy()
    for i in 1, 2, 3:
        out[context[-i]] = -np.inf
    return out


def wrong_back(logits, context):
    """has come back"""
    out = np.where(logits == -np.inf, np.asarray(-99, logits.dtype), logits)
    out[context[-3:]] = -np.inf
    return out if out.max() > -np.inf else logits


def wrong_large(logits, context):
    """finite one"""
    out = logits.copy()
    out[context[-3:]] = np.minimum(out[context[-3:]], np.asarray(-1e9, out.dtype))
    return out if out.max() > -1e9 else logits


def wrong_places(logits, context):
    """not the tokens that stand there"""
    out = logits.copy()
    out[-3:] = -np.inf
    return out if out.max() > -np.inf else logits


def wrong_last_two(logits, context):
    """One of the last three"""
    out = logits.copy()
    out[context[-2:]] = -np.inf
    return out if out.max() > -np.inf else logits
