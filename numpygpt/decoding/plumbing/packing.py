"""What callers pass in -> lists of ids; finished sequences -> arrays.

Plumbing around the loop of generate.py, so that the loop can be read without it.
"""

from dataclasses import dataclass
from operator import index

import numpy as np


@dataclass(frozen=True)
class GenerateOutput:
    """What ``return_dict_in_generate=True`` returns. ``scores`` and ``logits`` hold one
    array ``[n_return, n_vocab]`` a step (rows that have ended: zeros; transformers has
    a row for every beam, also for those that were dropped). ``logprobs``,
    ``[n_return, n_steps]``, are the natural logarithms of the probabilities that the
    chosen tokens were drawn with, ``model_logprobs`` of those that the model gave them
    (under ``guidance_scale`` and ``dola_layers`` the guided model, here and in
    ``logits``). ``lengths`` counts each row's ids without the padding.
    ``sequences_scores``, ``[n_return]``, is what a beam search ranked by, and ``notes``
    has for each row what a search did: see beam.py and speculative.py."""

    sequences: np.ndarray
    scores: tuple | None
    logits: tuple | None
    logprobs: np.ndarray
    model_logprobs: np.ndarray
    lengths: np.ndarray
    sequences_scores: np.ndarray | None
    notes: list


def as_prompts(input_ids, attention_mask=None):
    """``[n_tok]``, ``[n_row, n_tok]`` or a list of lists -> a list of lists of ints.

    Positions that the attention mask marks with 0 are padding and left out.
    """
    if isinstance(input_ids, (str, bytes)):
        raise ValueError("input_ids must be token ids: encode the text first")
    if not hasattr(input_ids, "__len__"):
        raise ValueError(f"input_ids must be one or several lists of token ids, not "
                         f"{input_ids!r:.80}")  # fmt: skip
    one = len(input_ids) > 0 and np.ndim(input_ids[0]) == 0
    rows = [input_ids] if one else input_ids
    if attention_mask is not None:
        masks = [attention_mask] if one else attention_mask
        if [len(r) for r in rows] != [len(m) for m in masks]:
            raise ValueError("attention_mask must have the shape of input_ids")
        rows = [[i for i, m in zip(r, mask) if m] for r, mask in zip(rows, masks)]
    if len(rows) == 0 or any(len(row) == 0 for row in rows):
        raise ValueError(
            "input_ids is empty: there is nothing to continue. To start from nothing, "
            "pass [tokenizer.eos_token_id]"
        )
    try:
        return [[index(i) for i in row] for row in rows]
    except TypeError:
        raise ValueError("input_ids must be one or several lists of integers, not "
                         f"{input_ids!r:.80}") from None  # fmt: skip


def as_arrays(sequences, config):
    pad = config.pad_token_id
    if pad is None:
        pad = config.eos_token_ids[0] if config.eos_token_ids else 0
    n_total = max(len(s.ids) for s in sequences)
    ids = np.full((len(sequences), n_total), pad, np.int64)
    for row, sequence in zip(ids, sequences):
        row[: len(sequence.ids)] = sequence.ids
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
        lengths=np.array([len(s.ids) for s in sequences]),
        sequences_scores=_ranked([s.score for s in sequences]),
        notes=[s.notes for s in sequences],
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
