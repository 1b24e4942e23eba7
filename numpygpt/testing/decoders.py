"""check_decoder: does this loop write the texts that it should, as often as it should?

A decoder is ``f(model, prompt, n_new, seed) -> ids``, the prompt included. It gets
models whose every probability is known: tables (table_lm.py). Two kinds find two kinds
of faults:

- *mazes*, where behind a text only one or two of three tokens are possible. Whoever
  feeds the wrong tokens (the last alone, one twice, a refused draft) leaves the path
  within a few steps, and that needs no statistics. They look back up to seven tokens;
- small tables without gaps, whose texts can all be listed with their probabilities.
  Many texts are drawn and compared with that law (draws.py).

>>> def decoder(model, prompt, n_new, seed, do_sample=True):
...     how = {"max_new_tokens": n_new, "do_sample": do_sample}
...     return model.generate(prompt, seed=seed, **how)[0]
>>> report = check_decoder(decoder, n_draws=50)
>>> check_decoder(lambda *args: decoder(*args, False), n_draws=50)  # doctest: +ELLIPSIS
Traceback (most recent call last):
AssertionError: 'law': the probabilities are those of the law
...
"""

import time

import numpy as np

from .draws import Court, seconds_each
from .pace import Pace, paced
from .properties import PROPERTIES, Run, n_examples
from .report import Broken, as_code, call, failure
from .scores import Case, check_scores, power
from .search import examples_of
from .table_lm import TableLM, enumerate_sequences, text_laws

__tracebackhide__ = True

IMPOSSIBLE = 1e-12  # a token less likely than this has not been drawn by chance
REFUSALS = (ValueError, AssertionError, RuntimeError, NotImplementedError)


def check_decoder(
    f, *, config=None, models=None, prompts=None, n_new=None, skip=(), also=(),
    n_draws=None, thorough=False, seed=0, time_limit=30,
):  # fmt: skip
    """Look for a model and a prompt that ``f(model, prompt, n_new, seed)`` continues
    wrongly; it returns the ids of the text, the prompt included.

    config: the GenerationConfig that says how ``f`` generates, by default draws from
        the model as it is. Not for beams: see `check_beams`.
    models, prompts: lists or strategies in place of the kit's; n_new: a number or a
        list in place of 1 to 8.
    n_draws: texts from every model, by default 1000 (``thorough``: 8000).
    skip, also: names of `PROPERTIES`, to leave out or to add.

    The prompt may be padded behind its end with end tokens. A decoder that takes no
    list of end tokens, or refuses a text longer than the context, is not blamed for it:
    the report says so. Returns a `Report`; raises an AssertionError with an example.
    """
    run = Run("decoder", skip, also, seed)
    if not models is prompts is n_new is None and run.has("independent"):
        run.pass_over("independent", "models, prompts or lengths of your own")
    decoder = Decoder(f, config, time_limit)
    n_draws = n_draws or (8000 if thorough else 1000)
    decoder.times = max(1, n_draws / 1000)
    court = Court(run)
    try:
        _paths(run, decoder, models, prompts, n_new)
        if models is None:
            _several_eos(run, decoder)
            _full_context(run, decoder)
        _longer(run, decoder, models, prompts)
        _law(run, decoder, court, models, prompts, n_new, n_draws)
        if models is prompts is n_new is None:
            _seeds(run, decoder, court, n_draws)
    except Broken as broken:
        raise failure(broken, PROPERTIES[broken.name].text, seed) from broken.cause
    return run.report


