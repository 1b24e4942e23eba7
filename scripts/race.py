"""What benchmark.py measures: the cases, and the processes that are asked.

A `Race` makes the cases from a model folder and from the workers, one for each
competitor that could be started. A case is a name and, for everybody who takes part, a
function that returns seconds; what is done with them is benchmark.py's matter.
"""

import contextlib
import json
import os
import random
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ENVIRONMENT = dict(os.environ)  # as it was before numpygpt set anything in it

from numpygpt.files.terminal import say  # noqa: E402
from numpygpt.weights import read_config  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
GROUPS = tuple("decode beam prefill check long tokenizer process memory growth".split())
N_PROMPT, N_STEP = 32, 32
STORY = "Once upon a time"
# What `python -m numpygpt` does, in transformers.
TRANSFORMERS = (
    "import sys\n"
    "from transformers import GPT2LMHeadModel, GPT2Tokenizer\n"
    "_, folder, text, n = sys.argv\n"
    "tokenizer = GPT2Tokenizer.from_pretrained(folder)\n"
    "model = GPT2LMHeadModel.from_pretrained(folder, dtype='float32')\n"
    "ids = tokenizer(text, return_tensors='pt')\n"
    "out = model.generate(**ids, max_new_tokens=int(n), pad_token_id=0)\n"
    "print(tokenizer.decode(out[0]))"
)


class LeftOut(Exception):
    """A peer, or one case of it, that cannot be measured, and why."""


