"""The GPT series: the sizes that were published, and how many weights they make.

``python -m numpygpt.config`` prints them as a table. Nothing in it is copied from a
paper but width, blocks, heads and context; the weights are counted.

Three remarks on what the papers printed:

- GPT-2's sizes are called 117M, 345M, 762M and 1542M in its paper; the checkpoints have
  124M, 355M, 774M and 1558M. OpenAI's README says only that the counts were wrong. The
  difference is 9,779 times the width for all four, and 9,779 is the difference between
  GPT-2's vocabulary and GPT-1's, 50,257 and 40,478: each printed number is what the
  model would have with the older vocabulary. (The explanation is ours.)
- GPT-3's table gives "XL" 24 heads of 128 at a width of 2048, and the 13B model the
  width 5140. Neither divides. Meant are 16 heads (as in its API) and 5120.
- GPT-3 lets every other block look at a band of recent tokens only. That changes no
  count, but those models are not plain GPT-2s; their weights were never published.

GPT-1 (openai-gpt, 2018) is counted here but not run. Its blocks normalise *after* each
addition, ``norm(x + attention(x))``, and there is no last norm, so `model.block` does
not fit; its tokenizer cleans, lower-cases and splits text by other rules and marks a
word's end with ``</w>``. To run it would take a second block, a second tokenizer and an
"if" in the middle of the lesson, for a model of historical interest.

Papers: Radford et al. 2018 and 2019; Brown et al., arXiv:2005.14165, table 2.1.

Next: config.py.
"""

import warnings
from typing import NamedTuple

# `python -m numpygpt.config` runs a file that the package has imported already, which
# Python warns of. Here it does no harm: it only prints.
warnings.filterwarnings("ignore", "'numpygpt.config' found in sys.modules")


class Size(NamedTuple):
    """What was published of a model; ``printed``: how its paper calls the size."""

    n_embd: int
    n_layer: int
    n_head: int
    n_positions: int
    printed: str


SERIES = {
    "distilgpt2": Size(768, 6, 12, 1024, "82M"),
    "gpt2": Size(768, 12, 12, 1024, "117M"),
    "gpt2-medium": Size(1024, 24, 16, 1024, "345M"),
    "gpt2-large": Size(1280, 36, 20, 1024, "762M"),
    "gpt2-xl": Size(1600, 48, 25, 1024, "1542M"),
    "gpt3-small": Size(768, 12, 12, 2048, "125M"),
    "gpt3-medium": Size(1024, 24, 16, 2048, "350M"),
    "gpt3-large": Size(1536, 24, 16, 2048, "760M"),
    "gpt3-xl": Size(2048, 24, 16, 2048, "1.3B"),
    "gpt3-2.7b": Size(2560, 32, 32, 2048, "2.7B"),
    "gpt3-6.7b": Size(4096, 32, 32, 2048, "6.7B"),
    "gpt3-13b": Size(5120, 40, 40, 2048, "13B"),
    "gpt3-175b": Size(12288, 96, 96, 2048, "175B"),
}
GPT1 = Size(768, 12, 12, 512, "117M")
GPT1_VOCABULARY = 40_478


def table(config_type):
    """The series as text; ``config_type`` is GPT2Config, which counts the weights."""
    lines = [
        row("model", Size("width", "blocks", "heads", "context", "paper"), "weights")
    ]
    gpt1 = config_type(GPT1_VOCABULARY, 512, 768, 12, 12).n_params
    lines.append(row("gpt1", GPT1, gpt1 - 2 * 768))  # it has no norm at the end
    for name, size in SERIES.items():
        lines.append(row(name, size, config_type.named(name).n_params))
    lines += ["", "GPT-2's printed sizes are those with GPT-1's vocabulary of 40,478:"]
    for name in ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"):
        size = SERIES[name]
        less = (config_type().n_vocab - GPT1_VOCABULARY) * size.n_embd
        old = config_type.named(name).n_params - less
        lines.append(f"  {name:12} {old:>15,}   printed {size.printed}")
    return "\n".join(lines)


def row(name, size, weights):
    if not isinstance(weights, str):
        weights = f"{weights:,}"
    width, blocks, heads, context, paper = size
    columns = f"{width:>7}{blocks:>8}{heads:>7}{context:>9}{weights:>17}{paper:>8}"
    return f"{name:12}{columns}"
