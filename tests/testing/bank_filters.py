"""Filters and rules to try `check_filter` on: right ones that look odd, and faults that
people make. An entry is ``name: (filter, how check_filter is called)``."""

import functools
import heapq
import math

import numpy as np

from numpygpt import GenerationConfig
from numpygpt import decoding as d
from numpygpt.decoding import distribution

INF = np.inf


def law(**settings):
    config = GenerationConfig(do_sample=True, **settings)
    return {"law": lambda z: distribution(z, (), config)}


def rule(**settings):
    """For rules that look at the text; the whole text counts as output."""
    config = GenerationConfig(do_sample=True, **settings)
    return {
        "law": lambda z, context: distribution(z, context, config),
        "context": True,
    }


def softmax(z):
    with np.errstate(all="ignore"):
        e = np.exp(z - z.max())
        return e / e.sum()


def kept(z, mask, gone=-INF):
    return np.where(mask, z, np.asarray(gone, z.dtype))


def entropy(p):
    with np.errstate(all="ignore"):
        return -np.nansum(p * np.log(p))


def float64(z):
    return z.astype(np.float64)


# ---- right ones


def top_k_all_ties(z):
    return kept(z, z >= np.sort(z)[-min(5, len(z))])


def top_k_lowest(z):
    out = np.full(len(z), -INF)  # float64, whatever came in
    best = np.argsort(-z, kind="stable")[:5]
    out[best] = z[best]
    return out


def top_k_highest(z):
    best = np.argsort(z, kind="stable")[-5:]
    out = np.full_like(z, -INF)
    out[best] = z[best]
    return out


def top_k_any_tie(z):
    order = np.random.default_rng(len(z)).permutation(len(z))
    best = order[np.argsort(-z[order], kind="stable")[:5]]
    return kept(z, np.isin(np.arange(len(z)), best))


def top_k_list(z):
    """What plain Python would do: lists in, lists out."""
    z = z.tolist()
    border = heapq.nlargest(5, z)[-1]
    return [x if x >= border else -INF for x in z]


def top_k_argpartition(z):
    if len(z) <= 5:
        return z
    best = np.argpartition(z, -5)[-5:]
    out = np.full_like(z, -1e9)
    out[best] = z[best]
    return out


def top_k_lowest_number(z):
    return kept(z, z >= np.sort(z)[-min(5, len(z))], np.finfo(np.float32).min)


def top_k_of_rows(z):
    k = min(5, z.shape[-1])
    border = np.partition(z, -k, axis=-1)[..., -k, None]
    return kept(z, z >= border)


def top_k_normalised(z):
    """Returns log-probabilities."""
    z = top_k_lowest(z)
    with np.errstate(all="ignore"):
        return z - z.max() - np.log(np.exp(z - z.max()).sum())


def top_k_shifted(z):
    return (top_k_highest(z) - z.max()).astype(z.dtype)


def top_p_float32(z):
    p = softmax(z.astype(np.float32))
    order = np.argsort(-p, kind="stable")
    n = np.searchsorted(np.cumsum(p[order]), np.float32(0.9)) + 1
    return kept(z, np.isin(np.arange(len(z)), order[:n]))


def top_p_from_below(z):
    """As transformers does it: remove the least likely whose mass is at most 0.1."""
    order = np.argsort(z, kind="stable")
    mass = np.cumsum(softmax(z.astype(np.float32))[order])
    gone = order[:-1][mass[:-1] <= 1 - 0.9]
    out = z.copy()
    out[gone] = -INF
    return out


def top_p_loop(z):
    p = softmax(float64(z)).tolist()
    mass, keep = 0.0, set()
    for i in sorted(range(len(p)), key=lambda i: -p[i]):
        if mass >= 0.9:
            break
        keep.add(i)
        mass += p[i]
    return [float(x) if i in keep else -INF for i, x in enumerate(z)]


def top_p_heap(z):
    p = softmax(float64(z))
    heap = [(-x, i) for i, x in enumerate(p)]
    heapq.heapify(heap)
    out, mass = np.full(len(z), -INF, z.dtype), 0.0
    while mass < 0.9 and heap:
        x, i = heapq.heappop(heap)
        out[i], mass = z[i], mass - x
    return out


