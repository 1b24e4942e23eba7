"""More filters: min-p, top-a, typical, epsilon, eta, top-n-sigma, top-h, xtc.

`top_k` keeps the same number of tokens whether the model is sure or not; `top_p` keeps
the same mass, which is a long tail of doubtful tokens when the model is unsure. Each
filter in this file measures something else instead:

    min_p, top_a     the probability of a token against that of the best
    epsilon, eta     the probability itself; less is asked when all are improbable
    top_n_sigma      the distance to the best logit, in standard deviations
    typical_p        how near a token's surprise, -ln p, is to its expected value
    top_h            the share of the entropy, instead of the mass
    xtc              removes the best instead, against cliches
    temperature      that depends on the entropy

All keep what filters.py promises: pure, what stays keeps its logit, what goes becomes
-inf, and a broken row is an error.

Try: a row of two equal peaks over a flat tail: what does each of them keep?

Next: penalties.py.
"""

import math

import numpy as np

from ...fast.nucleus import smallest_set
from ...layers import softmax
from ..filters import at_least, keep, temperature
from ..plumbing.checks import check_rows
from ..plumbing.ranges import AT_LEAST_0, COUNT_OR_0, POSITIVE, SHARE, check


def min_p(logits, value, min_keep=0):
    """Keep ``p >= value * max(p)``, which is ``logit >= max(logit) + ln(value)``
    (Nguyen et al., arXiv:2407.01082). 0 keeps all. ``min_keep`` of the best stay in any
    case.

    >>> min_p(np.log([0.6, 0.3, 0.1]), 0.4).round(2).tolist()
    [-0.51, -1.2, -inf]
    """
    check("min_p", SHARE, value)
    logits = check_rows(logits, "min_p")
    if value == 0:
        return logits
    if logits.ndim == 2:
        return np.stack([min_p(row, value, min_keep) for row in logits])
    kept = logits - logits.max() >= math.log(value)
    return keep(logits, at_least(min_keep, kept, -logits))


def top_a(logits, value):
    """Keep ``p >= value * max(p) ** 2``: `min_p` with a border that falls faster when
    the model is unsure (BlinkDL, RWKV-LM). 0 keeps all.

    >>> top_a(np.log([0.5, 0.3, 0.2]), 1.0).round(2).tolist()        # p >= 0.25
    [-0.69, -1.2, -inf]
    """
    check("top_a", SHARE, value)
    logits = check_rows(logits, "top_a")
    if value == 0:
        return logits
    p = _softmax64(logits)
    return keep(logits, p >= value * _top(p) ** 2)


def epsilon_cutoff(logits, value):
    """Keep ``p >= value``, and the most likely token in any case (Hewitt et al.,
    arXiv:2210.15191). 0 keeps all.

    >>> epsilon_cutoff(np.log([0.6, 0.3, 0.1]), 0.2).round(2).tolist()
    [-0.51, -1.2, -inf]
    """
    check("epsilon_cutoff", SHARE, value)
    logits = check_rows(logits, "epsilon_cutoff")
    if value == 0:
        return logits
    return keep(logits, (_softmax64(logits) >= value) | (logits == _top(logits)))


def eta_cutoff(logits, value):
    """Keep ``p >= min(value, sqrt(value) * exp(-H))``, H the entropy in nats, and the
    most likely token in any case (the same paper). 0 keeps all.

    Over many improbable tokens `epsilon_cutoff` would remove nearly everything; here
    the threshold sinks with the entropy.

    >>> eta_cutoff(np.zeros(4), 0.3).tolist()        # each has 0.25, less than 0.3
    [0.0, 0.0, 0.0, 0.0]
    """
    check("eta_cutoff", SHARE, value)
    logits = check_rows(logits, "eta_cutoff")
    if value == 0:
        return logits
    p = _softmax64(logits)
    threshold = np.minimum(value, math.sqrt(value) * np.exp(-entropy(p)))
    return keep(logits, (p >= threshold[..., None]) | (logits == _top(logits)))


def top_n_sigma(logits, value):
    """Keep ``logit >= max - value * sigma``, sigma the standard deviation of the logits
    that are left (Tang et al., arXiv:2411.07641). None is off; 0 keeps the best, where
    llama.cpp takes it for off.

    The temperature scales both sides: the set does not depend on it.

    >>> top_n_sigma(np.array([0.0, 0.0, 0.0, 2.0]), 1.0).tolist()
    [-inf, -inf, -inf, 2.0]
    """
    check("top_n_sigma", AT_LEAST_0, value)
    logits = check_rows(logits, "top_n_sigma")
    left = logits > -np.inf
    behind = (logits - _top(logits)).astype(np.float64)
    sigma = np.std(behind, axis=-1, keepdims=True, where=left)
    return keep(logits, behind >= -value * sigma)


