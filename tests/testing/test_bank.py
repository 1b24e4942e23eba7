"""A bank of faults and of right functions: every fault is caught by the check that its
author would call first, nothing right is refused.

The whole bank takes minutes and is marked as a reference test; a part of it, some
that take little time, always runs. What the README says was measured so:

    NUMPYGPT_SEEDS=20 python -m pytest -m reference tests/testing/test_bank.py
"""

import os

import bank_decoders
import bank_filters
import bank_samplers
import pytest

from numpygpt.testing import check_beams, check_decoder, check_filter, check_sampler

SEEDS = range(int(os.environ.get("NUMPYGPT_SEEDS", 1)))
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.usefixtures("patient"),
]


def check(kind, name, f, how, seed):
    f = f() if isinstance(f, type) or name in bank_samplers.FACTORIES else f
    if kind == "filter":
        return check_filter(f, seed=seed, **how)
    if kind == "sampler":
        return check_sampler(f, seed=seed, **how)
    if kind == "decoder":
        limit = 1 if "hangs" in name else 20
        thorough = name in bank_decoders.THOROUGH
        return check_decoder(
            f, config=how, seed=seed, time_limit=limit, thorough=thorough
        )
    return check_beams(f, config=how, seed=seed)


FAULTS = {
    "filter": bank_filters.FAULTS,
    "sampler": bank_samplers.FAULTS,
    "decoder": bank_decoders.FAULTS,
    "beams": bank_decoders.FAULTY_BEAMS,
}
RIGHT = {
    "filter": bank_filters.RIGHT,
    "sampler": bank_samplers.RIGHT,
    "decoder": bank_decoders.RIGHT,
    "beams": bank_decoders.RIGHT_BEAMS,
}


def entries(bank, start=0, step=1):
    found = [
        (kind, name, *entry) for kind, part in bank.items()
        for name, entry in part.items()
    ]  # fmt: skip
    return pytest.mark.parametrize(
        ("kind", "name", "f", "how"), found[start::step],
        ids=[f"{kind}: {name}" for kind, name, *_ in found[start::step]],
    )  # fmt: skip


@entries(FAULTS, start=10, step=16)
def test_a_part_of_the_faults(kind, name, f, how):
    with pytest.raises(AssertionError, match=r"^'\w"):
        check(kind, name, f, how, seed=0)


@entries(RIGHT, start=3, step=24)
def test_a_part_of_what_is_right(kind, name, f, how):
    check(kind, name, f, how, seed=0)


@pytest.mark.reference
@entries(FAULTS)
def test_every_fault_is_caught(kind, name, f, how):
    for seed in SEEDS:
        with pytest.raises(AssertionError, match=r"^'\w"):
            check(kind, name, f, how, seed)


@pytest.mark.reference
@entries(RIGHT)
def test_nothing_right_is_refused(kind, name, f, how):
    for seed in SEEDS:
        check(kind, name, f, how, seed)


def test_the_bank_is_large():
    assert sum(map(len, FAULTS.values())) >= 250
    assert sum(map(len, RIGHT.values())) >= 100
