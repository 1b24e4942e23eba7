"""The configuration: published sizes, config.json, what is refused."""

import pytest

from numpygpt import GPT2Config
from numpygpt.activations import ACTIVATION
from numpygpt.config import ACTIVATIONS, PUBLISHED
from numpygpt.files.hub import FormatError


@pytest.mark.parametrize(
    ("name", "n_params"),
    [
        ("gpt2", 124_439_808),
        ("gpt2-medium", 354_823_168),
        ("gpt2-large", 774_030_080),
        ("gpt2-xl", 1_557_611_200),
        ("distilgpt2", 81_912_576),
    ],
)
def test_the_published_models_sizes(name, n_params):
    assert GPT2Config.named(name).n_params == n_params


def test_the_published_models_shapes():
    """Radford et al. 2019, table 2; Brown et al. 2020, table 2.1, two slips mended."""
    shapes = {
        "distilgpt2": (768, 6, 12, 1024),
        "gpt2": (768, 12, 12, 1024),
        "gpt2-medium": (1024, 24, 16, 1024),
        "gpt2-large": (1280, 36, 20, 1024),
        "gpt2-xl": (1600, 48, 25, 1024),
        "gpt3-small": (768, 12, 12, 2048),
        "gpt3-medium": (1024, 24, 16, 2048),
        "gpt3-large": (1536, 24, 16, 2048),
        "gpt3-xl": (2048, 24, 16, 2048),
        "gpt3-2.7b": (2560, 32, 32, 2048),
        "gpt3-6.7b": (4096, 32, 32, 2048),
        "gpt3-13b": (5120, 40, 40, 2048),
        "gpt3-175b": (12288, 96, 96, 2048),
    }
    assert PUBLISHED.keys() == shapes.keys()
    for name, shape in shapes.items():
        c = GPT2Config.named(name)
        assert (c.n_embd, c.n_layer, c.n_head, c.n_positions) == shape
        size, unit = float(PUBLISHED[name][-1][:-1]), PUBLISHED[name][-1][-1]
        # The papers' counts are rough (GPT-2's are too low), but not by a fifth.
        assert 0.8 < size * {"M": 1e6, "B": 1e9}[unit] / c.n_params < 1.1
    with pytest.raises(ValueError, match="name must be one of distilgpt2, gpt2, "):
        GPT2Config.named(3)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("vocab_size", [1], [0, -1, 1.0, "9", None]),
        ("n_positions", [1], [0, True]),
        ("n_layer", [1], [0, None]),
        ("n_head", [1, 2, 768], [0, 5, 1536]),
        ("n_inner", [1, None], [0, -1, 2.0, [3]]),
        ("bos_token_id", [-1, 0, None], [-2, 0.5, [1]]),
        ("eos_token_id", [-1, 0, None, [1, -1], []], [-2, 0.5, [1, -2], [None], (1,)]),
        ("layer_norm_epsilon", [1e-12, 0.999], [0, 0.0, 1, 1.0, -1e-5, "1e-5", None]),
        ("scale_attn_weights", [False], [0, None]),
        ("scale_attn_by_inverse_layer_idx", [True], ["true"]),
        ("reorder_and_upcast_attn", [True], [1]),
        ("tie_word_embeddings", [False], [None]),
        ("activation_function", [*ACTIVATION], ["gelu_ne", "", None]),
        ("model_type", ["gpt2"], ["gpt", "GPT2", ""]),
        ("add_cross_attention", [False, None], [True]),
        ("pruned_heads", [{}, None], [{0: [1]}]),
    ],
)
def test_both_sides_of_what_a_setting_may_be(name, good, bad):
    for value in good:
        config = GPT2Config.from_dict({name: value})
        assert getattr(config, name, value) == value
    for value in bad:
        with pytest.raises(ValueError, match=rf"^{name} (must be|is) "):
            GPT2Config.from_dict({name: value})


def test_the_known_activations():
    assert {*ACTIVATIONS} == ACTIVATION.keys() == {
        "gelu_new", "gelu", "gelu_pytorch_tanh", "relu", "silu", "swish", "tanh",
    }  # fmt: skip


def test_n_params_by_hand():
    config = GPT2Config(7, n_positions=5, n_embd=4, n_layer=3, n_head=2, n_inner=6)
    attention = 4 * 12 + 12 + 4 * 4 + 4
    mlp = 4 * 6 + 6 + 6 * 4 + 4
    block = 8 + attention + 8 + mlp
    assert config.n_params == 7 * 4 + 5 * 4 + 3 * block + 8
    untied = GPT2Config(7, n_positions=5, n_embd=4, n_layer=3, n_head=2, n_inner=6,
                        tie_word_embeddings=False)  # fmt: skip
    assert untied.n_params == config.n_params + 28


def test_hparams_names():
    config = GPT2Config.named("gpt2-xl")
    assert (config.n_vocab, config.n_ctx, config.d_head) == (50257, 1024, 64)


def test_dict_and_back():
    config = GPT2Config(n_embd=30, n_head=5, activation_function="gelu")
    assert GPT2Config.from_dict(config.to_dict()) == config


def test_settings_without_a_bearing_are_passed_over():
    settings = {"n_layer": 2, "resid_pdrop": 0.1, "task_specific_params": {"x": 1}}
    assert GPT2Config.from_dict(settings).n_layer == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_layer", 0),
        ("n_embd", -768),
        ("n_head", 7),
        ("n_positions", 1.5),
        ("vocab_size", True),
        ("n_inner", 0),
        ("layer_norm_epsilon", 0),
        ("activation_function", "gelu_2"),
        ("scale_attn_weights", 1),
    ],
)
def test_a_wrong_value_is_named(name, value):
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        GPT2Config.from_dict({name: value})


@pytest.mark.parametrize(
    "settings",
    [
        {"model_type": "llama"},
        {"add_cross_attention": True},
        {"pruned_heads": {1: [2]}},
    ],
)
def test_another_arithmetic_is_refused(settings):
    with pytest.raises(FormatError, match=next(iter(settings))):
        GPT2Config.from_dict(settings)


def test_unknown_name():
    with pytest.raises(ValueError, match="gpt2-xl"):
        GPT2Config.named("gpt5")


def test_what_a_config_is_where_nothing_is_said():
    """gpt2's own sizes (Radford et al. 2019, table 2)."""
    assert GPT2Config().to_dict() == {
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"],
        "vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12,
        "n_head": 12, "n_inner": None, "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5, "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False, "reorder_and_upcast_attn": False,
        "tie_word_embeddings": True, "initializer_range": 0.02,
        "bos_token_id": 50256, "eos_token_id": 50256,
    }  # fmt: skip
