"""A bank of faults and of right functions: every fault is caught by the check that its
author would call first, nothing right is refused.

``NUMPYGPT_SEEDS=20 pytest tests/testing/test_bank.py`` runs 20 seeds, as was done for
the table in numpygpt/testing/README.md; by default one of three.
"""

import os

import bank_decoders
import bank_filters
import bank_samplers
import pytest

from numpygpt.testing import check_beams, check_decoder, check_filter, check_sampler

SEEDS = range(int(os.environ.get("NUMPYGPT_SEEDS", 1)))
NEED_TORCH = {"tensors", "torch_multinomial", "torch_draws"}
pytestmark = pytest.mark.filterwarnings("ignore")


def check(kind, name, f, how, seed):
    f = f() if isinstance(f, type) or name in bank_samplers.FACTORIES else f
    if kind == "filter":
        return check_filter(f, seed=seed, **how)
    if kind == "sampler":
        return check_sampler(f, seed=seed, **how)
    if kind == "decoder":
        limit = 1 if "hangs" in name else 20
        return check_decoder(f, config=how, seed=seed, time_limit=limit)
    return check_beams(f, config=how, seed=seed)


def entries(**banks):
    return pytest.mark.parametrize(
        ("kind", "name", "f", "how"),
        [(kind, name, *entry) for kind, bank in banks.items()
         for name, entry in bank.items()],
        ids=lambda part: part if isinstance(part, str) else "",
    )  # fmt: skip


@entries(
    filter=bank_filters.FAULTS,
    sampler=bank_samplers.FAULTS,
    decoder=bank_decoders.FAULTS,
    beams=bank_decoders.FAULTY_BEAMS,
)
@pytest.mark.hypothesis
def test_every_fault_is_caught(kind, name, f, how):
    for seed in SEEDS:
        with pytest.raises(AssertionError, match=r"^'\w"):
            check(kind, name, f, how, seed)


@entries(
    filter=bank_filters.RIGHT,
    sampler=bank_samplers.RIGHT,
    decoder=bank_decoders.RIGHT,
    beams=bank_decoders.RIGHT_BEAMS,
)
@pytest.mark.hypothesis
def test_nothing_right_is_refused(kind, name, f, how):
    for seed in SEEDS:
        check(kind, name, f, how, seed)


def test_the_bank_is_large():
    faults = (bank_filters.FAULTS, bank_samplers.FAULTS, bank_decoders.FAULTS)
    right = (bank_filters.RIGHT, bank_samplers.RIGHT, bank_decoders.RIGHT)
    assert sum(map(len, (*faults, bank_decoders.FAULTY_BEAMS))) >= 250
    assert sum(map(len, (*right, bank_decoders.RIGHT_BEAMS))) >= 100
