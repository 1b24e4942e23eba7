"""The parts of `check_decoder`, one by one, on models of which all is known."""

import itertools
import zlib

import numpy as np
import pytest

from numpygpt import GenerationConfig
from numpygpt.testing import TableLM, check_decoder, decoders, maze
from numpygpt.testing.decoders import Decoder, ids_of
from numpygpt.testing.properties import Run
from numpygpt.testing.report import Broken

INF = np.inf
STEPS = np.array([[0, -INF, 0], [0, 0, -INF], [0, 0, 0]])  # 0 -> 0, 2; 1 -> 0, 1


# Of the mazes, prompts and tables of some seeds: see `mark`.
MAZE_0_1 = [
    [-19.875, -79.875, -79.875],
    [-19.65625, -21.2265625, -INF],
    [-77.1484375, -17.1484375, -77.1484375],
]
MAZES = [419766291, 3090800703, 915583796, 1664717310, 2044693486]
FEW, EOS_TABLES, FULL_PROMPTS = 2512465886, 1696017065, 1420068148


def model(eos=2, table=STEPS, **how):
    return TableLM(np.array(table, float), eos_token_id=eos, **how)


def run_of(seed=0, skip=(), also=()):
    return Run("decoder", skip, also, seed)


def writes(*text, config=None):
    """A decoder that writes these tokens, whatever it is asked for."""
    return Decoder(lambda model, prompt, *_: [*prompt, *text], config, 5)


def broken(f, *args):
    """The name of the broken property, and what is wrong."""
    with pytest.raises(Broken) as error:
        f(*args)
    return error.value.name, error.value.wrong, error.value.example


def draws(model, prompt, n_new, seed):
    how = {"max_new_tokens": n_new, "do_sample": True}
    return model.generate(prompt, seed=seed, **how)[0].tolist()


def mark(value):
    """A number that changes with whatever is in the value."""
    return zlib.crc32(repr(value).encode())


# What comes back.


@pytest.mark.parametrize(
    "out", [[1, 2], (1, 2), np.array([1, 2]), np.array([[1, 2]]), [1.0, 2.0], [[1, 2]]]
)
def test_ids_come_as_whatever_holds_numbers(out):
    ids = ids_of(out, "")
    assert ids == [1, 2]
    assert {type(i) for i in ids} == {int}


@pytest.mark.parametrize("out", [[1, 2.5], "ab", [[1], [2, 3]], {"a": 1}])
def test_what_holds_no_ids_is_named(out):
    name, wrong, example = broken(ids_of, out, "the example")
    assert (name, example) == ("no crash", "the example")
    assert repr(out) in wrong


def test_a_long_result_is_cut():
    assert 200 < len(broken(ids_of, "x" * 999, "")[1]) < 260


def test_a_text_is_what_stands_behind_the_prompt():
    decoder = writes(0, 2)
    assert decoder.write(model(), [1, 0], 3, 7) == (0, 2)
    assert decoder.n_written == 2


def test_a_decoder_gets_what_the_example_says():
    seen = []
    decoder = Decoder(lambda *args: seen.append(args) or [*args[1], 0], None, 5)
    one = model()
    decoder.write(one, (1, 0), 3, 7)
    assert seen == [(one, [1, 0], 3, 7)]
    words = decoders.example_of(one, [1, 0], 3, 7)
    assert words.startswith("model = TableLM(")
    assert words.endswith("\nprompt, n_new, seed = [1, 0], 3, 7")


def spoils_prompt(model, prompt, n_new, seed):
    prompt.append(0)
    return prompt


def spoils_table(model, prompt, n_new, seed):
    model.table[0, 0] = 9
    return [*prompt, 0]


def slow(*args):
    while True:
        pass


@pytest.mark.parametrize(
    ("f", "name", "words"),
    [
        (spoils_prompt, "input untouched", "the prompt is now [1, 0]"),
        (spoils_table, "input untouched", "the table is another now"),
        (lambda *_: [0, 1], "prompt first", "it wrote [0, 1]"),
        (lambda *_: [], "prompt first", "it wrote []"),
        (lambda *_: 1 / 0, "no crash", "ZeroDivisionError"),
        (lambda *_: None, "no crash", "None"),
        (slow, "no crash", "after 0.05 seconds"),
    ],
)
def test_what_a_decoder_must_not_do(f, name, words):
    decoder = Decoder(f, None, 0.05)
    one = model()
    example = decoders.example_of(one, [1], 2, 3)
    found = broken(decoder.write, one, [1], 2, 3)
    assert found[0] == name
    assert words in found[1]
    assert found[2] == example


PADDED = [
    # text, n_new, pad_token_id, what is left of it; 2 is the end token
    ((0, 2, 2, 2), 4, None, (0, 2)),
    ((2, 2), 2, None, (2,)),
    ((0, 2, 2), 3, 0, (0, 2)),
    ((1, 2, 0, 0), 4, 0, (1, 2)),
    ((1, 2, 0, 0), 4, None, (1, 2, 0, 0)),
    ((1, 2, 0, 2), 4, 0, (1, 2, 0, 2)),
    ((0, 2, 1, 1), 4, 0, (0, 2, 1, 1)),
    ((0, 2, 2), 4, None, (0, 2, 2)),
    ((0, 2, 2, 2, 2), 4, None, (0, 2, 2, 2, 2)),
    ((0, 1, 0, 0), 4, 0, (0, 1, 0, 0)),
    ((0, 2), 2, 0, (0, 2)),
]


