"""The parts of `check_filter`, one by one, on rows of which all is known."""

import numpy as np
import pytest

from numpygpt.testing import check_filter, filters
from numpygpt.testing.filters import Subject
from numpygpt.testing.properties import Run
from numpygpt.testing.report import Broken

INF = np.inf


def same(z):
    return z


def softmax(z):
    weights = np.exp(z.astype(float) - z.max())
    return weights / weights.sum()


def subject(f=same, law=None, ties="any", with_context=False):
    return Subject(f, law, ties, with_context, 5)


def run_of(seed=0, skip=(), also=()):
    return Run("filter", skip, also, seed)


def returns(*numbers, dtype=float):
    return lambda z: np.array(numbers, dtype)


def wrong(name, f, row, dtype=float, law=None, ties="any"):
    """What the test of this property says of the row."""
    one, row = subject(f, law, ties), np.array(row, dtype)
    raw = one.raw(row, None)
    return filters.TESTS[name](one, row, None, raw, filters.as_float64(raw))


def sharper(z):
    """Keeps its second token only where the row's sum is above 10."""
    return z if z.sum() > 10 else np.where(z == z.max(), z, -INF)


CASES = [
    # property, filter, row, words of what is wrong (None: nothing is)
    ("shape", same, [0, 1], None),
    ("shape", returns(0, 1, 2), [0, 1], "of [2] it makes [3]"),
    ("dtype", same, [0, 1], None),
    ("dtype", returns(0, 1, dtype="f4"), [0, 1], "of float64 it makes float32"),
    ("precision", returns(0, 1, dtype="f4"), [0, 1], None),
    ("precision", list, [0, 1], None),
    ("precision", returns(0, 1, dtype="f2"), [0, 1], "float64 it makes float16"),
    ("finite", returns(0, -INF), [0, 1], None),
    ("finite", returns(0, np.nan), [0, 1], "np.array([0.0, np.nan])"),
    ("finite", returns(INF, 0), [0, 1], "np.array([np.inf, 0.0])"),
    ("something left", returns(0, -INF), [0, 1], None),
    ("something left", returns(-INF, -INF), [0, 1], "nothing is left"),
    ("something left", returns(-INF), [0, 1], None),
    ("never revived", same, [0, -INF], None),
    ("never revived", returns(0, -70), [0, -INF], None),
    ("never revived", returns(0, -68), [0, -INF], "token 1 has the logit -68 now"),
    ("never revived", returns(0, 0, 0), [-INF, 0, -INF], "token 0 has the logit 0 now"),
    ("never revived", returns(0, 0), [0, -INF], "the probability 0.5"),
    ("kept logits", returns(3, 4, -INF), [0, 1, 2], None),
    ("kept logits", returns(0, 1.00004, -99), [0, 1, 2], "[0.0, 1.00004, -99.0]"),
    ("kept logits", returns(0, 1.00003, -99), [0, 1, 2], None),
    ("kept logits", returns(-INF, 1, -INF), [0, 1, 2], None),
    ("kept logits", returns(0, 5), [0, -INF], None),
    ("kept logits", returns(1, 2), [2, 1], "it returns"),
    ("best kept", returns(-INF, 1), [0, 1], None),
    ("best kept", returns(0, -INF), [0, 1], "the logit 0 is kept and 1 removed"),
    ("best kept", returns(0, -INF), [0, 3e-5], None),
    ("best kept", returns(0, -INF), [0, 4e-5], "is kept and 4e-05 removed"),
    ("best kept", returns(0, -INF), [0, 0], None),
    ("best kept", returns(0, 1, -INF), [0, 1, 0.5], "the logit 0 is kept and 0.5"),
    ("best kept", returns(0, 1, -INF), [0, 1, -INF], None),
    ("permutation", same, [0, 1, 3], None),
    ("permutation", lambda z: z + [5, 0, 0], [0, 1, 3], "and not as it stands, token"),
    ("shift", same, [0, 1, 3], None),
    ("shift", lambda z: z * (1 + (z.max() > 5)), [0, 1, 3], "with 4 added, and not"),
    ("shift", lambda z: z * (1 + (z.max() < -3)), [0, 1, 3], "with -7 added, and not"),
    ("shift", lambda z: z * (1 + (z.max() > 7.5)), [0, 1, 3], None),
    ("shift", lambda z: z * (1 + (z.max() < -4.5)), [0, 1, 3], None),
]