def top_p_all_ties(z):
    p = softmax(float64(z))
    ranked = np.sort(p)[::-1]
    n = np.searchsorted(np.cumsum(ranked), 0.9)
    return kept(z, p >= ranked[min(n, len(z) - 1)])


def min_p_of_probabilities(z):
    p = softmax(z)
    return kept(z, p >= p.max() * 0.1)


def min_p_one_row(z):
    return np.where(z >= z.max() + math.log(0.1), z, -np.inf)


def typical_float32(z):
    p = softmax(z.astype(np.float32))
    with np.errstate(all="ignore"):
        surprise = -np.log(p)
        order = np.argsort(np.abs(surprise - entropy(p)), kind="stable")
    n = np.searchsorted(np.cumsum(p[order]), 0.9) + 1
    return kept(z, np.isin(np.arange(len(z)), order[:n]))


def eta_float32(z):
    p = softmax(z.astype(np.float32))
    eta = min(0.05, math.sqrt(0.05) * math.exp(-entropy(p)))
    return kept(z, (p >= eta) | (z == z.max()))


def epsilon_plain(z):
    p = softmax(z)
    return kept(z, (p >= 0.05) | (p == p.max()))


def n_sigma_float32(z):
    z32 = z.astype(np.float32)
    left = z32[np.isfinite(z32)]
    return kept(z, z32 >= left.max() - left.std())


def temperature_of_log_p(z):
    with np.errstate(all="ignore"):
        return np.log(softmax(float64(z))) / 0.7


def temperature_shifted(z):
    return (z - z.max()) / z.dtype.type(0.7)


def temperature_then_top_p(z):
    return top_p_heap(z / z.dtype.type(0.7))


def identity(z):
    return z


def no_bigram_list(z, context):
    z, seen = list(z), set(zip(context, context[1:]))
    banned = {b for a, b in seen if a == context[-1]}
    return [-INF if i in banned else x for i, x in enumerate(z)]


def penalty_loop(z, context):
    z = [float(x) for x in z]
    for i in set(context):
        z[i] = z[i] * 1.3 if z[i] < 0 else z[i] / 1.3
    return z


def frequency_bincount(z, context):
    return z - (0.4 * np.bincount(context, minlength=len(z))).astype(z.dtype)


def tensors(z):
    import torch

    z = torch.tensor(z)
    border = z.topk(min(5, len(z))).values[-1]
    return z.masked_fill(z < border, -INF)


TOP_K, TOP_P, HOT = law(top_k=5), law(top_p=0.9), law(temperature=0.7)
MIN_P, TYPICAL, ETA = law(min_p=0.1), law(typical_p=0.9), law(eta_cutoff=0.05)
EPSILON, SIGMA = law(epsilon_cutoff=0.05), law(top_n_sigma=1.0)
TOP_H, BOTH = law(top_h=0.8), law(temperature=0.7, top_p=0.9)
UPPER, TRUNCATION, ANY = {"kind": "upper set"}, {"kind": "truncation"}, {"kind": "any"}
REPEAT, FREQUENT = rule(repetition_penalty=1.3), rule(frequency_penalty=0.4)
PRESENT, BIGRAM = rule(presence_penalty=0.4), rule(no_repeat_ngram_size=2)
TRIGRAM, DRY = rule(no_repeat_ngram_size=3), rule(dry_multiplier=0.8)

RIGHT = {}
for f in (top_k_all_ties, top_k_lowest, top_k_highest, top_k_any_tie, top_k_list,
          top_k_argpartition, top_k_lowest_number, top_k_of_rows, top_k_normalised,
          top_k_shifted):  # fmt: skip
    RIGHT[f.__name__] = (f, TOP_K)
    RIGHT[f"{f.__name__}, no law"] = (f, UPPER)
for f in (top_p_float32, top_p_from_below, top_p_loop, top_p_heap, top_p_all_ties):
    RIGHT[f.__name__] = (f, TOP_P)
    RIGHT[f"{f.__name__}, no law"] = (f, UPPER)
