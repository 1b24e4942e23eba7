"""Training: resuming changes no bit, and the model folder is what was trained."""

import copy
import io
import json
import math
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from numpygpt import GPT2, GPT2Config, Tokenizer, plain, scoring
from numpygpt.weights import flatten, nest

pytestmark = pytest.mark.reference

SMALL = (
    "--n-merges 50 --n-layer 2 --n-head 2 --n-embd 32 --n-ctx 32 --short-ctx 16 "
    "--batch 128 --part 64 --workers 1 --no-compile --n-evaluate 2 --warmup 4 "
    "--steps 24"
).split()


@pytest.fixture(autouse=True)
def one_core():
    """These models are so small that threads would mostly wait for each other."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    words = "the fox and a hen ran to some old wood where they slept".split()
    rng = np.random.default_rng(0)
    for name, n in (("train", 60), ("held_out", 8)):
        stories = (" ".join(rng.choice(words, 60)) + "." for _ in range(n))
        text = "".join(f"{story}\n<|endoftext|>\n" for story in stories)
        (folder / f"{name}.txt").write_text(text)
    return folder


def run(folder, to, stop_after=None, extra=()):
    """Train; with `stop_after`, save at that step and stop as if the plug was out."""
    import train

    run = train.Run(train.parse([str(folder), str(to), *SMALL, *extra]))
    if stop_after is None:
        run.train()
    else:
        while run.step < stop_after:
            run.train_step(run.progress())
        run.save()
        run.train_step(run.progress())  # a step that is lost
    return run


@pytest.mark.parametrize(
    "optimizer, dtype", [("muon", "bfloat16"), ("adamw", "float32")]
)
def test_a_resumed_run_ends_in_the_same_bits(folder, tmp_path, optimizer, dtype):
    import torch

    extra = ["--optimizer", optimizer, "--dtype", dtype]
    whole = run(folder, tmp_path / "whole", extra=extra)
    for stop in (7, 20):  # in short windows, in long ones
        run(folder, tmp_path / "parts", stop, extra)
    parts = run(folder, tmp_path / "parts", extra=extra)
    a, b = whole.weights.state(), parts.weights.state()
    for kind in ("params", "average", "momentum"):
        assert all(torch.equal(a[kind][n], b[kind][n]) for n in a[kind])
    assert (whole.batches.place, whole.smooth) == (parts.batches.place, parts.smooth)
    assert whole.step == parts.step == 24


def test_it_learns_and_numpygpt_opens_what_it_writes(folder, tmp_path):
    import torch
    import train

    trained = run(folder, tmp_path, extra=["--steps", "150"])
    log = [json.loads(row) for row in (tmp_path / "log.jsonl").open()]
    assert log[-1]["bits"] < 1.6  # 13 words at random: about 1 bit a byte
    model = GPT2.from_pretrained(tmp_path / "model")
    tokenizer = Tokenizer.from_pretrained(tmp_path / "model")
    assert tokenizer.n_vocab == model.config.n_vocab == 307
    ids = tokenizer.encode("the fox and a hen")
    better = log[-1]["bits"] < log[-1]["bits_average"]
    masters = trained.weights.params if better else trained.weights.average
    p = {n: a.half().float() for n, a in masters.items()}
    p["lm_head.weight"] = p["wte.weight"]
    logits = train.hidden(p, torch.tensor([ids]), model.config) @ p["wte.weight"].t()
    assert np.abs(model(ids) - logits.detach().numpy()).max() < 1e-4
    assert (tmp_path / "curve.svg").read_text().startswith("<svg")


def test_workers_share_the_work(folder, tmp_path):
    """Two take the parts as they come; the sums differ by rounding alone."""
    extra = ["--dtype", "float32", "--steps", "5"]
    one = run(folder, tmp_path / "1", extra=extra)
    two = run(folder, tmp_path / "2", extra=[*extra, "--workers", "2"])
    assert abs(one.smooth - two.smooth) < 1e-5


def test_a_checkpoint_of_another_shape_is_refused(folder, tmp_path):
    import train

    run(folder, tmp_path, stop_after=1)
    with pytest.raises(ValueError, match="another shape"):
        train.Run(train.parse([str(folder), str(tmp_path), *SMALL, "--n-embd", "16"]))


def test_early_stopping(folder, tmp_path):
    extra = ["--patience", "2", "--evaluate-every", "0", "--lr", "0", "--adam-lr", "0"]
    assert run(folder, tmp_path, extra=extra).step < 24


def test_orthogonalised_matrices_have_singular_values_of_about_one():
    import torch
    import train

    g = torch.randn(3, 8, 20, generator=torch.Generator().manual_seed(0))
    s = torch.linalg.svdvals(train.orthogonalise(g))
    assert 0.6 < s.min() and s.max() < 1.3


# Each formula of the update against the same in NumPy.


def small_weights(optimizer, **changes):
    """(train's Weights of a tiny model, their values, random gradients, options)."""
    import torch
    import train

    options = ["x", "y", *SMALL, "--optimizer", optimizer, "--dtype", "float32"]
    args = train.parse(options)
    for name, value in changes.items():
        setattr(args, name, value)
    config = GPT2Config(11, n_positions=8, n_embd=6, n_layer=1, n_head=2)
    params = train.init_params(config, 0)
    rng = torch.Generator().manual_seed(1)
    params = {
        n: p + 0.1 * torch.randn(p.shape, generator=rng) for n, p in params.items()
    }
    weights = train.Weights(params, args)
    values = {n: p.double().numpy().copy() for n, p in params.items()}
    grads = {n: torch.randn(p.shape, generator=rng) for n, p in params.items()}
    grads["lm_head.weight"] = torch.randn(11, 6, generator=rng)
    return weights, values, grads, args


def clipped(grads, most):
    """The tied embedding's two gradients added; all of them no longer than ``most``."""
    grads = {n: g.double().numpy().copy() for n, g in grads.items()}
    grads["wte.weight"] += grads.pop("lm_head.weight")
    size = np.sqrt(sum((g**2).sum() for g in grads.values()))
    return {n: g * min(1.0, most / size) for n, g in grads.items()}


def is_matrix(name):
    return name.startswith("h.") and name.endswith("weight") and "ln_" not in name


def adam_step(value, grads, lr, decay):
    """AdamW (Loshchilov & Hutter, arXiv:1711.05101) after these gradients."""
    m = v = 0.0
    for t, g in enumerate(grads, 1):
        m, v = 0.9 * m + 0.1 * g, 0.95 * v + 0.05 * g**2
        value = value * (1 - lr * decay)
        step = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.95**t)) + 1e-8)
        value = value - lr * step
    return value


