"""A call's settings: the model's own config, another in its place, keywords on top.

Next: ../sampling.py.
"""

from dataclasses import fields, replace

from ..config import GenerationConfig
from .checks import without_idle


def merge_config(base, override, settings):
    """A call's configuration: the model's own, replaced by a GenerationConfig or a
    dictionary, changed by keywords."""
    if isinstance(override, dict):
        override = GenerationConfig.known(**override)
    if override is None:
        override = base
    if not isinstance(override, GenerationConfig):
        raise ValueError("generation_config must be a GenerationConfig or a dict, not "
                         f"{override!r:.80}")  # fmt: skip
    settings = without_idle(settings, fields(GenerationConfig))
    settings = {"do_sample": override.asked_to_sample, **settings}
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        if getattr(override, name) is None and name not in settings:
            settings = {**settings, name: getattr(base, name)}
    return replace(override, **settings)
