"""transformers' names and habits over this package's model: change one import line.

    from numpygpt.hf import GPT2LMHeadModel, GPT2Tokenizer      # was: transformers

Most of what is written about GPT-2 is written for Hugging Face's transformers. There a
batch is a rectangle ``[n_row, n_tok]``: short rows are filled up with padding, and an
``attention_mask`` says what is filling (0) and what is text (1). In numpygpt a batch
is a list of sequences of unequal length, and there is nothing to fill. This folder
translates between the two, and adds the method names that people know by heart. It
computes nothing of its own; ../README.md has the table of what carries over.

    settings.py    GPT2Config and GenerationConfig, whose fields may be set afterwards
    text.py        GPT2Tokenizer, TextStreamer: padding, truncation, tensors
    padding.py     rows with padding, read by a model that has none
    model.py       GPT2LMHeadModel: logits, loss, past_key_values, generate
    pipeline.py    pipeline("text-generation")

Everything that comes out is a NumPy array, also where torch tensors went in.

Try: pad a prompt with three tokens on the left, with and without the mask, and compare
the last row of logits.
"""

from ..decoding.plumbing.seeds import set_seed
from .model import GPT2LMHeadModel
from .pipeline import pipeline
from .settings import GenerationConfig, GPT2Config
from .text import BatchEncoding, GPT2Tokenizer, TextStreamer

AutoTokenizer = GPT2TokenizerFast = GPT2Tokenizer
AutoModelForCausalLM = GPT2LMHeadModel
AutoConfig = GPT2Config

__all__ = [
    "AutoConfig", "AutoModelForCausalLM", "AutoTokenizer", "BatchEncoding",
    "GPT2Config", "GPT2LMHeadModel", "GPT2Tokenizer", "GPT2TokenizerFast",
    "GenerationConfig", "TextStreamer", "pipeline", "set_seed",
]  # fmt: skip
