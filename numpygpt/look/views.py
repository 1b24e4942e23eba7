"""What is worth knowing of a run, as plain data: what ``--json`` prints, and what the
terminal, the page and the notebook show.

Every function returns dictionaries and lists of numbers and texts. Token texts are
readable ones: see `merges.readable`.

Next: show.py.
"""

import numpy as np

from ..decoding.sampling import probabilities
from .beams import tree
from .inside import check_layer
from .merges import token_texts


def attention(run, tokenizer, layer, head):
    """One head: ``tokens``, and ``pattern [n_tok, n_tok]``, a row a query."""
    layer = check_layer(layer, run.model.config.n_layer)
    check_head(head, run.model.config.n_head)
    tokens = token_texts(tokenizer, run.ids)
    pattern = run["pattern", layer][head].astype(float).tolist()
    return {
        "tokens": tokens, "n_layer": run.model.config.n_layer, "layer": layer,
        "head": head, "pattern": pattern,
    }  # fmt: skip


def check_head(head, n_head):
    if not 0 <= head < n_head:
        raise ValueError(f"head must be from 0 to {n_head - 1}, not {head}")


def strongest(run, tokenizer, layer=None):
    """All heads, or those of one layer, the one with the strongest single look first:
    ``tokens``, ``n_layer``, ``heads``.

    A look goes from a token to an earlier one. The first token does not count: heads
    that have nothing to look for rest there. ``previous``, ``itself`` and ``first``:
    how much of its attention a head gives those on average, over all tokens but the
    first."""
    tokens, heads = token_texts(tokenizer, run.ids), []
    for number, head, pattern in _patterns(run, layer):
        looks = np.tril(pattern, k=-1)
        looks[:, 0] = 0
        at, to = np.unravel_index(np.argmax(looks), looks.shape)
        heads.append({
            "layer": number, "head": head, "from": int(at), "to": int(to),
            "weight": float(looks[at, to]),
            "previous": _mean(np.diagonal(pattern, -1)),
            "itself": _mean(np.diagonal(pattern)[1:]),
            "first": _mean(pattern[1:, 0]),
        })  # fmt: skip
    heads.sort(key=lambda h: -h["weight"])
    return {"tokens": tokens, "n_layer": run.model.config.n_layer, "heads": heads}


def looks(run, tokenizer, at, layer=None, n=3):
    """What token ``at`` looks at in all heads, or in those of one layer: ``tokens``,
    ``at``, ``n_layer``, ``heads``, the one with its strongest look first.

    A head has ``looks``: the ``n`` strongest as ``[number of the token, weight]``,
    itself and the first token left out; ``itself`` and ``first`` are these two."""
    at, heads = check_at(at, len(run.ids)), []
    for number, head, pattern in _patterns(run, layer):
        row = pattern[at]
        best = sorted(range(1, at), key=lambda i, row=row: -row[i])[:n]
        heads.append({
            "layer": number, "head": head, "looks": [[i, float(row[i])] for i in best],
            "itself": float(row[at]), "first": float(row[0]),
        })  # fmt: skip
    heads.sort(key=lambda h: -h["looks"][0][1] if h["looks"] else 0)
    return {
        "tokens": token_texts(tokenizer, run.ids), "at": at,
        "n_layer": run.model.config.n_layer, "heads": heads,
    }  # fmt: skip


def check_at(at, n_tok):
    """The token's number from 0; negative ones count from the end."""
    if not -n_tok <= at < n_tok:
        raise ValueError(f"at must be from {-n_tok} to {n_tok - 1}, not {at}")
    return at % n_tok


def _patterns(run, layer):
    """``(layer, head, pattern)`` of every head, or of those of one layer."""
    n_layer = run.model.config.n_layer
    layers = range(n_layer) if layer is None else [check_layer(layer, n_layer)]
    for number in layers:
        for head, pattern in enumerate(run["pattern", number].astype(float)):
            yield number, head, pattern


