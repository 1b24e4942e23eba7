"""The strategies have every kind of row."""

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from numpygpt import GenerationConfig
from numpygpt.decoding import distribution
from numpygpt.testing import (
    TableLM,
    bad_logits,
    check_filter,
    configs,
    contexts,
    logits,
    tiny_models,
)
from numpygpt.testing.search import examples_of
from numpygpt.testing.strategies import ELEMENTS, SETTINGS


@pytest.mark.parametrize(
    "wanted",
    [
        lambda z: len(z) > 1 and (z == z[0]).all(),
        lambda z: np.isneginf(z).any(),
        lambda z: np.abs(z).max() == 1e4,
        lambda z: len(z) > 4 and np.isfinite(z).sum() == 1,
        lambda z: z.dtype == np.float32,
        lambda z: z.dtype == np.float64,
        lambda z: len(z) == 1,
        lambda z: len(set(z)) > 4,
    ],
)
def test_the_strategy_has_every_kind_of_row(wanted):
    assert wanted(find(logits(), wanted))


@given(logits(7))
def test_rows_have_something_to_choose_from(z):
    assert z.shape == (7,)
    assert np.isfinite(z.max())


@given(bad_logits())
def test_bad_rows_have_nothing(z):
    assert not np.isfinite(z.max())


@given(contexts(4, 9), configs(top_k=2), tiny_models(4, n_back=2, eos_token_id=1))
def test_the_other_strategies(context, config, model):
    assert len(context) <= 9
    assert set(context) <= set(range(4))
    assert config.do_sample
    assert config.top_k == 2
    assert isinstance(model, TableLM)
    assert model.table.shape == (4, 4, 4)
    assert model.generation_config.eos_token_ids == (1,)


@given(logits(3))
def test_a_check_works_within_given(row):
    check_filter(lambda z: z, rows=[row])


@given(contexts(4))
@settings(max_examples=5)  # a check draws examples of its own
def test_a_strategy_within_given(context):
    check_filter(lambda z, c: z, rows=logits(4), context=[[*context, 0]])


def test_every_setting_is_drawn_away_from_its_default():
    """Under the name of a field, and with values that the field may have."""
    default = GenerationConfig(do_sample=True)
    for name, values in SETTINGS.items():
        other = getattr(default, name)
        value = find(values, lambda v, other=other: v not in (None, other))
        assert getattr(GenerationConfig(do_sample=True, **{name: value}), name) == value


def test_up_to_four_settings_at_once():
    default = GenerationConfig()

    def n_set(config):
        return sum(getattr(config, n) != getattr(default, n) for n in SETTINGS)

    assert n_set(find(configs(), lambda c: n_set(c) == 4)) == 4
    find(configs(), lambda c: n_set(c) == 0)


@given(configs())
def test_no_more_than_four_settings(config):
    default = GenerationConfig()
    changed = [n for n in SETTINGS if getattr(config, n) != getattr(default, n)]
    assert len(changed) <= 4


@given(configs(dry_multiplier=1.0, chain="llama.cpp"), contexts(3))
def test_every_config_works_without_a_tokenizer(config, context):
    assert distribution([0.0, 1.0, 2.0], context, config).sum() > 0


VALUES = {
    "temperature": {0.5, 0.9, 1, 2}, "dynatemp_range": {0, 0.4}, "top_k": {*range(7)},
    "top_p": {0, 0.3, 0.9, 1}, "min_p": {0, 0.1, 1}, "typical_p": {0, 0.5, 1},
    "epsilon_cutoff": {0, 0.05, 1}, "eta_cutoff": {0, 0.05, 1},
    "top_n_sigma": {None, 0, 1}, "top_h": {None, 0, 0.5},
    "xtc_probability": {0, 0.5, 1}, "repetition_penalty": {0.5, 1, 1.3},
    "frequency_penalty": {-0.5, 0, 0.5}, "presence_penalty": {-0.5, 0, 0.5},
    "dry_multiplier": {0, 1}, "renormalize_logits": {False, True},
    "chain": {"hf", "llama.cpp"},
}  # fmt: skip


def test_the_values_of_every_setting():
    """Nothing at all, everything, and something in between."""
    drawn = examples_of(st.fixed_dictionaries(SETTINGS), 150)
    assert {n: {example[n] for example in drawn} for n in SETTINGS} == VALUES


