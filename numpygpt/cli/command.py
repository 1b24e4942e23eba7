"""Load, generate, print; and what went wrong as one sentence, never as a traceback."""

import gc
import sys
import time

from .. import GPT2, GenerationConfig, Tokenizer
from ..decoding.constraints.plan import plan
from ..decoding.plumbing.explain import explain
from ..files.terminal import without_traceback
from . import interrupt, output, page
from .options import parse
from .prompt import read_prompt
from .sentences import to_sentences


@without_traceback("numpygpt")
def main(argv=None):
    """Run the command; returns the exit code."""
    seed = []  # once there is one
    try:
        interrupt.as_usual()
        output.prepare()
        args, settings = parse(argv)
        seed.append(args.seed)
        run(args, settings)
        return 0
    except SystemExit as end:  # --help, a mistake
        return end.code
    except KeyboardInterrupt:
        output.erase()
        output.note("".join(f"seed {number}, " for number in seed) + "interrupted")
        raise


def run(args, settings):
    """Load, generate, print."""
    if sys.stdout is None:
        raise ValueError("stdout is closed: there is nowhere to print the text")
    if args.explain:
        explain(GenerationConfig(**settings, tokenizer=Tokenizer.gpt2(0)))
        return
    if args.page is not None:
        page.check(args.page)
    prompt = (args.prompt or "") if args.interactive else read_prompt(args)
    model, tokenizer = load(args.model, args.dtype)
    ids = encoded(prompt, model, tokenizer, args.allow_special)
    settings = with_objects(args, settings, model, tokenizer)
    if args.interactive:
        from .interactive import converse

        return converse(args, model, tokenizer, prompt, settings)
    if args.whole_sentences:
        settings = to_sentences(settings, tokenizer, len(ids))
    begin = time.perf_counter()
    several = settings.get("num_return_sequences", 1) > 1
    at_end = args.no_stream or args.json or args.logprobs is not None or args.colour
    beams = settings.get("num_beams", 1) > 1  # nothing to see until all are done
    show = output.print_all if at_end or several or beams else output.print_stream
    new = show(args, model, tokenizer, ids, settings)
    n_new = sum(map(len, new))
    rate = n_new / (time.perf_counter() - begin)
    output.note(f"seed {args.seed}, {n_new} tokens, {rate:.0f} tokens/s")
    note_incomplete(ids, new, GenerationConfig(**settings), model.config.n_ctx)
    if args.page is not None:
        page.write(args, model, tokenizer, ids, new[0], settings)


def note_incomplete(ids, new, config, n_ctx):
    """Say it of a text that ended before it was all that a constraint asks for."""
    planned = plan(ids, config, n_ctx)
    if not all(planned.complete([*planned.ids, *text]) for text in new):
        names = ("regex", "choices", "json_schema", "json_object")
        [name] = [n for n in names if getattr(config, n) not in (None, False)]
        output.note(f"cut off before it was all that {name} asks: allow more tokens")


def load(name, dtype):
    """A model and its tokenizer."""
    # A vocabulary has 100,000 parts, none of them garbage: do not look through them for
    # some while they are made, nor ever after. That saves a tenth of a short run.
    gc.disable()
    tokenizer = Tokenizer.from_pretrained(name)
    tokenizer.clean_up_tokenization_spaces = False  # print what was written, all of it
    model = GPT2.from_pretrained(name, dtype)
    gc.freeze()
    gc.enable()
    return model, tokenizer


def encoded(prompt, model, tokenizer, allow_special=False):
    """The prompt's ids; a text that begins with nothing begins with bos."""
    allowed = "all" if allow_special else ()
    ids = tokenizer.encode(prompt, allowed, disallowed_special=())
    if ids:
        return ids
    begins = model.generation_config.bos_token_id, model.config.bos_token_id
    known = [i for i in (*begins, tokenizer.eos_token_id) if i is not None]
    if not known:
        raise ValueError("the prompt is empty, and the model has no token that begins "
                         "a text: give a prompt")  # fmt: skip
    return known[:1]


def with_objects(args, settings, model, tokenizer):
    """The settings with what the options only name: a draft model, ids, and that ids
    which only fill up the model's vocabulary never come."""
    settings = {**settings, "tokenizer": tokenizer}
    if args.draft is not None:
        settings["assistant_model"] = GPT2.from_pretrained(args.draft, args.dtype)
    if args.negative_prompt is not None:
        other = tokenizer.encode(args.negative_prompt, disallowed_special=())
        settings["negative_prompt_ids"] = other
    known = set(tokenizer.vocab.values())
    spare = [i for i in range(model.config.n_vocab) if i not in known]
    if spare:
        banned = settings.get("suppress_tokens") or []
        settings["suppress_tokens"] = [*banned, *spare]
    return settings
