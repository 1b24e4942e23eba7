"""How unlikely is what we saw? Tails of three laws, with NumPy and math alone.

A test of a sampler says: if it is right, what we saw has a probability below alpha. For
that the tail must be known, far out (1e-8), where a bell curve is wrong by orders of
magnitude. So the verdicts use bounds that hold exactly:

    binomial_tail    n draws, each a hit with probability p: at least k hits; exact
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