@pytest.mark.parametrize("clip", [1.0, 1e9])
def test_adamw_decays_the_matrices_alone_and_clips(clip):
    weights, values, grads, args = small_weights("adamw", clip=clip, adam_lr=0.2)
    want_grads = clipped(grads, clip)
    for factor in (0.5, 0.5):
        weights.step({n: g.clone() for n, g in grads.items()}, factor)
    for name, p in weights.params.items():
        decay = 0.1 if is_matrix(name) else 0.0
        g = want_grads[name]
        want = adam_step(values[name], [g, g], 0.5 * args.adam_lr, decay)
        np.testing.assert_allclose(p.numpy(), want, rtol=2e-4, atol=2e-5, err_msg=name)
        copy = weights.working[name]
        assert np.array_equal(copy.numpy(), p.numpy())
    head = weights.working["lm_head.weight"]
    assert np.array_equal(head.numpy(), weights.params["wte.weight"].numpy())


def orthogonal(g):
    x = g / (np.linalg.norm(g) + 1e-7)
    for _ in range(5):
        s = x @ x.T
        x = 3.4445 * x + (-4.7750 * s + 2.0315 * s @ s) @ x
    return x


def test_muon_looks_one_step_ahead():
    """Momentum, Nesterov's step, weight decay, the scale of wide matrices; queries,
    keys and values each for themselves (Jordan et al. 2024)."""
    weights, values, grads, args = small_weights("muon", clip=1e9, weight_decay=0.5)
    want_grads, lr = clipped(grads, 1e9), args.lr * 0.25
    for _ in range(2):
        weights.step({n: g.clone() for n, g in grads.items()}, 0.25)
    for name in filter(is_matrix, values):
        g, value, momentum = want_grads[name], values[name], 0.0
        for _ in range(2):
            momentum = 0.95 * momentum + 0.05 * g
            update = 0.05 * g + 0.95 * momentum
            value = value * (1 - lr * 0.5)
            parts = []
            for u in np.split(update, 3 if "c_attn" in name else 1, axis=1):
                n_in, n_out = u.shape
                o = orthogonal(u) if n_in <= n_out else orthogonal(u.T).T
                parts.append(o * max(1, n_out / n_in) ** 0.5)
            value = value - lr * np.concatenate(parts, axis=1)
        got = weights.params[name].numpy()
        np.testing.assert_allclose(got, value, rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize(("given", "share"), [([0.25], 0.25), ([], 0.05)])
def test_the_average_moves_by_its_share(given, share):
    weights, values, grads, _ = small_weights("muon", lr=1.0, adam_lr=0.1)
    weights.step(grads, 1.0)
    weights.remember(*given)
    for name, p in weights.params.items():
        want = (1 - share) * values[name] + share * p.double().numpy()
        np.testing.assert_allclose(weights.average[name].numpy(), want, atol=1e-6)


def test_the_forward_pass_is_the_plain_one():
    import torch
    import train

    weights, values, _, _ = small_weights("muon")
    config = GPT2Config(11, n_positions=8, n_embd=6, n_layer=1, n_head=2)
    ids = np.array([[1, 2, 3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 4, 3, 2, 1]])
    want = [plain.logits(row, nest(values), 2) for row in ids]
    p = weights.working
    got = train.hidden(p, torch.from_numpy(ids), config) @ p["lm_head.weight"].t()
    np.testing.assert_allclose(got.numpy(), np.concatenate(want), atol=2e-5)
    targets = np.roll(ids, -1, axis=1)
    loss = train.loss_of(p, torch.from_numpy(ids), torch.from_numpy(targets), config)
    want = scoring.loss(np.concatenate(want), targets.reshape(-1))
    assert loss.item() == pytest.approx(float(want), abs=1e-5)


def test_what_training_starts_from():
    import torch
    import train

    config = GPT2Config(300, n_positions=64, n_embd=96, n_layer=1, n_head=2)
    p = train.init_params(config, 0)
    assert p["wte.weight"].std() == pytest.approx(0.02, rel=0.05)
    assert p["h.0.mlp.c_fc.weight"].std() == pytest.approx(0.5 * 96**-0.5, rel=0.05)
    for name in ("h.0.attn.c_proj.weight", "h.0.mlp.c_proj.weight", "ln_f.bias"):
        assert not p[name].any()
    assert (p["h.0.ln_1.weight"] == 1).all()
    angle = np.arange(64)[:, None] / 10000 ** (np.arange(0, 96, 2) / 96)
    want = 0.02 * np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
    np.testing.assert_allclose(p["wpe.weight"].numpy(), want, atol=1e-6)
    again = train.init_params(config, 0)
    assert all(torch.equal(p[name], again[name]) for name in p)


def test_the_rate_rises_stays_and_falls():
    from argparse import Namespace

    import train

    args = Namespace(warmup=4, decay=0.25)
    found = [train.rate(done, step, args) for step, done in enumerate([0, 0.1, 0.2])]
    assert found == [0.25, 0.5, 0.75]
    assert train.rate(0.75, 50, args) == train.rate(0.5, 50, args) == 1
    assert train.rate(0.875, 50, args) == 0.5
    assert train.rate(1.0, 50, args) == train.rate(1.1, 50, args) == 0
    assert train.rate(0.99, 0, Namespace(warmup=0, decay=0)) == 1


@pytest.mark.parametrize(("batch", "n_window"), [(128, 16), (8, 2)])
def test_bits_per_byte_of_the_held_out_text(folder, tmp_path, batch, n_window):
    """The mean of some windows, in bits, for as many bytes as a token has."""
    trained = run(folder, tmp_path, stop_after=1, extra=["--dtype", "float32"])
    trained.args.batch = batch
    p = trained.weights.working
    params = nest(
        {n: t.double().numpy() for n, t in p.items() if n in trained.weights.params}
    )
    n_ctx, held = 16, trained.held_out
    starts = np.linspace(0, len(held) - n_ctx - 1, n_window).astype(int)
    total = 0.0
    for at in starts:
        rows = plain.logits(held[at : at + n_ctx], params, 2)
        total += float(scoring.loss(rows, held[at + 1 : at + 1 + n_ctx])) / n_window
    n_byte = (folder / "held_out.txt").stat().st_size
    assert trained.n_byte == n_byte
    want = total / np.log(2) * len(held) / n_byte
    assert trained.bits(p, n_ctx) == pytest.approx(want, rel=1e-5)


# What the formulas above leave out.


def test_a_gradient_of_almost_nothing_stays_finite():
    """1e-7 is added to its size: of 1e-7 becomes 1/2, and that is driven to about 1."""
    import torch
    import train

    x = 0.5
    for _ in range(5):
        x = 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5
    found = train.orthogonalise(torch.tensor([[[1e-7]], [[0.0]]]))
    assert found[0].item() == pytest.approx(x, abs=1e-4) and found[1].item() == 0


@pytest.mark.parametrize("n_worker", [1, 2])
def test_gradients_are_the_mean_over_the_parts(n_worker):
    """Here the loss is a weight's sum times a number: the gradient is that number."""
    import torch

    torch.set_num_threads(3)  # a worker takes one
    weights, *_ = small_weights("muon", workers=n_worker)
    assert len(weights.leaves) == n_worker

    def loss_of(p, factor):
        return p["ln_f.weight"].sum() * factor

    for numbers, mean in (([1.0, 2.0, 6.0], 3.0), ([5.0], 5.0)):  # nothing is left over
        loss, grads = weights.gradients(loss_of, [(number,) for number in numbers])
        total = weights.params["ln_f.weight"].sum().item()
        assert loss == pytest.approx(mean * total)
        assert list(grads) == ["ln_f.weight"]
        assert torch.allclose(grads["ln_f.weight"], torch.full([6], mean))
    threads = [weights.pool.submit(torch.get_num_threads) for _ in range(n_worker)]
    assert [thread.result() for thread in threads] == [1] * n_worker


def test_a_restored_state_is_all_there_is():
    """The copies that the workers multiply with, too."""
    import torch

    one, _, grads, _ = small_weights("muon")
    other, *_ = small_weights("muon")
    one.step({n: g.clone() for n, g in grads.items()}, 1.0)
    one.remember()
    other.restore(copy.deepcopy(one.state()))
    for n, leaf in other.leaves[0].items():
        assert torch.equal(leaf, one.working[n])
    for weights in one, other:
        weights.step({n: g.clone() for n, g in grads.items()}, 0.5)
        weights.remember(0.5)
    for kind in ("params", "average", "momentum", "working"):
        for n, p in getattr(one, kind).items():
            assert torch.equal(p, getattr(other, kind)[n])


def test_what_is_kept_in_half_precision():
    import torch

    weights, *_ = small_weights("muon", dtype="bfloat16")
    half = {n for n, p in weights.working.items() if p.dtype == torch.bfloat16}
    matrices = {n for n in weights.params if is_matrix(n)}
    assert len(matrices) == 4 and half == matrices | {"lm_head.weight"}
    assert {p.dtype for p in weights.momentum.values()} == {torch.bfloat16}
    assert {p.dtype for p in weights.params.values()} == {torch.float32}
    assert weights.momentum.keys() == matrices
    assert small_weights("adamw")[0].momentum == {}


def test_attention_on_a_gpu_is_the_same(monkeypatch):
    """There it is one function; here the plain formula, which goes back faster."""
    import torch
    import train

    class OnGPU(torch.Tensor):
        is_cuda = True

    weights, *_ = small_weights("muon")
    x = torch.randn(8, 6, generator=torch.Generator().manual_seed(2))
    args = weights.working, "h.0.", 2, 2
    there = train.attention(x.as_subclass(OnGPU), *args).as_subclass(torch.Tensor)
    monkeypatch.setattr(train.F, "scaled_dot_product_attention", None)
    assert torch.allclose(there, train.attention(x, *args), atol=1e-6)


# The run.


def test_the_options_of_a_run(capsys, monkeypatch):
    import train

    want = {
        "corpus": Path("c"), "run": Path("r"), "steps": 7, "minutes": None,
        "init": None, "n_merges": 3839, "n_layer": 4, "n_head": 6, "n_embd": 384,
        "n_ctx": 256, "short_ctx": 256, "short_until": 0.7, "batch": 8192,
        "part": 1024, "workers": 2, "optimizer": "muon", "lr": 0.02, "adam_lr": 0.003,
        "weight_decay": 0.02, "clip": 1.0, "warmup": 100, "decay": 0.35,
        "dtype": "bfloat16", "compile": True, "seed": 1, "patience": 0,
        "say_every": 20, "save_every": 4, "evaluate_every": 10, "n_evaluate": 4,
    }  # fmt: skip
    assert vars(train.parse(["c", "r", "--steps", "7"])) == want
    given = {
        "minutes": 1.5, "init": Path("m"), "n_merges": 50, "n_layer": 1, "n_head": 2,
        "n_embd": 8, "n_ctx": 32, "short_ctx": 16, "short_until": 0.5, "batch": 128,
        "part": 64, "workers": 3, "optimizer": "adamw", "lr": 0.5, "adam_lr": 0.25,
        "weight_decay": 0.125, "clip": 2.5, "warmup": 3, "decay": 0.75,
        "dtype": "float32", "seed": 9, "patience": 6, "say_every": 1.5,
        "save_every": 2.5, "evaluate_every": 3.5, "n_evaluate": 5,
    }  # fmt: skip
    words = ["c", "r", "--no-compile"]
    for name, value in given.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    given |= {"steps": None, "compile": False}
    assert vars(train.parse(words)) == want | given
    for wrong in (
        ["c", "r"], ["c", "r", "--steps", "7", "--minutes", "1"], ["c", "--steps", "7"],
        ["c", "r", "--steps", "7", "--optimizer", "sgd"],
        ["c", "r", "--steps", "7", "--dtype", "float16"],
    ):  # fmt: skip
        with pytest.raises(SystemExit, match="2"):
            train.parse(wrong)
    capsys.readouterr()
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit, match="0"):
        train.parse(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "Train a GPT-2 on a text." in said
    assert "a folder with train.txt and held_out.txt" in said
    assert "resumed if it has any" in said
    assert said.count("(default: ") == len(want) - 2 - len(
        ["optimizer", "dtype", "compile", "seed"]
    )


def test_the_window_grows_when_most_of_the_run_is_done():
    import train

    args = SimpleNamespace(short_ctx=16, n_ctx=32, short_until=0.75)
    n_ctx = partial(train.Run.n_ctx, SimpleNamespace(args=args))
    assert [n_ctx(done) for done in (0, 0.74, 0.75, 1)] == [16, 16, 32, 32]
    args.short_ctx = 64  # no window is longer than the context
    assert [n_ctx(done) for done in (0, 0.75)] == [32, 32]


@pytest.mark.parametrize(
    ("n_row", "n_ctx", "part", "sizes"),
    [(6, 4, 16, [2, 2, 2]), (6, 4, 12, [3, 3]), (6, 4, 3, [1] * 6), (4, 4, 99, [4])],
)
def test_a_batch_is_cut_into_equal_parts(n_row, n_ctx, part, sizes):
    import train

    fake = SimpleNamespace(args=SimpleNamespace(part=part), device="cpu")
    ids = np.arange(n_row * n_ctx).reshape(n_row, n_ctx)
    parts = train.Run.parts(fake, ids, ids + 1)
    assert [len(a) for a, _ in parts] == sizes
    assert np.array_equal(np.concatenate([a for a, _ in parts]), ids)
    assert all((b == a + 1).all() for a, b in parts)


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A run in which a step takes ten seconds and nothing is computed; ``done`` is
    what it did, and when."""
    import train

    now = [1000.0]
    monkeypatch.setattr(train.time, "time", lambda: now[0])

    class Fake(train.Run):
        def __init__(self, *options):
            self.args = train.parse(["c", str(tmp_path), *options])
            self.folder, self.done = tmp_path, []
            self.step, self.tokens, self.clock, self.smooth = 0, 0, 1000.0, 1.5
            self.best, self.misses = math.inf, 0

        def train_step(self, done):
            self.step, self.tokens = self.step + 1, self.tokens + 100
            now[0] += 10

        def note(self, what):
            self.done.append((what, now[0] - 1000))

        def say(self, text):
            self.note(text)

        def save(self):
            self.note("save")

        def evaluate(self):
            self.note("evaluate")
            self.misses += 1

    return Fake


def test_when_a_run_says_evaluates_and_saves(fake):
    options = ["--say-every", "30", "--evaluate-every", "0.5", "--save-every", "1"]
    trained = fake("--steps", "8", *options)
    trained.train()
    assert trained.done == [
        ("step 3, 25.0%, loss 1.500, 10 tokens/s, 0.8 minutes left", 30),
        ("evaluate", 30),
        ("step 6, 62.5%, loss 1.500, 10 tokens/s, 0.3 minutes left", 60),
        ("evaluate", 60), ("save", 60), ("evaluate", 80), ("save", 80),
    ]  # fmt: skip


def test_a_run_by_the_clock_ends_with_its_minutes(fake):
    trained = fake("--minutes", "0.5", "--say-every", "99")
    trained.train()
    assert trained.done == [("evaluate", 30), ("save", 30)] and trained.step == 3
    trained.clock -= 90
    assert trained.progress() == 4


def test_a_run_that_gets_no_better_stops(fake):
    trained = fake("--steps", "8", "--patience", "2", "--evaluate-every", "0")
    trained.train()
    said = [what for what, _ in trained.done]
    assert said == [
        "evaluate", "step 2, 12.5%, loss 1.500, 10 tokens/s, 1.0 minutes left",
        "evaluate", "no better for 2 evaluations: stop", "evaluate", "save",
    ]  # fmt: skip


def test_a_step_counts_tokens_smooths_the_loss_and_remembers():
    import train

    losses, done = iter([2.0, 3.0, *[2.02] * 20]), []
    weights = SimpleNamespace(
        gradients=lambda loss_of, parts: (next(losses), "grads"),
        step=lambda *how: done.append(how),
        remember=lambda: done.append("remember"),
    )
    args = SimpleNamespace(warmup=4, decay=0.5, short_ctx=4, n_ctx=8, short_until=0.9)
    trained = train.Run.__new__(train.Run)
    trained.args, trained.weights, trained.loss_of = args, weights, None
    trained.step, trained.tokens, trained.smooth = 0, 0, None
    ids = np.zeros((3, 4), int)
    trained.batches = SimpleNamespace(next=lambda n_ctx: (ids[:, :n_ctx], ids))
    trained.parts = lambda *arrays: arrays
    trained.train_step(0.25)
    assert (trained.step, trained.tokens, trained.smooth) == (1, 12, 2.0)
    trained.train_step(0.75)
    assert (trained.step, trained.tokens) == (2, 24)
    assert trained.smooth == pytest.approx(0.98 * 2 + 0.02 * 3)
    assert done == [("grads", 0.25), ("grads", 0.5)]
    for _ in range(18):
        trained.train_step(0)
    assert [i for i, what in enumerate(done) if what == "remember"] == [10, 21]


def test_an_evaluation_keeps_the_better_weights(fake, monkeypatch):
    """The model folder is the best so far, of the weights as they are or their mean."""
    import train

    trained, drawn = fake("--steps", "8"), []
    monkeypatch.setattr(train.curve, "draw", lambda *paths: drawn.append(paths))
    trained.weights = SimpleNamespace(
        params="masters", average="mean", working="working", copies=lambda p: f"{p} now"
    )
    trained.batches = SimpleNamespace(n_ctx=None, epoch=3)
    trained.args.n_ctx, trained.args.short_ctx = 12, 8
    trained.sample = lambda p, n_ctx: f"by {p}, {n_ctx}"
    trained.export = lambda *what: trained.note(what)
    trained.smooth = None  # before the first step
    for step, (now, mean) in enumerate([(3.00004, 2.5), (2.25, 2.5), (2.25, 2.25)]):
        trained.bits = lambda p, _, both=(now, mean): both["mean now" == p]
        train.Run.evaluate(trained)
        trained.step, trained.tokens, trained.smooth = step + 1, 700, 1.23456
        trained.batches.n_ctx, trained.clock = 16, 998.96
    log = [json.loads(row) for row in (trained.folder / "log.jsonl").open()]
    first = {
        "step": 0, "tokens": 0, "elapsed": 0.0, "progress": 0.0, "loss": 0,
        "bits": 3.0, "bits_average": 2.5, "epoch": 3, "n_ctx": 8,
    }  # fmt: skip
    second = {**first, "step": 1, "tokens": 700, "elapsed": 1.0, "progress": 0.125,
              "loss": 1.2346, "bits": 2.25, "n_ctx": 16}  # fmt: skip
    third = {**second, "step": 2, "progress": 0.25, "bits_average": 2.25}
    assert log == [first, second, third]
    assert [what for what, _ in trained.done] == [
        f"{first}\nby mean now, 8\n", ("mean", 8), f"{second}\nby working, 16\n",
        ("masters", 16), f"{third}\nby mean now, 16\n",
    ]  # fmt: skip
    assert (trained.best, trained.misses) == (2.25, 1)
    assert drawn == [(trained.folder / "log.jsonl", trained.folder / "curve.svg")] * 3


def test_a_sample_is_drawn_from_softened_chances(folder, tmp_path, monkeypatch):
    import torch

    trained = run(folder, tmp_path, stop_after=1, extra=["--dtype", "float32"])
    p, seen = trained.weights.working, []
    assert trained.sample(p, 16) == trained.sample(p, 16)  # always the same draws
    monkeypatch.setattr(
        torch, "multinomial", lambda q, n, generator: seen.append(q) or torch.tensor(65)
    )
    assert trained.sample(p, 16) == trained.tokenizer.decode([65] * 80)
    assert trained.sample(p, 16, 3) == trained.tokenizer.decode([65] * 3)
    params = nest(
        {n: t.double().numpy() for n, t in p.items() if n in trained.weights.params}
    )
    end = trained.tokenizer.eos_token_id
    for n, ids in ((0, [end]), (2, [end, 65, 65]), (20, [65] * 16)):
        row = np.exp(plain.logits(ids, params, 2)[-1] / 0.8)
        np.testing.assert_allclose(seen[n], row / row.sum(), rtol=1e-4)


def test_a_model_folder_has_the_positions_that_are_trained(folder, tmp_path):
    trained = run(folder, tmp_path, stop_after=1)
    masters = trained.weights.params
    trained.export(masters, 16)
    config = json.loads((tmp_path / "model/config.json").read_text())
    assert (config["n_positions"], config["torch_dtype"]) == (16, "float16")
    assert (config["vocab_size"], config["eos_token_id"]) == (307, 306)
    assert (config["n_embd"], config["n_layer"], config["n_head"]) == (32, 2, 2)
    assert config["bos_token_id"] == 306
    model = GPT2.from_pretrained(tmp_path / "model")
    want = masters["wpe.weight"][:16].half().float().numpy()
    assert np.array_equal(model.params["wpe"]["weight"], want)
    vocab = Tokenizer.from_pretrained(tmp_path / "model").vocab
    assert vocab == trained.tokenizer.vocab
    assert not (tmp_path / "checkpoint.part").exists()


def test_a_run_from_a_finished_model(folder, tmp_path):
    import train

    tokenizer = Tokenizer.gpt2(n_merges=50)
    model = GPT2.random(GPT2Config(307, 32, 32, 2, 2), seed=5)
    model.save_pretrained(tmp_path / "m")
    tokenizer.save_pretrained(tmp_path / "m")
    begin = [str(folder), str(tmp_path / "a/b"), *SMALL, "--init", str(tmp_path / "m")]
    started = train.Run(train.parse(begin))
    for name, p in started.weights.params.items():
        assert np.array_equal(p.numpy(), flatten(model.params)[name]), name
        assert p.is_contiguous()
    with pytest.raises(ValueError, match="model of another shape"):
        train.Run(train.parse([*begin, "--n-layer", "1"]))
    vocab = dict(tokenizer.vocab)
    vocab["!"], vocab["?"] = vocab["?"], vocab["!"]
    Tokenizer(tokenizer.spelled_merges, vocab).save_pretrained(tmp_path / "m")
    with pytest.raises(ValueError, match="another vocabulary"):
        train.Run(train.parse(begin))


def test_how_a_run_begins(folder, tmp_path, capsys, monkeypatch):
    import torch
    import train

    compiled = []
    monkeypatch.setattr(
        torch, "compile", lambda f, dynamic: compiled.append(dynamic) or f
    )
    begin = [str(folder), str(tmp_path), *SMALL]
    started = train.Run(train.parse(begin))
    assert compiled == []
    assert (started.step, started.tokens, started.smooth) == (0, 0, None)
    assert (started.best, started.misses) == (math.inf, 0)
    n_token = sum(map(len, started.batches.stories))
    n_param = GPT2Config(307, 32, 32, 2, 2).n_params
    out = capsys.readouterr().out
    assert out == f"{n_param:,} parameters, {n_token:,} tokens of text\n"
    state = {"step": 3, "tokens": 30, "smooth": 1.5, "best": 2.5, "misses": 1}
    vars(started).update(state)
    started.clock = 4960.0
    monkeypatch.setattr(train.time, "time", lambda: 5000.0)
    started.save()
    monkeypatch.setattr(train.time, "time", lambda: 9000.0)
    again = train.Run(train.parse([*begin, "--compile"]))
    assert compiled == [False]
    assert {name: getattr(again, name) for name in state} == state
    assert (again.seconds, again.clock) == (40.0, 8960.0)
    assert "going on after step 3" in capsys.readouterr().out


def test_a_checkpoint_that_would_run_code_is_refused(folder, tmp_path):
    import pickle

    import torch
    import train

    started = train.Run(train.parse([str(folder), str(tmp_path), *SMALL]))
    torch.save({"weights": started.weights.state(), "path": print},
               tmp_path / "checkpoint.pt")  # fmt: skip
    with pytest.raises(pickle.UnpicklingError):
        started.resume()


def test_what_the_command_returns(monkeypatch, capsys, tmp_path):
    import train

    argv = ["c", str(tmp_path), "--steps", "3"]
    for raised, code in ((None, 0), (ValueError("odd"), 1), (OSError("full"), 1),
                         (KeyboardInterrupt(), 130)):  # fmt: skip

        def start(args, raised=raised):
            assert args.steps == 3
            if raised is not None:
                raise raised
            return SimpleNamespace(train=lambda: None)

        monkeypatch.setattr(train, "Run", start)
        assert train.main(argv) == code
    assert capsys.readouterr().err == "train.py: odd\ntrain.py: full\n"


def test_what_is_said_is_seen_at_once(monkeypatch):
    import train

    seen, out = [], io.StringIO()
    out.flush = lambda: seen.append(out.getvalue())
    monkeypatch.setattr(sys, "stdout", out)
    train.Run.say(None, "step 1")
    assert seen == ["step 1\n"]
