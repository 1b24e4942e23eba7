"""Rows of logits on which samplers break.

Random rows are all alike: no ties, nothing removed, nothing extreme. Faults live
elsewhere, so here is a bank of rows, each kind written down because some fault was once
found with it. They differ with the seed; the kinds do not. A bank finds more in a
second than a general search, and the search is still there for rows of your own: pass
``rows=`` a strategy (strategies.py).
"""

import numpy as np

__tracebackhide__ = True

INF = np.inf
BORDERS = (1, 2, 3, 4, 5, 8, 10, 20, 40, 50, 100)  # the k of many a top-k


def hard_rows(seed=0, n_random=25):
    """Pairs ``(kind, row)``, every row as float64 and float32, the small ones first."""
    rng = np.random.default_rng([seed, 1])
    kinds = (_small, _removed, _ties, _near, _levels, _peaks, _extremes, _borders)
    for kind in kinds:
        for row in kind(rng):
            yield from _both(kind.__name__[1:], row)
    for row in _ordinary(rng, n_random):
        yield from _both("ordinary", row)
    for row in _large(rng):
        yield "large", row.astype(np.float32)


def ordinary_rows(seed=0, n=30):
    """Rows without anything special, to see how a function behaves there."""
    rng = np.random.default_rng([seed, 2])
    rows = [*_ordinary(rng, n), rng.normal(0, 2, 1500), rng.normal(-30, 3, 50257)]
    return [row.astype(np.float64) for row in rows]


def rows_to_draw_from(seed=0):
    """Pairs ``(name, row)`` without ties, on which a small fault changes much: nearly
    even rows (a share of the draws that goes to one token), skewed ones (a share that
    goes anywhere), and those on which arithmetic is hard."""
    rng = np.random.default_rng([seed, 3])

    def mixed(row):
        row = np.asarray(row, float)
        return rng.permutation(row.round(4) if len(row) < 100 else row)

    even, small = np.linspace(0, 0.1, 20), np.linspace(0, 0.5, 6)
    skewed = np.concatenate([[6.0], np.linspace(-0.2, 0.2, 19)])
    zipf = -1.2 * np.log(np.arange(1, 1501)) - 30
    yield "nearly even", mixed(even)
    yield "nearly even, few", mixed(small)
    yield "skewed", mixed(skewed)
    yield "wide", mixed(np.linspace(-3, 2, 20))
    yield "two tokens", np.array([0.0, 0.7])
    yield "two tokens, float32", np.array([1.2, -1.0], np.float32)
    yield "one token", np.array([-3.0])
    yield "one left", np.array([-INF, -INF, 1.5, -INF])
    yield "ends removed", np.array([-INF, 0.0, 0.4, -0.3, -INF])
    yield "half removed", _with_removed(rng, mixed(np.linspace(-2, 1, 14)), 7)
    yield "float32, removed", np.array([-INF, 2.0, 0.5, 1.2, -INF, -0.4], np.float32)
    yield "all negative", mixed(np.linspace(-1004, -1000, 12))
    yield "all positive", mixed(np.linspace(1000, 1003, 9))
    yield "halving", mixed(-np.log(2) * np.arange(1, 9))
    yield "one below certain", mixed([3.0, *np.linspace(-2.0, -1.0, 12)])
    yield from _peaks_above_many(rng)
    yield from _random_rows(rng)
    yield "1,500 nearly even", mixed(np.linspace(0, 0.3, 1500))
    yield "1,500 as in a text", mixed(zipf).astype(np.float32)
    yield "50,257 nearly even", mixed(np.linspace(0, 0.3, 50257)).astype(np.float32)


def _peaks_above_many(rng):
    for share, n in ((0.1, 400), (0.15, 300)):
        peak = np.log(share / (1 - share) * n)
        yield f"a peak above {n}", rng.permutation([peak, *np.linspace(-0.1, 0.1, n)])


def _random_rows(rng):
    for i, scale in enumerate((0.5, 1.0, 1.5, 2.0, 3.0, 4.0)):
        row = rng.normal(0, scale, 6 + 3 * i).round(4)
        yield f"random, {len(row)}", row.astype((np.float32, np.float64)[i % 2])


def contexts_to_try(n_vocab, seed=0, n=24):
    """Texts so far, of ids below ``n_vocab``: one token, the same one often, pairs and
    triples that come again, every token, long ones."""
    rng = np.random.default_rng([seed, 4, n_vocab])
    a, b, c = (int(i) % n_vocab for i in rng.permutation(max(3, n_vocab))[:3])
    yield from ([a], [a, a], [a, b], [a, b, a], [a, b, a, b], [a, b, c, a, b])
    yield from ([a] * 5, [a, b, b, b], [b, a, c, b, a], [c, a, b, c, a, b, c, a])
    yield from ([a, a, b, a, a], list(range(n_vocab))[:200], [b] * 3 + [a] * 2 + [c])
    for _ in range(n):
        size = int(rng.integers(1, 30))
        few = int(rng.integers(1, min(n_vocab, 6) + 1))
        yield rng.permutation(n_vocab)[rng.integers(0, few, size)].tolist()


def _both(kind, row):
    row = np.asarray(row, np.float64)
    yield kind, row
    yield kind, row.astype(np.float32)


def _with_removed(rng, row, n):
    row = np.array(row, float)
    row[rng.permutation(len(row))[:n]] = -INF
    return row


def _small(rng):
    yield from ([0.0], [-2.5], [0.3, 0.1], [0.0, 0.0], [-1.0, 4.0], [1.0, 3.0, 2.0])
    yield from ([0.0, -0.0, 1.0, -1.0], [-INF, 0.5], [0.5, -INF], [30.0, -30.0])


