"""What a GenerationConfig will do, in words; and what it does to one row of logits.

>>> from numpygpt import GenerationConfig
>>> explain(GenerationConfig(do_sample=True, top_k=1, xtc_threshold=0.2))
sampling, up to 20 tokens with the prompt
chain hf:
  1. top_k 1
does nothing:
  xtc_threshold 0.2: xtc_probability is 0
take care:
  top_k 1 leaves one token: the same as do_sample=False

Settings interact, and one that does nothing is easily overlooked: the text comes out
all the same. The tables below name the known cases; a run never warns. What generate
refuses is asked of the code that refuses it. `trace` shows each step of the chain at
work.

Next: ../../gpt2.py.
"""

from dataclasses import fields
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from ..config import GenerationConfig
from ..constraints.choices import constrain
from ..constraints.stopping import stop_rules
from ..rules.exact import refuse
from ..rules.table import (
    FILTERS,
    LLAMA_CPP,
    SETTINGS,
    STEPS,
    Step,
    habits,
    is_on,
    order,
    steps_of,
)
from ..rules.truncation import entropy
from ..sampling import chain, probabilities, process
from ..search import beam, contrastive
from ..search.methods import method
from .ranges import as_tuple

# What works beside the chain.
BESIDES = [
    "regex",
    "choices",
    "json_schema",
    "json_object",
    "token_healing",
    "stop_strings",
    "stop_strings_wait",
    "stopping_criteria",
]
BESIDES += ["max_time"]
FIELDS = {field.name: field for field in fields(GenerationConfig)}
# What only sampling reads; of these two there is more to say.
SAMPLING = [s.name for row in FILTERS for s in row.settings]
SAMPLING = [name for name in SAMPLING if name not in ("temperature", "top_k")]
# Settings, what they need to do something, as a test, and what to say if it is missing.
# Below these, a setting that needs another: see rules/table.py.
NEEDS = (
    (SAMPLING, lambda c: c.temperature != 0, "temperature 0 means greedy"),
    (
        ["top_k"],
        lambda c: c.temperature != 0 or c.penalty_alpha is not None,
        "temperature 0 means greedy",
    ),
    (SAMPLING, lambda c: c.do_sample, "only when sampling: do_sample=True"),
    (
        ["temperature"],
        lambda c: c.do_sample or c.temperature == 0,
        "only when sampling: do_sample=True",
    ),
    (
        ["top_k"],
        lambda c: c.do_sample or c.penalty_alpha is not None,
        "only when sampling: do_sample=True (or with penalty_alpha)",
    ),
    (
        ["early_stopping", "length_penalty", "patience"],
        lambda c: c.num_beams > 1,
        "only with beams: num_beams",
    ),
    (
        ["early_stopping", "length_penalty", "patience"],
        lambda c: not c.stochastic_beams,
        "stochastic beams are drawn, not ranked by their length",
    ),
    (["diversity_penalty"], lambda c: c.num_beam_groups > 1, "num_beam_groups is 1"),
    (
        ["min_length", "min_new_tokens"],
        lambda c: c.eos_token_ids or (c.stop_strings_wait and c.stop_strings),
        "there is no end to ban: eos_token_id is not set",
    ),
    (
        ["exponential_decay_length_penalty"],
        lambda c: c.eos_token_ids,
        "there is no end to ban: eos_token_id is not set",
    ),
    (["max_length"], lambda c: c.max_new_tokens is None, "max_new_tokens wins"),
    (
        ["stop_strings_wait"],
        lambda c: c.stop_strings is not None,
        "stop_strings is not set",
    ),
    (
        ["stop_strings_wait"],
        lambda c: c.min_new_tokens or c.min_length,
        "min_new_tokens is not set",
    ),
    (
        ["output_scores", "output_logits", "logprobs", "prompt_logprobs"],
        lambda c: c.return_dict_in_generate,
        "only with return_dict_in_generate=True",
    ),
    (
        ["num_assistant_tokens", "num_assistant_tokens_schedule"]
        + ["assistant_confidence_threshold"],
        lambda c: c.assistant_model is not None,
        "assistant_model is not set",
    ),
    (
        ["negative_prompt_ids"],
        lambda c: c.guidance_scale not in (None, 1),
        "guidance_scale is not set",
    ),
    (
        ["max_matching_ngram_size"],
        lambda c: c.prompt_lookup_num_tokens,
        "prompt_lookup_num_tokens is not set",
    ),
    (
        ["watermarking_config"],
        lambda c: c.watermarking_config.get("bias") != 0,
        "a bias of 0 changes nothing",
    ),
    (["suppress_tokens"], lambda c: len(c.suppress_tokens) > 0, "it is empty"),
    (
        ["begin_suppress_tokens"],
        lambda c: len(c.begin_suppress_tokens) > 0,
        "it is empty",
    ),
    (["use_cache"], lambda c: c.use_cache, "the cache is always used"),
)
# What is probably not meant: a test, and what to say.
CARE = (
    (lambda c: c.temperature == 0, "temperature 0 means greedy: do_sample is ignored"),
    (
        lambda c: c.do_sample and c.top_k == 1,
        "top_k 1 leaves one token: the same as do_sample=False",
    ),
    (
        lambda c: c.do_sample and c.top_p == 0,
        "top_p 0 leaves one token: the same as do_sample=False",
    ),
    (
        lambda c: c.num_return_sequences > 1 and not c.do_sample and c.num_beams == 1,
        "num_return_sequences: without sampling or beams they are all the same",
    ),
    (
        lambda c: c.mirostat and sum(is_on(f.name, c) for f in FILTERS[1:]) > 1,
        "mirostat takes the place of the other filters; they change what it measures",
    ),
    (
        lambda c: c.xtc_probability and c.xtc_threshold > 0.5,
        "xtc_threshold above 0.5: no two tokens can reach it, nothing is removed",
    ),
    (
        lambda c: {*as_tuple(c.forced_eos_token_id)} & {*(c.suppress_tokens or ())},
        "suppress_tokens bans what forced_eos_token_id forces: the last step will fail",
    ),
    (
        lambda c: (
            c.eos_token_ids and {*c.eos_token_ids} <= {*(c.suppress_tokens or ())}
        ),
        "suppress_tokens bans every eos: only the length ends a text",
    ),
    (
        lambda c: c.max_new_tokens is None and (c.min_new_tokens or 0) >= c.max_length,
        (
            "min_new_tokens {c.min_new_tokens}: max_length {c.max_length}, which "
            "counts the prompt, ends every text before"
        ),
    ),
    (
        lambda c: c.max_new_tokens is not None and c.min_length > 1 + c.max_new_tokens,
        (
            "min_length {c.min_length} counts the prompt: unless that is long, "
            "max_new_tokens {c.max_new_tokens} ends the text before"
        ),
    ),
)