def test_the_values_of_every_kind_of_row():
    drawn = {kind: {*examples_of(values, 100)} for kind, values in ELEMENTS.items()}
    assert drawn["ties"] == {-1, 0, 2}
    assert drawn["removed"] == {-np.inf, 0.5, 1, 3}
    assert drawn["extremes"] == {-1e4, -100, 0, 100, 1e4}
    assert drawn["lone"] == {-np.inf}
    ordinary = np.array([*drawn["ordinary"]])
    assert len(ordinary) > 50 and -8 <= ordinary.min() < -2 and 2 < ordinary.max() <= 8
    assert (ordinary * 256 % 1 == 0).all() and (ordinary * 256 % 2 == 1).any()


def test_rows_of_one_to_twelve_logits():
    rows = examples_of(logits(), 100)
    assert {len(row) for row in rows} <= {*range(1, 13)}
    for n in (1, 2, 12):
        assert len(find(logits(), lambda row, n=n: len(row) == n)) == n
    assert {row.dtype for row in rows} == {np.dtype("f4"), np.dtype("f8")}
    single = examples_of(logits(2, dtypes=(np.float32,)), 20)
    assert {(len(row), row.dtype) for row in single} == {(2, np.dtype("f4"))}


def test_the_token_that_is_left_may_be_any():
    rows = examples_of(logits(3, ("lone",)), 60)
    assert {tuple(np.flatnonzero(np.isfinite(row))) for row in rows} == {
        (0,),
        (1,),
        (2,),
    }
    values = {*np.concatenate(rows).tolist()} - {-np.inf}
    assert len(values) > 5 and all(value * 256 % 1 == 0 for value in values)


def test_only_a_row_without_a_token_is_given_one():
    rows = examples_of(logits(5, ("removed",)), 60)
    several = [row for row in rows if np.isfinite(row).sum() > 1]
    assert any(np.isneginf(row).any() for row in several)
    assert {*np.concatenate(several).tolist()} == {-np.inf, 0.5, 1, 3}


def test_the_kinds_of_bad_rows():
    """NaN or +inf at any place, or -inf everywhere."""
    rows = examples_of(bad_logits(2), 80)
    assert {len(row) for row in rows} == {2}
    for is_bad in (np.isnan, np.isposinf):
        places = {tuple(np.flatnonzero(is_bad(row))) for row in rows}
        assert places == {(), (0,), (1,)}
    assert any(np.isneginf(row).all() for row in rows)
    assert {len(row) for row in examples_of(bad_logits(), 40)} > {1, 2}


def test_contexts_of_few_ids_and_of_all():
    texts = examples_of(contexts(1000), 200)
    assert max(map(len, texts)) == 12 and [] in texts
    few = [text for text in texts if len(text) > 5 and max(text) < 10]
    assert {i for text in few for i in text} == {0, 1, 2}
    assert max(max(text, default=0) for text in texts) > 500
    assert {i for text in examples_of(contexts(3), 60) for i in text} == {0, 1, 2}
    assert {i for text in examples_of(contexts(2), 60) for i in text} == {0, 1}
    assert {i for text in examples_of(contexts(1), 60) for i in text} == {0}
    assert max(map(len, examples_of(contexts(5, 3), 60))) == 3


def test_breakers_of_dry_are_texts_for_a_tokenizer():
    """So a config of llama.cpp's chain has none, unless they are given."""

    def breakers(**fixed):
        [config] = examples_of(configs(**fixed), 1)
        return config.dry_sequence_breakers

    default = GenerationConfig().dry_sequence_breakers
    assert default is None
    assert list(breakers(chain="llama.cpp", dry_multiplier=1.0)) == []
    assert breakers(chain="llama.cpp", dry_multiplier=0.0) == default
    assert breakers(chain="hf", dry_multiplier=1.0) == default
    own = breakers(chain="llama.cpp", dry_multiplier=1.0, dry_sequence_breakers=["a"])
    assert list(own) == ["a"]


def test_the_models_are_tables_without_gaps():
    models = examples_of(tiny_models(), 60)
    for model in models:
        assert model.table.shape == (3, 3) and model.table.dtype == np.float64
        assert np.abs(model.table).max() <= 8
        assert model.generation_config.eos_token_ids == ()
    assert any(len(np.unique(model.table)) > 3 for model in models)
    assert any({*model.table.ravel().tolist()} == {-1, 0, 2} for model in models)


@pytest.mark.filterwarnings("error")
def test_an_error_of_a_strategy_is_not_swallowed():
    """Or a check would pass after no rows at all."""
    crashes = st.integers(1, 3).map(lambda n: np.zeros(n)[5])
    with pytest.raises(IndexError, match="index 5 is out of bounds"):
        check_filter(lambda z: z, rows=crashes)
    with pytest.raises(Unsatisfiable):
        examples_of(st.integers().filter(lambda i: False))
