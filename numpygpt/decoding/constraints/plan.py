"""What is settled about a text before its first token.

The loop of generate.py asks for this once a prompt: which of the prompt's ids the model
reads (token healing takes the last one away), how long the text may get, which tokens a
constraint allows, and what ends it.

Next: ../generate.py.
"""

from collections.abc import Callable
from typing import NamedTuple

from .choices import constrain, n_kept
from .stopping import room, stop_rules


class Plan(NamedTuple):
    """For one prompt: ``masks`` are steps of a chain, ``stops`` functions of ids;
    ``complete(ids)`` says whether a text is all that a constraint asks for."""

    ids: list
    limit: int
    masks: list
    stops: list
    complete: Callable


def plan(prompt, config, n_ctx):
    """The `Plan` of a prompt, a list of ids, for a model of context ``n_ctx``."""
    limit = room(len(prompt), config, n_ctx)
    masks, ends, complete = constrain(prompt, config)
    ids = prompt[: n_kept(prompt, config)]
    stops = stop_rules(config, limit, len(prompt)) + ends
    return Plan(ids, limit, masks, stops, complete)
