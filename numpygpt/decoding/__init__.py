"""From logits to text: filters.py, sampling.py, generate.py. No file imports one that
stands below it.

    plumbing/ranges.py      what a setting may be
    plumbing/checks.py      what a row of logits may be
    filters.py              temperature, top-k, top-p
    rules/                  more filters, penalties, and the table of them all
    config.py               how to generate, as data
    plumbing/settings.py    whose settings count
    plumbing/seeds.py       where random numbers come from
    sampling.py             one exact distribution, one draw
    constraints/            what a text must be, and when it ends
    plumbing/logprobs.py    how likely a text was, and what else could have come
    plumbing/prompt_cache.py  a beginning that is read once
    plumbing/packing.py     prompts in, arrays out
    plumbing/streaming.py   showing a text while it grows
    generate.py             the loop
    search/                 beams, drafts, guidance: other ways of looking for a text
    plumbing/explain.py     what a config does, in words

Every rule and filter is a function of this package: ``decoding.top_p(logits, 0.9)``,
``decoding.repetition_penalty(logits, 1.2, context)``. README.md has them in a table.
"""

from .filters import temperature
from .plumbing.explain import explain, trace
from .plumbing.prompt_cache import PromptCache
from .plumbing.seeds import set_seed
from .rules import table
from .rules.mirostat import mirostat_v1, mirostat_v2
from .rules.penalties import guidance_scale
from .rules.truncation import entropy
from .rules.watermark import detect_watermark
from .sampling import distribution

_steps = {row.function.__name__: row.function for row in table.STEPS.values()}
globals().update(_steps)

__all__ = [
    "PromptCache", "detect_watermark", "distribution", "entropy", "explain",
    "guidance_scale", "mirostat_v1", "mirostat_v2", "set_seed", "temperature", "trace",
    *_steps,
]  # fmt: skip
