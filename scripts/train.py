"""Training: from a text to a model folder that numpygpt and transformers open.

    pip install -e .[train]
    python scripts/train.py CORPUS RUN --minutes 100

CORPUS is a folder with train.txt and held_out.txt, stories that each end with a line
``<|endoftext|>``. RUN is a folder for everything that comes out: checkpoint.pt, from
which the same command goes on after an interruption, log.jsonl, curve.svg, and model/,
the best model so far. This is the one job for which the project uses PyTorch: it
needs gradients, and half precision on a CPU or a GPU.

The problem: find the weights that make held-out stories least surprising. Surprise is
measured in bits per byte of text, which does not depend on how the text is cut into
tokens; a story of a million bytes that costs 1.5 bits each would compress to 190 kB.

The idea is the same as in every GPT: predict the next token at every position, follow
the gradient of the error down. What is left to choose is the recipe, and with an hour
or two on a small machine every choice is about not wasting arithmetic:

- Mixed precision by hand. The weights live in float32 ("masters"); before each step
  the matrices are copied to bfloat16, in which processors multiply several times
  faster. The copies get the gradients, the masters the update: in bfloat16's 8 bits
  of precision a small update would round to nothing. Norms, biases and the embedding
  lookup, which cost nothing and add up many small numbers, stay in float32.
- Muon for the matrices (Jordan et al., 2024, kellerjordan.github.io/posts/muon).
  A gradient of a matrix is usually dominated by a few directions. Muon replaces it by
  the nearest orthogonal matrix, so that all directions move equally. It learns more
  from each token than Adam, for a tenth more time a step. Embeddings, norms and
  biases are not maps between vectors; they go to AdamW (arXiv:1711.05101).
- The layers that write to the residual stream start at zero, so that the untrained
  network is the identity, and positions start as sinusoids, which tell near from far
  before anything is learned. Both only start so: the result is a plain GPT-2.
- The learning rate rises briefly, stays, and falls to zero along a straight line over
  the last third (arXiv:2405.18392). Most of the visible progress comes in the fall.
  Until it begins the run's length is open: a cosine has to know it in advance.
- The window is short. Attention over 512 tokens costs a third more time a step than
  over 256, and every position has an embedding of its own to learn. ``--short-ctx 256
  --n-ctx 512`` begins with short windows and ends with long ones, which pays in a run
  that is long enough for the new positions to catch up.
- ``--init FOLDER`` goes on from a finished model. Its optimisers' memory is gone and
  its rate had fallen to zero, so the rate rises anew, to half of what it was.
- Beside the weights runs their moving average over the last couple of hundred steps.
  While the rate is high it is the better model.

Try: ``--optimizer adamw --adam-lr 0.001``. Then ``--decay 0``, and see what the fall is
worth.
"""

import argparse
import json
import math
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import corpus
import curve
import numpy as np
from extras import optional, refuse_without

from numpygpt import GPT2, GPT2Config, Tokenizer
from numpygpt.files.terminal import count, harmless, without_traceback
from numpygpt.weights import flatten, load, nest

torch, F = optional("torch"), optional("torch.nn.functional")

# --------------------------------------------------------------- the model


def init_params(config, seed):
    """What training starts from: {GPT-2's name: float32 tensor}, matrices [in, out]."""
    rng, params = torch.Generator().manual_seed(seed), {}
    for name, shape in config.shapes().items():
        if name == "wpe.weight":
            params[name] = 0.02 * sinusoids(*shape)
        elif name.endswith("bias"):
            params[name] = torch.zeros(shape)
        elif len(shape) == 1:
            params[name] = torch.ones(shape)
        else:
            std = 0.02 if name == "wte.weight" else 0.5 * shape[0] ** -0.5
            std = 0.0 if "c_proj" in name else std
            params[name] = torch.randn(shape, generator=rng) * std
    return params


def sinusoids(n_ctx, n_embd):
    """A clock hand for every pair of columns, each slower than the one before."""
    speed = 10000 ** -(torch.arange(0, n_embd, 2) / n_embd)
    angle = torch.arange(n_ctx)[:, None] * speed
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def linear(x, p, name):
    weight = p[name + ".weight"]
    return torch.addmm(p[name + ".bias"].to(weight.dtype), x, weight)


