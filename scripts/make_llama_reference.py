"""Make tests/reference/llama_cpp.npz: what llama.cpp's own samplers answer.

    pip install -e . llama-cpp-python==0.3.36
    python scripts/make_llama_reference.py tests/reference

A case is a row of random logits (ordinary, ties, removed tokens, extremes, one left), a
context and settings of GenerationConfig, all drawn from the case's number. The answer
is the row behind llama.cpp's samplers for these settings, in its order, float32, what
it removed at -inf. First every sampler alone, then chains of several. Where a sampler
of llama.cpp meets tokens that it gets wrong, see `fault`, the case is left out; the
tests take these tokens off its list, and then it has to be right.

Beside them, walks of the two mirostats and of adaptive-p: the tokens that llama.cpp
drew, and what its state had become before each.
"""

import ctypes
import json
import sys
import tempfile
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
from extras import folder_to_fill, optional

from numpygpt.files.terminal import without_traceback

ll = optional("llama_cpp")

SETTINGS = {
    "logit_bias": lambda rng: {
        str(i): float(rng.choice([rng.normal() * 3, -np.inf]))
        for i in rng.integers(0, 12, 3)
    },
    "repetition_penalty": lambda rng: float(rng.uniform(0.5, 2)),
    "frequency_penalty": lambda rng: float(rng.normal()),
    "presence_penalty": lambda rng: float(rng.normal()),
    "penalty_last_n": lambda rng: int(rng.choice([0, 1, 5, 64, 90])),
    "dry_multiplier": lambda rng: float(rng.uniform(0.1, 2)),
    "dry_base": lambda rng: float(rng.uniform(1, 3)),
    "dry_allowed_length": lambda rng: int(rng.integers(1, 4)),
    "dry_last_n": lambda rng: int(rng.choice([0, 3, 20, 64, 90])),
    "dry_sequence_breakers": lambda rng: [
        [], [":"], ['"', "*"], ["\n", ":", '"', "*"], ['!"', "#"], ["$%&"],
    ][rng.integers(6)],
    "top_n_sigma": lambda rng: float(rng.choice([0, rng.uniform(0.1, 3)])),
    "top_k": lambda rng: int(rng.integers(1, 50)),
    "typical_p": lambda rng: float(rng.choice([0.5, rng.uniform(0.01, 0.99)])),
    "top_p": lambda rng: float(rng.choice([0.0, 0.5, rng.uniform(0, 1)])),
    "min_p": lambda rng: float(rng.choice([1.0, 10 ** rng.uniform(-3, 0)])),
    "min_keep": lambda rng: int(rng.integers(1, 5)),
    "xtc_threshold": lambda rng: float(rng.choice([0.0, 0.6, rng.uniform(0, 0.5)])),
    "temperature": lambda rng: float(rng.uniform(0.1, 3)),
    "dynatemp_range": lambda rng: float(rng.uniform(0.05, 2)),
    "dynatemp_exponent": lambda rng: float(rng.uniform(0.3, 3)),
}  # fmt: skip
# The samplers in llama.cpp's order, and the settings of each.
SAMPLERS = {
    "logit_bias": ["logit_bias"],
    "penalties": [
        "repetition_penalty", "frequency_penalty", "presence_penalty", "penalty_last_n",
    ],
    "dry": [
        "dry_multiplier", "dry_base", "dry_allowed_length", "dry_last_n",
        "dry_sequence_breakers",
    ],
    "top_n_sigma": ["top_n_sigma"],
    "top_k": ["top_k"],
    "typical_p": ["typical_p", "min_keep"],
    "top_p": ["top_p", "min_keep"],
    "min_p": ["min_p", "min_keep"],
    "xtc": ["xtc_threshold", "min_keep"],
    "temperature": ["temperature"],
    "dynamic": ["temperature", "dynatemp_range", "dynatemp_exponent"],
}  # fmt: skip
EACH, CHAINS, WALK = 200, 300, 1000
NUMBERS = 10_000  # of cases, for each sampler; chains come behind
KINDS = ("ordinary", "ties", "removed", "extremes", "lone")