def _removed(rng):
    yield from ([-INF, 1.0, 2.0, -INF], [-INF, -INF, 0.7, -INF], [-5.0, -INF, -6.0])
    for n, gone in ((6, 2), (9, 8), (12, 6), (20, 5), (60, 40), (150, 149)):
        yield _with_removed(rng, rng.normal(0, 2, n), gone)
    yield _with_removed(rng, rng.integers(0, 3, 15), 5)
    yield _with_removed(rng, rng.normal(-40, 3, 20), 6)


def _ties(rng):
    for k in BORDERS:  # ranks k - 1 to k + 2 are alike
        row = np.linspace(4, -4, k + 6)
        row[max(0, k - 2) : k + 2] = row[k - 1]
        yield rng.permutation(row)
    for n, few in ((5, 2), (8, 3), (20, 3), (60, 10)):
        yield rng.integers(0, few, n)
    yield from (np.zeros(3), np.full(10, -7.25), np.full(20, 3.0), np.zeros(150))
    yield [2.0, 2.0, 0.0, 0.0, 0.0]


def _near(rng):
    for size in (1e-4, 1e-3):  # neighbours that half precision cannot tell apart
        for level in (0.0, 8.0, -30.0):
            yield rng.permutation(level + size * np.arange(12))
    yield rng.permutation(8 + 2e-3 * np.arange(60))
    step = np.float32(5)
    row = []
    for _ in range(9):  # neighbours of one step of float32
        row.append(float(step))
        step = np.nextafter(step, np.float32(9))
    yield rng.permutation(row)
    yield rng.permutation([*row, 2.0, 1.0, 7.0])


def _levels(rng):
    """All negative, as GPT-2's logits are; all positive; around zero."""
    for level in (-100.0, -35.0, -4.0, 40.0, 90.0):
        yield level + rng.normal(0, 1.5, 12)
    yield rng.permutation(np.linspace(-1, 1, 8))
    yield rng.permutation(np.linspace(0.1, 5, 11))
    yield rng.permutation(-np.linspace(0.1, 5, 11))
    yield np.linspace(3, -3, 10)
    yield np.linspace(-3, 3, 10)
    for n in (150, 1500):  # the best side by side: who looks at pieces errs there
        yield np.linspace(3, -5, n)


def _peaks(rng):
    for p in (0.3, 0.5, 0.6, 0.8, 0.89, 0.91, 0.94, 0.96, 0.985, 0.995, 1 - 1e-4):
        n = int(rng.integers(5, 30))
        row = np.log((1 - p) / n) + rng.uniform(-0.5, 0.5, n)
        yield rng.permutation([np.log(p), *row])
    yield rng.permutation([0.0, -0.3, *rng.normal(-3, 0.4, 18)])  # two peaks
    yield rng.permutation([0.0, -0.01, -0.02, *rng.normal(-6, 0.1, 60)])
    yield rng.permutation([0.0, *np.log(1e-7 / 12) + rng.normal(0, 0.3, 12)])
    yield rng.permutation(np.linspace(0, np.log(1e-12), 16))
    yield rng.permutation(np.log(2) * -np.arange(14))


def _extremes(rng):
    yield from ([-1e4, 1e4], [1e4, 1e4 - 8], [-1e4, -1e4 - 8, -1e4 - 16])
    yield from ([-1e4, 0.0, 100.0], [1e4, 0.0, -1e4, 9e3], [-100.0, -50.0, -200.0])
    for level in (-1e4, -1500.0, 1500.0):
        yield rng.permutation(level - np.linspace(0, 6, 14))
    yield [800.0, 799.0, 790.0, -800.0]
    yield rng.permutation([1e4, *rng.normal(0, 1, 8)])
    yield [-900.0, -901.0, -903.5, -INF]


def _borders(rng):
    """Where cumulative masses hit common limits or lie close to them."""
    for masses in ((0.5, 0.3, 0.2), (0.4, 0.3, 0.2, 0.1), (0.25,) * 4):
        yield np.log(masses)
    for limit in (0.5, 0.8, 0.9, 0.95, 0.99):
        for off in (-1e-3, 1e-3, -1.5e-4, 1.5e-4):
            head = np.array([0.5, 0.3, 0.2]) * (limit + off)
            tail = np.array([0.6, 0.4]) * (1 - limit - off)
            yield rng.permutation(np.log([*head, *tail]))
    for share in (0.05, 0.1, 0.2, 0.5):  # of the best token's probability
        yield rng.permutation(np.log([1, share * 1.01, share * 0.99, share * 0.3]))
    for p in (0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4):  # a probability, with many others
        rest = (1 - 4 * p) * np.array([0.6, 0.4])
        yield rng.permutation(np.log([*rest, p * 1.3, p * 1.05, p * 0.95, p * 0.7]))


def _ordinary(rng, n):
    for _ in range(n):
        size = int(rng.choice([3, 4, 5, 6, 8, 12, 20, 40, 70, 120]))
        yield rng.normal(rng.choice([0, 0, -5, 5]), rng.choice([0.3, 1, 2, 4]), size)


def _large(rng):
    zipf = -1.1 * np.log(np.arange(1, 1501))
    yield rng.permutation(zipf - 33)
    yield rng.normal(0, 2, 1500)
    yield rng.normal(0, 0.01, 1500)
    yield _with_removed(rng, rng.normal(-3, 3, 1500), 700)
    yield rng.permutation(-1.1 * np.log(np.arange(1, 50258)) - 60)
    yield rng.normal(-35, 2.5, 50257)
