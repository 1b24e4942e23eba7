r"""Regular expressions that read one byte at a time.

To let a model write only what matches a regular expression, one must know of every
unfinished text whether it can still become a match. Python's engines answer "does this
match?"; the question here is "what may come next?". Brzozowski's derivative answers it
in a few lines: the derivative of an expression by a character c is the expression for
what may follow c. The derivative of ``ab*`` by a is ``b*``, by b nothing at all. Take
one derivative a character: when nothing is left, no continuation matches, and when what
is left matches the empty text, this is a match.

The functions that build expressions simplify as they go and make each expression once,
so that equal texts soon lead to the same expression and only a few different ones ever
arise: these are the states of `Automaton`, which also takes care of characters that are
spread over several bytes, hence over several tokens. What may follow is kept as a set
of sequences ("partial derivatives"): no more than the expression has parts, whereas
derivatives that are nested in each other can grow without end.

Known here: characters, ``.`` ``[a-z]`` ``[^...]`` ``\d \w \s \D \W \S`` (ASCII, as
re.ASCII has them), ``\n \t \r``, escaped punctuation, ``|`` ``( )`` ``(?: )`` ``* + ?``
and ``{m} {m,} {m,n}``, also lazy (``+?``: the same texts). Possessive repeats (``++``)
are refused. The whole output has to match, so there are no anchors.

Papers: Brzozowski, J. ACM 11(4), 1964; Antimirov, "Partial derivatives of regular
expressions and finite automaton constructions" (1996); Owens et al.,
"Regular-expression derivatives re-examined" (2009); for language models, Willard &
Louf, arXiv:2307.09702.

Try: ``derive(beginnings(parse("(ab|ac)*")), ord("a"))``.

Next: schema.py.
"""

from bisect import bisect_right
from weakref import WeakValueDictionary

import numpy as np

# A set of characters is a tuple of (first, last) code points. Surrogates are none.
ALL = ((0, 0xD7FF), (0xE000, 0x10FFFF))
CLASSES = {
    "d": ((48, 57),),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122)),
    "s": ((9, 13), (32, 32)),
}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
MOST_COPIES = 250  # of one repeat,
MOST_PARTS = 10_000  # characters and classes in all, copies counted,
MOST_NESTED = 100  # groups in each other,
MOST_KEPT = 500_000  # beginnings that the states of an automaton have in all
DEAD, UNKNOWN = -1, -2  # in the table of an automaton
BEHIND_ALL = 1 << 21  # code points
SMALLEST = {1: 0, 2: 0x80, 3: 0x800, 4: 0x10000}  # code point of so many bytes
# Bytes that are used alike: ASCII, the later bytes of a character, the first of two,
# three, four. (0xE0 and 0xF0 are not: not every byte may follow them.)
SIMILAR = (0, 0x7F), (0x80, 0xBF), (0xC2, 0xDF), (0xE1, 0xEF), (0xF1, 0xF7)
# The first byte of some character of which so many bytes are missing.
ANY_HALF = {1: b"\xc3", 2: b"\xe1", 3: b"\xf1"}


class Expression:
    """A node of the tree that a pattern is. `_made` keeps it once: equal expressions
    are the same object, so that comparing two never looks at what is in them."""

    def __init__(self, kind, parts, may_be_empty, size):
        self.kind, self.parts = kind, parts
        self.may_be_empty = may_be_empty
        self.size = size  # how many characters and classes, copies counted


_known = WeakValueDictionary()  # (kind, parts): the expression, as long as it is used


def _made(kind, parts, may_be_empty, size):
    known = _known.get((kind, parts))
    if known is None:
        known = _known[kind, parts] = Expression(kind, parts, may_be_empty, size)
    return known


NONE = _made("none", (), False, 0)  # no text at all
EMPTY = _made("empty", (), True, 0)  # the empty text


def one_of(ranges):
    return _made("one of", tuple(sorted(ranges)), False, 1) if ranges else NONE


def then(a, b):
    """``a`` followed by ``b``. The first part of a sequence is never a sequence."""
    parts = []
    while a.kind == "then":
        parts.append(a.parts[0])
        a = a.parts[1]
    for part in [a, *reversed(parts)]:
        if NONE in (part, b):
            b = NONE
        elif EMPTY in (part, b):
            b = part if b is EMPTY else b
        else:
            may_be_empty = part.may_be_empty and b.may_be_empty
            b = _made("then", (part, b), may_be_empty, part.size + b.size)
    return b


