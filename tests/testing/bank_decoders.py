"""Decoders and beam searches to try `check_decoder` and `check_beams` on: right ones
and faults. An entry is ``name: (decoder, config)``.
"""

import numpy as np

from numpygpt import GenerationConfig
from numpygpt.decoding import distribution
from numpygpt.testing import TableLM, enumerate_sequences

GREEDY = GenerationConfig()
HOT = GenerationConfig(do_sample=True, temperature=1.7)
TOP_2 = GenerationConfig(do_sample=True, top_k=2)
REPEAT = GenerationConfig(do_sample=True, repetition_penalty=1.6)
DRAFT = TableLM([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [-1.0, 0.8, 0.4]])


def softmax(row):
    weights = np.exp(row.astype(np.float64) - row.max())
    return weights / weights.sum()


def pick(p, rng):
    total = np.cumsum(p)
    at = np.searchsorted(total, rng.random() * total[-1], side="right")
    return int(min(at, np.flatnonzero(p)[-1]))


def ends_of(model):
    eos = model.config.eos_token_id
    return () if eos is None else (eos,) if isinstance(eos, int) else tuple(eos)


def loop(
    logits=lambda model, ids, n_prompt: model(ids)[-1],
    choose=lambda row, ids, rng, i: pick(softmax(row), rng),
    rng=np.random.default_rng,
    ends=ends_of,
    steps=lambda n_new, prompt: n_new,
    stop=lambda ids, n_prompt, ends: ids[-1] in ends,
):
    """A decoder without a cache, of parts that may be wrong."""

    def f(model, prompt, n_new, seed):
        ids, generator = list(prompt), rng(seed)
        for i in range(steps(n_new, prompt)):
            row = logits(model, ids, len(prompt))
            ids.append(choose(row, ids, generator, i))
            if stop(ids, len(prompt), ends(model)):
                break
        return ids

    return f


# ---- right ones


def own(config=None):
    settings = {} if config is GREEDY else {"do_sample": True}

    def f(model, prompt, n_new, seed):
        return model.generate(
            prompt, config, max_new_tokens=n_new, seed=seed, **settings
        )

    return f


def lookup(model, prompt, n_new, seed):
    how = {"do_sample": True, "prompt_lookup_num_tokens": 2}
    return model.generate(prompt, max_new_tokens=n_new, seed=seed, **how)[0]


def assisted(model, prompt, n_new, seed):
    how = {"do_sample": True, "assistant_model": DRAFT, "num_assistant_tokens": 3}
    return model.generate(prompt, max_new_tokens=n_new, seed=seed, **how)[0].tolist()


def streamed(model, prompt, n_new, seed):
    new = model.stream(prompt, max_new_tokens=n_new, do_sample=True, seed=seed)
    return [*prompt, *new]


def cached(
    again=0, first=slice(None), crop=None, feed=lambda ids: ids[-1:], ends=ends_of
):
    """With a cache. ``again``: how many tokens are fed twice; ``crop``: how many are
    forgotten after a step."""

    def f(model, prompt, n_new, seed):
        ids, rng, cache = list(prompt), np.random.default_rng(seed), model.new_cache()
        row = model(ids[first] or ids, cache)[-1]
        for i in range(n_new):
            ids.append(pick(softmax(row), rng))
            if ids[-1] in ends(model) or i == n_new - 1:
                break
            if crop:
                cache.crop(cache.n_tok - crop)
            row = model([*ids[len(ids) - 1 - again : -1], *feed(ids)], cache)[-1]
        return ids

    return f


def cached_one_by_one(model, prompt, n_new, seed):
    ids, rng, cache = list(prompt), np.random.default_rng(seed), model.new_cache()
    for token in ids[:-1]:
        model([token], cache)
    while len(ids) < len(prompt) + n_new:
        ids.append(pick(softmax(model(ids[-1:], cache)[-1]), rng))
        if ids[-1] in ends_of(model):
            break
    return np.array(ids)


def hidden_and_unembed(model, prompt, n_new, seed):
    ids, rng, cache = list(prompt), np.random.default_rng(seed), model.new_cache()
    new = ids
    for _ in range(n_new):
        hidden = model.hidden([new], [cache])
        new = [pick(softmax(model.unembed(hidden[-1:])[0]), rng)]
        ids = ids + new
        if new[0] in ends_of(model):
            break
    return np.array([ids])


