"""Ctrl-C at every line: what a cache holds afterwards is right, and one goes on.

In a search the plain run tries every 23rd line, ``NUMPYGPT_LOAD=10`` each.
"""

import contextlib
import os
import sys

import numpy as np
import pytest

from numpygpt import GPT2, GPT2Config, gpt2
from numpygpt import cache as cache_module
from numpygpt.cache import KVCache
from numpygpt.decoding.config import GenerationConfig
from numpygpt.decoding.search import guidance
from numpygpt.decoding.search.methods import method, wrapped
from numpygpt.model import hidden_states

CONFIG = GPT2Config(23, n_positions=80, n_embd=8, n_layer=2, n_head=2)
MODEL = GPT2.random(CONFIG, dtype=np.float64)
DRAFT = GPT2.random(CONFIG, seed=1, dtype=np.float64)
PROMPT = [3, 1, 4, 1, 5, 9, 2, 6, 3, 1]
EVERY = 1 if os.environ.get("NUMPYGPT_LOAD") else 23


@contextlib.contextmanager
def interrupted(number, file=cache_module.__file__):
    """KeyboardInterrupt before line ``number`` of those that run in a file; yields a
    list that is empty if there were not so many."""
    left, hit = number, []

    def trace(frame, event, _):
        nonlocal left
        if frame.f_code.co_filename != file:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                hit.append(frame.f_lineno)
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield hit
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)


def check_cache(cache, ids, model=MODEL):
    """It holds these ids: the next token's logits are those of the whole text."""
    assert cache.n_tok == len(ids)
    ours = model([7], cache)[-1]
    assert np.allclose(ours, model([*ids, 7])[-1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_old", [0, 5, 31, 33])
@pytest.mark.parametrize("n_new", [1, 4, 30])
@pytest.mark.parametrize("is_forked", [False, True])
def test_a_step_that_is_interrupted_can_be_done_again(n_old, n_new, is_forked):
    """Where rows run out and where they do not, shared ones and own ones."""
    old, new = [1, 2, 3, 4, 5] * 10, [6, 7, 8] * 10
    for number in range(1, 1000):
        cache = MODEL.new_cache()
        if n_old:
            MODEL(old[:n_old], cache)
        twin = cache.fork() if is_forked else None
        with interrupted(number) as hit:
            MODEL(new[:n_new], cache)
        assert cache.n_tok in (n_old, n_old + n_new)
        if cache.n_tok == n_old:
            MODEL(new[:n_new], cache)
        check_cache(cache, old[:n_old] + new[:n_new])
        if is_forked:
            check_cache(twin, old[:n_old])
        if not hit:
            return
    raise AssertionError("no end")


@pytest.mark.parametrize("is_forked", [False, True])
def test_a_fork_that_is_interrupted_leaves_the_cache_as_it_was(is_forked):
    for number in range(1, 1000):
        cache = MODEL.new_cache()
        MODEL(PROMPT, cache)
        earlier = cache.fork() if is_forked else None
        MODEL([8], cache)
        with interrupted(number) as hit:
            cache.fork()
        twin = cache.fork()
        check_cache(cache, [*PROMPT, 8])
        check_cache(twin, [*PROMPT, 8])
        if is_forked:
            check_cache(earlier, PROMPT)
        if not hit:
            return
    raise AssertionError("no end")


SEARCHES = {
    "sample": {"do_sample": True, "num_return_sequences": 2},
    "beams": {"num_beams": 3},
    "diverse beams": {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 1.0},
    "stochastic beams": {"num_beams": 3, "stochastic_beams": True},
    "contrastive": {"penalty_alpha": 0.6, "top_k": 3},
    "speculative": {"assistant_model": DRAFT, "num_assistant_tokens": 3},
    "lookup": {"prompt_lookup_num_tokens": 3},
    "guidance": {"guidance_scale": 1.5},
    "dola": {"dola_layers": [0, 1]},
}


class Notes:
    """What every cache of both models should hold, noted beside the run."""

    def __init__(self, patch):
        self.held, fork = {}, KVCache.fork  # of a cache: (itself, its model, the ids)

        def noted(sequences, caches, params, config):
            model = DRAFT if params is DRAFT.params else MODEL
            for ids, cache in zip(sequences, caches):
                _, _, before = self.held.get(id(cache), (None, None, []))
                now = [*before[: cache.n_tok], *map(int, ids)]
                self.held[id(cache)] = cache, model, now
            return hidden_states(sequences, caches, params, config)

        def noted_fork(cache):
            twin = fork(cache)
            if id(cache) in self.held:
                _, model, ids = self.held[id(cache)]
                self.held[id(twin)] = twin, model, ids[: cache.n_tok]
            return twin

        for module in gpt2, guidance:  # DoLa runs the layers itself
            patch.setattr(module, "hidden_states", noted)
        patch.setattr(KVCache, "fork", noted_fork)

    def check(self):
        for cache, model, ids in list(self.held.values()):
            check_cache(cache, ids[: cache.n_tok], model)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_that_is_interrupted_leaves_every_cache_right(name, monkeypatch):
    """Wherever a cache is at work; and then the whole again."""
    config = GenerationConfig(max_new_tokens=8, **SEARCHES[name])

    def run():
        return method(config)(wrapped(MODEL, config), [PROMPT], config, 5)

    want = [s.ids for s in [*run()][-1]]
    for number in range(1, 100_000, EVERY):
        with monkeypatch.context() as patch:
            notes = Notes(patch)
            with interrupted(number) as hit:
                [*run()]
            notes.check()
        if not hit:
            models = {id(model) for _, model, _ in notes.held.values()}
            assert len(models) == (2 if name == "speculative" else 1)
            break
    assert number > 1
    assert [s.ids for s in [*run()][-1]] == want
