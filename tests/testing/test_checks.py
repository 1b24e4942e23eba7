"""What the checks say: names, examples, reports, errors. What they find is in
test_bank.py."""

import functools
import re
import signal
import traceback
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import numpygpt.testing
from numpygpt import GenerationConfig
from numpygpt import decoding as d
from numpygpt.decoding import distribution
from numpygpt.decoding.sampling import sample_token
from numpygpt.testing import (
    PROPERTIES,
    Report,
    TableLM,
    at,
    check_beams,
    check_decoder,
    check_filter,
    check_sampler,
    contexts,
    list_filter,
    list_sampler,
    logits,
    maze,
)
from numpygpt.testing.compare import decided, difference
from numpygpt.testing.generators import n_words
from numpygpt.testing.rows import contexts_to_try, hard_rows, rows_to_draw_from

INF = np.inf


def top_2(z):
    return np.where(z >= np.sort(z)[-min(2, len(z))], z, -INF)


def right(z, rng):
    return sample_token(distribution(z), rng)


def decoder(model, prompt, n_new, seed, **settings):
    how = {"do_sample": True, **settings}
    return model.generate(prompt, max_new_tokens=n_new, seed=seed, **how)


def beams(model, prompt, n_new, num_beams):
    return model.generate(prompt, max_new_tokens=n_new, num_beams=num_beams)


def message(check, *args, **kwargs):
    with pytest.raises(AssertionError) as error:
        check(*args, **kwargs)
    return str(error.value)


CALLS = {
    "filter": lambda **how: check_filter(top_2, **how),
    "sampler": lambda **how: check_sampler(right, n_draws=50, **how),
    "decoder": lambda **how: check_decoder(decoder, n_draws=20, **how),
    "beams": lambda **how: check_beams(beams, **how),
}


@pytest.mark.parametrize("check", CALLS)
def test_the_report_names_every_property(check):
    report = CALLS[check]()
    assert isinstance(report, Report)
    named = {*report.checked, *report.not_checked}
    assert named == {n for n, p in PROPERTIES.items() if check in p.checks}
    assert str(report).startswith(f"check_{check}: nothing found (seed=0)\n")
    for name in named:
        assert name in str(report)


@pytest.mark.parametrize("check", CALLS)
def test_a_skipped_property_stands_in_the_report(check):
    name = next(n for n, p in PROPERTIES.items() if p.checks == (check,))
    report = CALLS[check](skip=[name])
    assert report.not_checked[name] == "skip"
    assert name not in report.checked


@pytest.mark.parametrize("check", CALLS)
@pytest.mark.parametrize("argument", ["skip", "also"])
def test_an_unknown_name_is_an_error(check, argument):
    with pytest.raises(
        ValueError, match=f"{argument}: a {check} has no property 'foo'"
    ):
        CALLS[check](**{argument: ["foo"]})


def test_wrong_kinds_and_ties_are_named():
    with pytest.raises(ValueError, match="any, truncation, upper set, not 'foo'"):
        check_filter(top_2, "foo")
    with pytest.raises(ValueError, match='ties must be "any" or "exact"'):
        check_sampler(right, ties="some")


@pytest.mark.parametrize(
    "check", [check_filter, functools.partial(check_sampler, right)]
)
def test_a_law_that_is_none_is_an_error_before_any_draw(check):
    def law(z):
        return np.exp(z - z.max())

    with pytest.raises(ValueError, match="law must return the probabilities of all"):
        check(law=law) if isinstance(check, functools.partial) else check(
            top_2, law=law
        )


def test_a_failure_shows_code_to_paste():
    text = message(check_filter, lambda z: np.where(z > 0, z, -INF), "truncation")
    name, _, example = text.split("\n")[:3]
    assert name == "'something left': at least one token survives"
    scope = {"np": np}
    exec(example.strip(), scope)  # row = np.array(...)
    assert not (scope["row"] > 0).any()
    assert "seed=0" in text
    assert "skip=['something left']" in text


def test_the_dtype_stands_beside_the_example():
    def breaks_in_float32(z):
        return np.full_like(z, -INF) if z.dtype == np.float32 else z

    assert "row = np.array([0.0], np.float32)" in message(
        check_filter, breaks_in_float32
    )


