"""Which properties count in a run, and what the report says of the others."""

import importlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpygpt.testing import PROPERTIES
from numpygpt.testing.properties import Run, n_examples

OF = {
    "filter": "no crash, input untouched, shape, precision, finite, something left, "
    "never revived, same again, kept logits, best kept, permutation, shift, "
    "rows apart, law, dtype, broken rows",
    "sampler": "no crash, input untouched, law, token, possible, same seed, edges, "
    "independent, even, broken rows",
    "decoder": "no crash, input untouched, law, possible, same seed, independent, "
    "prompt first, ends, several eos, full context, longer run",
    "beams": "no crash, input untouched, possible, prompt first, ends, best texts, "
    "sorted, distinct, score",
}


@pytest.mark.parametrize("check", OF)
def test_the_properties_of_a_check(check):
    names = OF[check].split(", ")
    assert [n for n, p in PROPERTIES.items() if check in p.checks] == names
    run = Run(check, (), (), 5)
    asked_for = {"dtype", "broken rows", "longer run"} & {*names}
    assert run.names == {*names} - asked_for
    assert run.report.not_checked == dict.fromkeys(asked_for, "not asked for: also=")
    assert (run.seed, run.report.seed, run.report.check) == (5, 5, f"check_{check}")


@pytest.mark.parametrize("one", [str, lambda name: [name], lambda name: (name,)])
def test_names_come_alone_or_in_a_list(one):
    run = Run("filter", one("shape"), one("dtype"), 0)
    assert run.has("dtype")
    assert not run.has("shape")
    assert run.report.not_checked["shape"] == "skip"
    assert "dtype" not in run.report.not_checked
    both = Run("filter", one("dtype"), one("dtype"), 0)
    assert both.report.not_checked["dtype"] == "skip"


@pytest.mark.parametrize("name", ["edges", "law "])
def test_a_name_of_another_check_is_unknown(name):
    with pytest.raises(ValueError, match=f"^skip: a filter has no property '{name}'; "):
        Run("filter", name, (), 0)
    with pytest.raises(ValueError, match="^also: .* it has no crash, input untouched,"):
        Run("filter", (), [name], 0)


def test_what_is_passed_and_what_is_passed_over():
    run = Run("beams", (), (), 0)
    run.passed("sorted")
    run.passed("score", "on 3 texts")
    run.pass_over("ends", "it has none")
    assert run.report.checked == {"sorted": "1 time", "score": "on 3 texts"}
    assert run.report.not_checked == {"ends": "it has none"}
    assert not run.has("ends")
    assert run.has("sorted")


TEXTS = {
    "no crash": "without an exception", "input untouched": "not written to",
    "shape": "as many logits", "precision": "half precision",
    "finite": "becomes NaN or +inf", "something left": "at least one token",
    "never revived": "stays removed", "same again": "same logits",
    "kept logits": "keeps its logit", "best kept": "no removed token is likelier",
    "permutation": "permuting the vocabulary", "shift": "adding a constant",
    "rows apart": "what each gives alone", "law": "those of the law",
    "token": "the id of a token", "possible": "only what has a probability",
    "same seed": "the same seed", "edges": "extreme random numbers",
    "independent": "does not depend on others", "even": "no more even than chance",
    "prompt first": "begins with the prompt", "ends": "after n_new tokens",
    "several eos": "each of several end tokens", "full context": "context is full",
    "best texts": "the best of all", "sorted": "best text comes first",
    "distinct": "no text comes twice", "score": "that of its text",
    "dtype": "keep their dtype", "broken rows": "are a ValueError",
    "longer run": "begins as a shorter one",
}  # fmt: skip


def test_what_holds_is_said_in_a_few_words():
    assert {*TEXTS} == {*PROPERTIES}
    for name, words in TEXTS.items():
        assert words in PROPERTIES[name].text


def test_the_examples_of_a_given_around_count():
    found = []

    @settings(max_examples=17, database=None)
    @given(st.integers())
    def test(_):
        found.append(n_examples())

    test()
    assert {*found} == {17}


MODULES = (
    "batches", "beams", "decoders", "filters", "intervals", "properties", "samplers",
    "scores", "search",
)  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_pytest_shows_no_lines_of_the_checks(name):
    module = importlib.import_module(f"numpygpt.testing.{name}")
    assert module.__tracebackhide__ is True
