"""Where settings come from: a model's folder, another config in their place, keywords
on top.

Next: ../sampling.py.
"""

import json
import logging
from dataclasses import fields, replace

from ...files.hub import FormatError, read_json
from ..config import GenerationConfig
from .checks import NO_EFFECT, OFF, check_width, without_idle

# What transformers takes from a config.json where there is no generation_config.json.
# task_specific_params is not among it: there, too, generate passes that over.
IN_MODEL_CONFIG = {
    *"max_length max_new_tokens min_length min_new_tokens do_sample early_stopping "
    "num_beams num_beam_groups diversity_penalty temperature top_k top_p min_p "
    "typical_p epsilon_cutoff eta_cutoff repetition_penalty length_penalty "
    "no_repeat_ngram_size bad_words_ids sequence_bias num_return_sequences "
    "penalty_alpha guidance_scale renormalize_logits forced_bos_token_id "
    "forced_eos_token_id exponential_decay_length_penalty suppress_tokens "
    "begin_suppress_tokens bos_token_id eos_token_id pad_token_id "
    "output_scores return_dict_in_generate".split(),
    *OFF,
}


def read_settings(folder, config):
    """How the model of a folder generates by itself: generation_config.json, or in its
    absence what config.json says. What we do not have is passed over, and said."""
    path = folder / "generation_config.json"
    if path.is_file():
        settings = read_json(path)
    else:
        path = folder / "config.json"
        found = read_json(path).items()
        settings = {name: value for name, value in found if name in IN_MODEL_CONFIG}
        settings.setdefault("eos_token_id", config.eos_token_id)
    known = {f.name for f in fields(GenerationConfig)} | set(NO_EFFECT.split())
    settings, passed = without_ends_that_never_come(settings), []
    for name in sorted(settings.keys() - known):
        if settings.pop(name) not in (None, OFF.get(name)):
            passed.append(name)
    if passed:
        text = "%s: passed over, because numpygpt does not have it: %s"
        logging.getLogger("numpygpt").warning(text, path, ", ".join(passed))
    try:
        made = GenerationConfig.known(**settings)
        check_width(made, config)
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None
    return made


def without_ends_that_never_come(settings):
    """-1 as an eos, or as one of several, and as pad means: there is none."""
    settings = dict(settings)
    if isinstance(ends := settings.get("eos_token_id"), (list, tuple)):
        settings["eos_token_id"] = [end for end in ends if end != -1] or None
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        if type(settings.get(name)) is int and settings[name] < 0:
            del settings[name]
    return settings


def ends_of(config):
    """The GenerationConfig of a model about which nothing is said but its config."""
    ends = {"bos_token_id": config.bos_token_id, "eos_token_id": config.eos_token_id}
    return GenerationConfig(**without_ends_that_never_come(ends))


def settings_to_save(config):
    """The settings of a GenerationConfig that are set and that JSON can say: no
    functions, models or tokenizers."""
    settings = {}
    for f in fields(config):
        value = getattr(config, f.name)
        if f.name == "sequence_bias" and isinstance(value, dict):
            value = list(value.items())
        if f.name == "logit_bias" and value:
            value = {int(i): bias for i, bias in value.items()}
        if f.name in ("eos_token_id", "bos_token_id") or value != f.default:
            try:
                text = json.dumps(value, default=lambda number: number.item())
            except (TypeError, AttributeError):
                continue
            settings[f.name] = json.loads(text)
    return settings


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
    default = GenerationConfig.max_length
    unset = "max_length" not in settings and override.max_length == default
    if unset and override.max_new_tokens is None:
        # transformers, too, counts its 20 tokens behind the prompt if nobody set them
        settings = {"max_new_tokens": default, **settings}
    return replace(override, **settings)
