"""The views in a terminal, letter by letter, from data made by hand."""

import pytest

from numpygpt.look import show


def node(text, score, step, place, children=(), **more):
    return {
        "text": text, "score": score, "step": step, "place": place, "fate": "kept",
        "died": "", "alive": True, "children": [*children], **more,
    }  # fmt: skip


def link(name, left, bits, removed=0, **border):
    share = {"removed": removed, "mass": 0.125 if removed else 0.0}
    return {"name": name, "left": left, "bits": bits, **share, **border}


def step(number, context, **more):
    return {
        "step": number, "context": context, "offered": [], "links": [],
        "drawn_from": [], "token": " y", "p": 0.8, "offered_p": 0.5, "rank": 3,
        "draft": None, **more,
    }  # fmt: skip


def letters(text, *tokens, merges=()):
    return {
        "text": text, "bytes": [*text.encode()], "merges": [*merges],
        "tokens": [{"text": t, "id": i} for t, i in tokens],
    }  # fmt: skip


BORDER = {"last_kept": [" day", 0.1], "best_removed": [" hill", 0.0625]}
TEXTS = ["The", " king", " said", " so very loudly indeed"]
VIEWS = {
    "tokens": [
        letters(" the", (" the", 262), merges=[
            {"left": "h", "right": "e", "rank": 0},
            {"left": " t", "right": "he", "rank": 11},
        ]),
        letters("é\n", ("é", 2634), ("\\n", 198)),
        letters("é" * 12, *[("é" * 4, 1000 + i) for i in range(5)]),
    ],
    "strongest": {"tokens": TEXTS, "n_layer": 4, "heads": [
        {"layer": 1, "head": 2, "from": 2, "to": 1, "weight": 0.876, "previous": 0.5,
         "itself": 0.25, "first": 0.125},
        {"layer": 0, "head": 11, "from": 3, "to": 1, "weight": 0.05, "previous": 0.0,
         "itself": 1.0, "first": 0.0},
    ]},
    "looks": {"tokens": TEXTS, "at": 3, "n_layer": 4, "heads": [
        {"layer": 1, "head": 2, "looks": [[1, 0.5], [2, 0.251]], "itself": 0.125,
         "first": 0.1},
        {"layer": 10, "head": 0, "looks": [], "itself": 1.0, "first": 0.0},
    ]},
    "attention": {"tokens": TEXTS, "n_layer": 4, "layer": 1, "head": 0, "pattern": [
        [1, 0, 0, 0], [0.3, 0.7, 0, 0], [0.04, 0.06, 0.9, 0], [0.5, 0.25, 0.2, 0.05],
    ]},
    "lens": {"tokens": [*"abcdefghij"], "at": 8, "answer": " d", "settled": 2,
             "layers": [
        {"after": "the embedding", "top": [[" c", 0.9], [" x", 0.05]], "rank": 17,
         "p": 0.001},
        {"after": "block 0", "top": [[" x", 0.4], [" d", 0.3]], "rank": 2, "p": 0.3},
        {"after": "block 1", "top": [[" d", 0.6], ["long " * 9, 0.2]], "rank": 1,
         "p": 0.6},
    ]},
    "steps": [
        step(1, ["Once", " upon", " a"], offered=[[" time", 0.5], [" day", 0.25]],
             links=[link("temperature 0.5", 10, 1.5),
                    link("top_k 4", 4, 1.25, 6, **BORDER)],
             drawn_from=[[" time", 0.8]], token=" time", rank=1, draft="accepted"),
        step(2, ["x" * 50], links=[link("top_k 4", 4, 1.25, 6, **BORDER)],
             draft="refused"),
        step(3, ["x"]),
    ],
    "beams": [
        node("a", -1, 1, 1, [node(" b", -2, 2, 1, [
            node(" c", -3, 3, 2, fate="finished"),
            node(" d", -4, 3, 1, alive=False,
                 died="step 4: the beams that were kept are all better"),
            node(" e", -9, 3, 0, fate="dropped"),
        ])]),
        node("z", -1.5, 1, 2, [node(" q", -2.5, 2, 1, fate="finished")]),
        node("w", -8, 1, 0, fate="dropped"),
    ],
}  # fmt: skip


def shown(name, width, paint=show.plain):
    """The lines; a colour as its number, its end as a bar."""
    text = "\n".join(getattr(show, name)(VIEWS[name], width, paint))
    return text.replace("\x1b[0m", "|").replace("\x1b[", "").splitlines()