@pytest.mark.parametrize(("name", "f", "row", "words"), CASES)
def test_what_is_wrong_with_one_row(name, f, row, words):
    found = wrong(name, f, row)
    if words is None:
        assert found is None
    else:
        assert words in found


def test_a_list_has_no_dtype():
    assert wrong("dtype", list, [0, 1], "f4") == "of float32 it makes list"
    assert wrong("dtype", list, [0, 1], "f8") == "of float64 it makes list"


def test_where_equal_logits_are_split_the_order_counts():
    first = lambda z: np.where(np.arange(len(z)) == z.argmax(), z, -INF)
    assert wrong("permutation", first, [0, 1, 1]) is None
    assert wrong("permutation", first, [0, 1, 1], ties="exact") is None
    odd = lambda z: z + (np.arange(len(z)) == 0)
    assert wrong("permutation", odd, [0, 1, 1])
    assert wrong("permutation", odd, [0, 1, 1], ties="exact") is None
    assert wrong("permutation", odd, [0, 1, 2], ties="exact")


def test_the_same_row_gives_the_same_again():
    count = iter(range(9))
    found = wrong("same again", lambda z: z + next(count), [0, 1])
    assert found == "it is np.array([0.0, 1.0]), and then np.array([1.0, 2.0])"
    assert wrong("same again", lambda z: z + np.nan, [0, 1]) is None


def test_the_law_is_compared():
    assert wrong("law", same, [0, 1], law=softmax) is None
    assert "token" in wrong("law", lambda z: z * 2, [0, 1], law=softmax)


def test_what_float32_blurs_in_logits():
    assert filters._blur(np.array([0.0, -INF])) == pytest.approx(3e-5)
    eps = 2.0**-23
    assert filters._blur(np.array([-1000.0, 1])) == pytest.approx(3e-5 + 8e3 * eps)


def test_the_lists_of_properties():
    assert filters.BASIC == ("shape", "precision", "finite", "something left")
    assert filters.ALWAYS == (*filters.BASIC, "dtype", "never revived", "same again")
    three = ("kept logits", "permutation", "shift")
    assert filters.KINDS["any"] == ()
    assert filters.KINDS["truncation"] == three
    assert filters.KINDS["upper set"] == ("kept logits", "best kept", *three[1:])


ALWAYS = {*filters.ALWAYS} - {"dtype"}
KEEPS = {"kept logits", "permutation", "shift"}


@pytest.mark.parametrize(
    ("kind", "how", "names"),
    [
        (None, {}, ALWAYS | KEEPS),
        ("any", {}, ALWAYS | KEEPS),
        ("truncation", {}, ALWAYS | KEEPS),
        ("upper set", {}, ALWAYS | KEEPS | {"best kept"}),
        (None, {"f": lambda z: z * 2}, ALWAYS | {"permutation", "shift"}),
        (None, {"f": lambda z: np.abs(z)}, ALWAYS | {"permutation"}),
        (None, {"f": lambda z: z[:1]}, ALWAYS),
        (None, {"law": softmax}, ALWAYS - {"never revived"} | {"law"}),
        ("truncation", {"law": softmax}, ALWAYS - {"never revived"} | KEEPS | {"law"}),
        (None, {"with_context": True}, ALWAYS),
        ("upper set", {"with_context": True}, ALWAYS | {"kept logits", "best kept"}),
    ],
)
def test_what_is_looked_at(kind, how, names):
    run = run_of()
    found = filters._names(run, subject(**how), kind)
    assert len(found) == len({*found})
    assert {*found} == names
    law = {n for n, w in run.report.not_checked.items() if w == "the law says what is "
           "removed"}  # fmt: skip
    assert law == ({"never revived"} if "law" in how else set())
    assert (run.report.not_checked.get("law") == "no law") == ("law" not in how)
    left = {*KEEPS, "best kept"} - names
    assert {n: run.report.not_checked[n] for n in left} == dict.fromkeys(
        left, "not of this kind"
    )


