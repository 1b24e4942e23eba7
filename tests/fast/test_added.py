"""Added tokens by hand: where they are found, and what they take along."""

import pytest

from numpygpt.fast.added import Added, AddedTokens, Finder

CAT = {"cat": Added(1, single_word=True)}
LEFT, RIGHT = {"<m>": Added(1, lstrip=True)}, {"<m>": Added(1, rstrip=True)}
BOTH = {"<m>": Added(1, lstrip=True, rstrip=True)}
M = ("<m>", 1)


@pytest.mark.parametrize(
    ("tokens", "text", "parts"),
    [
        ({}, "abc", [("abc", None)]),
        ({"b": Added(1)}, "", []),
        ({"b": Added(1)}, "b", [("b", 1)]),
        ({"b": Added(1)}, "abc", [("a", None), ("b", 1), ("c", None)]),
        ({"b": Added(1)}, "abbc", [("a", None), ("b", 1), ("b", 1), ("c", None)]),
        # The leftmost, and of those that begin at one place the longest.
        ({"ab": Added(1), "abc": Added(2), "bcd": Added(3)}, "abcd",
         [("abc", 2), ("d", None)]),
        ({"ab": Added(1), "abc": Added(2), "bcd": Added(3)}, "abx",
         [("ab", 1), ("x", None)]),
        ({"ab": Added(1), "bcd": Added(3)}, "bcd", [("bcd", 3)]),
        # Those that are not normalized come before all others.
        ({"ab": Added(1), "b": Added(2, normalized=False)}, "ab",
         [("a", None), ("b", 2)]),
        ({"b": Added(2, normalized=False), "a": Added(1)}, "abc",
         [("a", 1), ("b", 2), ("c", None)]),
        # Not inside a longer word: letters, digits, the underscore.
        (CAT, "cat", [("cat", 1)]),
        (CAT, "a cat!", [("a ", None), ("cat", 1), ("!", None)]),
        *[(CAT, text, [(text, None)]) for text in ("cats", "acat", "cat_", "\u00e9cat",
                                                   "cat1", "catcat")],
        (CAT, "catcat cat", [("catcat ", None), ("cat", 1)]),
        # White space before it or behind it.
        (LEFT, "a \t<m> b", [("a", None), M, (" b", None)]),
        (LEFT, "\u3000\x85<m>", [M]),
        (RIGHT, "a <m> \n\u3000b", [("a ", None), M, ("b", None)]),
        (RIGHT, "<m>  ", [M]),
        (BOTH, "a <m>  <m> b", [("a", None), M, M, ("b", None)]),
        (LEFT, " <m> <m>", [M, M]),
        (RIGHT, " <m> <m>", [(" ", None), M, M]),
    ],
)  # fmt: skip
def test_where_they_are_found(tokens, text, parts):
    assert [*AddedTokens(tokens).split(text, set())] == parts


def test_special_ones_are_found_where_they_are_allowed():
    tokens = {"<a>": Added(1, special=True), "<b>": Added(2, special=True),
              "c": Added(3)}  # fmt: skip
    added = AddedTokens(tokens)
    assert added.special == {"<a>": 1, "<b>": 2}
    text = "<a>c<b>"
    found = added.split(text, {"<b>"})
    assert found == [("<a>", None), ("c", 3), ("<b>", 2)]
    assert added.split(text, set()) == [("<a>", None), ("c", 3), ("<b>", None)]
    added.check(text, {"<a>", "<b>"}, "all")
    added.check(text, set(), ())
    added.check(text, {"<a>"}, ["<a>", ""])
    for allowed, refused, token, at in (
        ((), "all", "<a>", 0), ({"<a>"}, "all", "<b>", 4), ((), ["<b>"], "<b>", 4),
        ((), ["c", "<b>"], "c", 3),
    ):  # fmt: skip
        words = f"the special token '{token}' at character {at}"
        with pytest.raises(ValueError, match=words):
            added.check(text, allowed, refused)


def test_of_one_kind_are_those_that_the_vocabulary_has():
    found = AddedTokens.special_ones(["a", None, "z"], {"a": 7, "b": 8})
    assert found == {"a": Added(7, special=True)}
    assert Added(7) == (7, False, False, False, False, True)


@pytest.mark.parametrize("n", [1, 8, 9, 20])
def test_many_tokens_are_found_as_few_are(n):
    letters = "^]\\-abcdefghijklmnopqrst"[:n]  # some mean something in a class
    finder = Finder({letter + "x" for letter in letters})
    wanted = lambda token: token[0] in letters and len(token) == 2
    for letter in letters:
        assert finder.find(f"..{letter}x..{letter}x", wanted) == (2, f"{letter}x")
        assert finder.find(f"..{letter}x..{letter}x", wanted, 3) == (6, f"{letter}x")
        assert finder.find(f"..{letter}x", lambda token: False) is None
    assert finder.find("..", wanted) is None
    assert Finder(set()).find("abc", wanted) is None
    assert Finder(set()).find("abc", wanted, 1) is None
