"""The parts of `check_beams`, one by one, on a table whose scores are known by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from numpygpt import GenerationConfig
from numpygpt.testing import TableLM, beams, check_beams
from numpygpt.testing.beams import Search, texts_of
from numpygpt.testing.properties import Run
from numpygpt.testing.report import Broken

INF = np.inf
# Behind any token: 0 has a half, 1 a quarter, 2 (the end) a quarter.
HALVES = np.log([[0.5, 0.25, 0.25]] * 3)
LOG2 = np.log(2)
NEVER_1 = np.array([[0, -INF, 0]] * 3)


def search_of(out, n_new=2, width=9, eos=2, table=HALVES, prompt=(0,), **config):
    """A search that returns ``out``; 9 beams are all that there can be."""
    model = TableLM(table, eos_token_id=eos)
    ends = {} if eos is None else {"eos_token_id": eos}
    settings = GenerationConfig(**ends, **config)
    f = out if callable(out) else lambda *args: out
    return Search(f, settings, model, list(prompt), n_new, width, 5)


def wrongs(*texts, **how):
    """The properties that are broken if these texts come, in this order."""
    return [*search_of([[0, *t] for t in texts], **how).wrongs()]


# Best first: 00 and 2 have two bits over 2 and over 1 token; 01 and 02 three over 2.
SCORES = {(0, 0): -1.0, (0, 1): -1.5, (0, 2): -1.5, (1, 0): -1.5, (2,): -2.0,
          (1, 1): -2.0, (1, 2): -2.0}  # fmt: skip


@pytest.mark.parametrize("text", SCORES)
def test_a_score_is_the_mean_of_log_p_by_default(text):
    search, bits = search_of([]), SCORES[text] * len(text)
    assert search.sum(text) == pytest.approx(bits * LOG2)
    assert search.score(text) == pytest.approx(SCORES[text] * LOG2)


@pytest.mark.parametrize(("penalty", "score"), [(0.0, -3), (2.0, -0.75), (-1.0, -6)])
def test_a_score_with_a_length_penalty(penalty, score):
    search = search_of([], length_penalty=penalty)
    assert search.score((0, 1)) == pytest.approx(score * LOG2)
    assert search.score(()) == 0


def test_every_text_that_is_possible():
    assert {*search_of([]).all_texts()} == {*SCORES}
    assert search_of([]).n_texts() == 7
    assert search_of([], width=3).n_texts() == 4  # more than three, and no matter how
    assert search_of([], n_new=1).n_texts() == 3
    assert search_of([], eos=None).n_texts() == 9
    assert [*search_of([], table=NEVER_1).all_texts()] == [(0, 0), (0, 2), (2,)]


def test_rules_count_for_what_is_possible():
    search = search_of([], bad_words_ids=[[1]])
    assert {*search.all_texts()} == {(0, 0), (0, 2), (2,)}


def test_the_best_beginnings_again_and_again():
    table = np.log([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.4, 0.35, 0.25]])
    one = {"eos": None, "table": table, "n_new": 2}
    assert search_of([], width=1, **one).plain_search() == [(0, 0)]
    assert search_of([], width=2, **one).plain_search() == [(0, 0), (1, 2)]
    best = search_of([], width=3, **one).plain_search()
    assert best[:2] == [(0, 0), (1, 2)]
    assert best[2] == (0, 1)
    sure = search_of([], width=3, eos=None, table=NEVER_1)
    assert len(sure.plain_search()) == 3
    assert all(1 not in text for text in sure.plain_search())
    wide = search_of([], width=5, eos=None, table=NEVER_1)
    assert len(wide.plain_search()) == 4  # there are no more


RIGHT = ((0, 0), (0, 1), (0, 2), (1, 0), (2,), (1, 1), (1, 2))
BROKEN = [
    # texts behind the prompt [0], the broken properties, words
    (RIGHT, [], ""),
    (((0, 0),), [], ""),
    (((0, 0), (1, 0), (0, 2)), [], ""),
    ((), ["best texts"], "it returns none"),
    (((0, 0), (2, 2)), ["best texts"], "number 2 is [2] with the score -1.3863; "),
    (((0, 1),), ["best texts"], "it should be [0, 0] with -0.6931"),
    (((0, 1), (0, 0)), ["sorted", "best texts", "best texts"],
     "[0, 1]: -1.0397, [0, 0]: -0.6931"),
    (((0, 0), (0,)), ["ends"], "it returns the text [0]"),
    (((0, 0), (2, 0, 1)), ["ends", "best texts"], "it returns the text [2, 0, 1]"),
]  # fmt: skip


@pytest.mark.parametrize(("texts", "names", "words"), BROKEN)
def test_what_is_wrong_with_the_texts(texts, names, words):
    found = wrongs(*texts)
    if names == ["ends"]:  # its score, of one token, may be anywhere
        found = [f for f in found if f[0] == "ends"]
    assert [name for name, _ in found] == names
    assert any(words in wrong for _, wrong in found) or not names


def test_an_impossible_text():
    found = dict(wrongs((0, 0), (1, 0), table=NEVER_1))
    assert found["possible"] == "it returns [1, 0], of probability 0"
    assert "possible" not in dict(wrongs((0, 0), table=NEVER_1))


def test_a_text_may_come_twice_where_there_are_too_few():
    twice = (0, 0), (0, 2), (2,), (2,)
    assert "distinct" not in dict(wrongs(*twice, table=NEVER_1))
    assert "distinct" in dict(wrongs(*twice, table=NEVER_1, width=3))
    found = wrongs((0, 0), (0, 0), width=7)
    assert [name for name, _ in found] == ["distinct", "distinct", "best texts"]
    assert found[0][1] == "it returns [0, 0] 2 times"
    assert "distinct" not in dict(wrongs((0, 0), (0, 0), width=8))


def test_a_narrow_search_with_end_tokens_is_not_compared():
    assert wrongs((1, 0), width=2) == []
    assert [n for n, _ in wrongs((1, 0), width=3)] == ["best texts"]
    assert [n for n, _ in wrongs((1, 0), width=2, eos=None)] == ["best texts"]
    assert wrongs((0, 0), width=2, eos=None) == []
    assert wrongs((1, 0, 0), n_new=3, width=8) == []  # nine are all
    assert [n for n, _ in wrongs((1, 0, 0), n_new=3, width=9)] == ["best texts"]


@pytest.mark.parametrize(
    ("off", "names"),
    [(0.9e-4, []), (-0.9e-4, []), (1.8e-4, ["score"]), (-1.8e-4, ["score"])],
)
def test_scores_to_four_digits(off, names):
    """So much is allowed: 1e-4, and 1e-4 of the score, which is -0.69."""
    found = [*search_of([([0, 0, 0], -LOG2 + off)]).wrongs()]
    assert [name for name, _ in found] == names
    if names:
        assert found[0][1] == f"[0, 0] has -0.69315, and not {-LOG2 + off:.5f}"


@pytest.mark.parametrize(("off", "n"), [(0.9e-4, 0), (1.1e-4, 1)])
def test_texts_that_are_nearly_as_good_may_change_places(off, n):
    table = np.array([[0, off, -9.0]] * 3)
    found = wrongs((0,), (1,), table=table, n_new=1, width=3)
    assert [name for name, _ in found] == ["sorted", *["best texts"] * 2] * n


UNPADDED = [
    # text, pad_token_id, what is left; 2 is the end token
    ((0, 2, 2, 2), None, (0, 2)),
    ((2, 0, 0), None, (2,)),
    ((2, 1, 1), 1, (2,)),
    ((2, 1, 1), None, (2, 1, 1)),
    ((2, 1, 0), 1, (2, 1, 0)),
    ((0, 1, 0), 1, (0, 1, 0)),
    ((0, 2), 1, (0, 2)),
]


@pytest.mark.parametrize(("text", "pad", "left"), UNPADDED)
def test_padding_behind_the_end_is_taken_off(text, pad, left):
    assert search_of([], pad_token_id=pad).unpadded(text) == left


def test_the_prompt_comes_first_and_stays_as_it_is():
    def spoils(model, prompt, n_new, num_beams):
        prompt.append(1)
        return [[0, 0, 0]]

    found = [*search_of(spoils).wrongs()]
    assert found == [("input untouched", "the prompt is now [0, 1]")]
    found = dict(search_of([[1, 0, 0]]).wrongs())
    assert found["prompt first"] == "it returns [1, 0, 0]"


def test_a_search_gets_what_the_example_says():
    seen = []
    search = search_of(lambda *a: seen.append(a) or [[1, 0, 0, 0]], prompt=[1, 0])
    assert [*search.wrongs()] == []
    assert seen == [(search.model, [1, 0], 2, 9)]
    assert search.example.startswith("model = TableLM(")
    assert search.example.endswith("\nprompt, n_new, num_beams = [1, 0], 2, 9")
    with pytest.raises(Broken) as error:
        [*search_of(lambda *a: 1 / 0).wrongs()]
    assert error.value.name == "no crash"


ROWS = [[0, 1], [0, 2]]
OUT = SimpleNamespace(sequences=ROWS, sequences_scores=np.array([-1.0, -2.0]))
SHAPES = [
    # what a search returns, the texts, their scores
    (ROWS, ROWS, None),
    (np.array(ROWS), ROWS, None),
    ((ROWS[0], ROWS[1]), ROWS, None),
    ([0, 1], [[0, 1]], None),
    (np.array([0, 1]), [[0, 1]], None),
    ([], [], None),
    ([(ROWS[0], -1.0), (ROWS[1], -2.0)], ROWS, [-1.0, -2.0]),
    ((ROWS, [-1.0, -2.0]), ROWS, [-1.0, -2.0]),
    (([0, 1], -1.5), [[0, 1]], [-1.5]),
    ([(0, 1), (0, 2)], ROWS, None),
    (([0, 1], [0.5, [1]]), None, None),
    ([(ROWS[0], -1.0), ROWS[1]], None, None),
    ([(ROWS[0], -1.0), (ROWS[1], -2.0, 3)], None, None),
    (OUT, ROWS, [-1.0, -2.0]),
    (SimpleNamespace(sequences=ROWS), ROWS, None),
    (SimpleNamespace(sequences=ROWS, sequences_scores=None), ROWS, None),
]


@pytest.mark.parametrize(("out", "texts", "scores"), SHAPES)
def test_texts_come_in_many_shapes(out, texts, scores):
    if texts is None:
        with pytest.raises(Broken):
            texts_of(out, "the example")
    else:
        assert texts_of(out, "") == (texts, scores)


@pytest.mark.parametrize("out", [None, 3, [None], [(ROWS[0], -1.0), ROWS[1]], "ab"])
def test_what_holds_no_texts_is_named(out):
    with pytest.raises(AssertionError, match="^'no crash'") as error:
        check_beams(lambda *args: out)
    words = str(error.value)
    assert f"it returns {out!r}"[:30] in words or "no ids" in words


def cases_of(seed=0, n=100, **how):
    own = {"models": None, "prompts": None, "n_new": None, **how}
    return [*beams._cases(Run("beams", (), (), seed), *own.values())]


def test_the_cases_of_a_seed(monkeypatch):
    monkeypatch.setattr(beams, "n_examples", lambda: 100)
    cases = cases_of()
    assert len(cases) == 60
    assert [n for *_, n, _ in cases] == [1] * 15 + [2] * 15 + [3] * 15 + [4] * 15
    assert [len(p) for _, p, _, _ in cases] == [1, 2, 3] * 20
    assert {t for _, p, _, _ in cases for t in p} == {0, 1, 2}
    assert [m.table.ndim for m, *_ in cases] == [2, 3] * 30
    ends = [m.generation_config.eos_token_ids for m, *_ in cases]
    assert ends == [(2,), (2,), (), ()] * 15
    widths = [w for *_, w in cases]
    assert {*widths[::3]} == {1, 2, 3}
    whole = [(w, 3 ** (n - 1)) for *_, n, w in cases]
    assert all(a == b for i, (a, b) in enumerate(whole) if i % 3)
    assert 0.3 < min(m.table.std() for m, *_ in cases[1::2]) < 0.6
    assert 1.2 < max(m.table.std() for m, *_ in cases[1::2]) < 1.9
    assert all(np.array_equal(m.table, m.table.round(3)) for m, *_ in cases)
    assert abs(np.mean([m.table.mean() for m, *_ in cases])) < 0.2
    other = cases_of(1)
    assert not np.array_equal(other[0][0].table, cases[0][0].table)
    monkeypatch.setattr(beams, "n_examples", lambda: 4)
    assert [n for *_, n, _ in cases_of()] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]


def test_cases_of_ones_own(monkeypatch):
    monkeypatch.setattr(beams, "n_examples", lambda: 4)
    two, ten = TableLM(np.zeros((2, 2))), TableLM(np.zeros((10, 10)))
    cases = cases_of(models=[two], prompts=[(1, 0), [1]], n_new=3)
    assert {m for m, *_ in cases} == {two}
    assert [p for _, p, _, _ in cases] == [[1, 0], [1]] * 6
    assert [w for *_, w in cases][1:3] == [4, 4]
    wide = cases_of(models=[ten], n_new=[3, 4])  # 1000 beams are too many
    assert [n for *_, n, _ in wide] == [3] * 6 + [4] * 2
    border = TableLM(np.zeros((300, 300)))
    assert max(w for *_, w in cases_of(models=[border], n_new=2)) == 300
    over = TableLM(np.zeros((301, 301)))
    assert max(w for *_, w in cases_of(models=[over], n_new=2)) <= 3


def test_ten_models_and_ten_prompts_of_a_strategy(monkeypatch):
    asked, two = [], TableLM(np.zeros((2, 2)))

    def examples(of, n):
        asked.append((of, n))
        return [two] if of == "models" else [[1]]

    monkeypatch.setattr(beams, "examples_of", examples)
    cases_of(models="models", prompts="prompts")
    assert asked == [("models", 10), ("prompts", 10)]


def right(model, prompt, n_new, num_beams):
    how = {"num_beams": num_beams, "num_return_sequences": num_beams}
    return model.generate(prompt, max_new_tokens=n_new, **how)


def test_the_report_counts_searches_within_their_time(monkeypatch):
    asked = []
    monkeypatch.setattr(
        beams, "paced", lambda cases, s: asked.append(s) or [*cases][:5]
    )
    report = check_beams(right, seed=3, skip="score")
    assert asked == [4]
    assert {*report.checked.values()} == {"in 5 searches"}
    assert report.seed == 3
    assert "score" not in report.checked
    monkeypatch.setattr(beams, "n_examples", lambda: 2)
    report = check_beams(right, models=[TableLM(HALVES)], prompts=[[1]], n_new=2)
    assert report.checked["sorted"] == "in 6 searches"
    assert asked == [4]


def test_the_config_counts():
    config = GenerationConfig(length_penalty=0.0, eos_token_id=1)
    with pytest.raises(AssertionError):
        check_beams(right, config=config)

    def own(model, prompt, n_new, num_beams):
        how = {"length_penalty": 0.0, "eos_token_id": 1, "num_beams": num_beams}
        return model.generate(prompt, max_new_tokens=n_new, **how)

    one = {"models": [TableLM(HALVES)], "n_new": 2}
    check_beams(own, config=config, **one)


def test_a_failure_has_its_cause_and_an_example():
    def crashes(*args):
        raise KeyError("in the middle")

    with pytest.raises(AssertionError, match="^'no crash'") as error:
        check_beams(crashes, seed=4)
    assert isinstance(error.value.__cause__, KeyError)
    assert "seed=4" in str(error.value)
    one = {"models": [TableLM(HALVES)], "prompts": [[1]], "n_new": 1}
    with pytest.raises(AssertionError, match="'best texts'") as error:
        check_beams(lambda *a: [[1, 1]], **one)
    assert "prompt, n_new, num_beams = [1], 1, " in str(error.value)
    check_beams(lambda *a: [[1, 1]], **one, skip=["best texts"])
