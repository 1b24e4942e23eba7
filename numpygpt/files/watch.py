"""Files that change while they are used.

A model's arrays are views of its file, mapped and not copied: see safetensors.py. What
somebody writes to that file shows in the arrays, and where somebody cuts it off, the
system ends the process that reads a page behind the new end (SIGBUS). Only a copy rules
that out, and it costs what mapping saves. Asking whether the file is still what it was
takes a microsecond, so that is done before every step; from the question to the end of
the step a risk remains. A new file under the same name does no harm: the old one stays
while it is mapped.
"""

import mmap
import os
from contextlib import ExitStack, contextmanager, suppress

from .hub import FormatError, parts_of
from .safetensors import owner_of


def state(path):
    """``(which file, its size and the time of its last change)``; None if there is
    none."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return (stat.st_dev, stat.st_ino), (stat.st_size, stat.st_mtime_ns)


class Watch:
    """Files, and what they were when they were read."""

    def __init__(self, paths):
        self.seen = [(path, state(path)) for path in map(os.path.realpath, paths)]

    def over(self, arrays):
        """This watch; over no file if none of the arrays lies in one."""
        if not any(isinstance(owner_of(array), mmap.mmap) for array in arrays):
            self.seen = []
        return self

    def check(self):
        """``FormatError`` if a file is the same one and its content is not."""
        for path, before in self.seen:
            now = state(path)
            if now != before and None not in (now, before) and now[0] == before[0]:
                raise FormatError(
                    f"{path} was written to after it was loaded, so the weights in use "
                    "are no longer what they were: load the model again"
                )


@contextmanager
def reading(folder):
    """A `Watch` over the weights of a folder that the block reads; ``FormatError``
    if somebody saved another model meanwhile, so that some of the files are new and
    some are old. config.json is the one that a writer takes away first."""
    config = folder / "config.json"
    before, gone = None, False
    with ExitStack() as stack:
        if config.is_file():  # while it is open, no new file gets its number
            with suppress(FileNotFoundError):
                before = state(stack.enter_context(open(config, "rb")).fileno())
        try:
            yield Watch(parts_of(folder, "model.safetensors"))
        except FileNotFoundError:  # there when we looked, away when we opened it
            gone = True
        if gone or before is None or state(config) != before:
            what = "was written to while it was read: load it again"
            raise FormatError(f"{folder} {what}")
