"""Samplers to try `check_sampler` on: right ones that look odd, and faults that people
make. An entry is ``name: (sampler, how check_sampler is called)``; a class is made anew
for every check."""

import bisect
import heapq
import itertools
import math
import random

import numpy as np
from bank_filters import law, softmax, top_p_float32

INF = np.inf
PLAIN, TOP_3, TOP_P = {}, law(top_k=3), law(top_p=0.9)
HOT, COLD, BOTH = (
    law(temperature=1.5),
    law(temperature=0.5),
    law(temperature=1.5, top_k=3),
)
MIN_P, EITHER = law(min_p=0.2), law(temperature=1.5, top_p=0.8)


def p64(z):
    return softmax(z.astype(np.float64))


def only(p, best):
    kept = np.where(np.isin(np.arange(len(p)), best), p, 0)
    return kept / kept.sum()


def best_3(z):
    return only(p64(z), np.argsort(-z, kind="stable")[:3])


def nucleus(z, limit=0.9, p=p64):
    p = p(z)
    order = np.argsort(-p, kind="stable")
    n = np.searchsorted(np.cumsum(p[order]), limit) + 1
    return only(p, order[:n])


# ---- right ones


def inverse(p, rng):
    total = np.cumsum(p)
    at = np.searchsorted(total, rng.random() * total[-1], side="right")
    return min(int(at), int(np.flatnonzero(p)[-1]))


def inverse_cdf(z, rng):
    return inverse(p64(z), rng)


def inverse_float32(z, rng):
    total = np.cumsum(softmax(z.astype(np.float32)), dtype=np.float32)
    at = np.searchsorted(total, np.float32(rng.random()) * total[-1], side="right")
    return int(min(at, np.flatnonzero(np.diff(total, prepend=np.float32(0)))[-1]))


def inverse_loop(z, rng):
    """Subtract until it is used up."""
    p = p64(z).tolist()
    u = rng.random()
    for i, x in enumerate(p):
        u -= x
        if u < 0:
            return i
    return max(range(len(p)), key=lambda i: (p[i] > 0, i))


def inverse_sorted(z, rng):
    p = p64(z)
    order = np.argsort(-p, kind="stable")
    at = np.searchsorted(np.cumsum(p[order]), rng.random(), side="right")
    return order[min(at, (p > 0).sum() - 1)]


def inverse_bisect(z, rng):
    total = list(itertools.accumulate(p64(z).tolist()))
    at = bisect.bisect_right(total, rng.random() * total[-1])
    return min(at, len(total) - 1 - next(i for i, x in enumerate(p64(z)[::-1]) if x))


def from_above(z, rng):
    """With 1 - u in place of u, and the sums from the other end."""
    p = p64(z)[::-1]
    total = np.cumsum(p)
    at = np.searchsorted(total, (1 - rng.random()) * total[-1], side="left")
    at = max(int(at), int(np.flatnonzero(p)[0]))
    return len(z) - 1 - at


def choice(z, rng):
    return rng.choice(len(z), p=p64(z))


def multinomial(z, rng):
    return int(rng.multinomial(1, p64(z)).argmax())


def gumbel(z, rng):
    return int(np.argmax(z + rng.gumbel(size=len(z))))


def gumbel_by_hand(z, rng):
    return int(np.argmax(z - np.log(-np.log(rng.random(len(z))))))


def exponential_race(z, rng):
    """The first of as many clocks: torch.multinomial's way."""
    p = p64(z)
    with np.errstate(divide="ignore"):
        return int(np.argmin(rng.exponential(size=len(z)) / p))


def gumbel_of_best(z, rng):
    best = np.argsort(-z, kind="stable")[:3]
    best = best[z[best] > -INF]
    return int(best[np.argmax(z[best] + rng.gumbel(size=len(best)))])


def rejection(z, rng):
    p = p64(z)
    most = p.max()
    while True:
        i = int(rng.integers(len(z)))
        if rng.random() * most < p[i]:
            return i


def alias(z, rng):
    p = p64(z)
    n = len(p)
    scaled = (p * n).tolist()
    small = [i for i, x in enumerate(scaled) if x < 1]
    large = [i for i, x in enumerate(scaled) if x >= 1]
    other, share = list(range(n)), [1.0] * n
    while small and large:
        s, b = small.pop(), large.pop()
        share[s], other[s] = scaled[s], b
        scaled[b] -= 1 - scaled[s]
        (small if scaled[b] < 1 else large).append(b)
    for i in small:  # of rounding, or of nothing at all
        share[i] = 1.0 if p[i] > 0 else 0.0
        other[i] = int(p.argmax())
    i = int(rng.integers(n))
    return i if rng.random() < share[i] else other[i]