RIGHT |= {
    "min_p_of_probabilities": (min_p_of_probabilities, MIN_P),
    "min_p_one_row": (min_p_one_row, MIN_P),
    "min_p_one_row, no law": (min_p_one_row, UPPER),
    "typical_float32": (typical_float32, TYPICAL),
    "typical_float32, no law": (typical_float32, TRUNCATION),
    "eta_float32": (eta_float32, ETA),
    "eta_float32, no law": (eta_float32, UPPER),
    "epsilon_plain": (epsilon_plain, EPSILON),
    "n_sigma_float32": (n_sigma_float32, SIGMA),
    "n_sigma_float32, no law": (n_sigma_float32, UPPER),
    "temperature_of_log_p": (temperature_of_log_p, HOT),
    "temperature_shifted": (temperature_shifted, HOT),
    "temperature_shifted, no law": (temperature_shifted, ANY),
    "temperature_then_top_p": (temperature_then_top_p, BOTH),
    "temperature_then_top_p, no law": (temperature_then_top_p, {}),
    "identity": (identity, {}),
    "top_h": (lambda z: d.top_h(z, 0.8), TOP_H),
    "no_bigram_list": (no_bigram_list, BIGRAM),
    "penalty_loop": (penalty_loop, REPEAT),
    "penalty_loop, no law": (penalty_loop, {"context": True}),
    "frequency_bincount": (frequency_bincount, FREQUENT),
    "fixed penalty": (functools.partial(penalty_loop, context=[0]), ANY),
    "bans a token": (lambda z: d.suppress_tokens(np.append(z, 0), [len(z)])[:-1], {}),
    "dry": (lambda z, c: d.dry(z, 0.8, c), DRY),
}

# ---- faults


def top_k_of(k, strict=False):
    def f(z):
        border = np.sort(z)[-max(1, min(k, len(z)))]
        return kept(z, z > border if strict else z >= border)

    return f


def worst(z):
    return kept(z, z <= np.sort(z)[min(5, len(z)) - 1])


def half(z):
    with np.errstate(all="ignore"):
        low = z.astype(np.float16)
        best = np.argsort(-low, kind="stable")[:5]
    return kept(z, np.isin(np.arange(len(z)), best))


def bfloat16(z):
    low = (z.astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32)
    best = np.argsort(-low, kind="stable")[:5]
    return kept(z, np.isin(np.arange(len(z)), best))


def in_place(z):
    z[z < np.sort(z)[-min(5, len(z))]] = -INF
    return z


def crashes_on_few(z):
    return kept(z, z >= np.sort(z)[-5])


def empty_on_few(z):
    return kept(z, z >= np.sort(z)[-5]) if len(z) >= 5 else np.full_like(z, -INF)


def probabilities_instead(z):
    return softmax(top_k_all_ties(z))


def filled(value):
    return lambda z: kept(z, z >= np.sort(z)[-min(5, len(z))], value)


def filled_with_least(z):
    return kept(z, z >= np.sort(z)[-min(5, len(z))], z[np.isfinite(z)].min())


def order_forgotten(z):
    """The mask of the sorted row, laid on the row as it stands."""
    order = np.argsort(-z)
    n = np.searchsorted(np.cumsum(softmax(float64(z))[order]), 0.9) + 1
    return kept(z, np.arange(len(z)) < n)


def stays_sorted(z):
    return np.sort(top_k_all_ties(z))[::-1]


def top_p_ranked(offset, limit=0.9, p=softmax, ascending=False):
    def f(z):
        probabilities = p(float64(z))
        order = np.argsort(
            probabilities if ascending else -probabilities, kind="stable"
        )
        n = np.searchsorted(np.cumsum(probabilities[order]), limit) + 1 + offset
        return kept(z, np.isin(np.arange(len(z)), order[:n]))

    return f


def not_normalised(z):
    with np.errstate(all="ignore"):
        return np.exp(z - z.max())


def squared(z):
    return softmax(z) ** 2


def naive(z):
    with np.errstate(all="ignore"):
        return np.exp(z) / np.exp(z).sum()


def top_p_naive(z):
    with np.errstate(all="ignore"):
        p = np.exp(z) / np.exp(z).sum()
    order = np.argsort(-p)
    n = np.searchsorted(np.cumsum(p[order]), 0.9) + 1
    return kept(z, np.isin(np.arange(len(z)), order[:n]))


