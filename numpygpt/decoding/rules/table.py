"""Every rule and filter in one table: what it is called with, where, and what holds.

Order matters. top_p after a high temperature keeps many more tokens than before it; a
ban after the filters may ban all that they left. There is no right order, only two that
people are used to, so it is a list that you may write yourself:
``GenerationConfig(do_sample=True, chain=["min_p", "temperature"], ...)``. An entry is a
name of the table below or a function ``step(logits, context) -> logits`` of your own.

To add a method: write its function, add its row. Its settings become fields of
GenerationConfig and options of the command line, with their ranges; the chain,
`explain`, `trace` and the exports of ``numpygpt.decoding`` have it; the property tests
of its kind run; and a test asks for its line in README.md, which walks through it all.

Try: ``chain="hf"`` and ``chain="llama.cpp"`` with temperature 2 and top_p 0.9.

Next: ../config.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from .. import filters
from ..plumbing import ranges as r
from . import adaptive, mirostat, penalties, truncation, watermark
from .breakers import breaker_sequences


class Setting(NamedTuple):
    """A field of GenerationConfig. One that ``needs`` others does nothing while they
    have their defaults; one that needs none switches its step on."""

    name: str
    type: object
    default: object
    range: r.Range
    help: str
    needs: str = ""


class Row(NamedTuple):
    """One method. ``reads``: what its function gets behind the logits, by name: the
    settings (alone and in their order, if empty), or what a run knows, see `known`.
    ``hf``, ``llama_cpp``: its place in the presets, 0 for the same as in hf. ``kind``:
    the words of KINDS that are true of it."""

    name: str
    function: Callable
    hf: int
    kind: str
    settings: list
    llama_cpp: int = 0
    reads: str = ""


# What can hold for a row whatever the logits are; each is a property test.
KINDS = {
    # One of these three:
    "any": "changes logits",
    "truncation": "removes tokens; what stays keeps its logit",
    "upper-set": "removes the least likely; the best stays",
    # And all of these that are true:
    "shift": "a constant added to all logits changes nothing",
    "idempotent": "twice is once",
    "forces": "leaves one token, even one that was removed",
    "grows": "keeps more tokens for a larger value",
    "shrinks": "keeps fewer tokens for a larger value",
    "grows-hot": "keeps more tokens at a higher temperature",
    "no-heat": "keeps the same tokens at any temperature",
}

# fmt: off
# Rules look at the text so far. They always count.
RULES = [
    Row(
        "sequence_bias", penalties.sequence_bias, hf=10,
        kind="any shift",
        reads="sequence_bias context",
        settings=[Setting("sequence_bias", dict | list | None, None, r.SEQUENCE_BIAS,
            "added when completing a sequence")],
    ),
    Row(
        "logit_bias", penalties.logit_bias, hf=20,
        kind="any shift",
        settings=[Setting("logit_bias", dict | None, None, r.TOKEN_BIAS,
            "added to tokens: {id: bias}")],
    ),
    Row(
        "ignore_eos", penalties.ignore_eos, hf=24,
        kind="truncation shift idempotent",
        reads="ignore_eos context eos_token_ids",
        settings=[Setting("ignore_eos", bool, False, r.FLAG,
            "the text never ends by itself")],
    ),
    Row(
        "allowed_token_ids", penalties.allowed_token_ids, hf=26,
        kind="truncation shift idempotent",
        settings=[Setting("allowed_token_ids", list | tuple | None, None, r.SOME_IDS,
            "no other tokens appear")],
    ),
    Row(
        "repetition_penalty", penalties.repetition_penalty, hf=30,
        kind="any",
        reads="repetition_penalty seen",
        settings=[
            Setting("repetition_penalty", float | None, 1.0, r.POSITIVE,
                "above 1 against what is there; 1: off"),
            Setting("penalty_last_n", int | None, None, r.LAST_N,
                "penalties look at so many last tokens; -1: all, 0: off",
                "repetition_penalty frequency_penalty presence_penalty"),
        ],
    ),
    Row(
        "frequency_penalty", penalties.frequency_penalty, hf=40,
        kind="any shift",
        reads="frequency_penalty counted",
        settings=[Setting("frequency_penalty", float, 0.0, r.NUMBER,
            "subtracted per earlier occurrence")],
    ),
    Row(
        "presence_penalty", penalties.presence_penalty, hf=50,
        kind="any shift",
        reads="presence_penalty counted",
        settings=[Setting("presence_penalty", float, 0.0, r.NUMBER,
            "subtracted from what occurred at all")],
    ),
    Row(
        "dry", penalties.dry, hf=60,
        kind="any shift",
        reads="dry_multiplier dry_seen dry_base dry_allowed_length breakers",
        settings=[
            Setting("dry_multiplier", float, 0.0, r.AT_LEAST_0,
                "against extending a repeat; 0: off"),
            Setting("dry_base", float, 1.75, r.AT_LEAST_1,
                "... growing by this with every token", "dry_multiplier"),
            Setting("dry_allowed_length", int, 2, r.COUNT,
                "... from this length on", "dry_multiplier"),
            Setting("dry_sequence_breakers", list | tuple | None, None, r.BREAKERS,
                "... no repeat across one of these", "dry_multiplier"),
            Setting("dry_last_n", int | None, None, r.LAST_N,
                "... among so many last tokens; -1: all, 0: off", "dry_multiplier"),
        ],
    ),
    Row(
        "no_repeat_ngram_size", penalties.no_repeat_ngram_size, hf=70,
        kind="truncation shift idempotent",
        reads="no_repeat_ngram_size context",
        settings=[Setting("no_repeat_ngram_size", int | None, 0, r.COUNT_OR_0,
            "no n tokens twice; 0: off")],
    ),
    Row(
        "bad_words_ids", penalties.bad_words_ids, hf=80,
        kind="truncation shift idempotent",
        reads="bad_words_ids context eos_token_ids",
        settings=[Setting("bad_words_ids", list | tuple | None, None, r.SEQUENCES,
            "sequences that never appear")],
    ),
    Row(
        "min_length", penalties.min_length, hf=90,
        kind="truncation shift idempotent",
        reads="min_length context eos_token_ids",
        settings=[Setting("min_length", int, 0, r.COUNT_OR_0,
            "no eos before this many tokens, prompt included")],
    ),
    Row(
        "min_new_tokens", penalties.min_new_tokens, hf=100,
        kind="truncation shift idempotent",
        reads="min_new_tokens output eos_token_ids",
        settings=[Setting("min_new_tokens", int | None, None, r.COUNT_OR_0,
            "no eos before this many new tokens")],
    ),
    Row(
        "prefix_allowed_tokens_fn", penalties.prefix_allowed_tokens_fn, hf=110,
        kind="truncation shift idempotent",
        reads="prefix_allowed_tokens_fn context batch_id",
        settings=[Setting("prefix_allowed_tokens_fn", Callable | None, None, r.ALLOWED,
            "function(prompt number, ids so far) -> the ids that may follow")],
    ),
    Row(
        "forced_bos_token_id", penalties.forced_bos_token_id, hf=120,
        kind="any shift idempotent forces",
        reads="forced_bos_token_id context",
        settings=[Setting("forced_bos_token_id", int | None, None, r.ID,
            "forced as the second token of all")],
    ),
    Row(
        "forced_eos_token_id", penalties.forced_eos_token_id, hf=130,
        kind="any shift idempotent forces",
        reads="forced_eos_token_id context limit",
        settings=[Setting("forced_eos_token_id", int | list | tuple | None, None, r.IDS,
            "forced at the end")],
    ),
    Row(
        "exponential_decay_length_penalty",
        penalties.exponential_decay_length_penalty, hf=140,
        kind="any",
        reads="exponential_decay_length_penalty output eos_token_ids",
        settings=[Setting(
            "exponential_decay_length_penalty", list | tuple | None, None, r.DECAY,
            "(start, factor): eos grows likelier behind start")],
    ),
    Row(
        "suppress_tokens", penalties.suppress_tokens, hf=150,
        kind="truncation shift idempotent",
        settings=[Setting("suppress_tokens", list | tuple | None, None, r.ID_LIST,
            "tokens that never appear")],
    ),
    Row(
        "begin_suppress_tokens", penalties.begin_suppress_tokens, hf=160,
        kind="truncation shift idempotent",
        reads="begin_suppress_tokens context begin",
        settings=[Setting("begin_suppress_tokens", list | tuple | None, None, r.ID_LIST,
            "... not as the first new one")],
    ),
    # Behind all filters, as in transformers.
    Row(
        "watermark", watermark.watermark, hf=800,
        kind="any shift",
        reads="watermarking_config context",
        settings=[Setting("watermarking_config", dict | None, None, r.DICTIONARY,
            "a hidden mark; see watermark.py")],
    ),
    Row(
        "renormalize_logits", penalties.renormalize_logits, hf=900,
        kind="any shift",
        settings=[Setting("renormalize_logits", bool, False, r.FLAG,
            "log-probabilities in place of logits")],
    ),
]
# Filters count only when sampling: greedy decoding takes the best, whatever else is
# left. In llama.cpp they look at what the model says, and the temperature comes last.
FILTERS = [
    Row(
        "temperature", truncation.dynamic_temperature, hf=300, llama_cpp=500,
        kind="any shift",
        settings=[
            Setting("temperature", float | None, 1.0, r.AT_LEAST_0,
                "below 1 sharper, above flatter; 0: greedy"),
            Setting("dynatemp_range", float, 0.0, r.AT_LEAST_0,
                "temperature varies by this with the entropy"),
            Setting("dynatemp_exponent", float, 1.0, r.POSITIVE,
                "... in this power of the entropy", "dynatemp_range"),
        ],
    ),
    Row(
        "top_h", truncation.top_h, hf=310, llama_cpp=320,
        kind="upper-set shift grows",
        settings=[Setting("top_h", float | None, None, r.SHARE,
            "keep the most likely of this entropy share")],
    ),
    Row(
        "top_k", filters.top_k, hf=320, llama_cpp=330,
        kind="upper-set shift idempotent no-heat grows",
        reads="top_k ties",
        settings=[Setting("top_k", int | None, 0, r.COUNT_OR_0,
            "keep the k most likely; 0: all")],
    ),
    Row(
        "top_p", filters.top_p, hf=330, llama_cpp=350,
        kind="upper-set shift grows grows-hot",
        reads="top_p min_keep",
        settings=[
            Setting("top_p", float | None, 1.0, r.SHARE,
                "keep the most likely of this mass; 1: all"),
            Setting("min_keep", int, 0, r.COUNT_OR_0,
                "top_p, min_p, typical_p and xtc keep so many",
                "top_p min_p typical_p xtc_probability"),
        ],
    ),
    Row(
        "min_p", truncation.min_p, hf=340, llama_cpp=360,
        kind="upper-set shift idempotent shrinks grows-hot",
        settings=[Setting("min_p", float | None, 0.0, r.SHARE,
            "keep p >= this * the largest p; 0: all")],
        reads="min_p min_keep",
    ),
    Row(
        "top_a", truncation.top_a, hf=345, llama_cpp=365,
        kind="upper-set shift shrinks grows-hot",
        settings=[Setting("top_a", float | None, 0.0, r.SHARE,
            "keep p >= this * the largest p squared; 0: all")],
    ),
    Row(
        "typical_p", truncation.typical_p, hf=350, llama_cpp=340,
        kind="truncation shift grows",
        settings=[Setting("typical_p", float | None, 1.0, r.SHARE,
            "keep the most typical of this mass; 1: all")],
        reads="typical_p min_keep beyond",
    ),
    Row(
        "epsilon_cutoff", truncation.epsilon_cutoff, hf=360, llama_cpp=370,
        kind="upper-set shift idempotent shrinks",
        settings=[Setting("epsilon_cutoff", float | None, 0.0, r.SHARE,
            "keep p >= this; 0: all")],
    ),
    Row(
        "eta_cutoff", truncation.eta_cutoff, hf=370, llama_cpp=380,
        kind="upper-set shift shrinks",
        settings=[Setting("eta_cutoff", float | None, 0.0, r.SHARE,
            "the same, lower when uncertain; 0: all")],
    ),
    Row(
        "top_n_sigma", truncation.top_n_sigma, hf=380, llama_cpp=310,
        kind="upper-set shift grows no-heat",
        settings=[Setting("top_n_sigma", float | None, None, r.AT_LEAST_0,
            "keep logits within n deviations of best")],
    ),
    Row(
        "xtc", truncation.xtc, hf=390,
        kind="truncation shift",
        reads="xtc_probability xtc_threshold rng min_keep",
        settings=[
            Setting("xtc_probability", float, 0.0, r.SHARE,
                "how often to exclude top choices"),
            Setting("xtc_threshold", float, 0.1, r.SHARE,
                "... the ones of at least this probability", "xtc_probability"),
        ],
    ),
    Row(
        "mirostat", mirostat.mirostat, hf=400, llama_cpp=510,
        kind="upper-set shift",
        reads="mirostat context state mirostat_tau mirostat_eta ties",
        settings=[
            Setting("mirostat", int, 0, r.VERSION,
                "aim at a fixed surprise instead; 0: off"),
            Setting("mirostat_tau", float, 5.0, r.POSITIVE,
                "... of this many bits", "mirostat"),
            Setting("mirostat_eta", float, 0.1, r.POSITIVE,
                "... corrected at this rate", "mirostat"),
        ],
    ),
    Row(
        "adaptive_p", adaptive.adaptive_p, hf=410, llama_cpp=520,
        kind="any shift",
        reads="adaptive_target context state adaptive_decay",
        settings=[
            Setting("adaptive_target", float | None, None, r.SHARE,
                "pull the chosen tokens' probability towards this"),
            Setting("adaptive_decay", float, 0.9, r.DECAY_RATE,
                "... over 1 / (1 - this) tokens", "adaptive_target"),
        ],
    ),
]
# fmt: on
STEPS = {row.name: row for row in RULES + FILTERS}
SETTINGS = {setting.name: setting for row in STEPS.values() for setting in row.settings}
PRESETS = {
    "hf": sorted(STEPS, key=lambda name: STEPS[name].hf),
    "llama.cpp": sorted(
        STEPS, key=lambda name: STEPS[name].llama_cpp or STEPS[name].hf
    ),
}


# Where the two libraries differ by more than the order. Names are settings that are not
# set, or what rows read.
HF = {
    "penalty_last_n": -1,  # all the text
    "dry_last_n": -1,
    "dry_sequence_breakers": (),
    "prompt_counts": False,  # for frequency_penalty and presence_penalty
    "ties": "all",  # stay, at the border of top_k
    "beyond": False,  # typical_p stops where the mass is reached
}
LLAMA_CPP = {
    "penalty_last_n": 64,
    "dry_last_n": 64,
    "dry_sequence_breakers": ("\n", ":", '"', "*"),
    "prompt_counts": True,
    "ties": "lowest",  # ids; exactly k stay
    "beyond": True,  # typical_p stops where the mass is exceeded
}
HABITS = {"llama.cpp": LLAMA_CPP}
# What mirostat replaces in llama.cpp, besides the filters.
REPLACED = ("repetition_penalty", "frequency_penalty", "presence_penalty", "dry")


@dataclass
class Step:
    """A rule or filter with everything but the logits and the context."""

    name: str
    known: dict

    def __call__(self, logits, context):
        row, known = STEPS[self.name], self.known
        output, n = context[known["n_prompt"] :], known["penalty_last_n"]
        now = {
            "context": context,
            "output": output,
            "seen": last(context, n),
            "counted": last(context if known["prompt_counts"] else output, n),
            "dry_seen": last(context, known["dry_last_n"]),
        }
        return row.function(logits, *[(now | known)[name] for name in reads(row)])


def last(ids, n):
    """The last ``n`` ids; all if n is -1."""
    return ids if n < 0 else ids[max(0, len(ids) - n) :]


def reads(row):
    """The names of what a row's function gets behind the logits."""
    return row.reads.split() or [setting.name for setting in row.settings]


