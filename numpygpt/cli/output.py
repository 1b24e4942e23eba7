"""Text to stdout, everything said about it to stderr.

A pipe gets the text as it is, and nothing else. A terminal obeys some characters, and a
model may write any: there they are spelled out (``--raw`` lets them through).
"""

import codecs
import itertools
import json
import math
import os
import sys

from .. import GenerationConfig
from ..decoding.constraints.choices import n_kept
from ..decoding.constraints.stopping import n_free, shown_text
from ..files.terminal import on_terminal, say, shown

# Shades of the 256 colours, from unlikely to likely, and the probabilities between.
SHADES = [(0.01, 196), (0.05, 208), (0.2, 220), (0.5, 150)]


def prepare():
    """Make the streams fit to be used. A closed one becomes one that leads nowhere, or
    the next file to be opened would get its number, and what we say would go there.
    (Without a stderr `input` reads nothing.)"""
    for number in 0, 1, 2:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it takes the lowest free number
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")
    for stream in sys.stdout, sys.stderr:
        if hasattr(stream, "reconfigure"):
            if on_terminal(stream):  # whatever it cannot show becomes "?"
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def note(text):
    """Say something about the text, where it does not get into the text."""
    say(f"[{text}]")


def write(text, raw=False, end=""):
    """Print text as it comes."""
    if not raw and on_terminal(sys.stdout):
        text = shown(text)
    print(text, end=end, flush=True)


def progress(n_prompt, limit):
    """Rules for stopping that never stop: they are called with the ids so far, and show
    on a terminal how many there are."""
    most = 0

    def watch(ids):
        nonlocal most
        if len(ids) - n_prompt > most:
            most = len(ids) - n_prompt
            text = f"\r[{most} of {limit} tokens]"
            print(text, end="", file=sys.stderr, flush=True)
        return False

    return [watch] if on_terminal(sys.stderr) else []


def erase():
    """Take the progress off the terminal: old consoles know no command for it."""
    if on_terminal(sys.stderr):
        print(f"\r{'':40}\r", end="", file=sys.stderr, flush=True)


def print_stream(args, model, tokenizer, ids, settings):
    """Print one continuation as it is drawn; returns ``[its new ids]``."""
    tokens = model.stream(ids, seed=args.seed, **settings)
    first, new = next(tokens), []  # what cannot be done fails before a word is printed

    config = GenerationConfig(**settings)

    def drawn():
        yield from ids[: n_kept(ids, config)]
        for token in itertools.chain([first], tokens):
            new.append(token)
            yield token

    n_prompt = len(tokenizer.decode(ids, skip_special_tokens=True))
    try:
        for piece in shown_text(drawn(), n_free(config, len(ids)), n_prompt, config):
            write(piece, args.raw)
    finally:  # Ctrl-C, too, leaves a clean line
        write("\n")
    if len(ids) + len(new) == model.config.n_ctx:
        note(f"the model's context of {model.config.n_ctx} tokens is full")
    return [new]


def print_all(args, model, tokenizer, ids, settings):
    """Print all continuations when they are done, between them the token that GPT-2
    knows as the end of a text; returns the new ids of each."""
    records = [*records_of(args, model, tokenizer, ids, settings)]
    new = [record["ids"] for record in records]
    if args.json:
        print("\n".join(map(json.dumps, records)), flush=True)
        return new
    for n, record in enumerate(records):
        write(f"\n{tokenizer.eos_token}\n" if n else "")
        write(record["prompt"], args.raw)
        if args.colour and on_terminal(sys.stdout) and not os.environ.get("NO_COLOR"):
            write(shaded(record, tokenizer, args.raw), raw=True)
        else:
            write(record["text"], args.raw)
    write("\n")
    if args.logprobs is not None:
        for record in records:
            say(table(record))
    return new


def records_of(args, model, tokenizer, ids, settings):
    """What ``--json`` prints: a dictionary for each continuation."""
    config = GenerationConfig(**settings)
    n_kept_ids = n_kept(ids, config)
    out = generated(args, model, ids, n_kept_ids, settings)
    prompt = tokenizer.decode(ids, skip_special_tokens=True)
    for k, (row, n) in enumerate(zip(out.sequences, out.lengths)):
        pieces = shown_text(row[:n], n_free(config, len(ids)), len(prompt), config)
        new = row[n_kept_ids:n].tolist()
        text = "".join(pieces)[len(prompt) :]
        record = {"prompt": prompt, "text": text, "ids": new}
        if args.logprobs is not None or args.colour:
            record["tokens"] = [tokenizer.decode([token]) for token in new]
            record["logprobs"] = out.logprobs[k, : len(new)].tolist()
        if args.logprobs is not None:
            record["top_logprobs"] = [named(t, tokenizer) for t in out.top_logprobs[k]]
            record |= of_prompt(ids, out.prompt_logprobs[0], tokenizer)
        yield record


def generated(args, model, ids, n_kept_ids, settings):
    """What `GPT2.generate` returns; its progress is shown."""
    limit = settings.get("max_new_tokens", settings.get("max_length"))
    rules = [*settings.get("stopping_criteria", []), *progress(n_kept_ids, limit)]
    settings = {**settings, "stopping_criteria": rules or None}
    asked = dict.fromkeys(["logprobs", "prompt_logprobs"], args.logprobs)
    try:
        return model.generate(
            ids, seed=args.seed, return_dict_in_generate=True, **settings, **asked
        )
    finally:
        erase()


def named(pairs, tokenizer):
    """``[(id, logprob), ...]`` with the tokens' texts, for people and for JSON."""
    return [
        {"id": i, "token": tokenizer.decode([i]), "logprob": logprob}
        for i, logprob in pairs
    ]


def of_prompt(ids, found, tokenizer):
    """The prompt's own numbers: of its first token nobody can say anything."""
    return {
        "prompt_ids": ids,
        "prompt_tokens": [tokenizer.decode([i]) for i in ids],
        "prompt_logprobs": [None] + [logprob for logprob, _ in found],
        "prompt_top_logprobs": [None] + [named(top, tokenizer) for _, top in found],
    }


def table(record):
    """Lines of ``logprob token  likeliest others``, the prompt's first."""
    lines = []
    for part in "prompt_", "":
        tokens, logprobs = record[f"{part}tokens"], record[f"{part}logprobs"]
        for token, logprob, top in zip(tokens, logprobs, record[f"{part}top_logprobs"]):
            if logprob is not None:
                others = "  ".join(f"{t['logprob']:.2f} {t['token']!r}" for t in top)
                where = "|" if part else " "
                lines.append(f"{where}{logprob:8.4f} {token!r:18} {others}".rstrip())
    return "\n".join(lines)


def shaded(record, tokenizer, raw=False):
    """The new text with every token in the colour of its probability."""
    decoder, out = codecs.getincrementaldecoder("utf-8")(errors="replace"), []
    left = len(record["text"])  # a stop string may have cut the last tokens off
    for token, logprob in zip(record["ids"], record["logprobs"]):
        piece = decoder.decode(tokenizer.decode_bytes([token], True))[:left]
        left -= len(piece)
        piece = piece if raw else shown(piece)
        code = next((c for p, c in SHADES if math.exp(logprob) < p), None)
        out.append(piece if code is None else f"\033[38;5;{code}m{piece}\033[0m")
    return "".join(out)
