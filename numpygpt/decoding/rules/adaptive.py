"""Adaptive-p: prefer tokens of a given probability, and keep the mean there.

Truncation decides what is too unlikely. It leaves the most likely tokens as likely as
they were, so a text may still take them again and again. Adaptive-p prefers tokens
whose probability is near a target t, say 0.3, and so passes by the obvious ones where
something else is possible. It steers, too: with m, the mean probability of the tokens
drawn so far (recent ones count more, by ``decay``), it aims at

    2 * t - m            from 0 to 1

so that a text of too likely tokens is followed by less likely ones. Every logit becomes

    5 - 10 * d ** 2 / (1 + d)        d = abs(p - aim) / 0.3

near the aim a parabola, far from it a straight line. From llama.cpp (pull request
17927), constants included. Put a filter before it (min_p): far from the aim, all the
unlikely tokens are about equally far.

The method draws within itself there. Here a step only changes logits: what was drawn it
sees one call later, as the last token of the context.

Try: ``adaptive_target`` 0.1, 0.5 and 0.9 with ``min_p=0.05`` on the same prompt.

Next: watermark.py.
"""

import numpy as np

from ...layers import softmax
from ..plumbing.checks import check_rows
from ..plumbing.ranges import DECAY_RATE, SHARE, check

WIDTH, PEAK, SHARPNESS = 0.3, 5.0, 10.0


def adaptive_p(logits, target, context, state, decay=0.9):
    """One step, see above. ``state``: a dictionary, empty at first, that the method
    keeps to itself from call to call, one a sequence.

    >>> z, state = np.log([0.6, 0.3, 0.1]), {}
    >>> softmax(adaptive_p(z, 0.3, [7], state)).round(2).tolist()
    [0.01, 0.93, 0.06]
    >>> softmax(adaptive_p(z, 0.3, [7, 0], state)).round(2).tolist()  # 0.6 was too much
    [0.0, 0.87, 0.12]
    """
    check("adaptive_target", SHARE, target)
    check("adaptive_decay", DECAY_RATE, decay)
    logits = check_rows(logits, "adaptive_p")
    p = softmax(logits.astype(np.float64))
    # It begins as if tokens of just the target's probability had been drawn for long.
    total = state.get("total", target / (1 - decay))
    count = state.get("count", 1 / (1 - decay))
    if len(context) == state.get("n_seen", -2) + 1:
        total = float(state["p"][..., context[-1]]) + decay * total
        count = 1 + decay * count
    state.update(total=total, count=count, p=p, n_seen=len(context))
    aim = min(max(2 * target - total / count, 0.0), 1.0)
    distance = np.abs(p - aim) / WIDTH
    out = PEAK - SHARPNESS * distance**2 / (1 + distance)
    return np.where(logits > -np.inf, out, -np.inf).astype(logits.dtype)