def habits(config):
    """How the config's chain does what the two libraries do differently."""
    return HABITS.get(config.chain, HF) if isinstance(config.chain, str) else HF


def order(chain):
    """A preset's name or a list of names and functions -> the list, checked."""
    if isinstance(chain, str) and chain in PRESETS:
        return PRESETS[chain]
    entries = [chain] if isinstance(chain, str) else chain
    for entry in entries:
        if not callable(entry) and entry not in STEPS:
            raise ValueError(
                f"chain: {entry!r} is neither a preset ({', '.join(PRESETS)}), a step "
                f"({', '.join(STEPS)}) nor a function(logits, context)"
            )
    return list(entries)


def is_on(entry, config):
    """Whether a chain of this config has the step."""
    if callable(entry):
        return True
    switches = [s for s in STEPS[entry].settings if not s.needs]
    if all(getattr(config, s.name) in (None, s.default) for s in switches):
        return False
    if STEPS[entry] in FILTERS and not config.do_sample:
        return False
    if habits(config) is not LLAMA_CPP:
        return True
    if entry == "top_n_sigma" and config.top_n_sigma == 0:
        return False
    return not (config.mirostat and config.do_sample and replaced(entry))


def replaced(entry):
    """Whether mirostat takes the place of a step in llama.cpp."""
    stays = entry in ("temperature", "mirostat")
    return entry in REPLACED or (STEPS[entry] in FILTERS and not stays)


