"""What may go into a model, and what its config may say; clear words if it may not.

Beside tokenizer.py and config.py, which are easier to read without this.
"""

from dataclasses import fields

import numpy as np


def check_ids(ids, config):
    """The ids as an array; ValueError if they are none of this vocabulary's."""
    ids = np.asarray(ids)
    if ids.ndim != 1 or ids.size == 0 or ids.dtype.kind not in "iu":
        raise ValueError(
            "token ids must be a list of at least one integer, not "
            f"{ids.dtype} {list(ids.shape)} (for rows: generate, numpygpt.hf)"
        )
    wrong, last = ids[(ids < 0) | (ids >= config.n_vocab)], config.n_vocab - 1
    if wrong.size:
        raise ValueError(f"token id {wrong[0]} is outside the vocabulary: 0 to {last}")
    return ids


def check_room(n_tok, config):
    """ValueError if the model cannot see so many tokens at once."""
    if n_tok > config.n_ctx:
        raise ValueError(
            f"{n_tok} tokens are more than the model's context of {config.n_ctx} "
            "(n_positions): shorten the text"
        )


def check_config(config, activations):
    """ValueError if a field of a GPT2Config has a value that no model can have."""
    for name in ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head"):
        _check(config, name, _is_int(getattr(config, name), 1), "a positive integer")
    for name, least in ("n_inner", 1), ("bos_token_id", -1), ("eos_token_id", -1):
        value = getattr(config, name)
        several = name == "eos_token_id" and isinstance(value, list)
        ok = all(_is_int(v, least) for v in (value if several else [value]))
        ok = ok or value is None
        _check(config, name, ok, f"None or an integer of at least {least}")
    _check(config, "n_head", config.n_embd % config.n_head == 0, "a divisor of n_embd")
    known = config.activation_function in activations
    _check(config, "activation_function", known, f"one of {', '.join(activations)}")
    small = isinstance(e := config.layer_norm_epsilon, (int, float)) and 0 < e < 1
    _check(config, "layer_norm_epsilon", small, "a number between 0 and 1")
    for field in fields(config):
        if field.type is bool:
            is_bool = isinstance(getattr(config, field.name), bool)
            _check(config, field.name, is_bool, "true or false")


def _is_int(value, least):
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _check(config, name, ok, what):
    if not ok:
        raise ValueError(f"{name} must be {what}, not {getattr(config, name)!r:.80}")


def check_text(text):
    if not isinstance(text, str):
        raise ValueError(f"text must be a str, not {type(text).__name__}")


def check_return_tensors(return_tensors):
    if return_tensors not in (None, "np"):
        raise ValueError(f"return_tensors must be None or 'np', not {return_tensors!r}")


def as_inputs(ids, one, return_tensors):
    """Lists of ids -> what transformers' tokenizers return; ``one``: of one text."""
    mask = [[1] * len(row) for row in ids]
    if return_tensors == "np":
        if len({len(row) for row in ids}) > 1:
            raise ValueError("texts of unequal length make no array: leave out "
                             "return_tensors, generate takes lists")  # fmt: skip
        ids, mask = np.array(ids, np.int64), np.array(mask, np.int64)
    elif one:
        ids, mask = ids[0], mask[0]
    return {"input_ids": ids, "attention_mask": mask}