class Decoder:
    """The decoder under test, and what its texts should be."""

    def __init__(self, f, config, seconds):
        self.f, self.config, self.seconds = f, config, seconds
        self.times = 1  # how much longer than by default a check may take

    def write(self, model, prompt, n_new, seed):
        """The new tokens of one text, as a tuple."""
        example = example_of(model, prompt, n_new, seed)
        given, table = list(prompt), getattr(model, "table", np.zeros(0)).copy()
        out = call(self.f, model, given, n_new, seed, seconds=self.seconds,
                   example=example)  # fmt: skip
        if given != list(prompt):
            raise Broken("input untouched", f"the prompt is now {given}", example)
        if not np.array_equal(getattr(model, "table", table), table):
            raise Broken("input untouched", "the table is another now", example)
        ids = ids_of(out, example)
        if ids[: len(prompt)] != list(prompt):
            raise Broken("prompt first", f"it wrote {ids}", example)
        self.n_written = len(ids) - len(prompt)
        return self.unpadded(model, tuple(ids[len(prompt) :]), n_new)

    def unpadded(self, model, text, n_new):
        """Without end tokens behind the first that fill the row up."""
        ends = self.eos(model)
        pads = {*ends, getattr(self.config, "pad_token_id", None)}
        first = next((i for i, t in enumerate(text) if t in ends), len(text)) + 1
        if len(text) == n_new and len(set(text[first:])) == 1 and text[first] in pads:
            return text[:first]
        return text

    def eos(self, model):
        """All end tokens."""
        own = getattr(self.config, "eos_token_ids", ())
        return tuple(own) or tuple(model.generation_config.eos_token_ids)

    def laws(self, model, n_new, prompt):
        return text_laws(model, n_new, prompt, self.config)


def ids_of(out, example):
    """A list, an array or a tensor of one text as a list of ids."""
    try:
        ids = np.ravel(np.asarray(out))
        if not np.array_equal(ids, ids.astype(np.int64)):
            raise ValueError
        return ids.astype(np.int64).tolist()
    except (TypeError, ValueError):
        raise Broken("no crash", f"it returns {out!r:.200}, no ids", example) from None


def example_of(model, prompt, n_new, seed):
    return f"{as_code(model, 'model')}\nprompt, n_new, seed = {prompt}, {n_new}, {seed}"


def maze(seed, n_back=2, eos_token_id=2, n_ctx=64):
    """A table over three tokens: of each row one or two are possible, by logits of
    either sign; the others are at -inf or 60 below."""
    rng = np.random.default_rng([seed, n_back])
    size = (3,) * n_back
    table = rng.choice(np.arange(-200, 200), (*size, 3)) / 64.0
    table += np.arange(3) / 128  # no ties
    table += rng.choice([-20.0, 0.0, 15.0], (*size, 1))
    eos = -1 if eos_token_id is None else np.max(eos_token_id)
    for row in table.reshape(-1, 3):
        kept = rng.permutation(3)[: rng.integers(1, 3)]
        if eos in kept and rng.random() < 0.6:  # so that texts grow
            kept = [i for i in range(3) if i != eos][: len(kept)]
        gone = [i for i in range(3) if i not in kept]
        row[gone] = -np.inf if rng.random() < 0.5 else row[kept].min() - 60
    start = (seed + n_back) % 3  # a token put before the prompt must not go unseen
    model = TableLM(table, n_ctx=n_ctx, eos_token_id=eos_token_id, start=start)
    model.code = f"maze({seed}, {n_back}, {eos_token_id}, {n_ctx})"
    return model


def _cases(run, models, prompts, n_new, n=150):
    """(model, prompt, n_new), the small ones first."""
    rng = np.random.default_rng([run.seed, 11])
    n = min(n, 6 * n_examples())
    if models is None:
        models = [
            maze(10 * run.seed + i, n_back, eos)
            for i, (n_back, eos) in enumerate(
                (b, e) for b in (1, 2, 3, 7) for e in (2, None) for _ in range(2)
            )
        ]
    models = examples_of(models, 10)
    own = None if prompts is None else examples_of(prompts, 20)
    lengths = range(1, 9) if n_new is None else np.atleast_1d(n_new).tolist()
    cases = []
    for i in range(n):
        model = models[i % len(models)]
        prompt = rng.integers(0, min(3, model.config.n_vocab), rng.integers(1, 7))
        prompt = own[i % len(own)] if own else prompt.tolist()
        cases.append((model, list(prompt), int(rng.choice(lengths))))
    return sorted(cases, key=lambda c: len(c[1]) + c[2])


