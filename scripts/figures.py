"""The figures of numpygpt/figures/, each made by the code that it explains.

    pip install -e .
    python scripts/figures.py            # all; or: model cache truncation ...

Two of them are drawings, the others come from real runs of the default model: made anew
when its weights change.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from drawing import arrow, line, rect, scale, svg, text

from numpygpt import GPT2, Tokenizer, decoding
from numpygpt.decoding import min_p, top_k, top_p
from numpygpt.decoding.sampling import probabilities
from numpygpt.files.terminal import harmless, without_traceback

FOLDER = Path(__file__).resolve().parents[1] / "numpygpt" / "figures"


def box(x, y, width, words, shape="", colour="panel", height=30):
    """A step of the computation with the shape that leaves it."""
    parts = [rect(x, y, width, height, colour)]
    parts.append(text(x + width / 2, y + height / 2 + 5, words, "middle", mono=True))
    if shape:
        parts.append(
            text(x + width + 8, y + height / 2 + 5, shape, colour="blue", mono=True)
        )
    return parts


def plus(x, y):
    """Where something is added to the stream."""
    return [
        f'<circle cx="{x}" cy="{y}" r="9" class="page orange-stroke" '
        'stroke-width="2"/>',
        line([(x - 5, y), (x + 5, y)], "orange"),
        line([(x, y - 5), (x, y + 5)], "orange"),
    ]


def model(path):
    """The whole model, and the inside of one block."""
    tok, emb = "[n_tok]", "[n_tok, n_embd]"
    parts = [text(30, 26, "the model", size=16), text(448, 26, "one block", size=16)]
    stream = 120
    parts.append(line([(stream, 60), (stream, 440)], "orange", 4))
    parts += box(30, 44, 180, '"Once upon a time"')
    parts += box(30, 92, 180, "ids", tok)
    parts += box(30, 140, 180, "wte[ids] + wpe", emb)
    for i, name in enumerate(["block 0", "block 1", "...", "block n_layer - 1"]):
        parts += box(30, 196 + 44 * i, 180, name, emb if i == 3 else "")
    parts += box(30, 384, 180, "layer_norm ln_f", emb)
    parts += box(30, 432, 180, "@ wte.T", "[n_tok, n_vocab]")
    parts.append(text(30, 488, "logits: row i scores every token"))
    parts.append(text(30, 506, "as what follows the first i + 1"))
    parts.append(text(126, 186, "the residual stream", colour="orange"))
    parts += inside(470)
    svg(
        path,
        940,
        524,
        parts,
        "GPT-2: from ids to logits, with the shapes of all arrays",
    )


def inside(stream):
    """One block: two branches that read the stream and are added to it."""
    parts = [arrow((stream, 44), (stream, 506), "orange", 4)]
    attention = [
        ("layer_norm ln_1", "[n_tok, n_embd]"),
        ("linear c_attn", "[n_tok, 3 * n_embd]"),
        ("split: q, k, v", "[n_head, n_tok, d_head] each"),
        ("softmax(q @ k.T / sqrt(d_head) + mask)", "[n_head, n_tok, n_tok]"),
        ("@ v, merge the heads", "[n_tok, n_embd]"),
        ("linear c_proj", "[n_tok, n_embd]"),
    ]
    mlp = [
        ("layer_norm ln_2", "[n_tok, n_embd]"),
        ("linear c_fc", "[n_tok, 4 * n_embd]"),
        ("gelu", "[n_tok, 4 * n_embd]"),
        ("linear c_proj", "[n_tok, n_embd]"),
    ]
    y = 56
    for name, steps in (("attention", attention), ("mlp", mlp)):
        top = y + 13
        for words, shape in steps:
            parts.append(rect(stream + 30, y, 250, 26))
            size = 10 if len(words) > 30 else 12
            parts.append(
                text(stream + 155, y + 17, words, "middle", size=size, mono=True)
            )
            parts.append(
                text(stream + 288, y + 17, shape, colour="blue", size=10, mono=True)
            )
            y += 38
        bottom = y - 25
        parts += [
            arrow((stream, top), (stream + 30, top)),
            line([(stream + 30, bottom), (stream, bottom)]),
            *plus(stream, bottom),
            text(stream - 8, (top + bottom) / 2, name, "end", "faint"),
        ]
        y += 14
    return parts


def cache(path):
    """The mask, and what is left to compute when keys and values are kept."""
    words = ["Once", " upon", " a", " time", " there", " was"]
    n, side, left, top = len(words), 44, 110, 90
    parts = [text(left, 30, "causal mask: who sees whom", size=16)]
    parts.append(text(left, 50, "columns: keys; rows: queries", colour="faint"))
    right = left + n * side + 150
    parts.append(text(right, 30, "the same step with a cache", size=16))
    parts.append(text(right, 50, "only the new row is computed", colour="faint"))
    for x0 in (left, right):
        for j, word in enumerate(words):
            parts.append(
                text(x0 + side * (j + 0.5), top - 10, word, "middle", mono=True)
            )
            parts.append(text(x0 - 8, top + side * (j + 0.6), word, "end", mono=True))
        for i in range(n):
            for j in range(n):
                new = x0 == left or i == n - 1
                colour = "blue" if j <= i and new else "panel"
                square = rect(x0 + side * j, top + side * i, side - 3, side - 3, colour)
                parts.append(square)
                if j > i:
                    spot = x0 + side * (j + 0.47), top + side * (i + 0.6)
                    parts.append(text(*spot, "-inf", "middle", "faint", 11))
    below = top + n * side + 22
    parts.append(text(left, below, "a weight for every blue square", colour="blue"))
    kept = rect(right, below - 8, side * (n - 1) - 3, 14, "green", None)
    new = rect(right + side * (n - 1), below - 8, side - 3, 14, "orange", None)
    parts += [kept, new]
    words = "keys and values: kept"
    parts.append(text(right, below + 24, words, colour="green"))
    parts.append(text(right + side * n, below + 24, "new", "end", "orange"))
    svg(path, right + n * side + 30, below + 44, parts, "The causal mask and the cache")


PROMPTS = "Once upon a", "The king looked at the"
FILTERS = (
    ("top_k 5", lambda z: top_k(z, 5), "blue"),
    ("top_p 0.9", lambda z: top_p(z, 0.9), "orange"),
    ("min_p 0.1", lambda z: min_p(z, 0.1), "green"),
)


def truncation(path, n_shown=24):
    """What three filters keep of a sure and of an unsure row of the default model."""
    tokenizer = Tokenizer.from_pretrained("fairytale")
    gpt2, parts = GPT2.from_pretrained("fairytale"), []
    for number, prompt in enumerate(PROMPTS):
        row = gpt2(tokenizer.encode(prompt))[-1]
        parts += panel(tokenizer, prompt, row, 40 + 270 * number, n_shown)
    svg(path, 820, 570, parts, "What top-k, top-p and min-p keep of two real rows")


def panel(tokenizer, prompt, row, top, n_shown):
    """Bars of the likeliest tokens, and a strip a filter: how far it keeps."""
    p = probabilities(row)
    best = np.argsort(-p, kind="stable")[:n_shown]
    left, width, height = 110, 28, 90
    y = scale(0, float(p[best[0]]), 0, height)
    parts = [text(20, top - 8, f'after "{prompt}"', size=15)]
    for i, token in enumerate(best):
        x, tall = left + width * i, max(y(float(p[token])), 0.5)
        parts.append(
            rect(x, top + 10 + height - tall, width - 4, tall, "faint", None, 1)
        )
        word = (
            tokenizer.decode([int(token)]).replace("\n", "\\n").replace(" ", "\u2423")
        )
        middle, base = x + width / 2, top + height + 22
        turned = text(middle, base, word, "end", size=11, mono=True)
        turn = f'<text transform="rotate(-45 {middle:.1f} {base:.1f})"'
        parts.append(turned.replace("<text", turn, 1))
    parts.append(text(left - 8, top + 22, f"{p[best[0]]:.0%}", "end", "faint"))
    for i, (name, keep, colour) in enumerate(FILTERS):
        kept = np.isfinite(keep(row))
        base, n = top + height + 72 + 22 * i, int(kept.sum())
        parts.append(text(left - 8, base + 11, name, "end", colour))
        shown = min(n, n_shown) * width - 4
        parts.append(rect(left, base, shown, 14, colour, None))
        words = f"{n} kept, {p[kept].sum():.0%} of the mass"
        place = (left + shown + 6, "ink") if shown < 400 else (left + 8, "page")
        parts.append(text(place[0], base + 11, words, colour=place[1], size=12))
    return parts


ALL_FILTERS = {
    "the model": lambda z: z,
    "temperature 0.5": lambda z: decoding.temperature(z, 0.5),
    "temperature 2": lambda z: decoding.temperature(z, 2.0),
    "top_k 5": lambda z: top_k(z, 5),
    "top_p 0.7": lambda z: top_p(z, 0.7),
    "min_p 0.1": lambda z: min_p(z, 0.1),
    "top_a 0.5": lambda z: decoding.top_a(z, 0.5),
    "typical_p 0.3": lambda z: decoding.typical_p(z, 0.3),
    "epsilon_cutoff 0.02": lambda z: decoding.epsilon_cutoff(z, 0.02),
    "eta_cutoff 0.02": lambda z: decoding.eta_cutoff(z, 0.02),
    "top_n_sigma 1.5": lambda z: decoding.top_n_sigma(z, 1.5),
    "top_h 0.4": lambda z: decoding.top_h(z, 0.4),
    "xtc, threshold 0.03": lambda z: decoding.xtc(
        z, 1.0, 0.03, np.random.default_rng(0)
    ),
    "mirostat 2, tau 4": lambda z: decoding.mirostat(z, 2, [0], {}, 4.0, 0.1, "lowest"),
    "min_p 0.02, adaptive 0.1": lambda z: decoding.adaptive_p(
        min_p(z, 0.02), 0.1, [0], {}
    ),
}
# Rules see the text as well; ``best``: the likeliest token, as an example.
ALL_RULES = {
    "the model": lambda z, ids, best: z,
    "repetition_penalty 1.3": lambda z, ids, best: decoding.repetition_penalty(
        z, 1.3, ids
    ),
    "frequency_penalty 1": lambda z, ids, best: decoding.frequency_penalty(z, 1.0, ids),
    "presence_penalty 1": lambda z, ids, best: decoding.presence_penalty(z, 1.0, ids),
    "dry_multiplier 1": lambda z, ids, best: decoding.dry(z, 1.0, ids),
    "no_repeat_ngram_size 2": lambda z, ids, best: decoding.no_repeat_ngram_size(
        z, 2, ids
    ),
    "logit_bias -2": lambda z, ids, best: decoding.logit_bias(z, {best: -2.0}, ids),
    "suppress_tokens": lambda z, ids, best: decoding.suppress_tokens(z, [best], ids),
    "watermark, bias 2": lambda z, ids, best: decoding.watermark(z, {"bias": 2.0}, ids),
}
REPEATING = (
    "The fox met the hen, and the fox",
    "The king and the queen. The king and the",
)


def filters(path):
    """What every filter makes of a sure and of an unsure row."""
    methods(path, PROMPTS, {n: lambda z, ids, best, f=f: f(z)
                            for n, f in ALL_FILTERS.items()})  # fmt: skip


def rules(path):
    """What rules make of two rows whose texts repeat themselves."""
    methods(path, REPEATING, ALL_RULES)


def methods(path, prompts, steps, n_shown=22):
    """A row of bars for each method, a column for each prompt."""
    tokenizer = Tokenizer.from_pretrained("fairytale")
    gpt2, parts, height = GPT2.from_pretrained("fairytale"), [], 40
    words = (
        "blue: the probability after it; grey: what it removes; "
        "the height is the square root of p"
    )
    parts.append(text(20, 24, words, colour="faint"))
    for i, name in enumerate(steps):
        parts.append(text(20, 158 + height * i, name, mono=True))
    for column, prompt in enumerate(prompts):
        ids, left = tokenizer.encode(prompt), 220 + 420 * column
        row = gpt2(ids)[-1]
        p = probabilities(row)
        best = np.argsort(-p, kind="stable")[:n_shown]
        parts.append(text(left, 48, f'after "{prompt}"', size=14))
        parts += names_of(tokenizer, best, left, 112)
        for i, step in enumerate(steps.values()):
            after = step(row, ids, int(best[0]))
            parts += strip(p, after, best, left, 160 + height * i)
    title = f"What {len(steps) - 1} methods keep of two real rows"
    svg(path, 1060, 130 + height * len(steps), parts, title)


def names_of(tokenizer, tokens, left, base, width=13):
    """The texts of tokens, turned to stand over bars."""
    for i, token in enumerate(tokens):
        word = tokenizer.decode([int(token)])
        word = word.replace("\n", "\\n").replace(" ", "\u2423")
        x = left + width * (i + 0.7)
        turn = f'<text transform="rotate(-60 {x:.1f} {base:.1f})"'
        yield text(x, base, word, size=10, mono=True).replace("<text", turn, 1)


def strip(p, after, best, left, base, width=13, tall=30):
    """Bars of the likeliest tokens before and after a method, and what it kept."""
    kept, new = np.isfinite(after), probabilities(after)
    for i, token in enumerate(best.tolist()):
        colour, share = ("blue", new) if kept[token] else ("line", p)
        high = max(tall * float(share[token]) ** 0.5, 0.5)
        yield rect(left + width * i, base - high, width - 3, high, colour, None, 1)
    x, n = left + width * len(best) + 4, int(kept.sum())
    yield text(x, base - 14, f"{n:,} kept" if n < len(p) else "all kept", size=11)
    yield text(x, base, f"{p[kept].sum():.0%} of the mass", colour="faint", size=11)


def beams(path, prompt="The old king had", width=3, n_step=6):
    """The tree that a real beam search grew: what it kept, what it dropped."""
    tokenizer = Tokenizer.from_pretrained("fairytale")
    gpt2 = GPT2.from_pretrained("fairytale")
    out = gpt2.generate(
        tokenizer.encode(prompt), max_new_tokens=n_step, num_beams=width,
        return_dict_in_generate=True,
    )  # fmt: skip
    best = out.sequences[0][-n_step:]
    column, parts = 118, [text(20, 26, f"a beam search of width {width}", size=16)]
    words = (
        "blue: kept; grey: dropped; orange: the winner; below: the sum of log p so far"
    )
    parts += [text(20, 46, words, colour="faint"), text(20, 74, prompt, mono=True)]
    kept, on_path = [(20 + 8 * len(prompt), 70)], {0: True}
    for depth, step in enumerate(out.notes[0]):
        x, parents, winning = 175 + column * depth, kept, on_path
        kept, on_path = [], {}
        for i, (parent, token, score, fate) in enumerate(step[: 2 * width]):
            y, goes_on = 70 + 46 * i, fate in ("kept", "finished")
            won = goes_on and winning[parent] and token == best[depth]
            word = tokenizer.decode([token]).replace("\n", "\\n")
            colour = "orange" if won else "blue" if goes_on else "line"
            path_of_node = [parents[parent], (x - 22, y - 4), (x - 4, y - 4)]
            parts.append(line(path_of_node, colour, 1.5))
            parts.append(
                text(x, y, word, colour=colour if goes_on else "faint", mono=True)
            )
            parts.append(text(x, y + 14, f"{score:.2f}", colour="faint", size=10))
            if fate == "kept":
                on_path[len(kept)] = won
                kept.append((x + 8 * len(word) + 4, y - 4))
    height = 70 + 46 * 2 * width + 10
    svg(path, 190 + column * n_step, height, parts, "The tree that a beam search grew")


FIGURES = {
    "model": model, "cache": cache, "truncation": truncation, "filters": filters,
    "rules": rules, "beams": beams,
}  # fmt: skip


@without_traceback("figures.py")
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    names = harmless(parser).parse_args(argv).names or list(FIGURES)
    for name in names:
        if name not in FIGURES:
            parser.error(f"no figure {name!r}: there are {', '.join(FIGURES)}")
    FOLDER.mkdir(exist_ok=True)
    for name in names:
        FIGURES[name](FOLDER / f"{name}.svg")


if __name__ == "__main__":
    sys.exit(main())
