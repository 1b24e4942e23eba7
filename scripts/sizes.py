"""The GPT series: the sizes that were published, and how many weights they make.

    python scripts/sizes.py

Width, blocks, heads and context are copied from the papers; the weights are counted.
config.py explains why GPT-2's printed sizes are too small; the last lines show it.

GPT-1 (2018) is counted here but not run by numpygpt. Its blocks normalise *after* each
addition, ``norm(x + attention(x))``, and there is no last norm, so `model.block` does
not fit; its tokenizer cleans and lower-cases text by other rules. To run it would take
a second block, a second tokenizer and an "if" in the middle of the lesson.

Papers: Radford et al. 2018 and 2019; Brown et al., arXiv:2005.14165, table 2.1.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from numpygpt.config import PUBLISHED, GPT2Config  # noqa: E402
from numpygpt.files.terminal import harmless, without_traceback  # noqa: E402

GPT1 = GPT2Config(40_478, n_positions=512, n_embd=768, n_layer=12, n_head=12)
ROW = "{:12}{:>7}{:>8}{:>7}{:>9}{:>17}{:>8}".format


def rows():
    """The table, a line each."""
    yield ROW("model", "width", "blocks", "heads", "context", "weights", "paper")
    gpt1 = GPT1.n_params - 2 * GPT1.n_embd  # it has no norm at the end
    yield ROW("gpt1", 768, 12, 12, 512, f"{gpt1:,}", "117M")
    for name, (*sizes, paper) in PUBLISHED.items():
        yield ROW(name, *sizes, f"{GPT2Config.named(name).n_params:,}", paper)


def with_old_vocabulary():
    """GPT-2's sizes as its paper prints them: with GPT-1's vocabulary."""
    for name in ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"):
        new = GPT2Config.named(name)
        old = new.n_params - (new.n_vocab - GPT1.n_vocab) * new.n_embd
        yield f"  {name:12} {old:>15,}   printed {PUBLISHED[name][-1]}"


@without_traceback("sizes.py")
def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    harmless(parser).parse_args()
    print("\n".join(rows()))
    print("\nGPT-2's printed sizes are those with GPT-1's vocabulary of 40,478:")
    print("\n".join(with_old_vocabulary()))


if __name__ == "__main__":
    sys.exit(main())
