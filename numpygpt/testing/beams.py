"""check_beams: does this search find the best texts?

A wide beam need not be better than a narrow one, and two right searches may end at
different texts, so most of what one would like to test is not a theorem. Three things
are. With as many beams as there are beginnings, n_vocab ** (n_new - 1), nothing is ever
thrown away, and the best texts of all must come out: those that listing every text
finds. Without end tokens all texts are of one length, and the W best beginnings at
every step are the same for everybody. And a text's score can be computed from the text:

    sum of log p(token) / n_tokens ** length_penalty      (n_tokens with the end token)

>>> def search(model, prompt, n_new, num_beams):
...     return model.generate(prompt, max_new_tokens=n_new, num_beams=num_beams,
...                           num_return_sequences=num_beams)
>>> report = check_beams(search)
>>> first = lambda *args: search(*args)[::-1]
>>> check_beams(first)  # doctest: +ELLIPSIS
Traceback (most recent call last):
AssertionError: 'sorted': the best text comes first
...
"""

from itertools import islice

import numpy as np

from ..decoding.config import GenerationConfig
from ..decoding.plumbing.settings import merge_config
from ..decoding.sampling import chain, process
from ..layers import log_softmax
from .decoders import ids_of
from .pace import paced
from .properties import PROPERTIES, Run, n_examples
from .report import Broken, as_code, call, failure
from .search import examples_of
from .table_lm import TableLM

__tracebackhide__ = True

CLOSE = 1e-4  # scores of float32


def check_beams(
    f, *, config=None, models=None, prompts=None, n_new=None, skip=(), also=(), seed=0,
    time_limit=30,
):  # fmt: skip
    """Look for a model that ``f(model, prompt, n_new, num_beams)`` searches wrongly.

    It returns texts, the best first, the prompt included: lists of ids or one array,
    padded behind the end; or pairs of a text and its score, or an object with
    ``sequences`` and ``sequences_scores``. Fewer than ``num_beams``, even one, will do.

    config: a GenerationConfig with ``length_penalty`` (1 by default), rules and end
        tokens. models, prompts, n_new: lists or strategies in place of the kit's.
    skip, also: names of `PROPERTIES`, to leave out or to add.

    Returns a `Report`; raises an AssertionError with an example.
    """
    run = Run("beams", skip, also, seed)
    config = config or GenerationConfig()
    n = 0
    try:
        cases = _cases(run, models, prompts, n_new)
        for model, prompt, length, width in cases if models else paced(cases, 4):
            settings = merge_config(model.generation_config, config, {})
            search = Search(f, settings, model, prompt, length, width, time_limit)
            for name, wrong in search.wrongs():
                if run.has(name):
                    raise Broken(name, wrong, search.example)
            n += 1
    except Broken as broken:
        raise failure(broken, PROPERTIES[broken.name].text, seed) from broken.cause
    for name in run.names:
        run.passed(name, f"in {n} searches")
    return run.report