def norm(x, p, name, dtype):
    weight, bias = p[name + ".weight"], p[name + ".bias"]
    return F.layer_norm(x, x.shape[-1:], weight, bias, 1e-5).to(dtype)


def gelu(x):
    """GPT-2's GELU: x/2 (1 + tanh u) equals x sigmoid(2u), one exp instead of a tanh
    (9 ms instead of 23 for [8192, 1536] on two cores)."""
    return x * torch.sigmoid(1.5957691216057308 * (x + 0.044715 * x * x * x))


def attention(x, p, h, n_row, n_head):
    """[n_row * n_ctx, n_embd] -> the same; every row of the batch by itself."""
    n_ctx, d_head = x.shape[0] // n_row, x.shape[1] // n_head
    qkv = linear(x, p, h + "attn.c_attn").view(n_row, n_ctx, 3, n_head, d_head)
    q, k, v = qkv.permute(2, 0, 3, 1, 4)  # [n_row, n_head, n_ctx, d_head] each
    if x.is_cuda:
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    else:  # on a CPU its backward pass is slower than the plain formula's
        scores = (q * d_head**-0.5) @ k.transpose(-1, -2)
        place = torch.arange(n_ctx)
        scores = torch.where(place[:, None] >= place, scores.float(), -1e30)
        mixed = scores.softmax(-1).to(v.dtype) @ v
    return linear(mixed.transpose(1, 2).reshape(x.shape), p, h + "attn.c_proj")


def hidden(p, ids, config):
    """ids [n_row, n_ctx] -> the final hidden states [n_row * n_ctx, n_embd].

    The residual stream is float32, what the layers compute from it is in the dtype
    of the matrices.
    """
    n_row, n_ctx = ids.shape
    dtype = p["h.0.attn.c_attn.weight"].dtype
    x = (F.embedding(ids, p["wte.weight"]) + p["wpe.weight"][:n_ctx]).flatten(0, 1)
    for i in range(config.n_layer):
        h = f"h.{i}."
        rows = norm(x, p, h + "ln_1", dtype)
        x = x + attention(rows, p, h, n_row, config.n_head)
        rows = norm(x, p, h + "ln_2", dtype)
        x = x + linear(gelu(linear(rows, p, h + "mlp.c_fc")), p, h + "mlp.c_proj")
    return norm(x, p, "ln_f", dtype)


def loss_of(p, ids, targets, config):
    """The mean surprise, in nats a token."""
    logits = hidden(p, ids, config) @ p["lm_head.weight"].t()
    return F.cross_entropy(logits.float(), targets.flatten())


# ----------------------------------------------- the weights and their update


def is_matrix(name):
    """The four matrices of a block: what is multiplied in half precision by Muon."""
    return name.startswith("h.") and name.endswith(".weight") and "ln_" not in name


