"""What scripts share that need packages beyond numpygpt's own.

``--help`` must work without them, so a script takes them from `optional` and, once it
knows that it has something to do, calls `refuse_without`.
"""

import argparse
from importlib import import_module
from pathlib import Path
from unittest.mock import MagicMock

from numpygpt.files.terminal import harmless


def optional(name):
    """The module of this name; if its package is missing a stand-in, which lets classes
    and functions be defined with it and does nothing of use."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        return MagicMock(name=name)


def refuse_without(extra, *modules):
    """End the script if a module is a stand-in; ``extra`` is the one of setup.cfg that
    has its package."""
    if any(isinstance(module, MagicMock) for module in modules):
        raise SystemExit(f"a package is missing here: pip install -e .[{extra}]")


def folder_to_fill(description, extra, *modules):
    """The only argument of the scripts that make fixtures: the folder to write to."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="such as tests/reference")
    folder = harmless(parser).parse_args().folder
    refuse_without(extra, *modules)
    return folder
