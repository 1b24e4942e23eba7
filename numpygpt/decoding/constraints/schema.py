"""JSON of a given form, as an expression that regular.py reads.

A JSON Schema says which values are valid: an object with these fields, an array of so
many of those. As long as it does not contain itself, it can be written as a regular
expression, and then a model can be held to it byte by byte: every text that ends is
valid JSON and valid for the schema. What is written is a part of what the schema
allows: fields in the order of the schema, no other fields, no spaces but one behind
each comma and colon (which the model may leave out).

Known here: ``type``, ``enum``, ``const``, ``anyOf``, ``$ref`` into the schema itself;
for objects ``properties``, ``required``, ``additionalProperties``; for arrays
``items``, ``prefixItems``, ``minItems``, ``maxItems``; for strings ``minLength``,
``maxLength``, ``pattern``; for integers ``minimum``, ``maximum`` and their exclusive
forms. A keyword that restricts and cannot be expressed is refused by name. A schema
that contains itself would need a grammar with a stack, which is not here.

Format: https://json-schema.org/draft/2020-12

Try: ``{"enum": ["yes", "no"]}``, and then an object with two fields.

Next: choices.py.
"""

import json
import re
from collections.abc import Mapping

from ..plumbing.ranges import is_int
from .regular import (
    ALL,
    EMPTY,
    NONE,
    either,
    literal,
    many,
    one_of,
    outside,
    parse,
    repeat,
    then,
)

DEPTH = 3  # of arrays and objects in each other, where a schema allows any JSON
MOST_NESTED = 50  # schemas in each other
MOST_PARTS = 50_000  # characters of a sequence, copies counted
LONGEST = 10_000  # of minLength, maxItems, ...
# Keywords that restrict nothing.
SILENT = {
    "$schema", "$id", "$comment", "$defs", "definitions", "title", "description",
    "default", "examples", "deprecated", "readOnly", "writeOnly",
}  # fmt: skip
KEYWORDS = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems"},
    "string": {"minLength", "maxLength", "pattern"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "boolean": set(), "null": set(),
}  # fmt: skip
DIGIT = one_of([(48, 57)])
LARGEST = 10**15 - 1  # of integers
SPACE = either(EMPTY, literal(" "))
# What is escaped in a string: the quote, the backslash, control characters.
SPECIAL = [(0, 31), (34, 34), (92, 92)]
SHORT = {"\b": "b", "\t": "t", "\n": "n", "\f": "f", "\r": "r", '"': '"', "\\": "\\"}
NUMBER = parse(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?")


def expression(schema):
    """The expression of a schema: a dictionary, true or false, or their JSON text."""
    if isinstance(schema, (str, bytes)):
        try:
            schema = json.loads(schema)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"json_schema is not JSON: {error}") from None
    found = Reader(schema).read(schema, "#", ())
    if found is NONE:
        raise ValueError("json_schema: no value is valid for it")
    return found


def any_object():
    """Any JSON object, to a depth."""
    return _object([], _value(DEPTH - 1))


