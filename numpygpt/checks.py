"""What may go into a model, and what its config may say; clear words if it may not.

Beside tokenizer.py and config.py, which are easier to read without this.
"""

from dataclasses import fields
from itertools import chain
from operator import index

import numpy as np

from .fast.added import Added


def must(name, value, ok, what):
    """ValueError unless ``ok``."""
    if not ok:
        raise ValueError(f"{name} must be {what}, not {value!r:.80}")


def check_ids(ids, config):
    """The ids as an array; ValueError if they are none of this vocabulary's."""
    try:
        ids = np.asarray(ids)
    except ValueError:  # rows of unequal length
        ids = np.asarray([None])
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
        value = getattr(config, name)
        must(name, value, is_int(value, 1), "a positive integer")
    for name, least in ("n_inner", 1), ("bos_token_id", -1), ("eos_token_id", -1):
        value = getattr(config, name)
        several = name == "eos_token_id" and isinstance(value, list)
        ok = all(is_int(v, least) for v in (value if several else [value]))
        ok = ok or value is None
        must(name, value, ok, f"None or an integer of at least {least}")
    ok = config.n_embd % config.n_head == 0
    must("n_head", config.n_head, ok, "a divisor of n_embd")
    known = config.activation_function in activations
    what = f"one of {', '.join(activations)}"
    must("activation_function", config.activation_function, known, what)
    small = isinstance(e := config.layer_norm_epsilon, (int, float)) and 0 < e < 1
    must("layer_norm_epsilon", e, small, "a number between 0 and 1")
    for field in fields(config):
        if field.type is bool:
            value = getattr(config, field.name)
            must(field.name, value, isinstance(value, bool), "true or false")


def as_merges(merges):
    """The merges as a list of pairs of texts."""
    what = "merges must be pairs of tokens, such as [('a', 'b'), ('ab', 'c')]"
    try:
        merges = [*merges]
        if {*map(type, merges)} != {tuple}:  # 50,000 of them should take no time
            merges = [tuple(pair) for pair in merges]
    except TypeError:
        raise ValueError(f"{what}, not {merges!r:.80}") from None
    if not ({*map(len, merges)} <= {2} and {*map(type, chain(*merges))} <= {str}):
        wrong = (m for m in merges if len(m) != 2 or {*map(type, m)} != {str})
        raise ValueError(f"{what}, and {next(wrong)!r:.80} is none")
    return merges


def check_tokenizer(vocab, eos_token, added, names, template):
    """ValueError if one of these arguments of a Tokenizer is of another kind."""
    for name, value, keys, values in (
        ("vocab", vocab, {str}, {int}),
        ("added", added, {str}, {Added}),
        ("names", names, {str}, {str, type(None)}),
    ):
        ok = value is None or (
            isinstance(value, dict)
            and {*map(type, value)} <= keys
            and {*map(type, value.values())} <= values
        )
        must(name, value, ok, "None or a dictionary, see help(Tokenizer)")
    must("vocab", vocab, vocab != {}, "None or a dictionary with some tokens")
    is_text = isinstance(eos_token, (str, type(None)))
    must("eos_token", eos_token, is_text, "a token of the vocabulary or None")
    two = isinstance(template, (tuple, list)) and len(template) == 2
    ok = two and all(isinstance(ids, (tuple, list)) for ids in template)
    ok = ok and all(is_int(i, 0) for ids in template for i in ids)
    must("template", template, ok, "two lists of ids, such as ([50256], [])")


def check_complete(tokens, ids):
    """ValueError if a byte or a merge has no id. (tokenizers reads a vocabulary without
    some bytes, and leaves these out of a text without a word.)"""
    if None in ids:
        raise ValueError(
            f"the vocabulary has no id for the token {tokens[ids.index(None)]!r}: it "
            "needs one for each of the 256 bytes and for what each merge makes"
        )


def is_int(value, least):
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def check_text(text):
    if not isinstance(text, str):
        raise ValueError(f"text must be a str, not {type(text).__name__}")


def integers(ids):
    """Each of the ids as an int, as they come."""
    what = "ids must be one list of integers"
    try:
        ids = iter(ids)
    except TypeError:
        raise ValueError(f"{what}, not {ids!r:.80}") from None
    for i in ids:
        try:
            i = index(i)
        except TypeError:
            raise ValueError(f"{what}, and {i!r:.80} is none") from None
        yield i


def check_allowed(name, tokens):
    """ValueError unless it is "all" or a collection of texts."""
    is_some = isinstance(tokens, (list, tuple, set, frozenset, dict))
    ok = tokens == "all" if isinstance(tokens, str) else is_some
    ok = ok and {*map(type, tokens)} <= {str}
    must(name, tokens, ok, "'all' or a set of tokens")


def as_texts(text):
    """(the texts, was it one?)"""
    if isinstance(text, str):
        return [text], True
    must("text", text, isinstance(text, (list, tuple)), "a text or a list of texts")
    return text, False


def check_model(config, params):
    """ValueError if this is no config, or these are no weights of such a model."""
    name = "config must be a GPT2Config"
    if not hasattr(config, "n_embd") or not hasattr(config, "shapes"):
        raise ValueError(f"{name}, not {config!r:.80}")
    ok = isinstance(params, dict) and "wte" in params
    must("params", type(params), ok, "weights as weights.load returns them")


def check_cache(cache):
    ok = cache is None or hasattr(cache, "n_tok")
    must("cache", cache, ok, "None or what new_cache() returns")


def check_sequences(sequences, caches):
    ok = all(isinstance(s, (list, tuple)) for s in (sequences, caches))
    ok = ok and len(sequences) == len(caches) and len(caches) > 0
    must("sequences", sequences, ok, "a list of lists of ids, one for each cache")
    ok = all(hasattr(cache, "n_tok") for cache in caches)
    must("caches", caches, ok, "a list of what new_cache() returns")


def check_rows(hidden, config):
    shape = np.shape(hidden) if isinstance(hidden, np.ndarray) else None
    ok = shape is not None and len(shape) == 2 and shape[1] == config.n_embd
    must("hidden", hidden, ok, f"an array [n_tok, {config.n_embd}]")


def check_streamer(streamer):
    ok = streamer is None or hasattr(streamer, "put") and hasattr(streamer, "end")
    ok = ok and not isinstance(streamer, type)
    must("streamer", streamer, ok, "an object with put(ids) and end()")


def check_return_tensors(return_tensors):
    ok = return_tensors is None or str(return_tensors) == "np"
    must("return_tensors", return_tensors, ok, "None or 'np'")


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
