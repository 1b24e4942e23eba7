"""GenerationConfig: how to generate, as data.

The names and meanings are those of transformers' ``generate``, with one difference
that is loud on purpose: nothing truncates unless you ask (transformers has a hidden
top_k of 50).

Next: filters.py.
"""

from dataclasses import dataclass, fields, replace

import numpy as np


@dataclass(frozen=True)
class GenerationConfig:
    """How to generate, with transformers' names; unset fields change nothing."""

    max_length: int = 20  # tokens in all, prompt included
    max_new_tokens: int | None = None  # tokens beyond the prompt; wins over max_length
    do_sample: bool = False  # draw, instead of taking the most likely token
    temperature: float = 1.0  # 0 means: do not sample
    top_k: int | None = 0  # 0 or None: off
    top_p: float | None = 1.0  # 1 or None: off
    num_return_sequences: int = 1
    bos_token_id: int | None = None
    eos_token_id: int | list | tuple | None = None  # any of these ends a sequence
    pad_token_id: int | None = None  # fills ended rows; by default the first eos
    use_cache: bool = True  # accepted; the cache is always used
    return_dict_in_generate: bool = False
    output_scores: bool = False
    output_logits: bool = False

    def __post_init__(self):
        def check(name, ok, what):
            if not ok:
                raise ValueError(f"{name} must be {what}, not {getattr(self, name)!r}")

        check("max_length", _at_least(self.max_length, 1), "a positive integer")
        new = self.max_new_tokens
        check("max_new_tokens", new is None or _at_least(new, 1), "a positive integer")
        n = self.num_return_sequences
        check("num_return_sequences", _at_least(n, 1), "a positive integer")
        t = self.temperature
        check("temperature", _is_number(t) and 0 <= t < float("inf"), "at least 0")
        k = self.top_k
        check("top_k", k is None or _at_least(k, 0), "an integer of at least 0")
        p = self.top_p
        check("top_p", p is None or (_is_number(p) and 0 <= p <= 1), "from 0 to 1")
        if t == 0:
            object.__setattr__(self, "do_sample", False)

    @classmethod
    def known(cls, **settings):
        """Build one; an unknown name is a ``ValueError`` that suggests the nearest."""
        names = [f.name for f in fields(cls)]
        for name in settings.keys() - set(names):
            raise ValueError(f"unknown argument {name!r}{_nearest(name, names)}")
        return cls(**settings)

    @property
    def eos_token_ids(self):
        """The ids that end a sequence, as a tuple."""
        if self.eos_token_id is None:
            return ()
        many = isinstance(self.eos_token_id, (list, tuple))
        return tuple(self.eos_token_id) if many else (self.eos_token_id,)


def _at_least(value, least):
    is_int = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return is_int and value >= least


def _is_number(value):
    is_number = isinstance(value, (int, float, np.integer, np.floating))
    return is_number and not isinstance(value, bool)


def _nearest(name, names):
    from difflib import get_close_matches

    close = get_close_matches(name, names, 1)
    return f": did you mean {close[0]!r}?" if close else f"; known: {', '.join(names)}"


def merge_config(base, override, settings):
    """A call's configuration: the model's own, replaced by a GenerationConfig or a
    dictionary, changed by keywords."""
    if isinstance(override, dict):
        override = GenerationConfig.known(**override)
    if override is None:
        override = base
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        if getattr(override, name) is None and name not in settings:
            settings = {**settings, name: getattr(base, name)}
    GenerationConfig.known(**settings)
    return replace(override, **settings)
