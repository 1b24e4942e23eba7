"""How long the filters and the chain take for one row of 50,257 logits, as a table.

    python scripts/filter_speed.py

"sharp" is a row of logits of standard deviation 4, "flat" one of 1; the best of 30
runs, in ms. The chain is everything from raw logits to a token: repetition penalty of
500 tokens, temperature, top_k 50, top_p 0.95, min_p 0.02, the draw.
"""

import argparse
import time

import numpy as np

from numpygpt import GenerationConfig, decoding
from numpygpt.decoding.sampling import chain, process, sample_token, target

N_VOCAB, N_RUNS, N_SEEN = 50257, 30, 500
SETTINGS = {
    "do_sample": True, "temperature": 0.8, "top_k": 50, "top_p": 0.95, "min_p": 0.02,
    "repetition_penalty": 1.1,
}  # fmt: skip


def whole(preset):
    """From logits to a token, as generate does it."""
    rng = np.random.default_rng(0)
    context = rng.integers(0, N_VOCAB, N_SEEN).tolist()
    config = GenerationConfig(chain=preset, **SETTINGS)
    steps = chain(config, 0, rng)
    return lambda z: sample_token(target(process(z, context, steps), config), rng)


MEASURED = {
    "top_k 50": lambda z: decoding.top_k(z, 50),
    "min_p 0.05": lambda z: decoding.min_p(z, 0.05),
    "top_p 0.9": lambda z: decoding.top_p(z, 0.9),
    "typical_p 0.9": lambda z: decoding.typical_p(z, 0.9),
    "top_h 0.5": lambda z: decoding.top_h(z, 0.5),
    "xtc": lambda z: decoding.xtc(z, 1.0, 0.001, np.random.default_rng(0)),
    "eta_cutoff 0.001": lambda z: decoding.eta_cutoff(z, 0.001),
    "the chain, hf": whole("hf"),
    "the chain, llama.cpp": whole("llama.cpp"),
}


def best(f, z):
    """The shortest run, in ms."""
    times = []
    for _ in range(N_RUNS):
        begin = time.perf_counter()
        f(z)
        times.append(time.perf_counter() - begin)
    return 1e3 * min(times)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    row = np.random.default_rng(0).standard_normal(N_VOCAB).astype(np.float32)
    for name, f in MEASURED.items():
        print(f"| {name} | {best(f, 4 * row):.2f} | {best(f, row):.2f} |")


if __name__ == "__main__":
    main()
