"""Live comparisons with torch, transformers and tiktoken, in the same process.

    pip install -e .[reference]
    pytest -m reference

The plain tests compare with what these packages said once (tests/reference/); these ask
them again, on random configurations and at GPT-2's full size.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from numpygpt import GPT2, GPT2Config, Tokenizer
from numpygpt.weights import flatten

pytestmark = pytest.mark.reference

REFERENCE = Path(__file__).parent / "reference"
BOUND = {"float64": 1e-10, "float32": 1e-5}
PATTERN = (
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)


@pytest.fixture(scope="module")
def torch():
    import torch

    assert torch.__version__.split("+")[0] == "2.13.0"
    return torch


@pytest.fixture(scope="module")
def transformers():
    import transformers

    assert transformers.__version__ == "4.57.6"
    return transformers


@pytest.fixture(scope="module")
def tiktoken_gpt2():
    import tiktoken

    tokenizer = Tokenizer.gpt2()
    ranks = {tokenizer.decode_bytes([i]): i for i in range(50_256)}
    return tiktoken.Encoding(
        "gpt2", pat_str=PATTERN, mergeable_ranks=ranks,
        special_tokens={"<|endoftext|>": 50256},
    )  # fmt: skip


def error(got, want):
    return np.abs(got - want).max() / np.abs(want).max()


def random_settings(rng):
    """A configuration of sizes that all differ and flags at random."""
    n_head = int(rng.integers(1, 7))
    return {
        "vocab_size": int(rng.integers(50, 400)),
        "n_positions": int(rng.integers(70, 200)),
        "n_embd": n_head * int(rng.integers(2, 12)),
        "n_layer": int(rng.integers(1, 5)),
        "n_head": n_head,
        "n_inner": [None, int(rng.integers(5, 90))][rng.integers(2)],
        "activation_function": str(rng.choice(
            ["gelu_new", "gelu", "gelu_pytorch_tanh", "relu", "silu", "swish", "tanh"]
        )),
        "layer_norm_epsilon": float(rng.choice([1e-5, 1e-6, 1e-2])),
        "scale_attn_weights": bool(rng.integers(2)),
        "scale_attn_by_inverse_layer_idx": bool(rng.integers(2)),
        "tie_word_embeddings": bool(rng.integers(2)),
        "bos_token_id": 0,
        "eos_token_id": 0,
    }  # fmt: skip


def peer(torch, transformers, settings, seed, spread=0.2):
    """transformers' model with random weights, biases and norms included."""
    config = transformers.GPT2Config(**settings, attn_implementation="eager")
    model = transformers.GPT2LMHeadModel(config).eval()
    generator = torch.Generator().manual_seed(seed)
    for tensor in model.parameters():
        tensor.data = torch.randn(tensor.shape, generator=generator) * spread
    return model


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("seed", range(12))
def test_random_configs_from_their_folders(torch, transformers, tmp_path, seed, dtype):
    """save_pretrained there, from_pretrained here: same hidden states and logits."""
    rng = np.random.default_rng(seed)
    settings = random_settings(rng)
    theirs = peer(torch, transformers, settings, seed).to(getattr(torch, dtype))
    theirs.save_pretrained(tmp_path, max_shard_size=["5GB", "20KB"][seed % 2])
    ours = GPT2.from_pretrained(tmp_path, dtype=dtype)
    ids = rng.integers(0, settings["vocab_size"], settings["n_positions"])
    with torch.no_grad():
        want = theirs(torch.from_numpy(ids)[None]).logits[0].numpy()
    assert error(ours(ids), want) < BOUND[dtype]


@pytest.mark.parametrize("seed", range(6))
def test_our_folders_open_in_transformers(torch, transformers, tmp_path, seed):
    rng = np.random.default_rng(100 + seed)
    settings = random_settings(rng)
    ours = GPT2.random(GPT2Config(**settings), seed)
    ours.save_pretrained(tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path, attn_implementation="eager"
    )
    ids = rng.integers(0, settings["vocab_size"], 60)
    with torch.no_grad():
        want = theirs(torch.from_numpy(ids)[None]).logits[0].numpy()
    assert error(ours(ids), want) < BOUND["float32"]