def test_an_example_is_small():
    def many(z):
        return np.where(z >= np.sort(z)[-min(len(z), 4)], z, -INF)

    law = GenerationConfig(do_sample=True, top_k=3)
    text = message(check_filter, many, law=lambda z: distribution(z, (), law))
    row = re.search(r"row = np.array\((\[.*\])\)", text)[1]
    assert len(eval(row)) == 4


def test_an_example_of_a_rule_is_small():
    def rule(z, context):
        return z - (len(context) > 2)  # once per text and not per token

    law = GenerationConfig(do_sample=True, presence_penalty=1.0)
    text = message(
        check_filter, rule, context=True, law=lambda z, c: distribution(z, c, law)
    )
    assert len(eval(re.search(r"context = (\[.*\])", text)[1])) == 1


def test_a_crash_keeps_the_traceback():
    def crashes(z):
        raise IndexError("in the middle")

    with pytest.raises(AssertionError, match="IndexError: in the middle") as error:
        check_filter(crashes)
    frames = traceback.extract_tb(error.value.__cause__.__traceback__)
    assert frames[-1].name == "crashes"


def test_pytest_shows_the_line_of_the_user(pytester_lines):
    assert "check_filter(lambda z: z * 0)" in pytester_lines
    assert "filters.py" not in pytester_lines
    assert "numpygpt/testing" not in pytester_lines


@pytest.fixture
def pytester_lines(tmp_path):
    import subprocess
    import sys

    path = tmp_path / "test_mine.py"
    path.write_text(
        "from numpygpt.testing import check_filter\n\n\n"
        "def test_mine():\n    check_filter(lambda z: z * 0)\n"
    )
    root = Path(numpygpt.__file__).parents[1]
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "pytest", "-q", "-c", "/dev/null", path],
        capture_output=True, text=True, cwd=root, env={"PYTHONPATH": str(root)},
    )  # fmt: skip
    return run.stdout


def test_a_function_that_hangs_is_stopped():
    def hangs(*args):
        while True:
            try:
                pass
            except Exception:
                pass

    how = {"time_limit": 0.1}
    for check in (check_filter, check_sampler, check_decoder, check_beams):
        assert "it has not come back after 0.1 seconds" in message(check, hangs, **how)


def test_a_function_that_comes_back_leaves_no_alarm_behind():
    """Nor the handler of one: half a minute later it would end the user's program."""
    before = signal.getsignal(signal.SIGALRM)
    check_filter(lambda z: z, kind=None, skip=("law",), rows=[np.arange(3.0)])
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_a_filter_that_leaves_nothing_is_refused_for_that_alone():
    def nothing(z):
        return np.full_like(z, -INF)

    assert "'something left'" in message(check_filter, nothing)
    check_filter(nothing, skip=["something left", "finite"])


def test_the_seed_makes_it_again():
    def seldom(z):
        return z * 0 if 3.1 < z.sum() < 3.3 else z

    seeds = [s for s in range(5) if fails(seldom, s)]
    assert 0 < len(seeds)
    assert [s for s in range(5) if fails(seldom, s)] == seeds


def fails(f, seed):
    try:
        check_filter(f, "truncation", seed=seed)
    except AssertionError:
        return True
    return False


def count_calls():
    counted = []
    check_filter(lambda z: counted.append(1) or z, "truncation")
    return len(counted)


@settings(max_examples=2)
@given(st.integers(0, 5))
def test_fewer_examples_are_fewer_rows(k):
    assert count_calls() < 400
    check_sampler(right, n_draws=10)


def test_rows_and_contexts_of_ones_own():
    seen = []
    check_filter(lambda z: seen.append(len(z)) or z, "any", rows=[np.zeros(3)])
    assert set(seen) - {1, 3, 4, 5, 6, 7, 8, 12, 20, 40, 70, 120, 1500, 50257} == set()
    check_filter(lambda z: seen.append(z) or z, rows=logits(4), skip=["rows apart"])
    texts = []
    check_filter(lambda z, c: texts.append(c) or z, context=contexts(5))
    assert len({tuple(c) for c in texts}) > 4  # of ten, some are drawn twice