WANTED = [
    ("tokens", 40, show.plain, [
        '" the"',
        '  merge   "h" + "e"         no. 1',
        '  merge   " t" + "he"       no. 12',
        '  tokens  " the" 262',
        '"é\\n"',
        "  bytes   c3  a9  0a",
        '  tokens  "é" 2634  "\\n" 198',
        '"éééééééééééé"',
        "  bytes   c3  a9  c3  a9  c3  a9  c3  a9",
        "          c3  a9  c3  a9  c3  a9  c3  a9",
        "          c3  a9  c3  a9  c3  a9  c3  a9",
        '  tokens  "éééé" 1000  "éééé" 1001',
        '          "éééé" 1002  "éééé" 1003',
        '          "éééé" 1004',
        "3 pieces, 31 bytes, 2 merges, 8 tokens",
    ]),
    ("tokens", 40, show.coloured, [
        '1m" the"|',
        '  merge   "h" + "e"         no. 1',
        '  merge   " t" + "he"       no. 12',
        '  tokens  " the" 262',
        '1m"é\\n"|',
        "  bytes   c3  a9  0a",
        '  tokens  "é" 2634  "\\n" 198',
        '1m"éééééééééééé"|',
        "  bytes   c3  a9  c3  a9  c3  a9  c3  a9",
        "          c3  a9  c3  a9  c3  a9  c3  a9",
        "          c3  a9  c3  a9  c3  a9  c3  a9",
        '  tokens  "éééé" 1000  "éééé" 1001',
        '          "éééé" 1002  "éééé" 1003',
        '          "éééé" 1004',
        "3 pieces, 31 bytes, 2 merges, 8 tokens",
    ]),
    ("strongest", 80, show.plain, [
     "layer head  weight  from               to                  prev. itself first",
     '    1    2     88%  " said" (2)        " king" (1)           50%    25%    12%',
     '    0   11      5%  " so very lou… (3) " king" (1)            0%   100%     0%',
     "from, to: its strongest look at an earlier token other than the first. prev.,",
     "itself, first: its attention to the token before, to itself and to the first",
     "token, on average. Behind a token stands its number, from 0: --at N shows what",
     "that token looks at, --layer L --head H one head whole. Layer N is block N of 4,",
     "counted from 0.",
    ]),
    ("strongest", 50, show.coloured, [
        "1mlayer head  weight  from     to        prev. itself first|",
        '    1    2     88%  " s… (2) " k… (1)    50%    25%    12%',
        '    0   11      5%  " s… (3) " k… (1)     0%   100%     0%',
        "from, to: its strongest look at an earlier token",
        "other than the first. prev., itself, first: its",
        "attention to the token before, to itself and to",
        "the first token, on average. Behind a token stands",
        "its number, from 0: --at N shows what that token",
        "looks at, --layer L --head H one head whole. Layer",
        "N is block N of 4, counted from 0.",
    ]),
    ("looks", 80, show.plain, [
     'token 3: " so very loudly indeed"',
     "layer head itself first  looks at",
     '    1    2    12%   10%  50% " king" (1)   25% " said" (2)',
     "   10    0   100%    0%",
     "looks at: the earlier tokens that it looks at most, without itself and the first",
     "token, which have columns of their own; behind each its number, from 0. Layer N",
     "is block N of 4, counted from 0.",
    ]),
    ("looks", 40, show.coloured, [
        '1mtoken 3: " so very loudly indeed"|',
        "1mlayer head itself first  looks at|",
        '    1    2    12%   10%  50% " king" (1)',
        "   10    0   100%    0%",
        "looks at: the earlier tokens that it",
        "looks at most, without itself and the",
        "first token, which have columns of their",
        "own; behind each its number, from 0.",
        "Layer N is block N of 4, counted from 0.",
    ]),
    ("attention", 80, show.plain, [
        "layer 1 (block 1 of 4, counted from 0), head 0",
        '0 "The"          █     100% "The" (0)',
        '1 " king"        ▒▓     70% " king" (1)   30% "The" (0)',
        '2 " said"         ░█    90% " said" (2)    6% " king" (1)',
        '3 " so very lou… ▓▒░░   50% "The" (0)   25% " king" (1)',
        "a row: what the token looks at; ░ from 5 %, ▒ 25 %, ▓ 50 %, █ 75 %",
    ]),
    ("attention", 60, show.coloured, [
        "1mlayer 1 (block 1 of 4, counted from 0), head 0|",
        "the map shows the last 2 of 4 tokens",
        '0 "The"              100% "The" (0)',
        '1 " king"             70% " king" (1)   30% "The" (0)',
        '2 " said"        █    90% " said" (2)    6% " king" (1)',
        '3 " so very lou… ░░   50% "The" (0)   25% " king" (1)',
        "a row: what the token looks at; ░ from 5 %, ▒ 25 %, ▓ 50 %,",
        "█ 75 %",
    ]),
    ("lens", 60, show.plain, [
        "after token 8: … b c d e f g h i",
        'the embedding   " c" 90%  " x" 5%',
        '                " d": rank 17, 0.1%',
        'block 0         " x" 40%  " d" 30%',
        '                " d": rank 2, 30.0%',
        'block 1         " d" 60%',
        '                " d": rank 1, 60.0%',
        'The model\'s answer is " d". It is the best from block 1 on',
        "(the last of 2). Layer N is block N of 2, counted from 0.",
    ]),
    ("lens", 60, show.coloured, [
        "1mafter token 8: … b c d e f g h i|",
        'the embedding   " c" 90%  " x" 5%',
        '2m                " d": rank 17, 0.1%|',
        'block 0         " x" 40%  " d" 30%',
        '2m                " d": rank 2, 30.0%|',
        'block 1         32m" d" 60%|',
        '2m                " d": rank 1, 60.0%|',
        'The model\'s answer is " d". It is the best from block 1 on',
        "(the last of 2). Layer N is block N of 2, counted from 0.",
    ]),
    ("steps", 60, show.plain, [
        'step 1: …Once upon a → " time"',
        '  offered     " time" 50.0%  " day" 25.0%',
        "  temperature 0.5        10 left, 1.50 bits",
        "  top_k 4                4 left, 1.25 bits        6 removed, 12.5%",
        '      the least likely kept: " day" 10.000% after temperatu…',
        '      the likeliest removed: " hill" 6.250% after temperatu…',
        '  drawn from  " time" 80.0%',
        '  drawn       " time" with 80.00%',
        "              the model offered it with 50.00%, rank 1, guessed and accepted",
        'step 2: …xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx → " y"',
        "  offered     ",
        "  top_k 4                4 left, 1.25 bits        6 removed, 12.5%",
        '      the least likely kept: " day" 10.000%',
        '      the likeliest removed: " hill" 6.250%',
        "  drawn from  ",
        '  drawn       " y" with 80.00%',
        "              the model offered it with 50.00%, rank 3, after a refusal",
        'step 3: …x → " y"',
        "  offered     ",
        "  drawn from  ",
        '  drawn       " y" with 80.00%',
        "              the model offered it with 50.00%, rank 3",
    ]),
    ("steps", 40, show.coloured, [
        '1mstep 1: …Once upon a → " time"|',
        '  offered     " time" 50.0%',
        "  temperature 0.5        10 left, 1.50 bits",
        "  top_k 4                4 left, 1.25 bits        6 removed, 12.5%",
        '      the least likely kept: " day" 10.…',
        '      31mthe likeliest removed: " hill" 6.…|',
        '  drawn from  " time" 80.0%',
        '  drawn       " time" with 80.00%',
        "              the model offered it with 50.00%, rank 1, guessed and accepted",
        '1mstep 2: …xxxxxxxxxxxxxxxxxxxx → " y"|',
        "  offered     ",
        "  top_k 4                4 left, 1.25 bits        6 removed, 12.5%",
        '      the least likely kept: " day" 10.…',
        '      31mthe likeliest removed: " hill" 6.…|',
        "  drawn from  ",
        '  drawn       " y" with 80.00%',
        "              the model offered it with 50.00%, rank 3, after a refusal",
        '1mstep 3: …x → " y"|',
        "  offered     ",
        "  drawn from  ",
        '  drawn       " y" with 80.00%',
        "              the model offered it with 50.00%, rank 3",
    ]),
    ("beams", 60, show.plain, [
        '├─ step 1 #1 "a b" -1.00 … -2.00',
        '│  ├─ step 3 #2 " c" -3.00 ✓',
        '│  └─ step 3 #1 " d" -4.00 ✗',
        "│        died at step 4: the beams that were kept are all",
        "│        better",
        '└─ step 1 #2 "z q" -1.50 … -2.50 ✓',
        "The number is the sum of log-probabilities; a line of",
        "several tokens has that of its first and of its last. #2:",
        "the first was the second best beam of its step. ✓ finished,",
        "✗ died. Finished texts are compared by their sum / length **",
        "length_penalty. Candidates that were never kept are in",
        "--json.",
    ]),
    ("beams", 34, show.coloured, [
        '32m├─ step 1 #1 "a b" -1.00 … -2.00|',
        '32m│  ├─ step 3 #2 " c" -3.00 ✓|',
        '2m│  └─ step 3 #1 " d" -4.00 ✗|',
        "31m│        died at step 4: the beams|",
        "31m│        that were kept are all|",
        "31m│        better|",
        '32m└─ step 1 #2 "z q" -1.50 … -2.50 ✓|',
        "The number is the sum of",
        "log-probabilities; a line of",
        "several tokens has that of its",
        "first and of its last. #2: the",
        "first was the second best beam of",
        "its step. ✓ finished, ✗ died.",
        "Finished texts are compared by",
        "their sum / length **",
        "length_penalty. Candidates that",
        "were never kept are in --json.",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "width", "paint", "lines"), WANTED)
def test_every_line_of_a_view(name, width, paint, lines):
    assert shown(name, width, paint) == lines


def test_a_view_that_is_settled_earlier():
    last = {**VIEWS["lens"], "settled": 1}
    says = " ".join(show.lens(last, 60))
    assert 'answer is " d". It is the best from block 0 on. Layer' in says


@pytest.mark.parametrize(
    ("text", "width", "right"),
    [("abc", 5, "abc  "), ("abc", 3, "abc"), ("abcd", 3, "ab…"), ("ab", 1, "…"),
     ("日本語", 5, "日本…"), ("日本語", 6, "日本語"), ("日本語", 4, "日… "),
     ("ＡＢ", 4, "ＡＢ"), ("ＡＢ", 3, "Ａ…"), ("e\u0301x", 3, "e\u0301x "),
     ("", 2, "  ")],
)  # fmt: skip
def test_a_text_in_so_many_columns(text, width, right):
    assert show.fit(text, width) == right
    assert show.columns(right) == width


@pytest.mark.parametrize(
    ("weight", "right"),
    [(0, " "), (0.049, " "), (0.05, "░"), (0.249, "░"), (0.25, "▒"), (0.499, "▒"),
     (0.5, "▓"), (0.749, "▓"), (0.75, "█"), (1, "█")],
)  # fmt: skip
def test_shades(weight, right):
    assert show.shade(weight) == right


def test_parts_in_lines():
    assert show.joined(["aa", "bb", "cc"], 8, 2) == "aa  bb\n  cc"
    assert show.joined(["aa", "bb", "cc"], 7, 2) == "aa\n  bb\n  cc"
    assert show.joined(["aaaaaaa", "bb"], 6, 2) == "aaaaaaa\n  bb"
    assert show.joined([], 6, 2) == ""
    assert show.wrapped("aa bb cc dd", 5) == ["aa bb", "cc dd"]
    assert show.wrapped("aa bb cc", 4) == ["aa", "bb", "cc"]
    assert show.wrapped("", 4) == [""]


def test_tokens_with_numbers():
    assert show.numbered(["The"], 0, 12) == '"The" (0)   '
    assert show.numbered(["The king said"], 0, 12) == '"The ki… (0)'
    assert show.numbered({12: "The king said"}, 12, 4) == "… (…"
    assert show.escaped("a\n\x1b é😀\u200b") == "a\\n\\x1b é😀\\u200b"


def test_a_narrow_terminal():
    """A map of attention that has no room."""
    lines = shown("attention", 30)
    assert lines[1] == "the map shows the last 0 of 4 tokens"
    assert lines[2] == '0 "The"            100% "The"…'


def test_a_long_text_in_a_tree_leaves_one_column():
    leaves = [node(c * 50, -2, 2, n) for n, c in enumerate("xyz", 1)]
    view = [node("w" * 50, -1, 1, 1, leaves), node("v" * 50, -1, 1, 2)]
    lines = [*show.beams(view, 40)][:5]
    assert lines == [
        '├─ step 1 #1 "wwwwwwwwwwwwwwwwww… -1.00',
        '│  ├─ step 2 #1 "xxxxxxxxxxxxxxx… -2.00',
        '│  ├─ step 2 #2 "yyyyyyyyyyyyyyy… -2.00',
        '│  └─ step 2 #3 "zzzzzzzzzzzzzzz… -2.00',
        '└─ step 1 #2 "vvvvvvvvvvvvvvvvvv… -1.00',
    ]
    assert {len(line) for line in lines} == {39}
    assert next(show.beams(leaves[:1], 10)) == '└─ step 2 #1 "xxxxxx… -2.00'


def identity(n_tok):
    pattern = [[float(i == j) for j in range(n_tok)] for i in range(n_tok)]
    return {"tokens": ["a"] * n_tok, "n_layer": 1, "layer": 0, "head": 0,
            "pattern": pattern}  # fmt: skip


@pytest.mark.parametrize(
    ("n_tok", "line"),
    [(10, '0 "a" █'), (11, ' 0 "a" █'), (100, ' 0 "a" █'), (101, '  0 "a" █')],
)
def test_numbers_of_tokens_have_as_many_digits_as_the_last(n_tok, line):
    assert [*show.attention(identity(n_tok), 160)][1].startswith(line)


def test_a_weight_of_just_5_percent_is_listed():
    view = {**VIEWS["attention"], "pattern": [[1], [0.05, 0.95], [0, 0.049, 0.951]]}
    lines = [*show.attention(view, 80)]
    assert lines[2].endswith('95% " king" (1)    5% "The" (0)')
    assert lines[3].endswith('95% " said" (2)')


def test_what_stands_behind_the_first_tokens():
    lines = [*show.lens({**VIEWS["lens"], "at": 2}, 60)]
    assert lines[0] == "after token 2: … a b c"
    lines = [*show.lens({**VIEWS["lens"], "at": 7}, 60)]
    assert lines[0] == "after token 7: … a b c d e f g h"


def test_only_a_temperature_is_said_to_be_behind():
    one = link("top_k 4", 4, 1.25, 6, **BORDER)
    view = [step(1, ["x"], links=[one, one, link("temperature 2", 4, 1.5), one])]
    lines = [line for line in show.steps(view, 80) if "removed:" in line]
    assert [line.endswith(' " hill" 6.250%') for line in lines] == [True, True, False]
    assert lines[2].endswith(' " hill" 6.250% after temperature')


def test_a_long_context_is_cut_at_its_beginning_to_the_width():
    head = next(show.steps([step(2, ["w" * 11 + "x" * 40])], 60))
    assert head == f'step 2: …{"x" * 40} → " y"'


def test_a_beam_that_was_not_kept_has_no_number():
    lines = show.beams([node("a", -1, 3, 0, fate="finished")], 60)
    assert next(lines) == '└─ step 3 "a" -1.00 ✓'


def least_width(name, view, line, parts):
    """The least width at which a line of a view has all these parts."""
    for width in range(20, 90):
        lines = "\n".join(getattr(show, name)(view, width)).splitlines()
        if all(part in lines[line] for part in parts):
            return width


def test_a_line_has_all_that_fits():
    """So much stands before: "tokens" 10, "looks" 25, "lens" 16, "steps" 14."""
    pairs = [["aaaa", 0.5], ["bbbb", 0.25]]
    view = [letters("a", ("aaaa", 1), ("bbbb", 2))]
    assert least_width("tokens", view, 1, ["aaaa", "bbbb"]) == 10 + 8 + 2 + 8
    view = {**VIEWS["looks"], "heads": [
        {"layer": 0, "head": 0, "looks": [[1, 0.5], [2, 0.25]], "itself": 0,
         "first": 0}]}  # fmt: skip
    assert least_width("looks", view, 2, ["king", "said"]) == 25 + 16 + 2 + 16
    view = {**VIEWS["lens"], "layers": 3 * [
        {"after": "block 0", "top": pairs, "rank": 1, "p": 0.5}]}  # fmt: skip
    assert least_width("lens", view, 1, ["aaaa", "bbbb"]) == 16 + 10 + 2 + 10
    view = [step(1, ["x"], offered=pairs)]
    assert least_width("steps", view, 1, ["aaaa", "bbbb"]) == 14 + 12 + 2 + 12


@pytest.mark.parametrize(
    ("width", "room"), [(80, 18), (79, 18), (78, 17), (61, 9), (60, 8), (40, 8)]
)
def test_two_ends_share_what_is_left_of_a_line(width, room):
    head = next(show.strongest(VIEWS["strongest"], width))
    both = head.removeprefix("layer head  weight  ").partition("  prev.")[0]
    assert both == f"{'from':{room}} {'to':{room}}"
