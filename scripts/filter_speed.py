"""How long the filters and the chain take for one row of 50,257 logits, as a table.

    python scripts/filter_speed.py
    python scripts/filter_speed.py --schema

"sharp" is a row of logits of standard deviation 4, "flat" one of 1; the best of 30
runs, in ms. The chain is everything from raw logits to a token: repetition penalty of
500 tokens, temperature, top_k 50, top_p 0.95, min_p 0.02, the draw.

--schema: a JSON schema of 20 fields on a random GPT-2 of 124 million parameters, 200
tokens: how long it is compiled, what it adds to a token while all its states are new,
when they are known, and how long a token takes without it.
"""

import argparse
import sys
import time

import numpy as np

from numpygpt import GPT2, GenerationConfig, GPT2Config, Tokenizer, decoding
from numpygpt.decoding.constraints import choices
from numpygpt.decoding.sampling import chain, process, sample_token, target
from numpygpt.files.terminal import harmless, without_traceback

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


KINDS = (
    {"type": "string", "maxLength": 40}, {"type": "integer"}, {"type": "number"},
    {"enum": ["a", "b"]}, {"type": "array", "items": {"type": "string"}},
)  # fmt: skip
FIELDS = {f"field_{i}": KINDS[i % len(KINDS)] for i in range(20)}
SCHEMA = {"type": "object", "properties": FIELDS, "required": [*FIELDS]}


def schema(model, n_new=200):
    """``{what: ms}`` of a schema of 20 fields."""
    tokenizer = Tokenizer.gpt2()
    config = GenerationConfig(json_schema=SCHEMA, tokenizer=tokenizer)
    how = {"max_new_tokens": n_new, "do_sample": True, "seed": 0}
    begin = time.perf_counter()
    choices.constrain([50256], config)
    compiled = time.perf_counter() - begin
    [ids] = model.generate([50256], json_schema=SCHEMA, tokenizer=tokenizer, **how)
    begin = time.perf_counter()
    model.generate([50256], ignore_eos=True, **how)
    plain = (time.perf_counter() - begin) / n_new
    choices._speller.cache_clear()
    added = [_added(ids.tolist(), config) for _ in range(2)]
    names = ("compiled", "a token without it", "added, new", "added, known")
    return dict(zip(names, [1e3 * t for t in (compiled, plain, *added)]))


def _added(ids, config):
    """Seconds a token that the constraint takes beside the model."""
    row, seconds = np.zeros(N_VOCAB, np.float32), 0.0
    steps, stops, _ = choices.constrain(ids[:1], config)
    for n in range(1, len(ids)):
        context = np.array(ids[:n])
        begin = time.perf_counter()
        for step in steps:
            step(row, context)
        [stop(ids[: n + 1]) for stop in stops]
        seconds += time.perf_counter() - begin
    return seconds / (len(ids) - 1)


@without_traceback("filter_speed.py")
def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--schema", action="store_true", help="only a JSON schema")
    if harmless(parser).parse_args().schema:
        for name, ms in schema(GPT2.random(GPT2Config())).items():
            print(f"{name}: {ms:.2f} ms")
        return
    row = np.random.default_rng(0).standard_normal(N_VOCAB).astype(np.float32)
    for name, f in MEASURED.items():
        print(f"| {name} | {best(f, 4 * row):.2f} | {best(f, row):.2f} |")


if __name__ == "__main__":
    sys.exit(main())
