"""What can be typed: every field of GenerationConfig, and what the command adds.

``--help`` shows the ten options that people use every day; ``--help-all`` shows all, by
kind. The ones for generation are made from GenerationConfig's fields, with their ranges
and their words, so that a new method is an option as soon as it is a field.
"""

import argparse
import difflib
import json
import os
import sys
from dataclasses import fields
from typing import get_args

from .. import GenerationConfig, __version__
from ..decoding.plumbing.seeds import new_seed
from ..decoding.rules.table import FILTERS, RULES
from ..decoding.search.methods import method
from ..files.hub import DEFAULT_MODEL
from ..files.terminal import harmless, on_terminal

# Where the command line departs from GenerationConfig's own defaults: people who type
# one line want a story, not the single most likely text.
DEFAULTS = {"max_new_tokens": 100, "do_sample": True, "temperature": 0.8, "top_p": 0.95}
DRAWS = {"do_sample", "temperature", "top_p"}  # who sets one of them wants to sample
# What suits the stories of the default model, by scripts/sample_quality.py: it loops at
# a low temperature and babbles at a high one. `dry` costs only what extends a repeat,
# so that names and articles may come again. For who chose no other way of decoding.
STORY = {"temperature": 0.8, "top_p": 0.92, "dry_multiplier": 0.8,
         "dry_allowed_length": 1}  # fmt: skip
OTHER_WAYS = {"do_sample", "num_beams", "penalty_alpha", "mirostat", "chain"}
# Fields that make no sense as an option of a command that prints text.
NO_OPTION = {
    "return_dict_in_generate", "output_scores", "output_logits", "logprobs",
    "prompt_logprobs",
    "use_cache", "pad_token_id", "prefix_allowed_tokens_fn",
    "tokenizer", "stopping_criteria", "assistant_model", "negative_prompt_ids",
    "prompt_cache",
}  # fmt: skip
REPEATED = {"stop_strings", "choices"}  # --stop a --stop b
SHORT = {"max_new_tokens": ["-n"], "stop_strings": ["--stop"]}
EVERYDAY = [
    "--max-new-tokens", "--temperature", "--top-k", "--top-p", "--seed",
    "--stop-strings", "--num-return-sequences", "--model", "--interactive", "--json",
]  # fmt: skip
# The groups of --help-all that are made of fields, by the first field of each; the
# rules and filters are grouped as in rules/table.py.
KINDS = {
    "max_length": "How long",
    "do_sample": "Which method",
    "bos_token_id": "Special tokens",
}
STEPS = {
    "Rules that look at the text so far": RULES,
    "Filters: which tokens may come next": FILTERS,
}


def parse(argv=None):
    """``(arguments, settings of GenerationConfig)``. What is mistyped or out of range
    ends the process with 2 and a sentence."""
    parser = build()
    args, unknown = parser.parse_known_args(argv)
    if args.help or args.help_all or args.version:
        help = build(args.help_all).format_help()
        print(__version__ if args.version else help.rstrip("\n"))
        raise SystemExit(0)
    if unknown:
        parser.error(_about_unknown(unknown, parser, args.prompt))
    if args.prompt is not None and args.prompt_file is not None:
        parser.error("give a prompt or --prompt-file, not both")
    if args.interactive and args.page is not None:
        parser.error("--page shows one text: it does not go with --interactive")
    try:
        settings = settings_of(args)
        args.seed = new_seed() if args.seed is None else args.seed
        if args.seed < 0:
            raise ValueError(f"seed must be an integer of at least 0, not {args.seed}")
    except ValueError as error:
        parser.error(str(error))
    return args, settings


def new_parser():
    """One without options."""
    script = os.path.basename(sys.argv[0]).startswith("numpygpt")
    parser = argparse.ArgumentParser(
        prog="numpygpt" if script else "python -m numpygpt",
        usage="%(prog)s [prompt] [option ...]",
        description="Continue a text with GPT-2, in NumPy; without a prompt, start one",
        allow_abbrev=False,
        add_help=False,
        formatter_class=lambda prog: argparse.HelpFormatter(
            prog, max_help_position=34, width=88
        ),
    )
    return harmless(parser)


def build(everything=False):
    """The parser; its help has the everyday options, or everything."""
    parser = new_parser()
    parser.add_argument("prompt", nargs="?", help="text to continue; - for stdin")
    flag = {"action": "store_true"}
    parser.add_argument("-h", "--help", **flag, help="this")
    parser.add_argument("--help-all", **flag, help="all options, by kind")
    parser.add_argument("--version", **flag, help="print it, and end")
    everyday, calls = parser.add_argument_group("everyday options"), []

    def add(group, *names, **how):
        if names[-1] in EVERYDAY:
            calls.append((EVERYDAY.index(names[-1]), names, how))
        else:
            how["help"] = how["help"] if everything else argparse.SUPPRESS
            group.add_argument(*names, **how)

    add_own(add, parser.add_argument_group)
    add_fields(add, parser.add_argument_group)
    for _, names, how in sorted(calls, key=lambda call: call[0]):
        everyday.add_argument(*names, **how)
    if not everything:
        parser.epilog = "--help-all lists all the others, by kind."
    return parser


