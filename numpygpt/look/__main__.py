"""See it think, in the terminal: ``python -m numpygpt.look WHAT TEXT``.

    tokens      what the tokenizer makes of the text, merge by merge
    attention   what each head looks at; --at N: what one token looks at;
                --layer L: the heads of one layer; --layer L --head H: one head whole
    lens        what each layer would say, if the model ended there
    steps       continue the text; for each new token what each filter left and removed
    beams       search with beams; the tree, and who died when and why

Layer N is block N of the model's n_layer, counted from 0; tokens count from 0, too.

Exit codes are those of ``python -m numpygpt``: 0 done, 1 could not, 2 wrong usage, 130
interrupted.
"""

import argparse
import json
import os
import shutil
import sys
from dataclasses import fields

from .. import GPT2, GenerationConfig, Tokenizer
from ..files.hub import DEFAULT_MODEL
from ..files.terminal import harmless, on_terminal, without_traceback
from . import show, views
from .inside import inside
from .merges import pieces
from .steps import steps

# Where a command departs from GenerationConfig's own defaults.
DEFAULTS = {
    "steps": {
        "max_new_tokens": 10, "do_sample": True, "temperature": 0.8, "top_p": 0.95,
    },
    "beams": {"max_new_tokens": 10, "num_beams": 4},
}  # fmt: skip
WHAT = ("tokens", "attention", "lens", "steps", "beams")
# Fields that are objects of a Python program, or of no use here.
NO_OPTION = {
    "assistant_model", "negative_prompt_ids", "tokenizer", "stopping_criteria",
    "prefix_allowed_tokens_fn", "return_dict_in_generate", "output_scores",
    "output_logits", "use_cache", "max_new_tokens", "num_return_sequences",
    "logprobs", "prompt_logprobs",
}  # fmt: skip
NARROWEST, WIDEST = 60, 80  # columns
MOST = 1 << 20  # bytes of a text: no context holds as much


@without_traceback("numpygpt.look")
def main(argv=None):
    """Run the command; returns the exit code."""
    return run(parse(argv))


def parse(argv):
    """The arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m numpygpt.look", description=__doc__,
        usage="%(prog)s {" + ",".join(WHAT) + "} TEXT [option ...]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="steps and beams take every field of GenerationConfig, as --top-p 0.9\n"
        f"or --num-beams 3 (default: {DEFAULTS['beams']['num_beams']}): see "
        "python -m numpygpt --help-all.",
    )  # fmt: skip
    add = parser.add_argument
    add("what", choices=WHAT, metavar="WHAT", help="one of the five above")
    add("text", help="the text; - for stdin")
    add("--model", default=DEFAULT_MODEL, metavar="NAME_OR_FOLDER",
        help="default: %(default)s")  # fmt: skip
    _add_places(add)
    add("-n", "--max-new-tokens", type=int, metavar="N",
        help="steps, beams: so many new tokens; default: 10")  # fmt: skip
    add("--seed", type=int, default=0, help="of the draws; default: 0")
    add("--assistant-model", dest="draft", metavar="NAME_OR_FOLDER",
        help="steps: a smaller model that drafts")  # fmt: skip
    add("--json", action="store_true", help="print the data instead")
    _add_fields(add)
    args = harmless(parser).parse_args(argv)
    _check_places(parser, args)
    return args


def _add_places(add):
    """Which part of a view."""
    add("--layer", type=int, metavar="L", help="attention: this layer, from 0")
    add("--head", type=int, metavar="H",
        help="attention: this head of the layer, from 0")  # fmt: skip
    add("--at", type=int, metavar="N",
        help="attention: what this token looks at; lens: behind this token, default: "
        "the last. From 0; negative numbers count from the end")  # fmt: skip
    add("--step", type=int, metavar="N", help="steps: only this one, from 1")


def _check_places(parser, args):
    """Ends the program when they do not go together."""
    if args.head is not None and args.layer is None:
        parser.error("--head needs --layer")
    if args.head is not None and args.at is not None:
        parser.error("--head shows one head for all tokens, --at one token for all "
                     "heads: leave out one of them")  # fmt: skip


def _add_fields(add):
    """Every field of GenerationConfig is an option, but not listed in the help."""
    for field in fields(GenerationConfig):
        if field.name not in NO_OPTION:
            if field.type is bool:
                kind = {"action": argparse.BooleanOptionalAction, "default": None}
            else:
                kind = {"type": _value}
            option = "--" + field.name.replace("_", "-")
            add(option, dest=field.name, help=argparse.SUPPRESS, **kind)


def _value(text):
    """An option's value: JSON where it is some (3, [1, 2], true), else the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def config_of(args, tokenizer):
    """The GenerationConfig of steps and beams."""
    names = {f.name for f in fields(GenerationConfig)}
    given = {n: v for n, v in vars(args).items() if n in names and v is not None}
    settings = {**DEFAULTS.get(args.what, {}), **given, "tokenizer": tokenizer}
    if args.draft is not None:
        settings["assistant_model"] = GPT2.from_pretrained(args.draft)
    return GenerationConfig.known(**settings)


