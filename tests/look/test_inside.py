"""inside: its numbers are the model's, under the names of TransformerLens."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from numpygpt import GPT2, GPT2Config, plain
from numpygpt.hf import GPT2LMHeadModel as HF
from numpygpt.look import ablate, inside
from numpygpt.look.inside import check_layer, full_name

REFERENCE = Path(__file__).parents[1] / "reference"
SIZES = GPT2Config(
    61, n_positions=23, n_embd=12, n_layer=3, n_head=2, n_inner=17,
    bos_token_id=0, eos_token_id=0,
)  # fmt: skip
IDS = [7, 3, 3, 60, 0, 12, 9]
FLAGS = [
    {},
    {"activation_function": "relu", "scale_attn_weights": False},
    {"activation_function": "gelu", "scale_attn_by_inverse_layer_idx": True},
    {"tie_word_embeddings": False, "n_inner": None, "layer_norm_epsilon": 1e-2},
]


def rough(config=SIZES, dtype=np.float64):
    """A random model whose biases and norms are not those of a fresh one."""
    model = GPT2.random(config, 5, dtype)
    rng = np.random.default_rng(6)

    def shake(tree):
        if isinstance(tree, dict):
            return {name: shake(branch) for name, branch in tree.items()}
        if isinstance(tree, list):
            return [shake(branch) for branch in tree]
        return tree + rng.normal(0, 0.3, tree.shape).astype(dtype)

    return GPT2(config, shake(model.params))


@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_the_logits_are_the_models(flags):
    model = rough(replace(SIZES, **flags))
    logits = inside(model, IDS).logits
    want = model(IDS)
    assert np.abs(logits - want).max() <= 1e-10 * np.abs(want).max()


def test_page_one_says_the_same():
    model = rough()
    want = plain.logits(IDS, model.params, SIZES.n_head)
    np.testing.assert_allclose(inside(model, IDS).logits, want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, "int8"])
def test_other_number_formats(dtype):
    model = GPT2.from_pretrained("fairytale", dtype)
    run = inside(model, IDS)
    assert run.logits.dtype == np.float32
    np.testing.assert_allclose(run.logits, model(IDS), atol=2e-4)


def test_every_name_has_its_shape():
    run = inside(rough(), IDS)
    c, n = SIZES, len(IDS)
    stream, heads = (n, c.n_embd), (n, c.n_head, c.d_head)
    shapes = {"q": heads, "k": heads, "v": heads, "z": heads}
    shapes |= dict.fromkeys(["pattern", "attn_scores"], (c.n_head, n, n))
    shapes |= dict.fromkeys(["pre", "post", "mlp_pre", "mlp_post"], (n, c.d_inner))
    parts = ["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"]
    shapes |= dict.fromkeys(parts, stream)
    for name, shape in shapes.items():
        for layer in range(c.n_layer):
            assert run[name, layer].shape == shape, name
            assert run[name, layer - c.n_layer] is run[name, layer]
    for asked in ["embed", "pos_embed", "normalized", ("normalized", 1, "ln2")]:
        assert run[asked].shape == stream
    assert run["blocks.2.attn.hook_pattern"] is run["pattern", 2]
    assert all(run[name] is run.kept[name] for name in run.names)
    assert len(run.names) == 3 + 15 * c.n_layer


def test_the_parts_add_up():
    run = inside(rough(), IDS)
    stream = run["embed"] + run["pos_embed"]
    for layer in range(SIZES.n_layer):
        np.testing.assert_array_equal(run["resid_pre", layer], stream)
        stream = stream + run["attn_out", layer]
        np.testing.assert_array_equal(run["resid_mid", layer], stream)
        stream = stream + run["mlp_out", layer]
        np.testing.assert_array_equal(run["resid_post", layer], stream)
        pattern = run["pattern", layer]
        np.testing.assert_allclose(pattern.sum(axis=-1), 1)
        assert not np.triu(pattern, k=1).any()
        z = np.einsum("hqk,khd->qhd", pattern, run["v", layer])
        np.testing.assert_allclose(run["z", layer], z)
    np.testing.assert_array_equal(run.lens[-1], run.logits)
    assert run.lens.shape == (SIZES.n_layer + 1, len(IDS), SIZES.n_vocab)


def test_the_lens_is_a_model_that_ends_early():
    model = rough()
    run = inside(model, IDS)
    for n_layer in range(1, SIZES.n_layer + 1):
        params = {**model.params, "h": model.params["h"][:n_layer]}
        short = GPT2(replace(SIZES, n_layer=n_layer), params)
        np.testing.assert_allclose(run.lens[n_layer], short(IDS), rtol=1e-9, atol=1e-12)


def test_an_edit_sees_every_name_and_the_pass_goes_on_with_it():
    model, seen = rough(), []
    run = inside(model, IDS, lambda name, array: seen.append(name))
    assert seen == run.names
    np.testing.assert_array_equal(run.logits, inside(model, IDS).logits)
    for name in run.names:
        changed = inside(
            model, IDS, lambda n, a, name=name: a * 1.5 if n == name else a
        )
        assert not np.allclose(changed.logits, run.logits), name
        np.testing.assert_array_equal(changed[name], run[name] * 1.5)
        before = run.names[: run.names.index(name)]
        for other in before:
            np.testing.assert_array_equal(changed[other], run[other])


def test_an_edit_in_place_does_not_reach_back():
    def edit(name, array):
        if name == "blocks.1.hook_resid_pre":
            array[:] = 0

    run = inside(rough(), IDS, edit)
    assert not run["resid_pre", 1].any()
    assert run["resid_post", 0].any()


def test_patching_all_of_another_text_gives_its_answer():
    """What block 1 reads is all that the first block hands on."""
    model = rough()
    other = inside(model, [5, 5, 2, 8, 1, 33, 4])
    patched = inside(
        model, IDS, lambda n, a: other[n] if n == "blocks.1.hook_resid_pre" else a
    )
    np.testing.assert_array_equal(patched.logits, other.logits)


def test_ablating_a_head_is_taking_its_rows_of_c_proj_away():
    model = rough()
    d = SIZES.d_head
    params = {**model.params, "h": [*model.params["h"]]}
    attn = params["h"][2]["attn"]
    weight = attn["c_proj"]["weight"].copy()
    weight[d : 2 * d] = 0  # head 1
    c_proj = {**attn["c_proj"], "weight": weight}
    params["h"][2] = {**params["h"][2], "attn": {**attn, "c_proj": c_proj}}
    got = inside(model, IDS, ablate([(2, 1)])).logits
    np.testing.assert_allclose(got, GPT2(SIZES, params)(IDS), atol=1e-12)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("pattern", 3), "layer must be an integer from 0 to 2, or from -3 to -1"),
        (("pattern", -4), "layer must be"),
        (("pattern", "1"), "not '1'"),
        ("pattern", "layer must be an integer .* not None"),
        (("patern", 1), "ask for one of resid_pre"),
        (("normalized", 1), 'normalized takes "ln1"'),
        ("blocks.9.hook_resid_pre", "with 3 blocks"),
        ("hook_nothing", "there is no 'hook_nothing'"),
    ],
)
def test_what_does_not_exist(asked, words):
    run = inside(rough(), IDS)
    with pytest.raises(ValueError, match=words):
        run[asked]


def test_wrong_calls():
    model = rough()
    with pytest.raises(ValueError, match="context of 23"):
        inside(model, [1] * 24)
    with pytest.raises(ValueError, match="outside the vocabulary"):
        inside(model, [61])
    with pytest.raises(ValueError, match=r"edit must return .*\[7, 12\] for 'hook_em"):
        inside(model, IDS, lambda name, array: array[0])
    with pytest.raises(ValueError, match="head must be from 0 to 1, not 2"):
        inside(model, IDS, ablate([(0, 2)]))


@pytest.mark.reference
@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_transformers_sees_the_same(flags, tmp_path):
    import torch
    from transformers import GPT2LMHeadModel

    model = rough(replace(SIZES, **flags))
    model.save_pretrained(tmp_path)
    theirs = GPT2LMHeadModel.from_pretrained(
        tmp_path, attn_implementation="eager", torch_dtype=torch.float64
    ).eval()
    with torch.no_grad():
        want = theirs(
            torch.tensor([IDS]), output_attentions=True, output_hidden_states=True
        )
    run = inside(model, IDS)
    close = {"rtol": 1e-10, "atol": 1e-12}
    for layer in range(SIZES.n_layer):
        np.testing.assert_allclose(
            run["pattern", layer], want.attentions[layer][0].numpy(), **close
        )
        np.testing.assert_allclose(
            run["resid_pre", layer], want.hidden_states[layer][0].numpy(), **close
        )
    last = want.hidden_states[-1][0].numpy()  # behind the final norm
    np.testing.assert_allclose(run["normalized"], last, **close)
    np.testing.assert_allclose(run.logits, want.logits[0].numpy(), **close)


@pytest.mark.parametrize("name", ["output_attentions", "output_hidden_states"])
def test_generate_says_where_to_look(name):
    with pytest.raises(ValueError, match="numpygpt.look.inside"):
        rough().generate(IDS, **{name: True})
    theirs = HF.from_pretrained("fairytale")
    with pytest.raises(ValueError, match="numpygpt.look.inside"):
        theirs(np.array([IDS]), **{name: True})


FULL_NAMES = {
    "resid_pre": "hook_resid_pre", "resid_mid": "hook_resid_mid",
    "resid_post": "hook_resid_post", "q": "attn.hook_q", "k": "attn.hook_k",
    "v": "attn.hook_v", "attn_scores": "attn.hook_attn_scores",
    "pattern": "attn.hook_pattern", "z": "attn.hook_z", "attn_out": "hook_attn_out",
    "pre": "mlp.hook_pre", "post": "mlp.hook_post", "mlp_pre": "mlp.hook_pre",
    "mlp_post": "mlp.hook_post", "mlp_out": "hook_mlp_out",
}  # fmt: skip


def test_the_names_are_those_of_transformer_lens():
    for short, name in FULL_NAMES.items():
        assert full_name((short, 1), 3) == f"blocks.1.{name}"
    for norm in "ln1", "ln2":
        name = f"blocks.2.{norm}.hook_normalized"
        assert full_name(("normalized", -1, norm), 3) == full_name(name, 3) == name
    assert full_name("embed", 3) == full_name("hook_embed", 3) == "hook_embed"
    assert full_name("pos_embed", 3) == full_name(("pos_embed",), 3) == "hook_pos_embed"
    assert full_name("normalized", 3) == "ln_final.hook_normalized"
    names = inside(rough(), IDS).names
    assert names[:2] == ["hook_embed", "hook_pos_embed"]
    assert names[2:17] == [f"blocks.0.{name}" for name in (
        "hook_resid_pre", "ln1.hook_normalized", "attn.hook_q", "attn.hook_k",
        "attn.hook_v", "attn.hook_attn_scores", "attn.hook_pattern", "attn.hook_z",
        "hook_attn_out", "hook_resid_mid", "ln2.hook_normalized", "mlp.hook_pre",
        "mlp.hook_post", "hook_mlp_out", "hook_resid_post",
    )]  # fmt: skip
    assert names[-1] == "ln_final.hook_normalized"


@pytest.mark.parametrize(
    "asked",
    [
        ("embed", 0), ("pattern", 0, "ln1"), ("normalized", 0, "ln3"), "q",
        ("normalized", 0), "blocks.3.attn.hook_q", "blocks.0.hook_embed",
        "blocks.0.ln_final.hook_normalized", "hook_resid_pre", ("hook_embed", 0), (3,),
    ],
)  # fmt: skip
def test_names_that_are_none(asked):
    with pytest.raises(ValueError):
        full_name(asked, 3)


@pytest.mark.parametrize(
    ("layer", "right"), [(0, 0), (2, 2), (-1, 2), (-3, 0), (np.int64(1), 1)]
)
def test_layers_count_from_both_ends(layer, right):
    found = check_layer(layer, 3)
    assert found == right and type(found) is int


@pytest.mark.parametrize("layer", [3, -4, True, False, 1.0, "1", None])
def test_layers_that_are_none(layer):
    words = f"layer must be an integer from 0 to 2, or from -3 to -1, not {layer!r}"
    with pytest.raises(ValueError, match=words):
        check_layer(layer, 3)


def test_each_array_follows_from_those_before():
    """And none is changed behind its back by what is computed from it."""
    model = rough()
    run, close = inside(model, IDS), {"rtol": 1e-9, "atol": 1e-12}
    equal, n = np.testing.assert_allclose, len(IDS)
    equal(run["embed"], model.params["wte"]["weight"][IDS])
    equal(run["pos_embed"], model.params["wpe"]["weight"][:n])
    for layer, p in enumerate(model.params["h"]):
        for norm, stream in ("ln1", "resid_pre"), ("ln2", "resid_mid"):
            normed = plain.layer_norm(run[stream, layer], **p[f"ln_{norm[-1]}"])
            equal(run["normalized", layer, norm], normed, **close)
        qkv = plain.linear(run["normalized", layer, "ln1"], **p["attn"]["c_attn"])
        for name, part in zip("qkv", np.split(qkv, 3, axis=1)):
            equal(run[name, layer].reshape(n, -1), part, **close)
        q, k = run["q", layer], run["k", layer]
        scores = np.einsum("qhd,khd->hqk", q, k) / SIZES.d_head**0.5
        scores[:, np.triu_indices(n, 1)[0], np.triu_indices(n, 1)[1]] = -np.inf
        equal(run["attn_scores", layer], scores, **close)
        equal(run["pattern", layer], plain.softmax(scores), **close)
        z = run["z", layer].reshape(n, -1)
        equal(run["attn_out", layer], plain.linear(z, **p["attn"]["c_proj"]), **close)
        pre = plain.linear(run["normalized", layer, "ln2"], **p["mlp"]["c_fc"])
        equal(run["pre", layer], pre, **close)
        equal(run["post", layer], plain.gelu(pre), **close)
        post = plain.linear(plain.gelu(pre), **p["mlp"]["c_proj"])
        equal(run["mlp_out", layer], post, **close)
    last = plain.layer_norm(run["resid_post", -1], **model.params["ln_f"])
    equal(run["normalized"], last, **close)


def test_an_edit_may_return_another_kind_of_number():
    run = inside(rough(), IDS, lambda name, array: array.tolist())
    assert {run[name].dtype for name in run.names} == {np.dtype(np.float64)}
    np.testing.assert_array_equal(run.logits, inside(rough(), IDS).logits)


def test_several_heads_are_left_out_and_no_others():
    whole = inside(rough(), IDS)
    run = inside(rough(), IDS, ablate([(0, 0), (2, 1)]))
    for layer, head, is_gone in (0, 0, 1), (0, 1, 0), (2, 0, 0), (2, 1, 1), (1, 0, 0):
        assert (not run["z", layer][:, head].any()) == is_gone
    np.testing.assert_array_equal(run["z", 0][:, 1], whole["z", 0][:, 1])
    for head in -1, 2:
        with pytest.raises(ValueError, match=f"from 0 to 1, not {head}"):
            inside(rough(), IDS, ablate([(1, head)]))
    full = [1] * 23
    assert len(inside(rough(), full).logits) == 23


def test_a_run_is_short_in_words():
    assert repr(inside(rough(), [1, 2])) == "Run(ids=array([1, 2]))"