class Reader:
    """Reads the parts of one schema, which ``$ref`` may point to."""

    def __init__(self, whole):
        self.whole = whole
        self.known = {}  # id of a part: its expression; $ref may meet it many times

    def read(self, schema, place, above):
        """The expression of the schema at a place, inside the schemas ``above``."""
        if isinstance(schema, bool):
            return _value(DEPTH) if schema else NONE
        if not isinstance(schema, Mapping):
            raise _wrong(
                place, f"a schema is an object, true or false, not {schema!r:.60}"
            )
        if any(schema is other for other in above):
            raise _wrong(place, "the schema contains itself, which cannot be expressed")
        if len(above) == MOST_NESTED:
            raise _wrong(place, f"more than {MOST_NESTED} schemas in each other")
        if id(schema) not in self.known:
            found = self._read(schema, place, (*above, schema))
            if _length(found) > MOST_PARTS:
                raise _wrong(place, f"too large: more than {MOST_PARTS:,} characters")
            self.known[id(schema)] = found
        return self.known[id(schema)]

    def _read(self, schema, place, above):
        for name in ("$ref", "anyOf", "const", "enum"):
            if name in schema:
                beside = {"type"} if name in ("const", "enum") else set()
                _only(schema, {name} | beside, place)
                return getattr(self, "_" + name.strip("$"))(schema, place, above)
        if "type" not in schema:
            _without_type(schema, place)
            return _value(DEPTH)
        types = _types(schema, place)
        _only(schema, {"type"}.union(*(KEYWORDS[t] for t in types)), place)
        return either(*(getattr(self, "_" + t)(schema, place, above) for t in types))

    def _ref(self, schema, place, above):
        pointer, target = schema["$ref"], self.whole
        if not isinstance(pointer, str) or not pointer.startswith("#"):
            raise _wrong(f"{place}/$ref", f'must begin with "#", not {pointer!r:.60}')
        for key in pointer[1:].split("/")[1:]:
            key = key.replace("~1", "/").replace("~0", "~")
            if isinstance(target, list) and key.isdecimal() and int(key) < len(target):
                target = target[int(key)]
            elif isinstance(target, Mapping) and key in target:
                target = target[key]
            else:
                raise _wrong(f"{place}/$ref", f"there is no {pointer}")
        return self.read(target, pointer, above)

    def _anyOf(self, schema, place, above):
        return either(*self._list(schema, "anyOf", place, above))

    def _const(self, schema, place, above):
        return _values([schema["const"]], schema, place)

    def _enum(self, schema, place, above):
        if not isinstance(schema["enum"], list) or not schema["enum"]:
            raise _wrong(f"{place}/enum", "must be a list of values, not empty")
        return _values(schema["enum"], schema, place)

    def _object(self, schema, place, above):
        fields = schema.get("properties", {})
        required = schema.get("required", [])
        if not isinstance(fields, Mapping):
            raise _wrong(f"{place}/properties", "must be an object")
        if not isinstance(required, list):
            raise _wrong(f"{place}/required", "must be a list of names")
        for name in required:
            if name not in fields:
                raise _wrong(f"{place}/required", f"{name!r:.60} is not in properties")
        more = schema.get("additionalProperties", False)
        parts = []
        for name, field in fields.items():
            inner = self.read(field, f"{place}/properties/{name}", above)
            if inner is not NONE or name in required:
                parts.append((name, inner, name in required))
        if not fields and more is not False:
            more = self.read(more, f"{place}/additionalProperties", above)
            return _object([], more)
        return _object(parts, None)

    def _array(self, schema, place, above):
        first = []
        if "prefixItems" in schema:
            first = self._list(schema, "prefixItems", place, above)
        low = _count(schema, "minItems", place, 0)
        high = _count(schema, "maxItems", place, None)
        rest = self.read(schema.get("items", True), f"{place}/items", above)
        return _array(first, rest, low, high)

    def _string(self, schema, place, above):
        low = _count(schema, "minLength", place, 0)
        high = _count(schema, "maxLength", place, None)
        inside = _copies(CHARACTER, low, high)
        if "pattern" in schema:
            for name in {"minLength", "maxLength"} & schema.keys():
                raise _wrong(f"{place}/{name}", "write the length into the pattern")
            inside = _pattern(schema["pattern"], place)
        return _between('"', inside, '"')

    def _integer(self, schema, place, above):
        low = _bound(schema, "minimum", "exclusiveMinimum", 1, place)
        high = _bound(schema, "maximum", "exclusiveMaximum", -1, place)
        return integers(low, high)

    def _number(self, schema, place, above):
        if KEYWORDS["integer"] & schema.keys():
            [name, *_] = sorted(KEYWORDS["integer"] & schema.keys())
            raise _wrong(f"{place}/{name}", "can be expressed for integers alone")
        return NUMBER

    def _boolean(self, schema, place, above):
        return either(literal("true"), literal("false"))

    def _null(self, schema, place, above):
        return literal("null")

    def _list(self, schema, name, place, above):
        parts = schema[name]
        if not isinstance(parts, list) or not parts:
            raise _wrong(f"{place}/{name}", "must be a list of schemas, not empty")
        return [self.read(p, f"{place}/{name}/{i}", above) for i, p in enumerate(parts)]