@pytest.mark.parametrize(("text", "n_new", "pad", "left"), PADDED)
def test_padding_behind_the_end_is_taken_off(text, n_new, pad, left):
    config = GenerationConfig(pad_token_id=pad)
    assert writes(*text, config=config).write(model(), [1], n_new, 0) == left
    if pad is None:
        assert writes(*text).write(model(), [1], n_new, 0) == left


def test_padding_counts_as_written():
    decoder = writes(0, 2, 2, 2)
    decoder.write(model(), [1], 4, 0)
    assert decoder.n_written == 4


def test_the_end_tokens_are_those_of_the_config_or_else_of_the_model():
    config = GenerationConfig(eos_token_id=[0, 1])
    assert Decoder(draws, config, 5).eos(model(2)) == (0, 1)
    assert Decoder(draws, GenerationConfig(), 5).eos(model(2)) == (2,)
    assert Decoder(draws, None, 5).eos(model([1, 2])) == (1, 2)
    assert Decoder(draws, None, 5).eos(model(None)) == ()


# The models and cases.


def test_a_maze_of_a_seed_is_the_same_for_ever():
    """What a failure says, "maze(1, 2, None, 64)", has to be true in the next one."""
    assert maze(0, 1).table.tolist() == MAZE_0_1
    marks = [
        mark(maze(*a).table.round(6).tolist())
        for a in ((0,), (1, 2, None), (5, 1, [1, 2]), (7, 3, 0), (4, 7, 2))
    ]
    assert marks == MAZES


def test_a_maze_says_how_to_build_it():
    one = maze(5, 1, [1, 2], 6)
    assert one.code == "maze(5, 1, [1, 2], 6)"
    assert (one.config.n_ctx, one.generation_config.eos_token_ids) == (6, (1, 2))
    assert maze(3).code == "maze(3, 2, 2, 64)"
    assert maze(3).config.n_ctx == 64
    assert [maze(s, b).start for s, b in ((0, 1), (1, 1), (2, 1), (2, 3))] == [
        1, 2, 0, 2,
    ]  # fmt: skip


@pytest.mark.parametrize("eos", [2, 0, None, [1, 2]])
def test_of_each_row_of_a_maze_one_or_two_tokens_are_possible(eos):
    rows = [row for s in range(9) for row in maze(s, 2, eos).table.reshape(-1, 3)]
    sure = [np.exp(row - row.max()) >= 1e-12 for row in rows]
    assert {int(kept.sum()) for kept in sure} == {1, 2}
    gone = [row[~kept] for row, kept in zip(rows, sure)]
    removed = sum(np.isneginf(g).all() for g in gone)
    assert 0.3 < removed / len(rows) < 0.7
    for row, kept, low in zip(rows, sure, gone):
        assert np.isneginf(low).all() or (low == row[kept].min() - 60).all()
        assert len({*row[kept]}) == kept.sum()  # no ties
    last = -1 if eos is None else np.max(eos)
    ends = np.mean([kept[last] for kept in sure])
    assert 0.1 < ends < 0.35 or eos is None


@pytest.fixture
def named(monkeypatch):
    """In place of every maze a small table of its name."""

    def small(seed, n_back, eos, n_ctx=64):
        one = TableLM(np.zeros((3, 3)), eos_token_id=eos, n_ctx=n_ctx)
        one.code = f"maze({seed}, {n_back}, {eos}, {n_ctx})"
        return one

    monkeypatch.setattr(decoders, "maze", small)


def summary(cases):
    return [(m.code, p, n) for m, p, n in cases]


def test_the_cases_of_a_seed(named, monkeypatch):
    cases = [*decoders._cases(run_of(), None, None, None)]
    monkeypatch.setattr(decoders, "n_examples", lambda: 4)
    few = summary(decoders._cases(run_of(3), None, None, None))
    assert len(few) == 24
    assert mark(few) == FEW
    assert [len(p) + n for _, p, n in few] == sorted(len(p) + n for _, p, n in few)
    assert {n for _, _, n in cases} == {*range(1, 9)}
    assert {len(p) for _, p, _ in cases} == {*range(1, 7)}
    assert {t for _, p, _ in cases for t in p} == {0, 1, 2}
    monkeypatch.setattr(decoders, "n_examples", lambda: 100)
    many = summary(decoders._cases(run_of(), None, None, None))
    assert len(many) == 150
    assert {code for code, *_ in many} == {
        f"maze({i}, {b}, {e}, 64)"
        for i, (b, e) in enumerate(
            (b, e) for b in (1, 2, 3, 7) for e in (2, 2, None, None)
        )
    }
    assert len(decoders._cases(run_of(), None, None, None, 40)) == 40


