"""What may go into the model: token ids of its vocabulary, no more than fit in it.

Next: model.py.
"""

import numpy as np


def check_ids(ids, config):
    """The ids as an array; ValueError if they are none of this model's."""
    ids = np.asarray(ids)
    if ids.ndim != 1 or ids.size == 0 or ids.dtype.kind not in "iu":
        raise ValueError(
            "token ids must be a list of at least one integer, not "
            f"{ids.dtype} of shape {ids.shape}"
        )
    if ids.min() < 0 or ids.max() >= config.n_vocab:
        wrong = int(ids[(ids < 0) | (ids >= config.n_vocab)][0])
        raise ValueError(
            f"token id {wrong} is outside the vocabulary: 0 to {config.n_vocab - 1}"
        )
    return ids


def check_room(n_seen, n_new, config):
    """ValueError if so many tokens do not fit behind those already seen."""
    if n_seen + n_new > config.n_ctx:
        raise ValueError(
            f"{n_seen + n_new} tokens are more than the model's context of "
            f"{config.n_ctx} (n_positions): shorten the text"
        )