def _types(schema, place):
    types = schema.get("type", [*KEYWORDS])
    types = [types] if isinstance(types, str) else types
    if (
        not isinstance(types, list)
        or not types
        or any(t not in KEYWORDS for t in types)
    ):
        known = ", ".join(KEYWORDS)
        raise _wrong(f"{place}/type", f"must be of {known}, not {types!r:.60}")
    return types


def _without_type(schema, place):
    """A keyword without ``type`` restricts one type and lets all others pass, which is
    hardly meant."""
    for name, words in KEYWORDS.items():
        for word in words & schema.keys():
            raise _wrong(f"{place}/{word}", f'"type": "{name}" must stand beside it')
    _only(schema, set(), place)


def _only(schema, known, place):
    """``ValueError`` for a keyword that is not expressed here."""
    for name in schema.keys() - SILENT - known:
        raise _wrong(f"{place}/{name}", "this keyword cannot be expressed here")


def _count(schema, name, place, default):
    value = schema.get(name, default)
    if value is default:
        return value
    if not is_int(value, 0, LONGEST):
        raise _wrong(
            f"{place}/{name}", f"must be from 0 to {LONGEST}, not {value!r:.60}"
        )
    return value


def _bound(schema, name, exclusive, step, place):
    """The tighter of an inclusive and an exclusive bound, as an inclusive one."""
    bounds = []
    for key, shift in ((name, 0), (exclusive, step)):
        value = schema.get(key)
        if value is None:
            continue
        if not is_int(value, -LARGEST, LARGEST):
            raise _wrong(f"{place}/{key}", f"must be a whole number, not {value!r:.60}")
        bounds.append(value + shift)
    return (max(bounds) if step > 0 else min(bounds)) if bounds else None


def _values(values, schema, place):
    types = _types(schema, place)
    values = [v for v in values if any(_is_of(v, t) for t in types)]
    return either(*(literal(json.dumps(v, ensure_ascii=False)) for v in values))


def _is_of(value, type_):
    if isinstance(value, bool):
        return type_ == "boolean"
    if isinstance(value, float) and value.is_integer() and type_ == "integer":
        return True
    kinds = {"object": dict, "array": list, "string": str, "integer": int}
    kinds |= {"number": (int, float), "boolean": bool, "null": type(None)}
    return isinstance(value, kinds.get(type_, ()))


def _between(left, inside, right):
    return then(literal(left), then(inside, literal(right)))


def _object(fields, more):
    """``fields``: (name, expression, is it required?), in order; or any number of
    fields with values of ``more``."""
    comma, colon = then(literal(","), SPACE), then(literal(":"), SPACE)
    if more is not None:
        field = then(STRING, then(colon, more))
        return _between("{", either(EMPTY, then(field, many(then(comma, field)))), "}")
    begun, fresh = EMPTY, EMPTY  # what may follow: behind a field, at the beginning
    for name, inner, required in reversed(fields):
        key = literal(json.dumps(name, ensure_ascii=False))
        field = then(then(key, then(colon, inner)), begun)
        fresh = either(field, NONE if required else fresh)
        begun = either(then(comma, field), NONE if required else begun)
    return _between("{", fresh, "}")


def _array(first, rest, low, high):
    """``first``: the first elements, one by one; ``rest``: any of the others."""
    comma = then(literal(","), SPACE)
    if high is not None and low > high:
        return NONE
    first = first if high is None else first[:high]
    if not first and high != 0:  # the first of the rest has no comma before it
        first = [rest]
    n = len(first)
    tail = _copies(
        then(comma, rest), max(low - n, 0), None if high is None else high - n
    )
    for i in range(n - 1, -1, -1):
        element = then(then(comma, first[i]) if i else first[i], tail)
        tail = element if i < low else either(EMPTY, element)
    return _between("[", tail, "]")


