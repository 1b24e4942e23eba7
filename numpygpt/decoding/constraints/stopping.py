r"""When to stop: the end-of-text token, a length, a string, a clock.

A stop rule is a function ``rule(ids) -> bool`` that looks at the ids so far, the
newest last; a sequence ends when one of its rules says so. Length and end-of-text are
easy. A stop string ("stop at the first line break") is harder, for two reasons:

- Tokens are not characters. The string may be spread over several tokens, or sit in
  the middle of one, so bytes are compared, and the last token may bring too much.
- A reader must not see it, not even half. When the text so far ends in "\n\nQ" and the
  stop string is "\n\nQ:", these three characters have to wait for what comes next.

`stop_rules` decides on ids; `shown_text` cuts the text that is shown. As in
transformers, the returned ids keep the last token whole, and a stop string may begin in
the prompt as long as it ends behind it. With ``stop_strings_wait`` it has to end behind
``min_new_tokens``, too, as in vLLM; without it these tokens hold back the end-of-text
token alone, as in transformers.

Try: ``list(until_stop("abcd", ["bcx", "d"]))``. Which characters wait, and why?

Next: ../generate.py.
"""

import time

from ..plumbing.ranges import as_tuple


def stop_rules(config, limit, n_prompt):
    """The rules of one sequence. The clock of ``max_time`` starts now."""
    rules = [lambda ids: len(ids) >= limit]
    if config.eos_token_ids:
        rules.append(lambda ids: ids[-1] in config.eos_token_ids)
    if config.stop_strings is not None:
        rules.append(_stop_strings(config, n_free(config, n_prompt)))
    if config.max_time is not None:
        end = time.monotonic() + config.max_time
        rules.append(lambda ids: time.monotonic() >= end)
    return rules + list(config.stopping_criteria or ())


def room(n_prompt, config, n_ctx):
    """How long a sequence may get, or why it cannot get any longer."""
    if n_prompt >= n_ctx:
        raise ValueError(
            f"a prompt of {n_prompt} tokens leaves no room in the model's context of "
            f"{n_ctx}: shorten it to at most {n_ctx - 1}"
        )
    n_ctx = fits(n_prompt, config, n_ctx)
    if config.max_new_tokens is not None:
        return min(n_prompt + config.max_new_tokens, n_ctx)
    if n_prompt >= config.max_length:
        raise ValueError(
            f"the prompt's {n_prompt} tokens reach max_length {config.max_length}, "
            "which counts them: raise it, or set max_new_tokens"
        )
    return min(config.max_length, n_ctx)


def fits(n_prompt, config, n_ctx):
    """How long a text may get in a context of ``n_ctx``. With guidance another text
    grows beside it, from ``negative_prompt_ids``, and has to fit as well."""
    if config.guidance_scale in (None, 1):
        return n_ctx
    n_other = len(config.negative_prompt_ids or ())
    if n_other >= n_ctx:
        raise ValueError(
            f"negative_prompt_ids: {n_other} tokens leave no room in the model's "
            f"context of {n_ctx}: shorten them to at most {n_ctx - 1}"
        )
    return n_ctx - max(0, n_other - n_prompt)


def n_free(config, n_prompt):
    """How many ids of a text, the prompt's among them, no stop string can end."""
    if not config.stop_strings_wait:
        return n_prompt
    return max(n_prompt + (config.min_new_tokens or 0), config.min_length)


def _stop_strings(config, n_free):
    """A rule: does one of the strings end inside the newest token?"""
    if config.tokenizer is None:
        raise ValueError(
            "stop_strings are text and generate works on ids: pass tokenizer= too"
        )
    strings = [s.encode() for s in as_tuple(config.stop_strings)]
    n_tail = max(map(len, strings))  # a token has at least one byte

    def rule(ids):
        if len(ids) <= n_free:
            return False
        text = config.tokenizer.decode_bytes(ids[-n_tail:])
        n_last = len(config.tokenizer.decode_bytes(ids[-1:]))
        # What ends inside the last token begins at most len(s) - 1 bytes before it.
        return any(s in text[-(n_last + len(s) - 1) :] for s in strings)

    return rule


def shown_text(ids, n_free, n_prompt, config):
    """The pieces of a text, as its ids come, up to a stop string that ends behind the
    first ``n_free`` ids and the first ``n_prompt`` characters."""
    n_read = 0

    def counted():
        nonlocal n_read
        for token in ids:
            n_read += 1
            yield token

    pieces = config.tokenizer.decode_stream(counted(), skip_special_tokens=True)
    return until_stop(pieces, config.stop_strings, n_prompt, lambda: n_read <= n_free)


def until_stop(pieces, stop_strings, n_prompt=0, free=lambda: False):
    """Pass on pieces of text, up to the first stop string that ends behind the first
    ``n_prompt`` characters (which are always passed on) and behind the pieces that come
    while ``free()`` is true. What may turn out to be the beginning of a stop string is
    held back until that is known.

    >>> list(until_stop(["to be", " or", " not", " to"], [" or else", " to"]))
    ['to be', ' or not']
    """
    stop_strings = as_tuple(stop_strings)
    text, shown, n_free = "", 0, n_prompt
    for piece in pieces:
        text += piece
        n_free = max(n_free, len(text) if free() else 0)
        begins = [text.find(s, max(0, n_free - len(s) + 1)) for s in stop_strings]
        found = [max(at, n_prompt) for at in begins if at >= 0]
        safe = min(found) if found else len(text) - _waiting(text, stop_strings)
        if safe > shown:
            yield text[shown:safe]
            shown = safe
        if found:
            return
    if text[shown:]:
        yield text[shown:]


def _waiting(text, stop_strings):
    """How many characters at the end of the text may be the beginning of a string."""
    begins = (s[:n] for s in stop_strings for n in range(1, len(s)))
    return max((len(b) for b in begins if text.endswith(b)), default=0)
