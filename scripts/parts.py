"""Where the time of a forward pass goes, part by part.

    pip install -e .
    python scripts/parts.py                        # GPT-2 124M, random weights
    python scripts/parts.py --model fairytale

A row for one token, for one far into the context, for a token of each of eight texts,
and for prompts; milliseconds, medians of the rounds:

    bound      what the machine allows: every weight read once, or two operations a
               weight and row at the rate of large products, whichever takes longer
    products   the pass's matrix products one after the other, and nothing else
    in-pass    attention's and the last one, within the pass, between other work
    mlp        the MLPs: their two products and the activation in one
    attention, norms
    rest       biases, sums, copies, the cache, Python
    whole      the pass

What lies between ``bound`` and ``products`` is BLAS's, and the waking of threads.
"""

import argparse
import statistics
import sys
import time

import numpy as np
from peers import Numpygpt, seconds
from race import bound

from numpygpt import GPT2, GPT2Config, model
from numpygpt.config import PUBLISHED
from numpygpt.fast import matmul as products_of
from numpygpt.fast.matmul import matmul
from numpygpt.files import hub
from numpygpt.files.terminal import count, harmless, without_traceback

PARTS = {
    "in-pass": [(vars(products_of), "matmul"), (vars(model), "matmul")],
    "attention": [(vars(model), "causal_attention")],
    "mlp": [(vars(model), "mlp_by_units")],
    "norms": [(vars(model), "layer_norm")],
}
COLUMNS = ["bound", "products", *PARTS, "rest", "whole"]
MS = 1000


def watch(spent):
    """Have every part note in ``spent`` how long it took."""
    within = []

    def timed(function, part):
        def run(*args, **kwargs):
            if within:  # an MLP's products are counted as the MLP's
                return function(*args, **kwargs)
            within.append(part)
            start = time.perf_counter()
            result = function(*args, **kwargs)
            spent[part] += time.perf_counter() - start
            within.clear()
            return result

        return run

    for part, places in PARTS.items():
        for names, name in places:
            names[name] = timed(names[name], part)


def products(gpt2, n_row, n_logits):
    """A function that multiplies random rows by every matrix of the model."""
    rng, plan, rows = np.random.default_rng(0), [], {}
    for block in gpt2.params["h"]:
        linears = [*block["attn"].values(), *block["mlp"].values()]
        plan += [(n_row, linear["weight"]) for linear in linears]
    plan.append((n_logits, gpt2.params.get("lm_head", gpt2.params["wte"])["weight"].T))
    for n, weight in plan:
        size = n, weight.shape[0]
        rows[size] = rng.random(size, np.float32)
    return lambda: [matmul(rows[n, len(weight)], weight) for n, weight in plan]


def measure(gpt2, machine, spent, n_text, n_past, n_new, rounds):
    """``{column: milliseconds}`` of a pass over ``n_new`` tokens of each text."""
    rng, config = np.random.default_rng(0), gpt2.config
    caches = [gpt2.new_cache() for _ in range(n_text)]
    new = [rng.integers(0, config.n_vocab, n_past + n_new) for _ in caches]
    if n_past:
        gpt2.hidden([ids[:n_past] for ids in new], caches)

    def run():
        for cache in caches:
            cache.crop(n_past)
        hidden = gpt2.hidden([ids[n_past:] for ids in new], caches)
        gpt2.unembed(hidden if n_past else hidden[-1:])

    n_row, n_logits = n_text * n_new, n_text if n_past else 1
    alone, found = products(gpt2, n_row, n_logits), []
    least = bound(config, n_row, n_logits)
    for _ in range(rounds):
        run()  # a pass usually follows another
        spent.update(dict.fromkeys(PARTS, 0))
        row = {"whole": seconds(run), **spent}
        row["rest"] = row["whole"] - sum(spent.values())
        alone()
        row["products"] = seconds(alone)
        row["bound"] = least(machine.bandwidth(), machine.product())
        found.append(row)
    return {c: MS * statistics.median(row[c] for row in found) for c in COLUMNS}


def cases(config):
    """``(name, n_text, n_past, n_new)``."""
    yield "1 token", 1, 32, 1
    yield f"1 behind {config.n_ctx - 64}", 1, config.n_ctx - 64, 1
    yield "8 texts", 8, 32, 1
    for n in (32, 128, 512, 1000):
        if n < config.n_ctx:
            yield f"prompt of {n}", 1, 0, n


@without_traceback("parts.py")
def main(argv=None):
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    option = parser.add_argument
    option("--model", default="gpt2", metavar="SIZE_NAME_OR_FOLDER",
           help="gpt2, gpt2-xl, ...: random weights of that size")  # fmt: skip
    option("--rounds", type=count, default=9)
    args = harmless(parser).parse_args(argv)
    try:
        if args.model in PUBLISHED:
            gpt2 = GPT2.random(GPT2Config.named(args.model))
        else:
            gpt2 = GPT2.from_pretrained(hub.find(args.model))
    except (ValueError, OSError) as error:
        parser.error(str(error))
    machine = object.__new__(Numpygpt)  # for the bounds alone
    machine.np, machine.pair, machine.matmul = np, None, matmul
    watch(spent := dict.fromkeys(PARTS, 0))
    print("ms".ljust(16), *(f"{c:>10}" for c in COLUMNS), "   share", sep="")
    for name, *case in cases(gpt2.config):
        row = measure(gpt2, machine, spent, *case, args.rounds)
        cells = [f"{row[c]:10.2f}" for c in COLUMNS]
        print(name.ljust(16), *cells, f"{row['bound'] / row['whole']:8.2f}", sep="")


if __name__ == "__main__":
    sys.exit(main())
