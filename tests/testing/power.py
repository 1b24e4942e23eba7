"""The power of check_sampler, measured: how many runs find a sampler that is right
but for a share of its draws.

    python tests/testing/power.py [RUNS]     # 10 by default, a third when thorough

The table of numpygpt/testing/README.md. 10 runs take some five minutes of one core.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import bank_samplers as bank

from numpygpt.testing import check_sampler


class Again:
    """The token before, now and then; its seed is remembered with it."""

    def __init__(self, share):
        self.share, self.last = share, 0

    def __call__(self, z, rng):
        token = bank.inverse_cdf(z, rng)
        if rng.random() < self.share and self.last < len(z) and z[self.last] > -np.inf:
            token = self.last
        self.last = token
        return token


FAULTS = {
    "the best token": lambda share: bank.mixed(share, bank.best),
    "any token alike": lambda share: bank.mixed(share, bank.any_left),
    "the second best": lambda share: bank.mixed(share, bank.second),
    "the least likely": lambda share: bank.mixed(share, bank.least),
    "squared probabilities": lambda share: bank.mixed(share, bank.squared),
    "the token before": Again,
}


def found(make, share, seeds, **how):
    n = 0
    for seed in seeds:
        try:
            check_sampler(make(share), seed=seed, skip=["same seed"], **how)
        except AssertionError:
            n += 1
    return n


def main(runs=10):
    columns = [(False, 0.05), (False, 0.02), (True, 0.02)]
    heads = [f"{s:.0%}{', thorough' * t}" for t, s in columns]
    print("| in place of a draw | " + " | ".join(heads) + " |")
    print("|---|" + "---|" * len(columns))
    for name, make in FAULTS.items():
        cells = [
            f"{found(make, share, range(n), thorough=thorough)} of {n}"
            for thorough, share in columns
            for n in (max(2, runs // 3) if thorough else runs,)
        ]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