def top_p_half(z):
    p = softmax(z.astype(np.float32)).astype(np.float16)
    order = np.argsort(-p, kind="stable")
    n = np.searchsorted(np.cumsum(p[order], dtype=np.float16), np.float16(0.9)) + 1
    return kept(z, np.isin(np.arange(len(z)), order[:n]))


def top_p_before_temperature(z):
    return top_p_heap(z) / z.dtype.type(0.7)


def typical(signed=False, base=1.0, offset=0, wrong_entropy=False):
    def f(z):
        p = softmax(float64(z))
        with np.errstate(all="ignore"):
            surprise = -np.log(p)
        h = math.log(len(z)) if wrong_entropy else entropy(p) / base
        off = surprise - h
        order = np.argsort(off if signed else np.abs(off), kind="stable")
        n = np.searchsorted(np.cumsum(p[order]), 0.9) + 1 + offset
        return kept(z, np.isin(np.arange(len(z)), order[:n]))

    return f


def eta(sign=-1, power=0.5, most=min, best=True):
    def f(z):
        p = softmax(float64(z))
        limit = most(0.05, 0.05**power * math.exp(sign * entropy(p)))
        return kept(z, (p >= limit) | ((z == z.max()) & best))

    return f


def epsilon_without_best(z):
    return kept(z, softmax(float64(z)) >= 0.05)


def min_p_of_logits(z):
    return kept(z, z >= z.max() * 0.1)


def min_p_absolute(z):
    p = softmax(float64(z))
    return kept(z, (p >= 0.1) | (p == p.max()))


def min_p_other_log(z):
    return kept(z, z >= z.max() + math.log2(0.1))


def min_p_of_best_removed(z):
    """The limit from the second best."""
    p = np.sort(softmax(float64(z)))
    return kept(z, softmax(float64(z)) >= 0.1 * p[-2:][0])


def n_sigma(ddof=0, center=np.max, left=True, times=1.0):
    def f(z):
        with np.errstate(all="ignore"):
            x = float64(z[np.isfinite(z)]) if left else float64(z)
            sigma = x.std(ddof=ddof) if len(x) > ddof else 0.0
            return kept(z, (z >= center(x) - times * sigma) | (z == z.max()))

    return f


def n_sigma_floor(z):
    """-inf counted as -1e4 in the deviation."""
    x = np.maximum(float64(z), -1e4)
    return kept(z, x >= x.max() - x.std())


def top_h_of_set(z):
    return d.top_h(z, 0.9)


def top_h_without_first(z):
    order = np.argsort(-z, kind="stable")
    p = softmax(float64(z))[order]
    with np.errstate(all="ignore"):
        parts = np.nan_to_num(np.cumsum(-p * np.log(p)))
    n = np.searchsorted(parts, 0.8 * parts[-1])
    return kept(z, np.isin(np.arange(len(z)), order[:n]))


def clipped(z):
    return np.clip(z, -50, 50) / z.dtype.type(0.7)


def temperature_of_p(z):
    return softmax(float64(z)) / 0.7


def temperature_twice(z):
    return z / z.dtype.type(0.7) / z.dtype.type(0.7)


def temperature_of_best(z):
    return np.where(z == z.max(), z / z.dtype.type(0.7), z)


