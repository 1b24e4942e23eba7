"""What a setting of generation can be: ranges, in words and as a test.

A range is used wherever its setting is: in the table of steps, in GenerationConfig, in
the function itself, and in the help of the command line.

Next: ../filters.py.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


def as_tuple(value):
    """None -> (), one thing -> (thing,), several -> a tuple of them."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


LARGEST = 2**63 - 1  # of the integers that an array can hold


def is_int(value, least=0, most=LARGEST):
    is_int = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return is_int and least <= value <= most


def is_number(value, least=-np.inf, most=np.inf):
    """A finite one, from ``least`` to ``most``."""
    is_number = isinstance(value, (int, float, np.integer, np.floating))
    limit = LARGEST if isinstance(value, int) else np.finfo(float).max
    is_finite = is_number and not isinstance(value, bool) and abs(value) <= limit
    return is_finite and least <= value <= most


def is_list(value, test=is_int):
    """A list or tuple, not empty, whose every element passes."""
    return isinstance(value, (list, tuple)) and len(value) > 0 and all(map(test, value))


def is_text(value):
    return isinstance(value, str) and value != ""


def is_bias(value):
    pairs = list(value.items()) if isinstance(value, dict) else value
    return is_list(pairs, lambda p: len(p) == 2 and is_list(p[0]) and is_number(p[1]))


class Range(NamedTuple):
    """The values that a setting can have: in words, and as a test."""

    words: str
    test: Callable


FLAG = Range("true or false", lambda v: isinstance(v, bool))
NUMBER = Range("a finite number", is_number)
SHARE = Range("a number from 0 to 1", lambda v: is_number(v, 0, 1))
AT_LEAST_0 = Range("a number of at least 0", lambda v: is_number(v, 0))
AT_LEAST_1 = Range("a number of at least 1", lambda v: is_number(v, 1))
DECAY_RATE = Range("a number from 0 to 0.99", lambda v: is_number(v, 0, 0.99))
POSITIVE = Range("a positive number", lambda v: is_number(v, 0) and v > 0)
# Lengths to a power beyond these are numbers that no float can hold.
POWER = Range("a number from -50 to 50", lambda v: is_number(v, -50, 50))
COUNT = Range("a positive integer", lambda v: is_int(v, 1))
COUNT_OR_0 = Range("an integer of at least 0", is_int)
LAST_N = Range("an integer of at least -1", lambda v: is_int(v, -1))
VERSION = Range("0, 1 or 2", lambda v: is_int(v, 0, 2))
ID = Range("a token id", is_int)
IDS = Range("a token id or a list of them", lambda v: is_list(as_tuple(v)))
ID_LIST = Range("a list of token ids", lambda v: v in ([], ()) or is_list(v))
SOME_IDS = Range("a list of token ids, not empty", is_list)
SEQUENCES = Range("a list of lists of token ids", lambda v: is_list(v, is_list))
SEQUENCE_BIAS = Range("{(id, ...): bias} or [[[id, ...], bias], ...]", is_bias)
TOKEN_BIAS = Range(
    "{id: bias}",  # JSON makes the ids texts; -inf bans
    lambda v: (
        isinstance(v, dict)
        and is_bias([[[int(i)], 0 if v[i] == -np.inf else v[i]] for i in v])
    ),
)
BREAKERS = Range(
    "a list of texts, token ids or lists of token ids",
    lambda v: (
        v in ([], ()) or is_list(v, lambda b: is_int(b) or is_list(b) or is_text(b))
    ),
)
DECAY = Range(
    "a pair (start, factor)",
    lambda v: is_list(v, is_number) and len(v) == 2 and is_int(v[0]) and v[1] >= 0,
)
DICTIONARY = Range("a dictionary", lambda v: isinstance(v, dict))
TEXT = Range("a text", lambda v: isinstance(v, str))
TEXTS = Range(
    "a text or a list of texts, none empty",
    lambda v: is_list(as_tuple(v), is_text),
)
CHOICES = Range(
    "a list of texts or of lists of token ids, none empty",
    lambda v: is_list(v, is_list) or is_list(v, is_text),
)
SCHEMA = Range(
    "a JSON Schema: a dictionary, true, false, or its text",
    lambda v: isinstance(v, (dict, bool, str)),
)
LAYERS = Range(
    '"low", "high" or a list of layers', lambda v: v in ("low", "high") or is_list(v)
)
EARLY = Range('True, False or "never"', lambda v: isinstance(v, bool) or v == "never")
SCHEDULE = Range(
    '"constant", "heuristic" or "heuristic_transient"',
    lambda v: v in ("constant", "heuristic", "heuristic_transient"),
)
CHAIN = Range(
    '"hf", "llama.cpp" or a list of names and functions',
    lambda v: (
        isinstance(v, str)
        or v in ([], ())
        or is_list(v, lambda entry: isinstance(entry, str) or callable(entry))
    ),
)
ALLOWED = Range("a function(prompt number, ids) -> ids", callable)
STOPS = Range(
    "a list of functions of the ids", lambda v: v in ([], ()) or is_list(v, callable)
)
MODEL = Range("a model", lambda v: hasattr(v, "unembed"))
READ = Range("what model.read(ids) gave", lambda v: hasattr(v, "fork"))
TOKENIZER = Range("a numpygpt.Tokenizer", lambda v: hasattr(v, "decode_bytes"))


def check(name, range_, value):
    """``ValueError`` if a setting of this name cannot have this value."""
    try:
        passes = bool(range_.test(value))
    except (TypeError, ValueError):  # not even of a kind that the test can look at
        passes = False
    if not passes:
        raise ValueError(f"{name} must be {range_.words}, not {value!r}")
