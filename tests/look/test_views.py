"""What is worth knowing of a run, by hand: from patterns and rows made up for it."""

from types import SimpleNamespace

import numpy as np
import pytest

from numpygpt import Tokenizer
from numpygpt.look import views
from numpygpt.look.beams import tree
from numpygpt.look.steps import Link, Step

TOKENIZER = Tokenizer([("h", "e")])
A, B, C, D = (TOKENIZER.encode(letter)[0] for letter in "abcd")


class Run:
    """Two layers with two heads each, over four tokens."""

    ids = [A, B, C, D]
    model = SimpleNamespace(config=SimpleNamespace(n_layer=2, n_head=2))
    patterns = np.array([
        [[[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.5, 0.25, 0], [0.1, 0.2, 0.3, 0.4]],
         [[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]]],
        [[[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
         [[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.1, 0, 0.9, 0], [0, 0.6, 0.15, 0.25]]],
    ])  # fmt: skip

    def __getitem__(self, name):
        what, layer = name
        assert what == "pattern"
        return self.patterns[layer]


def test_one_head():
    view = views.attention(Run(), TOKENIZER, 1, 1)
    assert view == {
        "tokens": ["a", "b", "c", "d"], "n_layer": 2, "layer": 1, "head": 1,
        "pattern": Run.patterns[1, 1].tolist(),
    }  # fmt: skip
    assert views.attention(Run(), TOKENIZER, 0, 0)["head"] == 0
    for head in -1, 2:
        with pytest.raises(ValueError, match=f"head must be from 0 to 1, not {head}"):
            views.attention(Run(), TOKENIZER, 0, head)
    with pytest.raises(ValueError, match="layer"):
        views.attention(Run(), TOKENIZER, 2, 0)


def test_the_strongest_looks():
    """Not to itself, not to the first token; habits over all tokens but the first."""
    view = views.strongest(Run(), TOKENIZER)
    assert (view["tokens"], view["n_layer"]) == (["a", "b", "c", "d"], 2)
    assert view["heads"][0] == {
        "layer": 1, "head": 1, "from": 3, "to": 1, "weight": 0.6,
        "previous": pytest.approx((0.5 + 0 + 0.15) / 3),
        "itself": pytest.approx((0.5 + 0.9 + 0.25) / 3),
        "first": pytest.approx((0.5 + 0.1 + 0) / 3),
    }  # fmt: skip
    assert view["heads"][1] == {
        "layer": 0, "head": 0, "from": 2, "to": 1, "weight": 0.5,
        "previous": pytest.approx((0.5 + 0.5 + 0.3) / 3),
        "itself": pytest.approx((0.5 + 0.25 + 0.4) / 3),
        "first": pytest.approx((0.5 + 0.25 + 0.1) / 3),
    }  # fmt: skip
    rest = [(h["layer"], h["head"], h["weight"]) for h in view["heads"][2:]]
    assert rest == [(0, 1, 0), (1, 0, 0)]
    one = views.strongest(Run(), TOKENIZER, layer=0)["heads"]
    assert [(h["layer"], h["head"]) for h in one] == [(0, 0), (0, 1)]


def test_a_lone_token_has_no_habits():
    run = Run()
    run.ids, run.patterns = [A], np.ones((2, 2, 1, 1))
    head = views.strongest(run, TOKENIZER)["heads"][0]
    assert (head["previous"], head["itself"], head["first"]) == (0.0, 0.0, 0.0)


def test_what_a_token_looks_at():
    view = views.looks(Run(), TOKENIZER, -1)
    assert (view["at"], view["n_layer"], view["tokens"]) == (3, 2, ["a", "b", "c", "d"])
    assert view["heads"] == [
        {"layer": 1, "head": 1, "looks": [[1, 0.6], [2, 0.15]], "itself": 0.25,
         "first": 0.0},
        {"layer": 0, "head": 0, "looks": [[2, 0.3], [1, 0.2]], "itself": 0.4,
         "first": 0.1},
        {"layer": 0, "head": 1, "looks": [[1, 0], [2, 0]], "itself": 0.0, "first": 1.0},
        {"layer": 1, "head": 0, "looks": [[1, 0], [2, 0]], "itself": 1.0, "first": 0.0},
    ]  # fmt: skip
    [first, second] = views.looks(Run(), TOKENIZER, 3, layer=1, n=1)["heads"]
    assert first["looks"] == [[1, 0.6]] and second["looks"] == [[1, 0.0]]
    assert all(h["looks"] == [] for h in views.looks(Run(), TOKENIZER, 1)["heads"])


def test_three_looks_and_five_tokens_unless_more_are_asked_for():
    pattern = np.array([[0.01, 0.02, 0.3, 0.05, 0.4, 0.22]] * 6)
    run = Many(A, pattern)
    looks = views.looks(run, TOKENIZER, 5)["heads"][0]["looks"]
    assert looks == [[4, 0.4], [2, 0.3], [3, 0.05]]
    assert len(views.looks(run, TOKENIZER, 5, n=9)["heads"][0]["looks"]) == 4
    p = [0.3, 0.25, 0.2, 0.15, 0.06, 0.04]
    lens = SimpleNamespace(ids=[A], lens=rows_of(p, p)[:, None])
    [first, _] = views.lens(lens, TOKENIZER)["layers"]
    assert [text for text, _ in first["top"]] == [*'!"#$%']
    step = Step([A], np.array(p), [], np.array(p), 0, "")
    [view] = views.steps([step], TOKENIZER)
    assert len(view["offered"]) == len(view["drawn_from"]) == 5


class Many(dict):
    """A run of one layer and one head."""

    model = SimpleNamespace(config=SimpleNamespace(n_layer=1, n_head=1))

    def __init__(self, token, pattern):
        super().__init__({("pattern", 0): pattern[None]})
        self.ids = [token] * len(pattern)


@pytest.mark.parametrize(("at", "right"), [(0, 0), (3, 3), (-1, 3), (-4, 0)])
def test_places_count_from_both_ends(at, right):
    assert views.check_at(at, 4) == right


@pytest.mark.parametrize("at", [4, -5])
def test_places_that_are_none(at):
    with pytest.raises(ValueError, match=f"at must be from -4 to 3, not {at}"):
        views.check_at(at, 4)


def rows_of(*best):
    """Logits with ln p of these probabilities at the first ids, nothing elsewhere."""
    rows = np.full((len(best), TOKENIZER.n_vocab), -np.inf)
    for row, p in zip(rows, best):
        row[: len(p)] = np.log(p)
    return rows


def test_what_each_layer_would_say():
    run = SimpleNamespace(ids=[A, B], lens=np.stack([
        rows_of([0.5, 0.25, 0.25], [0.1, 0.9], [0.3, 0.7], [0.25, 0.75]),
        rows_of([0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]),
    ], axis=1))  # fmt: skip
    view = views.lens(run, TOKENIZER, 0, n=2)
    layers = view.pop("layers")
    assert view == {"tokens": ["a", "b"], "at": 0, "settled": 1, "answer": '"'}
    assert [x["after"] for x in layers] == [
        "the embedding",
        "block 0",
        "block 1",
        "block 2",
    ]
    assert [x["rank"] for x in layers] == [2, 1, 1, 1]
    assert [x["p"] for x in layers] == pytest.approx([0.25, 0.9, 0.7, 0.75])
    assert layers[0]["top"] == [["!", pytest.approx(0.5)], ['"', pytest.approx(0.25)]]
    assert layers[1]["top"] == [['"', pytest.approx(0.9)], ["!", pytest.approx(0.1)]]
    view = views.lens(run, TOKENIZER)
    assert (view["at"], view["settled"], view["answer"]) == (1, 0, "!")
    late = SimpleNamespace(
        ids=[A], lens=rows_of([0.9, 0.1], [0.2, 0.8], [0.9, 0.1])[:, None]
    )
    assert views.lens(late, TOKENIZER)["settled"] == 2


def test_the_likeliest_of_what_is_possible():
    p = np.array([0.25, 0.0, 0.5, 0.25])
    assert views.top(p, TOKENIZER, 3) == [["#", 0.5], ["!", 0.25], ["$", 0.25]]
    assert views.top(p, TOKENIZER, 9) == views.top(p, TOKENIZER, 3)
    assert views.top(p, TOKENIZER, 1) == [["#", 0.5]]


def test_a_step():
    before = np.array([0.5, 0.2, 0.2, 0.1])
    links = [
        Link("top_k 2", before, np.array([0, 1]), np.array([2, 3]), 0.3, 0.86),
        Link(
            "temperature 1", before, np.array([0, 1, 2, 3]), np.array([], int), 0, 1.7
        ),
    ]
    step = Step([A, B], before, links, np.array([0.75, 0.25, 0, 0]), 1, "refused")
    [view] = views.steps([step], TOKENIZER, n=2)
    assert view == {
        "step": 1, "context": ["a", "b"], "offered": [["!", 0.5], ['"', 0.2]],
        "links": [
            {"name": "top_k 2", "left": 2, "removed": 2, "mass": 0.3, "bits": 0.86,
             "last_kept": ['"', 0.2], "best_removed": ["#", 0.2]},
            {"name": "temperature 1", "left": 4, "removed": 0, "mass": 0, "bits": 1.7},
        ],
        "drawn_from": [["!", 0.75], ['"', 0.25]], "token": '"', "id": 1, "p": 0.25,
        "offered_p": 0.2, "rank": 2, "draft": "refused",
    }  # fmt: skip
    assert [s["step"] for s in views.steps([step, step], TOKENIZER)] == [1, 2]


# (parent among the beams of the step before, token, score, fate)
NOTES = [
    [(0, A, -1.0, "kept"), (0, B, -2.0, "kept"), (0, C, -3.0, "dropped")],
    [(0, A, -1.5, "kept"), (0, B, -1.75, "kept"), (1, C, -2.5, "dropped"),
     (1, D, -2.75, "dropped")],
    [(0, D, -2.0, "finished"), (1, A, -1.9, "kept"), (0, B, -9.0, "dropped")],
    [(0, B, -3.0, "finished"), (0, C, -4.0, "dropped")],
]  # fmt: skip


def test_the_tree_of_a_beam_search():
    first, second, third = tree(NOTES)
    assert [(n.token, n.place, n.fate) for n in (first, second, third)] == [
        (A, 1, "kept"), (B, 2, "kept"), (C, 0, "dropped"),
    ]  # fmt: skip
    worst = "step 2: its best continuation scored -2.50, the worst kept -1.75"
    assert second.died == worst
    assert (first.is_alive(), second.is_alive(), third.is_alive()) == (
        True,
        False,
        False,
    )
    one, two = first.children
    assert (one.step, one.score, one.place, two.place) == (2, -1.5, 1, 2)
    assert one.died == two.died == ""
    [end, dropped] = one.children
    assert (end.fate, end.is_alive(), dropped.is_alive()) == ("finished", True, False)
    [last] = two.children
    assert [n.fate for n in last.children] == ["finished", "dropped"]
    view = views.beams(NOTES, TOKENIZER)
    assert view[1] == {
        "text": "b", "score": -2.0, "step": 1, "place": 2, "fate": "kept",
        "died": worst, "alive": False, "children": [
            {"text": "c", "score": -2.5, "step": 2, "place": 0, "fate": "dropped",
             "died": "", "alive": False, "children": []},
            {"text": "d", "score": -2.75, "step": 2, "place": 0, "fate": "dropped",
             "died": "", "alive": False, "children": []},
        ],
    }  # fmt: skip


def test_why_a_beam_died_at_the_end():
    notes = [
        [(0, A, -1.0, "kept"), (0, B, -2.0, "kept"), (0, C, -1.25, "finished")],
        [(0, A, -3.0, "dropped"), (0, B, -2.0, "finished")],
    ]
    _, second, third = tree(notes)
    assert second.died == (
        "step 2: the search was over; its best continuation scored less than -3.00, "
        "the worst finished -2.00"
    )
    assert (third.died, third.is_alive()) == ("", True)
    [only] = tree([[(0, A, -1.0, "kept")], [(0, B, -2.0, "dropped")]])
    assert (
        only.died == "step 2: the search was over; its best continuation scored -2.00"
    )
    assert not only.is_alive()


def test_a_beam_lives_as_long_as_what_came_of_it():
    first, second = tree([
        [(0, A, -1.0, "kept"), (0, B, -2.0, "kept")],
        [(0, A, -1.5, "kept"), (1, C, -2.5, "kept")],
        [(0, D, -2.0, "kept"), (0, B, -2.25, "finished"), (1, C, -9.0, "dropped")],
    ])  # fmt: skip
    assert first.is_alive() and not second.is_alive()
    assert second.died == "" and second.children[0].died == (
        "step 3: its best continuation scored -9.00, the worst kept -2.00"
    )