def orthogonalise(g, n_step=5):
    """[n, rows, cols], rows <= cols: U S V^T -> about U V^T, without computing an SVD.

    Newton-Schulz: an odd polynomial of a matrix acts on its singular values alone;
    this one, applied again and again, drives them all to about 1 (0.7 to 1.2).
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (g.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(n_step):
        s = x @ x.transpose(-1, -2)
        # x <- a x + (b s + c s s) x
        x = torch.baddbmm(x, torch.baddbmm(s, s, s, beta=b, alpha=c), x, beta=a)
    return x


class Weights:
    """The float32 masters, their working copies, and the optimisers' memory."""

    def __init__(self, params, args):
        self.args, self.params = args, params
        self.dtype = getattr(torch, args.dtype)
        self.average = {n: p.clone() for n, p in params.items()}
        matrices = [n for n in params if is_matrix(n)]
        muon = matrices if args.optimizer == "muon" else []
        self.momentum = {n: torch.zeros_like(params[n], dtype=self.dtype) for n in muon}
        groups = [{"params": [p for n, p in params.items() if not is_matrix(n)]}]
        if args.optimizer == "adamw":
            decayed = [params[n] for n in matrices]
            groups.append({"params": decayed, "weight_decay": 0.1})
        self.adam = torch.optim.AdamW(
            groups, lr=args.adam_lr, betas=(0.9, 0.95), weight_decay=0.0, fused=True
        )
        self.working = self.copies(self.params)
        self.pool = ThreadPoolExecutor(args.workers, initializer=one_core)
        # The same memory under several names, each with a gradient of its own.
        self.leaves = [
            {n: p.detach().requires_grad_() for n, p in self.working.items()}
            for _ in range(args.workers)
        ]

    def copies(self, params):
        """What the forward pass multiplies with: the matrices in half precision. The
        embedding is used twice, and as the output layer it is a matrix too."""
        copies = {
            n: p.detach().to(self.dtype, copy=True) if is_matrix(n) else p
            for n, p in params.items()
        }
        wte = params["wte.weight"].detach()
        copies["lm_head.weight"] = wte.to(self.dtype, copy=True)
        return copies

    def gradients(self, loss_of, parts):
        """The mean loss over the parts of a batch, and {name: its gradient}.

        Every worker takes the next part as soon as it is free, so that a core which
        is busy with something else delays no one. Sums are added in the order they
        come: only with one worker does a run repeat to the bit.
        """
        queue = iter(parts)

        def work(leaves):
            total = 0.0
            for part in queue:
                loss = loss_of(leaves, *part) / len(parts)
                loss.backward()
                total += loss.item()
            return total

        loss = sum(self.pool.map(work, self.leaves))
        grads = {}
        for leaves in self.leaves:
            for name, leaf in leaves.items():
                if leaf.grad is not None:
                    have = grads.get(name)
                    grads[name] = leaf.grad if have is None else have.add_(leaf.grad)
                    leaf.grad = None
        return loss, grads

    @torch.no_grad()
    def step(self, grads, factor):
        """One update of the masters and their copies."""
        args = self.args
        grads["wte.weight"] += grads.pop("lm_head.weight")
        size = torch.stack([g.float().norm() for g in grads.values()]).norm()
        clip = torch.clamp(args.clip / size, max=1.0).item()
        torch._foreach_mul_(list(grads.values()), clip)
        self.muon(grads, args.lr * factor)
        for name, p in self.params.items():
            if name not in self.momentum:
                p.grad = grads[name].float()
        for group in self.adam.param_groups:
            group["lr"] = args.adam_lr * factor
        self.adam.step()
        for name, p in self.working.items():
            master = self.params.get(name, self.params["wte.weight"])
            if p is not master:
                p.copy_(master)
            master.grad = None

    def muon(self, grads, lr):
        """Momentum, orthogonalised: matrices of one shape are done in one product."""
        shapes = {}
        for name, momentum in self.momentum.items():
            grad, master = grads[name], self.params[name]
            momentum.lerp_(grad, 0.05)
            update = grad.lerp(momentum, 0.95)  # Nesterov: look one step ahead
            master.mul_(1 - lr * self.args.weight_decay)
            # c_attn is three matrices side by side, for queries, keys and values.
            n_part = 3 if "c_attn" in name else 1
            for u, p in zip(update.chunk(n_part, 1), master.chunk(n_part, 1)):
                if u.shape[0] > u.shape[1]:
                    u, p = u.t(), p.t()
                scale = max(1, master.shape[1] / n_part / master.shape[0]) ** 0.5
                shapes.setdefault(tuple(u.shape), []).append((u, p, scale))
        stacks = [torch.stack([u for u, _, _ in parts]) for parts in shapes.values()]
        stacks = self.pool.map(torch.no_grad()(orthogonalise), stacks)
        for updates, parts in zip(stacks, shapes.values()):
            for u, (_, p, scale) in zip(updates, parts):
                p.add_(u, alpha=-lr * scale)

    @torch.no_grad()
    def remember(self, share=0.05):
        """Move the average a little towards the masters."""
        masters = [p.detach() for p in self.params.values()]
        torch._foreach_lerp_(list(self.average.values()), masters, share)

    def state(self):
        return {"params": self.params, "average": self.average,
                "momentum": self.momentum, "adam": self.adam.state_dict()}  # fmt: skip

    @torch.no_grad()
    def restore(self, state):
        for name in ("params", "average", "momentum"):
            for key, mine in getattr(self, name).items():
                mine.copy_(state[name][key])
        self.adam.load_state_dict(state["adam"])
        for name, copy in self.copies(self.params).items():
            self.working[name].copy_(copy)  # in place: the workers' leaves see it


