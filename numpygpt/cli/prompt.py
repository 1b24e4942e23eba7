"""The prompt, from wherever it comes: an argument, a file, a pipe, the keyboard."""

import codecs
import os
import sys

from ..files.terminal import on_terminal, say

MOST = 1 << 20  # bytes of a prompt: no context holds as much


def read_prompt(args):
    """The prompt; nothing at all means "start a new text".

    Of a file or a pipe the last line break belongs to the file, not to the text. Files
    from Windows may begin with a byte-order mark, be UTF-16, and end their lines in
    CRLF: none of it reaches the model.
    """
    if args.prompt_file is not None:
        with open(args.prompt_file, "rb") as file:
            return as_text(file.read(MOST + 1), args.prompt_file)
    if args.prompt == "-" or (args.prompt is None and not on_terminal(sys.stdin)):
        return read_stdin(asked=args.prompt == "-")
    return decoded(os.fsencode(args.prompt or ""), "the prompt")


def read_stdin(asked):
    """All of stdin; if it is the keyboard, say so."""
    if sys.stdin is None:
        if asked:
            raise ValueError("the prompt is - for stdin, but stdin is closed")
        return ""
    if on_terminal(sys.stdin):
        keys = "Ctrl-Z and Enter" if os.name == "nt" else "Ctrl-D"
        say(f"[type the prompt, then Enter and {keys}]")
    return as_text(sys.stdin.buffer.read(MOST + 1), "stdin")


def as_text(data, source):
    """A file's bytes -> the text that its writer meant."""
    if len(data) > MOST:
        raise ValueError(f"{source} has more than {MOST} bytes: too much for a prompt")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", "replace")
    else:
        text = decoded(data.removeprefix(codecs.BOM_UTF8), source)
    return text.replace("\r\n", "\n").removesuffix("\n")


def decoded(data, source):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{source} is not valid UTF-8: byte {data[error.start]:#04x} at position "
            f"{error.start}. Convert it first, for example with iconv."
        ) from None