def read_text(text):
    """The text, or stdin for "-". One line break at the end of a pipe is the pipe's."""
    if text == "-" and sys.stdin is None:
        raise ValueError("the text is - for stdin, but stdin is closed")
    data = sys.stdin.buffer.read(MOST + 1) if text == "-" else os.fsencode(text)
    if len(data) > MOST:
        raise ValueError(f"stdin has more than {MOST} bytes: too much to look at")
    try:
        return data.decode().removesuffix("\n" if text == "-" else "")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"the text is not valid UTF-8: byte {data[error.start]:#04x} at position "
            f"{error.start}. Convert it first, for example with iconv."
        ) from None


def run(args):
    """Compute the view, print it."""
    if sys.stdout is None:
        raise ValueError("stdout is closed: there is nowhere to print the view")
    text = read_text(args.text)
    tokenizer = Tokenizer.from_pretrained(args.model)
    ids = tokenizer.encode(text, disallowed_special=()) or [tokenizer.eos_token_id]
    name, view = view_of(args, text, ids, tokenizer)
    if args.json:
        print(json.dumps(view), flush=True)
        return 0
    colour = on_terminal(sys.stdout) and not os.environ.get("NO_COLOR")
    paint = show.coloured if colour else show.plain
    width = WIDEST
    if on_terminal(sys.stdout):
        width = min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
    for line in getattr(show, name)(view, width, paint):
        print(line)
    return 0


def view_of(args, text, ids, tokenizer):
    """Which function of show.py, and the data for it."""
    if args.what == "tokens":
        return "tokens", pieces(tokenizer, text)
    model = GPT2.from_pretrained(args.model)
    if args.what == "steps":
        found = steps(model, ids, config_of(args, tokenizer), args.seed)
        return "steps", one_step(views.steps(found, tokenizer), args.step)
    if args.what == "beams":
        config = config_of(args, tokenizer)
        if config.num_beams < 2:
            raise ValueError(f"num_beams must be at least 2, not {config.num_beams}")
        out = model.generate(ids, config, seed=args.seed, return_dict_in_generate=True)
        return "beams", views.beams(out.notes[0], tokenizer)
    seen = inside(model, ids)
    if args.what == "lens":
        return "lens", views.lens(seen, tokenizer, -1 if args.at is None else args.at)
    if args.at is not None:
        return "looks", views.looks(seen, tokenizer, args.at, args.layer)
    if args.head is None:
        return "strongest", views.strongest(seen, tokenizer, args.layer)
    return "attention", views.attention(seen, tokenizer, args.layer, args.head)


def one_step(steps, number):
    """All of them, or only the one of this number."""
    if number is None:
        return steps
    if not 1 <= number <= len(steps):
        raise ValueError(f"step must be from 1 to {len(steps)}, not {number}")
    return steps[number - 1 : number]


if __name__ == "__main__":
    if sys.stdout is not None:  # it was closed
        sys.stdout.reconfigure(encoding="utf-8")
    sys.exit(main())