def test_cases_of_ones_own(named, monkeypatch):
    monkeypatch.setattr(decoders, "n_examples", lambda: 2)
    wide = TableLM(np.zeros((9, 9)))
    two = TableLM(np.zeros((2, 2)))
    own = [[0, 1], [1]]
    cases = decoders._cases(run_of(), [wide], own, [2, 5])
    assert len(cases) == 12
    assert {m for m, _, _ in cases} == {wide}
    assert [p for _, p, _ in cases].count([1]) == 6
    assert {n for _, _, n in cases} == {2, 5}
    assert {n for _, _, n in decoders._cases(run_of(), None, None, 4)} == {4}
    free = decoders._cases(run_of(), [wide, two], None, None)
    assert max(t for m, p, _ in free for t in p if m is wide) == 2
    assert {t for m, p, _ in free for t in p if m is two} == {0, 1}


# Whether every token is possible.


PATHS = [
    # text behind [0], n_new, the property that is broken, words
    ((0, 2), 3, None, ""),
    ((2,), 3, None, ""),
    ((0, 0, 0), 3, None, ""),
    ((0, 0, 2), 3, None, ""),
    ((), 3, "ends", "it wrote [], which is too short"),
    ((0, 0), 3, "ends", "it wrote [0, 0], which is too short"),
    ((0, 0, 0, 0), 3, "ends", "should end after [0, 0, 0]"),
    ((0, 2, 1, 0), 4, "ends", "it wrote [0, 2, 1, 0], and should end after [0, 2]"),
    ((1, 0), 2, "possible", "it wrote [1, 0]: behind [0] only [0, 2] can come"),
    ((0, 1), 2, "possible", "it wrote [0, 1]: behind [0, 0] only [0, 2] can come"),
    ((3, 0), 2, "possible", "behind [0] only [0, 2]"),
    ((-1, 0), 2, "possible", "behind [0] only [0, 2]"),
    ((0, -3), 2, "possible", "behind [0, 0] only [0, 2]"),
]


@pytest.mark.parametrize(("text", "n_new", "name", "words"), PATHS)
def test_every_token_must_be_possible_and_the_last_one_the_last(
    text, n_new, name, words
):
    args = writes(*text), model(), [0], n_new, 5
    if name is None:
        return decoders._path(*args)
    found = broken(decoders._path, *args)
    assert found[0] == name
    assert words in found[1]
    assert found[2] == decoders.example_of(args[1], [0], n_new, 5)
    return None


@pytest.mark.parametrize(("p", "found"), [(0.99e-12, True), (1.01e-12, False)])
def test_below_one_in_a_million_millions_is_impossible(p, found):
    assert decoders.IMPOSSIBLE == 1e-12
    table = np.log([1 - p, p])
    one = TableLM(table)
    try:
        decoders._path(writes(1), one, [0], 1, 0)
        raised = False
    except Broken:
        raised = True
    assert raised == found


BANNED = GenerationConfig(do_sample=True, bad_words_ids=[[0], [1], [2]])
LATER = GenerationConfig(do_sample=True, bad_words_ids=[[0, 0, 0], [0, 0, 2]])


def test_where_the_rules_leave_nothing_there_is_nothing_to_blame():
    none = model(None)
    decoders._path(writes(1, config=BANNED), none, [0], 2, 0)
    decoders._path(writes(0, 1, config=LATER), none, [0], 2, 0)
    assert broken(decoders._path, writes(1, 1, config=LATER), none, [0], 2, 0)
    assert decoders._dead_end(writes(config=BANNED), none, [0], 1)
    assert decoders._dead_end(writes(config=LATER), none, [0], 2)
    assert not decoders._dead_end(writes(config=LATER), none, [0], 1)
    assert not decoders._dead_end(writes(config=LATER), none, [1], 1)
    assert not decoders._dead_end(writes(), none, [0], 2)


def refuses(*args):
    raise ValueError("nothing is left")


def test_a_refusal_is_right_in_a_dead_end_only():
    config, how = LATER, {"models": [model(None)], "prompts": [[0]]}
    run = run_of()
    decoders._paths(run, Decoder(refuses, config, 5), n_new=2, **how)
    assert run.report.checked["no crash"] == "in 0 texts"
    name, wrong, _ = broken(
        decoders._paths, run_of(), Decoder(refuses, None, 5), *how.values(), 2
    )
    assert (name, wrong) == ("no crash", "ValueError: nothing is left")
    crash = Decoder(lambda *_: 1 / 0, config, 5)
    assert "Zero" in broken(decoders._paths, run_of(), crash, *how.values(), 2)[1]
    skipped = run_of(skip=["no crash"])
    decoders._paths(skipped, Decoder(refuses, None, 5), n_new=2, **how)
    assert "no crash" not in skipped.report.checked


def test_every_case_is_written_once_and_every_sixth_twice_more(monkeypatch):
    monkeypatch.setattr(decoders, "n_examples", lambda: 3)
    seeds, run = [], run_of(20)
    decoder = Decoder(lambda *a: seeds.append(a[3]) or draws(*a), None, 5)
    decoders._paths(run, decoder, [model()], None, None)
    sixth = [20, 26, 32]
    assert seeds == sorted([*range(20, 38), *sixth, *sixth])
    names = ("no crash", "input untouched", "prompt first", "possible", "ends")
    assert run.report.checked == {name: "in 18 texts" for name in (*names, "same seed")}
    seeds.clear()
    decoders._paths(run_of(skip=["same seed"]), decoder, [model()], None, None)
    assert seeds == [*range(18)]


