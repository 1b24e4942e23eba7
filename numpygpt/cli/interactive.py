"""``-i``: a text that you and the model write in turns.

What you type is appended to the text, and the model goes on from there; an empty line
lets it go on by itself. The model's cache lives as long as the text: a turn reads only
what is new (`Kept`). Ctrl-C stops the model's turn, not the program.
"""

import contextlib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .. import GenerationConfig
from ..decoding import distribution
from ..decoding.constraints.stopping import n_free, shown_text
from ..decoding.generate import sample, stream_ids
from ..decoding.plumbing.settings import merge_config
from ..decoding.search.methods import method, wrapped
from ..files.hub import writing
from ..files.terminal import on_terminal
from ..layers import softmax
from .options import DEFAULTS
from .output import note, write
from .sentences import to_sentences

HELP = """\
TEXT             goes behind the text so far; then the model goes on
(an empty line)  the model goes on
/undo            take the last turn back
/again           the last turn once more, with other random numbers
/set NAME VALUE  change a setting: /set temperature 0.7; /set alone shows them
/why             the five likeliest tokens where the last one was chosen
/save FILE       write the text to a file
/quit            end, as Ctrl-D does. Ctrl-C stops the model's turn"""


class Kept:
    """A model that has one cache, which outlives the text it was made for: of the next
    text only what differs from the last one is read."""

    def __init__(self, model):
        self.model, self.config, self.unembed = model, model.config, model.unembed
        self.cache, self.seen = model.new_cache(), []  # seen: the ids in the cache
        self.is_new = True

    def new_cache(self):
        self.is_new = True
        return self.cache

    def hidden(self, sequences, caches):
        """As `GPT2.hidden`, for one sequence; of a new text, rows of the unread ids."""
        [ids] = map(list, sequences)
        if self.is_new:  # the last id is always read: the question is what follows it
            n = shared(self.seen, ids[:-1])
            self.cache.crop(n)
            self.seen, ids, self.is_new = self.seen[:n], ids[n:], False
        hidden = self.model.hidden([ids], caches)
        self.seen = self.seen + ids
        return hidden


def shared(one, other):
    """How many elements two lists begin with in common.

    >>> shared([1, 2, 3], [1, 2, 4, 5])
    2
    """
    for n, (a, b) in enumerate(zip(one, other)):
        if a != b:
            return n
    return min(len(one), len(other))


@dataclass
class Talk:
    """The text in the making, and all that it needs."""

    args: object
    model: object
    tokenizer: object
    settings: dict
    kept: Kept
    seeds: np.random.Generator
    ids: list = field(default_factory=list)
    turns: list = field(default_factory=list)  # (ids before, ids when the model began)
    saved: str | None = None

    @property
    def config(self):
        return merge_config(self.model.generation_config, None, self.settings)


def converse(args, model, tokenizer, prompt, settings):
    """Take turns until the input ends."""
    if sys.stdin is None:
        raise ValueError("stdin is closed: there is nobody to write in turns with")
    settings = {**settings, "num_return_sequences": 1}
    seeds = np.random.default_rng(args.seed)
    talk = Talk(args, model, tokenizer, settings, Kept(model), seeds)
    at_keyboard = on_terminal(sys.stdin)
    if at_keyboard:
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401  (input() then edits lines and has a history)
        note("type a text; an empty line lets the model go on; /help says more")
    elif hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="replace")
    if prompt:
        take(talk, prompt, echo=True)
    while True:
        try:
            line = input("> " if at_keyboard else "")
            if line.strip() in ("/quit", "/exit"):
                break
            take(talk, line, echo=not at_keyboard)
        except EOFError:
            break
        except KeyboardInterrupt:  # the line is dropped, or the command ends
            with contextlib.suppress(KeyboardInterrupt):  # some terminals send two
                write("\n")
    note(f"seed {args.seed}")


def take(talk, line, echo):
    """One line: a command or a turn. What cannot be done is said, and nothing else."""
    try:
        name, _, rest = line.strip().partition(" ")
        if name in COMMANDS:
            COMMANDS[name](talk, rest.strip())
        elif name.startswith("/"):
            raise ValueError(f"there is no {name}: {', '.join(COMMANDS)}, /quit")
        else:
            append(talk, line, echo)
    except (ValueError, OSError) as error:
        note(str(error))


