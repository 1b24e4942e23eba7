"""Expressions against Python's own engine, byte by byte."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpygpt.decoding.constraints import regular
from numpygpt.decoding.constraints.regular import (
    ALL,
    DEAD,
    EMPTY,
    NONE,
    UNKNOWN,
    Automaton,
    beginnings,
    code_points,
    derive,
    either,
    literal,
    many,
    one_of,
    outside,
    parse,
    then,
)

atoms = st.sampled_from(
    ["a", "b", "é", "€", "😀", ".", "[ab]", "[^a]", "[a-c]", "[é-€]", r"\d", r"\W",
     r"\.", r"[\d-]", "[]b]", r"[^\s€]", "(?:)"]
)  # fmt: skip
patterns = st.recursive(
    atoms,
    lambda p: st.one_of(
        st.lists(p, min_size=1, max_size=3).map("".join),
        st.lists(p, min_size=2, max_size=3).map("|".join).map("({})".format),
        st.tuples(
            p, st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "{,2}"])
        ).map(lambda t: f"(?:{t[0]}){t[1]}"),
    ),
    max_leaves=6,
)
texts = st.text("abcé€😀1. \n-]", max_size=6)


@given(patterns, texts)
def test_it_matches_what_python_matches(pattern, text):
    automaton = Automaton(parse(pattern))
    state = automaton.run(0, text.encode())
    ours = state is not None and automaton.may_end(state)
    assert ours == bool(re.fullmatch(pattern, text, re.ASCII))


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@given(st.text(r"ab[]()-^\d*+?{}|,2.:1", max_size=9), st.text("ab-]2", max_size=4))
def test_what_is_accepted_is_what_python_means_by_it(pattern, text):
    """Any pattern: refused, or the same texts. What Python refuses is refused."""
    try:
        automaton = Automaton(parse(pattern))
    except ValueError:
        return
    state = automaton.run(0, text.encode())
    ours = state is not None and automaton.may_end(state)
    assert ours == bool(re.fullmatch(pattern, text, re.ASCII))


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("a+?", ["a", "aa"], [""]),
        ("a*?b??", ["", "aab"], ["bb"]),
        ("(?:ab){1,2}?c", ["abc", "ababc"], ["c", "abababc"]),
    ],
)
def test_lazy_repeats_match_the_same_texts(pattern, yes, no):
    automaton = Automaton(parse(pattern))
    for text in yes + no:
        state = automaton.run(0, text.encode())
        assert (state is not None and automaton.may_end(state)) == (text in yes)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("a++", "at 2: a repeat of a repeat"),
        ("a*+b", "a repeat of a repeat"),
        ("a{2}{3}", "a repeat of a repeat"),
        ("a+??", "a repeat of a repeat"),
        (r"[\d-x]", "this is no range"),
        (r"[a-\w]", "this is no range"),
        ("(?=a)", r"groups of this kind are not known: write \(\?:"),
        ("(?P<n>a)", "groups of this kind"),
        ("(?i)a", "groups of this kind"),
        ("a{²}", r"write \{m\}"),
        ("a{1,0}", "least first"),
    ],
)
def test_what_python_reads_otherwise_is_refused(pattern, words):
    with pytest.raises(ValueError, match=words):
        parse(pattern)


@given(patterns, st.binary(max_size=4) | texts.map(str.encode), st.data())
def test_a_state_is_alive_exactly_if_a_match_can_follow(pattern, data, draw):
    """A walk along bytes that are alive ends in a match; a dead byte leads to none."""
    automaton = Automaton(parse(pattern))
    state, walked = 0, b""
    for _ in range(40):
        alive = [b for b in range(256) if automaton.run(state, [b]) is not None]
        if automaton.may_end(state):
            assert re.fullmatch(pattern, walked.decode(), re.ASCII)
            assert automaton.must_end(state) == (not alive)
            if not alive or len(walked) > 8:
                break
        assert alive
        byte = draw.draw(st.sampled_from(alive))
        state, walked = automaton.run(state, [byte]), walked + bytes([byte])
    dead = automaton.run(0, data) is None
    try:
        if dead:
            assert not re.fullmatch(pattern, data.decode(), re.ASCII)
    except UnicodeDecodeError:
        pass


@pytest.mark.parametrize(
    ("pattern", "text"), [("a*b", "b"), ("a?b", "b"), ("a*b*c", "c")]
)
def test_what_may_be_left_out_is_stepped_over(pattern, text):
    automaton = Automaton(parse(pattern))
    assert automaton.may_end(automaton.run(0, text.encode()))


@pytest.mark.parametrize("pattern", [".", "[^a-zb-c]", r"[^\dé]", "[^€]", r"\W"])
@pytest.mark.parametrize("text", ["\n", "x", "é", "€", "5", "😀", "d"])
def test_classes_one_character_at_a_time(pattern, text):
    automaton = Automaton(parse(pattern))
    state = automaton.run(0, text.encode())
    assert (state is not None) == bool(re.fullmatch(pattern, text, re.ASCII))


@pytest.mark.parametrize(
    "pattern",
    [r"\n", r"\t", r"\r", r"\f", r"\v", r"\d", r"\D", r"\s", r"\S", r"\w", r"\W",
     r"[\t-\r]", "[!-/]", r"[\]\\-]", "[^^-]", r"\+", "."],
)  # fmt: skip
def test_classes_for_every_character_of_one_or_two_bytes(pattern):
    automaton = Automaton(parse(pattern))
    for char in map(chr, range(0x180)):
        state = automaton.run(0, char.encode())
        matches = bool(re.fullmatch(pattern, char, re.ASCII))
        assert (state is not None) == matches, char


def test_the_first_and_the_last_of_all_characters():
    automaton = Automaton(parse("."))
    for char in "\0\ud7ff\ue000\uffff\U00010000\U0010ffff":
        assert automaton.must_end(automaton.run(0, char.encode()))
    for none in ("\ud800", "\udfff"):  # halves of UTF-16 pairs
        assert automaton.run(0, none.encode(errors="surrogatepass")) is None
    assert automaton.run(0, b"\xf4\x90") is None  # behind the last
    assert automaton.run(0, b"\xf5") is None


@pytest.mark.parametrize("pattern", ["a{2}", "a{1,2}", "a{,2}", "a{2,}", "[]a]+"])
@pytest.mark.parametrize("text", ["a", "aa", "aaa", "]", "a]"])
def test_how_often(pattern, text):
    automaton = Automaton(parse(pattern))
    state = automaton.run(0, text.encode())
    matches = state is not None and automaton.may_end(state)
    assert matches == bool(re.fullmatch(pattern, text, re.ASCII))


BORDERS = [0, 0x40, 0x7F, 0x80, 0xC1, 0x7FF, 0x800, 0xFFF, 0x1000, 0xCFFF, 0xD000,
           0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x3FFFF, 0x40000, 0x10FFFF]  # fmt: skip
codes = st.one_of(st.sampled_from(BORDERS), st.integers(0, 0x10FFFF))
classes = st.lists(st.tuples(codes, codes), max_size=3).map(
    lambda pairs: [(min(a, b), max(a, b)) for a, b in pairs]
)


@given(classes, classes, st.data())
def test_every_byte_of_every_character(first, second, data):
    """Beginnings of characters are alive if the class has a character that begins so;
    where one ends, what is left is the derivative."""
    first, second = (outside([], ranges) for ranges in (first, second))
    wanted = then(many(one_of(first)), then(one_of(second), literal("é")))
    automaton = Automaton(wanted)
    begins, at, half = beginnings(wanted), 0, b""
    for _ in range(12):
        alive = []
        ranges = [pair for found, _ in begins for pair in found]
        for byte in data.draw(st.permutations(range(256))):
            automaton.run(at, [byte])  # may say something of other bytes, too
        for byte in range(256):
            low, high = code_points(half + bytes([byte]))
            possible = low <= high and any(a <= high and low <= b for a, b in ranges)
            assert (automaton.run(at, [byte]) is not None) == possible, (half, byte)
            alive += [byte] if possible else []
        if not alive:
            assert not half
            break
        byte = data.draw(st.sampled_from(alive))
        at, half = automaton.run(at, [byte]), half + bytes([byte])
        low, high = code_points(half)
        if low == high:
            wanted, half = derive(begins, low), b""
            assert automaton.states[at] == (wanted, b"")
            begins = beginnings(wanted)


HALVES = [b"", b"\xc3", b"\xe0", b"\xe1", b"\xe2\x82", b"\xed", b"\xef", b"\xf0",
          b"\xf0\x9f", b"\xf1", b"\xf4", b"\xf4\x8f\xbf"]  # fmt: skip


@pytest.mark.parametrize(
    "pattern",
    [".", "[a-\u00e9]x", "[^\u20ac]*", "[\u0800-\u0fff]a|b", "[\u0700-\U00100000]",
     "[\u00c1-\u01ff]|[\U0001f600-\U0001f64f]y"],
)  # fmt: skip
def test_what_a_byte_says_of_other_bytes_is_true(pattern):
    """A step fills the table for all bytes that lead to the same state."""
    automaton = Automaton(parse(pattern))
    for half in HALVES:
        state = automaton.run(0, half)
        if state is None:
            continue
        said = []
        for byte in range(256):
            automaton.table[state] = UNKNOWN
            automaton.run(state, [byte])
            said.append(automaton.table[state].copy())
        alone = np.diagonal(said)
        for row in said:
            known = row != UNKNOWN
            assert np.array_equal(row[known], alone[known])


def test_a_place_in_a_long_string_has_few_states():
    """Whatever character is begun, the same follows: how much of it is missing is all
    that a state has to know. (A text that ends in x may also end: two kinds of
    places, of seven states each.)"""
    automaton = Automaton(parse(".{0,60}x"))
    seen = {0}
    for _ in range(20):
        states, data = np.repeat([*seen], 256), np.tile(np.arange(256), len(seen))
        seen = {*automaton.run_each(states, data).tolist()} - {DEAD}
    assert len(automaton.states) < 20 * 14


def test_bytes_and_their_code_points():
    for code in [
        0,
        0x7F,
        0x80,
        0x7FF,
        0x800,
        0xD7FF,
        0xE000,
        0xFFFF,
        0x10000,
        0x10FFFF,
    ]:
        data = chr(code).encode()
        assert code_points(data) == (code, code)
        for n in range(1, len(data)):
            low, high = code_points(data[:n])
            assert low <= code <= high
    for wrong in (b"\x80", b"\xff", b"\xf8\x80", b"\xc3\x28", b"\xc0"):
        low, high = code_points(wrong)
        assert low > high


@pytest.mark.parametrize(
    "pattern",
    ["(", "a)", "[a", "*a", "a{", "a{2,1}", "a{999}", "a{x}", "[b-a]", "^a", "a$", "\\",
     r"\b", r"(a", "[a-\\d]", "a{}", "}"],
)  # fmt: skip
def test_patterns_that_are_none(pattern):
    with pytest.raises(ValueError, match=r"regex .* at \d+:"):
        parse(pattern)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("(.{250}){250}", "too large"), ("((a{250}){250}){250}", "too large"),
     ("(?:(?:a{250}){250}){250}", "too large"), ("a" + "+" * 3000, "a repeat of"),
     ("a" * 10_001, "too large"), ("(a|b" + "|c" * 30_000, "too large"),
     ("(" * 3000 + "a" + ")" * 3000, "nested too deeply")],
    ids=range(7),
)  # fmt: skip
def test_what_is_too_large_is_said_at_once(pattern, message):
    with pytest.raises(ValueError, match=message) as error:
        parse(pattern)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    ("fits", "not_quite", "words"),
    [
        ("a" * 10_000, "a" * 10_001, "at most 10000 characters, copies counted"),
        ("(?:a{250}){40}", "(?:a{250}){41}", "at most 10000"),
        ("(?:(?:ab|cd){250}){10}", "(?:(?:ab|cd){250}){11}", "at most 10000"),
        ("(?:(?:a*c){250}){20}", "(?:(?:a*c){250}){21}", "at most 10000"),
        ("(?:(?:a|){250}){40}", "(?:(?:a|){250}){41}", "at most 10000"),
        ("(?:a{250}){,40}", "(?:a{250}){,41}", "at most 10000"),
        ("(?:(?:a{250}){40})*", "(?:(?:a{250}){40}b)*", "at most 10000"),
        ("(?:(?:a{250}){20})+", "(?:(?:a{250}){20}b)+", "at most 10000"),
        ("(?:(?:a{250}){20}){1,}", "(?:(?:a{250}){20}b){1,}", "at most 10000"),
        ("[ab]{250}" * 20 + "|.{250}" * 20, "[ab]{250}" * 40 + "|.", "at most 10000"),
        (
            "(" * 100 + "a" + ")" * 100,
            "(" * 101 + "a" + ")" * 101,
            "at most 100 groups",
        ),
        ("a{250}", "a{251}", "from 0 to 250 copies"),
        ("a{,250}", "a{,251}", "from 0 to 250 copies"),
        ("a{250,}", "a{251,}", "from 0 to 250 copies"),
        ("a{2,2}", "a{3,2}", "least first"),
        ("a{0}", "a{}", "write {m}, {m,} or {m,n}"),
        ("a{000000250}", "a{0000000250}", "write {m}"),  # no number is as long as that
    ],
    ids=range(17),
)
def test_the_largest_that_is_taken(fits, not_quite, words):
    parse(fits)
    with pytest.raises(ValueError, match=words):
        parse(not_quite)


def test_a_pattern_in_a_message_is_cut_behind_60_characters():
    with pytest.raises(ValueError) as error:
        parse("a" * 59 + ")")
    begin = f"regex {'a' * 59 + ')'!r}: ')' at 59: nothing is open"
    assert str(error.value).startswith(begin)
    with pytest.raises(ValueError) as error:
        parse("a" * 60 + ")")
    assert str(error.value).startswith(f"regex {'a' * 57 + '...'!r}: ')' at 60: ")


@pytest.mark.parametrize(
    ("pattern", "at"),
    [("ab*+", 3), ("ab(?=c)", 2), ("ab(c", 2), ("ab[c", 2), ("x[b-a]", 4),
     ("ab*{2}", 3), (r"ab\b", 2), ("ab^", 2), ("ab{x}", 2), ("ab{300}", 2),
     ("ab|c)", 4)],
)  # fmt: skip
def test_a_message_says_where_it_went_wrong(pattern, at):
    begin = f"regex {pattern!r}: {pattern[at:]!r} at {at}: "
    with pytest.raises(ValueError, match=re.escape(begin)):
        parse(pattern)


def spell(pattern, text):
    automaton = Automaton(parse(pattern))
    state = automaton.run(0, text.encode())
    return state is not None and automaton.may_end(state)


def test_what_is_large_is_read_quickly():
    """Each of these once took seconds, all memory or Python's whole stack."""
    assert spell("a" * 9_000, "a" * 9_000)
    assert spell("(" * 100 + "a" + ")" * 100, "a")
    assert spell("(?:" * 90 + "a" + ")*?" * 90, "aaa")
    assert spell("(([a-z]?){30} ?){30}", "some words and spaces")
    assert spell("([a-z]?){250}", "a" * 250)
    assert not spell("([a-z]?){250}", "a" * 251)
    assert spell("((a{0,20}){0,20}){0,20}", "a" * 10)
    assert spell("((a?){90}b?){90}", "a" * 3)
    answers = Automaton(either(literal("a" * 99_999), literal("b" * 99_999)))
    assert answers.run(0, b"aa") is not None
    assert answers.run(0, b"ab") is None