def forked(model, prompt, n_new, seed):
    """A fork of the cache at every step."""
    ids, rng, cache = list(prompt), np.random.default_rng(seed), model.new_cache()
    row = model(ids, cache)[-1]
    for _ in range(n_new):
        ids.append(pick(softmax(row), rng))
        if ids[-1] in ends_of(model) or len(ids) == model.config.n_ctx:
            break
        cache, other = cache.fork(), cache
        model([0], other)
        row = model(ids[-1:], cache)[-1]
    return ids


def gumbel(model, prompt, n_new, seed):
    return loop(
        choose=lambda row, ids, rng, i: int(np.argmax(row + rng.gumbel(size=len(row))))
    )(model, prompt, n_new, seed)


def one_number(model, prompt, n_new, seed):
    """The whole text from one uniform number: arithmetic decoding."""
    ids, u = list(prompt), np.random.default_rng(seed).random()
    for _ in range(n_new):
        p = softmax(model(ids)[-1])
        total = np.cumsum(p)
        token = int(min(np.searchsorted(total, u, side="right"), np.flatnonzero(p)[-1]))
        u = (u - total[token] + p[token]) / p[token]
        ids.append(token)
        if token in ends_of(model):
            break
    return ids


def from_the_list(model, prompt, n_new, seed):
    """Lists all texts and draws one."""
    if n_new > 4:
        return own()(model, prompt, n_new, seed)
    texts = enumerate_sequences(model, n_new, prompt)
    at = pick(np.array([*texts.values()]), np.random.default_rng(seed))
    return [*prompt, *[*texts][at]]


def window(model, prompt, n_new, seed):
    """nanoGPT's habit: when the context is full, the oldest tokens go."""
    return loop(lambda model, ids, n: model(ids[-model.config.n_ctx :])[-1])(
        model, prompt, n_new, seed
    )


def padded(model, prompt, n_new, seed):
    ids = loop()(model, prompt, n_new, seed)
    eos = (*ends_of(model), 0)[0]
    return ids + [eos] * (len(prompt) + n_new - len(ids))


def single_eos(model, prompt, n_new, seed):
    """Knows of one end token only."""
    return loop(ends=lambda model: [model.config.eos_token_id])(
        model, prompt, n_new, seed
    )


def speculative(
    n_draft=3, draft=DRAFT, accept=lambda p, q, u: u * q < p, stale=0,
    rest=lambda p, q: np.maximum(p - q, 0), bonus=True, bonus_of=None, law=softmax,
    draft_law=softmax, refused=False, check_eos=True, overshoot=False,
    cache_drafts=False,
):  # fmt: skip
    """Speculative decoding, of parts that may be wrong."""

    def f(model, prompt, n_new, seed):
        ids, rng, cache = list(prompt), np.random.default_rng(seed), model.new_cache()
        end = len(prompt) + n_new
        guesser = draft or model
        while len(ids) < end:
            room = n_draft if overshoot else min(n_draft, end - len(ids))
            drafts, qs = [], []
            for _ in range(room):
                qs.append(draft_law(guesser([*ids, *drafts])[-1]))
                drafts.append(pick(qs[-1], rng))
            rows = model([*ids[cache.n_tok :], *drafts], cache)[-room - 1 :]
            n_before = len(ids)
            for i in range(room + 1):
                p = law(rows[i])
                if i == room:
                    if bonus and len(ids) < end:
                        ids.append(
                            pick(law(rows[i if bonus_of is None else bonus_of]), rng)
                        )
                    break
                if accept(p[drafts[i]], qs[i][drafts[i]], rng.random()):
                    ids.append(drafts[i])
                else:
                    left = rest(p, qs[i])
                    ids.append(pick(left if left.any() else p, rng))
                    if not refused:
                        break
                if check_eos and ids[-1] in ends_of(model):
                    break
            if not cache_drafts:
                cache.crop(len(ids) - 1 + stale)
            for i in range(n_before, len(ids)):
                if ids[i] in ends_of(model):
                    return ids[: i + 1]
        return ids

    return f


def with_rules(config):
    def f(model, prompt, n_new, seed):
        n = len(prompt)
        return loop(
            choose=lambda row, ids, rng, i: pick(distribution(row, ids, config, n), rng)
        )(model, prompt, n_new, seed)

    return f