def _copies(e, low, high):
    """`repeat`, if that is not too large to be made."""
    if high is not None and low > high:
        return NONE
    length, copies = _length(e), max(low, high or 0)
    if length * copies > MOST_PARTS:
        raise ValueError(f"json_schema is too large: {copies} copies of {length} parts")
    return repeat(e, low, high)


def _length(e):
    """How many parts a sequence has."""
    length = 1
    while e.kind == "then":
        e, length = e.parts[1], length + 1
    return length


def _pattern(pattern, place):
    """The inside of a string that a pattern finds a match in, with JSON's escapes."""
    if not isinstance(pattern, str):
        raise _wrong(f"{place}/pattern", "must be a text")
    begins = pattern.startswith("^")
    ends = pattern.endswith("$") and not pattern.endswith(r"\$")
    inner = pattern[begins : len(pattern) - ends]
    if (begins or ends) and _splits(inner):
        raise _wrong(f"{place}/pattern", "write ^(?:a|b)$ where ^ and $ are for both")
    try:
        found = parse(inner, escaped)
    except ValueError as error:
        raise _wrong(f"{place}/pattern", str(error)) from None
    found = found if begins else then(many(CHARACTER), found)
    return found if ends else then(found, many(CHARACTER))


def _splits(pattern):
    """Whether a ``|`` stands outside of all groups and classes."""
    bare = re.sub(r"\\.|\[\^?\]?[^\]]*\]", "", pattern)
    while bare != (bare := re.sub(r"\([^()]*\)", "", bare)):
        pass
    return "|" in bare


def escaped(ranges):
    """The characters of a class as they stand in a JSON string."""
    options = [one_of(outside(SPECIAL, ranges))]
    for first, last in ranges:
        for code in [c for c in (*range(32), 34, 92) if first <= c <= last]:
            char = chr(code)
            text = "\\" + SHORT[char] if char in SHORT else f"\\u{code:04x}"
            options.append(literal(text))
    return either(*options)


def integers(low, high):
    """Whole numbers from ``low`` to ``high``; None is no limit (but 15 digits)."""
    low = -LARGEST if low is None else low
    high = LARGEST if high is None else high
    negative = _digits(max(1, -high), -low) if low < 0 else NONE
    positive = _digits(max(0, low), high) if high >= 0 else NONE
    return either(then(literal("-"), negative), positive)


def _digits(low, high):
    """From ``low`` to ``high``, neither negative, written without leading zeros."""
    options = [NONE]
    for n in range(len(str(low)), len(str(high)) + 1):
        least, most = max(low, 10 ** (n - 1) if n > 1 else 0), min(high, 10**n - 1)
        if least <= most:
            options.append(_same_length(str(least), str(most)))
    return either(*options)


def _same_length(low, high):
    if not low.strip("0") and not high.strip("9"):
        return repeat(DIGIT, len(low), len(low))
    a, b, n = int(low[0]), int(high[0]), len(low) - 1
    if a == b:
        return then(literal(low[0]), _same_length(low[1:], high[1:]))
    options = [
        then(literal(low[0]), _same_length(low[1:], "9" * n)),
        then(literal(high[0]), _same_length("0" * n, high[1:])),
    ]
    if b - a > 1:
        options.append(then(one_of([(48 + a + 1, 48 + b - 1)]), repeat(DIGIT, n, n)))
    return either(*options)


# Any character, escaped where it must be: `escaped` of all of them, in fewer parts.
CHARACTER = either(
    one_of(outside(SPECIAL, ALL)),
    parse(r'\\(["\\bfnrt]|u00(0[0-7be]|1[0-9a-f]))'),
)
STRING = _between('"', many(CHARACTER), '"')


def _value(depth):
    """Any JSON, with arrays and objects in each other to a depth."""
    plain = either(STRING, NUMBER, literal("true"), literal("false"), literal("null"))
    if depth == 0:
        return plain
    inner = _value(depth - 1)
    return either(plain, _array([], inner, 0, None), _object([], inner))


def _wrong(place, why):
    return ValueError(f"json_schema, at {place}: {why}")
