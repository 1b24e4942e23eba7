"""The loop: prefill, choose, feed back, stop.

Generating text is running the model on what there is, choosing one token from the
distribution behind the last one, and appending it. The first pass reads the whole
prompt (prefill); with the cache every later pass reads one token a sequence.

Whatever changes the choice is a function in the chain of sampling.py, whatever ends a
sequence one in the list of stopping.py; the loop does not know which there are. It
knows of the model only ``new_cache``, ``hidden`` and ``unembed``, so anything that has
these three can be decoded from. Another way of looking for a text (beams, drafts) is
another function in the place of `sample`.

Try: write greedy decoding without the cache, in four lines, and compare the results.

Next: gpt2.py; or beam.py, the first of the other ways.
"""

from dataclasses import dataclass, field

import numpy as np

from ..layers import log_softmax
from .constraints.choices import constrain, n_kept
from .constraints.stopping import room, stop_rules
from .plumbing.packing import as_arrays, as_prompts
from .sampling import (
    chain,
    check_seed,
    new_seed,
    probabilities,
    process,
    sample_token,
    stream,
)

AT_ONCE = 512  # tokens of prompts in one pass: more is no faster and takes memory


@dataclass
class Sequence:
    """One text in the making."""

    ids: list
    n_prompt: int
    limit: int  # stop at this many ids
    cache: object
    hidden: np.ndarray  # rows of the newest tokens; the last one tells what follows
    rng: np.random.Generator
    chain: list  # from the model's logits to those that count
    stops: list  # functions of the ids: is it done?
    logits: list = field(default_factory=list)  # raw, a row a new token, if asked for
    scores: list = field(default_factory=list)  # processed
    logprobs: list = field(default_factory=list)  # of the chosen tokens, processed
    model_logprobs: list = field(default_factory=list)  # of the chosen tokens, raw
    score: float | None = None  # what a search ranks by
    notes: list = field(default_factory=list)  # what a search did, for people
    done: bool = False


def prefill(model, prompts, config, seed):
    """Prefill: run every prompt once; its returned sequences share the result."""
    limits = [room(len(prompt), config, model.config.n_ctx) for prompt in prompts]
    rules = [constrain(prompt, config) for prompt in prompts]  # masks, what ends it
    kept = [prompt[: n_kept(prompt, config)] for prompt in prompts]
    sequences = []
    for number, (cache, hidden) in enumerate(prefill_batch(model, kept)):
        limit, (masks, ends) = limits[number], rules[number]
        stops = stop_rules(config, limit) + ends
        n = config.num_return_sequences
        for k in range(n):
            own = cache.fork() if k else cache
            rng = stream(seed, k)
            steps = masks + chain(config, len(prompts[number]), rng, number)
            ids = [*kept[number]]
            new = Sequence(ids, len(ids), limit, own, hidden, rng, steps, stops)
            sequences.append(new)
    return sequences


def prefill_batch(model, prompts):
    """``(cache, hidden rows)`` of each prompt; short ones go through together."""
    while prompts:
        n_tok = np.cumsum([len(prompt) for prompt in prompts])
        n = max(np.searchsorted(n_tok, AT_ONCE, side="right"), 1)
        now, prompts = prompts[:n], prompts[n:]
        caches = [model.new_cache() for _ in now]
        hidden = model.hidden(now, caches)
        yield from zip(caches, np.split(hidden, n_tok[: n - 1]))


def sample(model, prompts, config, seed):
    """The loop: one token at a time, the most likely or a random one. Yields all
    sequences whenever they have grown, and for the last time when they are done."""
    sequences = live = prefill(model, prompts, config, seed)
    while live:
        logits = model.unembed(np.stack([s.hidden[-1] for s in live]))
        for sequence, row in zip(live, logits):
            choose_token(sequence, row, config)
        yield sequences
        live = [s for s in live if not s.done]
        decode_step(model, live)


def choose_token(sequence, row, config):
    """Choose the next token from the model's logits, ``[n_vocab]``."""
    scores = process(row, sequence.ids, sequence.chain)
    if config.do_sample:
        token = sample_token(probabilities(scores), sequence.rng)
    else:
        token = int(np.argmax(scores))
    append(sequence, token, row, scores, config)


def append(sequence, token, row, scores, config):
    """The sequence has got one more token: is it done? Notes what the config wants
    noted of the model's logits and of the processed ones."""
    sequence.ids.append(token)
    sequence.done = any(stop(sequence.ids) for stop in sequence.stops)
    if config.return_dict_in_generate:
        sequence.logprobs.append(float(log_softmax(scores)[token]))
        sequence.model_logprobs.append(float(log_softmax(row)[token]))
    if config.output_scores:
        sequence.scores.append(scores)
    if config.output_logits:
        sequence.logits.append(row)


def decode_step(model, sequences):
    """Run the model on the newest token of each sequence."""
    if sequences:
        caches = [s.cache for s in sequences]
        hidden = model.hidden([s.ids[-1:] for s in sequences], caches)
        for sequence, row in zip(sequences, hidden):
            sequence.hidden = row[None]


def generate(
    model, input_ids, config, search=sample, *, streamer=None, seed=None,
    attention_mask=None,
):  # fmt: skip
    """Continue one or several prompts: see `GPT2.generate`."""
    seed = new_seed() if seed is None else check_seed(seed)
    prompts, config = as_prompts(input_ids, attention_mask, config)
    if streamer is not None:
        _check_single(prompts, config)
        streamer.put(np.array(prompts[0][: n_kept(prompts[0], config)]))
    n_shown = n_kept(prompts[0], config)
    for sequences in search(model, prompts, config, seed):
        if streamer is not None:
            streamer.put(np.array(sequences[0].ids[n_shown:]))
            n_shown = len(sequences[0].ids)
    if streamer is not None:
        streamer.end()
    return as_arrays(sequences, config, input_ids, attention_mask)


def stream_ids(
    model, input_ids, config, search=sample, *, seed=None, attention_mask=None
):
    """Yield the ids of one sequence as they are chosen."""
    seed = new_seed() if seed is None else check_seed(seed)
    prompts, config = as_prompts(input_ids, attention_mask, config)
    _check_single(prompts, config)
    n_shown = n_kept(prompts[0], config)
    for sequences in search(model, prompts, config, seed):
        yield from sequences[0].ids[n_shown:]
        n_shown = len(sequences[0].ids)


def _check_single(prompts, config):
    if len(prompts) * config.num_return_sequences > 1:
        raise ValueError("only one sequence can be streamed at a time: pass one prompt "
                         "and num_return_sequences 1, or use generate")  # fmt: skip