def add_own(add, group):
    """The options that are no fields."""
    flag = {"action": "store_true"}
    prompt, output, model = map(group, ("The prompt", "What is printed", "The model"))
    add(prompt, "--prompt-file", metavar="FILE", help="read the prompt here")
    add(prompt, "--allow-special", **flag, help="<|endoftext|> in it is that token")
    add(prompt, "--negative-prompt", metavar="TEXT", help="guidance leads away from it")
    add(output, "-i", "--interactive", **flag, help="write in turns; /help says how")
    add(output, "--json", **flag, help="print JSON, a line a continuation")
    add(output, "--no-stream", **flag, help="print at the end")
    add(output, "--whole-sentences", action=argparse.BooleanOptionalAction,
        help="end near the limit, with a sentence; usual on a terminal")  # fmt: skip
    add(output, "--logprobs", nargs="?", type=_count, const=0, metavar="N",
        help="of all tokens and the N likeliest; in JSON or to stderr")  # fmt: skip
    add(output, "--colour", "--color", **flag, help="shade the text by probability")
    add(output, "--page", metavar="FILE.html", help="write a page to look at, too")
    add(output, "--raw", **flag, help="control characters go to the terminal as such")
    add(output, "--explain", **flag, help="say what the options do, and end")
    add(model, "--model", default=DEFAULT_MODEL, metavar="NAME_OR_FOLDER",
        help="default: %(default)s")  # fmt: skip
    add(model, "--dtype", choices=["float32", "float64", "int8"], default="float32",
        help="int8: less memory")  # fmt: skip
    add(model, "--assistant-model", dest="draft", metavar="NAME_OR_FOLDER",
        help="a smaller model that drafts")  # fmt: skip
    add(model, "--seed", type=int, metavar="N", help="of the draws; else a new one")


def add_fields(add, group):
    """An option for every field of GenerationConfig that can be typed."""
    of_steps = {s.name: kind for kind, rows in STEPS.items()
                for row in rows for s in row.settings}  # fmt: skip
    groups, kind = {}, None
    for field in fields(GenerationConfig):
        kind = KINDS.get(field.name, kind)
        if field.name in NO_OPTION:
            continue
        title = of_steps.get(field.name, kind)
        if title not in groups:
            groups[title] = group(title)
        several = {"action": "append"} if field.name in REPEATED else {}
        add(
            groups[title],
            *SHORT.get(field.name, []),
            "--" + field.name.replace("_", "-"),
            dest=field.name,
            help=_help(field),
            **_kind(field.name, field.type),
            **several,
        )


def _kind(name, type_):
    """How argparse reads an option for a field of this type."""
    if type_ is bool:
        return {"action": argparse.BooleanOptionalAction}
    if name == "json_schema":
        return {"type": _json_file, "metavar": "FILE"}
    types = get_args(type_) or (type_,)
    if name == "stop_strings" or set(types) == {str, type(None)}:
        return {"metavar": "TEXT"}
    if list in types or dict in types:
        return {"type": _value, "metavar": "JSON"}
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


def _json_file(path):
    """What a file of JSON holds."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{path} is not JSON: {error}") from None


def _count(text):
    if not text.isdecimal() or int(text) > 1000:
        raise argparse.ArgumentTypeError(
            f"{text!r:.80} is no number from 0 to 1000. (A prompt stands before it.)"
        )
    return int(text)


def _help(field):
    default = DEFAULTS.get(field.name, field.default)
    default = "" if default is None else f" ({default})"
    if field.name in STORY:
        default = f"{default[:-1]}, {DEFAULT_MODEL} {STORY[field.name]})"
    help, range = field.metadata["help"], field.metadata["range"]
    return f"{help}{default}: {range.words}".replace("%", "%%")


def _about_unknown(unknown, parser, prompt):
    """What to say of arguments that are no options."""
    for argument in unknown:
        name = argument.partition("=")[0]
        if name.startswith("-"):
            known = [o for o in parser._option_string_actions if o.startswith("--")]
            near = nearest(name, known)
            return f"there is no option {name}" + (
                f"; did you mean {' or '.join(near)}?" if near else
                ". --help-all lists all. A prompt that begins with - stands behind --"
            )  # fmt: skip
    whole = " ".join([prompt, *unknown])
    return f'the prompt is one argument: put it in quotes, "{whole}"'


def nearest(name, known):
    """The names that somebody may have meant: those that begin so, or the likest.

    >>> nearest("--temp", ["--temperature", "--top-p"])
    ['--temperature']
    >>> nearest("--topp", ["--temperature", "--top-p"])
    ['--top-p']
    """
    begins = [option for option in known if option.startswith(name)]
    return begins[:5] or difflib.get_close_matches(name, known, 1)


def settings_of(args):
    """The fields of GenerationConfig as given, with the command line's defaults."""
    names = {f.name for f in fields(GenerationConfig)} - NO_OPTION
    given = {n: getattr(args, n) for n in names if getattr(args, n, None) is not None}
    if "choices" in given:  # each a text, or a list of some
        lists = [c if isinstance(c, list) else [str(c)] for c in given["choices"]]
        given["choices"] = sum(lists, [])
    tells_stories = args.model == DEFAULT_MODEL and not given.keys() & OTHER_WAYS
    settings = {**DEFAULTS, **(STORY if tells_stories else {}), **given}
    if "penalty_alpha" in given and not given.keys() & DRAWS:
        settings["do_sample"] = False  # contrastive search does not draw
    if "max_length" in given and "max_new_tokens" not in given:
        del settings["max_new_tokens"]
    method(GenerationConfig(**settings))  # complains before anything is loaded
    if args.whole_sentences is None:
        args.whole_sentences = on_terminal(sys.stdout) and not args.json
    return settings
