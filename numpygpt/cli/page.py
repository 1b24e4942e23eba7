"""``--page FILE.html``: what was generated, as a page to look at (look/page.py).

The page shows a beam search from the same prompt, too: the run's own, if it was one.
"""

import os
from pathlib import Path

from .. import GenerationConfig
from ..decoding.constraints.choices import n_kept
from .output import note

BEAMS = {"num_beams": 4, "max_new_tokens": 10}


def check(path):
    """Before anything is generated: can there be such a file?"""
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"--page names a file to write, but {path} is a folder")
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"--page: there is no folder {path.parent} to write to")


def write(args, model, tokenizer, ids, new, settings):
    """Write the page of a prompt, ``ids``, and its continuation, ``new``."""
    from ..look import inside, page
    from ..look.page import write

    path, seed = args.page, args.seed
    config = GenerationConfig(**settings)
    kept = ids[: n_kept(ids, config)]
    beams = settings if config.num_beams > 1 else BEAMS
    found = model.generate(ids, seed=seed, return_dict_in_generate=True, **beams)
    text = page(inside(model, kept + new), tokenizer, len(kept), config, found.notes[0])
    write(path, text)
    note(f"{path}: {len(text.encode()) / 1e6:.1f} MB")
