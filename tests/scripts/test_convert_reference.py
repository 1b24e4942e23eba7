"""The converters against the frameworks that wrote the files, in the same process:
every source's logits, computed by its own framework, to 1e-5."""

import importlib
import math
import shutil

import convert_pytorch
import converting
import numpy as np
import pytest
from test_convert_llmc import llmc_file

from numpygpt import GPT2, Tokenizer

pytestmark = pytest.mark.reference
IDS = [3, 1, 4, 1, 5, 9, 2, 6]


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    return torch


def convert(*argv):
    code = converting.run(
        convert_pytorch.convert,
        convert_pytorch.__doc__,
        convert_pytorch.options,
        [str(a) for a in argv],
    )
    assert code == 0


def logits_of(folder):
    return GPT2.from_pretrained(folder)(IDS)


def transformers_logits_of(torch, folder):
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager")
    return model.float()(torch.tensor([IDS])).logits[0].detach().numpy()


@pytest.mark.parametrize(
    "how", ["zip", "legacy", "sharded", "half", "bfloat16", "view"]
)
def test_transformers_models(torch, tmp_path, how):
    import transformers

    config = transformers.GPT2Config(
        vocab_size=50, n_positions=12, n_embd=12, n_layer=3, n_head=4, n_inner=20,
        attn_implementation="eager",
    )  # fmt: skip
    model = transformers.GPT2LMHeadModel(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    source, path = tmp_path / "source", tmp_path / "source" / "pytorch_model.bin"
    if how in ("half", "bfloat16"):
        model = model.to(getattr(torch, {"half": "float16"}.get(how, how)))
    size = "3KB" if how == "sharded" else "1GB"
    model.save_pretrained(source, safe_serialization=False, max_shard_size=size)
    assert path.is_file() == (how != "sharded")
    state = model.state_dict()
    if how == "legacy":
        torch.save(state, path, _use_new_zipfile_serialization=False)
    if how == "view":  # rows of one storage; a transposed one; parameters
        buffer = torch.cat(
            [state[f"transformer.h.{i}.mlp.c_fc.bias"] for i in range(3)]
        )
        for i in range(3):
            state[f"transformer.h.{i}.mlp.c_fc.bias"] = buffer[20 * i : 20 * i + 20]
        turned = state["transformer.h.1.attn.c_attn.weight"].T.contiguous().T
        state["transformer.h.1.attn.c_attn.weight"] = torch.nn.Parameter(turned)
        torch.save(state, path)
    convert(source, tmp_path / "out")
    right = model.float()(torch.tensor([IDS])).logits[0].detach().numpy()
    assert np.abs(logits_of(tmp_path / "out") - right).max() < 1e-5
    assert np.abs(transformers_logits_of(torch, tmp_path / "out") - right).max() < 1e-5


def opened_by_transformers(torch, folder):
    """Logits of a folder as transformers reads it, and its tokenizer's ids."""
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer.encode("hello all")
    return model(torch.tensor([ids])).logits[0].detach().numpy(), ids


@pytest.mark.parametrize("script", ["tensorflow", "gguf", "llmc"])
def test_transformers_opens_what_the_others_write(torch, tmp_path, formats, script):
    source = {
        "tensorflow": formats / "tensorflow", "gguf": formats / "model.gguf",
        "llmc": tmp_path / "llmc.bin",
    }[script]  # fmt: skip
    llmc_file(tmp_path / "llmc.bin", formats / "model")
    converter, out = importlib.import_module(f"convert_{script}"), tmp_path / "out"
    assert converting.run(converter.convert, "", argv=[str(source), str(out)]) == 0
    if script == "llmc":  # it has no tokenizer, and the vocabulary is not GPT-2's
        for name in ("merges.txt", "vocab.json", "tokenizer_config.json"):
            shutil.copy(formats / "model" / name, out)
    logits, ids = opened_by_transformers(torch, out)
    right, right_ids = opened_by_transformers(torch, formats / "model")
    assert ids == right_ids == Tokenizer.from_pretrained(out).encode("hello all")
    assert np.abs(logits - right).max() < 1e-5
    assert np.abs(GPT2.from_pretrained(out)(ids) - right).max() < 1e-5


def linear_gpt(torch, n_layer, n_embd, n_vocab, n_ctx, bias):
    """The weights of nanoGPT and minGPT: torch's Linear, [out, in]."""

    def normal(*shape):
        return torch.normal(0, 0.2, shape)

    state = {"wte.weight": normal(n_vocab, n_embd), "wpe.weight": normal(n_ctx, n_embd)}
    for i in range(n_layer):
        for name, shape in {
            "ln_1": (n_embd,), "attn.c_attn": (3 * n_embd, n_embd),
            "attn.c_proj": (n_embd, n_embd), "ln_2": (n_embd,),
            "mlp.c_fc": (4 * n_embd, n_embd), "mlp.c_proj": (n_embd, 4 * n_embd),
        }.items():  # fmt: skip
            state[f"h.{i}.{name}.weight"] = normal(*shape)
            if bias:
                state[f"h.{i}.{name}.bias"] = normal(shape[0])
    state["ln_f.weight"] = normal(n_embd)
    if bias:
        state["ln_f.bias"] = normal(n_embd)
    return state


def linear_logits(torch, state, head, n_layer, n_head, gelu):
    """Their forward pass, with torch's own layers."""
    F = torch.nn.functional

    def layer(name, x):
        weight, bias = state[f"{name}.weight"], state.get(f"{name}.bias")
        if weight.ndim == 1:
            return F.layer_norm(x, weight.shape, weight, bias)
        return F.linear(x, weight, bias)

    x = state["wte.weight"][IDS] + state["wpe.weight"][: len(IDS)]
    for i in range(n_layer):
        q, k, v = (
            part.unflatten(1, (n_head, -1)).transpose(0, 1)
            for part in layer(f"h.{i}.attn.c_attn", layer(f"h.{i}.ln_1", x)).chunk(3, 1)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + layer(f"h.{i}.attn.c_proj", y.transpose(0, 1).flatten(1))
        wide = gelu(layer(f"h.{i}.mlp.c_fc", layer(f"h.{i}.ln_2", x)))
        x = x + layer(f"h.{i}.mlp.c_proj", wide)
    return (layer("ln_f", x) @ head.T).numpy()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("compiled", [True, False])
def test_nanogpts_checkpoint(torch, tmp_path, bias, compiled):
    state = linear_gpt(torch, 2, 12, 50, 16, bias)
    prefix = "_orig_mod.transformer." if compiled else "transformer."
    model = {f"{prefix}{name}": w for name, w in state.items()}
    model[prefix.replace("transformer", "lm_head") + "weight"] = state["wte.weight"]
    weights = [torch.nn.Parameter(w) for w in state.values()]
    optimizer = torch.optim.AdamW(weights)
    sum(w.sum() for w in weights).backward()
    optimizer.step()
    arguments = {
        "n_layer": 2, "n_head": 3, "n_embd": 12, "block_size": 16, "bias": bias,
        "vocab_size": 50, "dropout": 0.0,
    }  # fmt: skip
    checkpoint = {
        "model": model, "optimizer": optimizer.state_dict(), "model_args": arguments,
        "iter_num": 7, "best_val_loss": torch.tensor(1.5), "config": {"out_dir": "out"},
    }  # fmt: skip
    torch.save(checkpoint, tmp_path / "ckpt.pt")
    convert(tmp_path / "ckpt.pt", tmp_path / "out")
    gelu = torch.nn.functional.gelu
    right = linear_logits(torch, state, state["wte.weight"], 2, 3, gelu)
    assert np.abs(logits_of(tmp_path / "out") - right).max() < 1e-5
    assert np.abs(transformers_logits_of(torch, tmp_path / "out") - right).max() < 1e-5


def test_mingpts_state_dict(torch, tmp_path, capsys):
    state = linear_gpt(torch, 2, 12, 50, 16, bias=True)
    head = torch.normal(0, 0.2, (50, 12))
    model = {f"transformer.{name}": w for name, w in state.items()}
    mask = torch.tril(torch.ones(16, 16)).view(1, 1, 16, 16)
    model |= {f"transformer.h.{i}.attn.bias": mask for i in range(2)}
    torch.save({**model, "lm_head.weight": head}, tmp_path / "model.pt")
    with pytest.raises(AssertionError):
        convert(tmp_path / "model.pt", tmp_path / "out")
    assert "--n-head" in capsys.readouterr().err
    convert(tmp_path / "model.pt", tmp_path / "out", "--n-head", "3")

    def gelu(x):
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        return 0.5 * x * (1 + torch.tanh(inner))

    right = linear_logits(torch, state, head, 2, 3, gelu)
    assert np.abs(logits_of(tmp_path / "out") - right).max() < 1e-5
    assert np.abs(transformers_logits_of(torch, tmp_path / "out") - right).max() < 1e-5


# What the published config.json of each says, but for the sizes.
SIBLINGS = {
    "DialoGPT": {"activation_function": "gelu_new", "n_inner": None},
    "Cerebras-GPT": {
        "activation_function": "gelu", "n_inner": 40, "scale_attn_weights": True,
    },
    "CodeParrot": {
        "scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True,
        "vocab_size": 64,
    },
    "Mistral-GPT2": {
        "scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True,
        "attn_pdrop": 0.1, "summary_type": "cls_index",
    },
    "unscaled, untied": {"scale_attn_weights": False, "tie_word_embeddings": False},
    "relu": {"activation_function": "relu", "layer_norm_epsilon": 1e-3},
}  # fmt: skip


@pytest.mark.parametrize("name", SIBLINGS)
@pytest.mark.parametrize("safe", [True, False])
def test_siblings_of_gpt2(torch, tmp_path, name, safe):
    import transformers

    sizes = {
        "vocab_size": 50,
        "n_positions": 12,
        "n_embd": 24,
        "n_layer": 3,
        "n_head": 4,
    }
    config = transformers.GPT2Config(
        **{**sizes, **SIBLINGS[name]}, attn_implementation="eager"
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    folder = tmp_path / "model"
    model.save_pretrained(folder, safe_serialization=safe, max_shard_size="9KB")
    if not safe:
        convert(folder, tmp_path / "out")
        folder = tmp_path / "out"
    right = model(torch.tensor([IDS])).logits[0].detach().numpy()
    assert np.abs(logits_of(folder) - right).max() < 1e-5
