"""Speculative decoding: guess several tokens, check them in one pass.

One step of generation reads all weights to produce one token; checking five tokens that
somebody guessed reads them once too. So let something cheap guess: a small model
(`speculative`), or the text itself, which often repeats (`prompt_lookup`). The large
model then looks at all guesses in one pass, and those that it agrees with are kept.

It need not agree exactly. With q the distribution that the guess x was drawn from, and
p what the large model would have drawn from at that place (after all filters, both):

- accept x with probability min(1, p(x) / q(x));
- at the first refusal draw from what q gave too little, norm(max(p - q, 0)), and forget
  the guesses behind;
- if all are accepted, the same pass gives one more token for free, from p.

Then every token is distributed exactly by p, as if nobody had guessed. The proof adds
up the two ways in which x can come out:

- as a guess that is accepted, with probability q(x) * min(1, p(x) / q(x)), which is
  min(p(x), q(x));
- after a refusal. Refusals happen with probability R = 1 - sum(min(p, q)). The redraw
  takes x with probability max(p(x) - q(x), 0) / S, where S = sum(max(p - q, 0)) is what
  norm() divides by. But p = min(p, q) + max(p - q, 0) for every token, and p sums to 1,
  so S = 1 - sum(min(p, q)) = R: the two cancel, and max(p(x) - q(x), 0) is left.

Together that is p(x). Greedy decoding is the case where p and q are all on one token,
so its output does not change at all.

Papers: Leviathan et al., arXiv:2211.17192; Chen et al., arXiv:2302.01318; prompt
lookup: Saxena (2023). In every result, ``notes`` has a pair for each pass: how many
tokens were guessed, and how many accepted.

Try: draft with the same model. Why is everything accepted, and nothing gained?

Next: contrastive.py.
"""

from dataclasses import replace

import numpy as np

from ..constraints.stopping import fits
from ..generate import append, choose_token, prefill
from ..plumbing.checks import NothingLeft
from ..sampling import chain, point, probabilities, process, sample_token, target