def test_broken_rows_are_asked_for():
    check_filter(top_2)
    text = message(check_filter, top_2, broken_rows=True)
    assert text.startswith("'broken rows'")
    check_filter(lambda z: d.top_k(z, 2), "upper set", broken_rows=True)
    assert "'broken rows'" in message(
        check_sampler, lambda z, rng: int(np.argmax(z + rng.gumbel(size=len(z)))),
        n_draws=100, broken_rows=True,
    )  # fmt: skip
    check_sampler(right, n_draws=50, broken_rows=True)


def test_the_dtype_is_asked_for():
    def double(z):
        return top_2(z).astype(np.float64)

    check_filter(double, "upper set")
    assert "'dtype'" in message(check_filter, double, "upper set", also=["dtype"])


def test_batches_where_they_are_spoken_of():
    def one_row(z):
        return np.where(z >= z.max() - 1, z, -INF)

    def rows(z):
        return np.where(z >= z.max(axis=-1, keepdims=True) - 1, z, -INF)

    def mixes(z):
        low = np.exp(z - z.max(axis=-1, keepdims=True))
        return np.where(low >= 0.3 * low.sum(axis=-1).min(), z, -INF)

    assert "rows apart" in check_filter(one_row, "upper set").not_checked
    assert "rows apart" in check_filter(rows, "upper set").checked
    assert "'rows apart'" in message(check_filter, one_row, "upper set", batch=True)
    assert "rows apart" in check_filter(rows, batch=False).not_checked
    assert "'rows apart'" in message(check_filter, mixes)


def test_ties():
    z = np.array([1.0, 0.0, 0.0, 0.0, -1.0])
    config = GenerationConfig(do_sample=True, top_k=2)

    def law(z):
        return distribution(z, (), config)

    def p(*kept):
        weights = np.where(np.isin(range(5), kept), np.exp(z), 0)
        return weights / weights.sum()

    for kept in ((0, 1), (0, 3), (0, 1, 2), (0, 1, 2, 3)):
        assert difference(p(*kept), law(z), z, law) is None
    for kept in ((0,), (1, 2), (0, 1, 2, 3, 4), (0, 4)):
        assert difference(p(*kept), law(z), z, law)
    assert difference(p(0, 1), law(z), z, law, "exact")
    assert difference(p(0, 1, 2, 3), law(z), z, law, "exact") is None
    assert not decided(z, law)
    assert decided(np.array([1.0, 0.5, 0.0]), law)


@pytest.mark.parametrize(("off", "right"), [(1e-7, True), (1e-5, False)])
def test_a_border_that_float32_cannot_decide(off, right):
    config = GenerationConfig(do_sample=True, top_p=0.9)

    def law(z):
        return distribution(z, (), config)

    z = np.log([0.6, 0.3 + off, 0.07, 0.03 - off])
    more = np.exp(z) * [1, 1, 1, 0]
    assert (difference(more / more.sum(), law(z), z, law) is None) == right


def test_every_kind_of_hard_row():
    rows = [row for _, row in hard_rows()]
    sizes = {len(row) for row in rows}
    assert {1, 2, 20, 1500, 50257} <= sizes
    assert {row.dtype for row in rows} == {np.dtype("float32"), np.dtype("float64")}
    for k in (1, 2, 5, 10, 50):  # ties at the border of a top-k
        assert any(
            len(row) > k and np.sort(row)[-k] == np.sort(row)[-k - 1] for row in rows
        )
    assert any(np.isfinite(row).sum() == 1 < len(row) for row in rows)
    assert any(np.abs(row[np.isfinite(row)]).max() == 1e4 for row in rows)
    for low in (np.float16, "bfloat16"):
        assert any(merged(row, low) for row in rows)
    assert all(np.isfinite(row.max()) for row in rows)
    for _, row in rows_to_draw_from():
        assert len(np.unique(row[row > -INF])) == (row > -INF).sum()


def merged(row, low):
    row = row[np.isfinite(row)].astype(np.float32)
    with np.errstate(over="ignore"):
        if low == "bfloat16":
            other = (row.view(np.uint32) & 0xFFFF0000).view(np.float32)
        else:
            other = row.astype(low)
    return len(np.unique(other)) < len(np.unique(row))


