"""How fast numpygpt is, beside its peers and beside what the machine can do.

    pip install -e .[benchmark]
    python scripts/benchmark.py                    # GPT-2 124M, random weights
    python scripts/benchmark.py --model fairytale --json

Speed depends on the weights' shape, not on their values, so a random model will do. A
laptop's clock, and a shared server's neighbours, drift by tens of per cent: so nothing
is timed on its own. Every case runs numpygpt and its peers in turn, A B A B, and what
counts is the median of the ratios. A peer that is not installed is left out.

Generating one token reads every weight once and does two operations with it. The bound
is therefore the memory's bandwidth, measured here by a matrix-vector product too large
for any cache; for a long prompt it is the rate of large matrix products.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

import numpy as np

from numpygpt import GPT2, GPT2Config, Tokenizer
from numpygpt.config import SERIES
from numpygpt.weights import flatten

N_PROMPT, N_NEW = 32, 32


def seconds(function):
    """How long one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def bandwidth_bound(config):
    """Tokens a second if reading the weights were all there is to do."""
    matrices = [np.ones((1024, 50_000), np.float32) for _ in range(2)]
    row = np.ones(1024, np.float32)
    fastest = min(seconds(lambda: [row @ m for m in matrices]) for _ in range(3))
    bytes_a_second = sum(m.nbytes for m in matrices) / fastest
    return bytes_a_second / (4 * config.n_params)


def product_bound(config):
    """Prompt tokens a second if the large matrix products were all there is to do."""
    x, w = np.ones((1024, 1024), np.float32), np.ones((1024, 4096), np.float32)
    fastest = min(seconds(lambda: x @ w) for _ in range(5))
    operations = 2 * x.shape[0] * w.size / fastest
    blocks = config.n_params - config.n_embd * (config.n_vocab + config.n_ctx)
    return operations / (2 * blocks)


class Ours:
    """numpygpt's side of every case."""

    def __init__(self, model):
        self.model = model

    def decode(self, prompts):
        never = self.model.config.n_vocab  # no such token: no sequence ends early
        self.model.generate(prompts, max_new_tokens=N_NEW, eos_token_id=never)

    def prefill(self, ids):
        self.model.unembed(self.model.hidden([ids], [self.model.new_cache()])[-1:])


class Transformers:
    """The same in PyTorch, with the same weights."""

    def __init__(self, model):
        import torch
        import transformers

        self.torch = torch
        config = {k: v for k, v in model.config.to_dict().items() if k != "model_type"}
        self.model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**config))
        arrays = flatten(model.params)
        state = {f"transformer.{n}": torch.tensor(a) for n, a in arrays.items()}
        state["lm_head.weight"] = state["transformer.wte.weight"]
        self.model.load_state_dict(state)
        self.model.eval()

    def decode(self, prompts):
        ids = self.torch.tensor(np.array(prompts))
        self.model.generate(
            ids, attention_mask=self.torch.ones_like(ids), do_sample=False,
            max_new_tokens=N_NEW, min_new_tokens=N_NEW, pad_token_id=0,
        )  # fmt: skip

    def prefill(self, ids):
        with self.torch.no_grad():
            self.model(self.torch.tensor(np.array([ids])), logits_to_keep=1)


def model_cases(model, peers):
    """``(name, tokens a run makes, {who: run}, bound or None)`` for a model."""
    rng = np.random.default_rng(0)
    n_vocab, n_ctx = model.config.n_vocab, model.config.n_ctx
    for n in (1, 2, 4, 8):
        prompts = rng.integers(0, n_vocab, (n, N_PROMPT)).tolist()
        runs = {who: lambda p=p, x=prompts: p.decode(x) for who, p in peers.items()}
        bound = bandwidth_bound if n == 1 else None
        yield f"decode, {n} at once", n * N_NEW, runs, bound
    for n in (32, 128, 512, 1000):
        if n < n_ctx:
            ids = rng.integers(0, n_vocab, n).tolist()
            runs = {who: lambda p=p, x=ids: p.prefill(x) for who, p in peers.items()}
            yield f"read a prompt of {n}", n, runs, product_bound if n > 500 else None


def tokenizer_cases(text):
    """The same for the tokenizer, in bytes: English, new to it and seen before."""
    ours = Tokenizer.gpt2()
    n_byte = len(text.encode())
    encode = lambda: ours.encode(text, disallowed_special=())
    runs = {"numpygpt": encode}
    cold = {"numpygpt": lambda: (ours._memo.clear(), encode())}
    try:
        import tiktoken

        ranks = {ours.decode_bytes([i]): i for i in range(50_256)}
        pattern = (r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+"
                   r"|\s+(?!\S)|\s+")  # fmt: skip
        peer = tiktoken.Encoding(
            "gpt2", pat_str=pattern, mergeable_ranks=ranks, special_tokens={}
        )
        runs["tiktoken"] = cold["tiktoken"] = lambda: peer.encode_ordinary(text)
    except ImportError:
        pass
    yield "tokenize, first time", n_byte, cold, None
    yield "tokenize, again", n_byte, runs, None


def process_cases(model):
    """The same for whole processes, one run each: import, load, 40 tokens."""
    python = lambda *args: subprocess.run(
        [sys.executable, *args], capture_output=True, check=True
    )
    text = ["Once upon a time", "-n", "40", "--model", model]
    runs = {
        "numpygpt": lambda: python("-m", "numpygpt", *text),
        "import numpy, regex": lambda: python("-c", "import numpy, regex"),
    }
    yield "a whole process, 40 tokens", 1, runs, None


def measure(cases, config, rounds):
    """Run all that a case has in turn; yields one dict a case."""
    for name, amount, runs, bound in cases:
        for run in runs.values():
            run()  # once without the clock
        rates, shares = {who: [] for who in runs}, []
        for _ in range(rounds):
            for who, run in runs.items():
                rates[who].append(amount / seconds(run))
            if bound:
                shares.append(rates["numpygpt"][-1] / bound(config))
        ratio = {
            who: statistics.median(a / b for a, b in zip(rates["numpygpt"], peer))
            for who, peer in rates.items()
            if who != "numpygpt"
        }
        medians = {who: statistics.median(r) for who, r in rates.items()}
        share = statistics.median(shares) if shares else None
        yield {"case": name, "a second": medians, "ratio": ratio, "share": share}


def show(result):
    """One line of the table."""
    rates = "  ".join(f"{who} {r:,.4g}/s" for who, r in result["a second"].items())
    ratio = "".join(f"  {r:.2f} x {who}" for who, r in result["ratio"].items())
    share = f"  {result['share']:.0%} of the bound" if result["share"] else ""
    print(f"{result['case']:<28}{rates}{ratio}{share}", flush=True)


def main():
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="gpt2", help="a size, a name or a folder")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--text", help="a file of English for the tokenizer")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.model in SERIES:
        model = GPT2.random(GPT2Config.named(args.model))
    else:
        model = GPT2.from_pretrained(args.model)
    peers = {"numpygpt": Ours(model)}
    try:
        peers["transformers"] = Transformers(model)
    except ImportError:
        print("transformers is not installed: left out", file=sys.stderr)
    cases = [*model_cases(model, peers)]
    if args.text:
        with open(args.text, encoding="utf-8") as file:
            cases += tokenizer_cases(file.read(2_000_000))
    if args.model not in SERIES:
        cases += process_cases(args.model)
    for result in measure(cases, model.config, args.rounds):
        print(json.dumps(result), flush=True) if args.json else show(result)


if __name__ == "__main__":
    main()