def speculative(model, prompts, config, seed):
    """Guess with ``config.assistant_model``, a smaller one of the same vocabulary."""
    assistant = config.assistant_model
    ours, its = model.config.n_vocab, assistant.config.n_vocab
    if ours != its:
        raise ValueError(
            f"assistant_model must have the model's vocabulary of {ours}, not {its}"
        )
    sequences = prefill(model, prompts, config, seed)
    n = config.num_return_sequences
    drafters = {
        id(s): Drafter(assistant, s, config, batch_id=i // n)
        for i, s in enumerate(sequences)
    }

    def draft(sequence):
        return drafters[id(sequence)].draft(sequence, _room(sequence, model, config))

    yield from _decode(model, sequences, config, draft)


def prompt_lookup(model, prompts, config, seed):
    """Guess that what followed the last few tokens before follows them again."""
    longest = config.max_matching_ngram_size or 2

    def draft(sequence):
        n = min(config.prompt_lookup_num_tokens, _room(sequence, model, config))
        tokens = lookup(sequence.ids, n, longest, config.eos_token_ids)
        return tokens, [point(t, model.config.n_vocab) for t in tokens]

    yield from _decode(model, prefill(model, prompts, config, seed), config, draft)


def _decode(model, sequences, config, draft):
    """The loop. ``draft(sequence) -> tokens, distributions``: the guesses, and what
    each was drawn from. Yields when the sequences have grown, by one token or more."""
    live = sequences
    logits = model.unembed(np.stack([s.hidden[-1] for s in live]))
    for sequence, row in zip(live, logits):
        choose_token(sequence, row, config)
    yield sequences
    while live := [s for s in live if not s.done]:
        drafts = [draft(s) for s in live]
        new = [[s.ids[-1], *tokens] for s, (tokens, _) in zip(live, drafts)]
        logits = model.unembed(model.hidden(new, [s.cache for s in live]))
        for sequence, (tokens, drafted_from) in zip(live, drafts):
            rows, logits = logits[: len(tokens) + 1], logits[len(tokens) + 1 :]
            verify(sequence, tokens, drafted_from, rows, config)
            sequence.cache.crop(len(sequence.ids) - 1)  # forget what was refused
        yield sequences


def verify(sequence, tokens, drafted_from, rows, config):
    """Keep the guesses that pass and add one token that was not guessed.

    ``rows``: the model's logits at the places of the ``tokens`` and behind the last.
    """
    n_before = len(sequence.ids)
    for i, row in enumerate(rows):
        scores = process(row, sequence.ids, sequence.chain)
        p = target(scores, config)
        if i == len(tokens):
            token = sample_token(p, sequence.rng)
        else:
            token = accept_or_redraw(tokens[i], p, drafted_from[i], sequence.rng)
        append(sequence, token, row, scores, config)
        if sequence.done or i == len(tokens) or token != tokens[i]:
            break
    accepted = sequence.ids[n_before:]
    same = [a == b for a, b in zip(accepted, tokens)]
    sequence.notes.append((len(tokens), sum(same)))


def accept_or_redraw(token, p, q, rng):
    """A token that is distributed by ``p``, from one that was drawn from ``q``.

    >>> p, q, rng = np.array([0.5, 0.5]), np.array([1.0, 0.0]), np.random.default_rng(0)
    >>> [accept_or_redraw(0, p, q, rng) for _ in range(12)]
    [1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0]
    """
    # u < p / q; never `<=`: u may be 0, and then a token of p = 0 would pass.
    if rng.random() * q[token] < p[token]:
        return token
    rest = np.maximum(p - q, 0)
    return sample_token(rest, rng) if rest.any() else token  # p = q but for rounding


def lookup(ids, n_draft, longest, stop_ids=()):
    """Where did the last tokens stand before? What follows there, up to ``n_draft``
    tokens. Long matches first (up to ``longest`` tokens), then late ones. A copy that
    reaches the end of the text goes on with itself, so a short period is found too.

    >>> lookup([7, 1, 2, 3, 9, 1, 2], 2, 2)
    [3, 9]
    >>> lookup([5, 8, 8], 4, 2)
    [8, 8, 8, 8]
    """
    for n in range(min(longest, len(ids) - 1), 0, -1):
        for at in range(len(ids) - n - 1, -1, -1):
            if ids[at : at + n] == ids[-n:]:
                text = list(ids)
                while len(text) < len(ids) + n_draft:
                    token = text[at + n + len(text) - len(ids)]
                    if token in stop_ids:
                        break
                    text.append(token)
                return text[len(ids) :]
    return []


def _room(sequence, model, config):
    """How many guesses the model can check. More may be asked for than the text may
    still grow: were it otherwise, a longer text would not begin as a shorter one."""
    return fits(sequence.n_prompt, config, model.config.n_ctx) - len(sequence.ids)


class Drafter:
    """The small model's side of one sequence."""

    def __init__(self, model, sequence, config, batch_id):
        # What steers would have to forget what was refused.
        config = replace(config, mirostat=0, adaptive_target=None)
        self.model, self.config = model, config
        self.cache = model.new_cache()
        self.rng = np.random.default_rng(sequence.rng.integers(2**63))
        self.chain = chain(config, sequence.n_prompt, self.rng, batch_id)
        self.n = config.num_assistant_tokens

    def draft(self, sequence, room):
        """Up to ``num_assistant_tokens`` guesses; fewer when the small model is unsure
        of its last one, or has no room left."""
        ids, cache = list(sequence.ids), self.cache
        self._learn(sequence.notes)
        cache.crop(min(cache.n_tok, len(ids) - 1))
        n_known, drafted_from = len(ids), []
        room = min(room, self.model.config.n_ctx - len(ids) + 1)
        for _ in range(min(self.n, room)):
            hidden = self.model.hidden([ids[cache.n_tok :]], [cache])
            [row] = self.model.unembed(hidden[-1:])
            try:
                scores = process(row, ids, self.chain)
            except NothingLeft:  # only after this guess, which may yet be refused
                break
            drafted_from.append(target(scores, self.config))
            ids.append(sample_token(drafted_from[-1], self.rng))
            sure = probabilities(scores)[ids[-1]]
            if sure < self.config.assistant_confidence_threshold:
                break
        return ids[n_known:], drafted_from

    def _learn(self, notes):
        """The "heuristic" schedule: two more after a pass that accepted all, one fewer
        after any other."""
        if notes and self.config.num_assistant_tokens_schedule != "constant":
            guessed, accepted = notes[-1]
            self.n = self.n + 2 if guessed == accepted else max(1, self.n - 1)