def row(rng, kind):
    """A row of logits, float32, of some kind."""
    n = int(rng.integers(2, 60))
    z = rng.standard_normal(n) * rng.choice([0.5, 2, 5])
    if kind == "ties":
        z = rng.choice([-1.0, 0.0, 2.0], n)
    if kind == "extremes":
        z = rng.choice([-1e4, -100.0, 0.0, 100.0, 1e4], n) + rng.standard_normal(n)
    if kind == "removed":
        z[rng.random(n) < 0.4] = -np.inf
    if kind == "lone":
        z[:] = -np.inf
    z[rng.integers(n)] = 1.0
    return z.astype(np.float32)


def case(number):
    """``(logits, context, settings)`` of a case."""
    rng = np.random.default_rng(number)
    names = [*SAMPLERS]
    if number < NUMBERS * len(names):
        chosen = [names[number // NUMBERS]]
    else:
        chosen = rng.choice(names, rng.integers(2, 8), replace=False).tolist()
    z = row(rng, KINDS[number % len(KINDS)] if rng.random() < 0.7 else "ordinary")
    n_seen = int(rng.choice([0, 1, 10, 40, 70, 120]))
    context = rng.integers(0, rng.choice([2, 4, 12, 60]), n_seen) % len(z)
    settings = {"do_sample": True, "chain": "llama.cpp"}
    for sampler in chosen:
        for name in SAMPLERS[sampler]:
            optional = name not in (SAMPLERS[sampler][0], "dynatemp_range")
            if not optional or rng.random() < 0.6:
                settings[name] = SETTINGS[name](rng)
        if sampler == "xtc":
            settings["xtc_probability"] = 1.0
    if "logit_bias" in settings:
        bias = settings["logit_bias"]
        settings["logit_bias"] = {i: b for i, b in bias.items() if int(i) < len(z)}
        if not settings["logit_bias"]:
            del settings["logit_bias"]
    if settings.get("top_k"):
        settings["min_keep"] = min(settings.get("min_keep", 0), settings["top_k"])
    return z, context.tolist(), settings


def fault(name, z, settings):
    """Which of these logits the sampler ``name`` gets wrong, a mask: the removed ones
    in the cases that numpygpt/decoding/README.md names, and nothing else."""
    removed, none = z == -np.inf, np.zeros(len(z), bool)
    if not np.isfinite(z).any():
        return none
    p = np.exp(z - z.max(), dtype=np.float32)
    if name == "typical_p" and settings.get(name, 1) < 1:
        return p == 0  # 0 * log(0) is NaN; a probability may be 0 in float32 alone
    if name == "dynamic" and settings.get("dynatemp_range", 0) > 0:
        return removed  # counted among the n of ln n
    if name == "xtc" and "xtc_threshold" in settings:
        if settings["xtc_threshold"] == 0:
            return removed  # the least likely of the choices
        n_top = np.count_nonzero(p / p.sum() >= settings["xtc_threshold"])
        n_left, least = len(z) - n_top + 1, settings.get("min_keep", 0)
        if n_left >= least > n_left - np.count_nonzero(removed):
            return removed  # counted among those that stay
    return none


def samplers_of(settings, vocab):
    """llama.cpp's samplers and their names, as its own programs chain them."""
    s = {"penalty_last_n": 64, "dry_last_n": 64, "min_keep": 0, **settings}
    keep = s["min_keep"]
    breakers = s.get("dry_sequence_breakers", ["\n", ":", '"', "*"])
    texts = (ctypes.c_char_p * max(1, len(breakers)))(*(b.encode() for b in breakers))
    bias = s.get("logit_bias", {})
    pairs = (ll.llama_logit_bias * max(1, len(bias)))(
        *(ll.llama_logit_bias(int(i), b) for i, b in bias.items())
    )
    yield "logit_bias", ll.llama_sampler_init_logit_bias(60, len(bias), pairs)
    yield "penalties", ll.llama_sampler_init_penalties(
        60, s["penalty_last_n"], s.get("repetition_penalty", 1.0),
        s.get("frequency_penalty", 0.0), s.get("presence_penalty", 0.0),
    )  # fmt: skip
    if "dry_multiplier" in s:  # it takes long to be made
        yield "dry", ll.llama_sampler_init_dry(
            vocab, s["dry_multiplier"], s.get("dry_base", 1.75),
            s.get("dry_allowed_length", 2), s["dry_last_n"], texts, len(breakers),
        )  # fmt: skip
    sigma = s.get("top_n_sigma", -1.0)
    yield "top_n_sigma", ll.llama_sampler_init_top_n_sigma(sigma)
    yield "top_k", ll.llama_sampler_init_top_k(s.get("top_k", 0))
    typical = s.get("typical_p", 1.0)
    yield "typical_p", ll.llama_sampler_init_typical(typical, keep)
    yield "top_p", ll.llama_sampler_init_top_p(s.get("top_p", 1.0), keep)
    yield "min_p", ll.llama_sampler_init_min_p(s.get("min_p", 0.0), keep)
    yield (
        "xtc",
        ll.llama_sampler_init_xtc(
            s.get("xtc_probability", 0.0), s.get("xtc_threshold", 0.1), keep, 0
        ),
    )
    yield "dynamic", ll.llama_sampler_init_temp_ext(
        s.get("temperature", 1.0), s.get("dynatemp_range", 0.0),
        s.get("dynatemp_exponent", 1.0),
    )  # fmt: skip


def candidates(z):
    data = (ll.llama_token_data * len(z))(
        *(ll.llama_token_data(i, float(x), 0.0) for i, x in enumerate(z))
    )
    return ll.llama_token_data_array(data, len(z), -1, False), data


def answer(z, context, settings, vocab, mend=True):
    """The row behind llama.cpp's samplers, and whether one of them met a `fault`. With
    ``mend`` removed tokens that it gets wrong are taken off its list first; where these
    are not all, the row is None."""
    array, keep_alive = candidates(z)
    faulty = hopeless = False
    for name, sampler in samplers_of(settings, vocab):
        logits = np.array([array.data[i].logit for i in range(array.size)])
        wrong = fault(name, logits, settings)
        if wrong.any() and mend:
            take_off(array, wrong & (logits == -np.inf))
        faulty |= bool(wrong.any())
        hopeless |= mend and bool(wrong[logits > -np.inf].any())
        for token in context:
            ll.llama_sampler_accept(sampler, token)
        ll.llama_sampler_apply(sampler, ctypes.byref(array))
        ll.llama_sampler_free(sampler)
    out = np.full(len(z), -np.inf, np.float32)
    for i in range(array.size):
        out[array.data[i].id] = array.data[i].logit
    return None if hopeless else out, faulty


def take_off(array, wrong):
    """Take the tokens of a mask off a list of candidates."""
    left = [array.data[int(i)] for i in np.flatnonzero(~wrong)]
    left = [(d.id, d.logit, d.p) for d in left]  # what is read is no copy
    for i, values in enumerate(left):
        array.data[i] = ll.llama_token_data(*values)
    array.size = len(left)


def kept_by_mirostat(z, tau):
    """How many of these tokens mirostat 1 leaves as its first choice."""
    array, keep_alive = candidates(z)
    sampler = ll.llama_sampler_init_mirostat(len(z), 1, tau, 0.2, 100)
    ll.llama_sampler_apply(sampler, ctypes.byref(array))
    ll.llama_sampler_free(sampler)
    return array.size


# Where the state stands in the structs of llama-sampler.cpp, in 4-byte words.
WALKS = {
    "mirostat": (6, lambda: ll.llama_sampler_init_mirostat(60, 1, 3.0, 0.2, 100)),
    "mirostat_v2": (4, lambda: ll.llama_sampler_init_mirostat_v2(1, 3.0, 0.2)),
    "adaptive_p": (None, lambda: ll.llama_sampler_init_adaptive_p(0.3, 0.9, 1)),
}


def walk(name, n_steps):
    """``(rows [n_steps, 60], tokens [n_steps], mu [n_steps])``: what a sampler that
    remembers drew, and its mu before (for adaptive-p: the logits that it made)."""
    at, init = WALKS[name]
    sampler = init()
    rng = np.random.default_rng(5)
    rows, tokens, states = [], [], []
    for _ in range(n_steps):
        z = (rng.standard_normal(60) * rng.choice([1, 3])).astype(np.float32)
        if at is not None:
            state = ctypes.cast(sampler.contents.ctx, ctypes.POINTER(ctypes.c_float))[
                at
            ]
        array, keep_alive = candidates(z)
        ll.llama_sampler_apply(sampler, ctypes.byref(array))
        token = array.data[array.selected].id
        if at is None:
            state = [0.0] * 60
            for i in range(array.size):
                state[array.data[i].id] = array.data[i].logit
        ll.llama_sampler_accept(sampler, token)
        rows.append(z), tokens.append(token), states.append(state)
    ll.llama_sampler_free(sampler)
    return np.array(rows), np.array(tokens), np.array(states, np.float32)


@cache
def vocabulary():
    """llama.cpp's own view of GPT-2's vocabulary, which dry asks for its breakers."""
    import convert_gguf

    from numpygpt import GPT2, GPT2Config, Tokenizer

    folder = Path(tempfile.mkdtemp())
    GPT2.random(
        GPT2Config(50257, n_positions=16, n_embd=8, n_layer=1, n_head=2)
    ).save_pretrained(folder / "tiny")
    Tokenizer.gpt2().save_pretrained(folder / "tiny")
    convert_gguf.write(folder / "tiny", folder / "tiny.gguf", "F32")
    ll.llama_log_set(QUIET, None)
    ll.llama_backend_init()
    params = ll.llama_model_default_params()
    params.vocab_only = True
    model = ll.llama_model_load_from_file(str(folder / "tiny.gguf").encode(), params)
    return ll.llama_model_get_vocab(model)


@ll.llama_log_callback
def QUIET(level, text, data):
    pass


def answers(numbers):
    """``(logits, context, settings, answer, did a sampler meet a fault?)`` of the cases
    in which a token is left (it is an error here if none is) and llama.cpp answers."""
    for number in numbers:
        z, context, settings = case(number)
        bias = settings.get("logit_bias", {})
        banned = [int(i) for i, b in bias.items() if b == -np.inf]
        if np.isfinite(np.delete(z, banned)).any():
            out, faulty = answer(z, context, settings, vocabulary())
            if out is not None:
                yield z, context, settings, out, faulty


@without_traceback("make_llama_reference.py")
def main(folder):
    found = []
    for i in range(len(SAMPLERS) + 1):
        cases = answers(range(i * NUMBERS, (i + 1) * NUMBERS))
        good = ((*case, out) for *case, out, faulty in cases if not faulty)
        found += islice(good, EACH if i < len(SAMPLERS) else CHAINS)
    size = max(len(z) for z, *_ in found)
    table = np.full((2, len(found), size), np.nan, np.float32)
    for i, (z, _, _, out) in enumerate(found):
        table[0, i, : len(z)], table[1, i, : len(z)] = z, out
    cases = json.dumps([[context, settings] for _, context, settings, _ in found])
    arrays = {"logits": table[0], "answers": table[1], "cases": np.array(cases)}
    for name in WALKS:
        arrays["rows"], arrays[f"{name}.tokens"], arrays[name] = walk(name, WALK)
    path = Path(folder) / "llama_cpp.npz"
    np.savez_compressed(path, **arrays)
    print(f"{path}: {len(found)} cases, llama-cpp-python {ll.__version__}")


if __name__ == "__main__":
    sys.exit(main(folder_to_fill(__doc__, "reference", ll)))
