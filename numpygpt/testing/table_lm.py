"""A language model that is a table, and the exact law of what it writes.

To test a sampler you need a model whose probabilities you know. So write them down: a
table of logits, one row for every possible last token. Whatever generates from GPT-2
generates from it too, since a model is three methods to it: ``new_cache``, ``hidden``
and ``unembed``.

With three tokens in the vocabulary all texts of a few tokens can be listed, each with
its probability: `enumerate_sequences`. Draws can be compared with that law, and a
search for the most likely text with the most likely text.

>>> coin = TableLM(np.log([[0.75, 0.25], [0.5, 0.5]]))       # rows: the last token
>>> law = enumerate_sequences(coin, n_new=2, prompt=[0])
>>> {text: round(p, 4) for text, p in law.items()}
{(0, 0): 0.5625, (0, 1): 0.1875, (1, 0): 0.125, (1, 1): 0.125}
>>> max(law, key=law.get)                                    # the brute-force argmax
(0, 0)

Try: a table in which greedy decoding misses the most likely text. What does it take?

Next: rows.py.
"""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from ..decoding.config import GenerationConfig
from ..decoding.constraints.choices import constrain, n_kept
from ..decoding.constraints.stopping import room, stop_rules
from ..decoding.plumbing.settings import merge_config
from ..decoding.rules.exact import NO_DISTRIBUTION, NOT_IN_A_ROW, refuse
from ..decoding.sampling import distribution, process
from ..decoding.search.methods import wrapped
from ..gpt2 import GPT2


class TableLM:
    """A language model whose logits stand in ``table``: ``[n_vocab, n_vocab]``, the row
    of the last token, or ``[n_vocab, ..., n_vocab]`` of the last few, older ones first.
    (Before the text begins there are tokens ``start``.) An axis less, ``[n_vocab]``,
    and the model does not look back at all.

    A hidden row is the last tokens, one-hot, laid side by side.
    """

    def __init__(self, table, n_ctx=64, eos_token_id=None, start=0):
        self.table, self.start = np.asarray(table), start
        n_vocab, self.n_back = self.table.shape[-1], self.table.ndim - 1
        if self.table.dtype.kind != "f" or set(self.table.shape) != {n_vocab}:
            raise ValueError(
                "table must be an array of floats with equal axes, not "
                f"{self.table.dtype} {list(self.table.shape)}"
            )
        self.dtype = self.table.dtype
        self.config = SimpleNamespace(
            vocab_size=n_vocab, n_vocab=n_vocab, n_positions=n_ctx, n_ctx=n_ctx,
            bos_token_id=None, eos_token_id=eos_token_id,
        )  # fmt: skip
        self.generation_config = GenerationConfig(eos_token_id=eos_token_id)

    def new_cache(self):
        """An empty cache: the list of tokens seen."""
        return TokenCache()

    def hidden(self, sequences, caches):
        """Hidden rows of several sequences' new tokens, laid end to end."""
        rows = []
        for ids, cache in zip(sequences, caches):
            for token in ids:
                self._check(token, cache)
                cache.ids.append(int(token))
                before = [self.start] * self.n_back + cache.ids
                rows.append(before[len(before) - self.n_back :])
        one_hot = np.eye(self.config.n_vocab, dtype=self.dtype)
        return one_hot[np.array(rows, np.int64)].reshape(len(rows), -1)

    def unembed(self, hidden):
        """Hidden rows -> logits ``[n_tok, n_vocab]``."""
        n_tok, n_vocab = len(hidden), self.config.n_vocab
        last = hidden.reshape(n_tok, self.n_back, n_vocab).argmax(axis=-1)
        rows = self.table[tuple(last.T)]
        return np.broadcast_to(rows, (n_tok, n_vocab)).copy()

    def _check(self, token, cache):
        if not 0 <= token < self.config.n_vocab:
            raise ValueError(f"token id {token} is outside the vocabulary: 0 to "
                             f"{self.config.n_vocab - 1}")  # fmt: skip
        if cache.n_tok >= self.config.n_ctx:
            raise ValueError(f"more tokens than the context of {self.config.n_ctx}")

    # What GPT2 does with the three methods above, a table can do.
    __call__ = GPT2.__call__
    generate = GPT2.generate
    stream = GPT2.stream


class TokenCache:
    """What KVCache is to GPT2: here the tokens themselves."""

    def __init__(self, ids=()):
        self.ids = list(ids)

    n_tok = property(lambda self: len(self.ids))

    def fork(self):
        """A second cache that goes on from the same tokens."""
        return TokenCache(self.ids)

    def crop(self, n_tok):
        """Forget all but the first ``n_tok`` tokens."""
        del self.ids[n_tok:]


def enumerate_sequences(model, n_new, prompt=(0,), config=None):
    """The exact law of the next ``n_new`` tokens: ``{(id, ...): probability}``, texts
    that end earlier included, and the token that ``token_healing`` chooses anew.

    ``config``: what to draw with; by default from the model as it is. Constraints,
    guidance and what ends a text count; drafts do not change the law. A search has no
    law of its own, mirostat none of a step, ``max_time`` asks a clock: a ValueError.
    Takes ``n_vocab ** n_new`` steps of the model, so both must be tiny.
    """
    if len(prompt) >= model.config.n_ctx:
        return {(): 1.0}
    next_law, has_ended = text_laws(model, n_new, prompt, config)
    law, growing = {}, {(): 1.0}
    while growing:
        texts, growing = growing, {}
        for text, p in texts.items():
            q = next_law(text)
            for token in np.flatnonzero(q).tolist():
                longer = (*text, token)
                (law if has_ended(longer) else growing)[longer] = p * float(q[token])
    return law


def text_laws(model, n_new, prompt=(0,), config=None):
    """Two functions of a text, a tuple of new tokens: the exact law of the token behind
    it, ``[n_vocab]``, and whether it has ended. Arguments as of `enumerate_sequences`.
    """
    plain = GenerationConfig(do_sample=True)
    config = merge_config(model.generation_config, config or plain, {})
    refuse(config, NO_DISTRIBUTION | {"max_time": (None, "it asks a clock")})
    config, prompt = replace(config, max_new_tokens=n_new), list(prompt)
    limit = room(len(prompt), config, model.config.n_ctx)
    stops = stop_rules(config, limit, len(prompt))
    masks, ends, _ = constrain(prompt, config)
    kept, guided = prompt[: n_kept(prompt, config)], wrapped(model, config)

    def next_law(text):
        return _next(guided, kept, text, masks, config, len(prompt))

    def has_ended(text):
        return any(stop([*kept, *text]) for stop in stops + ends)

    return next_law, has_ended


def _next(model, kept, text, masks, config, n_prompt):
    """The law of the token behind what is kept of the prompt, and ``text``."""
    cache = model.new_cache()
    hidden = model.hidden([kept], [cache])
    if text:  # a guided model has to know where the prompt ends
        hidden = model.hidden([list(text)], [cache])
    context = [*kept, *text]
    row = process(model.unembed(hidden[-1:])[0], context, masks)
    done = {name: off for name, (off, _) in NOT_IN_A_ROW.items()}
    return distribution(row, context, replace(config, **done), n_prompt)
