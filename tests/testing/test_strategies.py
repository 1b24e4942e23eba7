"""The strategies have every kind of row."""

import numpy as np
import pytest
from hypothesis import find, given, settings

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
from numpygpt.testing.strategies import SETTINGS


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
