"""Who is raced by benchmark.py: one class each, and the process that each lives in.

    python scripts/peers.py WHO FOLDER      # as benchmark.py starts it

Every competitor has a process of its own. PyTorch's threads, once they have worked,
keep asking for more work, and slow whatever else runs in the same process by a quarter
(measured: CTranslate2's decoding, and ours); OpenBLAS's and those of CTranslate2 are no
better guests. Here who is not asked waits for a line on its standard input, and its
threads sleep, as soon as they have given up asking (benchmark.py waits for that).

A request is a line of JSON, ``{"do": "decode", "prompts": [[...]], "n_step": 32}``, the
answer another, ``{"seconds": 0.02}`` or ``{"error": "why not"}``. The first line comes
unasked: ``{"versions": {...}}``, or why this peer cannot take part.

The clock runs here, around the work alone: what the process has to send and to read is
not counted. Imports stand inside the classes, so that a process has what its own peer
needs.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path


def seconds(function, *args, **kwargs):
    """How long one call takes."""
    start = time.perf_counter()
    function(*args, **kwargs)
    return time.perf_counter() - start


def n_core():
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


class Numpygpt:
    """This package."""

    def __init__(self, folder):
        import numpy as np

        import numpygpt
        from numpygpt.fast.blas import describe
        from numpygpt.fast.matmul import matmul

        self.np, self.matmul, self.Tokenizer = np, matmul, numpygpt.Tokenizer
        self.model = numpygpt.GPT2.from_pretrained(folder)
        self.tokenizer = self.pair = None
        self.grown = {}
        self.versions = {"numpygpt": numpygpt.__version__, "numpy": np.__version__}
        self.versions |= describe()

    def generate(self, prompts, n_new, n_beam=1):
        never = self.model.config.n_vocab  # no such token: no sequence ends early
        return self.model.generate(
            prompts, max_new_tokens=n_new, num_beams=n_beam, eos_token_id=never
        )

    def prefill(self, ids):
        model = self.model
        return model.unembed(model.hidden([ids], [model.new_cache()])[-1:])

    def checker(self, prompt, draft):
        """A function that scores the draft behind the prompt, again and again."""
        model, cache = self.model, self.model.new_cache()
        model.hidden([prompt], [cache])

        def check():
            model.unembed(model.hidden([draft], [cache]))
            cache.crop(len(prompt))

        return check

    def encode(self, text, cold):
        """Encode as a tokenizer does that has never seen a word, or that has."""
        if cold or self.tokenizer is None:
            self.tokenizer = self.Tokenizer.gpt2()
        return lambda: self.tokenizer.encode(text, disallowed_special=())

    def bandwidth(self):
        """Seconds a byte, by a product too large for any cache. A step of generation
        reads every weight once, and cannot be faster than that."""
        if self.pair is None:  # 400 MB: only if somebody asks, and once
            shape = 1024, 50_000
            self.pair = [self.np.ones(shape, self.np.float32) for _ in range(2)]
        row = self.np.ones((1, 1024), self.np.float32)
        runs = [lambda: [row @ m for m in self.pair]]
        runs += [lambda: [self.matmul(row, m) for m in self.pair]]
        fastest = min(seconds(run) for run in runs for _ in range(3))
        return fastest / sum(m.nbytes for m in self.pair)

    def product(self):
        """Seconds an operation (a multiplication or an addition), by a large product
        of matrices: what a long prompt cannot be faster than."""
        x = self.np.ones((1024, 1024), self.np.float32)
        w = self.np.ones((1024, 4096), self.np.float32)
        runs = [lambda: x @ w, lambda: self.matmul(x, w)]
        fastest = min(seconds(run) for run in runs for _ in range(3))
        return fastest / (2 * x.shape[0] * w.size)

    def grow(self, sizes, **request):
        """Seconds a step of a small model of these sizes, made here."""
        import numpygpt

        key = json.dumps(sizes)
        if key not in self.grown:
            twin = object.__new__(Numpygpt)
            twin.model = numpygpt.GPT2.random(numpygpt.GPT2Config(**sizes))
            self.grown[key] = twin
        return decode(self.grown[key], **request)


class Transformers:
    """PyTorch's, on all cores; ``attention`` is one of its ways to compute that."""

    def __init__(self, folder, attention="sdpa"):
        import torch
        import transformers

        torch.set_num_threads(n_core())
        self.torch, self.DynamicCache = torch, transformers.DynamicCache
        model = transformers.GPT2LMHeadModel
        how = {"dtype": torch.float32, "attn_implementation": attention}
        self.model = model.from_pretrained(folder, **how).eval()
        self.model.generation_config.eos_token_id = None  # no sequence ends early
        self.versions = {m: version(m) for m in ("transformers", "torch")}

    def generate(self, prompts, n_new, n_beam=1):
        ids = self.torch.tensor(prompts)
        return self.model.generate(
            ids, attention_mask=self.torch.ones_like(ids), do_sample=False,
            num_beams=n_beam, max_new_tokens=n_new, pad_token_id=0,
        )  # fmt: skip

    def prefill(self, ids):
        with self.torch.no_grad():
            return self.model(self.torch.tensor([ids]), logits_to_keep=1)

    def checker(self, prompt, draft):
        cache, draft = self.DynamicCache(), self.torch.tensor([draft])
        with self.torch.no_grad():
            self.model(self.torch.tensor([prompt]), past_key_values=cache)

        def check():
            with self.torch.no_grad():
                self.model(draft, past_key_values=cache)
            cache.crop(len(prompt))

        return check