def pythons_own(z, rng):
    return random.Random(int(rng.integers(2**62))).choices(range(len(z)), p64(z))[0]


def own_seed(z, rng):
    return np.random.default_rng(rng.integers(2**63)).choice(len(z), p=p64(z))


def old_generator(z, rng):
    return np.random.RandomState(int(rng.integers(2**32))).choice(len(z), p=p64(z))


def mean_of_none(z, rng):
    """Throws a number away before it draws."""
    rng.random()
    return inverse_cdf(z, rng)


def top_3_lowest(z, rng):
    return inverse(best_3(z), rng)


def top_3_highest(z, rng):
    best = np.argsort(z, kind="stable")[-3:]
    return inverse(only(p64(z), best), rng)


def top_3_all(z, rng):
    return inverse(only(p64(z), np.flatnonzero(z >= np.sort(z)[-min(3, len(z))])), rng)


def top_3_heap(z, rng):
    z = z.tolist()
    best = [i for i in heapq.nlargest(3, range(len(z)), z.__getitem__) if z[i] > -INF]
    weights = [math.exp(z[i] - z[best[0]]) for i in best]
    u = rng.random() * sum(weights)
    for i, w in zip(best, weights):
        u -= w
        if u < 0:
            return i
    return best[-1]


def nucleus_float64(z, rng):
    return inverse(nucleus(z), rng)


def nucleus_float32(z, rng):
    return inverse(p64(top_p_float32(z)), rng)


def hot(z, rng):
    return inverse(p64(z / z.dtype.type(1.5)), rng)


def powers(z, rng):
    """Temperature as a power of the probabilities."""
    return inverse(p64(z) ** (1 / 1.5), rng)


def hot_then_best(z, rng):
    return inverse(best_3(z / z.dtype.type(1.5)), rng)


def greedy(z, rng):
    return z.argmax()


def greedy_last(z, rng):
    return len(z) - 1 - z[::-1].argmax()


def torch_multinomial(z, rng):
    import torch

    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    return torch.multinomial(torch.softmax(torch.tensor(z), -1), 1, generator=generator)


RIGHT = {
    f.__name__: (f, PLAIN)
    for f in (inverse_cdf, inverse_float32, inverse_loop, inverse_sorted,
              inverse_bisect, from_above, choice, multinomial, gumbel, gumbel_by_hand,
              exponential_race,
              rejection, alias, pythons_own, own_seed, old_generator, mean_of_none)
} | {
    "top_3_lowest": (top_3_lowest, TOP_3),
    "top_3_highest": (top_3_highest, TOP_3),
    "top_3_all": (top_3_all, TOP_3),
    "top_3_heap": (top_3_heap, TOP_3),
    "gumbel_of_best": (gumbel_of_best, TOP_3),
    "nucleus_float64": (nucleus_float64, TOP_P),
    "nucleus_float32": (nucleus_float32, TOP_P),
    "hot": (hot, HOT),
    "powers": (powers, HOT),
    "hot_then_best": (hot_then_best, BOTH),
    "greedy": (greedy, law(top_k=1)),
    "greedy_last": (greedy_last, law(top_k=1)),
}  # fmt: skip


# ---- faults


def mixed(share, other):
    def f(z, rng):
        return other(z, rng) if rng.random() < share else inverse_cdf(z, rng)

    return f


def best(z, rng):
    return int(z.argmax())


def any_left(z, rng):
    return int(rng.choice(np.flatnonzero(z > -INF)))


def any_at_all(z, rng):
    return int(rng.integers(len(z)))


def second(z, rng):
    return int(np.argsort(-z)[:2][-1]) if (z > -INF).sum() > 1 else int(z.argmax())


def least(z, rng):
    return int(np.argmin(np.where(z > -INF, z, INF)))


def first_left(z, rng):
    return int(np.flatnonzero(z > -INF)[0])


def left_side(z, rng):
    total = np.cumsum(p64(z))
    return int(np.searchsorted(total, rng.random() * total[-1], side="left"))


def short_sum(z, rng):
    total = np.cumsum(softmax(z.astype(np.float32)), dtype=np.float32)
    return int(np.searchsorted(total, rng.random(), side="right"))