@pytest.mark.parametrize("dtype", BOUND)
def test_gpt2_124m_at_full_size(torch, transformers, dtype):
    """Random weights at GPT-2's own shape; 512 tokens at once and one after another."""
    ours = GPT2.random(GPT2Config.named("gpt2"), dtype=dtype)
    config = transformers.GPT2Config(attn_implementation="eager")
    theirs = transformers.GPT2LMHeadModel(config).eval().to(getattr(torch, dtype))
    state = {
        f"transformer.{n}": torch.from_numpy(a) for n, a in flatten(ours.params).items()
    }
    state["lm_head.weight"] = state["transformer.wte.weight"]
    theirs.load_state_dict(state)
    ids = np.random.default_rng(0).integers(0, 50257, 512)
    with torch.no_grad():
        want = theirs(torch.from_numpy(ids)[None]).logits[0].numpy()
    assert error(ours(ids), want) < BOUND[dtype]
    cache = ours.new_cache()
    ours.hidden([ids[:500]], [cache])
    rows = [ours([i], cache)[0] for i in ids[500:]]
    assert error(np.array(rows), want[500:]) < BOUND[dtype]


@pytest.mark.parametrize("seed", range(10))
def test_greedy_text_is_the_same(torch, transformers, tmp_path, seed):
    rng = np.random.default_rng(200 + seed)
    settings = random_settings(rng)
    theirs = peer(torch, transformers, settings, seed).double()
    theirs.save_pretrained(tmp_path)
    ours = GPT2.from_pretrained(tmp_path, dtype=np.float64)
    ids = rng.integers(1, settings["vocab_size"], 5)
    prompt = torch.from_numpy(ids)[None]
    want = theirs.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=40,
        do_sample=False, pad_token_id=0,
    )  # fmt: skip
    got = ours.generate(ids, max_new_tokens=40)
    assert got.tolist() == want.tolist()


def texts():
    """Every script and many symbols, in random order, and code, and white space."""
    rng = np.random.default_rng(0)
    ranges = [(0x20, 0x7F), (0x0, 0x2000), (0x2000, 0x3100), (0x4E00, 0x9FFF),
              (0x1F300, 0x1FAFF), (0x0, 0x110000)]  # fmt: skip
    for k in range(600):
        low, high = ranges[k % len(ranges)]
        codes = rng.integers(low, high, rng.integers(0, 200))
        yield "".join(map(chr, codes))
    pieces = [" ", "  ", "\n", "\t", "'s", "'", "don't", "I'LL", "42", "²", "é", "\r\n",
              "\u3000", "x", "word", "...", "👋🏽", "\x1c", "\x85", "ß"]  # fmt: skip
    for _ in range(600):
        yield "".join(rng.choice(pieces, rng.integers(0, 60)))
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        yield path.read_text(encoding="utf-8")


def test_tiktokens_ids_on_every_text(tiktoken_gpt2):
    ours = Tokenizer.gpt2()
    for text in texts():
        want = tiktoken_gpt2.encode_ordinary(text)
        assert ours.encode(text, disallowed_special=()) == want, text
        assert ours.decode(want) == tiktoken_gpt2.decode(want)


def test_our_tokenizer_folder_opens_in_transformers(transformers, tmp_path):
    ours = Tokenizer.gpt2(3000)
    ours.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in [*texts()][::20]:
        if not any(0xD800 <= ord(c) < 0xE000 for c in text):
            want = theirs(text)["input_ids"]
            assert ours.encode(text, allowed_special="all") == want, text  # as there
    theirs.save_pretrained(tmp_path / "again")
    again = Tokenizer.from_pretrained(tmp_path / "again")
    assert (again.vocab, again.merges) == (ours.vocab, ours.merges)


def test_the_golden_fixtures_are_what_these_packages_say(torch, transformers):
    """The committed fixtures, asked for again."""
    for case in sorted(REFERENCE.glob("*/golden.npz")):
        golden = np.load(case)
        theirs = transformers.GPT2LMHeadModel.from_pretrained(
            case.parent, attn_implementation="eager"
        ).double()
        with torch.no_grad():
            logits = theirs(torch.from_numpy(golden["ids"])[None]).logits[0].numpy()
        assert error(logits, golden["logits_float64"]) < 1e-12


def test_the_default_model_gives_the_same_logits(torch, transformers):
    """The committed weights, in float32 and float64, by transformers' Auto classes."""
    from numpygpt.files.hub import DEFAULT_MODEL, find

    folder = find(DEFAULT_MODEL)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    text = "Once upon a time there was a little girl who lived by the sea."
    ids = Tokenizer.from_pretrained(folder).encode(text)
    assert tokenizer(text)["input_ids"] == ids
    for dtype in BOUND:
        theirs = transformers.AutoModelForCausalLM.from_pretrained(
            folder, attn_implementation="eager", dtype=getattr(torch, dtype)
        )
        with torch.no_grad():
            want = theirs(torch.tensor([ids])).logits[0].numpy()
        assert (
            error(GPT2.from_pretrained(folder, dtype=dtype)(ids), want) < BOUND[dtype]
        )