def test_what_is_skipped_is_not_looked_at():
    run = run_of(skip=["shape", "shift", "law"], also=["dtype"])
    found = filters._names(run, subject(law=softmax), "truncation")
    assert {"dtype", "kept logits"} <= {*found}
    assert not {"shape", "shift", "law"} & {*found}
    assert run.report.not_checked["shift"] == "skip"


# One row after the other.


def of(f, row=(0.0, 1.0), names=filters.BASIC, context=None, **how):
    found = filters.wrong_with(
        subject(f, with_context=context is not None, **how), np.array(row), context,
        names,
    )  # fmt: skip
    return found and (found.name, found.wrong)


def none_where_low(z):
    """A law that has no probabilities for some rows."""
    if z[0] < z[1]:
        raise ValueError("not for me")
    return softmax(z)


def test_the_first_property_that_does_not_hold():
    assert of(same) is None
    assert of(returns(1, 2, 3), names=("finite", "shape"))[0] == "shape"
    assert of(returns(np.nan, 2), names=("shape", "same again", "finite")) is None
    assert of(returns(0, -INF), names=("best kept", "kept logits"))[0] == "best kept"
    assert of(returns(0, 3), names=("best kept", "kept logits"))[0] == "kept logits"
    assert of(lambda z: 1 / 0)[0] == "no crash"
    assert of(lambda z: "word")[0] == "shape"
    names = (*filters.BASIC, "law")
    assert of(lambda z: z * 2, (1.0, 2.0), names, law=none_where_low) is None
    assert of(lambda z: z * 2, (2.0, 1.0), names, law=none_where_low)[0] == "law"


def bans(z, context):
    raise ValueError("every token is banned")


def test_a_rule_may_refuse_a_text_where_there_is_no_law():
    assert of(bans, context=[0]) is None
    law = {"law": lambda z, c: softmax(z), "names": (*filters.BASIC, "law")}
    assert of(bans, context=[0], **law)[0] == "no crash"
    assert of(lambda z, c: 1 / 0, context=[0])[0] == "no crash"
    assert of(lambda z: bans(z, 0))[0] == "no crash"
    nothing = lambda z, c: z - INF
    assert of(nothing, context=[0]) is None
    assert of(nothing, context=[0], **law)[0] == "something left"


@pytest.mark.parametrize(
    ("q", "right"),
    [
        ([0.5, 0.5], True), ([0.5005, 0.5004], True), ([0.5005, 0.5006], False),
        ([0.4996, 0.4995], True), ([0.4995, 0.4994], False), ([1, 0], True),
        ([1.1, -0.1], False), ([1.0], False), ([np.nan, 1], False),
    ],
)  # fmt: skip
def test_a_law_is_probabilities_that_sum_to_one(q, right):
    row = np.array([0.0, 1.0])
    if right:
        assert filters.law_of(lambda z: q, row).tolist() == q
        return
    with pytest.raises(ValueError, match="law must return the probabilities of all"):
        filters.law_of(lambda z: q, row)
    with pytest.raises(ValueError, match=r"np.array\(\[0.0, 1.0\]\) it returned"):
        subject(law=lambda z: q).has_law(row, None)


def test_rows_with_a_law_are_counted():
    one = subject(law=none_where_low)
    found = [one.has_law(np.array([x, 0.0]), None) for x in (1.0, -1.0, 2.0)]
    assert found == [True, False, True]
    assert one.n_laws == 2
    with pytest.raises(ValueError, match="on every row"):
        check_filter(same, law=none_where_low, rows=[np.array([-2.0, -1.0])])


def test_a_filter_may_not_write_to_what_it_gets():
    def row(z, c):
        z[0] = 9
        return z

    def text(z, c):
        c.append(1)
        return z

    for f, now in ((row, "[9.0, 1.0]"), (text, "[0.0, 1.0]")):
        name, words = of(f, context=[0])
        assert name == "input untouched"
        assert words == f"the row is now np.array({now})"
    example = filters.example_of(np.array([0.0]), [1, 2])
    assert example == "row = np.array([0.0])\ncontext = [1, 2]"
    assert filters.example_of(np.array([0.0]), None) == "row = np.array([0.0])"


