"""Faults and load: many texts, many threads, many processes, long runs.

Short in the plain run; ``NUMPYGPT_LOAD=10`` does ten times as much.
"""

import gc
import multiprocessing
import os
import pickle
import threading
import tracemalloc

import numpy as np
import pytest

from numpygpt import GPT2, GPT2Config
from numpygpt.decoding import generate as loop

TIMES = int(os.environ.get("NUMPYGPT_LOAD", "1"))
CONFIG = GPT2Config(31, n_positions=48, n_embd=16, n_layer=2, n_head=2)
MODEL = GPT2.random(CONFIG, dtype=np.float64)
DRAFT = GPT2.random(CONFIG, seed=1, dtype=np.float64)
METHODS = {
    "greedy": {},
    "sampling": {"do_sample": True, "top_p": 0.9, "temperature": 0.8},
    "beams": {"num_beams": 3},
    "diverse": {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5},
    "stochastic": {"num_beams": 3, "stochastic_beams": True},
    "contrastive": {"penalty_alpha": 0.6, "top_k": 3},
    "lookup": {"prompt_lookup_num_tokens": 3},
    "speculative": {"assistant_model": DRAFT, "num_assistant_tokens": 3},
    "guidance": {"guidance_scale": 1.5},
    "dola": {"dola_layers": "low"},
    "mirostat": {"do_sample": True, "mirostat": 2},
}
PLAIN = {k: v for k, v in METHODS.items() if k != "speculative"}  # nothing but data


def prompts(n, longest=30, seed=0):
    rng = np.random.default_rng(seed)
    return [
        rng.integers(0, 31, n_tok).tolist() for n_tok in rng.integers(1, longest, n)
    ]


@pytest.mark.parametrize("method", ["greedy", "beams", "speculative", "guidance"])
@pytest.mark.parametrize("at_once", [loop.AT_ONCE, 40])
def test_many_unequal_prompts_give_what_each_gives_alone(method, at_once, monkeypatch):
    """However many of them are read in one pass."""
    monkeypatch.setattr(loop, "AT_ONCE", at_once)
    texts, settings = prompts(50 * TIMES), METHODS[method]
    together = MODEL.generate(texts, max_new_tokens=5, eos_token_id=0, **settings)
    for row, text in zip(together, texts):
        alone = MODEL.generate(text, max_new_tokens=5, eos_token_id=0, **settings)[0]
        assert row[: len(alone)].tolist() == alone.tolist()
        assert set(row[len(alone) :]) <= {0}


def test_threads_that_share_a_model_do_not_disturb_each_other():
    """Eight threads on one model, each with all the methods, in another order."""
    texts = prompts(2 * TIMES)
    want = {
        (name, i): MODEL.generate(text, max_new_tokens=6, seed=i, **METHODS[name])
        for name in METHODS
        for i, text in enumerate(texts)
    }
    wrong = []

    def user(k):
        keys = sorted(want)
        np.random.default_rng(k).shuffle(keys)
        for name, i in keys:
            settings = METHODS[name]
            i = int(i)
            got = MODEL.generate(texts[i], max_new_tokens=6, seed=i, **settings)
            if not np.array_equal(got, want[name, i]):
                wrong.append((name, i))

    users = [threading.Thread(target=user, args=(k,)) for k in range(8)]
    for each in users:
        each.start()
    for each in users:
        each.join(300)
    assert wrong == []


def in_a_child(model, text):
    return {
        name: model.generate(text, max_new_tokens=6, seed=3, **settings).tolist()
        for name, settings in PLAIN.items()
    }


@pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
def test_a_child_process_gives_the_same(way):
    """Also where the parent's threads have already worked."""
    text = prompts(1)[0]
    want = in_a_child(MODEL, text)
    with multiprocessing.get_context(way).Pool(1) as pool:
        got = pool.apply_async(in_a_child, (MODEL, text)).get(timeout=120)
    assert got == want


def test_a_model_from_a_file_can_be_sent_to_a_process(tmp_path):
    MODEL.save_pretrained(tmp_path)
    model = GPT2.from_pretrained(tmp_path)
    copy = pickle.loads(pickle.dumps(model))
    assert np.array_equal(copy([1, 2, 3]), model([1, 2, 3]))


@pytest.mark.parametrize("method", METHODS)
def test_memory_is_held(method):
    """What a call needs it gives back; what stays (NumPy keeps small pieces to use
    again) does not grow with the number of calls."""
    settings, text = METHODS[method], prompts(1)[0]

    def some(n):
        for i in range(n):
            MODEL.generate(text, max_new_tokens=4, seed=i, **settings)

    some(3)
    tracemalloc.start()
    try:
        some(2)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        some(20 * TIMES)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 100_000, f"{grown} bytes in {20 * TIMES} calls"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_prompt", [1, 43, 47])
def test_every_method_goes_to_the_last_position_and_no_further(method, n_prompt):
    text = (prompts(1, 49, 7)[0] * 48)[:n_prompt]
    settings = {"max_new_tokens": 100, "eos_token_id": None, **METHODS[method]}
    out = MODEL.generate(text, seed=0, **settings)
    assert out.shape == (1, 48)
    assert out[0, :n_prompt].tolist() == text
    short = MODEL.generate(text, seed=0, **settings | {"max_new_tokens": 1})
    assert short.shape == (1, n_prompt + 1)
    with pytest.raises(ValueError, match="48"):
        MODEL.generate([1] * 48, **settings)


def test_streams_can_be_left_at_any_time():
    """A reader that stops reading leaves nothing behind that disturbs the next."""
    text = prompts(1)[0]
    want = MODEL.generate(text, max_new_tokens=9)[0, len(text) :].tolist()
    for n in range(9):
        stream = MODEL.stream(text, max_new_tokens=9)
        assert [next(stream) for _ in range(n)] == want[:n]
        stream.close()
    assert [*MODEL.stream(text, max_new_tokens=9)] == want
