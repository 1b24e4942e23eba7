"""What callers pass in -> lists of ids; finished sequences -> arrays.

Plumbing around the loop of generate.py, so that the loop can be read without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import index

import numpy as np

from .logprobs import noting, of_prompts, of_texts


@dataclass(frozen=True)
class GenerateOutput:
    """What ``return_dict_in_generate=True`` returns. ``scores`` and ``logits`` hold one
    array ``[n_return, n_vocab]`` a step (rows that have ended: zeros; transformers has
    a row for every beam, also for those that were dropped). ``logprobs``,
    ``[n_return, n_steps]``, are the natural logarithms of the probabilities that the
    chosen tokens were drawn with, ``model_logprobs`` of those that the model gave them
    (under ``guidance_scale`` and ``dola_layers`` the guided model, here and in
    ``logits``). ``lengths`` counts each row's ids without the padding behind them.
    ``sequences_scores``, ``[n_return]``, is what a beam search ranked by, and ``notes``
    has for each row what a search did: see beam.py and speculative.py. ``top_logprobs``
has for each row and step, ``prompt_logprobs`` for each prompt and token, what
logprobs.py says."""

    sequences: np.ndarray
    scores: tuple | None
    logits: tuple | None
    logprobs: np.ndarray
    model_logprobs: np.ndarray
    lengths: np.ndarray
    sequences_scores: np.ndarray | None
    notes: list
    top_logprobs: list | None = None
    prompt_logprobs: list | None = None


def as_prompts(input_ids, attention_mask, config):
    """``[n_tok]``, ``[n_row, n_tok]`` or a list of lists -> a list of lists of ints;
    and the config, with its lengths as they apply to these.

    Positions that the attention mask marks with 0 are padding and left out.
    """
    prompts = rows = as_rows(input_ids)
    if attention_mask is not None:
        masks = as_masks(attention_mask, rows)
        prompts = [[i for i, m in zip(r, mask) if m] for r, mask in zip(rows, masks)]
    if len(prompts) == 0 or any(len(prompt) == 0 for prompt in prompts):
        raise ValueError(
            "input_ids is empty: there is nothing to continue. To start from nothing, "
            "pass [tokenizer.eos_token_id]"
        )
    n_tok, config = max(map(len, rows)), noting(config)
    return prompts, config if prompts == rows else counted(config, n_tok)


def as_rows(values, name="input_ids", kind=index):
    """One row or several, of numbers -> a list of lists."""
    if isinstance(values, (str, bytes)):
        raise ValueError(f"{name} must be token ids: encode the text first")
    if isinstance(values, Mapping):
        raise ValueError(f"{name} is a dictionary: pass **inputs, not inputs")
    try:
        one = len(values) > 0 and np.ndim(values[0]) == 0
        return [[kind(i) for i in row] for row in ([values] if one else values)]
    except (TypeError, ValueError, KeyError, IndexError):
        raise ValueError(
            f"{name} must be one or several lists of integers, not {values!r:.80}"
        ) from None


def as_masks(attention_mask, rows):
    """The attention mask, a list of booleans for each of ``rows``."""
    masks = as_rows(attention_mask, "attention_mask", bool)
    if [len(row) for row in rows] != [len(mask) for mask in masks]:
        raise ValueError("attention_mask must have the shape of input_ids")
    return masks


def with_padding(sequences, config, input_ids, attention_mask):
    """The ids of each sequence behind the padding that its prompt came with, so that
    new tokens begin in the same column of all rows: ``out[:, n_tok:]`` is the new text.
    """
    rows = as_rows(input_ids)
    masks = as_masks(attention_mask, rows)
    out = []
    for k, sequence in enumerate(sequences):
        n = k // config.num_return_sequences
        columns = [i for i, text in enumerate(masks[n]) if text]
        healed = columns[sequence.n_prompt :]  # token healing chose them anew
        kept = [token for i, token in enumerate(rows[n]) if i not in healed]
        out.append(kept + sequence.ids[sequence.n_prompt :])
    return out


def counted(config, n_tok):
    """With padding, ``max_length`` and ``min_length`` count it, as they count all that
    the caller sees: the same config in numbers of new tokens."""
    if config.max_new_tokens is None and config.max_length <= n_tok:
        raise ValueError(
            f"the prompt's {n_tok} tokens, padding included, reach max_length "
            f"{config.max_length}: raise it, or set max_new_tokens"
        )
    return replace(
        config,
        min_length=0,
        min_new_tokens=max(config.min_new_tokens or 0, config.min_length - n_tok),
        max_new_tokens=config.max_new_tokens or config.max_length - n_tok,
    )


def as_arrays(model, sequences, config, input_ids, attention_mask):
    """Finished sequences -> what generate returns."""
    pad = config.pad_token_id
    if pad is None:
        pad = config.eos_token_ids[0] if config.eos_token_ids else 0
    rows = [s.ids for s in sequences]
    if attention_mask is not None:
        rows = with_padding(sequences, config, input_ids, attention_mask)
    n_total = max(map(len, rows))
    ids = np.full((len(rows), n_total), pad, np.int64)
    for row, own in zip(ids, rows):
        row[: len(own)] = own
    if not config.return_dict_in_generate:
        return ids
    scores = _by_step([s.scores for s in sequences]) if config.output_scores else None
    logits = _by_step([s.logits for s in sequences]) if config.output_logits else None
    return GenerateOutput(
        ids,
        scores,
        logits,
        logprobs=_table([s.logprobs for s in sequences]),
        model_logprobs=_table([s.model_logprobs for s in sequences]),
        lengths=np.array([len(row) for row in rows]),
        sequences_scores=_ranked([s.score for s in sequences]),
        notes=[s.notes for s in sequences],
        top_logprobs=of_texts(sequences, config),
        prompt_logprobs=of_prompts(
            model, as_prompts(input_ids, attention_mask, config)[0], config
        ),
    )


def _table(rows):
    """Lists of numbers -> ``[n_row, n_most]``, the shorter ones filled with zeros."""
    table = np.zeros((len(rows), max(map(len, rows))))
    for row, numbers in zip(table, rows):
        row[: len(numbers)] = numbers
    return table


def _ranked(scores):
    return None if None in scores else np.array(scores)


def _by_step(rows):
    """Per sequence a list of rows -> per step an array; ended sequences give zeros."""
    blank = np.zeros_like(rows[0][0])
    n_steps = max(map(len, rows))
    return tuple(
        np.stack([r[i] if i < len(r) else blank for r in rows]) for i in range(n_steps)
    )
