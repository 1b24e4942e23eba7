"""Training: resuming changes no bit, and the model folder is what was trained."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "scripts"))

from numpygpt import GPT2, Tokenizer

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
