"""What is said to people, on stderr, and made harmless first; and how a command ends.

A terminal obeys some characters: ESC begins commands that move the cursor, rename the
window or fill the clipboard. A text that comes from elsewhere (a model, a file's name,
a server's answer) may hold them. `shown` spells them out.
"""

import argparse
import functools
import os
import re
import sys

# C0 but tab and newline, DEL, C1; and what turns the direction of writing around.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# What a user's files, machine and settings can raise (a Warning: python -W error).
USERS = (ValueError, OSError, MemoryError, RuntimeError, Warning)


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


def count(text):
    """An argparse type: a whole number of at least 1."""
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r:.80} is no whole number from 1 on")
    return int(text)


def without_traceback(name, unread=0):
    """Around a command's ``main``, which returns its exit code: what a user can cause
    ends it with one sentence, never with a traceback. Codes: 1 could not, 130
    interrupted; argparse has 2 for wrong usage. ``unread``: the code when nobody reads
    the output to its end (``| head``), 1 where the code is an answer."""

    def around(main):
        @functools.wraps(main)
        def run(*args):
            code = unread
            try:
                try:
                    code = main(*args)
                except SystemExit as end:
                    code = end.code
                    flush()
                    raise
                flush()
                return code
            except BrokenPipeError:  # whoever read us has seen enough
                silence()
                return code
            except KeyboardInterrupt:
                code = 130
            except USERS as error:
                say(f"{name}: {str(error) or type(error).__name__}")
                code = 1
            silence_if_full()
            return code

        return run

    return around


def flush():
    """Write what waits to be written, while somebody can still say what is wrong."""
    if sys.stdout is not None:
        sys.stdout.flush()


def silence():
    """What is still waiting to be written to stdout has nowhere to go: drop it, or
    Python would complain of it at the end."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def silence_if_full():
    """If what waits cannot be written, drop it."""
    try:
        flush()
    except OSError:
        silence()


def on_terminal(stream):
    """Is this stream there, and a terminal?"""
    return stream is not None and stream.isatty()


def show_progress(text):
    """Show how far something is, on a terminal only; the next text takes its place if
    it begins with a carriage return."""
    if on_terminal(sys.stderr):
        print(text, end="", file=sys.stderr, flush=True)
