"""Rules that look at the text so far: penalties, bans, biases, forced tokens.

A filter sees one row of logits. These rules see the history too: what was said already
(against repetition), how long the text is (no end too early), which words must not
appear. They treat what readers complain of, such as loops; they do not make the model
know more.

A rule is a pure function ``rule(logits, value, context, ...) -> logits``. ``context``
is the ids so far; rules that count new tokens alone get ``output``, those behind the
prompt. For several rows ``[n_row, n_vocab]`` it may be a list of as many contexts. A
banned token's logit is -inf, and a rule that would leave nothing to draw is a
``ValueError`` that says which rule it was. (transformers draws on: greedily it takes
token 0, banned or not, and a draw fails in PyTorch. A beam is dropped, there as here.)

Try: ``repetition_penalty`` on logits that are all negative, and on the same logits plus
100. Same distribution before, another one after: the rule depends on where zero is.

Next: mirostat.py.
"""

from functools import lru_cache, wraps

import numpy as np

from ...layers import log_softmax
from ..plumbing.checks import check_rows, check_step
from ..plumbing.ranges import (
    AT_LEAST_0,
    AT_LEAST_1,
    COUNT,
    COUNT_OR_0,
    NUMBER,
    POSITIVE,
    as_tuple,
    check,
)


def of_rows(rule):
    """Make a rule that changes one row in place into a pure one: it gets a copy, is
    checked before and after, and takes several rows one by one."""

    @wraps(rule)
    def checked(logits, value, context=(), *args, **kwargs):
        logits = check_rows(logits, rule.__name__)
        if logits.ndim == 2:
            one = len(context) == 0 or np.ndim(context[0]) == 0
            rows = zip(logits, [context] * len(logits) if one else context, strict=True)
            return np.stack([checked(r, value, c, *args, **kwargs) for r, c in rows])
        context = check_ids(context, logits, rule.__name__)
        logits = logits.copy()
        with np.errstate(over="ignore", invalid="ignore"):  # the next line will say so
            rule(logits, value, context, *args, **kwargs)
        check_step(logits, logits.shape, f"{rule.__name__} {value!r}")
        return logits

    return checked


def check_ids(ids, logits, name):
    """Token ids as an int64 array; ``ValueError`` for one outside the vocabulary."""
    ids = np.asarray(ids)
    if ids.size and ids.dtype.kind not in "iu":
        raise ValueError(f"{name}: token ids are integers, not {ids.tolist()!r:.80}")
    ids = ids.astype(np.int64)
    if ids.size and not 0 <= ids.min() <= ids.max() < len(logits):
        wrong = ids.min() if ids.min() < 0 else ids.max()
        raise ValueError(f"{name}: token id {wrong} is outside the vocabulary, "
                         f"0 to {len(logits) - 1}")  # fmt: skip
    return ids


def check_there(ids, logits, name):
    """The same, but an id behind the vocabulary is left out: of a token that never
    comes, nothing need be kept away. (A folder whose model has 97 tokens may say that
    50256 ends a text.)"""
    ids = np.asarray(ids)
    if ids.dtype.kind in "iu":
        ids = ids[ids < logits.shape[-1]]
    return check_ids(ids, logits, name)


@of_rows
def repetition_penalty(logits, value, context):
    """Make every token that was seen less likely, once: a positive logit is divided by
    ``value``, a negative one multiplied (Keskar et al., arXiv:1909.05858). 1 is off.

    The context is the prompt and the new tokens, as in transformers. The paper divides
    always, which makes tokens with a negative logit likelier.

    >>> repetition_penalty(np.array([2.0, -2.0, 2.0]), 2.0, [0, 1, 1]).tolist()
    [1.0, -4.0, 2.0]
    """
    check("repetition_penalty", POSITIVE, value)
    seen = logits[context]
    logits[context] = np.where(seen < 0, seen * value, seen / value)


@of_rows
def frequency_penalty(logits, value, output):
    """Subtract ``value`` for every time a token occurs among the new tokens (OpenAI's
    API, vLLM; llama.cpp counts the prompt too). 0 is off.

    >>> frequency_penalty(np.zeros(3), 0.5, [1, 1, 2]).tolist()
    [0.0, -1.0, -0.5]
    """
    check("frequency_penalty", NUMBER, value)
    ids, counts = np.unique(output, return_counts=True)
    logits[ids] -= (value * counts).astype(logits.dtype)