def _cases(run, models, prompts, n_new):
    """(model, prompt, n_new, num_beams), the small ones first."""
    rng = np.random.default_rng([run.seed, 21])
    n = min(60, 3 * n_examples())
    own = None if models is None else examples_of(models, 10)
    texts = None if prompts is None else examples_of(prompts, 10)
    lengths = (1, 2, 3, 4) if n_new is None else np.atleast_1d(n_new).tolist()
    for i in range(n):
        shape = (3,) * (2 + i % 2)
        table = rng.normal(0, rng.choice([0.5, 1.5]), shape).round(3)
        model = (
            own[i % len(own)]
            if own
            else TableLM(table, eos_token_id=(2, None)[i % 4 > 1])
        )
        prompt = (
            texts[i % len(texts)] if texts else rng.integers(0, 3, 1 + i % 3).tolist()
        )
        length = lengths[i * len(lengths) // n]
        all_beams = model.config.n_vocab ** (length - 1)
        width = all_beams if i % 3 else int(rng.integers(1, 4))
        if width <= 300:
            yield model, list(prompt), length, width


class Search:
    """One search, and what its texts should be."""

    def __init__(self, f, config, model, prompt, n_new, width, seconds):
        self.f, self.config, self.model, self.prompt = f, config, model, prompt
        self.n_new, self.width, self.seconds = n_new, width, seconds
        self.eos = config.eos_token_ids
        self.chain = chain(config, len(prompt))
        self.example = (
            f"{as_code(model, 'model')}\n"
            f"prompt, n_new, num_beams = {prompt}, {n_new}, {width}"
        )

    def wrongs(self):
        """Pairs of a property and what is wrong."""
        prompt = list(self.prompt)
        out = call(self.f, self.model, prompt, self.n_new, self.width,
                   seconds=self.seconds, example=self.example)  # fmt: skip
        if prompt != self.prompt:
            yield "input untouched", f"the prompt is now {prompt}"
        texts, scores = texts_of(out, self.example)
        for ids in texts:
            if ids[: len(self.prompt)] != self.prompt:
                yield "prompt first", f"it returns {ids}"
        texts = [self.unpadded(tuple(ids[len(self.prompt) :])) for ids in texts]
        yield from self._wrong_texts(texts)
        own = [self.score(text) for text in texts]
        yield from self._wrong_scores(texts, own, scores)
        yield from self._not_best(texts, own)

    def _wrong_texts(self, texts):
        if not texts:
            yield "best texts", "it returns none"
        for text in texts:
            ended = bool(text) and (text[-1] in self.eos or len(text) == self.n_new)
            if not ended or any(t in self.eos for t in text[:-1]):
                yield "ends", f"it returns the text {list(text)}"
            if self.score(text) == -np.inf:
                yield "possible", f"it returns {list(text)}, of probability 0"
        for text in texts:
            if texts.count(text) > 1 and self.width <= self.n_texts():
                yield "distinct", f"it returns {list(text)} {texts.count(text)} times"

    def _wrong_scores(self, texts, own, scores):
        for a, b in zip(own, own[1:]):
            if b > a + CLOSE:
                shown = ", ".join(f"{list(t)}: {s:.4f}" for t, s in zip(texts, own))
                yield "sorted", f"the texts and their scores are {shown}"
        for text, mine, given in zip(texts, own, scores or ()):
            if abs(mine - given) > CLOSE * (1 + abs(mine)):
                yield "score", f"{list(text)} has {mine:.5f}, and not {given:.5f}"

    def _not_best(self, texts, own):
        best = None
        if self.width >= self.model.config.n_vocab ** (self.n_new - 1):
            best = sorted(self.all_texts(), key=self.score, reverse=True)
        elif not self.eos:
            best = self.plain_search()
        for i, (text, score, other) in enumerate(zip(texts, own, best or ())):
            if abs(score - self.score(other)) > CLOSE:
                yield (
                    "best texts",
                    (
                        f"number {i + 1} is {list(text)} with the score {score:.4f}; "
                        f"it should be {list(other)} with {self.score(other):.4f}"
                    ),
                )

    def n_texts(self):
        return sum(1 for _ in islice(self.all_texts(), self.width + 1))

    def unpadded(self, text):
        """Without what fills the row up behind an end token."""
        end = next((i + 1 for i, t in enumerate(text) if t in self.eos), len(text))
        pad = {*self.eos, self.config.pad_token_id, 0}
        rest = set(text[end:])
        return text[:end] if len(rest) == 1 and rest <= pad else text

    def log_p(self, text):
        """The processed log-probabilities of the token behind a text."""
        ids = [*self.prompt, *text]
        return process(log_softmax(self.model(ids)[-1:])[0], ids, self.chain)

    def sum(self, text):
        """The sum of log p."""
        return float(sum(self.log_p(text[:i])[t] for i, t in enumerate(text)))

    def score(self, text):
        return self.sum(text) / max(1, len(text)) ** self.config.length_penalty

    def all_texts(self, text=()):
        """Every text that is possible."""
        if text and (text[-1] in self.eos or len(text) == self.n_new):
            yield text
            return
        for token in np.flatnonzero(self.log_p(text) > -np.inf).tolist():
            yield from self.all_texts((*text, token))

    def plain_search(self):
        """The W best beginnings, again and again."""
        beams = [()]
        for _ in range(self.n_new):
            longer = [(*b, t) for b in beams for t in range(self.model.config.n_vocab)]
            longer = [b for b in longer if self.sum(b) > -np.inf]
            beams = sorted(longer, key=self.sum, reverse=True)[: self.width]
        return beams


def texts_of(out, example):
    """The texts and their scores, or None, of whatever a search returns."""
    try:
        return _texts_of(out, example)
    except (TypeError, ValueError):
        wrong = f"it returns {out!r:.200}, no texts"
        raise Broken("no crash", wrong, example) from None


def _texts_of(out, example):
    if hasattr(out, "sequences"):
        scores = getattr(out, "sequences_scores", None)
        return _texts_of(out.sequences, example)[0], _floats(scores)
    if isinstance(out, tuple) and len(out) == 2 and _is_scores(out[1]):
        return _texts_of(out[0], example)[0], _floats(np.atleast_1d(out[1]))
    rows = list(out)
    if rows and all(
        isinstance(r, tuple) and len(r) == 2 and _is_scores(r[1]) for r in rows
    ):
        return [ids_of(r[0], example) for r in rows], [float(r[1]) for r in rows]
    if rows and np.ndim(rows[0]) == 0:
        return [ids_of(rows, example)], None
    return [ids_of(row, example) for row in rows], None


def _is_scores(value):
    try:
        return np.asarray(value).dtype.kind == "f"
    except (TypeError, ValueError, RuntimeError):
        return False


def _floats(scores):
    return None if scores is None else [float(s) for s in scores]