class CTranslate2:
    """The C++ engine; ``kind`` is what it keeps the weights in."""

    def __init__(self, folder, kind="float32"):
        import ctranslate2

        vocab = json.loads((Path(folder) / "vocab.json").read_text(encoding="utf-8"))
        self.spelling = {i: token for token, i in vocab.items()}
        with tempfile.TemporaryDirectory() as out:
            # In a process of its own: the converter needs PyTorch, we do not.
            code = (
                "import sys; from ctranslate2.converters import TransformersConverter\n"
                "_, folder, out, kind = sys.argv\n"
                "converter = TransformersConverter(folder)\n"
                "converter.convert(out, quantization=kind, force=True)"
            )
            command = [sys.executable, "-c", code, folder, out, kind]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                why = (done.stderr.strip() or "no reason given").splitlines()[-1]
                raise RuntimeError(f"it could not convert the model: {why}")
            self.generator = ctranslate2.Generator(
                out, device="cpu", inter_threads=1, intra_threads=n_core()
            )
        self.versions = {"ctranslate2": version("ctranslate2")}

    def generate(self, prompts, n_new, n_beam=1):
        return self.generator.generate_batch(
            [[self.spelling[i] for i in ids] for ids in prompts],
            max_length=n_new, min_length=n_new, beam_size=n_beam, sampling_topk=1,
            include_prompt_in_result=False,
        )  # fmt: skip

    def prefill(self, ids):
        return self.generate([ids], 1)


class LlamaCpp:
    """llama.cpp, one text at a time; ``kind`` is what it keeps the matrices in."""

    def __init__(self, folder, kind="F32"):
        import llama_cpp

        with tempfile.TemporaryDirectory() as out:
            path = f"{out}/model.gguf"
            write_gguf(folder, path, kind)
            self.model = llama_cpp.Llama(
                path, n_ctx=0, n_batch=2048, n_ubatch=2048, n_threads=n_core(),
                n_threads_batch=n_core(), verbose=False,
            )  # fmt: skip
        self.versions = {"llama.cpp": f"llama-cpp-python {llama_cpp.__version__}"}

    def generate(self, prompts, n_new, n_beam=1):
        if len(prompts) > 1 or n_beam > 1:
            raise ValueError("it is asked for one text at a time")
        self.model.reset()
        self.model.eval(prompts[0])
        for _ in range(n_new - 1):
            self.model.eval([self.model.sample(temp=0.0)])
        return self.model.sample(temp=0.0)

    def prefill(self, ids):
        return self.generate([ids], 1)