def test_the_second_time_the_text_must_be_the_same():
    count = iter(range(9))
    decoder = Decoder(lambda m, p, *_: [*p, next(count)], None, 5)
    found = broken(decoders._again, decoder, model(), [0], 1, 4)
    assert found[:2] == ("same seed", "it wrote [0], then [1]")
    assert found[2] == decoders.example_of(model(), [0], 1, 4)
    decoders._again(writes(1), model(), [0], 1, 4)


def test_a_generator_of_its_own_is_seen_with_one_example_and_no_time(monkeypatch):
    """The mazes alone leave little to choose: once in some hundred runs each of their
    pairs was the same by chance."""
    monkeypatch.setattr(decoders, "n_examples", lambda: 1)
    monkeypatch.setattr(decoders, "paced", lambda cases, seconds: cases[:1])
    for i in range(5):
        own = itertools.count(100 * i)
        decoder = Decoder(
            lambda m, p, n, _, own=own: draws(m, p, n, next(own)), None, 5
        )
        found = broken(decoders._paths, run_of(), decoder, None, None, None)
        assert found[0] == "same seed"
    decoders._paths(run_of(), Decoder(draws, None, 5), None, None, None)


def test_only_the_paths_that_there_is_time_for(named, monkeypatch):
    asked = []

    def paced(cases, seconds):
        asked.append(seconds)
        return cases[:2]

    monkeypatch.setattr(decoders, "paced", paced)
    run = run_of()
    decoders._paths(run, Decoder(draws, None, 5), None, None, 1)
    assert asked == [0.8]
    assert run.report.checked["ends"] == "in 5 texts"  # three of an even model
    decoders._paths(run, Decoder(draws, None, 5), [model()], None, 1)
    assert asked == [0.8]


# Several end tokens.


def until(ends, n_written=None):
    """Draws, and ends at the end tokens that ``ends(all of them)`` says."""

    def f(model, prompt, n_new, seed):
        rng, out = np.random.default_rng(seed), list(prompt)
        for _ in range(n_new):
            out.append(int(rng.integers(3)))
            if out[-1] in ends(model.generation_config.eos_token_ids):
                break
        return out

    return f


def test_of_two_end_tokens_each_has_to_end_a_text():
    run, seen = run_of(7), []
    right = until(lambda eos: eos)
    decoder = Decoder(lambda *a: seen.append(a) or right(*a), None, 5)
    decoders._several_eos(run, decoder)
    assert run.report.checked["several eos"] == "in 60 texts"
    assert [a[1:] for a in seen] == [([0], 5, i) for i in range(60)]
    assert {a[0].generation_config.eos_token_ids for a in seen} == {(1, 2)}
    tables = [a[0].table for a in seen]
    assert mark([t.round(6).tolist() for t in tables]) == EOS_TABLES
    assert {t.shape for t in tables} == {(3, 3)}
    assert np.std(tables) == pytest.approx(0.7, abs=0.06)
    assert np.mean(tables) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("at", [0, 1])
def test_a_second_end_token_that_is_overlooked(at):
    decoder = Decoder(until(lambda eos: eos[at : at + 1]), None, 5)
    name, wrong, example = broken(decoders._several_eos, run_of(), decoder)
    assert name == "several eos"
    text, end = wrong.removeprefix("it wrote ").split(", and should end after ")
    assert text.startswith(end[:-1])
    assert int(end[-2]) == 2 - at
    assert ", 5, " in example
    assert "prompt, n_new, seed = [0], 5, " in example


@pytest.mark.parametrize(
    ("f", "config"),
    [
        (until(lambda eos: ()), None),
        (lambda *a: 1 / 0, None),
        (until(lambda eos: eos[1:]), GenerationConfig(eos_token_id=2)),
    ],
)
def test_a_decoder_may_take_no_list_of_end_tokens(f, config):
    run = run_of()
    decoders._several_eos(run, Decoder(f, config, 5))
    assert run.report.not_checked["several eos"] == "it takes no list of end tokens"
    assert not run.has("several eos")


def test_texts_that_all_end_at_the_last_place_show_nothing():
    """One that is padded to its full length has not shown that it ends."""
    right = until(lambda eos: eos)

    def padded(model, prompt, n_new, seed):
        out = right(model, prompt, n_new, seed)
        return out + [out[-1]] * (1 + n_new - len(out))

    run = run_of()
    decoders._several_eos(run, Decoder(padded, None, 5))
    assert "several eos" in run.report.not_checked


# A full context.


def room_of(extra):
    """Draws possible tokens until there are so many more than the context holds."""

    def f(model, prompt, n_new, seed):
        out = list(prompt)
        while len(out) < min(len(prompt) + n_new, model.config.n_ctx + extra):
            out.append(int(model(out[-model.config.n_ctx :])[-1].argmax()))
        return out

    return f


