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
from .regular import DEAD, Automaton, either, literal, parse

LEVELS = 16  # bytes of tokens that are looked at together


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
        self.allowed = {}  # state: a bit for each of the table's ids
        self.read, self.state = [], 0  # the last ids that were followed, and to where

    def follow(self, new):
        n = len(self.read)
        if new[:n] != self.read:  # another text than last time
            n, self.state = 0, 0
        for token in new[n:]:
            data = self.table.bytes_of.get(token, b"")
            self.state = self.automaton.run(self.state, data)
        self.read, state = [*new], self.state
        if state is None:
            return np.array([], int), False, True
        if state not in self.allowed:
            self.allowed[state] = np.packbits(self._allowed(state))
        bits = np.unpackbits(self.allowed[state], count=len(self.table.ids))
        may, must = self.automaton.may_end(state), self.automaton.must_end(state)
        return self.table.ids[bits.view(bool)], may, must

    def _allowed(self, state):
        """A mask of the table's ids: run all tokens at once, a byte at a time. What
        begins alike is run once, and the ends of the few long tokens one by one."""
        states = np.full(self.table.n_nodes, DEAD)
        states[0], begin = state, 1
        for parents, data in self.table.levels:
            before = states[parents]
            alive = np.flatnonzero(before != DEAD)
            after = self.automaton.run_each(before[alive], data[alive])
            states[begin + alive] = after
            begin += len(parents)
        states = states[self.table.nodes]
        for i, data in self.table.ends.items():
            if states[i] != DEAD:
                after = self.automaton.run(int(states[i]), data)
                states[i] = DEAD if after is None else after
        return states != DEAD


class _Table:
    """The bytes of every token that is text, as a tree: what begins alike is one node.
    Node 0 is the empty text; ``levels`` has for each length of a beginning the nodes'
    ``(parents, last bytes)``; ``nodes`` says where each of the ``ids`` ends, or which
    node its ``ends`` are behind."""

    def __init__(self, tokenizer):
        special = set(tokenizer.special_tokens.values())
        ids = sorted(i for i in tokenizer.vocab.values() if i not in special)
        self.bytes_of = {i: tokenizer.decode_bytes([i]) for i in ids}
        self.ids = np.array(ids, int)
        lengths = np.array([len(self.bytes_of[i]) for i in ids], int)
        longest = min(lengths.max(initial=0), LEVELS)
        self.ends = {i: self.bytes_of[ids[i]][LEVELS:]
                     for i in np.flatnonzero(lengths > LEVELS).tolist()}  # fmt: skip
        padded = b"".join(self.bytes_of[i].ljust(longest, b"\0")[:longest] for i in ids)
        padded = np.frombuffer(padded, np.uint8).reshape(len(ids), longest)
        self.levels, self.n_nodes = [], 1
        self.nodes = np.zeros(len(ids), int)
        for at in range(longest):
            longer = np.flatnonzero(lengths > at)
            pairs = self.nodes[longer] * 256 + padded[longer, at]
            found, which = np.unique(pairs, return_inverse=True)
            self.nodes[longer] = self.n_nodes + which
            self.levels.append((found // 256, found % 256))
            self.n_nodes += len(found)


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