def one_core():
    """Before a worker thread starts: its arithmetic makes no threads of its own."""
    torch.set_num_threads(1)


# ------------------------------------------------------------------ the run


class Run:
    """A training run: all its state, and the steps that change it."""

    def __init__(self, args):
        self.args, self.folder = args, args.run
        self.folder.mkdir(parents=True, exist_ok=True)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = Tokenizer.gpt2(n_merges=args.n_merges)
        stories = self.load("train")
        self.batches = corpus.Batches(stories, args.batch, args.seed)
        self.held_out = np.concatenate(self.load("held_out"))
        self.n_byte = (args.corpus / "held_out.txt").stat().st_size
        self.config = config_of(args, self.tokenizer, args.n_ctx)
        params = self.first_params()
        params = {n: p.to(self.device) for n, p in params.items()}
        self.weights = Weights(params, args)
        self.loss_of = partial(loss_of, config=self.config)
        if args.compile:  # fuses what lies between the matrix products
            self.loss_of = torch.compile(self.loss_of, dynamic=False)
        self.step, self.tokens, self.seconds, self.smooth = 0, 0, 0.0, None
        self.best, self.misses = math.inf, 0
        n_token = sum(map(len, stories))
        self.say(f"{self.config.n_params:,} parameters, {n_token:,} tokens of text")
        if (self.folder / "checkpoint.pt").exists():
            self.resume()
        self.clock = time.time() - self.seconds

    def load(self, name):
        """Tokenised stories; the ids are kept beside the checkpoint."""
        cache = self.folder / f"{name}-{self.args.n_merges}.npy"
        return corpus.load_stories(
            self.args.corpus / f"{name}.txt", self.tokenizer, cache
        )

    def first_params(self):
        """What the run starts from: random weights, or those of the folder --init."""
        if self.args.init is None:
            return init_params(self.config, self.args.seed)
        config, params = load(self.args.init)
        if config.shapes() != self.config.shapes():
            raise ValueError(f"--init {self.args.init} is a model of another shape")
        vocab = Tokenizer.from_pretrained(self.args.init).vocab
        if vocab != self.tokenizer.vocab:
            raise ValueError(f"--init {self.args.init} has another vocabulary")
        arrays = flatten(params).items()
        return {n: torch.from_numpy(np.array(a, order="C")) for n, a in arrays}

    def say(self, text):
        print(text, flush=True)

    def progress(self):
        """The part of the run that is done, 0 to 1: of its steps, or of its time."""
        if self.args.steps:
            return self.step / self.args.steps
        return (time.time() - self.clock) / 60 / self.args.minutes

    def n_ctx(self, done):
        short = done < self.args.short_until
        return min(self.args.short_ctx if short else self.args.n_ctx, self.args.n_ctx)

    def train_step(self, done):
        """One batch, one update."""
        ids, targets = self.batches.next(self.n_ctx(done))
        loss, grads = self.weights.gradients(self.loss_of, self.parts(ids, targets))
        self.weights.step(grads, rate(done, self.step, self.args))
        self.step += 1
        self.tokens += ids.size
        if self.step % 10 == 0:
            self.weights.remember()
        self.smooth = loss if self.smooth is None else 0.98 * self.smooth + 0.02 * loss

    def parts(self, *arrays):
        """Cut a batch into parts for the workers, equal ones: [(ids, targets), ...]"""
        n_row = max(1, self.args.part // arrays[0].shape[1])
        n_row = math.gcd(n_row, len(arrays[0]))
        tensors = [torch.from_numpy(a).to(self.device).split(n_row) for a in arrays]
        return list(zip(*tensors))

    def train(self):
        """Until the steps or the minutes are used up, or nothing improves."""
        args, last = self.args, dict.fromkeys(("say", "save", "evaluate"), time.time())
        begin, tokens = time.time(), self.tokens
        while (done := self.progress()) < 1:
            self.train_step(done)
            now = time.time()
            if now - last["say"] >= args.say_every:
                last["say"] = now
                speed = (self.tokens - tokens) / (now - begin)
                begin, tokens = now, self.tokens
                left = (now - self.clock) * (1 / max(self.progress(), 1e-9) - 1)
                self.say(
                    f"step {self.step}, {done:.1%}, loss {self.smooth:.3f}, "
                    f"{speed:.0f} tokens/s, {left / 60:.1f} minutes left"
                )
            if now - last["evaluate"] >= 60 * args.evaluate_every:
                self.evaluate()
                last["evaluate"] = time.time()
            if now - last["save"] >= 60 * args.save_every:
                self.save()
                last["save"] = time.time()
            if args.patience and self.misses >= args.patience:
                self.say(f"no better for {self.misses} evaluations: stop")
                break
        self.evaluate()
        self.save()

    # ---- looking at the result

    def evaluate(self):
        """Held-out bits per byte and a sample; the model folder, if it is the best."""
        n_ctx = self.batches.n_ctx or self.n_ctx(0)
        average = self.weights.copies(self.weights.average)
        bits, of_average = (
            self.bits(p, n_ctx) for p in (self.weights.working, average)
        )
        record = {
            "step": self.step, "tokens": self.tokens,
            "elapsed": round(time.time() - self.clock, 1),
            "progress": round(self.progress(), 4), "loss": round(self.smooth or 0, 4),
            "bits": round(bits, 4), "bits_average": round(of_average, 4),
            "epoch": self.batches.epoch, "n_ctx": n_ctx,
        }  # fmt: skip
        with open(self.folder / "log.jsonl", "a", encoding="utf-8") as log:
            log.write(json.dumps(record) + "\n")
        better = bits < of_average
        best = self.weights.working if better else average
        self.say(f"{record}\n{self.sample(best, n_ctx)}\n")
        self.misses += 1
        if min(bits, of_average) < self.best:
            self.best, self.misses = min(bits, of_average), 0
            masters = self.weights.params if better else self.weights.average
            self.export(masters, n_ctx)
        curve.draw(self.folder / "log.jsonl", self.folder / "curve.svg")

    @torch.no_grad()
    def bits(self, p, n_ctx):
        """An estimate of bits per byte, from windows spread over the held-out text.
        evaluate.py does it story by story; this is a few per cent higher, because
        the beginning of a window has little context."""
        n_row, n_batch = max(1, self.args.batch // n_ctx), self.args.n_evaluate
        room = len(self.held_out) - n_ctx - 1
        starts = np.linspace(0, room, n_batch * n_row).astype(int)
        parts = self.parts(*corpus.windows(self.held_out, starts, n_ctx))
        surprise = torch.no_grad()(lambda part: self.loss_of(p, *part).item())
        losses = list(self.weights.pool.map(surprise, parts))
        tokens_a_byte = len(self.held_out) / self.n_byte
        return sum(losses) / len(losses) / math.log(2) * tokens_a_byte

    @torch.no_grad()
    def sample(self, p, n_ctx, n_token=80):
        """The beginning of a story, always from the same draws."""
        rng = torch.Generator().manual_seed(self.args.seed)
        ids = [self.tokenizer.eos_token_id]
        for _ in range(n_token):
            window = torch.tensor([ids[-n_ctx:]], device=self.device)
            logits = hidden(p, window, self.config)[-1] @ p["lm_head.weight"].t()
            q = (logits.float().cpu() / 0.8).softmax(-1)
            ids.append(torch.multinomial(q, 1, generator=rng).item())
        return self.tokenizer.decode(ids[1:])

    def export(self, params, n_ctx):
        """Write a model folder in half precision, of the positions that are trained."""
        arrays = {n: p.detach().float().cpu().numpy() for n, p in params.items()}
        arrays["wpe.weight"] = arrays["wpe.weight"][:n_ctx]
        config = config_of(self.args, self.tokenizer, n_ctx)
        folder = self.folder / "model"
        GPT2(config, nest(arrays)).save_pretrained(folder, dtype=np.float16)
        self.tokenizer.save_pretrained(folder)

    # ---- stopping and going on

    def save(self):
        """Everything the next step depends on; whole or not at all."""
        state = {
            "weights": self.weights.state(), "place": self.batches.place,
            "step": self.step, "tokens": self.tokens, "smooth": self.smooth,
            "seconds": time.time() - self.clock,
            "best": self.best, "misses": self.misses,
        }  # fmt: skip
        beside = self.folder / "checkpoint.part"
        torch.save(state, beside)
        os.replace(beside, self.folder / "checkpoint.pt")

    def resume(self):
        path = self.folder / "checkpoint.pt"
        state = torch.load(path, map_location=self.device, weights_only=True)
        shapes = {n: tuple(p.shape) for n, p in state["weights"]["params"].items()}
        if shapes != self.config.shapes():
            raise ValueError(f"{path} is of a model of another shape: take a new RUN")
        self.weights.restore(state["weights"])
        self.batches.place = state["place"]
        for name in ("step", "tokens", "smooth", "seconds", "best", "misses"):
            setattr(self, name, state[name])
        self.say(f"going on after step {self.step}")


def rate(done, step, args):
    """The factor on the learning rates: a short rise, a plain, a straight fall to 0.

    >>> from argparse import Namespace
    >>> args = Namespace(warmup=4, decay=0.5)
    >>> [rate(step / 12, step, args) for step in range(0, 12, 3)]
    [0.25, 1.0, 1.0, 0.5]
    """
    rise = (step + 1) / args.warmup if args.warmup else 1.0
    fall = (1 - done) / args.decay if args.decay else 1.0
    return max(0.0, min(1.0, rise, fall))


def config_of(args, tokenizer, n_ctx):
    end = tokenizer.eos_token_id
    return GPT2Config(
        vocab_size=tokenizer.n_vocab, n_positions=n_ctx, n_embd=args.n_embd,
        n_layer=args.n_layer, n_head=args.n_head, bos_token_id=end, eos_token_id=end,
    )  # fmt: skip


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description="Train a GPT-2 on a text.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("corpus", type=Path, help="a folder with train.txt and held_out.txt")
    add("run", type=Path, help="a folder for the results, resumed if it has any")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--steps", type=count, help="length of the run, in updates")
    length.add_argument("--minutes", type=float, help="... or on the clock")
    add("--init", type=Path, help="start from this model folder, not at random")
    add("--n-merges", type=int, default=3839, help="of GPT-2's; 257 more ids")
    add("--n-layer", type=count, default=4, help="blocks")
    add("--n-head", type=count, default=6, help="attention heads")
    add("--n-embd", type=count, default=384, help="width")
    add("--n-ctx", type=count, default=256, help="tokens the model can see")
    add("--short-ctx", type=count, default=256, help="... at first, if fewer")
    add("--short-until", type=float, default=0.7, help="part of the run with that")
    add("--batch", type=count, default=8192, help="tokens an update")
    add("--part", type=count, default=1024, help="... of it that a worker has at once")
    add("--workers", type=count, default=2, help="threads that compute gradients")
    add("--optimizer", choices=("muon", "adamw"), default="muon")
    add("--lr", type=float, default=0.02, help="of Muon")
    add("--adam-lr", type=float, default=0.003, help="of AdamW")
    add("--weight-decay", type=float, default=0.02, help="of Muon, times lr a step")
    add("--clip", type=float, default=1.0, help="largest norm of the gradient")
    add("--warmup", type=int, default=100, help="steps of the rise")
    add("--decay", type=float, default=0.35, help="part of the run for the fall")
    add("--dtype", default="bfloat16", choices=("bfloat16", "float32"))
    add("--compile", action=argparse.BooleanOptionalAction, default=True)
    add("--seed", type=int, default=1)
    add("--patience", type=int, default=0, help="evaluations without gain; 0: never")
    add("--say-every", type=float, default=20, help="seconds")
    add("--save-every", type=float, default=4, help="minutes")
    add("--evaluate-every", type=float, default=10, help="minutes")
    add("--n-evaluate", type=count, default=4, help="batches of held-out text")
    return harmless(parser).parse_args(argv)


@without_traceback("train.py")
def main(argv=None):
    args = parse(argv)
    refuse_without("train", torch)
    Run(args).train()
    return 0


if __name__ == "__main__":
    sys.exit(main())
