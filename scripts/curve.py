"""The loss curve of a training run, as an SVG written by hand.

    python scripts/curve.py RUN/log.jsonl curve.svg

An SVG is text: lines and words with coordinates. All a plot needs is the way from a
number to a place on the paper, which is one multiplication and one addition an axis
(`drawing.scale`), and round numbers for the ticks. train.py calls this after each
evaluation.
"""

import argparse
import json
import sys
from pathlib import Path

from drawing import line, scale, svg, text

from numpygpt.files.terminal import harmless, without_traceback

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 62, 20, 34, 48
LINES = {  # field of the log: colour, label
    "bits": ("faint", "the weights as they are"),
    "bits_average": ("blue", "their moving average"),
}


def draw(log, path):
    """Read a run's log.jsonl, write its curve of held-out bits per byte."""
    rows = [
        json.loads(line) for line in Path(log).read_text(encoding="utf-8").splitlines()
    ]
    fields = {"tokens", *LINES}
    if not rows or not all(isinstance(row, dict) and fields <= {*row} for row in rows):
        raise ValueError(f"{log} is no log of train.py: a row has {sorted(fields)}")
    # The first few points would squeeze all others into the lowest tenth.
    rows = [row for row in rows if row["bits_average"] < 2.5] or rows
    tokens = [row["tokens"] / 1e6 for row in rows]
    values = [row[field] for row in rows for field in LINES]
    bottom, top = min(values) - 0.05, max(values) + 0.05
    x = scale(0, max(tokens) or 1, LEFT, WIDTH - RIGHT)
    y = scale(bottom, top, HEIGHT - BOTTOM, TOP)
    parts = [*frame(x, y, max(tokens) or 1, bottom, top)]
    for i, (field, (colour, label)) in enumerate(LINES.items()):
        points = [(x(t), y(row[field])) for t, row in zip(tokens, rows)]
        parts.append(line(points, colour))
        parts.append(text(WIDTH - RIGHT, TOP + 18 + 18 * i, label, "end", colour))
    title = "Held-out bits per byte over the tokens seen in training"
    svg(path, WIDTH, HEIGHT, parts, title)


def ticks(low, high, most=7):
    """Round numbers from low to high, steps of 1, 2 or 5 times a power of ten.

    >>> ticks(0, 18)
    [0.0, 5.0, 10.0, 15.0]
    """
    steps = (m * 10.0**e for e in range(-6, 9) for m in (1, 2, 5))
    step = next(s for s in steps if (high - low) / s <= most)
    first, last = -(-low // step), high // step
    return [round(i * step, 9) for i in range(int(first), int(last) + 1)]


def frame(x, y, right, bottom, top):
    """Axes, ticks, titles."""
    for tick in ticks(bottom, top):
        yield line([(LEFT, y(tick)), (WIDTH - RIGHT, y(tick))], "line", 0.5)
        yield text(LEFT - 8, y(tick) + 4, f"{tick:g}", "end")
    for tick in ticks(0, right):
        yield text(x(tick), HEIGHT - BOTTOM + 18, f"{tick:g}", "middle")
    yield text(LEFT, 20, "bits per byte of held-out text (estimate while training)")
    yield text(WIDTH / 2, HEIGHT - 10, "million tokens seen", "middle")


@without_traceback("curve.py")
def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("log", help="RUN/log.jsonl, as train.py writes it")
    parser.add_argument("svg", help="the file to write")
    draw(*vars(harmless(parser).parse_args()).values())


if __name__ == "__main__":
    sys.exit(main())
