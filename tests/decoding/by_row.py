"""What the tests need to call any row of rules/table.py: values of each range."""

import math
from types import SimpleNamespace

import numpy as np

from numpygpt.decoding.rules.table import STEPS, reads

N = 6  # tokens in the rows of these tests; token 3 ends a text
# Range, in its words: values that a setting may have, values that it must refuse.
VALUES = {
    "true or false": ([True], [1, 0, "yes", [True]]),
    "a finite number": ([0.4, -0.3], [math.inf, math.nan, "1", True, [1.0]]),
    "a number from 0 to 1": ([0.05, 0.3, 0.9], [-0.1, 1.1, math.nan, "half", True]),
    "a number of at least 0": ([0.3, 2.0], [-0.1, -1, math.nan, math.inf, "hot", True]),
    "a number of at least 1": ([1.0, 1.75], [0.5, -2, math.nan, "2"]),
    "a positive number": ([0.7, 1.3], [0, -1.0, math.inf, math.nan, "1", True]),
    "a number from -50 to 50": ([-1.0, 0.0, 2.0], [51, 10**30, math.nan, "1"]),
    "a positive integer": ([1, 3], [0, -1, 1.5, "20", True, 10**30]),
    "an integer of at least 0": ([2, 4], [-1, 0.5, 1.0, "2", True]),
    "an integer of at least -1": ([3, -1], [-2, 0.5, "2", True]),
    "a number from 0 to 0.99": ([0.9, 0.0], [-0.1, 1.0, math.nan, "1"]),
    "a list of token ids, not empty": ([[1, 2]], [[], [-1], ["a"], 5]),
    "a list of texts, token ids or lists of token ids": (
        [[1], [[1, 2], 3]],
        [[""], [[]], [-1], [1.5], "a", 3],
    ),
    "0, 1 or 2": ([1, 2], [3, -1, 1.0, True]),
    "a token id": ([1], [-1, 1.0, [1], "a"]),
    "a token id or a list of them": ([1, [1, 2]], [-1, [], [1.5], [-1], "a"]),
    "a list of token ids": ([[1, 2], [4]], [[-1], [1.5], ["a"], 5, "a"]),
    "a list of lists of token ids": ([[[0, 1], [2]]], [[], [[]], [1], [[-1]], 3]),
    "{(id, ...): bias} or [[[id, ...], bias], ...]": (
        [[[[0, 1], 2.0], [[2], -1.0]], {(0, 1): 2.0}],
        [{}, {(): 1.0}, [[1, 2.0]], {(1,): math.nan}],
    ),
    "{id: bias}": ([{1: 3.0, "2": -1}], [{1: "a"}, {-1: 1.0}, [1], {}]),
    "a pair (start, factor)": ([(2, 1.5)], [(1,), (-1, 1.1), (1, -1.0), 2]),
    "a dictionary": ([{"greenlist_ratio": 0.5}], [[], "a", 3]),
    "a function(prompt number, ids) -> ids": (
        [lambda number, ids: [0, 4, len(ids) % N]],
        [[1], "a", 3],
    ),
    "a JSON Schema: a dictionary, true, false, or its text": (
        [{}, True, "{}"],
        [3, []],
    ),
    "a text": (["a"], [5, ["a"], b"a"]),
    "a text or a list of texts, none empty": (
        ["a", ["a", "b"]],
        ["", [], [""], 3, [3]],
    ),
    "a list of texts or of lists of token ids, none empty": (
        [["a"], [[1, 2]]],
        [[], [""], "a", [1], [[]]],
    ),
    '"low", "high" or a list of layers': (["low", [0]], ["middle", 3, []]),
    'True, False or "never"': ([True, "never"], ["always", 1]),
    '"constant", "heuristic" or "heuristic_transient"': (["heuristic"], ["some", 3]),
    '"hf", "llama.cpp" or a list of names and functions': (["hf", []], [5, [3]]),
    "a list of functions of the ids": ([[max], []], [max, [3], "a"]),
    "a model": ([SimpleNamespace(unembed=0)], ["gpt2", 3]),
    "what model.read(ids) gave": ([SimpleNamespace(fork=0)], ["x", [1]]),
    "a numpygpt.Tokenizer": ([SimpleNamespace(decode_bytes=0)], ["gpt2", 3]),
}


def call(row, z, value, context=(), **others):
    """The row's function of logits, with its first setting at ``value``."""
    known = {s.name: s.default for s in row.settings} | {
        "eos_token_ids": [3], "begin": 1, "limit": 5, "batch_id": 0, "state": {},
        "rng": SimpleNamespace(random=lambda: 0.0),  # whatever tosses a coin, acts
        "context": context, "output": context, "seen": context, "counted": context,
        "dry_seen": context, "breakers": (), "ties": "all", "beyond": False,
        "min_keep": 0, row.settings[0].name: value,
    }  # fmt: skip
    known |= others
    return row.function(z, *[known[name] for name in reads(row)])


def cases(rows):
    """``(name, value)`` for all good values of the rows' first settings."""
    return [
        (row.name, value)
        for row in rows
        for value in VALUES[row.settings[0].range.words][0]
    ]


def of_kind(word, rows=STEPS.values()):
    """The cases of which a word of KINDS is true."""
    return cases(row for row in rows if word in row.kind.split())


def kept(z):
    return np.isfinite(z)


def subset(a, b):
    return not (kept(a) & ~kept(b)).any()