def steps_of(config):
    """The entries of the config's chain that are on, in order."""
    return [entry for entry in order(config.chain) if is_on(entry, config)]


def known(config, n_prompt=0, rng=None, batch_id=0):
    """What steps can read: the settings (where they are not set, what the preset does,
    or the default), and what follows from them and the prompt. `Step` adds what changes
    from token to token: ``context``, the ids so far; ``output``, those of them behind
    the prompt; ``seen``, ``counted`` and ``dry_seen``, the parts that the penalties
    look at."""
    defaults = {setting.name: setting.default for setting in SETTINGS.values()}
    given = {name: getattr(config, name) for name in SETTINGS}
    given = {name: value for name, value in given.items() if value is not None}
    known, new = defaults | habits(config) | given, config.max_new_tokens
    breakers = known["dry_sequence_breakers"] if is_on("dry", config) else ()
    return known | {
        "eos_token_ids": config.eos_token_ids,
        "breakers": breaker_sequences(tuple(breakers), config.tokenizer),
        "n_prompt": n_prompt,
        # Where the first free token comes: a forced one behind a lone token is not.
        "begin": n_prompt + (n_prompt == 1 and config.forced_bos_token_id is not None),
        "limit": config.max_length if new is None else n_prompt + new,
        "rng": rng,
        "batch_id": batch_id,
        "state": {},  # of a step that remembers
    }
