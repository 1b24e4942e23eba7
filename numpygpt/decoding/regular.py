r"""Regular expressions that read one byte at a time.

To let a model write only what matches a regular expression, one must know of every
unfinished text whether it can still become a match. Python's engines answer "does this
match?"; the question here is "what may come next?". Brzozowski's derivative answers it
in a few lines: the derivative of an expression by a character c is the expression for
what may follow c. The derivative of ``ab*`` by a is ``b*``, by b nothing at all. Take
one derivative a character: when nothing is left, no continuation matches, and when what
is left matches the empty text, this is a match.

Expressions are tuples; the functions that build them simplify as they go, so that equal
texts soon lead to equal expressions and only a few different ones ever arise: these are
the states of `Automaton`, which also takes care of characters that are spread over
several bytes, hence over several tokens.

Known here: characters, ``.`` ``[a-z]`` ``[^...]`` ``\d \w \s \D \W \S`` (ASCII, as
re.ASCII has them), ``\n \t \r``, escaped punctuation, ``|`` ``( )`` ``(?: )`` ``* + ?``
and ``{m} {m,} {m,n}``. The whole output has to match, so there are no anchors.

Papers: Brzozowski, J. ACM 11(4), 1964; Owens et al., "Regular-expression derivatives
re-examined" (2009); for language models, Willard & Louf, arXiv:2307.09702.

Try: ``derive(parse("(ab|ac)*"), ord("a"))``.

Next: constraints.py.
"""

NONE, EMPTY = ("none",), ("empty",)  # no text at all; the empty text
# A set of characters is a tuple of (first, last) code points. Surrogates are none.
ALL = ((0, 0xD7FF), (0xE000, 0x10FFFF))
CLASSES = {
    "d": ((48, 57),),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122)),
    "s": ((9, 13), (32, 32)),
}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
MOST_COPIES = 250


def one_of(ranges):
    return ("one of", tuple(sorted(ranges))) if ranges else NONE


def then(a, b):
    """``a`` followed by ``b``."""
    if NONE in (a, b):
        return NONE
    if a == EMPTY:
        return b
    if a[0] == "then":
        return then(a[1], then(a[2], b))
    return a if b == EMPTY else ("then", a, b)


def either(*options):
    flat = set()
    for option in options:
        flat |= option[1] if option[0] == "either" else {option}
    flat.discard(NONE)
    if len(flat) > 1:
        return ("either", frozenset(flat))
    return flat.pop() if flat else NONE


def many(a):
    """``a*``: any number of copies, none included."""
    return EMPTY if a in (NONE, EMPTY) else a if a[0] == "many" else ("many", a)


def literal(text):
    expression = EMPTY
    for char in reversed(text):
        expression = then(one_of([(ord(char), ord(char))]), expression)
    return expression


def may_be_empty(e):
    kind = e[0]
    if kind == "then":
        return may_be_empty(e[1]) and may_be_empty(e[2])
    if kind == "either":
        return any(map(may_be_empty, e[1]))
    return kind in ("empty", "many")


def derive(e, code):
    """What may follow the character of this code point.

    >>> derive(parse("ab|ac|b"), ord("a")) == parse("b|c")
    True
    """
    kind = e[0]
    if kind == "one of":
        return EMPTY if any(a <= code <= b for a, b in e[1]) else NONE
    if kind == "then":
        first = then(derive(e[1], code), e[2])
        return either(first, derive(e[2], code)) if may_be_empty(e[1]) else first
    if kind == "either":
        return either(*(derive(option, code) for option in e[1]))
    return then(derive(e[1], code), e) if kind == "many" else NONE


def first_characters(e):
    """The characters that a match may begin with, as ranges."""
    kind = e[0]
    if kind == "one of":
        return set(e[1])
    if kind == "then":
        first = first_characters(e[1])
        return first | first_characters(e[2]) if may_be_empty(e[1]) else first
    if kind == "either":
        return set().union(*map(first_characters, e[1]))
    return first_characters(e[1]) if kind == "many" else set()


