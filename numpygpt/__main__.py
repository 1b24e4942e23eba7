"""The command line: ``python -m numpygpt "Once upon a time"``.

It prints the prompt and its continuation as it is drawn. The text alone goes to
stdout, everything said about it to stderr, so that a pipe gets clean text.

Exit codes: 0 done, 1 could not (the message says what to do), 2 wrong usage,
130 interrupted. A reader that closes the pipe early ends the run quietly.
"""

import argparse
import gc
import itertools
import json
import os
import sys
import time
from dataclasses import fields
from typing import get_args

from . import GPT2, GenerationConfig, Tokenizer, __version__
from .decoding.constraints.choices import n_kept
from .decoding.constraints.stopping import until_stop
from .decoding.plumbing.explain import explain
from .decoding.sampling import new_seed
from .files.hub import DEFAULT_MODEL

# Where the command line departs from GenerationConfig's own defaults: people who type
# one line want a story, not the single most likely text.
DEFAULTS = {"max_new_tokens": 100, "do_sample": True, "temperature": 0.8, "top_p": 0.95}
DRAWS = {"do_sample", "temperature", "top_p"}  # who sets one of them wants to sample
# Fields that make no sense as an option of a command that prints text.
NO_OPTION = {
    "return_dict_in_generate", "output_scores", "output_logits",
    "use_cache", "pad_token_id", "prefix_allowed_tokens_fn",
    "tokenizer", "stopping_criteria", "assistant_model", "negative_prompt_ids",
}  # fmt: skip
REPEATED = {"action": "append", "metavar": "TEXT"}  # --stop a --stop b
SHORT = {"max_new_tokens": ["-n"], "stop_strings": ["--stop"]}


def main(argv=None):
    """Run the command; returns the exit code."""
    try:
        return run(parse(argv))
    except BrokenPipeError:
        # Whoever read us has seen enough (`| head`). Point stdout nowhere, or Python
        # would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except (ValueError, OSError, MemoryError) as error:
        reason = str(error) or type(error).__name__
        print(f"numpygpt: {reason}", file=sys.stderr)
        return 1


def parse(argv):
    """The arguments; every field of GenerationConfig is an option."""
    parser = argparse.ArgumentParser(
        prog="python -m numpygpt",
        usage="%(prog)s [prompt] [option ...]",
        description="Continue a text with GPT-2, in NumPy.",
        epilog="The remaining options are the fields of GenerationConfig.",
    )
    parser.add_argument("prompt", nargs="?", help="text to continue; - for stdin")
    parser.add_argument("--prompt-file", metavar="FILE", help="read the prompt here")
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME_OR_FOLDER",
                        help="default: %(default)s")  # fmt: skip
    parser.add_argument("--dtype", choices=["float32", "float64", "int8"],
                        default="float32", help="int8: less memory")  # fmt: skip
    parser.add_argument("--seed", type=int, help="of the draws; default: a new one")
    parser.add_argument("--no-stream", action="store_true", help="print at the end")
    parser.add_argument("--json", action="store_true",
                        help="print JSON, a line a continuation")  # fmt: skip
    parser.add_argument("--logprobs", action="store_true",
                        help="of each token, in the JSON or to stderr")  # fmt: skip
    parser.add_argument("--assistant-model", dest="draft", metavar="NAME_OR_FOLDER",
                        help="a smaller model that drafts")  # fmt: skip
    parser.add_argument("--negative-prompt", metavar="TEXT",
                        help="what guidance_scale leads away from")  # fmt: skip
    parser.add_argument("--explain", action="store_true",
                        help="say what the options do, and end")  # fmt: skip
    parser.add_argument("--version", action="version", version=__version__)
    for field in fields(GenerationConfig):
        if field.name not in NO_OPTION:
            parser.add_argument(
                *SHORT.get(field.name, []),
                "--" + field.name.replace("_", "-"),
                dest=field.name,
                help=_help(field),
                **(REPEATED if field.name == "stop_strings" else _kind(field.type)),
            )
    args = parser.parse_args(argv)
    if args.prompt is not None and args.prompt_file is not None:
        parser.error("give a prompt or --prompt-file, not both")
    return args


def _kind(type_):
    """How argparse reads an option for a field of this type."""
    if type_ is bool:
        return {"action": argparse.BooleanOptionalAction}
    types = get_args(type_) or (type_,)
    if list in types or dict in types:
        return {"type": _value, "metavar": "JSON"}
    if set(types) == {str, type(None)}:
        return {"metavar": "TEXT"}
    if str in types:
        return {"type": _value, "metavar": "NAME"}
    if float in types:
        return {"type": float, "metavar": "X"}
    return {"type": int, "metavar": "N"}


def _value(text):
    """An option's value: JSON where it is some (3, [1, 2], true), else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
    except RecursionError:
        raise argparse.ArgumentTypeError("this JSON is nested too deeply") from None


def _help(field):
    default = DEFAULTS.get(field.name, field.default)
    default = "" if default is None else f" ({default})"
    help, range = field.metadata["help"], field.metadata["range"]
    return f"{help}{default}: {range.words}".replace("%", "%%")


def settings_of(args):
    """The fields of GenerationConfig as given, with the command line's defaults."""
    names = [f.name for f in fields(GenerationConfig)]
    given = {n: getattr(args, n) for n in names if getattr(args, n, None) is not None}
    settings = {**DEFAULTS, **given}
    if "penalty_alpha" in given and not given.keys() & DRAWS:
        settings["do_sample"] = False  # contrastive search does not draw
    if "max_length" in given and "max_new_tokens" not in given:
        del settings["max_new_tokens"]
    GenerationConfig(**settings)  # complains of a wrong value before anything is loaded
    return settings