@of_rows
def presence_penalty(logits, value, output):
    """Subtract ``value`` from every token that occurs among the new tokens. 0 is off.

    >>> presence_penalty(np.zeros(3), 0.5, [1, 1, 2]).tolist()
    [0.0, -0.5, -0.5]
    """
    check("presence_penalty", NUMBER, value)
    logits[np.unique(output)] -= value


@of_rows
def dry(logits, multiplier, context, base=1.75, allowed_length=2, breakers=()):
    """Don't repeat yourself: a token that would make a repeat of ``length`` tokens one
    longer loses ``multiplier * base ** (length - allowed_length)``, if the repeat has
    the allowed length at least. Multiplier 0 is off. From text-generation-webui and
    llama.cpp.

    ``breakers``: ids, or lists of ids. A repeat does not reach across one (a line
    break, say), and one of a single token is never penalised. An id outside the
    vocabulary never occurs.

    >>> z = dry(np.zeros(5), 1.0, [1, 2, 3, 0, 1, 2, 3], base=2.0)
    >>> z.tolist()                     # 1 2 3 stood before 0: length 3, 2 ** (3 - 2)
    [-2.0, 0.0, 0.0, 0.0, 0.0]
    """
    check("dry_multiplier", AT_LEAST_0, multiplier)
    check("dry_base", AT_LEAST_1, base)
    check("dry_allowed_length", COUNT, allowed_length)
    heads, lone = _indexed(tuple(as_tuple(b) for b in breakers))
    longest = _repeats(context, _behind(heads, context.tolist()), len(logits))
    longest[lone[(lone >= 0) & (lone < len(logits))]] = 0
    tokens = np.flatnonzero(longest >= allowed_length)
    power = (longest[tokens] - allowed_length) * np.log(base)
    penalty = multiplier * np.exp(np.minimum(power, 80.0))  # exp must not overflow
    logits[tokens] -= penalty.astype(logits.dtype)


def _repeats(context, most, n_vocab):
    """``[n_vocab]``: how long a repeat each token would extend, up to ``most``."""
    longest = np.zeros(n_vocab, np.int64)
    # The places where the last token stood before; then those of them where the last
    # two did, and so on. What follows such a place would extend a repeat.
    ends = np.flatnonzero(context == context[-1:])[:-1]
    length = 1
    while len(ends) and length <= most:
        longest[context[ends + 1]] = length
        back = ends - length
        agree = (back >= 0) & (context[back] == context[-1 - length])
        ends = ends[agree]
        length += 1
    return longest


@lru_cache(maxsize=8)
def _indexed(breakers):
    """Breakers by their first id, and those of one id."""
    heads = {}
    for ids in breakers:
        heads.setdefault(ids[0], []).append(list(ids))
    lone = [ids[0] for ids in breakers if len(ids) == 1]
    return heads, np.array(lone, np.int64)


def _behind(heads, context):
    """How many tokens stand behind the last breaker of a context, a list."""
    for at in range(len(context) - 1, -1, -1):
        found = [
            s for s in heads.get(context[at], ()) if context[at : at + len(s)] == s
        ]
        if found:
            return len(context) - at - max(map(len, found))
    return len(context)


@of_rows
def no_repeat_ngram_size(logits, value, context):
    """Ban every token that would complete a run of ``value`` tokens that the context
    holds already, the prompt included (fairseq, transformers). 0 is off; 1 bans every
    token seen.

    >>> no_repeat_ngram_size(np.zeros(3), 2, [0, 1, 2, 0]).tolist()   # 0 1 was there
    [0.0, -inf, 0.0]
    """
    check("no_repeat_ngram_size", COUNT_OR_0, value)
    n_first = value - 1
    n_runs = len(context) - n_first
    if value == 0 or n_runs <= 0:
        return
    same = np.ones(n_runs, bool)  # does the run that starts here begin as we end?
    for i in range(n_first):
        same &= context[i : i + n_runs] == context[n_runs + i]
    logits[context[n_first:][same]] = -np.inf