def _paths(run, decoder, models, prompts, n_new):
    """Every token that is written must be possible there. And what is written twice
    must be the same: last of all where two generators hardly ever write the same, by a
    model to which all tokens are nearly as likely."""
    n = 0
    cases = _cases(run, models, prompts, n_new)
    numbered = [*enumerate(cases)]
    for i, case in numbered if models is not None else paced(numbered, 0.8):
        n += _case(run, decoder, case, run.seed + i, twice=i % 6 == 0)
    if models is None:
        even = TableLM(np.eye(3) / 50)
        case = even, cases[-1][1], max(n for _, _, n in cases)
        n += sum(_case(run, decoder, case, run.seed + i, twice=True) for i in range(3))
    for name in ("no crash", "input untouched", "prompt first", "possible", "ends",
                 "same seed"):  # fmt: skip
        if run.has(name):
            run.passed(name, f"in {n} texts")


def _case(run, decoder, case, seed, twice):
    """Is the text of this case right? No if the rules refuse it."""
    try:
        _path(decoder, *case, seed)
        if twice and run.has("same seed"):
            _again(decoder, *case, seed)
    except Broken as broken:
        refused = isinstance(broken.cause, ValueError)
        if run.has(broken.name) and not (refused and _dead_end(decoder, *case)):
            raise
        return False
    return True


def _dead_end(decoder, model, prompt, n_new):
    """Do the rules leave some text without a token to go on with?"""
    try:
        enumerate_sequences(model, n_new, prompt, decoder.config)
    except ValueError:
        return True
    return False


def _again(decoder, model, prompt, n_new, seed):
    first, second = (decoder.write(model, prompt, n_new, seed) for _ in range(2))
    if first != second:
        wrong = f"it wrote {list(first)}, then {list(second)}"
        raise Broken("same seed", wrong, example_of(model, prompt, n_new, seed))


def _path(decoder, model, prompt, n_new, seed):
    try:
        next_law, has_ended = decoder.laws(model, n_new, prompt)
        next_law(())
    except ValueError:  # n_new contradicts the config, or the rules leave nothing
        return
    example = example_of(model, prompt, n_new, seed)
    text = decoder.write(model, prompt, n_new, seed)
    for i, token in enumerate(text):
        if i and has_ended(text[:i]):
            wrong = f"it wrote {list(text)}, and should end after {list(text[:i])}"
            raise Broken("ends", wrong, example)
        try:
            q = next_law(text[:i])
        except ValueError:
            return
        if not 0 <= token < len(q) or q[token] < IMPOSSIBLE:
            can = [int(t) for t in np.flatnonzero(q >= IMPOSSIBLE)]
            behind = [*prompt, *text[:i]]
            wrong = f"it wrote {list(text)}: behind {behind} only {can} can come"
            raise Broken("possible", wrong, example)
    if not text or not has_ended(text):
        raise Broken("ends", f"it wrote {list(text)}, which is too short", example)


def _several_eos(run, decoder):
    """Of two end tokens each must end a text, if any of them does."""
    if not run.has("several eos"):
        return None
    texts, ended = [], 0
    for i in range(60):
        table = np.random.default_rng([run.seed, 12, i]).normal(0, 0.7, (3, 3))
        model = TableLM(table, eos_token_id=[1, 2])
        try:
            text = decoder.write(model, [0], 5, i)
        except Broken:
            return run.pass_over("several eos", "it takes no list of end tokens")
        eos = decoder.eos(model)
        early = next((j for j, t in enumerate(text[:-1]) if t in eos), None)
        ended += decoder.n_written < 5
        texts.append((model, text, early, i))
    if not ended or len(decoder.eos(texts[0][0])) < 2:
        return run.pass_over("several eos", "it takes no list of end tokens")
    for model, text, early, i in texts:
        if early is not None:
            wrong = (
                f"it wrote {list(text)}, and should end after {list(text[: early + 1])}"
            )
            raise Broken("several eos", wrong, example_of(model, [0], 5, i))
    return run.passed("several eos", f"in {len(texts)} texts")