def read_prompt(args):
    """The prompt from wherever it comes; nothing at all means "start a new text".

    One line break at the end of a file or a pipe belongs to the file, not the text.
    """
    if args.prompt_file is not None:
        with open(args.prompt_file, "rb") as file:
            source, data = args.prompt_file, file.read()
    elif args.prompt == "-" or (args.prompt is None and not sys.stdin.isatty()):
        source, data = "stdin", sys.stdin.buffer.read()
    else:
        source, data = "the prompt", os.fsencode(args.prompt or "")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{source} is not valid UTF-8: byte {data[error.start]:#04x} at position "
            f"{error.start}. Convert it first, for example with iconv."
        ) from None
    return text if source == "the prompt" else text.removesuffix("\n")


def run(args):
    """Load, generate, print."""
    settings = settings_of(args)
    if args.explain:
        explain(GenerationConfig(**settings, tokenizer=Tokenizer.gpt2(0)))
        return 0
    prompt = read_prompt(args)
    seed = new_seed() if args.seed is None else args.seed
    # A vocabulary has 100,000 parts, none of them garbage: do not look through them for
    # some while they are made, nor ever after. That saves a tenth of a short run.
    gc.disable()
    tokenizer = Tokenizer.from_pretrained(args.model)
    model = GPT2.from_pretrained(args.model, args.dtype)
    gc.freeze()
    gc.enable()
    ids = tokenizer.encode(prompt, disallowed_special=()) or [tokenizer.eos_token_id]
    settings["tokenizer"] = tokenizer
    if args.draft is not None:
        settings["assistant_model"] = GPT2.from_pretrained(args.draft, args.dtype)
    if args.negative_prompt is not None:
        other = tokenizer.encode(args.negative_prompt, disallowed_special=())
        settings["negative_prompt_ids"] = other
    begin = time.perf_counter()
    several = settings.get("num_return_sequences", 1) > 1
    if args.no_stream or args.json or args.logprobs or several:
        n_new = print_all(args, model, tokenizer, ids, seed, settings)
    else:
        n_new = print_stream(model, tokenizer, ids, seed, settings)
    rate = n_new / (time.perf_counter() - begin)
    note(f"seed {seed}, {n_new} tokens, {rate:.0f} tokens/s")
    return 0


def print_stream(model, tokenizer, ids, seed, settings):
    """Print one continuation as it is drawn; returns the number of new tokens."""
    tokens = model.stream(ids, seed=seed, **settings)
    first, new = next(tokens), []  # what cannot be done fails before a word is printed

    def drawn():
        yield from ids[: n_kept(ids, GenerationConfig(**settings))]
        for token in itertools.chain([first], tokens):
            new.append(token)
            yield token

    pieces = tokenizer.decode_stream(drawn(), skip_special_tokens=True)
    n_prompt = len(tokenizer.decode(ids, skip_special_tokens=True))
    for piece in until_stop(pieces, settings.get("stop_strings"), n_prompt):
        print(piece, end="", flush=True)
    print(flush=True)
    if len(ids) + len(new) == model.config.n_ctx:
        note(f"the model's context of {model.config.n_ctx} tokens is full")
    return len(new)


def print_all(args, model, tokenizer, ids, seed, settings):
    """Print all continuations when they are done, between them the token that GPT-2
    knows as the end of a text; returns the number of new tokens."""
    out = model.generate(ids, seed=seed, return_dict_in_generate=True, **settings)
    prompt = tokenizer.decode(ids, skip_special_tokens=True)
    begin, records = n_kept(ids, GenerationConfig(**settings)), []
    for row, n, logprobs in zip(out.sequences, out.lengths, out.logprobs):
        text = tokenizer.decode(row[:n], skip_special_tokens=True)
        pieces = until_stop([text], settings.get("stop_strings"), len(prompt))
        new = row[begin:n].tolist()
        record = {"prompt": prompt, "text": "".join(pieces)[len(prompt) :], "ids": new}
        if args.logprobs:
            record["tokens"] = [tokenizer.decode([token]) for token in new]
            record["logprobs"] = logprobs[: len(new)].tolist()
        records.append(record)
    if args.json:
        print("\n".join(map(json.dumps, records)), flush=True)
    else:
        texts = [prompt + record["text"] for record in records]
        print(f"\n{tokenizer.eos_token}\n".join(texts), flush=True)
        for record in records if args.logprobs else []:
            for token, logprob in zip(record["tokens"], record["logprobs"]):
                print(f"{logprob:9.4f} {token!r}", file=sys.stderr)
    return sum(len(record["ids"]) for record in records)


def note(text):
    """Say something about the text, where it does not get into the text."""
    print(f"[{text}]", file=sys.stderr)


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    sys.exit(main())
