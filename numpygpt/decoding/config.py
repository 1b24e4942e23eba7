"""GenerationConfig: how to generate, as data.

The names and meanings are those of transformers' ``generate``, so that what people
know, and the generation_config.json of published models, carry over; methods that it
lacks have the names of llama.cpp. One default differs, loudly and on purpose: nothing
truncates unless you ask. (transformers samples from the best 50 tokens, a hidden
``top_k=50``, where people believe that they sample from the model.)

A config only says what is wanted. What is done about it is written in the files behind
this one; ``numpygpt.decoding.explain(config)`` prints it.

Try: ``GenerationConfig.known(topp=0.9)``.

Next: filters.py.
"""
# ruff: noqa: RUF009  (about() makes a dataclass field, which a linter cannot see)

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace

from .plumbing.checks import as_tuple, check, without_idle


def about(default, help):
    """A field with its one-line description, which the command line prints too."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class GenerationConfig:
    """How to generate, with transformers' names; unset fields change nothing."""

    # How long
    max_length: int = about(20, "tokens in all, prompt included")
    max_new_tokens: int | None = about(None, "tokens beyond the prompt; wins")
    min_length: int = about(0, "no eos before this many tokens, prompt included")
    min_new_tokens: int | None = about(None, "no eos before this many new tokens")
    max_time: float | None = about(None, "stop after this many seconds")
    stop_strings: str | list | tuple | None = about(None, "stop when one appears")
    # Which method
    do_sample: bool = about(False, "draw, instead of taking the most likely token")
    num_return_sequences: int = about(1, "continuations of each prompt")
    num_beams: int = about(1, "beam search keeps this many; 1: no beam search")
    num_beam_groups: int = about(1, "diverse beams: groups that avoid each other")
    diversity_penalty: float = about(0.0, "diverse beams: for what others chose")
    stochastic_beams: bool = about(False, "draw num_beams different texts")
    early_stopping: bool | str = about(False, "beams: true, false or never")
    length_penalty: float = about(1.0, "beams: score / length ** this")
    patience: float = about(1.0, "beams: finish this many times num_beams")
    penalty_alpha: float | None = about(None, "contrastive search: 0 greedy, to 1")
    dola_layers: str | list | tuple | None = about(None, "DoLa: low, high, or layers")
    prompt_lookup_num_tokens: int | None = about(None, "draft by copying this many")
    max_matching_ngram_size: int | None = about(None, "... after the longest match, 2")
    num_assistant_tokens: int = about(20, "a draft model proposes this many")
    num_assistant_tokens_schedule: str = about("constant", "or heuristic")
    assistant_confidence_threshold: float = about(0.4, "a draft stops below this")
    guidance_scale: float | None = about(None, "away from the text without prompt; 1")
    regex: str | None = about(None, "the new text matches this regular expression")
    choices: list | tuple | None = about(None, "the new text is one of these")
    token_healing: bool = about(False, "choose the prompt's last token anew")
    # Objects that some methods need; never an option of the command line
    assistant_model: object = about(None, "drafts: a smaller model, same vocabulary")
    negative_prompt_ids: list | tuple | None = about(
        None, "guidance: the ids to see in place of the prompt"
    )
    tokenizer: object = about(None, "for stop_strings, regex, choices, token_healing")
    stopping_criteria: list | tuple | None = about(
        None, "functions(ids so far) -> true to stop"
    )
    # Which tokens may come next: filters, when sampling
    temperature: float | None = about(1.0, "below 1 bolder, above wilder; 0: greedy")
    dynatemp_range: float = about(0.0, "temperature varies by this with the entropy")
    dynatemp_exponent: float = about(1.0, "... in this power of the entropy")
    top_k: int | None = about(0, "keep the k most likely; 0: all")
    top_p: float | None = about(1.0, "keep the most likely of this mass; 1: all")
    min_p: float | None = about(0.0, "keep p >= this * the largest p; 0: all")
    typical_p: float | None = about(1.0, "keep the most typical of this mass; 1: all")
    epsilon_cutoff: float | None = about(0.0, "keep p >= this; 0: all")
    eta_cutoff: float | None = about(0.0, "the same, lower when uncertain; 0: all")
    top_n_sigma: float | None = about(None, "keep logits within n deviations of best")
    top_h: float | None = about(None, "keep the most likely of this entropy share")
    xtc_probability: float = about(0.0, "how often to exclude top choices")
    xtc_threshold: float = about(0.1, "... the ones of at least this probability")
    mirostat: int = about(0, "1 or 2: aim at a fixed surprise instead; 0: off")
    mirostat_tau: float = about(5.0, "... of this many bits")
    mirostat_eta: float = about(0.1, "... corrected at this rate")
    # Rules that look at the text so far, always
    repetition_penalty: float | None = about(1.0, "above 1 against what is there; 1")
    frequency_penalty: float = about(0.0, "subtracted per earlier occurrence")
    presence_penalty: float = about(0.0, "subtracted from what occurred at all")
    dry_multiplier: float = about(0.0, "against extending a repeat; 0: off")
    dry_base: float = about(1.75, "... growing by this with every token")
    dry_allowed_length: int = about(2, "... from this length on")
    dry_sequence_breakers: list | tuple | None = about(None, "... no repeat across")
    no_repeat_ngram_size: int | None = about(0, "no n tokens twice; 0: off")
    bad_words_ids: list | tuple | None = about(None, "sequences that never appear")
    sequence_bias: dict | list | None = about(None, "added when completing a sequence")
    logit_bias: dict | None = about(None, "added to tokens: {id: bias}")
    suppress_tokens: list | tuple | None = about(None, "tokens that never appear")
    begin_suppress_tokens: list | tuple | None = about(None, "... not as the first")
    forced_bos_token_id: int | None = about(None, "forced as the second token of all")
    forced_eos_token_id: int | list | tuple | None = about(None, "forced at the end")
    exponential_decay_length_penalty: list | tuple | None = about(
        None, "(start, factor): eos grows likelier behind start"
    )
    prefix_allowed_tokens_fn: Callable | None = about(
        None, "function(prompt number, ids so far) -> the ids that may follow"
    )
    watermarking_config: dict | None = about(None, "a hidden mark; see watermark.py")
    renormalize_logits: bool = about(False, "log-probabilities in place of logits")
    chain: str | list | tuple = about("hf", "the order: hf, llama.cpp, or a list")
    # Special tokens
    bos_token_id: int | None = about(None, "begins a text")
    eos_token_id: int | list | tuple | None = about(None, "any of these ends a text")
    pad_token_id: int | None = about(None, "fills ended rows; by default the eos")
    # What is returned
    return_dict_in_generate: bool = about(False, "an object instead of an array")
    output_scores: bool = about(False, "... with the processed logits")
    output_logits: bool | None = about(False, "... with the model's logits")
    use_cache: bool = about(True, "accepted; the cache is always used")

    def __post_init__(self):
        for f in fields(self):
            check(f.name, f.type, getattr(self, f.name))
        self._check_lengths()
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
        return as_tuple(self.eos_token_id)

    def _check_lengths(self):
        new = self.max_new_tokens
        low, high = "min_length", "max_length"
        if new is not None:  # it wins over max_length
            low, high = "min_new_tokens", "max_new_tokens"
        least, most = getattr(self, low) or 0, getattr(self, high)
        if least > most:
            raise ValueError(f"{low} must be at most {high}, {most}, not {least}")


def merge_config(base, override, settings):
    """A call's configuration: the model's own, replaced by a GenerationConfig or a
    dictionary, changed by keywords."""
    if isinstance(override, dict):
        override = GenerationConfig.known(**override)
    if override is None:
        override = base
    if not isinstance(override, GenerationConfig):
        raise ValueError("generation_config must be a GenerationConfig or a dict, not "
                         f"{override!r:.80}")  # fmt: skip
    settings = without_idle(settings, fields(GenerationConfig))
    settings = {"do_sample": override.asked_to_sample, **settings}
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        if getattr(override, name) is None and name not in settings:
            settings = {**settings, name: getattr(base, name)}
    return replace(override, **settings)
