"""Mirostat: a fixed surprise instead of a fixed threshold.

With a fixed top_k or top_p, texts drift: into boredom, where everything is expected,
or into confusion. Mirostat steers. After every token it compares the surprise of what
was drawn, ``-log2 p`` in bits, with a target ``tau``, and moves the largest surprise
that it allows, ``mu``, a little the other way:

    mu = mu - eta * (surprise - tau)          mu starts at 2 * tau

Version 2 keeps the tokens whose own surprise is at most mu. Version 1 computes a k for
`top_k` from mu, with an estimate of how fast the probabilities fall (Zipf's law).

The paper (Basu et al., arXiv:2007.14966) draws within the method. Here a step only
filters: what was drawn it sees one call later, as the last token of the context.

Try: ``tau`` 1, 3 and 8 on the same prompt.

Next: watermark.py.
"""

import math

import numpy as np

from ...layers import softmax
from ..filters import keep, top_k
from ..plumbing.checks import check_rows
from ..plumbing.ranges import POSITIVE, VERSION, check

LARGEST_MU = 1e6  # bits: far beyond any surprise, and no power of it overflows


def mirostat_v2(logits, mu, ties="all"):
    """Keep the tokens of surprise ``-log2 p <= mu``, and the most likely in any case:
    all that are equally likely, or with ``ties="lowest"`` the one of lowest id.

    >>> mirostat_v2(np.log([0.5, 0.25, 0.25]), 1.5).round(2).tolist()
    [-0.69, -inf, -inf]
    """
    logits = check_rows(logits, "mirostat")
    p = softmax(logits.astype(np.float64))
    best = logits == logits.max(axis=-1, keepdims=True)
    if ties == "lowest":
        best &= best.cumsum(axis=-1) == 1
    return keep(logits, (p >= 2.0 ** -max(mu, 0.0)) | best)


def mirostat_v1(logits, mu, m=100):
    """Keep the k most likely tokens,

        k = ((s - 1) * 2 ** mu / (1 - n ** (1 - s))) ** (1 / s)

    where s, the exponent of Zipf's law, is fitted to the best ``m`` tokens and n is the
    size of the vocabulary.
    """
    logits = check_rows(logits, "mirostat")
    if logits.ndim == 2:
        return np.stack([mirostat_v1(row, mu, m) for row in logits])
    n = len(logits)
    best = np.sort(logits[logits > -np.inf].astype(np.float64))[::-1][:m]
    if len(best) == 1:
        return logits
    rank = np.arange(1, len(best))
    steps = np.log((rank + 1) / rank)
    s = max(float(steps @ -np.diff(best)) / float(steps @ steps), 1e-6)
    # (s - 1) / (1 - n ** (1 - s)) is 0 / 0 at s = 1, where its limit is 1 / ln n.
    slope = 1 / math.log(n) if abs(s - 1) < 1e-9 else (s - 1) / (1 - n ** (1 - s))
    log_k = (math.log(slope) + mu * math.log(2)) / s
    k = n if log_k > math.log(n) else int(math.exp(log_k))
    return top_k(logits, max(1, k), ties="lowest")


def mirostat(logits, version, context, state, tau=5.0, eta=0.1, ties="all"):
    """One step of Mirostat 1 or 2; 0 is off. ``state``: a dictionary, empty at first,
    that the method keeps to itself from call to call, one a sequence.

    >>> z, state = np.log([0.5, 0.25, 0.25]), {}
    >>> mirostat(z, 2, [7], state, tau=1.0, eta=0.5).round(2).tolist()   # mu is 2 bits
    [-0.69, -1.39, -1.39]
    >>> _ = mirostat(z, 2, [7, 1], state, tau=1.0, eta=0.5)
    >>> state["mu"]                               # token 1 had 1 bit more than tau
    1.5
    """
    check("mirostat", VERSION, version)
    check("mirostat_tau", POSITIVE, tau)
    check("mirostat_eta", POSITIVE, eta)
    if version == 0:
        return check_rows(logits, "mirostat")
    mu = state.get("mu", 2.0 * tau)
    if len(context) == state.get("n_seen", -2) + 1:
        p = softmax(state["filtered"].astype(np.float64))[context[-1]]
        # A later step of the chain may have let through what we removed: p is 0 then.
        surprise = -math.log2(max(p, np.finfo(np.float64).tiny))
        mu -= eta * (surprise - tau)
    mu = min(max(mu, -LARGEST_MU), LARGEST_MU)
    one = version == 1
    filtered = mirostat_v1(logits, mu) if one else mirostat_v2(logits, mu, ties)
    state.update(mu=mu, filtered=filtered, n_seen=len(context))
    return filtered