def greedy_loop(model, prompt, n_new, seed):
    return loop(choose=lambda row, ids, rng, i: int(row.argmax()))(
        model, prompt, n_new, seed
    )


def torch_draws(model, prompt, n_new, seed):
    import torch

    generator = torch.Generator().manual_seed(seed)
    ids = torch.tensor(prompt)
    for _ in range(n_new):
        p = torch.softmax(torch.tensor(model(ids.tolist())[-1]), -1)
        ids = torch.cat([ids, torch.multinomial(p, 1, generator=generator)])
        if int(ids[-1]) in ends_of(model):
            break
    return ids


RIGHT = {
    "own": (own(), None),
    "own, greedy": (own(GREEDY), GREEDY),
    "own, hot": (own(HOT), HOT),
    "own, top 2": (own(TOP_2), TOP_2),
    "own, penalty": (own(REPEAT), REPEAT),
    "own, forced end": (
        own(GenerationConfig(do_sample=True, forced_eos_token_id=2)),
        GenerationConfig(do_sample=True, forced_eos_token_id=2),
    ),
    "lookup": (lookup, None),
    "assisted": (assisted, None),
    "streamed": (streamed, None),
    "loop": (loop(), None),
    "cached": (cached(), None),
    "cached, crop and feed again": (cached(crop=1, again=1), None),
    "cached_one_by_one": (cached_one_by_one, None),
    "hidden_and_unembed": (hidden_and_unembed, None),
    "forked": (forked, None),
    "gumbel": (gumbel, None),
    "one_number": (one_number, None),
    "from_the_list": (from_the_list, None),
    "window": (window, None),
    "padded": (padded, None),
    "single_eos": (single_eos, None),
    "speculative": (speculative(), None),
    "speculative, own draft": (speculative(draft=None), None),
    "speculative, one": (speculative(n_draft=1), None),
    "speculative, no bonus": (speculative(bonus=False), None),
    "speculative, accepts by <=": (
        speculative(accept=lambda p, q, u: u <= p / q),
        None,
    ),
    "rules": (with_rules(REPEAT), REPEAT),
    "rules, top 2": (with_rules(TOP_2), TOP_2),
    "greedy_loop": (greedy_loop, GREEDY),
    "speculative, greedy": (
        speculative(
            law=lambda row: np.eye(3)[row.argmax()],
            draft_law=lambda row: np.eye(3)[row.argmax()],
        ),
        GREEDY,
    ),
}

# ---- faults


def without_prompt(model, prompt, n_new, seed):
    return loop()(model, prompt, n_new, seed)[len(prompt) :]


def prompt_twice(model, prompt, n_new, seed):
    return [*prompt, *loop()(model, prompt, n_new, seed)]


def appends_to_prompt(model, prompt, n_new, seed):
    prompt += loop()(model, prompt, n_new, seed)[len(prompt) :]
    return prompt


def hot_from(n):
    def choose(row, ids, rng, i):
        return pick(softmax(row / 1.7 if i >= n else row), rng)

    return loop(choose=choose)


def argmax_at(n):
    def choose(row, ids, rng, i):
        return int(row.argmax()) if i == n else pick(softmax(row), rng)

    return loop(choose=choose)


def mixed(share):
    def choose(row, ids, rng, i):
        return int(row.argmax()) if rng.random() < share else pick(softmax(row), rng)

    return loop(choose=choose)


def same_number(model, prompt, n_new, seed):
    """The generator made anew for every token."""
    return loop(
        choose=lambda row, ids, rng, i: pick(softmax(row), np.random.default_rng(seed))
    )(model, prompt, n_new, seed)


def no_repeats(row, ids, rng, i):
    p = softmax(row)
    p[ids[-1]] /= 2
    return pick(p, rng)


class Remembers:
    """Keeps what the first prompt of a length gave."""

    def __init__(self):
        self.rows = {}

    def __call__(self, model, prompt, n_new, seed):
        def logits(model, ids, n_prompt):
            return self.rows.setdefault((tuple(ids)), model(ids)[-1])

        return loop(logits)(model, prompt, n_new, seed)


def stale_row(model, prompt, n_new, seed):
    """The token is chosen by the logits of the step before."""
    return loop(lambda model, ids, n: model(ids[:-1] if len(ids) > n else ids)[-1])(
        model, prompt, n_new, seed
    )


