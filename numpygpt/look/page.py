"""A page to look at: one HTML file with a run in it, which needs nothing else.

`page` puts what `inside` saw and page.html, page.css, chain.js and page.js together.
The page computes the chain of rules and filters itself (chain.js), so that a reader can
move a slider and see which tokens survive; for that it has the model's logits. What is
too large is left out, and the page says so at its end:

- of a vocabulary of more than 8,192 the 2,048 likeliest tokens stand one by one, behind
  every token; the others in some 1,300 groups of neighbours, each with its probability;
- attention weights are rounded to 1 / 65,535.

A text in the data must never become a part of the page, whatever it says: `as_script`
writes no ``<``, and a content security policy lets no other script run.

Next: __main__.py.
"""

import base64
import codecs
import hashlib
import html
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..decoding.config import GenerationConfig
from ..decoding.plumbing.ranges import as_tuple
from ..decoding.rules.table import (
    FILTERS,
    LLAMA_CPP,
    PRESETS,
    SETTINGS,
    STEPS,
    habits,
    is_on,
    known,
)
from ..files.hub import writing
from ..layers import softmax
from . import views
from .merges import pieces, readable, token_texts

HERE = Path(__file__).parent
MOST_TOKENS = 256  # of a text: attention grows with the square
LISTED = 2048  # tokens that stand one by one, of a vocabulary too large for all
ALL_LISTED = 8192  # up to so many, all of them do
MOST_VOCAB = 65536  # ids are stored in 16 bits
LENS_TOP = 5
# The links that chain.js knows, and for each of their settings the slider: from, to,
# step, and where it starts when switched on.
SLIDERS = {
    "repetition_penalty": (0.5, 2, 0.01, 1.2),
    "frequency_penalty": (-2, 2, 0.01, 0.5),
    "presence_penalty": (-2, 2, 0.01, 0.5),
    "dry_multiplier": (0, 3, 0.05, 0.8),
    "dry_base": (1, 3, 0.05, 1.75),
    "dry_allowed_length": (1, 8, 1, 2),
    "no_repeat_ngram_size": (0, 8, 1, 2),
    "temperature": (0.05, 3, 0.05, 0.8),
    "dynatemp_range": (0, 2, 0.05, 0.5),
    "dynatemp_exponent": (0.1, 3, 0.1, 1),
    "top_h": (0, 1, 0.01, 0.5),
    "top_k": (0, 200, 1, 40),
    "top_p": (0, 1, 0.01, 0.9),
    "min_p": (0, 1, 0.01, 0.1),
    "top_a": (0, 1, 0.01, 0.2),
    "typical_p": (0, 1, 0.01, 0.9),
    "epsilon_cutoff": (0, 0.1, 0.001, 0.01),
    "eta_cutoff": (0, 0.1, 0.001, 0.01),
    "top_n_sigma": (0, 8, 0.1, 3),
    "xtc_probability": (0, 1, 0.01, 0.5),
    "xtc_threshold": (0, 0.5, 0.01, 0.1),
}
LEAST = {"temperature": 0.01, "repetition_penalty": 0.01, "dynatemp_exponent": 0.01,
         "dry_base": 1, "dry_allowed_length": 1}  # fmt: skip
SHARES = {"top_h", "top_p", "min_p", "top_a", "typical_p", "epsilon_cutoff",
          "eta_cutoff", "xtc_probability", "xtc_threshold"}  # fmt: skip


