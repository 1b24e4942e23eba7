"""GPT-2 in NumPy you can read. In this order; no file imports one that stands below it.

    plain.py         GPT-2 on one page: the why of every part
    tokenizer.py     text <-> token ids (and learn_merges.py, clean_up.py, checks.py)
    config.py        the numbers that fix a model's shape
    layers.py        linear, gelu, softmax, layer norm (and activations.py)
    cache.py         what attention remembers
    model.py         attention, MLP, block: the forward pass
    weights.py       a model folder -> arrays, and back
    decoding/        from logits to text: filters, sampling, generate
    gpt2.py          the class that puts it together
    scoring.py       loss, perplexity, ranking
    hf/              transformers' names and habits, thinly over all that
    look/            see it think: inside a pass, step by step, on a page
    testing/         test a sampler of your own
    exercises/       write it yourself: stubs, hints, and a grader
    cli/             the command line, which __main__.py starts
    __main__.py      python -m numpygpt

Beneath them, and knowing nothing of them: ``fast/``, the same numbers sooner, and
``files/``, bytes on disk and on the wire.
"""

from .cli import interrupt

# If this is our own command: Ctrl-C while NumPy is loaded, and a limit of threads.
interrupt.end_quietly()
interrupt.spare_threads()

from .config import GPT2Config
from .decoding.config import GenerationConfig
from .decoding.plumbing.seeds import set_seed
from .gpt2 import GPT2
from .tokenizer import Tokenizer

__version__ = "0.1.0"
__all__ = ["GPT2", "GPT2Config", "GenerationConfig", "Tokenizer", "set_seed"]
