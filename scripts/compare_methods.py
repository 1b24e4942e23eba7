"""What greedy decoding, beams and sampling make of the same prompts, in numbers.

    python scripts/compare_methods.py            # half a minute
    python scripts/compare_methods.py --write    # ... into numpygpt/decoding/README.md

Every method continues three prompts with the default model, 60 tokens each; those that
draw do it four times. A row of the table is a method:

- said before: the share of its tokens that end a run of four which stood before;
- log p: what the model gives a token of the text on average, in nats;
- different: how many of the four continuations of a prompt differ;
- kept: how many tokens were left to choose from, least to most over all steps.

The same seeds give the same table, up to the rounding of another processor. Made anew
when the weights change.
"""

import argparse
import sys
from functools import cache
from pathlib import Path

import numpy as np
from between import write_between

from numpygpt import GPT2, Tokenizer
from numpygpt.files.hub import DEFAULT_MODEL
from numpygpt.files.terminal import harmless, without_traceback

README = Path(__file__).parents[1] / "numpygpt" / "decoding" / "README.md"
BEGIN, END = "<!-- compare_methods.py -->", "<!-- end of compare_methods.py -->"
PROMPTS = ("The fox said", "Once upon a time", "The king looked at")
N_NEW, N_DRAWS, RUN = 60, 4, 4
DRAW = {"do_sample": True}
METHODS = {
    "greedy": {},
    "beams, 4": {"num_beams": 4},
    "greedy, no_repeat_ngram_size 3": {"no_repeat_ngram_size": 3},
    "sampling as it is": DRAW,
    "temperature 0.7": DRAW | {"temperature": 0.7},
    "temperature 0.3": DRAW | {"temperature": 0.3},
    "top_k 10": DRAW | {"top_k": 10},
    "top_p 0.8": DRAW | {"top_p": 0.8},
    "temperature 0.8, top_k 40, top_p 0.95": DRAW
    | {"temperature": 0.8, "top_k": 40, "top_p": 0.95},
}


@cache
def loaded():
    return GPT2.from_pretrained(DEFAULT_MODEL), Tokenizer.from_pretrained(DEFAULT_MODEL)


def said_before(ids):
    """How many tokens end a run that stood before, and how many could."""
    runs = [tuple(ids[i : i + RUN]) for i in range(len(ids) - RUN + 1)]
    return sum(run in runs[:i] for i, run in enumerate(runs)), len(runs)


def measure(settings, prompts=PROMPTS, n_new=N_NEW):
    """``{column: value}`` of one method."""
    model, tokenizer = loaded()
    draws = N_DRAWS if settings.get("do_sample") else 1
    repeats, nll, different, kept = [], [], [], []
    for prompt in prompts:
        ids = tokenizer.encode(prompt)
        out = model.generate(
            ids, max_new_tokens=n_new, seed=0, num_return_sequences=draws,
            ignore_eos=True, return_dict_in_generate=True, output_scores=True,
            **settings,
        )  # fmt: skip
        texts = [row.tolist() for row in out.sequences]
        repeats += [said_before(text) for text in texts]
        different.append(len({tuple(text) for text in texts}))
        nll.append(-out.model_logprobs.mean())
        kept += [np.count_nonzero(row > -np.inf, axis=-1) for row in out.scores]
    n_before, n_runs = np.sum(repeats, axis=0)
    return {
        "said before": n_before / n_runs, "log p": -float(np.mean(nll)),
        "different": float(np.mean(different)), "draws": draws,
        "least": int(np.min(kept)), "most": int(np.max(kept)),
    }  # fmt: skip


def table(found):
    """The rows of all methods, as Markdown."""
    lines = [
        "| method | said before | log p | different | kept |",
        "|---|---|---|---|---|",
    ]
    for name, m in found.items():
        kept = f"{m['least']:,} to {m['most']:,}"
        same = f"{m['different']:.0f} of {m['draws']}" if m["draws"] > 1 else "-"
        lines.append(
            f"| {name} | {m['said before']:.0%} | {m['log p']:.2f} | {same} | {kept} |"
        )
    return "\n".join(lines)


@without_traceback("compare_methods.py")
def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help=f"into {README.name}")
    args = harmless(parser).parse_args(argv)
    text = table({name: measure(settings) for name, settings in METHODS.items()})
    print(text)
    if args.write:
        write_between(README, BEGIN, END, text)


if __name__ == "__main__":
    sys.exit(main())
