"""The class that puts it together: a config, the weights, and what they can do.

Everything of interest is a function in an earlier file; this one holds the arrays and
hands them over.

Next: scoring.py, or one of the folders: README.md says what each is for.
"""

import numpy as np

from . import checks, weights
from .cache import KVCache
from .decoding import generate as loop
from .decoding.plumbing import prompt_cache, settings
from .decoding.plumbing.settings import merge_config
from .decoding.search.methods import method, wrapped
from .files.hub import find
from .files.watch import reading
from .model import hidden_states, unembed


class GPT2:
    """A GPT-2: ``config``, and ``params`` nested as the checkpoint's names are.

    >>> from numpygpt import GPT2, GPT2Config
    >>> tiny = GPT2Config(64, n_positions=16, n_embd=8, n_layer=2, n_head=2)
    >>> tiny = GPT2.random(tiny)
    >>> tiny([3, 1, 4]).shape
    (3, 64)
    >>> tiny.generate([3, 1, 4], max_new_tokens=5, do_sample=True, seed=0).shape
    (1, 8)
    """

    def __init__(self, config, params, generation_config=None):
        checks.check_model(config, params)
        self.config, self.params = config, params
        self.dtype = params["wte"]["weight"].dtype
        self.generation_config = generation_config or settings.ends_of(config)
        self.watch = None  # a files.watch.Watch: have the weights' files changed?

    @classmethod
    def from_pretrained(cls, name_or_folder, dtype=np.float32):
        """The model in a folder that transformers' save_pretrained wrote, or one of
        the names that `hub.find` knows. ``dtype``: what to compute in, or ``"int8"``:
        float32 with rounded weights, in a quarter of the memory."""
        folder = find(name_or_folder)
        with reading(folder) as watch:
            config, params = weights.load(folder, dtype)
            generation_config = settings.read_settings(folder, config)
        model = cls(config, params, generation_config)
        model.watch = watch.over(weights.flatten(params).values())
        return model

    @classmethod
    def random(cls, config, seed=0, dtype=np.float32):
        """An untrained model, with the weights that training would start from."""
        return cls(config, weights.random_params(config, seed, dtype))

    def save_pretrained(self, folder, dtype=None):
        """Write a folder that transformers opens (``dtype=np.float16``: half size)."""
        weights.save(
            folder, self.config, self.params, dtype,
            **settings.settings_to_save(self.generation_config),
        )  # fmt: skip

    def __repr__(self):
        return f"GPT2({self.config.n_params:,} weights, {self.dtype}, {self.config})"

    def new_cache(self):
        """An empty key/value cache for one sequence."""
        if self.watch:
            self.watch.check()
        return KVCache(self.config, self.dtype)

    def hidden(self, sequences, caches):
        """The final hidden rows ``[n_tok, n_embd]`` of several sequences' new tokens,
        laid end to end; every sequence's cache is extended by its own."""
        if self.watch:
            self.watch.check()
        checks.check_sequences(sequences, caches)
        for x in hidden_states(sequences, caches, self.params, self.config):
            pass  # the earlier states are for those who look inside
        return x

    def read(self, ids):
        """Run the model on what several prompts begin with, once: a PromptCache, to be
        passed to `generate` as ``prompt_cache=``, or saved to a file."""
        return prompt_cache.read(self, ids)

    def unembed(self, hidden):
        """Hidden rows -> logits ``[n_tok, n_vocab]``."""
        checks.check_rows(hidden, self.config)
        return unembed(hidden, self.params)

    def __call__(self, ids, cache=None, **hf):
        """Logits ``[n_tok, n_vocab]``: row i scores every token as the successor of
        ``ids[: i + 1]`` (and of what the cache holds). The cache, if given, is
        extended by these tokens."""
        if hf:
            raise ValueError(f"{[*hf]}: see numpygpt.hf, and scoring.loss for a loss")
        checks.check_cache(cache)
        cache = self.new_cache() if cache is None else cache
        return self.unembed(self.hidden([ids], [cache]))

    def generate(
        self, input_ids, generation_config=None, *, streamer=None, seed=None,
        attention_mask=None, **kwargs
    ):  # fmt: skip
        """Continue one or several prompts.

        ``input_ids``: ``[n_tok]``, ``[n_row, n_tok]``, or lists of unequal length.
        ``kwargs``: any field of GenerationConfig; an unknown one is a ``ValueError``.
        ``seed``: of the draws; without it, the next of those that `set_seed` begins.
        ``attention_mask``: 0 at padding. ``streamer``: with ``put(ids)``, ``end()``.

        Returns int64 ``[n_return, n_total]``, prompts included, rows that ended early
        padded on the right; a GenerateOutput with ``return_dict_in_generate=True``.
        Generation ends at eos, at max_length or max_new_tokens, or when the model's
        context is full.
        """
        checks.check_streamer(streamer)
        config = merge_config(self.generation_config, generation_config, kwargs)
        return loop.generate(
            wrapped(self, config), input_ids, config, method(config),
            streamer=streamer, seed=seed, attention_mask=attention_mask,
        )  # fmt: skip

    def stream(
        self, input_ids, generation_config=None, *, seed=None, attention_mask=None,
        **kwargs
    ):  # fmt: skip
        """Yield the ids of one continuation as they are chosen; see `generate`."""
        config = merge_config(self.generation_config, generation_config, kwargs)
        return loop.stream_ids(
            wrapped(self, config), input_ids, config, method(config),
            seed=seed, attention_mask=attention_mask,
        )  # fmt: skip
