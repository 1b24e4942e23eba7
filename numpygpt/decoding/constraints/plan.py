"""What is settled about a text before its first token.

The loop of generate.py asks for this once a prompt: which of the prompt's ids the model
reads (token healing takes the last one away), how long the text may get, which tokens a
constraint allows, and what ends it.

Next: ../generate.py.
"""

from typing import NamedTuple

from .choices import constrain, n_kept
from .stopping import room, stop_rules


class Plan(NamedTuple):
    """For one prompt: ``masks`` are steps of a chain, ``stops`` functions of ids."""

    ids: list
    limit: int
    masks: list
    stops: list


def plan(prompt, config, n_ctx):
    """The `Plan` of a prompt, a list of ids, for a model of context ``n_ctx``."""
    limit = room(len(prompt), config, n_ctx)
    masks, ends = constrain(prompt, config)
    ids = prompt[: n_kept(prompt, config)]
    return Plan(ids, limit, masks, stop_rules(config, limit) + ends)
