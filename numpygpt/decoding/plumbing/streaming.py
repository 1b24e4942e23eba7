"""Showing a text while it grows: to a streamer, or id by id.

A search yields its sequences whenever they have grown. Here that becomes what is new
since the last time. Only one sequence can be shown: two would be mixed.

Next: ../generate.py.
"""

import numpy as np


def check_single(prompts, config):
    """``ValueError`` if more than one text is asked for."""
    if len(prompts) * config.num_return_sequences > 1:
        raise ValueError("only one sequence can be streamed at a time: pass one prompt "
                         "and num_return_sequences 1, or use generate")  # fmt: skip


def new_ids(steps):
    """Lists of the first sequence's new ids, from a search's ``steps``."""
    n_shown = 0
    for sequences in steps:
        new = sequences[0].ids[sequences[0].n_prompt :]
        yield new[n_shown:]
        n_shown = len(new)


def told(streamer, steps, prompt):
    """Pass a search's steps on and tell the streamer: ``put(ids)`` of the prompt, of
    whatever is new, and ``end()``. As transformers' streamers expect it."""
    streamer.put(np.array(prompt))
    n_shown = 0
    for sequences in steps:
        new = sequences[0].ids[sequences[0].n_prompt :]
        streamer.put(np.array(new[n_shown:]))
        n_shown = len(new)
        yield sequences
    streamer.end()