def explain(config, file=None):
    """Print the method, the chain in effect, what does nothing, and what contradicts.
    ``file``: where to; standard output if None."""
    print("\n".join(_lines(config)), file=file)


def _lines(config):
    entries = order(config.chain)
    name = config.chain if isinstance(config.chain, str) else "of your own"
    idle = _idle(config, entries)
    on = [e for e in steps_of(config) if _switch(e) not in idle]
    besides = [name for name in _changed(config, BESIDES) if getattr(config, name)]
    yield _method(config)
    yield f"chain {name}:" if on else f"chain {name}: nothing, the model's logits count"
    for i, entry in enumerate(on, 1):
        yield f"  {i}. {_step(entry, config)}"
    care = [text.format(c=config) for test, text in CARE if test(config)]
    for title, lines in (
        ("besides", [f"{n} {getattr(config, n)!r}: {_help(n)}" for n in besides]),
        ("does nothing", idle.values()),
        ("take care", [*_refused(config), *care]),
    ):
        if lines:
            yield f"{title}:"
            yield from (f"  {line}" for line in lines)


def _refused(config):
    """What generate will refuse before the first token, in its own words."""
    checks = [method, lambda c: constrain([0, 0], c), lambda c: stop_rules(c, 1, 0)]
    checks += [beam.check] if config.num_beams > 1 else []
    checks += [contrastive.check] if config.penalty_alpha is not None else []
    for check in checks:
        try:
            check(config)
        except ValueError as error:
            yield f"generate refuses this: {error}"


