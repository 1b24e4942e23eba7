"""Which method a config asks for: a table.

A method is a function ``search(model, prompts, config, seed)`` in a file of its own, or
a model made of a model. Here settings are matched with methods; two searches at once
are an error, a model of a model goes with any.

Next: ../../gpt2.py.
"""

from ..generate import sample
from .beam import beam_search, diverse_beam_search, stochastic_beam_search
from .contrastive import contrastive_search
from .guidance import Dola, Guided
from .speculative import prompt_lookup, speculative

# A setting, whether it asks for its method, the method.
SEARCHES = [
    ("num_beams", lambda c: c.num_beams > 1, beam_search),
    ("penalty_alpha", lambda c: c.penalty_alpha is not None, contrastive_search),
    ("assistant_model", lambda c: c.assistant_model is not None, speculative),
    ("prompt_lookup_num_tokens", lambda c: c.prompt_lookup_num_tokens, prompt_lookup),
]
# Kinds of beam search.
BEAMS = [
    ("num_beam_groups", lambda c: c.num_beam_groups > 1, diverse_beam_search),
    ("stochastic_beams", lambda c: c.stochastic_beams, stochastic_beam_search),
]


def method(config):
    """The search that the config asks for, `sample` if none."""
    [kind] = _only_one(BEAMS, config) or [None]
    [search] = _only_one(SEARCHES, config) or [sample]
    if kind is not None and search is not beam_search:
        raise ValueError("num_beam_groups and stochastic_beams need num_beams above 1")
    if config.dola_layers is not None and config.guidance_scale not in (None, 1):
        raise ValueError(
            "dola_layers and guidance_scale cannot go together: DoLa removes tokens, "
            "others with the prompt than without it, and guidance needs the difference "
            "of the two: set one of them"
        )
    return kind or search


def _only_one(table, config):
    asked = [(name, search) for name, asks, search in table if asks(config)]
    if len(asked) > 1:
        raise ValueError(
            f"{' and '.join(name for name, _ in asked)} ask for different methods: "
            "set one of them"
        )
    return [search for _, search in asked]


def wrapped(model, config):
    """The model, or one made of it, that the config wants to decode from."""
    if config.dola_layers is not None:
        model = Dola(model, config.dola_layers)
    if config.guidance_scale not in (None, 1):
        model = Guided(model, config.guidance_scale, config.negative_prompt_ids)
    return model