def append(talk, line, echo):
    """The typed text goes behind the text so far, then the model's."""
    text = talk.tokenizer.decode(talk.ids[-8:])
    if line and text and not (text[-1].isspace() or line[0].isspace()):
        line = " " + line
    typed = talk.tokenizer.encode(line, disallowed_special=())
    start = talk.ids + typed
    if not start:
        from .command import encoded

        start = encoded("", talk.model, talk.tokenizer)
    if echo:
        write(line, talk.args.raw)
    go_on(talk, talk.ids, start)


def go_on(talk, before, start):
    """The model's turn behind the ids ``start``."""
    seed = int(talk.seeds.integers(2**32))
    n_ctx = talk.model.config.n_ctx
    most = talk.settings.get("max_new_tokens") or DEFAULTS["max_new_tokens"]
    seen = start[-max(1, n_ctx - min(most, n_ctx // 2)) :]  # the rest is out of sight
    settings = talk.settings
    if talk.args.whole_sentences:
        settings = to_sentences(settings, talk.tokenizer, len(seen))
    config = merge_config(talk.model.generation_config, None, settings)
    source = wrapped(talk.model, config)
    search = method(config)
    if source is talk.model and search is sample:
        source = talk.kept
    new, tokens = [], stream_ids(source, seen, config, search, seed=seed)
    talk.turns.append((before, start))
    try:
        n_new_free = n_free(config, len(seen)) - len(seen)
        for piece in shown_text(noted(tokens, new), n_new_free, 0, config):
            write(piece, talk.args.raw)
    except KeyboardInterrupt:
        pass
    finally:
        talk.ids = start + [i for i in new if i not in config.eos_token_ids]
        write("\n")


def noted(tokens, new):
    """Pass the tokens on, and note them in ``new``."""
    for token in tokens:
        new.append(token)
        yield token


def undo(talk, _):
    if not talk.turns:
        raise ValueError("there is nothing to take back")
    talk.ids, _ = talk.turns.pop()
    tail = talk.tokenizer.decode(talk.ids[-30:], True)
    note(f"back at ...{tail[-60:]!r}" if tail else "back at the beginning")


def again(talk, _):
    if not talk.turns:
        raise ValueError("there was no turn yet")
    go_on(talk, *talk.turns.pop())


def set_(talk, rest):
    """/set NAME VALUE, with the names of the options or of GenerationConfig."""
    name, _, value = rest.partition(" ")
    if not name:
        shown = {k: v for k, v in talk.settings.items() if not hasattr(v, "decode")}
        note(", ".join(f"{k} {v!r:.60}" for k, v in shown.items()))
        return
    name = name.lstrip("-").replace("-", "_")
    try:
        value = json.loads(value)
    except ValueError:
        pass  # a text
    settings = {**talk.settings, name: value}
    if name in ("num_return_sequences", "tokenizer", "stopping_criteria"):
        raise ValueError(f"{name} cannot be set here")
    method(GenerationConfig.known(**settings))
    talk.settings = settings
    note(f"{name} is {value!r}")


def why(talk, _):
    """The five likeliest tokens at the last step: the model's probability, and that
    with which it could be drawn, if that is known."""
    ids = talk.ids[-talk.model.config.n_ctx :]
    if len(ids) < 2:
        raise ValueError("nothing has been chosen yet")
    *context, chosen = ids
    hidden = talk.kept.hidden([context], [talk.kept.new_cache()])
    row = talk.kept.unembed(hidden[-1:])[0]
    p, drawn = softmax(row.astype(np.float64)), None
    with contextlib.suppress(ValueError):  # some methods have no law of one step
        drawn = distribution(row, context, talk.config)
    best = np.argsort(-p, kind="stable")[:5].tolist()
    for i in best if chosen in best else [*best, chosen]:
        token = talk.tokenizer.decode([i])
        odds = "" if drawn is None else f"  drawn with {drawn[i]:.3f}"
        mark = "  <- it was this" if i == chosen else ""
        note(f"{p[i]:.3f} {token!r:16}{odds}{mark}")


def save(talk, name):
    if not name:
        raise ValueError("/save FILE: which file?")
    if Path(name).exists() and name != talk.saved:
        raise ValueError(f"{name} exists already: give another name")
    text = talk.tokenizer.decode(talk.ids, True)
    with writing(name) as file:
        file.write(text.encode() + b"\n")
    talk.saved = name
    note(f"{len(text)} characters written to {name}")


COMMANDS = {
    "/help": lambda talk, _: note(HELP),
    "/undo": undo,
    "/again": again,
    "/set": set_,
    "/why": why,
    "/save": save,
}