@pytest.mark.parametrize("extra", [0, 1])
def test_a_text_may_fill_the_context_and_be_one_token_longer(extra):
    run, seen = run_of(4), []
    decoder = Decoder(lambda *a: seen.append(a) or room_of(extra)(*a), None, 5)
    decoders._full_context(run, decoder)
    assert run.report.checked["full context"] == "in 24 texts"
    assert [a[0].code for a in seen] == [
        f"maze({4 + i}, {1 + i % 3}, None, 6)" for i in range(24)
    ]
    assert [a[2:] for a in seen] == [(8, i) for i in range(24)]
    assert [len(a[1]) for a in seen] == [1 + i % 5 for i in range(24)]
    assert mark([a[1] for a in seen]) == FULL_PROMPTS


def test_a_text_that_stops_before_the_context_is_full():
    found = broken(decoders._full_context, run_of(), Decoder(room_of(-1), None, 5))
    assert found[0] == "full context"
    assert found[1].endswith("; the context has room for 5")
    assert "prompt, n_new, seed = [" in found[2]
    assert "], 8, 0" in found[2]


def test_a_decoder_that_goes_on_behind_the_context_is_not_judged():
    run = run_of()
    decoders._full_context(run, Decoder(room_of(2), None, 5))
    assert run.report.not_checked["full context"] == "it writes on behind the end"


def wrong_at_the_end(model, prompt, n_new, seed):
    out = room_of(0)(model, prompt, n_new, seed)
    return [*out[:-1], int(np.argmin(model(out[:-1])[-1]))]


def test_the_last_token_that_fits_must_be_possible():
    found = broken(decoders._full_context, run_of(), Decoder(wrong_at_the_end, None, 5))
    assert found[0] == "full context"
    assert found[1].startswith("it wrote [")
    assert "room" not in found[1]


@pytest.mark.parametrize(
    ("error", "passed_over"),
    [
        (ValueError, True), (AssertionError, True), (RuntimeError, True),
        (NotImplementedError, True), (IndexError, False), (TypeError, False),
    ],
)  # fmt: skip
def test_a_refusal_of_a_full_context_is_right_and_a_crash_is_not(error, passed_over):
    def f(*args):
        raise error("full")

    run, decoder = run_of(), Decoder(f, None, 5)
    if passed_over:
        decoders._full_context(run, decoder)
        assert run.report.not_checked["full context"] == "it refuses a full one"
        return
    found = broken(decoders._full_context, run, decoder)
    assert found[:2] == ("full context", f"{error.__name__}: full")
    assert "n_new, seed" in found[2]


def test_a_law_that_contradicts_the_length_says_nothing_of_a_full_context():
    run = run_of()
    decoders._full_context(run, writes(0, config=BANNED))
    assert run.report.checked["full context"] == "in 24 texts"


@pytest.mark.parametrize("part", ["several eos", "full context", "law", "independent"])
def test_what_is_skipped_is_not_even_tried(part):
    parts = {
        "several eos": (decoders._several_eos,),
        "full context": (decoders._full_context,),
        "law": (decoders._law, None, None, None, None, 9),
        "independent": (decoders._seeds, None, 9),
    }
    f, *rest = parts[part]
    run = run_of(skip=[part])
    assert f(run, Decoder(refuses, None, 5), *rest) is None
    assert run.report.not_checked[part] == "skip"


# A longer run.


def test_a_longer_run_begins_as_a_shorter_one(monkeypatch):
    monkeypatch.setattr(decoders, "n_examples", lambda: 100)
    run, seen = run_of(also=["longer run"]), []
    decoder = Decoder(lambda *a: seen.append(a) or draws(*a), None, 5)
    decoders._longer(run, decoder, [model()], [[0]])
    assert run.report.checked["longer run"] == "in 40 pairs of texts"
    assert [a[2:] for a in seen] == [(n, i) for i in range(40) for n in (2, 3)]
    decoders._longer(run_of(), Decoder(refuses, None, 5), None, None)

    def other(model, prompt, n_new, seed):
        return [*prompt, n_new, n_new, n_new][: len(prompt) + n_new]

    args = run, Decoder(other, None, 5), [model(None)], [[0]]
    found = broken(decoders._longer, *args)
    assert found[0] == "longer run"
    assert found[1] == "with n_new = 2 it wrote [2, 2], with 3 [3, 3, 3]"
    assert found[2].endswith("prompt, n_new, seed = [0], 3, 0")


@pytest.mark.parametrize("banned", [[0, 0, 0], [0, 0, 0, 0]])
def test_a_longer_run_into_a_dead_end_is_passed_over(banned):
    banned = GenerationConfig(do_sample=True, bad_words_ids=[banned])
    run = run_of(also=["longer run"])
    one = model(None, [[0.0, -INF, -INF]] * 3)
    decoders._longer(run, Decoder(refuses, banned, 5), [one], [[0]])


# The law of all texts.