def test_a_reference_may_write_to_what_it_gets():
    def law(z, c):
        c.clear()
        z -= z.max()
        return np.exp(z) / np.exp(z).sum()

    row, context = np.array([1.0, 2.0]), [0, 1]
    subject(law=law, with_context=True).reference(row, context)
    assert (row.tolist(), context) == ([1, 2], [0, 1])


def test_probabilities_need_a_finite_row_of_that_length():
    row = np.array([0.0, 0.0])
    assert subject().p(row, None).tolist() == [0.5, 0.5]
    for f in (returns(0, 1, 2), returns(-INF, -INF), returns(np.nan, 0)):
        with pytest.raises(Broken) as error:
            subject(f).p(row, None)
        assert error.value.name == "finite"
        assert error.value.wrong.startswith("it returns np.array([")
        assert error.value.example == "row = np.array([0.0, 0.0])"


# The search.


def test_rows_are_seen_in_turn_and_the_first_25_again():
    seen, rows = [], [np.array([float(i), 0.5]) for i in range(30)]

    def f(z):
        seen.append(z[0])
        return z

    n, first = filters._search(run_of(), subject(f), ["shape"], rows, None)
    assert n == 30
    assert [row[0] for row, *_ in first] == [*range(25)]
    assert seen == [i for j in range(30) for i in [j] * (2 if j < 25 else 1)]
    seen.clear()
    filters._again(run_of(), subject(f), first)
    assert seen == [*range(25)]
    seen.clear()
    filters._again(run_of(skip=["same again"]), subject(f), first)
    assert seen == []


def test_what_changes_after_other_rows():
    calls = []

    def f(z):
        calls.append(0)
        return z + (len(calls) > 1)

    with pytest.raises(Broken) as error:
        filters._again(
            run_of(), subject(lambda z: z + 1), [(np.zeros(1), None, np.zeros(1))]
        )
    assert error.value.name == "same again"
    assert error.value.wrong == (
        "it was np.array([0.0]), and after other rows np.array([1.0])"
    )
    assert error.value.example == "row = np.array([0.0])"


def test_a_failing_row_is_made_small_but_not_one_that_hangs():
    row = np.array([3.0, 1.0, 2.0, 0.0])
    gone = lambda z: z - INF if 2 in z else z
    names = ["something left"]
    found = filters._smallest(
        subject(gone), row, None, names, Broken("something left", "")
    )
    assert found.example == "row = np.array([2.0])"
    assert found.wrong == "nothing is left"
    hangs = Broken("no crash", "it has not come back after 5 seconds")
    found = filters._smallest(subject(gone), row, None, names, hangs)
    assert found is hangs
    assert found.example == "row = np.array([3.0, 1.0, 2.0, 0.0])"


def test_a_skipped_property_does_not_end_the_search():
    rows = [np.zeros(2), np.ones(2)]
    crash = lambda z: 1 / 0
    n, first = filters._search(
        run_of(skip=["no crash"]), subject(crash), ["shape"], rows, None
    )
    assert (n, first) == (2, [])


def test_the_rows_of_the_bank(monkeypatch):
    asked, many = [], [("k", i) for i in range(120)]
    monkeypatch.setattr(
        filters, "hard_rows", lambda *a: asked.append(a) or many[: 1 + 119 * (a[1] > 0)]
    )
    monkeypatch.setattr(
        filters, "paced", lambda rows, s: asked.append(([*rows], s)) or asked[-1][0]
    )
    for n, step in ((1, 4), (2, 2), (3, 1), (40, 1)):
        monkeypatch.setattr(filters, "n_examples", lambda n=n: n)
        found = [row for row, text in filters._cases(run_of(3), None, None)]
        assert found == [*range(0, 120, step)]
        assert asked[-2:] == [(3, min(25, n)), (found, 3.0)]
    own = [np.zeros(2)]
    assert [*filters._cases(run_of(), own, None)] == [(own[0], None)]
    assert asked[-1] == ([*range(120)], 3.0)
    monkeypatch.setattr(filters, "n_examples", lambda: 2)
    cases = [*filters._cases(run_of(), None, [[0]])]
    assert len(cases) == 20
    assert asked[-1][1] == 3.5
    assert len([*filters._cases(run_of(), own, [[0], (1, 0)])]) == 8


