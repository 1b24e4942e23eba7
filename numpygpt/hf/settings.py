"""The core's settings are frozen; here they may be set, and are checked each time."""

from .. import config as plain
from ..decoding import config as decoding
from ..decoding.plumbing.ranges import is_int
from ..decoding.plumbing.settings import merge_config
from ..files.hub import find, read_json

# Arguments of from_pretrained that change nothing here, whatever they say.
IDLE = {
    "attn_implementation", "cache_dir", "device_map",
    "local_files_only", "low_cpu_mem_usage", "revision", "token", "trust_remote_code",
    "use_cache", "use_fast", "use_safetensors",
}  # fmt: skip
# transformers' general names for what GPT-2's config calls otherwise.
ALIASES = {
    "hidden_size": "n_embd",
    "max_position_embeddings": "n_positions",
    "num_attention_heads": "n_head",
    "num_hidden_layers": "n_layer",
}
TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id")


class GPT2Config:
    """The core's GPT2Config; the ids of special tokens may be set afterwards, the
    sizes may not. Also answers to transformers' general names (``hidden_size``)."""

    def __init__(self, pad_token_id=None, **settings):
        named = {ALIASES.get(name, name): value for name, value in settings.items()}
        self.__dict__["plain"] = plain.GPT2Config.from_dict(named)
        self.__dict__.update({name: getattr(self.plain, name) for name in TOKENS[:2]})
        self.pad_token_id = pad_token_id

    @classmethod
    def from_pretrained(cls, name_or_folder):
        return cls(**read_json(find(name_or_folder) / "config.json"))

    def __getattr__(self, name):
        return getattr(_plain(self, name), ALIASES.get(name, name))

    def __setattr__(self, name, value):
        if name not in TOKENS:
            raise ValueError(
                f"{name} cannot be set: the weights have the shape that they have. "
                "Make a new GPT2Config"
            )
        if value is not None and not is_int(value):
            raise ValueError(f"{name} must be a token id or None, not {value!r:.80}")
        self.__dict__[name] = value

    def __repr__(self):
        return f"{self.plain!r:.1000}, pad_token_id={self.pad_token_id}"


class GenerationConfig:
    """The core's GenerationConfig, whose fields may be set afterwards.

    >>> config = GenerationConfig(top_k=5)
    >>> config.top_k = -1
    Traceback (most recent call last):
    ValueError: top_k must be an integer of at least 0, not -1
    """

    def __init__(self, **settings):
        self.__dict__["plain"] = decoding.GenerationConfig.known(**settings)

    @classmethod
    def of(cls, config):
        """One that starts from the core's."""
        new = cls()
        new.__dict__["plain"] = config
        return new

    def __getattr__(self, name):
        return getattr(_plain(self, name), name)

    def __setattr__(self, name, value):
        changed = merge_config(self.plain, None, {name: value})
        self.__dict__["plain"] = changed

    def __repr__(self):
        return repr(self.plain)


def _plain(settings, name):
    """What is inside; while it is being copied or unpickled there is nothing yet."""
    if "plain" not in settings.__dict__:
        raise AttributeError(name)
    return settings.__dict__["plain"]


def refuse(given, **allowed):
    """Arguments that transformers knows and that do nothing here, if left as they are;
    any other is a ``ValueError``."""
    for name, value in given.items():
        if not any(value is a or value == a for a in allowed.get(name, ())):
            more = "; numpygpt.look.inside(model.core, ids) has what a pass computes"
            more = more if name in ("output_attentions", "output_hidden_states") else ""
            raise ValueError(
                f"{name}={value!r:.80}: numpygpt.hf does not have this{more}"
            )