class Worker:
    """A peer in a process of its own; what it prints is kept for its last words."""

    def __init__(self, who, folder):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "scripts/peers.py"), who, str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            text=True, env=ENVIRONMENT,
        )  # fmt: skip

    def read(self):
        """The next answer."""
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            self.log.seek(0)
            last = (self.log.read().strip() or "no word of why").splitlines()[-1]
            raise LeftOut(f"its process has ended, exit code {code}: {last:.200}")
        content = json.loads(line)
        if "error" in content:
            raise LeftOut(content["error"])
        return content

    def ask(self, do, **request):
        """Seconds that it took to do this."""
        line = json.dumps({"do": do, **request})
        try:
            print(line, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # it has ended: reading says how
        return self.read()["seconds"]

    def close(self):
        self.process.kill()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()


def start(wanted, folder):
    """``({who: worker}, {what: version})`` of all that can take part."""
    workers = {who: Worker(who, folder) for who in ("numpygpt", *wanted)}
    versions = {}
    try:
        for who, worker in list(workers.items()):
            try:
                versions |= worker.read()["versions"]
            except LeftOut as error:
                if who == "numpygpt":
                    raise
                say(f"{who} is left out: {error}")
                workers.pop(who).close()
    except BaseException:
        for worker in workers.values():
            worker.close()
        raise
    return workers, versions


class Case(NamedTuple):
    """One row of the table. What ends in "/s" is ``amount / seconds``, all else
    ``amount * seconds``; the first of ``runs`` is compared with the others."""

    name: str
    unit: str
    amount: float
    runs: dict[str, Callable]  # who: a function that returns seconds
    bound: Callable | None = None  # (s a byte, s an operation) -> s
    rounds: int | None = None  # fewer than asked for, and no first time for nothing


def all_ask(workers, but=(), **request):
    """The same question to all, for a Case's runs."""
    return {
        who: lambda worker=worker: worker.ask(**request)
        for who, worker in workers.items()
        if who not in but
    }


def bound(config, n_row, n_logits):
    """The least time for so many rows, of which so many get logits: a function
    (s a byte, s an operation) -> s."""
    # Weights that a step reads: of the positions, and of the embedding where the
    # logits have a matrix of their own, it takes a row only.
    vocab = config.n_vocab * config.n_embd
    blocks = config.n_params - config.n_ctx * config.n_embd
    blocks -= vocab * (2 - config.tie_word_embeddings)
    n_operation = 2 * (n_row * blocks + n_logits * vocab)
    return lambda byte, operation: max(
        4 * (blocks + vocab) * byte, n_operation * operation
    )


class Race:
    """What the cases are made from."""

    def __init__(self, folder, workers, text=None):
        self.folder, self.text = Path(folder).resolve(), text
        self.config = read_config(folder)
        self.models = {w: p for w, p in workers.items() if w != "tiktoken"}
        tokenizers = {"numpygpt", "tiktoken"}
        self.tokenizers = {w: p for w, p in workers.items() if w in tokenizers}
        self.rng = random.Random(0)

    def ids(self, n):
        return [self.rng.randrange(self.config.n_vocab - 1) for _ in range(n)]

    def bound(self, n_row, n_logits):
        return bound(self.config, n_row, n_logits)

    def decode(self):
        """Several texts at once; page one knows one only and makes few tokens."""
        for n in (1, 2, 4, 8, 16):
            ask = {"do": "decode", "prompts": [self.ids(N_PROMPT) for _ in range(n)]}
            runs = all_ask(self.models, ["plain"], n_step=N_STEP, **ask)
            if n == 1 and "plain" in self.models:
                plain = {"plain": self.models["plain"]}
                runs |= all_ask(plain, n_step=2, **ask)
            yield Case(f"decode {n}", "tokens/s", n, runs, self.bound(n, n))

    def beam(self):
        ask = {"prompts": [self.ids(N_PROMPT)], "n_step": N_STEP, "n_beam": 5}
        runs = all_ask(self.models, ["plain"], do="decode", **ask)
        yield Case("beam 5", "steps/s", 1, runs, self.bound(5, 5))

    def prefill(self):
        """Read a prompt, and say what comes next."""
        for n in (32, 128, 512, 1000):
            if n <= self.config.n_ctx:
                runs = all_ask(self.models, do="prefill", ids=self.ids(n))
                yield Case(f"prefill {n}", "tokens/s", n, runs, self.bound(n, 1))

    def check(self):
        """Score drafted tokens behind a prompt in one pass."""
        others = self.models.keys() - {"numpygpt", "transformers"}
        for n in (2, 4, 8):
            ask = {"prompt": self.ids(N_PROMPT), "draft": self.ids(n)}
            runs = all_ask(self.models, others, do="check", **ask)
            yield Case(f"check {n} drafted", "checks/s", 1, runs, self.bound(n, n))

    def long(self):
        """Generation far into the context, beside the same at its beginning."""
        n = self.config.n_ctx - 2 * N_STEP
        ask = {"do": "decode", "n_step": N_STEP}
        runs = all_ask(self.models, ["plain"], prompts=[self.ids(n)], **ask)
        near = {"numpygpt": self.models["numpygpt"]}
        near = all_ask(near, prompts=[self.ids(N_PROMPT)], **ask)
        runs[f"numpygpt behind {N_PROMPT}"] = near["numpygpt"]
        yield Case(f"decode behind {n}", "tokens/s", 1, runs, self.bound(1, 1))

    def tokenizer(self):
        """English, new to it and seen before, and what people send to break it."""
        with tempfile.TemporaryDirectory() as folder:
            letters = "".join(self.rng.choices(string.ascii_lowercase, k=10**6))
            for name, text, cold in [
                ("tokenize, cold", self.text, True),
                ("tokenize, warm", self.text, False),
                ("tokenize aaaa...", "a" * 10**6, True),
                ("tokenize qxzj...", letters, True),
            ]:
                path = Path(folder, "text.txt")
                path.write_text(text, encoding="utf-8")
                ask = {"do": "encode", "path": str(path), "cold": cold}
                runs = all_ask(self.tokenizers, **ask)
                yield Case(name, "MB/s", path.stat().st_size / 1e6, runs)

    def commands(self, n_new):
        """Whole programs that do the same."""
        folder, n = str(self.folder), str(n_new)
        ours = ["-m", "numpygpt", "--model", folder, STORY, "-n", n]
        runs = {"numpygpt": lambda: run_process(ours)}
        if "transformers" in self.models:
            peer = ["-c", TRANSFORMERS, folder, STORY, n]
            runs["transformers"] = lambda: run_process(peer)
        return runs

    def process(self):
        """A program that is started for one token; 100 tokens where it is loaded."""
        runs = {who: lambda run=run: run()[0] for who, run in self.commands(1).items()}
        runs["import numpy"] = lambda: run_process(["-c", "import numpy"])[0]
        yield Case("start, load, 1 token", "s", 1, runs)
        ask = {"do": "generate", "prompts": [self.ids(4)], "n_new": 100}
        yield Case("100 tokens, loaded", "s", 1, all_ask(self.models, ["plain"], **ask))

    def memory(self):
        """The most that a whole program holds, in multiples of the weights."""
        runs = {who: lambda run=run: run()[1] for who, run in self.commands(40).items()}
        unit = 1 / (4 * self.config.n_params)
        yield Case("peak memory", "x weights", unit, runs, rounds=1)

    def growth(self):
        """How a step of a small model grows with one size at a time."""
        base = {"vocab_size": 4096, "n_layer": 6, "n_embd": 384, "n_head": 6}
        ours = self.models["numpygpt"]

        def run(n_tok=N_PROMPT, n_seq=1, **sizes):
            ask = {"prompts": [[1] * n_tok] * n_seq, "n_step": N_STEP}
            return lambda: ours.ask("grow", sizes=base | sizes, **ask) / n_seq

        axes = {
            "tokens": {n: run(n_tok=n) for n in (128, 256, 512)},
            "batch": {n: run(n_seq=n) for n in (1, 2, 4, 8)},
            "layers": {n: run(n_layer=n) for n in (3, 6, 12)},
            "width": {n: run(n_embd=n, n_head=n // 64) for n in (192, 384, 768)},
        }
        for axis, runs in axes.items():
            runs = {f"{axis} {n}": function for n, function in runs.items()}
            yield Case(f"growth: {axis}", "ms/token", 1000, runs)


def run_process(arguments):
    """``(seconds, bytes at the peak)`` of a Python program."""
    # In the kernel's books a new process starts with what its parent holds: that is why
    # this one never loads a model.
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise LeftOut(f"the program ended with exit code {process.returncode}")
    return took, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
