"""The model: ``[n_row, n_tok]`` ids in, an object with ``.logits`` out."""

from dataclasses import dataclass, replace

import numpy as np

from .. import gpt2, scoring, weights
from ..checks import check_ids, check_room, must
from ..decoding.plumbing.settings import merge_config
from .padding import Past
from .settings import IDLE, GenerationConfig, GPT2Config, refuse
from .text import as_array


class GPT2LMHeadModel:
    """GPT-2 as transformers shows it. ``model.core`` is the plain GPT2 inside.

    >>> model = GPT2LMHeadModel(GPT2Config(vocab_size=9, n_embd=8, n_layer=1, n_head=2))
    >>> model(np.array([[3, 1, 4], [1, 5, 2]])).logits.shape
    (2, 3, 9)
    """

    device = "cpu"

    def __init__(self, config, core=None):
        """Untrained weights, unless ``core``, a GPT2, brings some."""
        if not isinstance(config, GPT2Config):
            raise ValueError(f"config must be a numpygpt.hf.GPT2Config, not {config!r}")
        must("core", core, isinstance(core, (gpt2.GPT2, type(None))), "a GPT2")
        self.config = config
        self.core = core or gpt2.GPT2.random(config.plain)
        self.generation_config = GenerationConfig.of(self.core.generation_config)

    @classmethod
    def from_pretrained(cls, name_or_folder, *, dtype=None, torch_dtype=None, **idle):
        """``dtype``: float32 (the default, and what "auto" means), float64 or int8."""
        refuse({name: idle[name] for name in idle.keys() - IDLE})
        dtype = str(dtype or torch_dtype or "float32").removeprefix("torch.")
        core = gpt2.GPT2.from_pretrained(
            name_or_folder, "float32" if dtype == "auto" else dtype
        )
        return cls(GPT2Config.from_pretrained(name_or_folder), core)

    def save_pretrained(self, folder):
        """A folder that transformers opens, with the settings as they are now."""
        self.core.generation_config = self.generation_config.plain
        if self.core.generation_config.pad_token_id is None:
            self.core.generation_config = replace(
                self.core.generation_config, pad_token_id=self.config.pad_token_id
            )
        self.core.save_pretrained(folder)

    dtype = property(lambda self: self.core.dtype)

    def eval(self):
        """Itself: there is no dropout to switch off."""
        return self

    def to(self, *device):
        """Itself: everything is computed by the processor, in `dtype`."""
        return self

    def num_parameters(self):
        return self.config.n_params

    def state_dict(self):
        """``{name: array}`` under transformers' names."""
        flat = weights.flatten(self.core.params)
        flat.setdefault("lm_head.weight", flat["wte.weight"])
        return {
            name if name.startswith("lm_head") else f"transformer.{name}": array
            for name, array in flat.items()
        }

    def __repr__(self):
        return f"GPT2LMHeadModel({self.config!r})"

    def __call__(
        self, input_ids, *, attention_mask=None, past_key_values=None, labels=None,
        position_ids=None, use_cache=True, **how,
    ):  # fmt: skip
        """One forward pass.

        ``input_ids [n_row, n_tok]``; behind ``past_key_values`` only the new ones.
        ``attention_mask [n_row, n_past + n_tok]``: 0 where a token is padding.
        ``position_ids [n_row, n_tok]``: by default the columns, padding counted.
        ``labels [n_row, n_tok]``: the ids again; -100 where a token does not count.
        ``.loss`` is then the mean of -log p(label i | ids before i), in nats.

        Returns an object with ``.logits [n_row, n_tok, n_vocab]``, ``.past_key_values``
        and ``.loss``. Where ``input_ids`` is padding, nobody should look at the logits:
        they are those of a token that sees the text before it and not itself (as with
        transformers' attention "sdpa").
        """
        refuse(
            how, return_dict=(None, True), output_hidden_states=(None, False),
            output_attentions=(None, False), token_type_ids=(None,),
        )  # fmt: skip
        ids = as_array(input_ids, "input_ids")
        if ids.ndim != 2 or ids.size == 0:
            raise ValueError(f"input_ids must be [n_row, n_tok], not {list(ids.shape)}")
        check_ids(ids.ravel(), self.config)
        past = Past(self.core, len(ids)) if past_key_values is None else past_key_values
        ok = isinstance(past, Past)
        must("past_key_values", past, ok, "an earlier output's .past_key_values")
        mask = past.extended(attention_mask, ids.shape)
        positions = _positions(position_ids, past, ids.shape, self.config)
        hidden = past.read(self.core, ids, positions, mask[:, -ids.shape[1] :])
        past.mask = mask
        logits = self.core.unembed(hidden.reshape(-1, hidden.shape[-1]))
        logits = logits.reshape(*ids.shape, -1)
        loss = None if labels is None else _loss(logits, labels)
        return CausalLMOutput(logits, past if use_cache else None, loss)

    def generate(
        self, inputs=None, generation_config=None, *, input_ids=None,
        attention_mask=None, streamer=None, seed=None, **settings,
    ):  # fmt: skip
        """Continue ``[n_row, n_tok]`` prompts: see `GPT2.generate`. Rows come back with
        their padding; without any prompt a text starts at bos."""
        ids = inputs if input_ids is None else input_ids
        if ids is None:
            ids = [[self.config.bos_token_id]]
        if isinstance(ids, dict):
            raise ValueError("inputs is a dictionary: pass generate(**inputs)")
        ids = as_array(ids, "input_ids")
        own = self.generation_config.plain
        asked = getattr(generation_config, "plain", generation_config) or own
        config = merge_config(own, asked, settings)
        pad = config.pad_token_id
        if pad is None:
            pad = settings["pad_token_id"] = self.config.pad_token_id
        if attention_mask is None and pad not in (None, *config.eos_token_ids):
            attention_mask = ids != pad  # as transformers does
        if attention_mask is not None:
            attention_mask = as_array(attention_mask, "attention_mask")
        return self.core.generate(
            ids, asked, streamer=streamer, seed=seed, attention_mask=attention_mask,
            **settings,
        )  # fmt: skip


