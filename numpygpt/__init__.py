"""GPT-2 in NumPy you can read: tokenizer, model, decoding.

Read the files in this order; none imports one that stands after it.

    known.py                  models that everybody calls by name (skip it)
    download.py               from the Hugging Face hub to a folder (skip it)
    hub.py                    a name -> a model folder (skip it at first)
    vocabulary.py             a tokenizer's files (skip it)
    long_pieces.py            a megabyte without a space (skip it)
    memo.py                   words that were seen before (skip it)
    tokenizer.py              text <-> token ids
    series.py                 the published sizes (skip it)
    config.py                 the numbers that fix a model's shape
    threads.py                work shared among the cores (skip it)
    matmul.py                 x @ weight, at the memory's speed (skip it at first)
    int8.py                   weights in a quarter of the memory (skip it at first)
    layers.py                 linear, gelu, softmax, layer norm
    activations.py            what other models use for gelu (skip it)
    cache.py                  what attention remembers
    inputs.py                 what may go in (skip it)
    model.py                  attention, MLP, block: the forward pass
    safetensors.py            the file format of the weights
    weights.py                a model folder -> arrays, and back
    decoding/checks.py        what the settings may be (skip it)
    decoding/config.py        how to generate, as data
    decoding/filters.py       temperature, top-k, top-p
    decoding/truncation.py    more filters (a first reading skips these five)
    decoding/penalties.py     rules that look at the text so far
    decoding/mirostat.py      a fixed surprise
    decoding/watermark.py     a hidden mark, and how it is found
    decoding/steps.py         all of them as a table, and their order
    decoding/sampling.py      one exact distribution, one draw
    decoding/packing.py       prompts in, arrays out (skip it)
    decoding/stopping.py      when to stop
    decoding/regular.py       regular expressions, a byte at a time  (skip these two)
    decoding/constraints.py   one of these answers, a text of this form
    decoding/generate.py      the loop
    decoding/beam.py          beam search and its relatives
    decoding/speculative.py   guess several tokens, check them in one pass
    decoding/contrastive.py   likely, but not what has been said
    decoding/guidance.py      steer by what a worse model would say
    decoding/methods.py       which method a config asks for
    decoding/explain.py       what a config does, in words (skip it)
    gpt2.py                   the class that puts it together
    scoring.py                loss, perplexity, ranking (a side room)
    table_lm.py               a language model that is a table, and its exact law
    testing.py                test a sampler of your own
    __main__.py               the command line
"""

import os

# OpenBLAS's threads wait for more work by asking again and again, and so are in the way
# of ours (threads.py). With this they go to sleep after 2^18 cycles, not 2^26, unless
# NumPy is loaded already. (Less, and they would sleep between two layers, too.)
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "18")

from .config import GPT2Config  # noqa: E402
from .decoding.config import GenerationConfig
from .decoding.sampling import set_seed
from .gpt2 import GPT2
from .tokenizer import Tokenizer

__version__ = "0.1.0"
__all__ = ["GPT2", "GPT2Config", "GenerationConfig", "Tokenizer", "set_seed"]
