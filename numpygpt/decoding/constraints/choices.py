"""Constrained output: one of these answers, a text of this form, this beginning.

A constraint is a step of the chain that removes every token after which the text can no
longer become what was asked for. What is left is the model's own choice: among texts
that are allowed, it says what it would say. Three of them:

- ``regex``: the new text matches a regular expression;
- ``choices``: it is one of some answers, texts or lists of ids;
- ``token_healing``: it begins as the prompt's last token does, which is taken away. A
  prompt that ends in "http:" ends in the token ":", but the model has seen "://" as one
  token and thinks that after ":" anything but "//" comes. Let it choose that token
  again, among those that begin with the same bytes, and the seam heals.

Texts are compared byte by byte, so every way of spelling an answer in tokens counts. A
text that can only end, ends; where it can end or go on, the end-of-text token decides
(without one it goes on). A text can still be cut by its length: leave room.

Try: ``regex=r"(yes|no)\\."`` in a sampled answer, with and without a beam.

Next: generate.py.
"""

from bisect import bisect_left
from functools import lru_cache

import numpy as np

from ..filters import keep
from ..plumbing.checks import NothingLeft
from .regular import Automaton, either, literal, parse


def constrain(prompt, config):
    """What the config asks for: ``(steps, stop rules)`` for the text behind the kept
    part of the prompt, see `n_kept`."""
    n = n_kept(prompt, config)
    names = ("regex", "choices")  # regex "" is an expression too: it asks for no text
    wanted = [name for name in names if getattr(config, name) is not None]
    wanted += ["token_healing"] if n < len(prompt) else []
    if not wanted:
        return [], []
    if len(wanted) > 1:
        raise ValueError(f"{' and '.join(wanted)} cannot be combined: set one of them")
    if wanted == ["token_healing"]:
        return [_healing(prompt[n:], _table(config.tokenizer), n)], []
    follow = _follow(config)

    def step(logits, context):
        allowed, may_end, _ = follow(context[n:].tolist())
        if may_end:
            allowed = np.append(allowed, config.eos_token_ids).astype(int)
        return _keep(logits, allowed, wanted[0])

    return [step], [lambda ids: follow(ids[n:])[2]]


def n_kept(prompt, config):
    """How many of the prompt's ids stay: all, or with token healing all but the last.
    A token that stands alone or is no text cannot be healed."""
    if not config.token_healing or len(prompt) == 1:
        return len(prompt)
    special = _checked(config.tokenizer).special_tokens.values()
    return len(prompt) - (prompt[-1] not in special)


def _healing(removed, table, n):
    begin = table.bytes_of[removed[0]]

    def step(logits, context):
        if len(context) > n:
            return logits
        allowed = [i for i, data in table.bytes_of.items() if data.startswith(begin)]
        return _keep(logits, np.array(allowed), "token_healing")

    return step


def _keep(logits, allowed, name):
    kept = np.zeros(len(logits), bool)
    kept[allowed[allowed < len(kept)]] = True
    if not (kept & (logits > -np.inf)).any():
        raise NothingLeft(f"{name}: no token of the vocabulary can come next")
    return keep(logits, kept)


def _follow(config):
    """A function of the new ids: ``(ids that may follow, may it end, must it end)``."""
    choices = config.choices
    if choices and not isinstance(choices[0], str):
        return lambda new: _follow_ids(new, [[*choice] for choice in choices])
    source = tuple(choices) if choices else config.regex
    speller = _speller(source, _checked(config.tokenizer))
    return speller.follow


def _follow_ids(new, choices):
    n = len(new)
    going = [choice for choice in choices if choice[:n] == new]
    following = sorted({choice[n] for choice in going if len(choice) > n})
    return np.array(following, int), new in going, not following


@lru_cache(maxsize=8)
def _speller(source, tokenizer):
    texts = isinstance(source, tuple)
    expression = either(*map(literal, source)) if texts else parse(source)
    return Speller(Automaton(expression), _table(tokenizer))


class Speller:
    """An automaton that reads tokens: which may come next, in every state?"""

    def __init__(self, automaton, table):
        self.automaton, self.table = automaton, table
        self.allowed = {}  # state: ids. Few states are ever met.

    def follow(self, new):
        state = 0
        for token in new:
            state = self.automaton.run(state, self.table.bytes_of.get(token, b""))
            if state is None:
                return np.array([], int), False, True
        if state not in self.allowed:
            self.allowed[state] = self._allowed(state)
        may, must = self.automaton.may_end(state), self.automaton.must_end(state)
        return self.allowed[state], may, must

    def _allowed(self, state):
        """Try all tokens, in the order of their bytes: where one fails at some byte,
        all with the same beginning do, and are skipped."""
        tokens, found, i = self.table.tokens, [], 0
        while i < len(tokens):
            here = state
            for n, byte in enumerate(tokens[i]):
                here = self.automaton.run(here, (byte,))
                if here is None:
                    i = max(i + 1, bisect_left(tokens, _after(tokens[i][: n + 1])))
                    break
            else:
                found.append(self.table.ids[i])
                i += 1
        return np.array(found, int)


def _after(beginning):
    """The first bytes behind all that begin like this (roughly, behind byte 255)."""
    return beginning[:-1] + bytes([min(beginning[-1] + 1, 255)])


class _Table:
    """The bytes of every token that is text, sorted."""

    def __init__(self, tokenizer):
        special = set(tokenizer.special_tokens.values())
        ids = [i for i in tokenizer.vocab.values() if i not in special]
        self.bytes_of = {i: tokenizer.decode_bytes([i]) for i in ids}
        self.ids = sorted(ids, key=self.bytes_of.get)
        self.tokens = [self.bytes_of[i] for i in self.ids]


@lru_cache(maxsize=2)
def _table(tokenizer):
    return _Table(tokenizer)


def _checked(tokenizer):
    if tokenizer is None:
        raise ValueError(
            "regex, choices and token_healing are about text, and generate works on "
            "ids: pass tokenizer= too"
        )
    return tokenizer