@of_rows
def sequence_bias(logits, value, context):
    """Add a bias to the last token of a sequence when the context ends with all before
    it; to a sequence of one token always. ``{(id, ...): bias}``, or as JSON can say it
    ``[[[id, ...], bias], ...]``.

    transformers 4.57 does not see a match that takes up the whole context; 5 and this
    do.

    >>> sequence_bias(np.zeros(3), {(0, 2): 1.5, (1,): -1.0}, [0]).tolist()
    [0.0, -1.0, 1.5]
    """
    if not isinstance(value, dict):  # the last word on a sequence counts
        value = {tuple(sequence): bias for sequence, bias in value}
    for sequence, bias in value.items():
        first, last = _split(sequence, logits, "sequence_bias")
        if _ends_with(context, first):
            logits[last] += bias


@of_rows
def bad_words_ids(logits, value, context, eos_token_ids=()):
    """Ban sequences of tokens: `sequence_bias` of -inf. As in transformers, a lone eos
    in the list is passed over (`suppress_tokens` bans it).

    >>> bad_words_ids(np.zeros(3), [[0, 2]], [1, 0]).tolist()
    [0.0, 0.0, -inf]
    """
    for sequence in value:
        if max(sequence, default=0) >= len(logits):
            continue  # it never comes
        first, last = _split(sequence, logits, "bad_words_ids")
        lone_eos = not first and last in eos_token_ids
        if _ends_with(context, first) and not lone_eos:
            logits[last] = -np.inf


def _split(sequence, logits, name):
    """All ids of a sequence but the last, and the last."""
    if len(sequence) == 0:
        raise ValueError(f"{name}: a sequence must have at least one token id")
    *first, last = check_ids(sequence, logits, name).tolist()
    return first, last


def _ends_with(context, ids):
    return context[max(0, len(context) - len(ids)) :].tolist() == ids


@of_rows
def logit_bias(logits, value, context):
    """Add ``{id: bias}`` to the logits, as in OpenAI's API; -inf bans a token.

    >>> logit_bias(np.zeros(3), {1: -2.5}).tolist()
    [0.0, -2.5, 0.0]
    """
    ids = check_ids([int(i) for i in value], logits, "logit_bias")
    bias = np.array([*value.values()], np.float64)
    if not (bias < np.inf).all():
        raise ValueError(f"logit_bias must be {{id: number or -inf}}, not {value!r}")
    logits[ids] += bias.astype(logits.dtype)


@of_rows
def ignore_eos(logits, value, context=(), eos_token_ids=()):
    """Ban the ends: the text goes on until it is full. False is off. From llama.cpp.

    >>> ignore_eos(np.zeros(3), True, eos_token_ids=[2]).tolist()
    [0.0, 0.0, -inf]
    """
    if value:
        logits[check_ids(eos_token_ids, logits, "eos_token_id")] = -np.inf


@of_rows
def allowed_token_ids(logits, value, context):
    """Ban all tokens but these. From vLLM.

    >>> allowed_token_ids(np.zeros(3), [0, 2]).tolist()
    [0.0, -inf, 0.0]
    """
    banned = np.ones(len(logits), bool)
    banned[check_ids(value, logits, "allowed_token_ids")] = False
    logits[banned] = -np.inf


@of_rows
def suppress_tokens(logits, value, context):
    """Ban these tokens.

    >>> suppress_tokens(np.zeros(3), [0, 2]).tolist()
    [-inf, 0.0, -inf]
    """
    logits[check_there(value, logits, "suppress_tokens")] = -np.inf


@of_rows
def begin_suppress_tokens(logits, value, context, begin=0):
    """Ban these tokens behind the first ``begin`` ones, the prompt.

    >>> begin_suppress_tokens(np.zeros(3), [0, 2], [1], begin=1).tolist()
    [-inf, 0.0, -inf]
    """
    ids = check_there(value, logits, "begin_suppress_tokens")
    if len(context) == begin:
        logits[ids] = -np.inf


@of_rows
def min_length(logits, value, context, eos_token_ids=()):
    """Ban the ends before the context has ``value`` tokens, prompt included. 0 is off.

    >>> min_length(np.zeros(3), 2, [1], eos_token_ids=[0]).tolist()
    [-inf, 0.0, 0.0]
    """
    check("min_length", COUNT_OR_0, value)
    if len(context) < value:
        logits[check_there(eos_token_ids, logits, "eos_token_id")] = -np.inf


