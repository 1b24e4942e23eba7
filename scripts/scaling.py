"""Scaling laws, with numbers: what a power law foretells, and what came.

    python scripts/scaling.py numpygpt/exercises/scaling.svg

Kaplan et al. (arXiv:2001.08361) found that a language model's loss falls as a power of
its size, of its training tokens, and of the computing spent, over many powers of ten:
``loss = (constant / N) ** alpha``, a straight line on paper with two logarithmic axes.
Size: alpha = 0.076 for parameters without the embedding; tokens: alpha = 0.095.

Two tests. The law is fitted to some points, and then has to foretell others:

- GPT-2's four published sizes. From the three smaller ones, what should the largest
  have reached?
- Our own default model, over its training. From its first 7.3 million tokens, at a
  constant learning rate, what should it have reached in the end?

prints both as tables and draws both.
"""

import argparse
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from drawing import line, scale, svg, text

from numpygpt import GPT2Config
from numpygpt.files.terminal import harmless, without_traceback

# Perplexity on WikiText-2, no training on it: Radford et al. (2019), table 3.
WIKITEXT2 = {"gpt2": 29.41, "gpt2-medium": 22.76, "gpt2-large": 19.93, "gpt2-xl": 18.34}
# Million tokens seen, bits per byte of held-out text, as estimated while training
# (weights/README.md; its two rows with a window that was too wide are left out). The
# learning rate was constant up to the fourth.
OURS = [
    (1.0, 1.919), (2.2, 1.730), (4.3, 1.599), (7.3, 1.507), (11.6, 1.375),
    (16.0, 1.372), (20.9, 1.335), (25.6, 1.301), (30.3, 1.267), (34.7, 1.249),
    (45.3, 1.345), (57.4, 1.306), (67.9, 1.265), (77.8, 1.224), (85.5, 1.195),
]  # fmt: skip
N_FIT = {"sizes": 3, "tokens": 4}


def n_without_embedding(name):
    """Parameters but for the two tables of embeddings."""
    config = GPT2Config.named(name)
    return config.n_params - (config.n_vocab + config.n_ctx) * config.n_embd


def fit(x, y):
    """The power law through points: ``(alpha, y at x = 1)``, least squares of the
    logarithms.

    >>> [round(float(value), 6) for value in fit([1.0, 4.0], [6.0, 3.0])]
    [0.5, 6.0]
    """
    slope, height = np.polyfit(np.log(x), np.log(y), 1)
    return -slope, math.exp(height)


def foretold(points, n_fit):
    """``(alpha, [(x, found, foretold), ...])``, fitted to the first ``n_fit``."""
    x, y = np.array(points, float).T
    alpha, height = fit(x[:n_fit], y[:n_fit])
    return alpha, height, list(zip(x, y, height * x**-alpha))


def sizes():
    """(million parameters, nats a token)."""
    return [(n_without_embedding(n) / 1e6, math.log(p)) for n, p in WIKITEXT2.items()]


def tables():
    """Both tests in Markdown."""
    alpha, _, rows = foretold(sizes(), N_FIT["sizes"])
    yield f"GPT-2 on WikiText-2: alpha = {alpha:.3f}, fitted to the first three\n"
    yield "| model | parameters without the embedding | loss, nats a token | the law |"
    yield "|---|---|---|---|"
    for name, (n, found, law) in zip(WIKITEXT2, rows):
        yield f"| {name} | {n:,.0f}M | {found:.3f} | {law:.3f} |"
    alpha, _, rows = foretold(OURS, N_FIT["tokens"])
    yield f"\nThe default model's training: alpha = {alpha:.3f}, the first four rows\n"
    yield "| million tokens seen | bits per byte, estimate | the law |"
    yield "|---|---|---|"
    for n, found, law in rows:
        yield f"| {n} | {found:.3f} | {law:.3f} |"


def panel(points, n_fit, left, title, below, ticks):
    """One plot with logarithmic axes: points, fitted ones filled, and the line."""
    alpha, height, rows = foretold(points, n_fit)
    x_values, y_values = [r[0] for r in rows], [v for r in rows for v in r[1:]]
    low, high = math.log(min(x_values) * 0.8), math.log(max(x_values) * 1.25)
    x = scale(low, high, left, left + 330)
    y = scale(math.log(min(y_values) * 0.98), math.log(max(y_values) * 1.03), 270, 50)
    parts = [text(left, 28, title), text(left + 165, 318, below, "middle", "faint")]
    parts.append(line([(left, 50), (left, 270), (left + 330, 270)], "line", 1))
    ends = [math.exp(low), math.exp(high)]
    law = [(x(math.log(e)), y(math.log(height * e**-alpha))) for e in ends]
    parts.append(line(law, "blue", 1.5, "5 4"))
    for i, (n, found, _) in enumerate(rows):
        fill = "orange" if i < n_fit else "page"
        parts.append(
            f'<circle cx="{x(math.log(n)):.1f}" cy="{y(math.log(found)):.1f}" r="4.5" '
            f'class="{fill} orange-stroke" stroke-width="2"/>'
        )
    for tick in ticks[0]:
        parts.append(text(x(math.log(tick)), 288, f"{tick:g}", "middle"))
    for tick in ticks[1]:
        parts.append(text(left - 8, y(math.log(tick)) + 4, f"{tick:g}", "end"))
    return parts


def draw(path):
    """Both tests, side by side."""
    parts = panel(
        sizes(), N_FIT["sizes"], 60, "GPT-2 on WikiText-2: nats a token",
        "million parameters without the embedding",
        ([100, 300, 1000], [2.9, 3.0, 3.2, 3.4]),
    )  # fmt: skip
    parts += panel(
        OURS, N_FIT["tokens"], 470, "the default model: bits per byte",
        "million tokens seen in training", ([1, 3, 10, 30, 100], [1.2, 1.4, 1.6, 1.8]),
    )  # fmt: skip
    legend = "filled: fitted; empty: foretold; dashed: the power law"
    parts.append(text(430, 345, legend, "middle", "faint"))
    svg(path, 860, 356, parts, "Loss over model size and over tokens, with power laws")


@without_traceback("scaling.py")
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("svg", nargs="?", help="the file to draw to")
    args = harmless(parser).parse_args(argv)
    print("\n".join(tables()))
    if args.svg:
        draw(args.svg)


if __name__ == "__main__":
    sys.exit(main())
