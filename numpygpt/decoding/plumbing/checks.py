"""What goes into a step of the chain and what comes out of it; which settings we know.

Next: ../filters.py.
"""

import numpy as np


class NothingLeft(ValueError):
    """The rules removed every token: this text cannot go on. A beam search drops it."""


def check_rows(logits, name):
    """The logits as a float array, if every row has something to choose from."""
    logits = np.asarray(logits)
    if logits.dtype.kind != "f":
        logits = logits.astype(np.float64)
    if logits.ndim not in (1, 2) or logits.shape[-1] == 0:
        raise ValueError(f"{name}: logits must be [n_vocab] or [n_row, n_vocab], not "
                         f"{list(logits.shape)}")  # fmt: skip
    # One pass: the largest logit is NaN if any is.
    if not np.isfinite(logits.max(axis=-1)).all():
        raise ValueError(
            f"{name}: a row of logits holds NaN or +inf, or every token is removed "
            "(-inf): nothing can be drawn from it"
        )
    return logits


def check_step(logits, shape, name):
    """What a step of the chain made of a row: it must leave something to draw from."""
    if not isinstance(logits, np.ndarray) or logits.shape != shape:
        raise ValueError(f"{name} must return logits {list(shape)}, not {logits!r:.80}")
    best = logits.max()  # NaN if any is
    if best == -np.inf:
        raise NothingLeft(f"{name} removes every token that was left: nothing can be "
                          "drawn")  # fmt: skip
    if not np.isfinite(best):
        raise ValueError(f"{name} makes a logit NaN or +inf: nothing can be drawn")


def check_together(config):
    """``ValueError`` if a text must be longer than it may be, or a filter must keep
    more tokens than it may."""
    if config.top_k and config.min_keep > config.top_k:
        raise ValueError(
            f"min_keep must be at most top_k, {config.top_k}, not {config.min_keep}"
        )
    low, high = "min_length", "max_length"
    if config.max_new_tokens is not None:  # it wins over max_length
        low, high = "min_new_tokens", "max_new_tokens"
    least, most = getattr(config, low) or 0, getattr(config, high)
    if least > most:
        raise ValueError(f"{low} must be at most {high}, {most}, not {least}")


# Fields of transformers that do not change a token here, whatever their value ...
NO_EFFECT = (
    "transformers_version _from_model_config _commit_hash _original_object_hash "
    "cache_implementation cache_config return_legacy_cache prefill_chunk_size "
    "low_memory compile_config disable_compile is_assistant assistant_lookbehind "
    "target_lookbehind"
)
# ... and those that we do not have: accepted as long as they are off.
OFF = {
    "assistant_early_exit": None,
    "encoder_repetition_penalty": 1,
    "encoder_no_repeat_ngram_size": 0,
    "decoder_start_token_id": None,
    "remove_invalid_values": False,
    "output_attentions": False,
    "output_hidden_states": False,
    "constraints": None,
    "force_words_ids": None,
}


_INSIDE = " here: numpygpt.look.inside(model, ids) has what a pass computes"
ELSEWHERE = {"output_attentions": _INSIDE, "output_hidden_states": _INSIDE}


def without_idle(settings, fields):
    """The settings that say something here. One that we do not know is a
    ``ValueError`` that suggests the nearest. None says nothing, as in the files that
    transformers writes, unless None is a value that the field can have."""
    types = {f.name: f.type for f in fields}
    for name in settings.keys() - types.keys() - set(NO_EFFECT.split()):
        if name not in OFF:
            raise ValueError(f"unknown argument {name!r}{_nearest(name, types)}")
        if settings[name] not in (None, OFF[name]):
            raise ValueError(
                f"{name} must be {OFF[name]!r}, not {settings[name]!r}: numpygpt "
                f"does not have it{ELSEWHERE.get(name, '')}"
            )
    return {
        name: value
        for name, value in settings.items()
        if name in types and (value is not None or isinstance(None, types[name]))
    }


def _nearest(name, names):
    from difflib import get_close_matches

    close = get_close_matches(name, names, 1)
    return f": did you mean {close[0]!r}?" if close else f"; known: {', '.join(names)}"


def check_width(settings, config):
    """``ValueError`` if the settings that a model brings along would keep so many texts
    at once that the caches of their first 32 tokens take more memory than the model:
    nobody means that, and a file could stop the machine with it. 64 are always fine."""
    most = max(64, config.n_params // (32 * 2 * config.n_layer * config.n_embd))
    width = {"num_beams": settings.num_beams}
    width["num_return_sequences"] = settings.num_return_sequences
    if settings.penalty_alpha is not None:  # looks at so many tokens of each text
        width["num_return_sequences * top_k"] = (
            settings.num_return_sequences * settings.top_k
        )
    for name, value in width.items():
        if value > most:
            raise ValueError(
                f"{name} must be at most {most}, not {value}: more would take more "
                "memory than the model itself. A call may set it higher"
            )
