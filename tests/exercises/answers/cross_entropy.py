import math

import numpy as np


def logp(x):
    z = x - x.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def right_rows(logits, ids):
    guesses, targets = logits[:-1], ids[1:]
    return -logp(guesses)[np.arange(len(targets)), targets].mean()


def right_loop(logits, ids):
    total = 0.0
    for row, target in zip(logits, ids[1:]):
        top = float(max(row))
        total += (
            math.log(sum(math.exp(float(x) - top) for x in row)) + top - row[target]
        )
    return total / (len(ids) - 1)


def wrong_unshifted(logits, ids):
    """not shifted"""
    return -logp(logits)[np.arange(len(ids)), ids].mean()


def wrong_way(logits, ids):
    """shifted the wrong way"""
    return -logp(logits[1:])[np.arange(len(ids) - 1), ids[:-1]].mean()


def wrong_roll(logits, ids):
    """compared with the first id"""
    return -logp(logits)[np.arange(len(ids)), np.roll(ids, -1)].mean()


def wrong_count(logits, ids):
    """divided by n_tok"""
    return -logp(logits[:-1])[np.arange(len(ids) - 1), ids[1:]].sum() / len(ids)


def wrong_sum(logits, ids):
    """This is the sum"""
    return -logp(logits[:-1])[np.arange(len(ids) - 1), ids[1:]].sum()


def wrong_sign(logits, ids):
    """sign is wrong"""
    return logp(logits[:-1])[np.arange(len(ids) - 1), ids[1:]].mean()


def wrong_bits(logits, ids):
    """in bits"""
    return -logp(logits[:-1])[np.arange(len(ids) - 1), ids[1:]].mean() / math.log(2)


def wrong_overflow(logits, ids):
    """Infinite or NaN"""
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return -np.log(p[np.arange(len(ids) - 1), ids[1:]]).mean()


def wrong_underflow(logits, ids):
    """Infinite or NaN"""
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    return -np.log(p[np.arange(len(ids) - 1), ids[1:]]).mean()


def wrong_rows(logits, ids):
    """returns an array"""
    return -logp(logits[:-1])[np.arange(len(ids) - 1), ids[1:]]


def wrong_raw(logits, ids):
    """log of the sum is missing"""
    return -logits[np.arange(len(ids) - 1), ids[1:]].mean()


def wrong_perplexity(logits, ids):
    """perplexity"""
    return float(np.exp(right_rows(logits, ids)))