def test_the_texts_fit_into_the_vocabulary(monkeypatch):
    monkeypatch.setattr(filters, "n_examples", lambda: 3)
    cases = [*filters._with_contexts(run_of(), None, True)]
    assert [len(row) for row, _ in cases] == [
        n for n in (3, 6, 12, 40) for _ in range(16 * 5)
    ]
    assert all(max(text) < len(row) for row, text in cases)
    cases = [*filters._with_contexts(run_of(), None, [[7], (2,)])]
    assert [len(row) for row, _ in cases] == [8] * 20 + [12] * 10 + [40] * 10
    assert [text for _, text in cases[::5]] == [[7], [2]] * 4
    cases = [*filters._with_contexts(run_of(), None, [[]])]
    assert [len(row) for row, _ in cases][::5] == [3, 6, 12, 40]
    again = [*filters._with_contexts(run_of(), None, [[]])]
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(cases, again))
    first = cases[0][0].round(6).tolist()
    expected = np.random.default_rng([0, 5]).normal(0, 2, 3).round(6)
    assert first == expected.tolist()


def test_rows_around_zero():
    rng = np.random.default_rng(4)
    rows = [row for _ in range(40) for row in filters._rows_around_zero(rng, 5)]
    mixed, low, high, gone, ties = (np.array(rows[i::5]) for i in range(5))
    assert np.array_equal(low, -np.abs(mixed) - 0.1)
    assert np.array_equal(high, np.abs(mixed).astype("f4") + 1)
    assert [rows[i].dtype for i in range(5)] == ["f8", "f8", "f4", "f4", "f8"]
    assert (np.isneginf(gone).sum(axis=1) == 1).all()
    assert np.isneginf(gone).any(axis=0).all()
    left = np.isfinite(gone)
    assert np.array_equal(gone[left], mixed.astype("f4")[left])
    assert {*np.unique(ties)} == {-1.5, 0, 1.5}
    assert mixed.std() == pytest.approx(2, abs=0.3)
    assert mixed.mean() == pytest.approx(0, abs=0.4)


# Several rows.


ROW = np.array([0.0, 1.0, 3.0])
GONE = "as row 1 of three, it becomes np.array([-np.inf, -np.inf, -np.inf])"


def of_rows(how):
    """A filter that sees one row right, and of three of them makes ``how(rows)``."""
    return lambda z: z if z.ndim == 1 else how(z)


@pytest.mark.parametrize("strict", [True, None])
@pytest.mark.parametrize(
    ("how", "words"),
    [
        (same, None),
        (lambda z: np.where(np.arange(3)[:, None] == 1, -INF, z), GONE),
        (lambda z: z * [[1], [1], [2]], "as row 2 of three, and not alone, token"),
        (lambda z: z[::-1], "as row 0 of three, and not alone"),
    ],
)  # fmt: skip
def test_several_rows_give_what_each_gives(how, words, strict):
    found = filters._apart(subject(of_rows(how)), ROW, strict)
    assert found is None if words is None else words in found


def test_only_who_is_asked_must_take_several_rows():
    apart = filters._apart
    assert (
        apart(subject(of_rows(lambda z: z[0])), ROW, True) == "of [3, 3] it makes [3]"
    )
    assert apart(subject(of_rows(lambda z: z[0])), ROW, None) is None
    assert apart(subject(of_rows(lambda z: 1 / 0)), ROW, None) is None
    with pytest.raises(Broken):
        apart(subject(of_rows(lambda z: 1 / 0)), ROW, True)


def test_the_three_rows_of_a_stack():
    seen = []
    filters._apart(subject(lambda z: seen.append(z) or z), ROW.astype("f4"), True)
    assert seen[0].tolist() == [[0, 1, 3], [3, 1, 0], [-3, -2.5, -1.5]]
    assert seen[0].dtype == np.float32


