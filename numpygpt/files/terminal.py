"""What is said to people, on stderr, and made harmless first.

A terminal obeys some characters: ESC begins commands that move the cursor, rename the
window or fill the clipboard. A text that comes from elsewhere (a model, a file's name,
a server's answer) may hold them. `shown` spells them out.
"""

import re
import sys

# C0 but tab and newline, DEL, C1; and what turns the direction of writing around.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def shown(text):
    r"""The text with its control characters spelled out.

    >>> print(shown("a\x1b]52;c;YQ==\x07b"))
    a\x1b]52;c;YQ==\x07b
    """
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def say(text, end="\n"):
    """Print to stderr, if there is one: a closed one must not send it to stdout."""
    if sys.stderr is not None:
        print(shown(text), end=end, file=sys.stderr, flush=True)


def harmless(parser):
    """An argparse parser that says what is wrong with `say`, and ends with 2: its own
    way is to print it as it came, and to stdout where stderr is closed."""

    def error(message):
        say(f"{parser.format_usage()}{parser.prog}: {message}")
        raise SystemExit(2)

    parser.error = error
    return parser


def on_terminal(stream):
    """Is this stream there, and a terminal?"""
    return stream is not None and stream.isatty()


def show_progress(text):
    """Show how far something is, on a terminal only; the next text takes its place if
    it begins with a carriage return."""
    if on_terminal(sys.stderr):
        print(text, end="", file=sys.stderr, flush=True)
