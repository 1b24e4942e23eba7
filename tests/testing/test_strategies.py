"""The strategies have every kind of row."""

import numpy as np
import pytest
from hypothesis import find, given

from numpygpt.testing import (
    TableLM,
    bad_logits,
    check_filter,
    configs,
    contexts,
    logits,
    tiny_models,
)


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
def test_a_strategy_within_given(context):
    check_filter(lambda z, c: z, rows=logits(4), context=[[*context, 0]])
