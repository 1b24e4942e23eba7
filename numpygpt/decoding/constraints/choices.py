"""Constrained output: one of these answers, a text of this form, this beginning.

A constraint is a step of the chain that removes every token after which the text can no
longer become what was asked for. Among the texts that are allowed the model chooses as
it would. Four of them:

- ``regex``: the new text matches a regular expression;
- ``json_schema``, ``json_object``: it is JSON that is valid for a schema, or any object
  (schema.py writes these as regular expressions);
- ``choices``: it is one of some answers, texts or lists of ids;
- ``token_healing``: it begins as the prompt's last token does, which is taken away. A
  prompt that ends in "http:" ends in the token ":", but the model has seen "://" as one
  token and thinks that after ":" anything but "//" comes. Let it choose that token
  again, among those that begin with the same bytes, and the seam heals.

Texts are compared byte by byte, so every way of spelling an answer in tokens counts. A
text that can only end, ends; where it can end or go on, the end-of-text token decides
(without one it goes on). A text can still be cut by its length: leave room.

Try: ``regex=r"(yes|no)\\."`` in a sampled answer, with and without a beam.

Next: ../generate.py.
"""

from functools import lru_cache

import numpy as np

from ..filters import keep
from ..plumbing.checks import NothingLeft
from . import schema
from .regular import Automaton, either, literal, parse


def constrain(prompt, config):
    """What the config asks for: ``(steps, stop rules, is it complete?)`` for the text
    behind the kept part of the prompt, see `n_kept`. The last is a function of the ids.
    """
    n = n_kept(prompt, config)
    # regex "" is an expression too: it asks for no text.
    names = ("regex", "choices", "json_schema")
    wanted = [name for name in names if getattr(config, name) is not None]
    wanted += ["json_object"] if config.json_object else []
    wanted += ["token_healing"] if n < len(prompt) else []
    if not wanted:
        return [], [], lambda ids: True
    if len(wanted) > 1:
        raise ValueError(f"{' and '.join(wanted)} cannot be combined: set one of them")
    if wanted == ["token_healing"]:
        heal = _healing(prompt[n:], _table(config.tokenizer), n)
        return [heal], [], lambda ids: True
    follow = _follow(config)

    def step(logits, context):
        allowed, may_end, _ = follow(context[n:].tolist())
        if may_end:
            allowed = np.append(allowed, config.eos_token_ids).astype(int)
        return _keep(logits, allowed, wanted[0])

    def complete(ids):
        new = [i for i in ids[n:] if i not in config.eos_token_ids]
        return bool(follow(new)[1])

    return [step], [lambda ids: follow(ids[n:])[2]], complete


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
    tokenizer = _checked(config.tokenizer)
    return _speller(_expression(config), tokenizer).follow


def _expression(config):
    if config.choices:
        return either(*map(literal, config.choices))
    if config.json_object:
        return schema.any_object()
    if config.json_schema is not None:
        return schema.expression(config.json_schema)
    return parse(config.regex)


def _follow_ids(new, choices):
    n = len(new)
    going = [choice for choice in choices if choice[:n] == new]
    following = sorted({choice[n] for choice in going if len(choice) > n})
    return np.array(following, int), new in going, not following


@lru_cache(maxsize=8)
def _speller(expression, tokenizer):
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
        """Run all tokens at once, a byte at a time. Few pairs of a state and a byte
        occur among them; each is looked up once."""
        table, found = self.table, []
        alive = np.arange(len(table.ids))
        states = np.full(len(alive), state)  # where the automaton is, for each alive
        for at in range(len(table.columns)):
            ended = table.lengths[alive] == at
            found.append(table.ids[alive[ended]])
            alive, states = alive[~ended], states[~ended]
            if not len(alive):
                break
            states = self._after(states * 256 + table.columns[at][alive])
            alive, states = alive[states >= 0], states[states >= 0]
        return np.sort(np.concatenate([*found, table.ids[alive]]))

    def _after(self, pairs):
        """The states behind ``state * 256 + byte``; -1 where nothing can follow."""
        after = np.full(pairs.max() + 1, -1)
        after[pairs] = 0  # these occur
        for pair in np.flatnonzero(after == 0).tolist():
            state = self.automaton.run(pair // 256, (pair % 256,))
            after[pair] = -1 if state is None else state
        return after[pairs]


class _Table:
    """The bytes of every token that is text: column by column, as `Speller` reads."""

    def __init__(self, tokenizer):
        special = set(tokenizer.special_tokens.values())
        ids = [i for i in tokenizer.vocab.values() if i not in special]
        self.bytes_of = {i: tokenizer.decode_bytes([i]) for i in ids}
        self.ids = np.array(ids, int)
        self.lengths = np.array([len(self.bytes_of[i]) for i in ids], int)
        longest = self.lengths.max(initial=0)
        padded = b"".join(self.bytes_of[i].ljust(longest, b"\0") for i in ids)
        padded = np.frombuffer(padded, np.uint8).reshape(len(ids), longest)
        self.columns = np.ascontiguousarray(padded.T)  # [longest, n_token]


@lru_cache(maxsize=2)
def _table(tokenizer):
    return _Table(tokenizer)


def _checked(tokenizer):
    if tokenizer is None:
        raise ValueError(
            "regex, choices, json_schema and token_healing are about text, and "
            "generate works on ids: pass tokenizer= too"
        )
    return tokenizer
