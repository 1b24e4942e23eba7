"""The kit to test samplers with: README.md shows each part at work. To read it:

table_lm.py     a language model that is a table, and the exact law of its texts
rows.py         rows of logits on which samplers break
strategies.py   hypothesis strategies of logits, contexts, configs and models
properties.py   what is looked at, by name
report.py       what a check says, when all is well and when not
pace.py         how a check stays within its time
compare.py      are two laws the same, up to ties and rounding?
filters.py      check_filter (with batches.py, shrink.py, search.py)
statistics.py   how unlikely is what we saw?
draws.py        do these draws come from that law?
scores.py       a small fault that is everywhere
samplers.py     check_sampler (with generators.py, intervals.py, independence.py)
decoders.py     check_decoder
beams.py        check_beams
adapters.py     transformers, torch, llama.cpp and plain lists
"""

try:
    import hypothesis  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "numpygpt.testing needs hypothesis: pip install hypothesis, or numpygpt[test]",
        name="hypothesis",
    ) from error

from .adapters import (
    from_llama_cpp,
    from_transformers,
    list_filter,
    list_sampler,
    torch_filter,
    torch_sampler,
)
from .beams import check_beams
from .decoders import check_decoder, maze
from .draws import check_law
from .filters import check_filter
from .generators import at
from .properties import PROPERTIES
from .report import Report
from .samplers import check_sampler
from .strategies import bad_logits, configs, contexts, logits, tiny_models
from .table_lm import TableLM, TokenCache, enumerate_sequences

__all__ = [
    "PROPERTIES", "Report", "TableLM", "TokenCache", "at", "bad_logits", "check_beams",
    "check_decoder", "check_filter", "check_law", "check_sampler", "configs",
    "contexts", "enumerate_sequences", "from_llama_cpp", "from_transformers",
    "list_filter", "list_sampler", "logits", "maze", "tiny_models", "torch_filter",
    "torch_sampler",
]  # fmt: skip