def top_2_wrong(row, ids, rng, i):
    p = softmax(row)
    p[np.argsort(-p)[2:]] = 0
    return pick(p if i else softmax(row), rng)


def penalty_of_output(model, prompt, n_new, seed):
    n = len(prompt)
    return loop(
        choose=lambda row, ids, rng, i: pick(distribution(row, ids[n:], REPEAT), rng)
    )(model, prompt, n_new, seed)


def lookup_trusts(model, prompt, n_new, seed):
    """Copies what followed the last token before, where it is possible at all."""

    def choose(row, ids, rng, i):
        p = softmax(row)
        before = [b for a, b in zip(ids, ids[1:]) if a == ids[-1]]
        return before[-1] if before and p[before[-1]] > 0.2 else pick(p, rng)

    return loop(choose=choose)(model, prompt, n_new, seed)


def hangs_without_eos(model, prompt, n_new, seed):
    while not ends_of(model):
        pass
    return loop()(model, prompt, n_new, seed)


def drops_eos(model, prompt, n_new, seed):
    ids = loop()(model, prompt, n_new, seed)
    return ids[:-1] if ids[-1] in ends_of(model) else ids


def one_beyond_eos(model, prompt, n_new, seed):
    ids = loop()(model, prompt, n_new, seed)
    short = ids[-1] in ends_of(model) and len(ids) < len(prompt) + n_new
    return [*ids, 0] if short else ids


def same_text(model, prompt, n_new, seed):
    return loop()(model, prompt, n_new, 0)


def next_seed(model, prompt, n_new, seed):
    return loop(
        choose=lambda row, ids, rng, i: pick(
            softmax(row), np.random.default_rng(seed + i)
        )
    )(model, prompt, n_new, seed)


def greedy_from_fourth(row, ids, rng, i):
    return int(row.argmax()) if i > 2 else pick(softmax(row), rng)


def seed_mod_10(model, prompt, n_new, seed):
    return loop()(model, prompt, n_new, seed % 10)


def full_one_early(model, prompt, n_new, seed):
    room = model.config.n_ctx - 1 - len(prompt)
    return loop()(model, prompt, max(1, min(n_new, room)), seed)


def full_buffer(model, prompt, n_new, seed):
    """A buffer of n_ctx tokens that is written past its end."""
    ids, n = np.zeros(model.config.n_ctx, int), len(prompt)
    ids[:n] = prompt
    rng = np.random.default_rng(seed)
    for i in range(n, n + n_new):
        ids[i] = pick(softmax(model(ids[:i].tolist())[-1]), rng)
        if ids[i] in ends_of(model):
            return ids[: i + 1]
    return ids[: n + n_new]