def _positions(position_ids, past, shape, config):
    """``[n_row, n_tok]``: those given, or the columns."""
    if position_ids is None:
        check_room(past.get_seq_length() + shape[1], config)
        position_ids = np.arange(shape[1]) + past.get_seq_length()
    positions = as_array(position_ids, "position_ids")
    if positions.shape not in (shape, (1, shape[1]), shape[1:]):
        raise ValueError(
            f"position_ids must be {list(shape)}, not {list(positions.shape)}"
        )
    if not 0 <= positions.min() <= positions.max() < config.n_ctx:
        raise ValueError(f"position_ids must be from 0 to {config.n_ctx - 1}")
    return np.broadcast_to(positions, shape)


def _loss(logits, labels):
    """The mean over all rows of -log p(label i | ids before i); -100: not counted."""
    labels = as_array(labels, "labels")
    if labels.shape != logits.shape[:2]:
        raise ValueError(
            "labels must have the shape of input_ids, "
            f"{list(logits.shape[:2])}, not {list(labels.shape)}"
        )
    guesses = logits[:, :-1].reshape(-1, logits.shape[-1])
    return scoring.loss(guesses, labels[:, 1:].reshape(-1))


@dataclass
class CausalLMOutput:
    """What the model returns: by name, or by number among those that are there."""

    logits: np.ndarray
    past_key_values: object = None
    loss: float | None = None

    def to_tuple(self):
        parts = (self.loss, self.logits, self.past_key_values)
        return tuple(part for part in parts if part is not None)

    def __getitem__(self, which):
        if isinstance(which, str):
            return getattr(self, which)
        return self.to_tuple()[which]
