"""The loop: prefill, choose, feed back, stop.

Generating text is running the model on what there is, choosing one token from the
distribution behind the last one, and appending it. The first pass reads the whole
prompt (prefill); with the cache every later pass reads one token a sequence.

Whatever changes the choice is a function in the chain of sampling.py; the loop does not
know which there are. It knows of the model only ``new_cache``, ``hidden`` and
``unembed``, so anything that has these three can be decoded from.

Try: write greedy decoding without the cache, in four lines, and compare the results.

Next: gpt2.py.
"""

from dataclasses import dataclass, field

import numpy as np

from .packing import as_arrays, as_prompts
from .sampling import chain, check_seed, draw, new_seed, probabilities, process, stream


@dataclass
class Sequence:
    """One text in the making."""

    ids: list
    n_prompt: int
    limit: int  # stop at this many ids
    cache: object
    hidden: np.ndarray  # the last row of the model's hidden state, [n_embd]
    rng: np.random.Generator
    chain: list  # from the model's logits to those that count
    logits: list = field(default_factory=list)  # raw, a row a new token, if asked for
    scores: list = field(default_factory=list)  # processed
    logprobs: list = field(default_factory=list)  # of the chosen tokens, processed
    done: bool = False


def start(model, prompts, config, seed):
    """Prefill: run every prompt once; its returned sequences share the result."""
    sequences = []
    for prompt in prompts:
        limit = _limit(len(prompt), config, model.config.n_ctx)
        cache = model.new_cache()
        hidden = model.hidden([prompt], [cache])[-1]
        n = config.num_return_sequences
        for k in range(n):
            own = cache if n == 1 else cache.fork()
            rng = stream(seed, k)
            rules = chain(config, len(prompt), rng)
            sequences.append(
                Sequence([*prompt], len(prompt), limit, own, hidden, rng, rules)
            )
    return sequences


def steps(model, sequences, config):
    """The loop. Yields the live sequences after each has got one more token."""
    live = sequences
    while live:
        logits = model.unembed(np.stack([s.hidden for s in live]))
        for sequence, row in zip(live, logits):
            token = _choose(sequence, row, config)
            sequence.ids.append(token)
            full = len(sequence.ids) >= sequence.limit
            sequence.done = full or token in config.eos_token_ids
        yield live
        live = [s for s in live if not s.done]
        if live:
            hidden = model.hidden([s.ids[-1:] for s in live], [s.cache for s in live])
            for sequence, row in zip(live, hidden):
                sequence.hidden = row


def _choose(sequence, row, config):
    """The next token of one sequence; notes what the config wants noted."""
    scores = process(row, sequence.ids, sequence.chain)
    if config.do_sample:
        token = draw(probabilities(scores), sequence.rng)
    else:
        token = int(np.argmax(scores))
    if config.return_dict_in_generate:
        sequence.logprobs.append(float(np.log(probabilities(scores)[token])))
    if config.output_scores:
        sequence.scores.append(scores)
    if config.output_logits:
        sequence.logits.append(row)
    return token


def generate(
    model, input_ids, config, *, streamer=None, seed=None, attention_mask=None
):
    """Continue one or several prompts -> int64 ``[n_return, n_total]``.

    Sequences that end early are padded on the right. See `GPT2.generate`.
    """
    seed = new_seed() if seed is None else check_seed(seed)
    prompts = as_prompts(input_ids, attention_mask)
    sequences = start(model, prompts, config, seed)
    if streamer is not None:
        if len(sequences) > 1:
            raise ValueError("streamer: only one sequence can be streamed at a time")
        streamer.put(np.array(sequences[0].ids))
    for live in steps(model, sequences, config):
        if streamer is not None:
            streamer.put(np.array(live[0].ids[-1:]))
    if streamer is not None:
        streamer.end()
    return as_arrays(sequences, config)


def stream_ids(model, input_ids, config, *, seed=None, attention_mask=None):
    """Yield the ids of one sequence as they are chosen."""
    seed = new_seed() if seed is None else check_seed(seed)
    prompts = as_prompts(input_ids, attention_mask)
    if len(prompts) * config.num_return_sequences > 1:
        raise ValueError("stream gives one sequence: pass one prompt, or use generate")
    for live in steps(model, start(model, prompts, config, seed), config):
        yield live[0].ids[-1]


def _limit(n_prompt, config, n_ctx):
    """How long a sequence may get, or why it cannot get any longer."""
    if n_prompt >= n_ctx:
        raise ValueError(
            f"a prompt of {n_prompt} tokens leaves no room in the model's context of "
            f"{n_ctx}: shorten it to at most {n_ctx - 1}"
        )
    if config.max_new_tokens is not None:
        return min(n_prompt + config.max_new_tokens, n_ctx)
    if n_prompt >= config.max_length:
        raise ValueError(
            f"the prompt's {n_prompt} tokens reach max_length {config.max_length}, "
            "which counts them: raise it, or set max_new_tokens"
        )
    return min(config.max_length, n_ctx)
