"""How unlikely is what we saw? Tails of three laws, with NumPy and math alone.

A test of a sampler says: if it is right, what we saw has a probability below alpha. For
that the tail must be known, far out (1e-8), where a bell curve is wrong by orders of
magnitude. So the verdicts use bounds that hold exactly:

    binomial_tail    n draws, each a hit with probability p: at least k hits; exact
    sum_tail         the same where p differs from draw to draw; Chernoff's bound
    kl_tail          a whole table of counts against its law; Agrawal's bound

and `chi_square_tail`, which is only asymptotically right, merely raises a suspicion.

>>> round(binomial_tail(4, 5, 0.5), 9)  # 4 or 5 heads of 5: (5 + 1) / 32
0.1875
>>> round(chi_square_tail(3.841, 1), 3)
0.05
"""

import math

import numpy as np

__tracebackhide__ = True


def binomial_tail(k, n, p):
    """P(X >= k) for X the number of hits in ``n`` draws of probability ``p``."""
    if k <= 0:
        return 1.0
    if k > n or p <= 0:
        return 0.0
    if p >= 1:
        return 1.0
    j = np.arange(k, n)  # pmf(j + 1) = pmf(j) * (n - j) / (j + 1) * p / (1 - p)
    steps = np.log((n - j) / (j + 1)) + math.log(p) - math.log1p(-p)
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    first = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    first += k * math.log(p) + (n - k) * math.log1p(-p)
    return min(1.0, float(np.exp(first + logs).sum()))


def sum_tail(total, n, p):
    """A bound of P(X >= total) for X the hits in ``n[i]`` draws of probability
    ``p[i]``, all i together: ``min over t of E[exp(t X)] / exp(t total)`` (Chernoff,
    1952). The minimum is found by bisection."""
    n, p = np.asarray(n, float), np.asarray(p, float)
    if total <= (n * p).sum():
        return 1.0
    if total > n[p > 0].sum():
        return 0.0
    low, high = 0.0, 60.0
    for _ in range(80):
        t = (low + high) / 2
        tilted = p * math.exp(t) / (1 - p + p * math.exp(t))
        low, high = (t, high) if (n * tilted).sum() < total else (low, t)
    return math.exp(min(0.0, (n * np.log1p(p * math.expm1(t))).sum() - t * total))


def chi_square_tail(x, k):
    """P(X >= x) for chi-square with ``k`` degrees of freedom: the upper incomplete
    gamma function Q(k / 2, x / 2), by its series or its continued fraction (Abramowitz
    & Stegun, 6.5.29 and 6.5.31)."""
    a, x = k / 2, x / 2
    if x <= 0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        for i in range(1, 10_000):
            term *= x / (a + i)
            total += term
            if term < 1e-17 * total:
                break
        return max(0.0, 1 - front * total)
    b, c, d = x + 1 - a, 1e300, 1 / (x + 1 - a)
    h = d
    for i in range(1, 10_000):
        step, b = -i * (i - a), b + 2
        d, c = 1 / (step * d + b), b + step / c
        h *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return front * h


def kl_tail(counts, p):
    """A bound of the probability of counts that are as far from their law ``p``, or
    farther: with n draws in k cells and ``D = KL(counts / n, p)``

        P(n D >= t) <= exp(-t) * (e * t / (k - 1)) ** (k - 1)    for t > k - 1

    (Agrawal, 2020, arXiv:1904.02291, theorem 1.2)."""
    counts, p = np.asarray(counts, float), np.asarray(p, float)
    seen = counts > 0
    n, k = counts.sum(), len(counts) - 1
    t = float((counts[seen] * np.log(counts[seen] / (n * p[seen]))).sum())
    if k == 0 or t <= k:
        return 1.0
    return min(1.0, math.exp(-t + k * (1 + math.log(t / k))))


def normal_tail(z):
    """P(Z >= z) of a standard normal."""
    return math.erfc(z / math.sqrt(2)) / 2


def least_share(p, fault, n):
    """How small a fault is found: the least share of draws that, taken from the law
    ``fault`` and not from ``p``, raises a suspicion in 99.9 % of the runs of n draws.

    The chi-square statistic then has the noncentrality ``n * share ** 2 * sum((fault -
    p) ** 2 / p)``; 32 is enough for a suspicion at 1 % with that power.
    """
    p, fault = np.asarray(p, float), np.asarray(fault, float)
    left = p > 0
    if fault[~left].sum() > 0:  # an impossible token: one is enough
        return min(1.0, -math.log(1e-3) / n / float(fault[~left].sum()))
    size = float(((fault - p)[left] ** 2 / p[left]).sum())
    return min(1.0, math.sqrt(32 / (n * size))) if size > 0 else 1.0