def typical_p(logits, value, min_keep=0, beyond=False):
    """Keep the tokens whose surprise ``-ln p`` is nearest to the entropy, the surprise
    one expects, until their mass is at least ``value`` (Meister et al.,
    arXiv:2202.00666). 1 keeps all. May remove the most likely token.

    Among equals the lower id comes first (transformers keeps all of them).
    ``min_keep`` of the nearest stay in any case. With ``beyond``, as in llama.cpp, the
    mass has to be more than ``value``.

    >>> typical_p(np.log([0.9, 0.05, 0.05]), 0.04).round(2).tolist()
    [-0.11, -inf, -inf]
    >>> typical_p(np.log([0.4, 0.2, 0.2, 0.2]), 0.1).round(2).tolist()
    [-inf, -1.61, -inf, -inf]
    """
    check("typical_p", SHARE, value)
    logits = check_rows(logits, "typical_p")
    if value == 1:
        return logits
    if logits.ndim == 2:
        return np.stack([typical_p(row, value, min_keep, beyond) for row in logits])
    weights = np.exp(logits.astype(np.float64) - logits.max())
    total = weights.sum()
    with np.errstate(divide="ignore"):
        nll = math.log(total) - np.log(weights)
    distance = np.abs(nll - entropy(weights / total))
    mass = value * total * (1 + 1e-7 * beyond)  # equal masses differ by rounding
    kept = smallest_set(distance, weights, mass)
    return keep(logits, at_least(min_keep, kept, distance))


def top_h(logits, value):
    """Keep the most likely tokens as long as the sum of their ``-p ln p`` is at most
    ``value`` times the entropy; at least one. None is off.

    The idea is of arXiv:2509.02510, which bounds the entropy of the set after it has
    been normalised. This is the rule of transformers 5 without its shortcut: that looks
    at the best 100 tokens alone.

    >>> top_h(np.log([0.5, 0.25, 0.25]), 0.7).round(2).tolist()
    [-0.69, -1.39, -inf]
    """
    check("top_h", SHARE, value)
    logits = check_rows(logits, "top_h")
    if logits.ndim == 2:
        return np.stack([top_h(row, value) for row in logits])
    if value == 1:
        return logits
    exact = logits.astype(np.float64)
    p = softmax(exact)
    parts = -p * np.log(np.where(p > 0, p, 1))
    kept = smallest_set(-exact, parts, value * parts.sum(), crossing=False)
    kept[np.argmax(logits)] = True
    return keep(logits, kept)


def xtc(logits, probability, threshold=0.1, rng=None, min_keep=0):
    """Exclude top choices: with this probability remove every token of
    ``p >= threshold`` but the least likely of them. Probability 0 is off.

    From llama.cpp. ``rng``: draws one uniform number a row, whatever the row is. Where
    fewer than ``min_keep`` tokens would stay, all do.

    >>> z = np.log([0.5, 0.3, 0.2])
    >>> xtc(z, 1.0, 0.25, np.random.default_rng(0)).round(2).tolist()
    [-inf, -1.2, -1.61]
    """
    check("xtc_probability", SHARE, probability)
    check("xtc_threshold", SHARE, threshold)
    check("min_keep", COUNT_OR_0, min_keep)
    logits = check_rows(logits, "xtc")
    if probability == 0:
        return logits
    if rng is None:
        raise ValueError("xtc draws: rng must be a numpy.random.Generator, not None")
    if logits.ndim == 2:
        rows = [xtc(row, probability, threshold, rng, min_keep) for row in logits]
        return np.stack(rows)
    if rng.random() >= probability:
        return logits
    left = logits > -np.inf
    top = np.flatnonzero(left & (_softmax64(logits) >= threshold))
    if np.count_nonzero(left) - len(top) + 1 < min_keep:
        return logits
    kept = np.ones(len(logits), bool)
    kept[top] = False
    kept[top[logits[top] == logits[top].min(initial=np.inf)][-1:]] = True  # the least
    return keep(logits, kept)


def dynamic_temperature(logits, value, spread, exponent=1.0):
    """`temperature` between ``value - spread`` and ``value + spread``, the higher the
    less sure the model is:

        low + (high - low) * (H / ln n) ** exponent

    H the entropy, n the number of tokens left. From llama.cpp (``dynatemp_range``);
    spread 0 is plain `temperature`. A low of 0 and an entropy of 0 keep the best alone.

    >>> dynamic_temperature(np.zeros(2), 1.0, 0.5).tolist()
    [0.0, 0.0]
    """
    check("temperature", POSITIVE, value)
    check("dynatemp_range", AT_LEAST_0, spread)
    check("dynatemp_exponent", POSITIVE, exponent)
    if spread == 0:
        return temperature(logits, value)
    logits = check_rows(logits, "dynamic_temperature")
    if logits.ndim == 2:
        rows = [dynamic_temperature(row, value, spread, exponent) for row in logits]
        return np.stack(rows)
    n = np.count_nonzero(logits > -np.inf)
    if n == 1:
        return logits
    low, high = max(0.0, value - spread), value + spread
    doubt = min(1.0, float(entropy(_softmax64(logits))) / math.log(n))
    between = low + (high - low) * doubt**exponent
    return (
        temperature(logits, between)
        if between
        else keep(logits, logits == _top(logits))
    )


def entropy(p):
    """The expected surprise of every row, ``-sum(p ln p)``, in nats: 0 where one token
    is certain, ``ln n`` where n are equally likely."""
    return -(p * np.log(np.where(p > 0, p, 1))).sum(axis=-1)


def _softmax64(logits):
    return softmax(logits.astype(np.float64))


def _top(logits):
    return logits.max(axis=-1, keepdims=True)