def short_sum_clipped(z, rng):
    return min(short_sum(z, rng), len(z) - 1)


def half_sum(z, rng):
    total = np.cumsum(p64(z).astype(np.float16), dtype=np.float16)
    return int(min(np.searchsorted(total, rng.random() * total[-1], side="right"),
                   np.flatnonzero(z > -INF)[-1]))  # fmt: skip


def of_weights(z, rng):
    """Weights that do not sum to one, and a number below one."""
    total = np.cumsum(np.exp(z.astype(np.float64) - z.max()))
    return int(np.searchsorted(total, rng.random(), side="right"))


def one_further(z, rng):
    return (inverse_cdf(z, rng) + 1) % len(z)


def one_before(z, rng):
    return max(0, inverse_cdf(z, rng) - 1)


def rank_returned(z, rng):
    """The place among the sorted, not the token."""
    return int(inverse(np.sort(p64(z))[::-1], rng))


def loop_misses_last(z, rng):
    p, u = p64(z), rng.random()
    for i in range(len(p) - 1):
        u -= p[i]
        if u < 0:
            return i
    return 0


def naive_softmax(z, rng):
    with np.errstate(all="ignore"):
        p = np.exp(z) / np.exp(z).sum()
    return int(rng.choice(len(z), p=p))


def base_2(z, rng):
    return inverse(p64(z * math.log(2)), rng)


def absolute_weights(z, rng):
    w = np.where(z > -INF, np.abs(z), 0)
    return inverse(w / w.sum() if w.any() else p64(z), rng)


def squared(z, rng):
    p = p64(z) ** 2
    return inverse(p / p.sum(), rng)


def warmer(t):
    return lambda z, rng: inverse(p64(z / z.dtype.type(t)), rng)


def gumbel_once(z, rng):
    """One logarithm forgotten."""
    return int(np.argmax(z - np.log(rng.random(len(z)))))


def gumbel_shared(z, rng):
    return int(np.argmax(z + rng.gumbel()))


def normal_noise(z, rng):
    return int(np.argmax(z + rng.normal(size=len(z))))


def uniform_noise(z, rng):
    return int(np.argmax(p64(z) * rng.random(len(z))))


def gumbel_of_p(z, rng):
    return int(np.argmax(p64(z) + rng.gumbel(size=len(z))))


def gumbel_then_temperature(z, rng):
    return int(np.argmax((z + rng.gumbel(size=len(z))) / 1.5))


def impatient_rejection(z, rng):
    p = p64(z)
    for _ in range(3):
        i = int(rng.integers(len(z)))
        if rng.random() * p.max() < p[i]:
            return i
    return int(p.argmax())


def alias_wrong(z, rng):
    """The shares of the small ones are not taken from the large."""
    p = p64(z)
    i = int(rng.integers(len(z)))
    return i if rng.random() < p[i] * len(z) else int(p.argmax())


def in_place(z, rng):
    z -= z.max()
    return inverse_cdf(z, rng)


def in_place_divide(z, rng):
    token = hot(z, rng)
    z /= z.dtype.type(1.5)
    return token


def global_generator(z, rng):
    return int(np.random.choice(len(z), p=p64(z)))  # noqa: NPY002


def same_seed(z, rng):
    return int(np.random.default_rng(0).choice(len(z), p=p64(z)))


def few_seeds(n):
    def f(z, rng):
        seed = int(rng.integers(n))
        return int(np.random.default_rng(seed).choice(len(z), p=p64(z)))

    return f


def coarse(n):
    return lambda z, rng: inverse_at(z, math.floor(rng.random() * n) / n)


def inverse_at(z, u):
    p = p64(z)
    total = np.cumsum(p)
    at = np.searchsorted(total, u * total[-1], side="right")
    return min(int(at), int(np.flatnonzero(p)[-1]))


class Walk:
    """The golden ratio's walk: every u is the last one plus 0.618."""

    def __init__(self):
        self.u = None

    def __call__(self, z, rng):
        self.u = rng.random() if self.u is None else (self.u + 0.6180339887) % 1
        return inverse_at(z, self.u)


class Antithetic:
    """u, then 1 - u."""

    def __init__(self):
        self.u = None

    def __call__(self, z, rng):
        if self.u is None:
            self.u = rng.random()
            return inverse_at(z, self.u)
        u, self.u = 1 - self.u, None
        return inverse_at(z, min(u, 1 - 2**-53))


