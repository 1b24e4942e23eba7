"""From logits to text: filters.py, sampling.py, generate.py. No file imports one that
stands below it.

    plumbing/checks.py      what the settings may be
    config.py               how to generate, as data
    filters.py              temperature, top-k, top-p
    rules/                  more filters, penalties, and the table of them all
    sampling.py             one exact distribution, one draw
    constraints/            what a text must be, and when it ends
    plumbing/packing.py     prompts in, arrays out
    generate.py             the loop
    search/                 beams, drafts, guidance: other ways of looking for a text
    plumbing/explain.py     what a config does, in words

Every rule and filter is a function of this package: ``decoding.top_p(logits, 0.9)``,
``decoding.repetition_penalty(logits, 1.2, context)``.
"""

from .filters import temperature, top_k, top_p
from .plumbing.explain import explain, trace
from .rules.mirostat import mirostat, mirostat_v1, mirostat_v2
from .rules.penalties import (
    bad_words_ids,
    begin_suppress_tokens,
    dry,
    exponential_decay_length_penalty,
    forced_bos_token_id,
    forced_eos_token_id,
    frequency_penalty,
    guidance_scale,
    logit_bias,
    min_length,
    min_new_tokens,
    no_repeat_ngram_size,
    prefix_allowed_tokens_fn,
    presence_penalty,
    renormalize_logits,
    repetition_penalty,
    sequence_bias,
    suppress_tokens,
)
from .rules.truncation import (
    dynamic_temperature,
    entropy,
    epsilon_cutoff,
    eta_cutoff,
    min_p,
    top_h,
    top_n_sigma,
    typical_p,
    xtc,
)
from .rules.watermark import detect_watermark, watermark
from .sampling import distribution, set_seed

__all__ = [
    "bad_words_ids", "begin_suppress_tokens", "detect_watermark", "distribution", "dry",
    "dynamic_temperature", "entropy", "epsilon_cutoff", "eta_cutoff", "explain",
    "exponential_decay_length_penalty", "forced_bos_token_id", "forced_eos_token_id",
    "frequency_penalty", "guidance_scale", "logit_bias", "min_length",
    "min_new_tokens", "min_p", "mirostat", "mirostat_v1", "mirostat_v2",
    "no_repeat_ngram_size", "prefix_allowed_tokens_fn", "presence_penalty",
    "renormalize_logits", "repetition_penalty", "sequence_bias", "set_seed",
    "suppress_tokens", "temperature", "top_h", "top_k", "top_n_sigma", "top_p",
    "trace", "typical_p", "watermark", "xtc",
]  # fmt: skip