def temperature_by_int(z):
    return (z // z.dtype.type(0.7)).astype(z.dtype)


def positive_only(z):
    return np.where(z > 0, z / z.dtype.type(0.7), z)


def revives(z):
    return np.nan_to_num(z / z.dtype.type(0.7), neginf=-20.0)


def nan_of_removed(z):
    with np.errstate(all="ignore"):
        return z - (z * 0)


class Remembers:
    """Keeps the first mask that it made for a size."""

    def __init__(self):
        self.masks = {}

    def __call__(self, z):
        if len(z) not in self.masks:
            self.masks[len(z)] = z >= np.sort(z)[-min(5, len(z))]
        return kept(z, self.masks[len(z)])


class Drifts:
    """k grows with every call."""

    def __init__(self):
        self.n = 0

    def __call__(self, z):
        self.n += 1
        return top_k_of(5 if self.n < 200 else 6)(z)


class WritesToOne:
    """One array for all results."""

    def __init__(self):
        self.out = np.zeros(60_000)

    def __call__(self, z):
        out = self.out[: len(z)]
        best = z >= np.sort(z)[-min(5, len(z))]
        out[best] = z[best]
        out[~best] = np.minimum(out[~best], -INF if len(z) != 20 else out[~best])
        return out


def noisy(z):
    return top_k_all_ties(z + np.random.default_rng().normal(0, 1e-2, len(z)))


def equals_once(z):
    """np.unique: of equal logits one."""
    first = np.unique(z, return_index=True)[1][-5:]
    return kept(z, np.isin(np.arange(len(z)), first))


def border_of_unique(z):
    values = np.unique(z)
    return kept(z, z >= values[-min(5, len(values))])


def short_ids(z):
    best = np.argsort(-z, kind="stable")[:5].astype(np.int16)
    out = np.full_like(z, -INF)
    out[best] = z[best]
    return out


def first_hundred(z):
    """Looks at the first 100 tokens of a large vocabulary."""
    return kept(z, (z >= np.sort(z[:100])[-min(5, len(z))]) & (np.arange(len(z)) < 100))


def padded(z):
    return np.pad(top_k_all_ties(z), (0, -len(z) % 8), constant_values=-INF)


def one_short(z):
    return top_k_all_ties(z)[:-1] if len(z) > 1 else z


def keeps_token_0(z):
    return kept(z, (z >= np.sort(z)[-min(5, len(z))]) | (np.arange(len(z)) == 0))


def keeps_last_token(z):
    return kept(
        z, (z >= np.sort(z)[-min(5, len(z))]) | (np.arange(len(z)) == len(z) - 1)
    )


def above_zero(z):
    return kept(z, (z > 0) | (z == z.max()))


def not_the_best(z):
    return kept(z, (z < z.max()) | (np.sum(z > -INF) == 1) | (z == z.min()))


def integers(z):
    return np.trunc(top_k_all_ties(z))


def mixed_rows(z):
    p = np.exp(z - z.max(axis=-1, keepdims=True))
    return kept(z, p / p.sum(axis=-1, keepdims=True) >= 0.1 * p.max() / p.sum())


def wrong_axis(z):
    k = min(5, z.shape[-1])
    if z.ndim == 2:
        return kept(z, z >= np.sort(z, axis=0)[-1])
    return kept(z, z >= np.sort(z)[-k])


def first_row_for_all(z):
    rows = np.atleast_2d(z)
    border = np.sort(rows[0])[-min(5, rows.shape[1])]
    return kept(z, z >= border) if z.ndim == 1 else kept(rows, rows >= border)


def hangs_on_ties(z):
    if len(np.unique(z)) < len(z):
        while True:
            pass
    return top_k_all_ties(z)


def asserts_positive(z):
    assert z.max() > 0
    return top_k_all_ties(z)


def xtc_all(z):
    p = softmax(float64(z))
    return kept(z, (p < 0.1) | (z == z.min()))


def logs_of_two(z):
    return (z * math.log(2)).astype(z.dtype)


def almost(z):
    """A temperature of 0.7 where 0.71 is used."""
    return z / z.dtype.type(0.71)


def penalty(
    divide=False, per_time=False, part=slice(None), add=False, only_positive=False
):
    def f(z, context):
        z = z.copy()
        seen = context[part]
        for i in seen if per_time else set(seen):
            if only_positive and z[i] < 0:
                continue
            if add:
                z[i] -= 1.3
            else:
                z[i] = z[i] / 1.3 if z[i] > 0 or divide else z[i] * 1.3
        return z

    return f


def no_ngram(n, part=slice(None), prefix=0):
    def f(z, context):
        z, context = z.copy(), context[part]
        head = context[len(context) - n + 1 + prefix :]
        for i in range(len(context) - n + 1):
            if context[i + prefix : i + n - 1] == head:
                z[context[i + n - 1]] = -INF
        return z if z.max() > -INF else z * 0

    return f


def last_pair_missed(z, context):
    """Does not see the pair at the very end."""
    z = z.copy()
    for a, b in zip(context[:-2], context[1:-1]):
        if a == context[-1]:
            z[b] = -INF
    return z


def appends(z, context):
    context.append(0)
    return frequency_bincount(z, context[:-1])


def counts(value=0.4, clip=None, part=slice(None)):
    def f(z, context):
        n = np.bincount(context[part], minlength=len(z))
        return z - (value * (n if clip is None else np.minimum(n, clip))).astype(
            z.dtype
        )

    return f


FAULTS = {
    "k minus one": (top_k_of(4), TOP_K),
    "k plus one": (top_k_of(6), TOP_K),
    "above the border only": (top_k_of(5, strict=True), TOP_K),
    "above the border, k plus one": (top_k_of(6, strict=True), TOP_K),
    "above the border, no law": (top_k_of(5, strict=True), UPPER),
    "worst": (worst, UPPER),
    "worst, law": (worst, TOP_K),
    "half": (half, UPPER),
    "half, law": (half, TOP_K),
    "bfloat16": (bfloat16, UPPER),
    "bfloat16, law": (bfloat16, TOP_K),
    "in place": (in_place, UPPER),
    "in place, law": (in_place, TOP_K),
    "crashes on few": (crashes_on_few, UPPER),
    "empty on few": (empty_on_few, UPPER),
    "probabilities instead": (probabilities_instead, TRUNCATION),
    "filled with 0": (filled(0.0), TRUNCATION),
    "filled with 0, law": (filled(0.0), TOP_K),
    "filled with -10": (filled(-10.0), TOP_K),
    "filled with -100": (filled(-100.0), TOP_K),
    "filled with -1e3": (filled(-1e3), TOP_K),
    "filled with the least": (filled_with_least, TOP_K),
    "filled with NaN": (filled(np.nan), ANY),
    "order forgotten": (order_forgotten, TOP_P),
    "order forgotten, no law": (order_forgotten, UPPER),
    "stays sorted": (stays_sorted, TRUNCATION),
    "top-p without the crossing token": (top_p_ranked(-1), TOP_P),
    "top-p without it, no law": (top_p_ranked(-1), UPPER),
    "top-p one past": (top_p_ranked(1), TOP_P),
    "top-p ascending": (top_p_ranked(0, ascending=True), UPPER),
    "top-p ascending, law": (top_p_ranked(0, ascending=True), TOP_P),
    "top-p not normalised": (top_p_ranked(0, p=not_normalised), TOP_P),
    "top-p squared": (top_p_ranked(0, p=squared), TOP_P),
    "top-p of 0.1": (top_p_ranked(0, limit=0.1), TOP_P),
    "top-p of 0.89": (top_p_ranked(0, limit=0.89), TOP_P),
    "top-p naive": (top_p_naive, TOP_P),
    "top-p naive, no law": (top_p_naive, UPPER),
    "top-p half": (top_p_half, TOP_P),
    "top-p before temperature": (top_p_before_temperature, BOTH),
    "typical without abs": (typical(signed=True), TYPICAL),
    "typical in bits": (typical(base=math.log(2)), TYPICAL),
    "typical one short": (typical(offset=-1), TYPICAL),
    "typical around uniform": (typical(wrong_entropy=True), TYPICAL),
    "eta sign": (eta(sign=1), ETA),
    "eta without root": (eta(power=1), ETA),
    "eta max": (eta(most=max), ETA),
    "eta empty": (eta(best=False, most=max), UPPER),
    "epsilon without best": (epsilon_without_best, UPPER),
    "epsilon without best, law": (epsilon_without_best, EPSILON),
    "min-p of logits": (min_p_of_logits, MIN_P),
    "min-p of logits, no law": (min_p_of_logits, UPPER),
    "min-p absolute": (min_p_absolute, MIN_P),
    "min-p other log": (min_p_other_log, MIN_P),
    "min-p of the second": (min_p_of_best_removed, MIN_P),
    "n-sigma ddof": (n_sigma(ddof=1), SIGMA),
    "n-sigma from the mean": (n_sigma(center=np.mean), SIGMA),
    "n-sigma of removed": (n_sigma(left=False), SIGMA),
    "n-sigma floor": (n_sigma_floor, SIGMA),
    "n-sigma twice": (n_sigma(times=2.0), SIGMA),
    "top-h other share": (top_h_of_set, TOP_H),
    "top-h without first": (top_h_without_first, TOP_H),
    "top-h without first, no law": (top_h_without_first, UPPER),
    "clipped": (clipped, HOT),
    "clipped, no law": (clipped, {}),
    "temperature of p": (temperature_of_p, HOT),
    "temperature multiplies": (lambda z: z * z.dtype.type(0.7), HOT),
    "temperature twice": (temperature_twice, HOT),
    "temperature of the best": (temperature_of_best, HOT),
    "temperature by int": (temperature_by_int, HOT),
    "temperature of positive": (positive_only, HOT),
    "temperature forgotten": (identity, HOT),
    "almost": (almost, HOT),
    "revives": (revives, HOT),
    "revives, no law": (revives, ANY),
    "NaN of removed": (nan_of_removed, ANY),
    "remembers": (Remembers, TOP_K),
    "remembers, no law": (Remembers, UPPER),
    "drifts": (Drifts, TOP_K),
    "writes to one": (WritesToOne, TOP_K),
    "noisy": (noisy, UPPER),
    "equals once": (equals_once, {"law": TOP_K["law"], "ties": "exact"}),
    "border of unique": (border_of_unique, TOP_K),
    "short ids": (short_ids, UPPER),
    "first hundred": (first_hundred, UPPER),
    "padded": (padded, UPPER),
    "one short": (one_short, ANY),
    "keeps token 0": (keeps_token_0, UPPER),
    "keeps token 0, truncation": (keeps_token_0, TRUNCATION),
    "keeps the last token": (keeps_last_token, TOP_K),
    "above zero": (above_zero, UPPER),
    "not the best": (not_the_best, UPPER),
    "integers": (integers, TRUNCATION),
    "mixed rows": (mixed_rows, MIN_P),
    "wrong axis": (wrong_axis, TOP_K),
    "first row for all": (first_row_for_all, TOP_K),
    "hangs on ties": (hangs_on_ties, {"time_limit": 0.2}),
    "asserts positive": (asserts_positive, UPPER),
    "xtc removes all": (xtc_all, law(xtc_probability=1.0, xtc_threshold=0.1)),
    "half out": (lambda z: z.astype(np.float16), ANY),
    "minus zero removed": (
        lambda z: kept(z, ~(np.signbit(z) & (z == 0))), law(temperature=1.0)),
    "rounded": (lambda z: z.round(3), law(temperature=1.0)),
    "rolled": (lambda z: np.roll(z, 1), TRUNCATION),
    "absolute": (
        lambda z: kept(z, np.abs(z) >= np.sort(np.abs(z))[-min(5, len(z))]), TOP_K),
    "logs of two": (logs_of_two, law(temperature=1.0)),
    "penalty divides": (penalty(divide=True), REPEAT),
    "penalty per occurrence": (penalty(per_time=True), REPEAT),
    "penalty ignores the first": (penalty(part=slice(1, None)), REPEAT),
    "penalty ignores the last": (penalty(part=slice(None, -1)), REPEAT),
    "penalty of the last four": (penalty(part=slice(-4, None)), REPEAT),
    "penalty adds": (penalty(add=True), REPEAT),
    "penalty of positive": (penalty(only_positive=True), REPEAT),
    "frequency as presence": (counts(clip=1), FREQUENT),
    "frequency of the last ten": (counts(part=slice(-10, None)), FREQUENT),
    "frequency sign": (counts(-0.4), FREQUENT),
    "presence as frequency": (counts(), PRESENT),
    "frequency appends": (appends, FREQUENT),
    "bigram for trigram": (no_ngram(2), TRIGRAM),
    "trigram for bigram": (no_ngram(3), BIGRAM),
    "trigram, half a match": (no_ngram(3, prefix=1), TRIGRAM),
    "bigram without the prompt": (no_ngram(2, part=slice(1, None)), BIGRAM),
    "bigram misses the end": (last_pair_missed, BIGRAM),
    "dry base": (lambda z, c: d.dry(z, 0.8, c, base=1.5), DRY),
    "dry length": (lambda z, c: d.dry(z, 0.8, c, allowed_length=3), DRY),
    "dry short memory": (lambda z, c: d.dry(z, 0.8, c[-5:]), DRY),
}  # fmt: skip