class Seeds:
    """A seed that comes again after n draws. Reproducible: ``rng`` is asked once."""

    def __init__(self, n):
        self.n, self.i = n, 0

    def __call__(self, z, rng):
        self.i += 1
        return int(np.random.default_rng(self.i % self.n).choice(len(z), p=p64(z)))


class Pool:
    """Uniform numbers made beforehand, used again and again."""

    def __init__(self, n):
        self.n, self.numbers, self.i = n, None, 0

    def __call__(self, z, rng):
        if self.numbers is None:
            self.numbers = rng.random(self.n)
        self.i += 1
        return inverse_at(z, self.numbers[self.i % self.n])


class Sticky:
    """Now and then the last token again."""

    def __init__(self, share):
        self.share, self.last = share, None

    def __call__(self, z, rng):
        u, token = rng.random(), inverse_cdf(z, rng)
        if u < self.share and self.last is not None and self.last < len(z):
            token = self.last if z[self.last] > -INF else token
        self.last = token
        return token


class Avoids:
    """Draws again when the same token comes twice."""

    def __init__(self):
        self.last = None

    def __call__(self, z, rng):
        token = inverse_cdf(z, rng)
        if token == self.last:
            token = inverse_cdf(z, rng)
        self.last = token
        return token


class Deck:
    """100 numbers, evenly spread and shuffled."""

    def __init__(self):
        self.deck = []

    def __call__(self, z, rng):
        if not self.deck:
            self.deck = ((rng.permutation(100) + rng.random(100)) / 100).tolist()
        return inverse_at(z, self.deck.pop())


class RememberedSums:
    """The cumulative sums of the first row of a size."""

    def __init__(self):
        self.sums = {}

    def __call__(self, z, rng):
        total = self.sums.setdefault(len(z), np.cumsum(p64(z)))
        return int(min(np.searchsorted(total, rng.random()), len(z) - 1))


def small_ids(z, rng):
    return int(np.int16(inverse_cdf(z, rng))) % 2**16


def byte_ids(z, rng):
    return inverse_cdf(z, rng) % 256


def first_thousand(z, rng):
    return inverse_cdf(z[:1000], rng) if np.isfinite(z[:1000].max()) else 0


def floats(z, rng):
    return float(inverse_cdf(z, rng))


def lists(z, rng):
    return [inverse_cdf(z, rng)]


def crashes_on_one(z, rng):
    top = np.partition(z, -2)[-2:]
    return inverse_cdf(z, rng) if len(top) else 0


def hangs(z, rng):
    while (z == -INF).sum() > 3:
        pass
    return inverse_cdf(z, rng)


def top_k(k):
    return lambda z, rng: inverse(only(p64(z), np.argsort(-z, kind="stable")[:k]), rng)


def top_3_even(z, rng):
    """Any of the three, alike."""
    kept = np.flatnonzero(best_3(z))
    return int(rng.choice(kept))


def top_3_not_normalised(z, rng):
    kept = np.argsort(-z, kind="stable")[:3]
    total = np.cumsum(p64(z)[kept])
    return int(kept[min(np.searchsorted(total, rng.random()), len(kept) - 1)])


def top_3_of_sorted(z, rng):
    return int(inverse(best_3(z)[np.argsort(-z, kind="stable")], rng))


def nucleus_of(limit, offset=0):
    def f(z, rng):
        p = p64(z)
        order = np.argsort(-p, kind="stable")
        n = max(1, np.searchsorted(np.cumsum(p[order]), limit) + 1 + offset)
        return inverse(only(p, order[:n]), rng)

    return f


def nucleus_then_hot(z, rng):
    q = nucleus(z, 0.8)
    q = np.where(q > 0, q, 0) ** (1 / 1.5)
    return inverse(q / q.sum(), rng)


def unfiltered_sometimes(z, rng):
    return inverse_cdf(z, rng) if rng.random() < 0.05 else top_3_lowest(z, rng)


def min_p_of_one(z, rng):
    p = p64(z)
    return inverse(only(p, np.flatnonzero((p >= 0.2) | (p == p.max()))), rng)


def draws_twice_takes_better(z, rng):
    a, b = inverse_cdf(z, rng), inverse_cdf(z, rng)
    return a if z[a] >= z[b] else b


def never_the_last(z, rng):
    token = inverse_cdf(z, rng)
    return token if token < len(z) - 1 or len(z) == 1 else inverse_cdf(z, rng)