def _full_context(run, decoder):
    """A text that reaches the end of the context is whole, or an error."""
    if not run.has("full context"):
        return None
    for i in range(24):
        model, n_prompt = maze(i + run.seed, 1 + i % 3, None, n_ctx=6), 1 + i % 5
        prompt = (
            np.random.default_rng([run.seed, 13, i]).integers(0, 3, n_prompt).tolist()
        )
        example = example_of(model, prompt, 8, i)
        try:
            text = decoder.write(model, prompt, 8, i)
            decoder.laws(model, 8, prompt)[0](())
        except ValueError:
            continue
        except Broken as broken:
            if isinstance(broken.cause, REFUSALS):
                return run.pass_over("full context", "it refuses a full one")
            raise Broken("full context", broken.wrong, example, broken.cause) from None
        n = n_prompt + len(text)
        if n > 7:
            return run.pass_over("full context", "it writes on behind the end")
        _possible_until_full(decoder, model, prompt, text, example)
    return run.passed("full context", "in 24 texts")


def _possible_until_full(decoder, model, prompt, text, example):
    next_law, has_ended = decoder.laws(model, 8, prompt)
    for j, token in enumerate(text[: 6 - len(prompt)]):
        if next_law(text[:j])[token] < IMPOSSIBLE:
            raise Broken("full context", f"it wrote {list(text)}", example)
    if not has_ended(text[: 6 - len(prompt)]):
        wrong = f"it wrote {list(text)}; the context has room for {6 - len(prompt)}"
        raise Broken("full context", wrong, example)


def _longer(run, decoder, models, prompts):
    if not run.has("longer run"):
        return
    for i, (model, prompt, _) in enumerate(_cases(run, models, prompts, 3, 40)):
        if _dead_end(decoder, model, prompt, 3) or _dead_end(decoder, model, prompt, 2):
            continue
        two, three = (decoder.write(model, prompt, n, i) for n in (2, 3))
        if three[: len(two)] != two:
            wrong = f"with n_new = 2 it wrote {list(two)}, with 3 {list(three)}"
            raise Broken("longer run", wrong, example_of(model, prompt, 3, i))
    run.passed("longer run", "in 40 pairs of texts")


def _tables(seed):
    """Models to compare laws on: (model, prompt, n_new)."""
    rng = np.random.default_rng([seed, 14])

    def table(*shape, mean=0, scale=1.5, eos=None):
        logits = rng.normal(mean, scale, shape).round(3)
        return TableLM(logits, eos_token_id=eos, start=int(rng.integers(3)))

    steady = np.log([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.25, 0.3, 0.45]])
    yield TableLM(steady, eos_token_id=2), [0], 3
    yield table(3, 3, 3, mean=-3, scale=1.2), [1, 2], 3
    yield table(3, 3, 3, 3, mean=2, scale=1.2, eos=2), [2, 0, 1], 3
    yield table(3, 3), [0, 1, 1, 2], 4
    yield table(3, 3, scale=0.3), [1], 5
    for n_back in (1, 2):  # two are nearly best, so that a redraw has to choose
        rows = [rng.permutation([0.0, -0.05, -1.3]) for _ in range(3**n_back)]
        yield TableLM(np.reshape(rows, (3,) * (n_back + 1)), start=n_back), [1, 0], 5


def _law(run, decoder, court, models, prompts, n_new, n_draws):
    """Many texts, compared with the law of all texts, model by model; and their tokens,
    of all models together."""
    if not run.has("law"):
        return None
    cases = [*_tables(run.seed)]
    if models is not None or prompts is not None or n_new is not None:
        cases = _own_cases(run, models, prompts, n_new)
    seeds, began = iter(range(10**6 * run.seed, 2**62)), time.thread_time()
    pace = Pace(0.9 * decoder.times, len(cases))
    drawn = [_texts(decoder, *case, seeds, n_draws, pace.next()) for case in cases]
    drawn, seconds = [d for d in drawn if d], time.thread_time() - began
    if not drawn:
        return run.pass_over("law", "every text is certain, or there are too many")
    cases = [case for *_, case in drawn]
    court.allow(0.6 * decoder.times)
    for what, code, texts, p, case in drawn:
        court.judge("law", what, case.first, case.sample, p, names=_names(texts),
                    example=code)  # fmt: skip
    court.allow(0.9 * decoder.times)
    check_scores(court, cases, seconds)
    run.report.power = power(cases)
    n = sum(len(case.first) for case in cases)
    return run.passed("law", f"{n} texts from {len(cases)} models")