def test_too_many_states_are_an_error(monkeypatch):
    monkeypatch.setattr(regular, "MOST_KEPT", 100)
    assert spell("[ab]*a[ab]{5}", "abababab")
    with pytest.raises(ValueError, match="regex is too large"):
        spell("[ab]*a[ab]{50}", "a" * 50)


def test_each_byte_is_worked_out_once(monkeypatch):
    automaton, data = Automaton(parse("[a-c]\u00e9?")), np.array([*b"bx\xc3\x80"])
    steps = [automaton.run(0, bytes([byte])) for byte in data]
    each = automaton.run_each(np.zeros(4, int), data).tolist()
    assert each[0] == steps[0] and each[1:] == [DEAD] * 3
    assert steps[1:] == [None] * 3
    monkeypatch.setattr(automaton, "_step", None)
    assert [automaton.run(0, bytes([byte])) for byte in data] == steps
    assert automaton.run_each(np.zeros(4, int), data).tolist() == each


def test_as_many_beginnings_as_are_allowed(monkeypatch):
    automaton = Automaton(parse("[ab]*a[ab]{2}"))
    automaton.run(0, b"aaaa")
    monkeypatch.setattr(regular, "MOST_KEPT", automaton.n_kept)
    assert spell("[ab]*a[ab]{2}", "aaaa")
    monkeypatch.setattr(regular, "MOST_KEPT", automaton.n_kept - 1)
    with pytest.raises(ValueError, match="regex is too large"):
        spell("[ab]*a[ab]{2}", "aaaa")