FAULTS = {
    "5 % the best": (mixed(0.05, best), PLAIN),
    "5 % any": (mixed(0.05, any_left), PLAIN),
    "5 % the second": (mixed(0.05, second), PLAIN),
    "5 % the least": (mixed(0.05, least), PLAIN),
    "5 % the first": (mixed(0.05, first_left), PLAIN),
    "1 % any, removed too": (mixed(0.01, any_at_all), PLAIN),
    "10 % squared": (mixed(0.1, squared), PLAIN),
    "left side": (left_side, PLAIN),
    "short sum": (short_sum, PLAIN),
    "short sum, clipped": (short_sum_clipped, PLAIN),
    "half sum": (half_sum, PLAIN),
    "of weights": (of_weights, PLAIN),
    "one further": (one_further, PLAIN),
    "one before": (one_before, PLAIN),
    "rank returned": (rank_returned, PLAIN),
    "loop misses last": (loop_misses_last, PLAIN),
    "naive softmax": (naive_softmax, PLAIN),
    "base 2": (base_2, PLAIN),
    "absolute weights": (absolute_weights, PLAIN),
    "squared": (squared, PLAIN),
    "temperature 1.1": (warmer(1.1), PLAIN),
    "temperature 0.9": (warmer(0.9), PLAIN),
    "temperature for its inverse": (warmer(1 / 1.5), HOT),
    "temperature forgotten": (inverse_cdf, HOT),
    "gumbel once": (gumbel_once, PLAIN),
    "gumbel shared": (gumbel_shared, PLAIN),
    "normal noise": (normal_noise, PLAIN),
    "uniform noise": (uniform_noise, PLAIN),
    "gumbel of p": (gumbel_of_p, PLAIN),
    "gumbel, then temperature": (gumbel_then_temperature, HOT),
    "impatient rejection": (impatient_rejection, PLAIN),
    "alias wrong": (alias_wrong, PLAIN),
    "in place": (in_place, PLAIN),
    "in place, divided": (in_place_divide, HOT),
    "global generator": (global_generator, PLAIN),
    "same seed": (same_seed, PLAIN),
    "ten seeds": (few_seeds(10), PLAIN),
    "100 seeds": (few_seeds(100), PLAIN),
    "256 levels": (coarse(256), PLAIN),
    "1,000 levels": (coarse(1000), PLAIN),
    "walk": (Walk, PLAIN),
    "walk, seeds skipped": (Walk, {"skip": ["same seed"]}),
    "antithetic": (Antithetic, {"skip": ["same seed"]}),
    "a seed again after 500": (lambda: Seeds(500), {"skip": ["same seed"]}),
    "a pool of 1,000": (lambda: Pool(1000), {"skip": ["same seed"]}),
    "sticky, 5 %": (lambda: Sticky(0.05), {"skip": ["same seed"]}),
    "avoids the last": (Avoids, {"skip": ["same seed"]}),
    "deck": (Deck, {"skip": ["same seed"]}),
    "remembered sums": (RememberedSums, PLAIN),
    "small ids": (small_ids, PLAIN),
    "byte ids": (byte_ids, PLAIN),
    "first thousand": (first_thousand, PLAIN),
    "floats": (floats, PLAIN),
    "lists": (lists, PLAIN),
    "crashes on one": (crashes_on_one, PLAIN),
    "hangs": (hangs, {"time_limit": 0.2}),
    "top 2": (top_k(2), TOP_3),
    "top 4": (top_k(4), TOP_3),
    "top 3 even": (top_3_even, TOP_3),
    "top 3 not normalised": (top_3_not_normalised, TOP_3),
    "top 3 of sorted": (top_3_of_sorted, TOP_3),
    "top 3, unfiltered in 5 %": (unfiltered_sometimes, TOP_3),
    "top-p without crossing": (nucleus_of(0.9, -1), TOP_P),
    "top-p one past": (nucleus_of(0.9, 1), TOP_P),
    "top-p 0.95": (nucleus_of(0.95), TOP_P),
    "top-p before temperature": (nucleus_then_hot, EITHER),
    "min-p absolute": (min_p_of_one, MIN_P),
    "better of two": (draws_twice_takes_better, PLAIN),
    "seldom the last": (never_the_last, PLAIN),
    "greedy worst": (least, law(top_k=1)),
}  # fmt: skip
FACTORIES = (
    "a seed again after 500", "a pool of 1,000", "sticky, 5 %",
)  # fmt: skip