def _texts(decoder, model, prompt, n_new, seeds, n_draws, seconds):
    """Draw texts: (what, the model as code, all texts, their probabilities, `Case`)."""
    try:
        law = enumerate_sequences(model, n_new, prompt, decoder.config)
    except ValueError:
        return None
    if len(law) < 2:
        return None
    texts = [*law]
    index = {text: i for i, text in enumerate(texts)}

    def sample(m):
        return np.array([
            _place(decoder, model, prompt, n_new, next(seeds), index) for _ in range(m)
        ])  # fmt: skip

    next_law, _ = decoder.laws(model, n_new, prompt)
    first = sample(_affordable(sample, n_draws, seconds))
    case = Case.of_texts(texts, next_law, prompt[-1], first, sample)
    what = f"texts of {n_new} tokens behind {prompt}"
    return what, as_code(model, "model"), texts, np.array([*law.values()]), case


def _seeds(run, decoder, court, n_draws):
    """Texts of two seeds, one behind the other: the first token of one must not know of
    the first two of the other (a seed that is used twice, or ``seed + i``)."""
    if not run.has("independent"):
        return None
    table = np.log([[0.3, 0.36, 0.34], [0.35, 0.31, 0.34], [0.33, 0.36, 0.31]])
    model = TableLM(table)
    try:
        law = enumerate_sequences(model, 2, [1], decoder.config)
    except ValueError:
        return run.pass_over("independent", "there is no law of two tokens")
    first, second = (
        np.bincount([text[at] for text in law], [*law.values()], 3) for at in (0, -1)
    )
    if len(law) < 4 or first.max() > 0.95:
        return run.pass_over("independent", "there is nothing to choose")
    m = _judge_pairs(run, decoder, court, model, (first, second), n_draws)
    return run.passed("independent", f"{2 * m} texts of seeds in a row")


def _judge_pairs(run, decoder, court, model, marginals, n_draws):
    seeds = iter(range(10**6 * run.seed + 5 * 10**5, 2**62))

    def pairs(m, place):
        n = m + 2 - m % 2  # an even number, so that fresh pairs begin as these do
        texts = [decoder.write(model, [1], 2, next(seeds)) for _ in range(n)]
        return np.array([3 * a[place] + b[0] for a, b in zip(texts, texts[1:])][:m])

    court.allow(0.4 * decoder.times)
    m = _affordable(lambda m: pairs(m, 0), n_draws, 0.2 * decoder.times)
    for place, marginal in zip((0, -1), marginals):
        court.judge(
            "independent", f"token {place % 2} of a text, and the first of the next",
            pairs(m, place)[::2], lambda n, at=place: pairs(2 * n, at)[::2],
            np.outer(marginal, marginals[0]).ravel(), example=as_code(model, "model"),
            names=lambda ids: f"{ids[0] // 3} then {ids[0] % 3}:",
        )  # fmt: skip
    return m


def _own_cases(run, models, prompts, n_new):
    """Those of the user's whose texts can be listed, at most eight."""
    models = [m for m, _, _ in _tables(run.seed)] if models is None else models
    cases = _cases(run, models, prompts, n_new or [1, 2, 3], 40)
    small = [c for c in cases if c[0].config.n_vocab ** c[2] <= 300]
    return small[:: max(1, len(small) // 8)][:8]


def _names(texts):
    def names(ids):
        shown = " or ".join(str(list(texts[i])) for i in ids[:2])
        return shown + (" or ...:" if len(ids) > 2 else ":")

    return names


def _place(decoder, model, prompt, n, seed, index):
    text = decoder.write(model, prompt, n, seed)
    if text not in index:
        wrong = f"it wrote {list(text)}, of probability 0"
        raise Broken("possible", wrong, example_of(model, prompt, n, seed))
    return index[text]


def _affordable(sample, n, seconds):
    """How many texts these seconds are enough for: at most n, at least 30."""
    return int(min(n, max(30, seconds / seconds_each(sample))))