def page(run, tokenizer, n_prompt=1, config=None, notes=None):
    """The page of a `Run`, as text.

    ``n_prompt``: how many of its ids are the prompt. ``config``: the GenerationConfig
    that continued it, where the sliders start. ``notes``: those of a beam search from
    the same prompt, one sequence's. ``ValueError``: a text or a vocabulary too large.
    """
    n_tok, n_vocab = run.logits.shape
    if n_tok > MOST_TOKENS:
        raise ValueError(
            f"a page shows at most {MOST_TOKENS} tokens, this text has {n_tok}: "
            "shorten it, or ask for fewer new tokens"
        )
    if n_vocab > MOST_VOCAB:
        raise ValueError(
            f"a page can name at most {MOST_VOCAB} tokens, this vocabulary has "
            f"{n_vocab}"
        )
    config = config or GenerationConfig()
    script = (HERE / "chain.js").read_text(encoding="utf-8") + (
        HERE / "page.js"
    ).read_text(encoding="utf-8")
    script = "\n" + script + "\n"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    data = page_data(run, tokenizer, n_prompt, config, notes)
    parts = {
        "title": html.escape("numpygpt: " + "".join(data["tokens"][:12])),
        "policy": "default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'",
        "css": (HERE / "page.css").read_text(encoding="utf-8"),
        "data": as_script(data),
        "script": script[1:-1],
    }
    template = (HERE / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def write(path, text):
    """Write a page, whole or not at all."""
    with writing(path) as file:
        file.write(text.encode())


def as_script(data):
    """Data as JSON that is safe inside a script element: no ``<`` can close it, no
    ``&`` is an entity, and everything beyond ASCII is escaped.

    >>> print(as_script(["</script>", "&", "\u2028"]))
    ["\\u003c/script\\u003e","\\u0026","\\u2028"]
    """
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def page_data(run, tokenizer, n_prompt, config, notes):
    """All that the page shows. page.js says what it is."""
    model, ids = run.model.config, run.ids.tolist()
    n_tok, n_vocab = run.logits.shape
    logits = run.logits.astype(np.float32)
    sizes = {"n_tok": n_tok, "n_prompt": n_prompt, "n_vocab": n_vocab,
             "n_layer": model.n_layer, "n_head": model.n_head}  # fmt: skip
    return {
        **sizes,
        **listed(logits, ids),
        **chain_data(config, tokenizer),
        "ids": ids,
        "tokens": token_texts(tokenizer, ids),
        "vocabulary": vocabulary(tokenizer, n_vocab),
        "attention": packed(triangles(run), "<u2"),
        "lens": lens_data(run),
        "beams": notes and {
            "tree": views.beams(notes, tokenizer),
            "about": "What a beam search from the same prompt looked at.",
        },
        **pieces_data(tokenizer, ids),
        "about": about(run, n_prompt, config),
        "holds": [*holds(n_vocab, config, notes)],
    }  # fmt: skip


def packed(array, dtype):
    """Numbers as base64, little-endian."""
    return base64.b64encode(np.ascontiguousarray(array, dtype).tobytes()).decode()


def vocabulary(tokenizer, n_vocab):
    """How to show every id that the model has a logit for."""
    known = {i: token for token, i in tokenizer.vocab.items()}
    texts = token_texts(tokenizer, [i for i in range(n_vocab) if i in known])
    texts = iter(texts)
    return [next(texts) if i in known else f"id {i}" for i in range(n_vocab)]


def listed(logits, ids):
    """``logits [n_tok, n_entry]``; where not all tokens are entries of their own,
    ``listed [n_tok, n_listed]``, the ids of those that are, and ``groups``: how many
    tokens each of the other entries stands for."""
    n_tok, n_vocab = logits.shape
    if n_vocab <= ALL_LISTED:
        return {"logits": packed(logits, "<f4"), "n_entry": n_vocab, "groups": []}
    wanted = logits.copy()
    wanted[:, ids] = np.inf  # what stands in the text is listed in any case
    first = np.sort(likeliest(wanted, LISTED), axis=1)
    np.put_along_axis(wanted, first, np.inf, axis=1)
    rest = np.sort(wanted, axis=1)[:, -LISTED - 1 :: -1].astype(np.float64)
    edges = group_edges(n_vocab - LISTED)
    sizes = np.diff([*edges, n_vocab - LISTED])
    top = rest.max(axis=1, keepdims=True)  # the mean weight of a group, as a logit
    sums = np.add.reduceat(np.exp(rest - top), edges, axis=1)
    groups = np.log(np.maximum(sums / sizes, 1e-300)) + top
    entries = np.concatenate(
        [np.take_along_axis(logits, first, axis=1), groups], axis=1
    )
    return {
        "logits": packed(entries, "<f4"), "n_entry": entries.shape[1],
        "listed": packed(first, "<u2"), "groups": sizes.tolist(),
    }  # fmt: skip


def group_edges(n):
    """Where groups begin, in tokens that are sorted and come behind the listed ones:
    each holds 1 / 400 of the tokens that are likelier."""
    edges = [0]
    while (step := edges[-1] + max(1, (LISTED + edges[-1]) // 400)) < n:
        edges.append(step)
    return edges


def chain_data(config, tokenizer=None):
    """The links with their sliders, the orders with their habits, and the run's own
    settings."""
    links = {}
    for name, row in STEPS.items():
        if row.settings[0].name in SLIDERS:
            settings = [slider(s) for s in row.settings if s.name in SLIDERS]
            links[name] = {
                "name": name, "filter": row in FILTERS, "settings": settings
            }  # fmt: skip
    orders = {name: [x for x in order if x in links] for name, order in PRESETS.items()}
    settings = {}
    for name in SLIDERS:
        value = getattr(config, name)
        settings[name] = SETTINGS[name].default if value is None else value
    settings["do_sample"] = config.do_sample
    if not settings["temperature"]:  # 0 is greedy
        settings["temperature"] = 1.0
    order = config.chain
    if not isinstance(order, str) or order not in orders:
        names = [order] if isinstance(order, str) else order
        own = [name for name in names if not callable(name) and name in links]
        orders["of the run"], order = own, "of the run"
    chains = {name: config.chain if name == "of the run" else name for name in orders}
    return {
        "links": links, "orders": orders, "order": order, "settings": settings,
        "habits": {
            name: habits_of(replace(config, chain=chain, tokenizer=tokenizer))
            for name, chain in chains.items()
        },
    }  # fmt: skip


def habits_of(config):
    """How the rules of a chain work, where the two presets differ: how far penalties
    look back, whether the prompt counts, what breaks a repeat, what becomes of ties."""
    with_dry = replace(config, dry_multiplier=1.0, mirostat=0)
    found = known(with_dry)
    names = ("penalty_last_n", "dry_last_n", "prompt_counts", "ties", "beyond")
    return {name: found[name] for name in names} | {
        "breakers": [[*as_tuple(breaker)] for breaker in found["breakers"]],
        "sigma_0_is_off": habits(config) is LLAMA_CPP,
    }


def slider(setting):
    """What page.js has to know of a setting."""
    name = setting.name
    low, high, step, start = SLIDERS[name]
    return {
        "name": name, "default": setting.default, "needs": setting.needs,
        "help": setting.help, "min": low, "max": high, "step": step, "start": start,
        "least": LEAST.get(name, 0 if low >= 0 else None),
        "most": 1 if name in SHARES else None,
        "whole": setting.type in (int, int | None),
    }  # fmt: skip


def triangles(run):
    """All attention weights that can be other than 0, row by row:
    ``[n_layer, n_head, n_tok * (n_tok + 1) / 2]``, as 16-bit shares of 65,535."""
    n_tok = len(run.ids)
    rows, columns = np.tril_indices(n_tok)
    layers = [run["pattern", i] for i in range(run.model.config.n_layer)]
    return np.rint(np.stack([p[:, rows, columns] for p in layers]) * 65535)


def lens_data(run):
    """The likeliest tokens after every layer; rank and probability of the answer."""
    answer = run.lens[-1].argmax(axis=-1)[:, None]  # [n_tok, 1]
    n_top = min(LENS_TOP, run.lens.shape[-1])
    top, top_p, rank, answer_p = [], [], [], []
    for rows in run.lens:  # [n_tok, n_vocab]
        p = softmax(rows.astype(np.float64))
        best = likeliest(rows, n_top)
        at = np.take_along_axis(rows, answer, axis=1)
        top.append(best)
        top_p.append(np.take_along_axis(p, best, axis=1))
        rank.append(1 + np.count_nonzero(rows > at, axis=1))
        answer_p.append(np.take_along_axis(p, answer, axis=1))
    return {
        "n_top": n_top, "ids": packed(top, "<u2"), "p": packed(top_p, "<f4"),
        "rank": packed(rank, "<u4"), "answer_p": packed(answer_p, "<f4"),
    }  # fmt: skip


def likeliest(rows, n):
    """The ids of the ``n`` largest of every row, the largest first."""
    some = np.argpartition(rows, -n, axis=1)[:, -n:]
    values = np.take_along_axis(rows, some, axis=1)
    return np.take_along_axis(some, np.lexsort((some, -values), axis=1), axis=1)


def pieces_data(tokenizer, ids):
    """``pieces``: what the tokenizer makes of the text; ``piece_of``: for each token
    the piece that its last byte lies in."""
    found = pieces(tokenizer, tokenizer.decode(ids))
    for piece in found:
        piece["text"] = readable(piece["text"].encode())
    ends = np.cumsum([len(piece["bytes"]) for piece in found])
    decoder, n_done, last = codecs.getincrementaldecoder("utf-8")("replace"), 0, []
    for i in ids:
        n_done += len(decoder.decode(tokenizer.decode_bytes([i])).encode())
        is_between = not decoder.getstate()[0]  # two characters, not inside one
        last.append(n_done - is_between)
    piece_of = np.minimum(np.searchsorted(ends, last, side="right"), len(found) - 1)
    return {"pieces": found, "piece_of": piece_of.tolist()}


def about(run, n_prompt, config):
    """One line on the model and the method."""
    c, n_new = run.model.config, len(run.ids) - n_prompt
    way = "beam search" if config.num_beams > 1 else "draws" if config.do_sample else (
        "the likeliest tokens"
    )  # fmt: skip
    text = f"A prompt of {n_prompt} tokens and {n_new} new ones"
    text += f", chosen by {way}. " if n_new else ". "
    return text + (
        f"The model is a GPT-2 with {c.n_layer} layers of {c.n_head} heads, "
        f"{c.n_embd} numbers a token, and a vocabulary of {c.n_vocab} tokens."
    )


def holds(n_vocab, config, notes):
    """What the page has, and what was left out."""
    yield (
        "All numbers are of one pass of the model over the whole text; the sliders "
        "compute with its logits (32-bit numbers), as numpygpt.decoding does."
    )
    if n_vocab <= ALL_LISTED:
        yield f"All {n_vocab} tokens of the vocabulary stand behind every token."
    else:
        yield (
            f"Left out: of the vocabulary of {n_vocab} the {LISTED} likeliest tokens "
            "stand one by one behind every token, the others in groups of neighbours, "
            "which a filter keeps or removes together."
        )
    yield (
        f"Attention weights are rounded to 1/65535; the lens keeps the {LENS_TOP} "
        "likeliest tokens of every layer."
    )
    if others := beyond(config):
        yield (
            f"The run used {', '.join(others)} too, which the sliders leave out: they "
            "start from the model's own logits."
        )
    if not notes:
        yield "There was no beam search, so there is no tree."


def beyond(config):
    """What of a run's settings changes its tokens, and has no slider here."""
    names = [name for name in STEPS if STEPS[name].settings[0].name not in SLIDERS]
    names = [name for name in names if is_on(name, config)]
    others = {"guidance_scale": 1, "dola_layers": None, "regex": None, "choices": None,
              "min_keep": 0, "penalty_alpha": None}  # fmt: skip
    return names + [
        x for x, off in others.items() if getattr(config, x) not in (None, off)
    ]
