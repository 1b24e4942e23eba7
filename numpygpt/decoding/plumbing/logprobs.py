"""How likely was it, and what else could have come? The numbers beside a text.

``generate(..., return_dict_in_generate=True, logprobs=5, prompt_logprobs=5)``, with the
names of vLLM: the five likeliest tokens beside each that was chosen, by the processed
logits (what was drawn from), and beside each of the prompt, by the model's own.
"""

from dataclasses import replace

import numpy as np

from ...layers import log_softmax


def noting(config):
    """The config, made to keep the rows of logits that ``logprobs`` asks for."""
    return config if config.logprobs is None else replace(config, output_scores=True)


def likeliest(logprobs, n):
    """``[(id, logprob), ...]`` of the n largest, the first of equal ones first; what
    cannot come at all is left out.

    >>> likeliest(np.log([0.2, 0.5, 0.3]), 2)[0][0]
    1
    """
    best = np.argsort(-logprobs, kind="stable")[:n]
    return [(int(i), float(logprobs[i])) for i in best if logprobs[i] > -np.inf]


def of_texts(sequences, config):
    """Of every sequence, for each of its new tokens, the likeliest."""
    if config.logprobs is None:
        return None
    return [
        [likeliest(log_softmax(row), config.logprobs) for row in sequence.scores]
        for sequence in sequences
    ]


def of_prompts(model, prompts, config):
    """Of every prompt, for each token but the first: ``(logprob, the likeliest)``."""
    if config.prompt_logprobs is None:
        return None
    return [_of_prompt(model, prompt, config.prompt_logprobs) for prompt in prompts]


def _of_prompt(model, prompt, n):
    if len(prompt) == 1:
        return []
    hidden = model.hidden([prompt[:-1]], [model.new_cache()])
    found = []
    for row, token in zip(hidden, prompt[1:]):
        logprobs = log_softmax(model.unembed(row[None])[0])
        found.append((float(logprobs[token]), likeliest(logprobs, n)))
    return found
