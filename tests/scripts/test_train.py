"""Training: resuming changes no bit, and the model folder is what was trained."""

import json

import numpy as np
import pytest

from numpygpt import GPT2, GPT2Config, Tokenizer, plain, scoring
from numpygpt.weights import nest

pytestmark = pytest.mark.reference

SMALL = (
    "--n-merges 50 --n-layer 2 --n-head 2 --n-embd 32 --n-ctx 32 --short-ctx 16 "
    "--batch 128 --part 64 --workers 1 --no-compile --n-evaluate 2 --warmup 4 --steps 24"
).split()


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
    """(train's Weights of a tiny model, their values, random gradients, the options)."""
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
    weights, values, grads, args = small_weights("adamw", clip=clip)
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


def test_the_average_moves_by_its_share():
    weights, values, grads, _ = small_weights("muon")
    weights.step(grads, 1.0)
    weights.remember(0.25)
    for name, p in weights.params.items():
        want = 0.75 * values[name] + 0.25 * p.double().numpy()
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


def test_bits_per_byte_of_the_held_out_text(folder, tmp_path):
    """The mean of some windows, in bits, for as many bytes as a token has."""
    trained = run(folder, tmp_path, stop_after=1)
    p = trained.weights.working
    params = nest(
        {n: t.double().numpy() for n, t in p.items() if n in trained.weights.params}
    )
    n_ctx, held = 16, trained.held_out
    n = trained.args.batch // n_ctx * trained.args.n_evaluate
    starts = np.linspace(0, len(held) - n_ctx - 1, n).astype(int)
    total = 0.0
    for at in starts:
        rows = plain.logits(held[at : at + n_ctx], params, 2)
        total += float(scoring.loss(rows, held[at + 1 : at + 1 + n_ctx])) / n
    n_byte = (folder / "held_out.txt").stat().st_size
    assert trained.n_byte == n_byte
    want = total / np.log(2) * len(held) / n_byte
    assert trained.bits(p, n_ctx) == pytest.approx(want, rel=2e-2)
