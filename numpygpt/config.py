"""The numbers that fix a GPT-2's shape, and how many weights that makes.

Every GPT-2 is the same program. What differs between the four that OpenAI released
is the width ``n_embd``, the depth ``n_layer`` and the number of heads. The fields below
carry the names of Hugging Face's config.json, so the file of any such model can be read
as it is. A setting that would change the arithmetic in a way this package does not know
is refused: a wrong answer is worse than none.

The checkpoint's names, which all of the package uses:

    wte, wpe          word (token) and word position embedding: a row of n_embd for each
    h                 the hidden layers, a list of blocks
    ln_1, ln_2, ln_f  layer norms: before attention, before the MLP, the final one
    attn.c_attn       the linear layer that makes queries, keys and values
    attn.c_proj       ... and the one that projects what the heads found on the stream
    mlp.c_fc, c_proj  the MLP's two: "fully connected" to 4 * n_embd, and back

``c_`` is for convolution; `layers.linear` says why.

Why "117M" is 124M. The paper calls the smallest model 117M; its checkpoint has

>>> GPT2Config.named("gpt2").n_params
124439808

weights: 50,257 x 768 for the tokens, 1,024 x 768 for the positions, and about
12 x 768 x 768 for each of 12 blocks. OpenAI only said later that its counts were wrong.
All four are too low by 9,779 times the width, and 9,779 is by how many tokens GPT-2's
vocabulary is larger than GPT-1's (50,257 - 40,478): the table was counted with the old
vocabulary. (This explanation is ours.) ``python scripts/sizes.py`` prints them all.

Try: which share of the weights is the vocabulary, for "gpt2" and for "gpt2-xl"?

Next: layers.py.
"""

import math
from dataclasses import asdict, dataclass, fields

from .checks import check_config, must
from .files.hub import FormatError

# Width, blocks, heads, context, and what the model's paper calls its size. (GPT-3's
# weights never were published, and every other block of it looks at recent tokens only.
# Two slips in its table are mended: 24 heads of 128 at 2048, and a width of 5140.)
PUBLISHED = {
    "distilgpt2": (768, 6, 12, 1024, "82M"),
    "gpt2": (768, 12, 12, 1024, "117M"),
    "gpt2-medium": (1024, 24, 16, 1024, "345M"),
    "gpt2-large": (1280, 36, 20, 1024, "762M"),
    "gpt2-xl": (1600, 48, 25, 1024, "1542M"),
    "gpt3-small": (768, 12, 12, 2048, "125M"),
    "gpt3-medium": (1024, 24, 16, 2048, "350M"),
    "gpt3-large": (1536, 24, 16, 2048, "760M"),
    "gpt3-xl": (2048, 24, 16, 2048, "1.3B"),
    "gpt3-2.7b": (2560, 32, 32, 2048, "2.7B"),
    "gpt3-6.7b": (4096, 32, 32, 2048, "6.7B"),
    "gpt3-13b": (5120, 40, 40, 2048, "13B"),
    "gpt3-175b": (12288, 96, 96, 2048, "175B"),
}
ACTIVATIONS = ("gelu_new", "gelu", "gelu_pytorch_tanh", "relu", "silu", "swish", "tanh")
# Settings of config.json that we cannot honour, with the only value we accept.
REFUSED = {"model_type": "gpt2", "add_cross_attention": False, "pruned_heads": {}}


@dataclass(frozen=True)
class GPT2Config:
    """Hyper-parameters; the defaults are GPT-2's, as in Hugging Face's GPT2Config."""

    vocab_size: int = 50257
    n_positions: int = 1024  # the context: how many tokens the model can see
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    n_inner: int | None = None  # width inside the MLP; None: 4 * n_embd
    activation_function: str = "gelu_new"  # GELU's tanh form, the one GPT-2 has
    layer_norm_epsilon: float = 1e-5
    scale_attn_weights: bool = True  # divide the scores by sqrt(d_head)
    scale_attn_by_inverse_layer_idx: bool = False  # ... and by (layer + 1)
    # Without effect here: scores are never computed in less than float32.
    reorder_and_upcast_attn: bool = False
    tie_word_embeddings: bool = True  # unembed with the transpose of the embedding
    initializer_range: float = 0.02
    bos_token_id: int | None = 50256
    eos_token_id: int | list | None = 50256

    def __post_init__(self):
        check_config(self, ACTIVATIONS)

    # n_vocab and n_ctx are the names of GPT-2's own hparams.json.
    n_vocab = property(lambda self: self.vocab_size)
    n_ctx = property(lambda self: self.n_positions)
    d_head = property(lambda self: self.n_embd // self.n_head)
    d_inner = property(lambda self: self.n_inner or 4 * self.n_embd)

    @property
    def n_params(self):
        """How many weights: the sum of the sizes of all arrays, shared ones once."""
        return sum(math.prod(shape) for shape in self.shapes().values())

    def shapes(self):
        """``{name: shape}`` of every weight array, named as in GPT-2's checkpoint.

        Matrices are ``[in, out]``: a layer is ``x @ weight + bias``.
        """
        e, inner = self.n_embd, self.d_inner
        shapes = {"wte.weight": (self.n_vocab, e), "wpe.weight": (self.n_ctx, e)}
        for i in range(self.n_layer):
            for name, shape in {
                "ln_1": (e,),
                "attn.c_attn": (e, 3 * e),
                "attn.c_proj": (e, e),
                "ln_2": (e,),
                "mlp.c_fc": (e, inner),
                "mlp.c_proj": (inner, e),
            }.items():
                shapes[f"h.{i}.{name}.weight"] = shape
                shapes[f"h.{i}.{name}.bias"] = shape[-1:]
        shapes |= {"ln_f.weight": (e,), "ln_f.bias": (e,)}
        if not self.tie_word_embeddings:
            shapes["lm_head.weight"] = (self.n_vocab, e)
        return shapes

    @classmethod
    def named(cls, name):
        """The configuration of a published model: "gpt2", ..., "gpt3-175b"."""
        if not isinstance(name, str) or name not in PUBLISHED:
            known = ", ".join(PUBLISHED)
            raise ValueError(f"name must be one of {known}, not {name!r}")
        names = ("n_embd", "n_layer", "n_head", "n_positions")
        return cls(**dict(zip(names, PUBLISHED[name])))

    @classmethod
    def from_dict(cls, settings):
        """From the content of a config.json. Settings without a bearing on the
        arithmetic (dropout, task names, ...) are passed over, others refused."""
        must("settings", settings, isinstance(settings, dict), "a dictionary")
        for name, only in REFUSED.items():
            value = settings.get(name, only)
            if value != only and not (value is None and not only):
                raise FormatError(
                    f"{name} is {value!r:.80}; numpygpt computes plain GPT-2, with "
                    f"{name} {only!r}"
                )
        names = {field.name for field in fields(cls)}
        return cls(**{k: v for k, v in settings.items() if k in names})

    def to_dict(self):
        """The content of a config.json that transformers opens."""
        kind = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}
        return {**kind, **asdict(self)}
