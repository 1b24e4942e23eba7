"""GenerationConfig: how to generate, as data.

The names and meanings are those of transformers' ``generate``, so that what people
know, and the generation_config.json of published models, carry over; methods that it
lacks have the names of llama.cpp. One default differs, on purpose: nothing truncates
unless you ask. (transformers samples from the best 50 tokens, a hidden ``top_k=50``,
where people believe that they sample from the model.)

A config only says what is wanted. Half of its fields stand below. The other half are
the settings of the rules and filters (temperature, top_k, ...), one or a few each:
they stand in rules/table.py beside the functions that read them, and are added from
there. ``numpygpt.decoding.explain(config)`` says what a config will do.

Try: ``GenerationConfig.known(topp=0.9)``.

Next: sampling.py.
"""
# ruff: noqa: RUF009  (about() makes a dataclass field, which a linter cannot see)

from dataclasses import dataclass, field, fields

from .plumbing import ranges as r
from .plumbing.checks import check_together, without_idle
from .rules.table import SETTINGS

Several = list | tuple | None
OneOrMore = str | list | tuple | None


def about(default, range, help):
    """A field, with what its value must be and what it is for: --help prints both."""
    return field(default=default, metadata={"range": range, "help": help})


def with_settings_of_steps(cls):
    """Add the settings of every rule and filter as fields."""
    for setting in SETTINGS.values():
        cls.__annotations__[setting.name] = setting.type
        setattr(cls, setting.name, about(setting.default, setting.range, setting.help))
    return cls


@dataclass(frozen=True)
@with_settings_of_steps
class GenerationConfig:
    """How to generate, with transformers' names; unset fields change nothing."""

    # How long
    max_length: int = about(20, r.COUNT, "tokens in all, prompt included")
    max_new_tokens: int | None = about(None, r.COUNT, "tokens beyond the prompt; wins")
    max_time: float | None = about(None, r.POSITIVE, "stop after this many seconds")
    stop_strings: OneOrMore = about(None, r.TEXTS, "stop when one appears")
    stop_strings_wait: bool = about(False, r.FLAG, "... behind min_new_tokens alone")
    # Which method
    do_sample: bool = about(False, r.FLAG, "draw; else take the most likely token")
    num_return_sequences: int = about(1, r.COUNT, "continuations of each prompt")
    num_beams: int = about(1, r.COUNT, "beam search keeps this many; 1: no beam search")
    num_beam_groups: int = about(1, r.COUNT, "diverse beams: groups that differ")
    diversity_penalty: float = about(0.0, r.AT_LEAST_0, "... cost of what others chose")
    stochastic_beams: bool = about(False, r.FLAG, "draw num_beams different texts")
    early_stopping: bool | str = about(False, r.EARLY, "beams: when to stop")
    length_penalty: float = about(
        1.0, r.POWER, "beams: the larger, the longer the text"
    )
    patience: float = about(1.0, r.POSITIVE, "beams: finish this many times num_beams")
    penalty_alpha: float | None = about(None, r.SHARE, "contrastive search; 0: greedy")
    dola_layers: OneOrMore = about(None, r.LAYERS, "DoLa: the early layers to contrast")
    prompt_lookup_num_tokens: int | None = about(
        None, r.COUNT, "copy so many as a draft"
    )
    max_matching_ngram_size: int | None = about(
        None, r.COUNT, "... behind a match of 2"
    )
    num_assistant_tokens: int = about(20, r.COUNT, "a draft model proposes this many")
    num_assistant_tokens_schedule: str = about("constant", r.SCHEDULE, "... or varying")
    assistant_confidence_threshold: float = about(0.4, r.SHARE, "... or less: unsure")
    guidance_scale: float | None = about(None, r.NUMBER, "the prompt's influence; 1")
    regex: str | None = about(None, r.TEXT, "the new text matches this expression")
    choices: Several = about(None, r.CHOICES, "the new text is one of these")
    json_schema: object = about(None, r.SCHEMA, "the new text is valid JSON for it")
    json_object: bool = about(False, r.FLAG, "the new text is a JSON object")
    token_healing: bool = about(False, r.FLAG, "choose the prompt's last token anew")
    chain: str | list | tuple = about("hf", r.CHAIN, "the order of rules and filters")
    # Objects that some methods need; never an option of the command line
    assistant_model: object = about(None, r.MODEL, "drafts: smaller, same vocabulary")
    negative_prompt_ids: Several = about(
        None, r.ID_LIST, "guidance leads away from them"
    )
    tokenizer: object = about(None, r.TOKENIZER, "for whatever is about text")
    prompt_cache: object = about(None, r.READ, "what model.read(ids) gave")
    stopping_criteria: Several = about(
        None, r.STOPS, "functions(ids so far): true stops"
    )
    # Special tokens
    bos_token_id: int | None = about(None, r.ID, "begins a text")
    eos_token_id: int | list | tuple | None = about(None, r.IDS, "any of these ends it")
    pad_token_id: int | None = about(None, r.ID, "fills ended rows; by default the eos")
    # What is returned
    return_dict_in_generate: bool = about(
        False, r.FLAG, "an object instead of an array"
    )
    output_scores: bool = about(False, r.FLAG, "... with the processed logits")
    output_logits: bool | None = about(False, r.FLAG, "... with the model's logits")
    logprobs: int | None = about(None, r.COUNT_OR_0, "... with the likeliest of a step")
    prompt_logprobs: int | None = about(None, r.COUNT_OR_0, "... and with the prompt's")
    use_cache: bool = about(True, r.FLAG, "accepted; the cache is always used")

    def __post_init__(self):
        for f in fields(self):
            value = getattr(self, f.name)
            if value is not None or not isinstance(None, f.type):
                r.check(f.name, f.metadata["range"], value)
        check_together(self)
        # Temperature 0 is greedy, until another temperature takes its place.
        object.__setattr__(self, "asked_to_sample", self.do_sample)
        if self.temperature == 0:
            object.__setattr__(self, "do_sample", False)

    @classmethod
    def known(cls, **settings):
        """Build one; an unknown name is a ``ValueError`` that suggests the nearest.

        >>> GenerationConfig.known(topp=0.9)
        Traceback (most recent call last):
        ValueError: unknown argument 'topp': did you mean 'top_p'?
        """
        return cls(**without_idle(settings, fields(cls)))

    @property
    def eos_token_ids(self):
        """The ids that end a sequence, as a tuple."""
        return r.as_tuple(self.eos_token_id)
