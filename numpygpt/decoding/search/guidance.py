"""Two models in one: steer by what a worse model would say.

Ask twice, once the model and once something that knows less, and go on in the direction
from the second answer to the first. The differences are what the better one knows.

- Classifier-free guidance (`Guided`): the second answer is that of the same model
  without the prompt, so the difference is the prompt's influence, and
  ``guidance_scale`` stretches it: ``u + scale * (c - u)`` on log-probabilities.
- DoLa (`Dola`): the second answer is that of an earlier layer of the same model; what
  the later layers changed their mind about is, often, the facts.

A model is anything with ``new_cache``, ``hidden`` and ``unembed``. These two are made
of another model, so every method works on them: sampling, beams, drafts. A "hidden" row
of theirs holds several rows of the model's side by side, and ``unembed`` makes logits
of them all.

What they give are logits like any model's, so a beam search normalises them before it
adds them up: a beam's score is ``log softmax(u + scale * (c - u))``, summed.
(transformers adds what guidance left, which is not the logarithm of any probability;
with ``renormalize_logits=True`` it does as we do.) And "the model" of ``output_logits``
and ``model_logprobs`` is, with them, the guided one.

Papers: Sanchez et al., arXiv:2306.17806; Chuang et al., arXiv:2309.03883.

Try: guidance_scale 1.5 and then 5 with a prompt of an unusual style.

Next: methods.py.
"""

import math

import numpy as np

from ...layers import log_softmax
from ...model import hidden_states
from ..plumbing.ranges import is_int
from ..rules.penalties import guidance_scale


class Guided:
    """Classifier-free guidance. ``without``: the ids to see instead of the prompt; by
    default its last token alone, as in transformers."""

    def __init__(self, model, scale, without=None):
        self.model, self.config = model, model.config
        self.scale, self.without = scale, without

    def new_cache(self):
        return TwoCaches(self.model.new_cache(), self.model.new_cache())

    def hidden(self, sequences, caches):
        """``[n_tok, 2 * n_embd]``: with the prompt, without it."""
        others = [
            self.without or ids[-1:] if cache.n_tok == 0 else ids
            for ids, cache in zip(sequences, caches)
        ]
        both = [c.text for c in caches] + [c.other for c in caches]
        rows = self.model.hidden([*sequences, *others], both)
        n = sum(map(len, sequences))
        pairs, theirs = [], rows[n:]
        for ids, other in zip(sequences, others):
            # The prompt's rows have no counterpart but the last; nobody asks for them.
            own, rows = rows[: len(ids)], rows[len(ids) :]
            last, theirs = theirs[: len(other)][-len(ids) :], theirs[len(other) :]
            pad = np.repeat(last[:1], len(ids) - len(last), axis=0)
            pairs.append(np.hstack([own, np.concatenate([pad, last])]))
        return np.concatenate(pairs)

    def unembed(self, hidden):
        with_prompt, without = np.split(hidden, 2, axis=1)
        logits = self.model.unembed(with_prompt)
        return guidance_scale(logits, self.scale, self.model.unembed(without))


class TwoCaches:
    """The caches of a text and of its other beginning, which grow together."""

    def __init__(self, text, other):
        self.text, self.other = text, other

    @property
    def n_tok(self):
        return self.text.n_tok

    def fork(self):
        return TwoCaches(self.text.fork(), self.other.fork())

    def crop(self, n_tok):
        self.other.crop(self.other.n_tok - (self.text.n_tok - n_tok))
        self.text.crop(n_tok)


class Dola:
    """Decoding by contrasting layers: ``log p(last layer) - log p(early layer)``, among
    the tokens that the last layer gives at least a tenth of its best's probability. Of
    several early layers the one is taken whose distribution differs most."""

    def __init__(self, model, layers):
        if not hasattr(model, "params"):
            raise ValueError(
                f"dola_layers contrasts layers, and a {type(model).__name__} has none"
            )
        self.model, self.config = model, model.config
        self.layers = early_layers(layers, model.config)

    def new_cache(self):
        return self.model.new_cache()

    def hidden(self, sequences, caches):
        """``[n_tok, (1 + n_early) * n_embd]``: the last layer's, the early layers'."""
        model = self.model
        states = list(hidden_states(sequences, caches, model.params, model.config))
        return np.hstack([states[-1], *(states[i] for i in self.layers)])

    def unembed(self, hidden):
        last, *early = np.split(hidden, 1 + len(self.layers), axis=1)
        last = log_softmax(self.model.unembed(last))
        # As in transformers, the early rows skip the final norm.
        early = np.stack([log_softmax(self.model.unembed(rows)) for rows in early])
        layer = divergence(last, early).argmax(axis=0)
        early = early[layer, np.arange(len(last))]
        border = last.max(axis=-1, keepdims=True) + math.log(0.1)
        return np.where(last >= border, last - early, last.dtype.type(-np.inf))


def divergence(p, q):
    """How different distributions are, from log-probabilities ``p [n_row, n_vocab]``
    and ``q [n_layer, n_row, n_vocab]``. With m the middle of both, the paper has the
    Jensen-Shannon divergence, ``(KL(p, m) + KL(q, m)) / 2``; its code has ``KL(m, p)``
    and ``KL(m, q)``, and so have transformers and this."""
    middle = np.logaddexp(p, q) - math.log(2)
    return (np.exp(middle) * (middle - (p + q) / 2)).sum(axis=-1)


def early_layers(layers, config):
    """The numbers of ``layers``: "low" (every second layer of the first half), "high"
    (of the second half), or numbers; 0 is the embedding. transformers' choice."""
    n = config.n_layer
    if layers == "low":
        # An embedding that is tied to the output repeats the token it was given.
        first = min(2, n - 1) if config.tie_word_embeddings else 0
        return list(range(first, n // 2 if n <= 40 else 20, 2)) or [first]
    if layers == "high":
        return list(range(n // 2 if n <= 40 else n - 20, n, 2))
    numbers = [] if isinstance(layers, str) else list(layers)
    if not numbers or not all(is_int(i, 0, n - 1) for i in numbers):
        raise ValueError(
            'dola_layers must be "low", "high" or a list of layers from 0 (the '
            f"embedding) to {n - 1}, not {layers!r:.80}"
        )
    return [*dict.fromkeys(numbers)]  # a second time costs memory and changes nothing