@of_rows
def min_new_tokens(logits, value, output, eos_token_ids=()):
    """Ban the ends before there are ``value`` new tokens. 0 is off."""
    check("min_new_tokens", COUNT_OR_0, value)
    if len(output) < value:
        logits[check_there(eos_token_ids, logits, "eos_token_id")] = -np.inf


@of_rows
def forced_bos_token_id(logits, value, context):
    """Leave one token alone, with logit 0, behind a context of a single token (which
    translation models need: the language comes second).

    >>> forced_bos_token_id(np.ones(3), 2, [1]).tolist()
    [-inf, -inf, 0.0]
    """
    ids = check_ids(as_tuple(value), logits, "forced_bos_token_id")
    if len(context) == 1:
        _force(logits, ids)


@of_rows
def forced_eos_token_id(logits, value, context, limit=None):
    """Leave these tokens alone, with logit 0, where the next token is the last of
    ``limit``.

    >>> forced_eos_token_id(np.ones(3), 2, [1, 1], limit=3).tolist()
    [-inf, -inf, 0.0]
    """
    ids = check_ids(as_tuple(value), logits, "forced_eos_token_id")
    if limit is not None and len(context) == limit - 1:
        _force(logits, ids)


def _force(logits, ids):
    logits[:] = -np.inf
    logits[ids] = 0


@of_rows
def exponential_decay_length_penalty(logits, value, output, eos_token_ids=()):
    """Make the ends likelier with every new token i behind ``start``; ``value`` is
    ``(start, factor)``:

        z += abs(z) * (factor ** (i - start) - 1)

    A banned end stays banned (transformers 4.57 makes it NaN, 5 does as here).

    >>> z = np.array([-2.0, 1.0])
    >>> exponential_decay_length_penalty(z, (1, 1.5), [1, 1, 1], eos_token_ids=[0])
    array([0.5, 1. ])
    """
    start, factor = value
    beyond = len(output) - start
    if beyond > 0:
        most = float(np.finfo(logits.dtype).max) ** 0.5  # the product must be finite
        growth = min(float(np.float64(factor) ** beyond), most) - 1
        eos = check_there(eos_token_ids, logits, "eos_token_id")
        eos = eos[logits[eos] > -np.inf]
        logits[eos] += np.abs(logits[eos]) * growth


@of_rows
def prefix_allowed_tokens_fn(logits, value, context, batch_id=0):
    """Leave only the ids that ``value(batch_id, context)`` returns.

    >>> prefix_allowed_tokens_fn(np.zeros(3), lambda _, ids: [2], [1]).tolist()
    [-inf, -inf, 0.0]
    """
    allowed = list(value(batch_id, context))
    allowed = check_ids(allowed, logits, "prefix_allowed_tokens_fn")
    logits[np.setdiff1d(np.arange(len(logits)), allowed)] = -np.inf


def guidance_scale(logits, value, unconditional):
    """Away from what the model would say without the prompt (Sanchez et al.,
    arXiv:2306.17806): with log-probabilities c, and u of the text without its prompt,

        u + value * (c - u)

    1 is off.

    >>> c, u = np.log([0.5, 0.5]), np.log([0.8, 0.2])
    >>> np.exp(guidance_scale(c, 2.0, u)).round(4).tolist()    # 0.5 * 0.5 / 0.8, ...
    [0.3125, 1.25]
    """
    logits = check_rows(logits, "guidance_scale")
    if value == 1:
        return logits
    unconditional = check_rows(unconditional, "guidance_scale's unconditional")
    c, u = (log_softmax(z.astype(np.float64)) for z in (logits, unconditional))
    with np.errstate(invalid="ignore"):
        guided = u + value * (c - u)
    guided = np.where(c == -np.inf, -np.inf, guided)
    return check_rows(guided, "guidance_scale").astype(logits.dtype)


def renormalize_logits(logits, value=True):
    """The log-probabilities, which are logits of the same distribution."""
    logits = check_rows(logits, "renormalize_logits")
    return log_softmax(logits) if value else logits
