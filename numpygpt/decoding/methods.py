"""Which method a config asks for: a table.

Every method is a function ``search(model, prompts, config, seed)`` in a file of its
own; here its settings are matched with it. Two methods at once are an error.

Next: gpt2.py.
"""

from .beam import beam_search, diverse_beam_search, stochastic_beam_search
from .generate import sample

# The setting that asks for a method; does it, in this config? the method.
METHODS = [
    ("num_beam_groups", lambda c: c.num_beam_groups > 1, diverse_beam_search),
    ("stochastic_beams", lambda c: c.stochastic_beams, stochastic_beam_search),
    ("num_beams", lambda c: c.num_beams > 1, beam_search),
]


def method(config):
    """The search that the config asks for, `sample` if none."""
    asked = [(name, search) for name, asks, search in METHODS if asks(config)]
    return asked[0][1] if asked else sample