def test_contexts_of_every_kind():
    texts = [*contexts_to_try(5)]
    assert all(0 <= i < 5 for text in texts for i in text)
    assert any(len(text) == 1 for text in texts)
    assert any(len(text) > 20 for text in texts)
    assert any(len(set(text)) == 5 for text in texts)


@pytest.mark.parametrize("uniform", [0.0, 2.0**-53, 0.25, 0.75, 1 - 2.0**-53])
def test_a_generator_at_a_number(uniform):
    for draw in (
        lambda rng: rng.random(),
        lambda rng: rng.uniform(),
        lambda rng: rng.random(3)[0],
    ):
        assert draw(at(uniform)) == uniform
    rng = at(uniform)
    assert rng.random() == uniform
    assert n_words(rng) == 2
    assert len({rng.random() for _ in range(1000)}) == 1000


def test_a_sampler_that_takes_several_numbers_is_not_judged_at_the_edges():
    report = check_sampler(
        lambda z, rng: int(np.argmax(z + rng.gumbel(size=len(z)))), n_draws=50
    )
    assert "edges" in report.not_checked
    assert "edges" in check_sampler(right, n_draws=50).checked


def test_the_report_has_the_statistics_and_the_power():
    report = check_sampler(right)
    assert len(report.statistics) > 20
    assert all(0 <= s.p <= 1 and s.n_draws for s in report.statistics)
    assert set(report.power) == {
        "the likeliest token in place of a draw", "any possible token alike",
        "the least likely in place of a draw",
    }  # fmt: skip
    assert all(0 < share < 0.05 for share in report.power.values())
    assert "a false alarm at most once in 2,000,000 runs" in str(report)


def test_a_longer_run_is_asked_for():
    config = GenerationConfig(do_sample=True, forced_eos_token_id=2)

    def forced(*args):
        return decoder(*args, forced_eos_token_id=2)

    check_decoder(forced, config=config, n_draws=20)
    text = message(
        check_decoder, forced, config=config, n_draws=20, also=["longer run"]
    )
    assert text.startswith("'longer run'")


def test_models_and_prompts_of_ones_own():
    table = np.log([[0.5, 0.3, 0.2]] * 3)
    seen = []

    def noted(model, prompt, n_new, seed):
        seen.append((prompt, n_new))
        return decoder(model, prompt, n_new, seed)

    how = {"models": [TableLM(table)], "prompts": [[0], [2, 1]], "n_new": 2}
    report = check_decoder(noted, n_draws=50, **how)
    assert {tuple(p) for p, _ in seen} == {(0,), (2, 1)}
    assert {n for _, n in seen} == {2}
    assert "several eos" not in report.checked
    check_beams(beams, **how)


def test_an_example_of_a_decoder_can_be_pasted():
    def last(model, prompt, n_new, seed):
        ids = list(prompt)
        for _ in range(n_new):
            ids.append(int(model(ids[-1:])[-1].argmax()))
        return ids

    text = message(check_decoder, last, config=GenerationConfig())
    [model, rest] = re.findall(r"^    (\w.*)$", text, re.MULTILINE)
    scope = {"np": np, "TableLM": TableLM, "maze": maze}
    exec(model, scope)
    exec(rest, scope)
    written = last(scope["model"], scope["prompt"], scope["n_new"], scope["seed"])
    best = scope["model"].generate(scope["prompt"], max_new_tokens=scope["n_new"])
    assert best.tolist() != [written]


def test_the_adapters_of_lists():
    check_filter(list_filter(lambda z: z), "truncation")

    def draw(z, random):
        p = np.exp(np.array(z) - max(z))
        total = np.cumsum(p)
        at = np.searchsorted(total, random() * total[-1], side="right")
        return min(int(at), int(np.flatnonzero(p)[-1]))

    check_sampler(list_sampler(draw), n_draws=200)


def test_the_readme_names_every_property_and_part():
    folder = Path(numpygpt.testing.__file__).parent
    text = (folder / "README.md").read_text()
    for name, entry in PROPERTIES.items():
        assert f"| {name} | {entry.text} |" in text
    for name in numpygpt.testing.__all__:
        assert f"`{name}`" in text or f"{name}(" in text, name