FAULTS = {
    "the last token alone": (loop(lambda m, ids, n: m(ids[-1:])[-1]), None),
    "the last two alone": (loop(lambda m, ids, n: m(ids[-2:])[-1]), None),
    "the last three alone": (loop(lambda m, ids, n: m(ids[-3:])[-1]), None),
    "all but the first": (loop(lambda m, ids, n: m(ids[1:] or ids)[-1]), None),
    "the prompt alone": (loop(lambda m, ids, n: m(ids[:n])[-1]), None),
    "without the prompt": (loop(lambda m, ids, n: m(ids[n:] or ids)[-1]), None),
    "the first four of the prompt": (
        loop(lambda m, ids, n: m(ids[: min(4, n)] + ids[n:])[-1]), None),
    "backwards": (loop(lambda m, ids, n: m(ids[::-1])[-1]), None),
    "the row before": (
        loop(lambda m, ids, n: m(ids)[-2 if len(ids) > 1 else -1]), None),
    "the first row": (loop(lambda m, ids, n: m(ids)[0]), None),
    "the prompt's last row": (loop(lambda m, ids, n: m(ids)[n - 1]), None),
    "stale row": (stale_row, None),
    "a token twice in the cache": (cached(again=1), None),
    "two tokens twice": (cached(again=2), None),
    "all fed again": (cached(feed=lambda ids: ids), None),
    "one forgotten": (cached(crop=1), None),
    "the prompt's first not fed": (cached(first=slice(1, None)), None),
    "the prompt's last not fed": (cached(first=slice(None, -1)), None),
    "feeds 0": (cached(feed=lambda ids: [0]), None),
    "feeds the token before": (cached(feed=lambda ids: ids[-2:-1]), None),
    "eos ignored": (loop(ends=lambda model: ()), None),
    "eos ignored with a cache": (cached(ends=lambda model: ()), None),
    "drops eos": (drops_eos, None),
    "one beyond eos": (one_beyond_eos, None),
    "eos of the prompt": (
        loop(stop=lambda ids, n, ends: any(t in ends for t in ids)), None),
    "first of several eos": (loop(ends=lambda model: ends_of(model)[:1]), None),
    "last of several eos": (loop(ends=lambda model: ends_of(model)[-1:]), None),
    "0 as eos": (loop(ends=lambda model: (0,)), None),
    "one too many": (loop(steps=lambda n, prompt: n + 1), None),
    "one too few": (loop(steps=lambda n, prompt: max(1, n - 1)), None),
    "n_new with the prompt": (
        loop(steps=lambda n, prompt: max(1, n - len(prompt) + 1)), None),
    "at most five": (loop(steps=lambda n, prompt: min(5, n)), None),
    "without prompt": (without_prompt, None),
    "prompt twice": (prompt_twice, None),
    "appends to prompt": (appends_to_prompt, None),
    "greedy": (greedy_loop, None),
    "hot": (hot_from(0), None),
    "hot from the second": (hot_from(1), None),
    "hot from the third": (hot_from(2), None),
    "argmax first": (argmax_at(0), None),
    "argmax at the third": (argmax_at(2), None),
    "10 % argmax": (mixed(0.1), None),
    "no repeats": (loop(choose=no_repeats), None),
    "temperature forgotten": (loop(), HOT),
    "draws for greedy": (loop(), GREEDY),
    "top 2 not at first": (loop(choose=top_2_wrong), TOP_2),
    "penalty of output": (penalty_of_output, REPEAT),
    "penalty forgotten": (loop(), REPEAT),
    "same number": (same_number, None),
    "same text": (same_text, None),
    "seed modulo 10": (seed_mod_10, None),
    "seed halved": (
        lambda model, prompt, n_new, seed: loop()(model, prompt, n_new, seed // 2),
        None),
    "the next seed at every step": (next_seed, None),
    "the last six alone": (loop(lambda m, ids, n: m(ids[-6:])[-1]), None),
    "prompt sorted": (
        loop(lambda m, ids, n: m(sorted(ids[:n]) + ids[n:])[-1]), None),
    "greedy from the fourth": (loop(choose=greedy_from_fourth), None),
    "global generator": (loop(rng=lambda seed: np.random), None),
    "no seed": (loop(rng=lambda seed: np.random.default_rng()), None),
    "remembers": (Remembers, None),
    "lookup trusts": (lookup_trusts, None),
    "hangs without eos": (hangs_without_eos, None),
    "full one early": (full_one_early, None),
    "full buffer": (full_buffer, None),
    "refused draft left": (speculative(stale=1), None),
    "drafts left": (speculative(cache_drafts=True), None),
    "accepts all": (speculative(accept=lambda p, q, u: True), None),
    "accepts possible": (speculative(accept=lambda p, q, u: p > 0.05), None),
    "accepts by p": (speculative(accept=lambda p, q, u: u < p), None),
    "accepts by q / p": (speculative(accept=lambda p, q, u: u * p < q), None),
    "accepts the likelier": (speculative(accept=lambda p, q, u: p >= q), None),
    "redraws from p": (speculative(rest=lambda p, q: p), None),
    "redraws from |p - q|": (speculative(rest=lambda p, q: np.abs(p - q)), None),
    "redraws from q": (speculative(rest=lambda p, q: q), None),
    "redraws the best": (
        speculative(rest=lambda p, q: np.eye(3)[np.argmax(p - q)]), None),
    "bonus of the row before": (speculative(bonus_of=-2), None),
    "bonus of the first row": (speculative(bonus_of=0), None),
    "goes on when refused": (speculative(refused=True), None),
    "overshoots": (speculative(overshoot=True), None),
    "drafts hot": (
        speculative(law=lambda row: softmax(row / 1.7)), None),
    "draft for model": (loop(lambda m, ids, n: DRAFT(ids)[-1]), None),
}  # fmt: skip

# Wrong in too few of its tokens for a check of five seconds.
THOROUGH = {"redraws the best"}


# ---- beams


def beams(
    norm=lambda total, n, penalty: total / n**penalty, penalty=1.0, finish=True,
    log=lambda row: row - row.max() - np.log(np.exp(row - row.max()).sum()), key=None,
    keep_alive=False, drop=False, width=lambda w: w, per_beam=None, pairs=False,
    shown=lambda score: score, final=True,
):  # fmt: skip
    """A plain beam search, of parts that may be wrong."""

    def f(model, prompt, n_new, num_beams):
        live, done, w = [((), 0.0)], [], width(num_beams)
        for i in range(n_new):
            longer = []
            for text, total in live:
                row = log(model([*prompt, *text])[-1])
                some = np.argsort(-row)[:per_beam]
                longer += [((*text, int(t)), total + row[t]) for t in some
                           if row[t] > -np.inf]  # fmt: skip
            longer.sort(key=key or (lambda beam: -beam[1]))
            ended = [b for b in longer if b[0][-1] in ends_of(model)]
            if not drop:
                done += ended
            live = [b for b in longer if keep_alive or b not in ended][:w]
        if final:
            done += live
        done = [(t, norm(s, len(t), penalty)) for t, s in done]
        done = sorted(dict(done).items(), key=lambda beam: -beam[1])[:num_beams]
        texts = [([*prompt, *t], shown(s)) for t, s in done]
        return texts if pairs else [t for t, _ in texts]

    return f


def own_beams(**settings):
    def f(model, prompt, n_new, num_beams):
        how = {"num_return_sequences": num_beams, "return_dict_in_generate": True}
        return model.generate(
            prompt, max_new_tokens=n_new, num_beams=num_beams, **how, **settings
        )

    return f


def best_only(model, prompt, n_new, num_beams):
    return beams()(model, prompt, n_new, num_beams)[0]


def greedy_best(model, prompt, n_new, num_beams):
    return greedy_loop(model, prompt, n_new, 0)


def twice(model, prompt, n_new, num_beams):
    texts = beams()(model, prompt, n_new, num_beams)
    return [texts[0], *texts][:num_beams]


def backwards(model, prompt, n_new, num_beams):
    return beams()(model, prompt, n_new, num_beams)[::-1]


def drawn(model, prompt, n_new, num_beams):
    rng = np.random.default_rng(len(prompt))
    return [loop()(model, prompt, n_new, rng.integers(99)) for _ in range(num_beams)]


LONG, FLAT = GenerationConfig(length_penalty=2.0), GenerationConfig(length_penalty=0.0)
RIGHT_BEAMS = {
    "plain": (beams(), None),
    "with scores": (beams(pairs=True), None),
    "best_only": (best_only, None),
    "length_penalty 2": (beams(penalty=2.0), LONG),
    "length_penalty 0": (beams(penalty=0.0), FLAT),
    "own": (own_beams(), None),
    "own, 2": (own_beams(length_penalty=2.0), LONG),
    "own, never": (own_beams(early_stopping="never"), None),
    "own, all": (own_beams(early_stopping=True), None),
}
FAULTY_BEAMS = {
    "length forgotten": (beams(norm=lambda s, n, p: s), None),
    "length with the wrong power": (beams(penalty=0.5), None),
    "length one more": (beams(norm=lambda s, n, p: s / (n + 1) ** p), None),
    "length multiplied": (beams(norm=lambda s, n, p: s * n**p), None),
    "length of the config forgotten": (beams(), LONG),
    "finished kept alive": (beams(keep_alive=True), None),
    "eos dropped": (beams(drop=True), None),
    "the end not counted": (beams(final=False), None),
    "one beam": (beams(width=lambda w: 1), None),
    "half as many": (beams(width=lambda w: max(1, w // 2)), None),
    "logits for logs": (beams(log=lambda row: row), None),
    "probabilities": (beams(log=softmax), None),
    "two a beam": (beams(per_beam=2), None),
    "one a beam": (beams(per_beam=1), None),
    "worst first": (beams(key=lambda b: b[1]), None),
    "last token decides": (beams(key=lambda b: b[0][-1]), None),
    "score not normalised": (beams(pairs=True, shown=lambda s: 2 * s), None),
    "score as probability": (beams(pairs=True, shown=np.exp), None),
    "greedy": (greedy_best, None),
    "twice": (twice, None),
    "backwards": (backwards, None),
    "drawn": (drawn, None),
}