@pytest.mark.parametrize(
    ("batch", "f", "how", "asked"),
    [
        (True, same, {}, True),
        (False, lambda z: z - z.max(axis=-1, keepdims=True), {}, False),
        (None, lambda z: z - z.max(axis=-1, keepdims=True), {}, True),
        (None, lambda z: z - z.max(), {}, False),
        (True, same, {"with_context": True}, False),
    ],
)
def test_who_is_asked_for_several_rows(monkeypatch, batch, f, how, asked):
    seen = []
    rows = [("k", np.zeros(150)), ("k", np.zeros(151)), ("k", np.ones(2))]
    monkeypatch.setattr(filters, "hard_rows", lambda *a: seen.append(a) or rows)
    monkeypatch.setattr(filters, "_apart", lambda s, row, b: seen.append((len(row), b)))
    run = run_of(2)
    filters._batch(run, subject(f, **how), batch)
    if asked:
        assert seen == [(2, 5), (150, batch), (2, batch)]
        assert run.report.checked["rows apart"] == "on stacks of three rows"
    else:
        assert seen == []
        assert "batch=True" in run.report.not_checked["rows apart"]
    skipped = run_of(skip=["rows apart"])
    filters._batch(skipped, subject(lambda z: 1 / 0), True)
    assert skipped.report.not_checked["rows apart"] == "skip"


def test_a_stack_that_is_wrong_is_shown(monkeypatch):
    monkeypatch.setattr(filters, "hard_rows", lambda *a: [("k", ROW)])
    with pytest.raises(Broken) as error:
        filters._batch(run_of(), subject(of_rows(lambda z: z[::-1])), True)
    assert error.value.name == "rows apart"
    assert error.value.example == "row = np.array([0.0, 1.0, 3.0])"


# The whole check.


def test_the_report_counts_rows():
    rows = [ROW, ROW + 1]
    report = check_filter(same, "truncation", rows=rows, seed=4)
    words = {n: w for n, w in report.checked.items() if n != "rows apart"}
    expected = {"no crash", "input untouched", *ALWAYS, *KEEPS}
    assert words == dict.fromkeys(expected, "on 2 rows")
    assert report.seed == 4


@pytest.mark.parametrize("kind", ["word", "TRUNCATION", ""])
def test_a_kind_is_one_of_three(kind):
    with pytest.raises(ValueError, match="kind must be one of any, truncation, upper"):
        filters.check_kind(kind, "any")
    with pytest.raises(ValueError, match='"any" or "exact", not None'):
        check_filter(same, ties=None)
    for right in (None, "any", "truncation", "upper set"):
        for ties in ("any", "exact"):
            filters.check_kind(right, ties)


def test_tensors_become_arrays():
    class Tensor:
        def __init__(self, *done):
            self.done = done

        def __getattr__(self, name):
            return lambda: Tensor(*self.done, name)

        def numpy(self):
            assert self.done == ("detach", "cpu", "double")
            return np.array([1.0])

    assert filters.as_float64(Tensor()).tolist() == [1.0]
    assert filters.as_float64([1, 2]).dtype == np.float64
    with pytest.raises(Broken, match="shape.*'word', which are no logits"):
        filters.as_float64("word")


def test_the_parts_get_what_the_check_is_given(monkeypatch):
    seen = {}

    def spied(run, one, *args, name):
        seen[name] = (run.seed, one.seconds, *args)
        return (1, ["first"])

    for name in ("_search", "_batch", "_again"):
        monkeypatch.setattr(
            filters, name, lambda *args, name=name: spied(*args, name=name)
        )
    check_filter(same)
    assert seen["_search"][:2] == (0, 30)
    assert seen["_search"][3:] == (None, None)
    assert seen["_batch"] == (0, 30, None)
    assert seen["_again"] == (0, 30, ["first"])
    check_filter(same, rows=[ROW], batch=True, seed=3, time_limit=2)
    assert seen["_search"][3:] == ([ROW], None)
    assert seen["_batch"] == (3, 2, True)


def test_a_row_of_nan_is_not_written_to():
    row = np.array([0.0, np.nan])
    assert subject(lambda z: np.zeros(2)).raw(row, None).tolist() == [0, 0]


def test_a_result_that_is_written_over_later_was_right_when_it_came():
    kept = np.zeros(2)

    def f(z):
        kept[:] = z
        return kept

    one = subject(f)
    first = one.raw(np.array([1.0, 2.0]), None)
    one.raw(np.array([3.0, 4.0]), None)
    assert first.tolist() == [1, 2]