def either(*options):
    flat = set()
    for option in options:
        flat |= option.parts if option.kind == "either" else {option}
    flat.discard(NONE)
    if any(option.may_be_empty for option in flat - {EMPTY}):
        flat.discard(EMPTY)  # said already
    if len(flat) > 1:
        may_be_empty = any(option.may_be_empty for option in flat)
        size = sum(option.size for option in flat)
        return _made("either", frozenset(flat), may_be_empty, size)
    return flat.pop() if flat else NONE


def many(a):
    """``a*``: any number of copies, none included."""
    if a in (NONE, EMPTY):
        return EMPTY
    return a if a.kind == "many" else _made("many", (a,), True, a.size)


def repeat(a, low, high):
    """From ``low`` to ``high`` copies; None is no limit."""
    rest = many(a) if high is None else EMPTY
    for _ in range(0 if high is None else high - low):
        rest = either(EMPTY, then(a, rest))
    for _ in range(low):
        rest = then(a, rest)
    return rest


def literal(text):
    expression = EMPTY
    for char in reversed(text):
        expression = then(one_of([(ord(char), ord(char))]), expression)
    return expression


def beginnings(e):
    """How a match may begin: a list of pairs (ranges of the first character, what may
    follow it)."""
    found, seen, to_see = [], set(), [e]
    while to_see:
        e = to_see.pop()
        if e in seen:
            continue
        seen.add(e)
        if e.kind == "one of":
            found.append((e.parts, EMPTY))
        elif e.kind == "either":
            to_see.extend(e.parts)
        elif e.kind in ("then", "many"):
            first, rest = e.parts if e.kind == "then" else (e.parts[0], e)
            found.extend((r, then(left, rest)) for r, left in beginnings(first))
            if e.kind == "then" and first.may_be_empty:
                to_see.append(rest)
    return found


def derive(begins, code):
    """What may follow the character of this code point, from `beginnings`.

    >>> derive(beginnings(parse("ab|ac|b")), ord("a")) == parse("b|c")
    True
    """
    fits = [rest for ranges, rest in begins if any(a <= code <= b for a, b in ranges)]
    return either(*fits)


