"""What the settings of generation must be: in words, and as a test.

Tables only, so that GenerationConfig can stay a list of fields. Skip it at first.
"""

import numpy as np


class NothingLeft(ValueError):
    """The rules removed every token: this text cannot go on. A beam search drops it."""


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


def as_tuple(value):
    """None -> (), one thing -> (thing,), several -> a tuple of them."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


LARGEST = 2**63 - 1  # of the integers that an array can hold


def is_int(value, least=0, most=LARGEST):
    is_int = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return is_int and least <= value <= most


def is_number(value, least=-np.inf, most=np.inf):
    """A finite one, from ``least`` to ``most``."""
    is_number = isinstance(value, (int, float, np.integer, np.floating))
    limit = LARGEST if isinstance(value, int) else np.finfo(float).max
    is_finite = is_number and not isinstance(value, bool) and abs(value) <= limit
    return is_finite and least <= value <= most


def is_list(value, test=is_int):
    """A list or tuple, not empty, whose every element passes."""
    return isinstance(value, (list, tuple)) and len(value) > 0 and all(map(test, value))


def is_bias(value):
    pairs = list(value.items()) if isinstance(value, dict) else value
    return is_list(pairs, lambda p: len(p) == 2 and is_list(p[0]) and is_number(p[1]))


# By type, unless the name says more.
BY_TYPE = {
    bool: ("true or false", lambda v: isinstance(v, bool)),
    bool | None: ("true or false", lambda v: isinstance(v, bool)),
    int: ("a positive integer", lambda v: is_int(v, 1)),
    int | None: ("a positive integer", lambda v: is_int(v, 1)),
    float: ("a finite number", is_number),
    float | None: ("a finite number", is_number),
}
# names: what it must be, test
BY_NAME = {
    "top_p min_p typical_p epsilon_cutoff eta_cutoff top_h xtc_probability "
    "xtc_threshold penalty_alpha assistant_confidence_threshold": (
        "a number from 0 to 1",
        lambda v: is_number(v, 0, 1),
    ),
    "temperature top_n_sigma diversity_penalty dynatemp_range dry_multiplier": (
        "a number of at least 0",
        lambda v: is_number(v, 0),
    ),
    "repetition_penalty max_time patience dynatemp_exponent mirostat_tau "
    "mirostat_eta": (
        "a positive number",
        lambda v: is_number(v, 0) and v > 0,
    ),
    # Lengths to a power beyond these are numbers that no float can hold.
    "length_penalty": ("a number from -50 to 50", lambda v: is_number(v, -50, 50)),
    "dry_base": ("a number of at least 1", lambda v: is_number(v, 1)),
    "min_length min_new_tokens top_k no_repeat_ngram_size": (
        "an integer of at least 0",
        is_int,
    ),
    "mirostat": ("0, 1 or 2", lambda v: is_int(v, 0, 2)),
    "bos_token_id pad_token_id forced_bos_token_id": ("a token id", is_int),
    "eos_token_id forced_eos_token_id": (
        "a token id or a list of them",
        lambda v: is_list(as_tuple(v)),
    ),
    "suppress_tokens begin_suppress_tokens dry_sequence_breakers "
    "negative_prompt_ids": (
        "a list of token ids",
        lambda v: v in ([], ()) or is_list(v),
    ),
    "bad_words_ids": (
        "a list of lists of token ids",
        lambda v: is_list(v, is_list),
    ),
    "sequence_bias": ("{(id, ...): bias} or [[[id, ...], bias], ...]", is_bias),
    "logit_bias": (
        "{id: bias}",  # JSON makes the ids texts
        lambda v: isinstance(v, dict) and is_bias([[[int(i)], v[i]] for i in v]),
    ),
    "watermarking_config": ("a dictionary", lambda v: isinstance(v, dict)),
    "exponential_decay_length_penalty": (
        "a pair (start, factor)",
        lambda v: (
            is_list(v, is_number) and len(v) == 2 and is_int(v[0]) and v[1] >= 0
        ),
    ),
    "stop_strings": (
        "a text or a list of texts, none empty",
        lambda v: is_list(as_tuple(v), lambda s: isinstance(s, str) and s != ""),
    ),
    "choices": (
        "a list of texts or of lists of token ids, none empty",
        lambda v: is_list(v, is_list) or is_list(v, lambda s: isinstance(s, str) and s),
    ),
    "regex": ("a text", lambda v: isinstance(v, str)),
    "dola_layers": (
        '"low", "high" or a list of layers',
        lambda v: v in ("low", "high") or is_list(v),
    ),
    "chain": (
        '"hf", "llama.cpp" or a list of names and functions',
        lambda v: (
            isinstance(v, str)
            or v in ([], ())
            or is_list(v, lambda entry: isinstance(entry, str) or callable(entry))
        ),
    ),
    "prefix_allowed_tokens_fn": ("a function(prompt number, ids) -> ids", callable),
    "stopping_criteria": (
        "a list of functions of the ids",
        lambda v: v in ([], ()) or is_list(v, callable),
    ),
    "assistant_model": ("a model", lambda v: hasattr(v, "unembed")),
    "tokenizer": ("a numpygpt.Tokenizer", lambda v: hasattr(v, "decode_bytes")),
    "early_stopping": (
        'True, False or "never"',
        lambda v: isinstance(v, bool) or v == "never",
    ),
    "num_assistant_tokens_schedule": (
        '"constant", "heuristic" or "heuristic_transient"',
        lambda v: v in ("constant", "heuristic", "heuristic_transient"),
    ),
}
CHECKS = {name: rule for names, rule in BY_NAME.items() for name in names.split()}

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


def check(name, type_, value):
    """``ValueError`` if a field of this name and type cannot have this value."""
    if value is None and isinstance(None, type_):
        return
    what, test = CHECKS.get(name) or BY_TYPE.get(type_) or ("", lambda v: True)
    try:
        passes = bool(test(value))
    except (TypeError, ValueError):  # not even of a kind that the test can look at
        passes = False
    if not passes:
        raise ValueError(f"{name} must be {what}, not {value!r}")


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
                "does not have it"
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