def test_equal_expressions_are_one():
    a, b, c = map(literal, "abc")
    assert parse("ab|ac") is either(then(a, literal("c")), literal("ab"))
    assert then(then(a, b), c) is then(a, then(b, c)) is literal("abc")
    assert either(a, either(b, c)) is either(either(c, a), b)
    assert either(EMPTY, many(a)) is many(many(a)) is many(a)
    assert either(a, NONE) is either(NONE, a, NONE) is a
    assert either(NONE) is either() is then(a, NONE) is then(NONE, a) is NONE
    assert many(NONE) is many(EMPTY) is then(EMPTY, EMPTY) is EMPTY
    assert either(EMPTY, NONE) is either(EMPTY, EMPTY) is EMPTY


@pytest.mark.parametrize(
    ("ranges", "left"),
    [
        ([], [(0, 0xD7FF), (0xE000, 0x10FFFF)]),
        ([(0, 0x10FFFF)], []),
        ([(0, 0x10FFFE)], [(0x10FFFF, 0x10FFFF)]),
        ([(1, 0x10FFFF)], [(0, 0)]),
        ([(0, 0xD7FE), (0xE001, 0x10FFFF)], [(0xD7FF, 0xD7FF), (0xE000, 0xE000)]),
        ([(0xD7FF, 0xE000)], [(0, 0xD7FE), (0xE001, 0x10FFFF)]),
        ([(5, 7), (3, 6), (8, 9)], [(0, 2), (10, 0xD7FF), (0xE000, 0x10FFFF)]),
        ([(0, 2), (4, 0x10FFFF)], [(3, 3)]),
    ],
)
def test_what_is_outside_of_some_ranges(ranges, left):
    assert outside(ranges, ALL) == left
    assert outside(ranges, [(0, 3)]) == outside([*ranges, (4, 0x10FFFF)], ALL)