def test_the_tables_of_a_seed():
    """What they are for: one with an end, one of negative logits and one of positive
    ones, a repeated token, one nearly even, two of near ties."""
    found = [*decoders._tables(0)]
    assert [(p, n) for _, p, n in found] == [
        ([0], 3), ([1, 2], 3), ([2, 0, 1], 3), ([0, 1, 1, 2], 4), ([1], 5),
        ([1, 0], 5), ([1, 0], 5),
    ]  # fmt: skip
    tables = [m.table for m, _, _ in found]
    assert [t.ndim for t in tables] == [2, 3, 4, 2, 2, 2, 3]
    assert [m.generation_config.eos_token_ids for m, _, _ in found] == [
        (2,), (), (2,), (), (), (), (),
    ]  # fmt: skip
    assert [m.start for m, _, _ in found] == [0, 2, 0, 2, 1, 1, 2]
    assert [t.ravel()[:3].tolist() for t in tables[1:5]] == [
        [-2.454, -1.828, -1.724], [0.95, 1.204, 1.131], [0.167, -0.101, -1.216],
        [-0.446, 0.061, -0.034],
    ]  # fmt: skip
    steady = [[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.25, 0.3, 0.45]]
    assert np.allclose(np.exp(tables[0]), steady)
    for table in tables[5:]:
        assert np.sort(table).reshape(-1, 3).tolist() == [[-1.3, -0.05, 0.0]] * (
            table.size // 3
        )
    assert len({tuple(row) for row in tables[6].reshape(-1, 3).tolist()}) > 2
    other = [*decoders._tables(1)]
    assert np.array_equal(other[0][0].table, tables[0])
    assert not np.array_equal(other[1][0].table, tables[1])


class Recorder:
    """A court that writes down what it is asked, and finds nothing."""

    def __init__(self):
        self.allowed, self.judged = [], []

    def allow(self, seconds):
        self.allowed.append(seconds)

    def judge(self, name, what, first, sample, p, names=None, example=""):
        self.judged.append((name, what, first, sample, p, names, example))


@pytest.fixture
def quiet(monkeypatch):
    """Seven texts whatever the time, no scores; the list of what was asked."""
    asked = []

    class Pace:
        def __init__(self, *args):
            asked.append(("pace", *args))

        def next(self):
            return 0.125

    monkeypatch.setattr(decoders, "Pace", Pace)
    monkeypatch.setattr(
        decoders, "_affordable", lambda f, n, s: asked.append((n, s)) or min(n, 7)
    )
    monkeypatch.setattr(
        decoders, "check_scores", lambda c, cases, s: asked.append(len(cases))
    )
    monkeypatch.setattr(decoders, "power", lambda cases: {"a fault": len(cases)})
    return asked


def test_the_texts_of_every_table_are_compared_with_their_law(quiet):
    run, court, seeds = run_of(3), Recorder(), []
    decoder = Decoder(lambda *a: seeds.append(a[3]) or draws(*a), None, 5)
    decoder.times = 2
    decoders._law(run, decoder, court, None, None, None, 99)
    assert run.report.checked["law"] == "49 texts from 7 models"
    assert run.report.power == {"a fault": 7}
    assert court.allowed == [1.2, 1.8]
    assert quiet == [("pace", 1.8, 7), *[(99, 0.125)] * 7, 7]
    assert seeds == [*range(3 * 10**6, 3 * 10**6 + 49)]
    name, what, first, sample, p, names, example = court.judged[0]
    assert (name, what) == ("law", "texts of 3 tokens behind [0]")
    assert len(first) == 7
    assert p.sum() == pytest.approx(1)
    assert names([0]) == "[2]:"
    assert example.startswith("model = TableLM(")
    assert len(sample(4)) == 4
    assert seeds[-4:] == [*range(3 * 10**6 + 49, 3 * 10**6 + 53)]
    assert [len(j[4]) for j in court.judged] == [15, 27, 15, 81, 243, 243, 243]


def test_texts_are_numbered_as_in_the_law(quiet):
    seeds = iter(range(99))
    decoder = Decoder(lambda m, p, n, s: [*p, *((2,), (0, 2), (0, 0))[s % 3]], None, 5)
    what, _, texts, p, case = decoders._texts(decoder, model(), [0], 2, seeds, 50, 0.5)
    assert what == "texts of 2 tokens behind [0]"
    assert texts == [(2,), (0, 0), (0, 2)]
    assert p.tolist() == [0.5, 0.25, 0.25]
    assert case.first.tolist() == [0, 2, 1, 0, 2, 1, 0]
    assert case.before.tolist() == [0, 0]
    assert case.depth.tolist() == [0, 1]
    assert case.q.tolist() == [[0.5, 0, 0.5]] * 2
    assert quiet == [(50, 0.5)]
    assert case.sample(2).tolist() == [2, 1]


def test_what_is_certain_or_has_no_law_is_left_out(quiet):
    sure = model(None, [[0.0, -INF, -INF]] * 3)
    decoder = Decoder(draws, None, 5)
    assert decoders._texts(decoder, sure, [0], 3, iter(range(9)), 9, 1) is None
    banned = Decoder(draws, BANNED, 5)
    assert decoders._texts(banned, model(None), [0], 3, iter(range(9)), 9, 1) is None
    assert decoders._texts(decoder, model(), [0], 1, iter(range(99)), 9, 1)
    run = run_of()
    decoders._law(run, decoder, Recorder(), [sure], [[0]], 2, 9)
    assert "every text is certain" in run.report.not_checked["law"]


