r"""GPT-2 on one page: from token ids to text, plainly. Read this first.

    python -m numpygpt.plain "Once upon a time"

**What it does.** A language model reads a row of tokens (words or pieces of words,
each a number) and says, for every token of its vocabulary, how likely it comes next.
Text is made by asking, taking a token, appending it, and asking again.

**What it was trained to do.** Just that. In a text of n tokens every position is an
exercise: the first i tokens are given, token i + 1 is to be guessed. The loss is the
mean of ``-log p(the token that came)``, and training changed the weights, step by
step, so that it fell. Grammar, names, facts: all of it came only because it helps to
guess the next token. Here the weights are finished and only used.

**The shape of it.** Every token gets a row of ``n_embd`` numbers, so a text is a
matrix ``x [n_tok, n_embd]``, called the *residual stream*. The model is a row of
blocks; each reads the stream and *adds* something to it, ``x = x + f(x)``. So a
block can leave alone what it has no use for, any later block can read what any earlier
one wrote, and in training the gradient reaches the first block through plain additions.

The weights are dictionaries inside dictionaries, under the names that GPT-2's own
checkpoint has: ``params["h"][0]["attn"]["c_attn"]["weight"]``. config.py has a list of
what the names stand for.

Papers: Vaswani et al., arXiv:1706.03762; Radford et al., "Language Models are
Unsupervised Multitask Learners" (2019).

Try: leave out ``+ wpe``. Set ``n_head`` to 1. What does the model still say?

Next: tokenizer.py. The table at the end says which file answers which question.
"""

import math

import numpy as np


def linear(x, weight, bias):
    """A linear layer: every output is a weighted sum of all inputs, plus a constant."""
    return x @ weight + bias  # [n_tok, n_in] @ [n_in, n_out] -> [n_tok, n_out]


def gelu(x):
    """A bent line: about 0 for negative x, about x for positive, smooth between.

    Without something bent between them two linear layers would be one linear layer:
    ``(x @ a) @ b`` is ``x @ (a @ b)``. GPT-2 uses this form with tanh, an approximation
    of ``x * Phi(x)`` (Hendrycks & Gimpel, arXiv:1606.08415).
    """
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


def softmax(x):
    """Scores -> positive weights that sum to 1: ``exp(x) / exp(x).sum()``, row by row.

    One more in the score multiplies the weight by e. Subtracting the largest score
    first changes nothing in the quotient, and exp cannot overflow.

    >>> softmax(np.array([0.0, 1.0, -np.inf])).round(2).tolist()
    [0.27, 0.73, 0.0]
    """
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def layer_norm(x, weight, bias):
    """Bring every row to mean 0 and variance 1, then stretch and shift it as learned.

    The stream grows as block after block adds to it. A norm in front of each layer
    gives the layer numbers of the same size at every depth; without it deep networks
    are hard to train (Ba et al., arXiv:1607.06450). In the first transformer it stood
    behind the addition. In front, as here, the stream itself stays a plain sum.
    """
    mean = x.mean(axis=-1, keepdims=True)  # [n_tok, 1]
    variance = x.var(axis=-1, keepdims=True)
    return weight * (x - mean) / np.sqrt(variance + 1e-5) + bias


