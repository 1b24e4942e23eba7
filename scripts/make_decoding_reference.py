"""Make tests/reference/decoding*.npz: what transformers' rules and filters answer.

    pip install -e .[reference]
    python scripts/make_decoding_reference.py tests/reference

A case is a row of random logits, a context and settings of GenerationConfig, all drawn
from the case's number; the answer is the row after transformers' own chain for these
settings, float32. First every rule and filter alone, then several together.

With transformers 5.23 installed the script asks for what 4.57 gets wrong or lacks, see
`case_of_5`, and writes decoding_5.23.0.npz.
"""

import json
import sys
from pathlib import Path

import numpy as np
from extras import folder_to_fill, optional

from numpygpt.files.terminal import without_traceback

torch = optional("torch")
transformers = optional("transformers")

N_VOCAB = 60
# name: a value drawn with rng. Contexts hold ids below 6, so that things repeat.
SETTINGS = {
    "temperature": lambda rng: float(rng.uniform(0.1, 3)),
    "top_k": lambda rng: int(rng.integers(1, 100)),
    "top_p": lambda rng: float(rng.uniform(0, 1)),
    "min_p": lambda rng: float(10 ** rng.uniform(-3, 0)),
    "typical_p": lambda rng: float(rng.uniform(0.01, 0.99)),
    "epsilon_cutoff": lambda rng: float(10 ** rng.uniform(-4, -1)),
    "eta_cutoff": lambda rng: float(10 ** rng.uniform(-4, -0.5)),
    "repetition_penalty": lambda rng: float(rng.uniform(0.5, 2)),
    "no_repeat_ngram_size": lambda rng: int(rng.integers(1, 4)),
    "bad_words_ids": lambda rng: words(rng),
    "sequence_bias": lambda rng: [
        [[i + 1 for i in word], float(rng.normal())] for word in words(rng)
    ],
    "min_length": lambda rng: int(rng.integers(1, 12)),
    "min_new_tokens": lambda rng: int(rng.integers(1, 20)),
    "forced_bos_token_id": lambda rng: int(rng.integers(N_VOCAB)),
    "forced_eos_token_id": lambda rng: int(rng.integers(N_VOCAB)),
    "exponential_decay_length_penalty": lambda rng: [
        int(rng.integers(8)),
        float(rng.uniform(0.9, 1.5)),
    ],
    "suppress_tokens": lambda rng: ids(rng, 7),
    "begin_suppress_tokens": lambda rng: ids(rng, 7),
    "watermarking_config": lambda rng: {
        "greenlist_ratio": float(rng.uniform(0.1, 0.6)),
        "bias": float(rng.uniform(0, 3)),
    },
    "renormalize_logits": lambda rng: True,
}
EACH, TOGETHER = 6, 60


def ids(rng, n):
    return rng.integers(0, N_VOCAB, n).tolist()


def words(rng):
    return [rng.integers(0, 5, rng.integers(1, 4)).tolist() for _ in range(5)]


def case(number):
    """``(logits, context, n_prompt, settings)`` of a case."""
    rng = np.random.default_rng(number)
    names = [*SETTINGS]
    if number < EACH * len(names):
        chosen = [names[number // EACH]]
    else:
        chosen = rng.choice(names, rng.integers(2, 7), replace=False).tolist()
    settings = {"do_sample": True, "top_k": 0, "eos_token_id": ids(rng, 2),
                "pad_token_id": 0, "max_length": int(rng.integers(11, 14))}  # fmt: skip
    for name in chosen:
        settings[name] = SETTINGS[name](rng)
    logits = rng.standard_normal(N_VOCAB) * rng.choice([0.5, 2, 5])
    n_prompt, n_new = int(rng.integers(1, 9)), int(rng.choice([0, 0, 3, 9]))
    if not {"bad_words_ids", "sequence_bias"}.isdisjoint(chosen):
        n_prompt = max(n_prompt, 3)  # see sequence_bias for what transformers overlooks
    context = rng.integers(1, 6, n_prompt + n_new).tolist()
    return logits.astype(np.float32), context, n_prompt, settings


def case_of_5(number):
    """A filter that 4.57 does not have (top_h), or a rule that it gets wrong: it makes
    a banned eos that grows likelier NaN, and overlooks a sequence that all of the
    context is the beginning of. A fourth of the cases has two filters more."""
    rng = np.random.default_rng([5, number])
    kind = ["top_h", "decay", "sequence_bias", "bad_words_ids"][number % 4]
    logits, context, n_prompt, settings = case(number // 4 % (EACH * len(SETTINGS)))
    settings = {"do_sample": True, "top_k": 0, "eos_token_id": settings["eos_token_id"],
                "pad_token_id": 0}  # fmt: skip
    whole = [*context, int(rng.integers(6, N_VOCAB))]
    if kind == "top_h":
        settings["top_h"] = float(rng.uniform(0.01, 0.99))
    elif kind == "decay":
        context += rng.integers(1, 6, 3).tolist()
        settings["exponential_decay_length_penalty"] = [0, float(rng.uniform(0.9, 1.5))]
        settings["min_new_tokens"] = 30
    elif kind == "sequence_bias":
        settings[kind] = [[whole, float(rng.normal())], [[7], 0.5]]
    else:
        settings[kind] = [whole, [9]]
    if number % 16 >= 12:
        settings |= {"temperature": 0.8, "top_p": 0.9}
    return logits, context, n_prompt, settings


def answer(model, logits, context, n_prompt, settings):
    """The row after transformers' chain for these settings."""
    config = transformers.GenerationConfig(**settings)
    model._prepare_special_tokens(config, True, device="cpu")
    chain = model._get_logits_processor(
        config, input_ids_seq_length=n_prompt, device="cpu"
    )
    rows = chain(torch.tensor([context]), torch.tensor(logits)[None].clone())
    return rows[0].numpy()


def a_model():
    config = transformers.GPT2Config(
        vocab_size=N_VOCAB, n_positions=64, n_embd=8, n_layer=1, n_head=1,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config)


def answers(numbers, case=case):
    """Yield the cases that have an answer, with it. Some have none: everything is
    banned, or a banned eos becomes NaN (exponential_decay_length_penalty)."""
    model = a_model()
    for number in numbers:
        try:
            row = answer(model, *case(number))
        except ValueError:
            continue
        if np.isfinite(row.max()):
            yield *case(number), row


@without_traceback("make_decoding_reference.py")
def main(folder):
    numbers, name = range(EACH * len(SETTINGS) + TOGETHER), "decoding.npz"
    if transformers.__version__.startswith("4."):
        found = list(answers(numbers))
    else:
        found = list(answers(range(96), case_of_5))
        name = f"decoding_{transformers.__version__}.npz"
    logits, contexts, n_prompts, settings, rows = zip(*found)
    np.savez_compressed(
        Path(folder) / name,
        logits=np.stack(logits),
        answers=np.stack(rows),
        cases=json.dumps([list(parts) for parts in zip(contexts, n_prompts, settings)]),
    )
    print(f"{len(found)} cases")


if __name__ == "__main__":
    sys.exit(main(folder_to_fill(__doc__, "reference", torch, transformers)))