def test_a_text_that_is_not_in_the_law_is_not_possible():
    found = broken(
        decoders._place, writes(1, 1), model(), [0], 2, 9, {(0, 0): 0, (2,): 1}
    )
    assert found[:2] == ("possible", "it wrote [1, 1], of probability 0")
    assert found[2] == decoders.example_of(model(), [0], 2, 9)
    assert decoders._place(writes(2), model(), [0], 2, 9, {(0, 0): 0, (2,): 1}) == 1


def test_the_words_for_texts():
    names = decoders._names([(0,), (1, 2), (2,)])
    assert names([1]) == "[1, 2]:"
    assert names([0, 1]) == "[0] or [1, 2]:"
    assert names([0, 1, 2]) == "[0] or [1, 2] or ...:"


@pytest.mark.parametrize(
    ("n", "seconds", "texts"),
    [(1000, 2.0, 200), (100, 2.0, 100), (1000, 0.01, 30), (20, 0.01, 20),
     (1000, 0.305, 30), (1000, 0.315, 31)],
)  # fmt: skip
def test_as_many_texts_as_there_is_time_for(monkeypatch, n, seconds, texts):
    monkeypatch.setattr(decoders, "seconds_each", lambda sample: 0.01)
    assert decoders._affordable(None, n, seconds) == texts


def test_ones_own_cases_are_small_and_at_most_eight(monkeypatch):
    monkeypatch.setattr(decoders, "n_examples", lambda: 100)
    wide, own = TableLM(np.zeros((17, 17))), [model()]
    cases = decoders._own_cases(run_of(), [*own, wide], [[0]], None)
    assert len(cases) == 8
    assert {n for m, _, n in cases if m is wide} <= {1, 2}
    assert {n for m, _, n in cases if m is own[0]} == {1, 2, 3}
    assert any(m is wide for m, _, _ in cases)
    assert decoders._own_cases(run_of(), [wide], [[0]], 3) == []
    border = TableLM(np.zeros((300, 300)))
    assert len(decoders._own_cases(run_of(), [border], [[0]], 1)) == 8
    over = TableLM(np.zeros((301, 301)))
    assert decoders._own_cases(run_of(), [over], [[0]], 1) == []
    tables = {
        m.table.shape for m, _, _ in decoders._own_cases(run_of(), None, [[0]], 1)
    }
    assert tables <= {(3, 3), (3, 3, 3), (3, 3, 3, 3)}
    monkeypatch.setattr(decoders, "n_examples", lambda: 1)
    assert len(decoders._own_cases(run_of(), own, [[0]], 1)) == 6


@pytest.mark.parametrize(
    "own", [{"models": [model()]}, {"prompts": [[1]]}, {"n_new": 2}]
)
def test_the_law_is_compared_on_ones_own_cases(quiet, own):
    seen, run = [], run_of()
    decoder = Decoder(lambda *a: seen.append(a) or draws(*a), None, 5)
    how = {"models": None, "prompts": None, "n_new": None, **own}
    decoders._law(run, decoder, Recorder(), **how, n_draws=3)
    assert quiet[0][1] == 0.9
    assert quiet[0][2] == 8
    if "models" in own:
        assert {a[0] for a in seen} == {*own["models"]}
    if "prompts" in own:
        assert {tuple(a[1]) for a in seen} == {(1,)}
    if "n_new" in own:
        assert {a[2] for a in seen} == {2}


# Seeds in a row.


def test_texts_of_seeds_in_a_row_are_compared_in_pairs(quiet):
    run, court, seen = run_of(2), Recorder(), []
    decoder = Decoder(lambda *a: seen.append(a) or draws(*a), None, 5)
    decoder.times = 3
    decoders._seeds(run, decoder, court, 50)
    assert run.report.checked["independent"] == "14 texts of seeds in a row"
    assert court.allowed == [pytest.approx(1.2)]
    assert quiet == [(50, pytest.approx(0.6))]
    assert {(tuple(a[1]), a[2]) for a in seen} == {((1,), 2)}
    assert [a[3] for a in seen] == [*range(2_500_000, 2_500_000 + len(seen))]
    table = [[0.3, 0.36, 0.34], [0.35, 0.31, 0.34], [0.33, 0.36, 0.31]]
    assert np.allclose(np.exp(seen[0][0].table), table)
    first, second = table[1], np.array(table[1]) @ table
    assert [j[:2] for j in court.judged] == [
        ("independent", "token 0 of a text, and the first of the next"),
        ("independent", "token 1 of a text, and the first of the next"),
    ]
    for judged, before in zip(court.judged, (first, second)):
        assert np.allclose(judged[4], np.outer(before, first).ravel())
        assert judged[5]([7]) == "2 then 1:"
        assert judged[6].startswith("model = TableLM(")


