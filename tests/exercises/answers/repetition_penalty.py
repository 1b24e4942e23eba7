import numpy as np


def right_where(logits, ids, penalty):
    out = logits.copy()
    seen = logits[ids]
    out[ids] = np.where(seen > 0, seen / penalty, seen * penalty)
    return out


def right_loop(logits, ids, penalty):
    out = np.array(logits)
    for i in set(ids):
        out[i] = out[i] / penalty if out[i] > 0 else out[i] * penalty
    return out


def wrong_divides(logits, ids, penalty):
    """negative logit is divided"""
    out = logits.copy()
    out[ids] = out[ids] / penalty
    return out


def wrong_every_time(logits, ids, penalty):
    """every time it stands"""
    out = logits.copy()
    for i in ids:
        out[i] = out[i] / penalty if out[i] > 0 else out[i] * penalty
    return out


def wrong_way(logits, ids, penalty):
    """wrong way round"""
    out = logits.copy()
    out[ids] = np.where(out[ids] > 0, out[ids] * penalty, out[ids] / penalty)
    return out


def wrong_subtracts(logits, ids, penalty):
    """subtracted"""
    out = logits.copy()
    out[ids] = out[ids] - np.float32(penalty)
    return out


def wrong_all(logits, ids, penalty):
    """not said have changed"""
    return np.where(logits > 0, logits / penalty, logits * penalty)


def wrong_last(logits, ids, penalty):
    """Only the last token"""
    out = logits.copy()
    for i in ids[-1:]:
        out[i] = out[i] / penalty if out[i] > 0 else out[i] * penalty
    return out


def wrong_in_place(logits, ids, penalty):
    """changes its argument logits"""
    for i in set(ids):
        logits[i] = logits[i] / penalty if logits[i] > 0 else logits[i] * penalty
    return logits


def wrong_multiplies(logits, ids, penalty):
    """Positive logits are treated"""
    out = logits.copy()
    out[ids] = out[ids] * penalty
    return out
