"""What stands between a config and one exact distribution of the next token.

`numpygpt.decoding.distribution` answers with probabilities. Two things are in its way:

- Some settings have no such distribution, or one that a row of logits is not enough to
  know: `refuse` says so, with the reason.
- xtc tosses a coin at every step. Its distribution is then a mixture, each case
  weighted by its chance: `coins` runs through the cases.

Next: ../config.py.
"""

import math
from itertools import product
from types import SimpleNamespace

from .table import STEPS, reads, steps_of

# What has no distribution of the next token, and what has one that a row of logits is
# not enough for: the value of the setting that is off, and why any other is refused.
NO_DISTRIBUTION = {
    "num_beams": (1, "a beam search compares whole texts"),
    "num_beam_groups": (1, "groups of beams compare whole texts"),
    "stochastic_beams": (False, "stochastic beams are whole texts, drawn at once"),
    "penalty_alpha": (None, "contrastive search draws nothing: it ranks hidden states"),
}
NOT_IN_A_ROW = {
    "regex": (None, "what may follow depends on where the prompt ends"),
    "choices": (None, "what may follow depends on where the prompt ends"),
    "json_schema": (None, "what may follow depends on where the prompt ends"),
    "json_object": (False, "what may follow depends on where the prompt ends"),
    "token_healing": (False, "it takes a token of the prompt away"),
    "guidance_scale": (1, "it changes the model, so pass that model's logits"),
    "dola_layers": (None, "it changes the model, so pass that model's logits"),
}


def refuse(config, reasons=NO_DISTRIBUTION | NOT_IN_A_ROW):
    """A ValueError if the config has set one of these, or a step that remembers."""
    reasons = dict(reasons)
    for name in steps_of(config):
        if not callable(name) and "state" in reads(STEPS[name]):
            switch = STEPS[name].settings[0]
            why = f"{name} remembers: its distribution depends on the steps before"
            reasons[switch.name] = switch.default, why
    for name, (off, why) in reasons.items():
        if getattr(config, name) not in (None, off):
            raise ValueError(f"{name} must be {off}: {why}")


def coins(config):
    """Every way in which the coins of one step can fall: ``(its probability, a
    generator that lets them fall so)``. Only xtc has one, and acts on a 0."""
    share = config.xtc_probability
    for fallen in product([0.0, 1.0], repeat=steps_of(config).count("xtc")):
        p = math.prod(1 - share if coin else share for coin in fallen)
        if p > 0:
            yield p, SimpleNamespace(random=iter(fallen).__next__)
