"""SVG by hand: text with coordinates, in colours that suit a light and a dark page.

An SVG is text: shapes and words with places. `svg` wraps a drawing with the few colours
that all drawings here use, each in two versions; the browser takes the one that suits
the reader's page. Used by figures.py and curve.py.
"""

from html import escape
from pathlib import Path

# class: light, dark
COLOURS = {
    "ink": ("#24292f", "#e6edf3"),
    "faint": ("#6e7781", "#9da7b3"),
    "line": ("#afb8c1", "#57606a"),
    "blue": ("#1b6ca8", "#58a6ff"),
    "orange": ("#bc4c00", "#f0883e"),
    "green": ("#1a7f37", "#3fb950"),
    "panel": ("#f3f5f7", "#21262d"),
    "page": ("#ffffff", "#0d1117"),
}


def svg(path, width, height, parts, title):
    """Write a drawing; ``title`` is what a screen reader says."""
    light, dark = (
        "".join(
            f".{name}{{fill:{pair[i]}}}.{name}-stroke{{stroke:{pair[i]}}}"
            for name, pair in COLOURS.items()
        )
        for i in range(2)
    )
    style = f"{light}@media(prefers-color-scheme:dark){{{dark}}}"
    body = "\n".join(parts)
    Path(path).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="system-ui, sans-serif" font-size="13" role="img">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n"
        f'<rect width="{width}" height="{height}" class="page"/>\n{body}\n</svg>\n',
        encoding="utf-8",
    )


def text(x, y, words, anchor="start", colour="ink", size=None, mono=False):
    """Words at a place; ``anchor``: start, middle or end."""
    more = f' font-size="{size}"' if size else ""
    more += ' font-family="ui-monospace, monospace"' if mono else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{colour}"{more}>'
        f"{escape(words)}</text>"
    )


def rect(x, y, width, height, colour="panel", edge="line", corner=4, opacity=1):
    stroke = f"{edge}-stroke" if edge else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'rx="{corner}" class="{colour} {stroke}" fill-opacity="{opacity}"/>'
    )


def line(points, colour="line", width=2, dash=None):
    """A path through points."""
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    more = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<polyline points="{path}" fill="none" class="{colour}-stroke" '
        f'stroke-width="{width}"{more}/>'
    )


def arrow(start, end, colour="line", width=2):
    """A line with a head, straight down or to the right."""
    (a, b), (c, d) = start, end
    side = (
        [(c - 4, d - 6), (c + 4, d - 6)] if a == c else [(c - 6, d - 4), (c - 6, d + 4)]
    )
    head = " ".join(f"{x:.1f},{y:.1f}" for x, y in [end, *side])
    return (
        line([start, end], colour, width)
        + f'<polygon points="{head}" class="{colour}"/>'
    )


def scale(low, high, start, stop):
    """The line that takes low to start and high to stop."""
    return lambda value: start + (value - low) / (high - low) * (stop - start)
