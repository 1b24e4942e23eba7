"""The loop: prefill, choose, feed back, stop.

Generating text is running the model on what there is, choosing one token from the
distribution behind the last one, and appending it. The first pass reads the whole
prompt (prefill); with the cache every later pass reads one token a sequence.

Whatever changes the choice is a function in the chain of sampling.py; whatever ends a
sequence is one in the list of constraints/stopping.py; the loop does not know which
there are. Of the model it knows only ``new_cache``, ``hidden``, ``unembed`` and how
long a text may get, ``config.n_ctx``: anything that has these can be decoded from.
Another way of looking for a text (beams, drafts) is another function in the place of
`sample`.

Try: write greedy decoding without the cache, in four lines, and compare the results.

Next: gpt2.py, one folder up; or search/beam.py, the first of the other ways.
"""

from dataclasses import dataclass, field

import numpy as np

from ..layers import log_softmax
from .constraints.plan import plan
from .plumbing.packing import as_arrays, as_prompts
from .plumbing.seeds import check_seed, stream
from .plumbing.streaming import check_single, new_ids, told
from .sampling import chain, process, sample_token, target

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
    """Run every prompt once; the sequences returned for it share the result."""
    plans = [plan(prompt, config, model.config.n_ctx) for prompt in prompts]
    sequences = []
    ids, read = [p.ids for p in plans], config.prompt_cache
    for i, (cache, hidden) in enumerate(prefill_batch(model, ids, read)):
        ids, limit, masks, stops, _ = plans[i]
        for k in range(config.num_return_sequences):
            own, rng = cache.fork() if k else cache, stream(seed, k)
            steps = masks + chain(config, len(prompts[i]), rng, i)
            new = Sequence([*ids], len(ids), limit, own, hidden, rng, steps, stops)
            sequences.append(new)
    return sequences


def prefill_batch(model, prompts, read=None):
    """``(cache, hidden rows)`` of each prompt; short ones go through together.
    ``read``: a PromptCache that all of them begin with."""
    if read is not None:
        for prompt in prompts:
            cache, rest = read.fork(prompt, model)
            yield cache, np.concatenate([read.hidden, model.hidden([rest], [cache])])
        return
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
        token = sample_token(target(scores, config), sequence.rng)
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
    prompts, config = as_prompts(input_ids, attention_mask, config)
    steps = search(model, prompts, config, check_seed(seed))
    if streamer is not None:
        check_single(prompts, config)
        steps = told(streamer, steps, plan(prompts[0], config, model.config.n_ctx).ids)
    for sequences in steps:
        pass  # all that is wanted is what they are at the end
    return as_arrays(model, sequences, config, input_ids, attention_mask)


def stream_ids(
    model, input_ids, config, search=sample, *, seed=None, attention_mask=None
):
    """Yield the ids of one sequence as they are chosen."""
    prompts, config = as_prompts(input_ids, attention_mask, config)
    check_single(prompts, config)
    for new in new_ids(search(model, prompts, config, check_seed(seed))):
        yield from new