def write_gguf(folder, path, kind):
    """The model as one file for llama.cpp, its matrices in this kind."""
    import gguf
    import numpy as np

    from numpygpt.weights import flatten, load

    config, params = load(folder)
    writer = gguf.GGUFWriter(path, "gpt2")
    writer.add_block_count(config.n_layer)
    writer.add_context_length(config.n_ctx)
    writer.add_embedding_length(config.n_embd)
    writer.add_feed_forward_length(config.n_inner or 4 * config.n_embd)
    writer.add_head_count(config.n_head)
    writer.add_layer_norm_eps(config.layer_norm_epsilon)
    vocab = json.loads((Path(folder) / "vocab.json").read_text(encoding="utf-8"))
    known = {i: token for token, i in vocab.items()}
    merges = (Path(folder) / "merges.txt").read_text(encoding="utf-8").splitlines()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([known.get(i, f"[{i}]") for i in range(config.n_vocab)])
    writer.add_token_merges([line for line in merges if " " in line and line[0] != "#"])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GPT2, config.n_layer)
    for name, array in flatten(params).items():
        kept = kind if array.ndim == 2 and name != "wpe.weight" else "F32"
        number = gguf.GGMLQuantizationType[kept]
        array = np.ascontiguousarray(array.T if name.startswith("h.") else array)
        name = names.get_name(f"transformer.{name}", (".weight", ".bias"))
        packed = gguf.quants.quantize(array, number)
        writer.add_tensor(name, packed, raw_dtype=number)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class Tiktoken:
    """OpenAI's tokenizer, with our merges, so that it needs no network."""

    def __init__(self, folder):
        import tiktoken

        from numpygpt import Tokenizer

        ours = Tokenizer.gpt2()
        pattern = (r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+"
                   r"|\s+(?!\S)|\s+")  # fmt: skip
        ranks = {ours.decode_bytes([i]): i for i in range(50_256)}
        self.encoding = tiktoken.Encoding(
            "gpt2", pat_str=pattern, mergeable_ranks=ranks, special_tokens={}
        )
        self.versions = {"tiktoken": version("tiktoken")}

    def encode(self, text, cold):
        return lambda: self.encoding.encode_ordinary(text)


class Plain:
    """Page one of numpygpt, plain.py: no cache, one text at a time, the weights as the
    file has them, and NumPy as it comes (loaded first)."""

    def __init__(self, folder):
        import numpy as np  # noqa: I001

        from numpygpt import plain, weights

        self.plain, self.versions = plain, {}
        self.config, params = weights.load(folder)
        flat = weights.flatten(params).items()
        self.params = weights.nest({n: np.ascontiguousarray(a) for n, a in flat})

    def generate(self, prompts, n_new):
        n_head, plain = self.config.n_head, self.plain
        return [plain.generate(ids, self.params, n_head, n_new) for ids in prompts]

    def prefill(self, ids):
        return self.plain.logits(ids, self.params, self.config.n_head)[-1:]


PEERS = {
    "numpygpt": Numpygpt,
    "transformers": Transformers,
    "transformers-eager": lambda folder: Transformers(folder, "eager"),
    "ctranslate2": CTranslate2,
    "ctranslate2-int8": lambda folder: CTranslate2(folder, "int8"),
    "llama.cpp": LlamaCpp,
    "llama.cpp-f16": lambda folder: LlamaCpp(folder, "F16"),
    "llama.cpp-q8": lambda folder: LlamaCpp(folder, "Q8_0"),
    "plain": Plain,
    "tiktoken": Tiktoken,
}


def decode(peer, prompts, n_step, **how):
    """Seconds a step of generation, the reading of the prompts taken off: what
    ``1 + n_step`` new tokens take longer than one."""
    one, more = 1, 0
    while more <= one:  # the machine did something else meanwhile: once more
        one = seconds(peer.generate, prompts, 1, **how)
        more = seconds(peer.generate, prompts, 1 + n_step, **how)
    return (more - one) / n_step


def check(peer, prompt, draft):
    """Seconds to score a draft, the prompt being known; the best of three, since it
    is over so soon."""
    run = peer.checker(prompt, draft)
    run()
    return min(seconds(run) for _ in range(3))


def encode(peer, path, cold):
    """Seconds for a file's text."""
    text = Path(path).read_text(encoding="utf-8")
    return seconds(peer.encode(text, cold))


def answer(peer, do, **request):
    """Do what a request asks for; seconds."""
    if do in ("decode", "check", "encode"):
        return globals()[do](peer, **request)
    if do in ("bandwidth", "product", "grow"):
        return getattr(peer, do)(**request)
    return seconds(getattr(peer, do), **request)


def serve(who, folder):
    """Load a peer and answer requests until there are no more."""
    # Libraries print what they like; only our answers may go to where they are read.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(**line):
        print(json.dumps(line), file=out, flush=True)

    try:
        peer = PEERS[who](folder)
    except Exception as error:
        return say(error=f"{error}" or type(error).__name__)
    say(versions=peer.versions)
    for line in sys.stdin:
        try:
            say(seconds=answer(peer, **json.loads(line)))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # tiktoken's panics are no Exceptions
            say(error=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
        parser.add_argument("who", choices=PEERS)
        parser.add_argument("folder", help="the model")
        serve(**vars(parser.parse_args()))