class Automaton:
    """An expression, read byte by byte. States are numbers, 0 the first; None is the
    state from which no continuation matches."""

    def __init__(self, expression):
        self.states = [(expression, b"")]  # what may follow; bytes of half a character
        self.numbers = {self.states[0]: 0}
        self.steps = {}

    def run(self, state, data):
        """The state after some bytes."""
        for byte in data:
            if state is None:
                return None
            if (state, byte) not in self.steps:
                self.steps[state, byte] = self._step(*self.states[state], byte)
            state = self.steps[state, byte]
        return state

    def may_end(self, state):
        expression, half = self.states[state]
        return not half and may_be_empty(expression)

    def must_end(self, state):
        return self.states[state] == (EMPTY, b"")

    def _step(self, expression, half, byte):
        half += bytes([byte])
        low, high = code_points(half)
        if low == high:
            expression, half = derive(expression, low), b""
        elif not any(a <= high and low <= b for a, b in first_characters(expression)):
            return None
        if expression == NONE or low > high:
            return None
        state = (expression, half)
        if state not in self.numbers:
            self.numbers[state] = len(self.states)
            self.states.append(state)
        return self.numbers[state]


def code_points(data):
    """The first and last code point whose UTF-8 begins with these bytes; first > last
    if there is none.

    >>> [hex(c) for c in code_points(b"\\xe2\\x80")], code_points(b"\\x80")
    (['0x2000', '0x203f'], (1, 0))
    """
    lead, *rest = data
    if lead < 0x80:
        return lead, lead
    n = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    if lead < 0xC0 or lead > 0xF7 or any(byte >> 6 != 0b10 for byte in rest):
        return 1, 0
    code = lead & (0x7F >> n)
    for byte in rest:
        code = code << 6 | byte & 0x3F
    missing = 6 * (n - 1 - len(rest))
    low, high = code << missing, (code + 1 << missing) - 1
    return max(low, {2: 0x80, 3: 0x800, 4: 0x10000}[n]), high


def parse(pattern):
    """The expression of a pattern; ``ValueError`` that says where it went wrong."""
    expression, at = _alternatives(pattern, 0)
    if at < len(pattern):
        raise _wrong(pattern, at, "nothing is open that this could close")
    return expression


def _alternatives(pattern, at):
    options, parts = [], EMPTY
    while at < len(pattern) and pattern[at] != ")":
        if pattern[at] == "|":
            options.append(parts)
            parts, at = EMPTY, at + 1
        else:
            part, at = _repeated(pattern, *_atom(pattern, at))
            parts = then(parts, part)
    return either(*options, parts), at


def _atom(pattern, at):
    char = pattern[at]
    if char == "(":
        begin = at + (3 if pattern.startswith("(?:", at) else 1)
        inner, end = _alternatives(pattern, begin)
        if end == len(pattern):
            raise _wrong(pattern, at, "this is never closed")
        return inner, end + 1
    if char == "[":
        return _class(pattern, at)
    if char == ".":
        return one_of(_all_but([(10, 10)])), at + 1
    if char == "\\":
        ranges, at = _escape(pattern, at)
        return one_of(ranges), at
    if char in "*+?{}^$":
        raise _wrong(pattern, at, f"to mean the character itself write \\{char}")
    return literal(char), at + 1


def _repeated(pattern, atom, at):
    """The atom with what stands behind it: ``* + ? {m,n}``, if anything."""
    while at < len(pattern) and pattern[at] in "*+?{":
        begin, char = at, pattern[at]
        at += 1
        low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(char, (0, 0))
        if char == "{":
            end = pattern.find("}", at)
            low, comma, high = pattern[at:end].partition(",")
            if end < 0 or not (low + high).isdecimal() or not (low or comma):
                raise _wrong(pattern, begin, "write {m}, {m,} or {m,n}")
            low, at = int(low or 0), end + 1
            high = (int(high) if high else None) if comma else low
        if max(low, high or 0) > MOST_COPIES or low > (high or low):
            raise _wrong(pattern, begin, f"from 0 to {MOST_COPIES} copies, least first")
        rest = many(atom) if high is None else EMPTY
        for _ in range((high or low) - low):
            rest = either(EMPTY, then(atom, rest))
        for _ in range(low):
            rest = then(atom, rest)
        atom = rest
    return atom, at


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
            if len(new) != 1 or len(last) != 1 or new[0][0] > last[0][1]:
                raise _wrong(pattern, at - 1, "this is no range")
            new = [(new[0][0], last[0][1])]
        ranges.extend(new)
    if at == len(pattern):
        raise _wrong(pattern, begin, "this is never closed")
    return one_of(_all_but(ranges) if negated else _all_but(_all_but(ranges))), at + 1


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
    return ValueError(f"regex {pattern!r}: {pattern[at:]!r} at {at}: {why}")
