"""The chain as data: every rule and filter, what it is called with, and in which order.

Order matters. top_p after a high temperature keeps many more tokens than before it; a
ban after the filters may ban all that they left. There is no right order, only two that
people are used to, so it is a list that you may write yourself:
``GenerationConfig(do_sample=True, chain=["min_p", "temperature"], ...)``. An entry is a
name of the table below or a function ``step(logits, context) -> logits`` of your own.

To add a method, write its function, add its setting to GenerationConfig and its line
here.

Try: ``chain="hf"`` and ``chain="llama.cpp"`` with temperature 2 and top_p 0.9.

Next: sampling.py.
"""

from dataclasses import dataclass, fields

from .. import filters
from ..config import GenerationConfig
from . import mirostat, penalties, truncation, watermark

# name: function, what it gets behind the logits: settings of GenerationConfig, or what
# a run knows (context, output, eos_token_ids, begin, limit, rng, state, batch_id).
RULES = {
    "sequence_bias": (penalties.sequence_bias, "sequence_bias context"),
    "logit_bias": (penalties.logit_bias, "logit_bias"),
    "repetition_penalty": (penalties.repetition_penalty, "repetition_penalty context"),
    "frequency_penalty": (penalties.frequency_penalty, "frequency_penalty output"),
    "presence_penalty": (penalties.presence_penalty, "presence_penalty output"),
    "dry": (
        penalties.dry,
        "dry_multiplier context dry_base dry_allowed_length dry_sequence_breakers",
    ),
    "no_repeat_ngram_size": (
        penalties.no_repeat_ngram_size,
        "no_repeat_ngram_size context",
    ),
    "bad_words_ids": (penalties.bad_words_ids, "bad_words_ids context eos_token_ids"),
    "min_length": (penalties.min_length, "min_length context eos_token_ids"),
    "min_new_tokens": (penalties.min_new_tokens, "min_new_tokens output eos_token_ids"),
    "prefix_allowed_tokens_fn": (
        penalties.prefix_allowed_tokens_fn,
        "prefix_allowed_tokens_fn context batch_id",
    ),
    "forced_bos_token_id": (
        penalties.forced_bos_token_id,
        "forced_bos_token_id context",
    ),
    "forced_eos_token_id": (
        penalties.forced_eos_token_id,
        "forced_eos_token_id context limit",
    ),
    "exponential_decay_length_penalty": (
        penalties.exponential_decay_length_penalty,
        "exponential_decay_length_penalty output eos_token_ids",
    ),
    "suppress_tokens": (penalties.suppress_tokens, "suppress_tokens"),
    "begin_suppress_tokens": (
        penalties.begin_suppress_tokens,
        "begin_suppress_tokens context begin",
    ),
    "watermark": (watermark.watermark, "watermarking_config context"),
    "renormalize_logits": (penalties.renormalize_logits, "renormalize_logits"),
}
# Only when sampling: greedy decoding takes the best, whatever else is left.
FILTERS = {
    "temperature": (
        truncation.dynamic_temperature,
        "temperature dynatemp_range dynatemp_exponent",
    ),
    "top_h": (truncation.top_h, "top_h"),
    "top_k": (filters.top_k, "top_k"),
    "top_p": (filters.top_p, "top_p"),
    "min_p": (truncation.min_p, "min_p"),
    "typical_p": (truncation.typical_p, "typical_p"),
    "epsilon_cutoff": (truncation.epsilon_cutoff, "epsilon_cutoff"),
    "eta_cutoff": (truncation.eta_cutoff, "eta_cutoff"),
    "top_n_sigma": (truncation.top_n_sigma, "top_n_sigma"),
    "xtc": (truncation.xtc, "xtc_probability xtc_threshold rng"),
    "mirostat": (mirostat.mirostat, "mirostat context state mirostat_tau mirostat_eta"),
}
STEPS = RULES | FILTERS
# A step is on when the first of its settings differs from the default, or one of these.
SWITCHES = {"temperature": ["temperature", "dynatemp_range"]}

