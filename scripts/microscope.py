"""Find the heads that copy a name, and see what happens without them.

    python scripts/microscope.py              # search, then the table
    python scripts/microscope.py --write      # ... into numpygpt/look/README.md

numpygpt/look/README.md tells the story. Nothing here names a head: the search finds
them, in whatever weights the default model has.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from between import write_between

from numpygpt import GPT2, Tokenizer
from numpygpt.decoding.sampling import probabilities
from numpygpt.files.terminal import harmless, without_traceback
from numpygpt.look import ablate, inside

README = Path(__file__).parents[1] / "numpygpt" / "look" / "README.md"
NAMES = (
    "Tuppenwink Brindle Hodgekin Quillam Fennimore Gobbler Peppercorn Winkle Drummond "
    "Ludlow Oakham Sparrow Vane Yarrow Nutkin Crumble"
).split()
TEXTS = (
    "The king said to Mr. {} that Mr.",
    "Once there lived a man called Mr. {}. Every day Mr.",
    "Then old Mr. {} laughed, and his wife said, 'Mr.",
)


def prompts(tokenizer, texts=TEXTS):
    """``(ids, place, token)``: a text that a name should continue, where the name's
    first token stood before, and that token."""
    found = []
    for name in NAMES:
        for text in texts:
            ids = tokenizer.encode(text.format(name))
            token = tokenizer.encode(f" {name}")[0]
            found.append((ids, ids.index(token), token))
    return found


def looks(model, tests, edit=None):
    """How much the last token of the texts looks at the name, and how much every token
    looks at the one before it: two arrays ``[n_layer, n_head]``, means."""
    names, befores = [], []
    for ids, place, _ in tests:
        run = inside(model, ids, edit)
        pattern = np.stack([run["pattern", i] for i in range(model.config.n_layer)])
        names.append(pattern[:, :, -1, place])
        befores.append(np.diagonal(pattern, -1, 2, 3).mean(axis=-1))
    return np.mean(names, axis=0), np.mean(befores, axis=0)


def copied(model, tests, heads=()):
    """The mean probability of the name's first token without some heads."""
    edit = ablate(heads)
    p = [probabilities(inside(model, ids, edit).logits[-1])[token]
         for ids, _, token in tests]  # fmt: skip
    return float(np.mean(p))


def search(model, tests):
    """``(copier, helper, controls)``, heads as ``(layer, head)``.

    The copier looks most at the earlier name. The helper is the head of an earlier
    layer without which the copier looks there least. The controls are five others: of
    the copier's layer those that look least at the name, of the helper's those that
    look least at the token before.
    """
    names, befores = looks(model, tests)
    copier = place(np.argmax(names), names)
    earlier = [(i, head) for i in range(copier[0]) for head in range(names.shape[1])]
    without = {
        head: looks(model, tests, ablate([head]))[0][copier] for head in earlier
    }  # fmt: skip
    helper = min(without, key=without.get)
    own = [(copier[0], int(head)) for head in np.argsort(names[copier[0]])]
    its = [(helper[0], int(head)) for head in np.argsort(befores[helper[0]])]
    own, its = [h for h in own if h != copier], [h for h in its if h != helper]
    controls = own[:2] + [head for head in its if head not in own[:2]][:3]
    return copier, helper, controls


def place(index, array):
    return tuple(int(i) for i in np.unravel_index(index, array.shape))


def study(model, tokenizer):
    """The whole investigation, as numbers: `table` prints them."""
    tests = prompts(tokenizer)
    copier, helper, controls = search(model, tests[::6])  # a few will do
    names, befores = looks(model, tests)
    return {
        "copier": copier, "helper": helper, "controls": controls,
        "looks": float(names[copier]), "previous": float(befores[helper]),
        "looks_without": float(looks(model, tests, ablate([helper]))[0][copier]),
        "whole": copied(model, tests),
        "without_copier": copied(model, tests, [copier]),
        "without_helper": copied(model, tests, [helper]),
        "without_both": copied(model, tests, [copier, helper]),
        "without_control": [copied(model, tests, [head]) for head in controls],
        "n_prompt": len(tests), "n_name": len(NAMES),
    }  # fmt: skip


def name(head):
    return f"head {head[1]} of layer {head[0]}"


def table(found):
    """The findings as Markdown."""
    copier, helper = name(found["copier"]), name(found["helper"])
    others = ", ".join(f"{layer}.{head}" for layer, head in found["controls"])
    low, high = min(found["without_control"]), max(found["without_control"])
    return [
        f"{found['n_prompt']} prompts, {found['n_name']} names:",
        "",
        "| the marks of the two | |",
        "|---|---|",
        f"| {copier} looks at the earlier name with | {found['looks']:.0%} |",
        f"| ... without {helper} | {found['looks_without']:.0%} |",
        f"| {helper} looks at the token before with | {found['previous']:.0%} |",
        "",
        "| the model | probability of the name |",
        "|---|---|",
        f"| whole | {found['whole']:.2f} |",
        f"| without {copier}, the copier | {found['without_copier']:.2f} |",
        f"| without {helper}, the helper | {found['without_helper']:.2f} |",
        f"| without both | {found['without_both']:.2f} |",
        f"| without one of five others ({others}) | {low:.2f} to {high:.2f} |",
    ]


@without_traceback("microscope.py")
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="fairytale", metavar="NAME_OR_FOLDER")
    parser.add_argument("--write", action="store_true", help=f"into {README.name}")
    args = harmless(parser).parse_args(argv)
    model = GPT2.from_pretrained(args.model)
    tokenizer = Tokenizer.from_pretrained(args.model)
    text = "\n".join(table(study(model, tokenizer)))
    print(text)
    if args.write:
        write_between(README, "<!-- microscope -->", "<!-- /microscope -->", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