def _method(config):
    way = "sampling" if config.do_sample else "greedy"
    if config.num_beams > 1:
        way = _beams(config) + (", sampling" if config.do_sample else "")
    elif config.penalty_alpha is not None:
        way = f"contrastive search, penalty_alpha {config.penalty_alpha}"
    elif config.assistant_model is not None:
        way += ", drafts by assistant_model"
    elif config.prompt_lookup_num_tokens:
        way += f", drafts of up to {config.prompt_lookup_num_tokens} tokens by lookup"
    if config.guidance_scale not in (None, 1):
        way += f", guidance_scale {config.guidance_scale}"
    if config.dola_layers is not None:
        way += f", dola_layers {config.dola_layers}"
    if config.max_new_tokens is not None:
        return f"{way}, up to {config.max_new_tokens} new tokens"
    return f"{way}, up to {config.max_length} tokens with the prompt"


def _beams(config):
    kind = "stochastic " if config.stochastic_beams else ""
    kind += "diverse " if config.num_beam_groups > 1 else ""
    way = f"{kind}beam search with {config.num_beams} beams"
    return way + (f" in {config.num_beam_groups} groups" if "diverse" in kind else "")


def _step(entry, config):
    if callable(entry):
        return getattr(entry, "__name__", repr(entry))
    settings = _changed(config, [s.name for s in STEPS[entry].settings])
    return ", ".join(f"{name} {getattr(config, name)}" for name in settings)


def _idle(config, entries):
    """``{setting: line}``: what is set and changes nothing."""
    said = {}
    for names, test, text in NEEDS:
        for name in _changed(config, names):
            if not test(config) and name not in said:
                said[name] = f"{name} {getattr(config, name)}: {text}"
    for name in _changed(config, [s.name for s in SETTINGS.values() if s.needs]):
        needed = SETTINGS[name].needs.split()
        if not _changed(config, needed) and name not in said:
            why = " and ".join(f"{n} is {_off(SETTINGS[n].default)}" for n in needed)
            said[name] = f"{name} {getattr(config, name)}: {why}"
    for step in STEPS:
        why = ""
        if step not in entries:
            why = "not in the chain" if is_on(step, config) else ""
        elif (
            config.do_sample and habits(config) is LLAMA_CPP and not is_on(step, config)
        ):
            why = "mirostat takes its place" if config.mirostat else "off in llama.cpp"
        if why and _changed(config, [_switch(step)]) and _switch(step) not in said:
            said[_switch(step)] = f"{_step(step, config)}: {why}"
    return said


def _off(default):
    return "not set" if default is None else f"{default:g}"


def _help(name):
    return FIELDS[name].metadata["help"]


def _switch(entry):
    """The setting that turns a step on; a function has none."""
    return None if callable(entry) else STEPS[entry].settings[0].name


def _changed(config, names):
    values = {name: getattr(config, name) for name in names}
    return [n for n, v in values.items() if v is not None and v != FIELDS[n].default]


class Traced(NamedTuple):
    """What one step of the chain did to the probabilities."""

    name: str
    left: np.ndarray  # the ids that can still be chosen
    removed: np.ndarray  # the ids that this step removed
    mass: float  # the probability that these had before it
    bits: float  # the entropy behind it, -sum(p log2 p)


def trace(logits, context=(), config=None, n_prompt=0):
    """What every step of the chain does to a row of logits, a `Traced` a step.

    The arguments are those of `distribution`, which refuses the same settings. xtc is
    shown as when it acts; every other step is as in a run.

    >>> config = GenerationConfig(do_sample=True, temperature=0.5, top_k=2)
    >>> for row in trace(np.log([0.5, 0.3, 0.2]), (), config):
    ...     print(row.name, row.left, row.removed, f"{row.mass:.2f} {row.bits:.2f}")
    temperature [0 1 2] [] 0.00 1.23
    top_k [0 1] [2] 0.11 0.83
    """
    config = GenerationConfig() if config is None else config
    refuse(config)
    acts = SimpleNamespace(random=lambda: 0.0)
    row, rows = process(logits, context, []), []
    for step in chain(config, n_prompt, acts):
        before, row = row, process(row, context, [step])
        removed = np.flatnonzero((before > -np.inf) & (row == -np.inf))
        name = step.name if isinstance(step, Step) else _step(step, config)
        mass = float(probabilities(before)[removed].sum())
        bits = float(entropy(probabilities(row)) / np.log(2))
        rows.append(Traced(name, np.flatnonzero(row > -np.inf), removed, mass, bits))
    return rows