def test_pairs_of_texts_do_not_overlap(quiet):
    """The first of a pair, at either place, and the first token of the next text."""
    texts = [(0, 2), (1, 0), (2, 1), (0, 0), (1, 1), (2, 2)]
    at, court = [], Recorder()

    def f(model, prompt, n_new, seed):
        at.append(len(at))
        return [*prompt, *texts[at[-1] % 6]]

    even = np.full(3, 1 / 3)
    m = decoders._judge_pairs(
        run_of(), Decoder(f, None, 5), court, model(None), (even, even), 7
    )
    assert m == 7
    first, last = (j[2].tolist() for j in court.judged)
    assert len(at) == 16  # two times eight: the pairs of seven, and an even number
    assert first == [3 * 0 + 1, 3 * 2 + 0, 3 * 1 + 2, 3 * 0 + 1]
    assert last == [3 * 1 + 0, 3 * 1 + 2, 3 * 2 + 1, 3 * 1 + 0]
    at.clear()
    assert court.judged[0][3](3).tolist() == [1, 6, 5]
    assert len(at) == 8  # pairs of six: two more texts
    at.clear()
    assert court.judged[1][3](2).tolist() == [7, 3]
    assert len(at) == 6


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (BANNED, "there is no law of two tokens"),
        (GenerationConfig(do_sample=False), "there is nothing to choose"),
        (GenerationConfig(do_sample=True, top_k=1), "there is nothing to choose"),
        (GenerationConfig(do_sample=True, temperature=0.0093), "nothing to choose"),
        (GenerationConfig(do_sample=True, temperature=0.0105), None),
        (GenerationConfig(do_sample=True, top_k=2), None),
    ],
)
def test_seeds_are_compared_where_there_is_something_to_choose(quiet, config, words):
    run = run_of()
    decoder = Decoder(lambda m, p, *_: [*p, 1, 1], config, 5)
    decoders._seeds(run, decoder, Recorder(), 5)
    if words:
        assert words in run.report.not_checked["independent"]
    else:
        assert "independent" in run.report.checked


# The whole check.


def spied(monkeypatch):
    """What the parts of the check are given."""
    seen = {}
    for name in (
        "_paths",
        "_several_eos",
        "_full_context",
        "_longer",
        "_law",
        "_seeds",
    ):
        monkeypatch.setattr(
            decoders, name, lambda *args, name=name: seen.update({name: args})
        )
    return seen


def test_the_parts_get_what_the_check_is_given(monkeypatch):
    seen = spied(monkeypatch)
    config = GenerationConfig(do_sample=True)
    report = check_decoder(draws, config=config, seed=9, skip="law", also="longer run")
    assert {*seen} == {"_paths", "_several_eos", "_full_context", "_longer", "_law",
                       "_seeds"}  # fmt: skip
    run, decoder = seen["_paths"][:2]
    assert (report.seed, run.seed, report) == (9, 9, run.report)
    assert run.has("longer run")
    assert not run.has("law")
    assert (decoder.f, decoder.config, decoder.seconds) == (draws, config, 30)
    assert seen["_law"][3:] == (None, None, None, 1000)
    assert seen["_seeds"][-1] == 1000
    assert seen["_paths"][2:] == (None, None, None)
    assert seen["_longer"][2:] == (None, None)


@pytest.mark.parametrize(
    ("how", "n_draws", "times"),
    [({}, 1000, 1), ({"thorough": True}, 8000, 8), ({"n_draws": 20}, 20, 1),
     ({"n_draws": 1500}, 1500, 1.5), ({"n_draws": 30, "thorough": True}, 30, 1)],
)  # fmt: skip
def test_so_many_texts_and_so_much_time(monkeypatch, how, n_draws, times):
    seen = spied(monkeypatch)
    check_decoder(draws, **how)
    assert seen["_law"][-1] == n_draws
    assert seen["_law"][1].times == times
    assert seen["_law"][0].seed == 0
    assert Decoder(draws, None, 5).times == 1


@pytest.mark.parametrize(
    ("own", "parts"),
    [
        ({"models": [1]}, {"_paths", "_longer", "_law"}),
        ({"prompts": [1]}, {"_paths", "_longer", "_law", "_several_eos",
                            "_full_context"}),
        ({"n_new": 3}, {"_paths", "_longer", "_law", "_several_eos", "_full_context"}),
    ],
)  # fmt: skip
def test_cases_of_ones_own_leave_parts_out(monkeypatch, own, parts):
    seen = spied(monkeypatch)
    report = check_decoder(draws, **own)
    assert {*seen} == parts
    why = "models, prompts or lengths of your own"
    assert report.not_checked["independent"] == why
    how = {"models": None, "prompts": None, "n_new": None, **own}
    assert seen["_law"][3:6] == tuple(how.values())
    assert seen["_paths"][2:] == tuple(how.values())
    assert seen["_longer"][2:] == tuple(how.values())[:2]
    skipped = check_decoder(draws, **own, skip=["independent"])
    assert skipped.not_checked["independent"] == "skip"


def test_a_failure_names_the_property_the_seed_and_the_cause():
    def crashes(*args):
        raise KeyError("in the middle")

    with pytest.raises(AssertionError, match="^'no crash': it comes back") as error:
        check_decoder(crashes, seed=5, models=[model()])
    assert isinstance(error.value.__cause__, KeyError)
    assert "seed=5" in str(error.value)
    with pytest.raises(AssertionError, match="^'ends': a text ends at an end token"):
        check_decoder(lambda m, p, n, s: draws(m, p, n + 1, s), models=[model()])
