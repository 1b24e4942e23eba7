"""A real ``numpy.random.Generator`` whose next numbers we choose.

Some faults wait for a number that comes once in a million years: a cumulative sum that
ends at 0.9999999 fails only for what lies above. So choose the number. The Mersenne
Twister keeps its next 624 outputs in its state, scrambled by a function that can be
undone; writing there what we want needs no stand-in for the class: ``random``,
``choice``, ``integers`` and all else work.

>>> at(0.25).random(), at(0.0).random(), at(1.0).random() == 1 - 2**-53
(0.25, 0.0, True)
"""

import numpy as np

__tracebackhide__ = True


def at(uniform, seed=0):
    """A generator whose next ``random()`` is ``uniform``, in steps of 2 ** -53 (1 means
    the largest number below 1); what comes behind is random."""
    i = min(int(uniform * 2**53), 2**53 - 1)  # random() is i / 2 ** 53
    bits = np.random.MT19937(seed)
    state = bits.state
    key = state["state"]["key"].copy()
    key[0], key[1] = _undo((i >> 26) << 5), _undo((i & (2**26 - 1)) << 6)
    state["state"] = {"key": key, "pos": 0}
    bits.state = state
    return np.random.Generator(bits)


def n_words(generator):
    """How many 32-bit words of the state have been used: 2 for one ``random()``."""
    return generator.bit_generator.state["state"]["pos"]


def _undo(y):
    """The inverse of the Mersenne Twister's tempering (Matsumoto & Nishimura, 1998)."""
    y ^= y >> 18
    y ^= (y << 15) & 0xEFC60000
    x = y
    for _ in range(5):
        x = y ^ ((x << 7) & 0x9D2C5680)
    y = x & 0xFFFFFFFF
    x = y
    for _ in range(3):
        x = y ^ (x >> 11)
    return x