def _mean(numbers):
    return float(numbers.mean()) if len(numbers) else 0.0


def lens(run, tokenizer, at=-1, n=5):
    """What every layer would say behind token ``at``: ``tokens``, ``at``, ``answer``
    (the model's likeliest next token), ``layers`` (``after``, ``top``: the ``n``
    likeliest as ``[text, p]``, ``p`` and ``rank`` of the answer, rank 1 the best), and
    ``settled``: the index in ``layers`` from which on the answer stays the best."""
    at = check_at(at, len(run.ids))
    rows = run.lens[:, at]
    answer = int(np.argmax(rows[-1]))
    layers = []
    for number, row in enumerate(rows):
        p = probabilities(row)
        layers.append({
            "after": f"block {number - 1}" if number else "the embedding",
            "top": top(p, tokenizer, n), "p": float(p[answer]),
            "rank": 1 + int(np.count_nonzero(row > row[answer])),
        })  # fmt: skip
    settled = len(layers) - 1
    while settled and layers[settled - 1]["rank"] == 1:
        settled -= 1
    return {
        "tokens": token_texts(tokenizer, run.ids), "at": at, "settled": settled,
        "answer": token_texts(tokenizer, [answer])[0], "layers": layers,
    }  # fmt: skip


def top(p, tokenizer, n):
    """The ``n`` likeliest tokens as ``[text, p]``."""
    best = np.argsort(-p, kind="stable")[:n]
    best = best[p[best] > 0]
    return [[t, float(p[i])] for t, i in zip(token_texts(tokenizer, best), best)]


def steps(found, tokenizer, n=5):
    """`steps.steps`' result: a dictionary for each new token. ``links``: ``name``,
    ``left`` and ``removed`` (how many tokens), ``mass`` (the probability of the removed
    before), ``bits`` (the entropy behind), ``last_kept`` and ``best_removed`` (on both
    sides of the border, ``[text, p]`` before the link)."""
    return [_step(step, number, tokenizer, n) for number, step in enumerate(found, 1)]


def _step(step, number, tokenizer, n):
    p, token = step.drawn_from, step.token
    return {
        "step": number,
        "context": token_texts(tokenizer, step.context),
        "offered": top(step.offered, tokenizer, n),
        "links": [_link(link, tokenizer) for link in step.links],
        "drawn_from": top(p, tokenizer, n),
        "token": token_texts(tokenizer, [token])[0],
        "id": token,
        "p": float(p[token]),
        "offered_p": float(step.offered[token]),
        "rank": 1 + int(np.count_nonzero(step.offered > step.offered[token])),
        "draft": step.draft,
    }


def _link(link, tokenizer):
    border = {}
    if len(link.removed):
        before = link.before
        kept = link.left[np.argmin(before[link.left])]
        gone = link.removed[np.argmax(before[link.removed])]
        for name, token in ("last_kept", kept), ("best_removed", gone):
            text = token_texts(tokenizer, [token])[0]
            border[name] = [text, float(before[token])]
    return {
        "name": link.name, "left": len(link.left), "removed": len(link.removed),
        "mass": link.mass, "bits": link.bits, **border,
    }  # fmt: skip


def beams(notes, tokenizer):
    """The tree of a beam search: nested dictionaries ``text, score, step, place,
    fate, died, alive, children``. ``place``: among those kept at its step, 1 the best;
    ``fate``: kept, finished or dropped; ``died``: when and why a beam that was kept
    went no further; ``alive``: it led to a text that finished, or was still going."""
    return [_node(node, tokenizer) for node in tree(notes)]


def _node(node, tokenizer):
    return {
        "text": token_texts(tokenizer, [node.token])[0], "score": node.score,
        "step": node.step, "place": node.place, "fate": node.fate, "died": node.died,
        "alive": node.is_alive(),
        "children": [_node(child, tokenizer) for child in node.children],
    }  # fmt: skip