_LAST = ["watermark", "renormalize_logits"]
_RULES = [name for name in RULES if name not in _LAST]
PRESETS = {
    # transformers: every rule, then temperature first and the filters behind it.
    "hf": [*_RULES, *FILTERS, *_LAST],
    # llama.cpp: truncate what the model says, and apply the temperature to what is
    # left. Mirostat, which replaces the filters there, comes behind the temperature.
    "llama.cpp": [
        *_RULES,
        "top_n_sigma",
        "top_h",
        "top_k",
        "typical_p",
        "top_p",
        "min_p",
        "epsilon_cutoff",
        "eta_cutoff",
        "xtc",
        "temperature",
        "mirostat",
        *_LAST,
    ],
}
DEFAULTS = {field.name: field.default for field in fields(GenerationConfig)}
# What has no law of the next token, and what has one that a row of logits is not enough
# for: the value that is off, and why.
NO_LAW = {
    "num_beams": (1, "a beam search has no law of its own: it compares whole texts"),
    "num_beam_groups": (1, "groups of beams compare whole texts"),
    "stochastic_beams": (False, "stochastic beams are whole texts, drawn at once"),
    "penalty_alpha": (None, "contrastive search draws nothing: it ranks hidden states"),
    "mirostat": (0, "the law of a step depends on its state"),
}
NOT_IN_A_ROW = {
    "regex": (None, "what may follow depends on where the prompt ends"),
    "choices": (None, "what may follow depends on where the prompt ends"),
    "token_healing": (False, "it takes a token of the prompt away"),
    "guidance_scale": (1, "it changes the model, so pass that model's logits"),
    "dola_layers": (None, "it changes the model, so pass that model's logits"),
}


@dataclass
class Step:
    """A rule or filter with everything but the logits and the context."""

    name: str
    known: dict  # what a run knows, and the settings

    def __call__(self, logits, context):
        function, arguments = STEPS[self.name]
        output = context[self.known["n_prompt"] :]
        known = {**self.known, "context": context, "output": output}
        return function(logits, *[known[name] for name in arguments.split()])


def order(chain):
    """A preset's name or a list of names and functions -> the list, checked."""
    if isinstance(chain, str) and chain in PRESETS:
        return PRESETS[chain]
    entries = [chain] if isinstance(chain, str) else chain
    for entry in entries:
        if not callable(entry) and entry not in STEPS:
            raise ValueError(
                f"chain: {entry!r} is neither a preset ({', '.join(PRESETS)}), a step "
                f"({', '.join(STEPS)}) nor a function(logits, context)"
            )
    return list(entries)


def settings_of(name):
    """The fields of GenerationConfig that a step reads."""
    return [word for word in STEPS[name][1].split() if word in DEFAULTS]


def is_on(entry, config):
    """Whether a chain of this config has the step."""
    if callable(entry):
        return True
    if entry in FILTERS and not config.do_sample:
        return False
    switches = SWITCHES.get(entry) or settings_of(entry)[:1]
    values = {name: getattr(config, name) for name in switches}
    return any(v is not None and v != DEFAULTS[name] for name, v in values.items())


def refuse(config, table):
    """Raise a ValueError if the config has set a field of such a table."""
    for name, (off, why) in table.items():
        if getattr(config, name) not in (None, off):
            raise ValueError(f"{name} must be {off}: {why}")


def known_to_steps(config, n_prompt, rng, batch_id):
    """What steps are called with, by name: the settings (None, "not set", replaced by
    the default), and what follows from them and the prompt."""
    known = {n: d if getattr(config, n) is None else getattr(config, n)
             for n, d in DEFAULTS.items()}  # fmt: skip
    new = config.max_new_tokens
    return known | {
        "eos_token_ids": config.eos_token_ids,
        "dry_sequence_breakers": config.dry_sequence_breakers or (),
        "n_prompt": n_prompt,
        # Where the first free token comes: a forced one behind a lone token is not.
        "begin": n_prompt + (n_prompt == 1 and config.forced_bos_token_id is not None),
        "limit": config.max_length if new is None else n_prompt + new,
        "rng": rng,
        "batch_id": batch_id,
        "state": {},
    }