class Automaton:
    """An expression, read byte by byte. States are numbers, 0 the first; None is the
    state from which no continuation matches."""

    def __init__(self, expression):
        self.states = [(expression, b"")]  # what may follow; bytes of half a character
        self.numbers = {self.states[0]: 0}
        self.table = np.full((64, 256), UNKNOWN, np.int32)  # [state, byte]: state
        self.begins, self.cuts, self.derived = {}, {}, {}  # of expressions
        self.n_kept = 0

    def run(self, state, data):
        """The state after some bytes."""
        for byte in data:
            if state is None:
                return None
            after = int(self.table[state, byte])
            after = self._step(state, byte) if after == UNKNOWN else after
            state = None if after == DEAD else after
        return state

    def run_each(self, states, data):
        """The states after one byte each, arrays; `DEAD` where nothing can follow."""
        after = self.table[states, data]
        new = after == UNKNOWN
        if new.any():  # few pairs of a state and a byte, each many times
            for pair in np.unique(states[new] * 256 + data[new]).tolist():
                self.run(pair // 256, (pair % 256,))
            after = self.table[states, data]
        return after

    def may_end(self, state):
        expression, half = self.states[state]
        return not half and expression.may_be_empty

    def must_end(self, state):
        return self.states[state] == (EMPTY, b"")

    def _step(self, state, byte):
        """The number of the state after a byte. The table gets it, for this byte and
        for all that are known to lead there, too."""
        expression, half = self.states[state]
        half += bytes([byte])
        low, high = code_points(half)
        begin, end = self._piece(expression, low)
        if low > high or high >= end or half in (b"\xe0", b"\xf0"):
            alike, found = (byte, byte), self._waiting(expression, half)
        else:
            alike = bytes_alike(half, begin, end)
            found = after_all(half, self._derived(expression, begin))
        number = DEAD if found is None else self.numbers.get(found)
        if number is None:
            number = self.numbers[found] = len(self.states)
            self.states.append(found)
            if number == len(self.table):
                more = np.full_like(self.table, UNKNOWN)
                self.table = np.concatenate([self.table, more])
        self.table[state, alike[0] : alike[1] + 1] = number
        return number

    def _waiting(self, expression, half):
        """The state behind the bytes of half a character, if it may be completed."""
        code, high = code_points(half)
        while code <= high:
            begin, end = self._piece(expression, code)
            if self._derived(expression, begin) is not NONE:
                return expression, half
            code = end
        return None

    def _piece(self, expression, code):
        """All code points are in pieces, so that the same follows every character of a
        piece: ``(first, last + 1)`` of the one that this is in."""
        if expression not in self.cuts:
            begins = self._beginnings(expression)
            ranges = [pair for ranges, _ in begins for pair in ranges]
            cuts = {0, BEHIND_ALL}.union(*((a, b + 1) for a, b in ranges))
            self.cuts[expression] = sorted(cuts)
        cuts = self.cuts[expression]
        at = bisect_right(cuts, code)
        return cuts[at - 1], cuts[at]

    def _derived(self, expression, begin):
        """What follows the characters of the piece that begins here."""
        if (expression, begin) not in self.derived:
            begins = self._beginnings(expression)
            self.derived[expression, begin] = derive(begins, begin)
        return self.derived[expression, begin]

    def _beginnings(self, expression):
        if expression not in self.begins:
            self.begins[expression] = beginnings(expression)
            self.n_kept += len(self.begins[expression])
            if self.n_kept > MOST_KEPT:
                raise ValueError(
                    "regex is too large: there are too many ways to read a text as a "
                    "beginning of it. Write fewer or shorter repeats in each other"
                )
        return self.begins[expression]


def after_all(half, after):
    """The state behind these bytes, if ``after`` is what follows, whatever character
    they are or become. Only how many bytes are missing matters then: it is one state
    for all such characters, as if the first of ANY_HALF had come."""
    if after is NONE:
        return None
    if not n_missing(half):
        return after, b""
    half = ANY_HALF[n_missing(half)]
    return then(one_of([code_points(half)]), after), half


def bytes_alike(half, begin, end):
    """The first and last byte that may stand in the place of the last one of ``half``,
    so that its characters stay between two code points (the second left out).

    >>> bytes_alike(b"e", ord("b"), ord("g")), bytes_alike(b"\\xc3\\x85", 0xC1, 0x200)
    ((98, 102), (129, 191))
    """
    low, high = code_points(half)
    n, size, byte = n_missing(half) + len(half), high + 1 - low, half[-1]
    least, most = next(pair for pair in SIMILAR if pair[0] <= byte <= pair[1])
    down = (low - max(begin, SMALLEST[n])) // size
    return max(least, byte - down), min(most, byte + (end - 1 - high) // size)


def code_points(data):
    """The first and last code point whose UTF-8 begins with these bytes; first > last
    if there is none.

    >>> [hex(c) for c in code_points(b"\\xe2\\x80")], code_points(b"\\x80")
    (['0x2000', '0x203f'], (1, 0))
    """
    lead, *rest = data
    if lead < 0x80:
        return lead, lead
    n = n_missing(data) + len(data)
    if lead < 0xC0 or lead > 0xF7 or any(byte >> 6 != 0b10 for byte in rest):
        return 1, 0
    code = lead & (0x7F >> n)
    for byte in rest:
        code = code << 6 | byte & 0x3F
    shift = 6 * (n - 1 - len(rest))
    low, high = code << shift, (code + 1 << shift) - 1
    return max(low, SMALLEST[n]), high


def n_missing(data):
    """How many bytes the character that begins so still needs, by its first byte."""
    return sum(data[0] >= lead for lead in (0xC0, 0xE0, 0xF0)) + 1 - len(data)


def parse(pattern, made=one_of):
    """The expression of a pattern; ``ValueError`` that says where it went wrong.
    ``made``: the expression of a class of characters, from its ranges."""
    expression, at = _alternatives(pattern, 0, 0, made)
    if at < len(pattern):
        raise _wrong(pattern, at, "nothing is open that this could close")
    return expression


def _alternatives(pattern, at, n_open, made):
    options, parts, size = [], [], 0
    while at < len(pattern) and pattern[at] != ")":
        if pattern[at] == "|":
            options.append(_sequence(parts))
            parts, at = [], at + 1
        else:
            begin = at
            part, at = _repeated(pattern, *_atom(pattern, at, n_open, made))
            parts.append(part)
            size += part.size
            _check_size(pattern, begin, size)
    return either(*options, _sequence(parts)), at


def _sequence(parts):
    expression = EMPTY
    for part in reversed(parts):
        expression = then(part, expression)
    return expression


def _check_size(pattern, at, size):
    if size > MOST_PARTS:
        most = f"at most {MOST_PARTS} characters, copies counted"
        raise _wrong(pattern, at, f"the regex is too large: {most}")


def _atom(pattern, at, n_open, made):
    char = pattern[at]
    if char == "(":
        if n_open == MOST_NESTED:
            most = f"at most {MOST_NESTED} groups in each other"
            raise _wrong(pattern, at, f"the regex is nested too deeply: {most}")
        begin = at + (3 if pattern.startswith("(?:", at) else 1)
        if pattern.startswith("?", begin):
            raise _wrong(
                pattern, at, "groups of this kind are not known: write (?:...)"
            )
        inner, end = _alternatives(pattern, begin, n_open + 1, made)
        if end == len(pattern):
            raise _wrong(pattern, at, "this is never closed")
        return inner, end + 1
    if char == "[":
        ranges, at = _class(pattern, at)
        return made(ranges), at
    if char == ".":
        return made(_all_but([(10, 10)])), at + 1
    if char == "\\":
        ranges, at = _escape(pattern, at)
        return made(ranges), at
    if char in "*+?{}^$":
        raise _wrong(pattern, at, f"to mean the character itself write \\{char}")
    return made([(ord(char), ord(char))]), at + 1


def _repeated(pattern, atom, at):
    """The atom with what stands behind it: ``* + ? {m,n}``, if anything. A ``?`` behind
    that ("lazy") says which match is found first; which texts match stays the same."""
    if at == len(pattern) or pattern[at] not in "*+?{":
        return atom, at
    begin = at
    low, high, at = _copies(pattern, at)
    _check_size(pattern, begin, atom.size * max(low + (high is None), high or 0))
    at += pattern.startswith("?", at)
    if at < len(pattern) and pattern[at] in "*+?{":
        raise _wrong(
            pattern, at, "a repeat of a repeat: write (?:...) around the first"
        )
    return repeat(atom, low, high), at


def _copies(pattern, at):
    """``(least, most or None, where it ends)`` of a repeat."""
    begin, char = at, pattern[at]
    low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(char, (0, 0))
    at += 1
    if char == "{":
        end = pattern.find("}", at)
        low, comma, high = pattern[at:end].partition(",")
        if end < 0 or not _is_number(low + high) or not (low or comma):
            raise _wrong(pattern, begin, "write {m}, {m,} or {m,n}")
        low, at = int(low or 0), end + 1
        high = (int(high) if high else None) if comma else low
    if max(low, high or 0) > MOST_COPIES or (high is not None and low > high):
        raise _wrong(pattern, begin, f"from 0 to {MOST_COPIES} copies, least first")
    return low, high, at


def _is_number(text):
    return text.isascii() and text.isdecimal() and len(text) < 10


def _class(pattern, at):
    """``[abc]``, ``[a-z]``, ``[^...]``."""
    begin, ranges = at, []
    negated = pattern.startswith("[^", at)
    at += 1 + negated
    first = at
    while at < len(pattern) and (pattern[at] != "]" or at == first):
        new, at = _member(pattern, at)
        is_range = pattern.startswith("-", at) and pattern[at + 1 : at + 2] not in "]"
        if is_range:
            last, at = _member(pattern, at + 1)
            if not (_is_one(new) and _is_one(last)) or new[0][0] > last[0][1]:
                raise _wrong(pattern, at - 1, "this is no range")
            new = [(new[0][0], last[0][1])]
        ranges.extend(new)
    if at == len(pattern):
        raise _wrong(pattern, begin, "this is never closed")
    return _all_but(ranges) if negated else _all_but(_all_but(ranges)), at + 1


def _is_one(ranges):
    """Whether this is one character; a class such as \\d is none, also in a range."""
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]


def _member(pattern, at):
    if pattern[at] == "\\":
        return _escape(pattern, at)
    return [(ord(pattern[at]), ord(pattern[at]))], at + 1


def _escape(pattern, at):
    char = pattern[at + 1 : at + 2]
    if char.lower() in CLASSES:
        inside = CLASSES[char.lower()]
        return (list(inside) if char.islower() else _all_but(inside)), at + 2
    char = ESCAPES.get(char, char)
    if not char or char.isalnum():
        raise _wrong(pattern, at, "this escape is not known here")
    return [(ord(char), ord(char))], at + 2


def outside(ranges, among):
    """The characters of ``among`` that are not in the ranges."""
    return _all_but([*ranges, *_all_but(among)])


def _all_but(ranges):
    """All characters outside the ranges, as sorted ranges that do not touch."""
    left = []
    for first, last in ALL:
        for a, b in sorted(ranges):
            if a > last or b < first:
                continue
            if a > first:
                left.append((first, a - 1))
            first = b + 1
        if first <= last:
            left.append((first, last))
    return left


def _wrong(pattern, at, why):
    return ValueError(f"regex {_short(pattern)}: {_short(pattern[at:])} at {at}: {why}")


def _short(text):
    return repr(text if len(text) <= 60 else text[:57] + "...")
