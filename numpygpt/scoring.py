"""How surprised is a model? Loss, perplexity, bits, and choosing between answers.

A language model gives every next token a probability p. Its surprise at the token
that came is ``-log p``: 0 if it was certain, large if it thought the token unlikely.
Everything that is said about how good a language model is, is an average of that:

    loss            the mean, in nats a token: what training makes small
    perplexity      exp(loss): as if it chose among so many equally likely tokens
    bits per byte   the sum / log 2 / bytes of text: how far it would compress the text

The first two depend on how the text is cut into tokens, so two models can only be
compared by them if they share a tokenizer. Bits per byte can always be compared.

A text longer than the context is read through a window that moves on by ``stride``
tokens; a window scores only the tokens that the one before it has not. A stride of
the whole window is fast, but the first tokens of each window are guessed nearly
blind; a small one gives every token a long past, and costs ``n_ctx / stride`` times
the work. On WikiText-2, GPT-2 large has a perplexity of 19.44 with a stride of 1024
and 16.44 with 512: say which one you used.

Try: the perplexity of a sentence, and of its words in reverse order.
"""

import math

import numpy as np

from .checks import integers, must
from .layers import log_softmax


def as_array(values, name):
    """An array; ValueError, with the argument's ``name``, if it is no rectangle."""
    try:
        return np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} must be an array, not {values!r:.80}") from None


def as_floats(logits):
    """An array of numbers; integers count as such."""
    logits = as_array(logits, "logits")
    must("logits", logits, logits.dtype.kind in "fiub", "an array of numbers")
    return logits if logits.dtype.kind == "f" else logits.astype(np.float64)


def nll(logits, targets):
    """``-log p(target)`` in nats, ``[n_tok]``, of ``logits [n_tok, n_vocab]``."""
    logits, targets = as_floats(logits), as_array(targets, "targets")
    if logits.ndim != 2 or targets.shape != logits.shape[:1]:
        raise ValueError(
            f"logits must be [n_tok, n_vocab] and targets [n_tok], not "
            f"{list(logits.shape)} and {list(targets.shape)}"
        )
    if targets.dtype.kind not in "iu":
        raise ValueError(f"targets must be integers, not {targets.dtype}")
    if targets.size and not 0 <= targets.min() <= targets.max() < logits.shape[1]:
        raise ValueError(f"targets must be ids from 0 to {logits.shape[1] - 1}")
    found = -np.take_along_axis(log_softmax(logits), targets[:, None], axis=1)[:, 0]
    if np.isnan(found).any():
        raise ValueError("logits are NaN or +inf: are the model's weights damaged?")
    return found


def loss(logits, targets, ignore_index=-100):
    """Mean surprise in nats a token. Targets equal to ``ignore_index`` do not count;
    if none counts there is no mean, and the result is nan.

    Row i of ``logits [n_tok, n_vocab]`` is the guess at ``targets[i]``: for a model's
    loss on a text, ``loss(model(ids)[:-1], ids[1:])``. Several texts of equal length,
    ``[n_row, n_tok, n_vocab]`` and ``[n_row, n_tok]``, have one mean over all tokens.

    >>> loss(np.array([[0.0, 0.0], [5.0, 1.0]]), [1, -100]) == math.log(2)
    True
    """
    logits, targets = as_floats(logits), as_array(targets, "targets")
    ok = isinstance(ignore_index, (int, np.integer, type(None)))
    must("ignore_index", ignore_index, ok, "an integer")
    if targets.shape != logits.shape[:-1]:
        raise ValueError(
            f"targets must have the shape of logits without n_vocab, "
            f"{list(logits.shape[:-1])}, not {list(targets.shape)}"
        )
    logits, targets = logits.reshape(-1, logits.shape[-1]), targets.ravel()
    counts = targets != ignore_index
    if not counts.any():
        return math.nan
    return float(nll(logits[counts], targets[counts]).mean(dtype=np.float64))


def spans(n_tok, n_ctx, stride):
    """The windows over a text: ``(begin, end, how many of its last tokens to score)``.

    A window holds what the model reads, ``n_ctx`` tokens, and one more to guess. The
    first token of all has no past, so nobody guesses it.

    >>> list(spans(10, n_ctx=4, stride=2))
    [(0, 5, 4), (2, 7, 2), (4, 9, 2), (5, 10, 1)]
    """
    for name, value in ("n_tok", n_tok), ("n_ctx", n_ctx):
        must(name, value, isinstance(value, (int, np.integer)), "an integer")
    ok = isinstance(stride, (int, np.integer)) and 0 < stride <= n_ctx
    must("stride", stride, ok, f"from 1 to {n_ctx}")
    done = 1
    while done < n_tok:
        end = min(n_tok, n_ctx + 1 if done == 1 else done + stride)
        yield max(0, end - n_ctx - 1), end, end - done
        done = end


def nlls(model, ids, stride=None):
    """The surprise at each of ``ids[1:]``, ``[n_tok - 1]`` nats, with a moving window.

    ``stride``: by how many tokens it moves, half the context by default.
    """
    must("model", model, hasattr(model, "unembed"), "a GPT2")
    n_ctx, ids = model.config.n_ctx, np.array([*integers(ids)])
    stride = max(1, n_ctx // 2) if stride is None else stride
    out = []
    for begin, end, n_new in spans(len(ids), n_ctx, stride):
        hidden = model.hidden([ids[begin : end - 1]], [model.new_cache()])
        logits = model.unembed(hidden[-n_new:])
        out.append(nll(logits, ids[end - n_new : end]))
    return np.concatenate(out) if out else np.zeros(0)


def perplexity(model, ids, stride=None):
    """``exp`` of the mean surprise at ``ids[1:]``; see `nlls` for ``stride``."""
    ids = [*integers(ids)]
    if len(ids) < 2:
        raise ValueError(f"ids must be at least 2 tokens, not {len(ids)}")
    mean = nlls(model, ids, stride).mean(dtype=np.float64)
    try:
        return math.exp(mean)
    except OverflowError:  # beyond the largest float
        return math.inf


def rank(model, prompt, answers, per_token=False):
    """Which answer would the model give? ``[(score, index), ...]``, likeliest first.

    ``prompt``: ids, at least one; ``answers``: lists of ids that could follow it. The
    score is ``log p(answer | prompt)``, the sum over its tokens. Long answers have
    more factors and so lose against short ones; ``per_token=True`` takes the mean.
    """
    must("model", model, callable(model), "a GPT2")
    several = isinstance(answers, (list, tuple)) or np.ndim(answers) == 2
    must("answers", answers, several, "a list of lists of ids")
    prompt, answers = [*integers(prompt)], [[*integers(a)] for a in answers]
    if not prompt or not all(answers):
        raise ValueError("prompt and every answer must have at least one token")
    scores = []
    for answer in answers:
        logits = model([*prompt, *answer][:-1])[len(prompt) - 1 :]
        score = -float(nll(logits, answer).sum(dtype=np.float64))
        scores.append(score / len(answer) if per_token else score)
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return [(scores[i], i) for i in order]
