"""What does a sampler draw for every uniform number? Then no statistics are needed.

Inverse-CDF sampling cuts [0, 1) into intervals, one a token, and a token's interval is
as long as its probability. With a generator whose next number we choose (generators.py)
the borders can be found by bisection, to nine digits, where 4,000 draws give not even
two. So a sum in half precision, which is wrong by one part in a thousand, is seen.

Only if the sampler is of that kind: 64 numbers along [0, 1) must give every token in
one piece, and 64 others the token in whose interval they lie. One that uses the number
otherwise, for a hash or a seed, does so by chance at most with the probability
0.6 ** 64 = 6e-15 on a row where no token has more than 0.6.
"""

import time

import numpy as np

from .compare import decided
from .generators import at, n_words
from .pace import Pace
from .report import Broken, as_code

__tracebackhide__ = True

N_GRID, CLOSE = 64, 1e-9
N_DRAWS = 600  # for a row of 20 tokens: 128, and some 25 for every border
BLUR, RELATIVE = 1e-5, 5e-5  # what float32 may do to a row of 20, tenfold


def check_intervals(sampler, bank):
    """Compare the lengths of the intervals with the law. Returns on how many rows."""
    n, pace = 0, Pace(0.5 * sampler.times, 12)
    for _, row in bank:
        q = sampler.law_at(row)
        if q is None or not _suits(row, q) or not decided(row, sampler.law):
            continue
        began, seconds = time.thread_time(), pace.next()
        if not takes_one_number(sampler, row):
            return n
        if N_DRAWS / 2 * (time.thread_time() - began) > seconds:
            continue
        lengths = interval_lengths(lambda u, row=row: sampler(row, at(u)), len(row))
        if lengths is None:
            return n
        _compare(row, lengths, q / q.sum())
        n += 1
    return n


def takes_one_number(sampler, row):
    """Does a draw use one uniform number, and no more?"""
    for uniform in (0.3, 0.7):
        rng = at(uniform)
        sampler(row, rng)
        if n_words(rng) != 2:
            return False
    return True


def _suits(row, q):
    """Few tokens, none of them likely, and nothing that float32 would blur."""
    left = q > 0
    return 2 < left.sum() <= 24 and q.max() <= 0.6 and np.abs(row[left]).max() < 50


def interval_lengths(draw, n_vocab):
    """The length of each token's interval, if ``draw(uniform) -> token`` has them."""
    rng = np.random.default_rng(0)  # for all 53 bits: a seed may be made of the last
    grid = ((np.arange(N_GRID) + rng.random(N_GRID)) / N_GRID).tolist()
    grid = [0.0, *grid, 1 - 2.0**-53]
    tokens = [draw(u) for u in grid]
    borders = []
    for left, right, a, b in zip(grid, grid[1:], tokens, tokens[1:]):
        _bisect(draw, left, right, a, b, borders, n_vocab)
    runs = [tokens[0], *(token for _, token in borders)]
    if len(set(runs)) < len(runs):
        return None
    ends = np.array([0.0, *(border for border, _ in borders), 1.0])
    for u in rng.random(N_GRID).tolist():
        near = np.abs(ends - u).min() < 2 * CLOSE
        if not near and draw(u) != runs[np.searchsorted(ends, u, side="right") - 1]:
            return None
    lengths = np.zeros(n_vocab)
    lengths[runs] = np.diff(ends)
    return lengths


def _bisect(draw, left, right, a, b, borders, most):
    """Append (border, the token behind it) for all borders between two numbers, until
    there are ``most``: a hash of the number has billions."""
    if a == b or len(borders) >= most:
        return
    if right - left < CLOSE:
        borders.append((right, b))
        return
    middle = (left + right) / 2
    token = draw(middle)
    _bisect(draw, left, middle, a, token, borders, most)
    _bisect(draw, middle, right, token, b, borders, most)


def _compare(row, lengths, q):
    off = np.abs(lengths - q)
    worst = int(np.argmax(off / (BLUR + RELATIVE * q)))
    if off[worst] > BLUR + RELATIVE * q[worst]:
        wrong = (
            f"as the uniform number goes from 0 to 1, a share of {lengths[worst]:.6f} "
            f"gives token {worst}, whose probability is {q[worst]:.6f}"
        )
        raise Broken("law", wrong, as_code(row, "row"))