def attention(x, n_head, c_attn, c_proj):
    """The only place where tokens exchange anything: ``[n_tok, n_embd]`` -> the same.

    Every token asks a question (its *query*), shows a label (its *key*) and holds a
    content (its *value*). A query is compared with all keys by a dot product; where
    they fit, much of that token's value is taken. The result is a mean of the values,
    weighted by ``softmax(query . key)``.

    Why several heads: one softmax makes one mean. Twelve small heads can look at twelve
    places at once, for the same arithmetic as one large one.

    Why divide by sqrt(d_head): a dot product of d random terms of variance 1 has the
    variance d. Undivided, the scores of 64 terms would be about 8 in size, and softmax
    would give nearly everything to one token and nearly no gradient to the others:

    >>> q, k = np.random.default_rng(0).standard_normal((2, 10_000, 64))
    >>> round(float((q * k).sum(axis=1).std()))
    8

    Why the mask is -inf: no token may look at what comes after it, or training would be
    copying. exp(-inf) is exactly 0. No row is all -inf, since a token sees itself; such
    a row would come out as NaN.
    """
    n_tok, n_embd = x.shape
    qkv = linear(x, **c_attn)  # three layers side by side: [n_tok, 3 * n_embd]
    # A row of q holds its heads side by side. reshape cuts it into heads, transpose
    # puts the head first: then q[0] is the matrix of head 0, [n_tok, d_head].
    q, k, v = (
        part.reshape(n_tok, n_head, -1).transpose(1, 0, 2)  # [n_head, n_tok, d_head]
        for part in np.split(qkv, 3, axis=-1)
    )
    scores = q @ k.transpose(0, 2, 1) / math.sqrt(n_embd // n_head)
    mask = np.triu(np.full((n_tok, n_tok), -np.inf, x.dtype), k=1)
    z = softmax(scores + mask) @ v  # [n_head, n_tok, n_tok] @ v -> as v
    z = z.transpose(1, 0, 2).reshape(n_tok, n_embd)  # the heads side by side again
    return linear(z, **c_proj)  # mixes what the heads found


def mlp(x, c_fc, c_proj):
    """What a token does by itself with what it has gathered, row by row.

    Attention only takes means of values. The MLP computes with them: each of its hidden
    numbers tests the row for one pattern, and where the pattern is there, gelu lets the
    answer through to be added. Four times as wide as the stream, as in the first
    transformer: a choice that proved good. Two thirds of a block's weights are here.
    """
    return linear(gelu(linear(x, **c_fc)), **c_proj)  # n_embd -> 4 * n_embd -> n_embd


def block(x, params, n_head):
    """Gather from the other tokens, then work on it; both are added to the stream."""
    x = x + attention(layer_norm(x, **params["ln_1"]), n_head, **params["attn"])
    return x + mlp(layer_norm(x, **params["ln_2"]), **params["mlp"])


def logits(ids, params, n_head):
    """The whole model: ids ``[n_tok]`` -> logits ``[n_tok, n_vocab]``; row i is about
    what follows ``ids[: i + 1]``.

    An *embedding* is a table with a row for every token: what the token means to the
    model, before any context. Attention alone does not see order (shuffle the keys and
    values, and the mean is the same), so a second table adds a row for each position.

    A *logit* is a score: ``softmax(logits[-1])`` are the probabilities of the next
    token. To get them, the last rows are compared, by dot product, with the embedding
    of every token; the same table serves at both ends ("weight tying", Press & Wolf,
    arXiv:1608.05859). So GPT-2 has 124 million weights in place of 163 million, and
    what is learned about a token at one end helps at the other.
    """
    wte, wpe = params["wte"]["weight"], params["wpe"]["weight"]
    if not 0 < len(ids) <= len(wpe):
        raise ValueError(f"{len(ids)} tokens: the context is 1 to {len(wpe)}")
    if min(ids) < 0 or max(ids) >= len(wte):
        raise ValueError(f"ids must be from 0 to {len(wte) - 1}: {list(ids)!r:.80}")
    x = wte[np.asarray(ids)] + wpe[: len(ids)]  # [n_tok, n_embd]
    for block_params in params["h"]:
        x = block(x, block_params, n_head)
    return layer_norm(x, **params["ln_f"]) @ wte.T  # [n_tok, n_vocab]


def generate(ids, params, n_head, n_new):
    """Greedy decoding: append the likeliest token, ``n_new`` times; returns all ids."""
    ids = list(ids)
    for _ in range(n_new):
        ids.append(int(np.argmax(logits(ids, params, n_head)[-1])))
    return ids


# Why this is not the end. What is slow or missing here, what it costs, who answers it:
#
#   every new token reads the whole text again    3 x the time (1)          cache.py
#   one text at a time                            8 at once: 3 x (1)        model.py
#   logits of all rows, where the last is asked   31 % of the weights       model.py
#   it makes squares [n_tok, n_tok], many arrays  prompt of 1000: 2 x (2)   fast/
#   the likeliest token only: soon it repeats     "a very good man, and"    decoding/
#   ids, not text; weights from nowhere           tokenizer.py, weights.py
#   GPT-2's own arithmetic only, no sibling's     config.py, activations.py
#
# (1) python scripts/benchmark.py --model fairytale --peers plain --cases decode
# (2) python scripts/benchmark.py --peers plain --cases prefill

if __name__ == "__main__":
    import sys

    from . import weights  # to run this page; these are told of later
    from .files import hub, terminal
    from .tokenizer import Tokenizer

    @terminal.without_traceback("numpygpt.plain")
    def main():
        folder = hub.find(hub.DEFAULT_MODEL)
        config, params = weights.load(folder)
        tokenizer = Tokenizer.from_pretrained(folder)
        prompt = tokenizer.encode(" ".join(sys.argv[1:]) or "Once upon a time")
        print(tokenizer.decode(generate(prompt, params, config.n_head, 100)))

    sys.exit(main())
