"""Make tests/reference/search_*.json: what transformers' searches answer.

    pip install -e .[reference]
    python scripts/make_search_reference.py tests/reference

A case is a tiny random model (numpygpt makes it from a seed, so no weights are stored),
a prompt and settings, all drawn from the case's number; the answer is transformers'.
transformers 4.57 is asked for what it still has; for the rest (diverse beams,
contrastive search, DoLa, which it moved out) run the script with 4.49 installed. With
5.23 it is asked for what 4.57 gets wrong: there a repetition penalty counts padding.

Drawn beams are compared too: both sides then take the same noise, see `same_noise`.
"""

import json
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from numpygpt import GPT2, GPT2Config
from numpygpt.decoding.plumbing.seeds import stream
from numpygpt.decoding.search.beam import best
from numpygpt.files.terminal import without_traceback

NOW = ["greedy", "beam", "beam_sample", "guidance", "dead_ends"]
ONLY_4_49 = ["diverse", "contrastive", "dola"]
ONLY_5 = ["padded"]


def case(kind, number):
    """The settings of one case, as JSON can hold them."""
    rng = np.random.default_rng([number, len(kind)])
    n_vocab, n_prompt = int(rng.integers(19, 40)), int(rng.integers(2, 7))
    settings = {
        "max_new_tokens": int(rng.integers(1, 13)),
        "eos_token_id": [3] if rng.random() < 0.6 else [3, 7],
        "pad_token_id": 1,
    } | SETTINGS[kind](rng)
    # DoLa leaves few tokens. Where a rule bans those too, transformers takes token 0,
    # and numpygpt stops with an error.
    settings |= {} if kind == "dola" else rules(rng, settings["max_new_tokens"])
    prompt = rng.integers(0, n_vocab, n_prompt).tolist()
    if kind == "dead_ends":  # behind these tokens nothing may follow
        dead = set(rng.integers(8, n_vocab, 5).tolist()) - {prompt[-1]}
        settings["bad_words_ids"] = [[i, j] for i in dead for j in range(n_vocab)]
    if kind == "padded":
        prompt = [prompt, prompt[: n_prompt // 2]]
        settings |= {"eos_token_id": None, "repetition_penalty": 3.0}
        settings = {k: settings[k] for k in PADDED}
    model = [number, n_vocab]
    return {"kind": kind, "model": model, "prompt": prompt, "settings": settings}


def rules(rng, n_new):
    settings = {}
    if rng.random() < 0.3:
        settings["min_new_tokens"] = int(rng.integers(1, n_new + 1))
    if rng.random() < 0.3:
        settings["repetition_penalty"] = float(rng.choice([0.8, 1.2, 1.5]))
    if rng.random() < 0.2:
        settings["no_repeat_ngram_size"] = int(rng.integers(1, 4))
    if rng.random() < 0.2:
        settings["bad_words_ids"] = [[5], [int(rng.integers(8, 19)), 11]]
    return settings


def beams(rng):
    n = int(rng.integers(2, 6))
    return {
        "num_beams": n,
        "num_return_sequences": int(rng.integers(1, n + 1)),
        "early_stopping": [True, False, "never"][rng.integers(3)],
        "length_penalty": float(rng.choice([-1.0, 0.0, 0.6, 1.0, 2.0])),
    }


def drawn_beams(rng):
    settings = beams(rng) | {"do_sample": True, "num_beams": int(rng.integers(2, 5))}
    settings["num_return_sequences"] = 1
    return settings | {"temperature": float(rng.choice([0.7, 1.0, 1.6])), "top_k": 0}


def diverse(rng):
    groups, size = int(rng.integers(2, 4)), int(rng.integers(1, 4))
    settings = beams(rng) | {"num_beams": groups * size, "num_beam_groups": groups}
    settings["num_return_sequences"] = int(rng.integers(1, groups * size + 1))
    settings["early_stopping"] = bool(rng.random() < 0.5)
    # Two oddities of transformers are kept out: of several eos ids it returns the first
    # whichever ended the text, and it fines the padding of groups that are done.
    settings |= {"eos_token_id": 3, "suppress_tokens": [1]}
    return settings | {"diversity_penalty": float(rng.choice([0.3, 1.0, 4.0]))}


def contrastive(rng):
    alpha = float(rng.choice([0.2, 0.5, 0.6, 0.9]))
    return {"penalty_alpha": alpha, "top_k": int(rng.integers(2, 7))}


def dola(rng):
    return {"dola_layers": ["low", "high", [0, 2], [1]][rng.integers(4)]}


PADDED = ["max_new_tokens", "eos_token_id", "pad_token_id", "num_beams"]
PADDED += ["repetition_penalty"]
SETTINGS = {
    "greedy": lambda rng: {},
    "beam": beams,
    "beam_sample": drawn_beams,
    "guidance": lambda rng: {"guidance_scale": float(rng.choice([0.5, 1.5, 3.0]))},
    "diverse": diverse,
    "contrastive": contrastive,
    "dola": dola,
    "dead_ends": beams,
    "padded": lambda rng: {"num_beams": int(rng.integers(1, 4))},
}


def model_of(case):
    """A tiny model whose choices depend on the whole context."""
    seed, n_vocab = case["model"]
    config = GPT2Config(n_vocab, n_positions=32, n_embd=12, n_layer=4, n_head=3)
    model = GPT2.random(config, seed=seed)
    for name in ("wte", "wpe"):
        model.params[name]["weight"] *= 20
    for block in model.params["h"]:
        block["attn"]["c_attn"]["weight"] *= 20
        block["attn"]["c_proj"]["weight"] *= 60
        block["mlp"]["c_proj"]["weight"] *= 60
    return model


def answer(case):
    """What transformers says: the rows, and the scores of beams."""
    import torch  # here, for the plain tests use the functions above without it
    import transformers

    with tempfile.TemporaryDirectory() as folder:
        model_of(case).save_pretrained(folder)
        model = transformers.GPT2LMHeadModel.from_pretrained(
            folder, attn_implementation="eager"
        ).eval()
    model.generation_config = transformers.GenerationConfig()
    with same_noise(case["model"][1]):
        rows, pad = prompts(case), [case["settings"]["pad_token_id"]]
        n_pad = [max(map(len, rows)) - len(row) for row in rows]
        ids = torch.tensor([pad * k + row for k, row in zip(n_pad, rows)])
        mask = [[0] * k + [1] * len(row) for k, row in zip(n_pad, rows)]
        out = model.generate(
            ids,
            attention_mask=torch.tensor(mask),
            **{"top_k": 0} | case["settings"],
            return_dict_in_generate=True,
            output_scores=True,
        )
    scores = getattr(out, "sequences_scores", None)
    scores = None if scores is None else [round(x, 7) for x in scores.tolist()]
    sequences = out.sequences.tolist()
    if case["kind"] == "padded":  # the padding stands behind the text here
        sequences = [row[k:] + row[:k] for row, k in zip(sequences, n_pad)]
    return {"sequences": sequences, "scores": scores}


def prompts(case):
    """One prompt or several -> a list of prompts."""
    return case["prompt"] if case["kind"] == "padded" else [case["prompt"]]


@contextmanager
def same_noise(n_vocab):
    """Draw as `decoding.search.beam.drawn` does with seed 0, in torch's place."""
    import torch

    torchs_own, rng = torch.multinomial, stream(0, 0)

    def multinomial(p, num_samples):
        with np.errstate(divide="ignore"):
            totals = np.log(p[0].numpy().astype(np.float64))
        # transformers has rows for beams that do not exist; they come last.
        n_live = (totals.reshape(-1, n_vocab) > -np.inf).any(axis=1).sum()
        totals = totals[: n_live * n_vocab]
        noise = rng.gumbel(size=totals.shape)
        return torch.tensor(best(totals + noise, num_samples)[None])

    torch.multinomial = multinomial
    try:
        yield
    finally:
        torch.multinomial = torchs_own


@without_traceback("make_search_reference.py")
def main(folder):
    from transformers import __version__ as version

    kinds = {"4.49": ONLY_4_49, "5.23": ONLY_5}.get(version.rpartition(".")[0], NOW)
    with open(Path(folder) / f"search_{version}.json", "w", encoding="utf-8") as file:
        for kind in kinds:
            for number in range(12):
                one = case(kind, number)
                print(json.dumps({**one, **answer(one)}), file=file)


if __name__ == "__main__":
    from extras import folder_to_fill, optional  # tests import this file by its path

    sys.exit(main(folder_to_fill(__doc__, "reference", optional("torch"))))
