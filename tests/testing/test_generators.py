"""The next number of a generator is chosen to its last bit."""

import numpy as np
import pytest

from numpygpt.testing import at
from numpygpt.testing.generators import _undo, n_words

STEP = 2.0**-53


def tempered(x):
    """What the Mersenne Twister makes of a word of its state before it is put out."""
    x ^= x >> 11
    x ^= (x << 7) & 0x9D2C5680
    x ^= (x << 15) & 0xEFC60000
    return x ^ (x >> 18)


def test_the_tempering_is_undone():
    words = np.random.default_rng(0).integers(0, 2**32, 500).tolist()
    for word in [*words, *(1 << i for i in range(32)), 0, 2**32 - 1]:
        assert _undo(tempered(word)) == word


@pytest.mark.parametrize(
    "i", [0, 1, 2**26 - 1, 2**26, 2**27 + 1, 2**52, 2**53 - 2, 0x15555555555555]
)
def test_every_bit_of_a_number(i):
    assert at(i * STEP).random() == i * STEP


def test_a_number_between_two_steps_is_the_lower_and_1_is_the_largest():
    assert at(0.1).random() == 0.1 // STEP * STEP
    assert at(1.0).random() == at(1 - STEP).random() == 1 - STEP
    assert at(1).random() == 1 - STEP


def test_what_comes_behind_is_of_the_seed():
    """And the same for every number."""

    def behind(uniform, *seed):
        return at(uniform, *seed).random(5)[1:].tolist()

    assert behind(0.25) == behind(0.75) == behind(0.25, 0)
    assert behind(0.25, 1) != behind(0.25)


def test_the_words_that_were_used_are_counted():
    rng = at(0.5)
    assert n_words(rng) == 0
    rng.random()
    assert n_words(rng) == 2
    rng.random(3)
    assert n_words(rng) == 8
