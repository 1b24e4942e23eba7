"""Make the golden fixtures under tests/reference/ from PyTorch and transformers.

    pip install -e .[reference]
    python scripts/make_reference.py tests/reference

The plain tests compare numpygpt with what these files hold, so that they need neither
package. Every case is a model folder as transformers writes it (tiny random weights;
one of them in several shards, one in half precision), and beside it ``golden.npz``:

    ids             [n_tok]  the input
    hidden_<dtype>  [n_layer + 2, n_tok, n_embd]  the residual stream after the
                    embedding, after every block, and after the final norm
    logits_<dtype>  [n_tok, n_vocab]
    greedy          the ids that transformers' generate adds to the first ten

for float32 and float64. ``tokenizer.json`` holds texts and the ids that tiktoken gives
them. The sizes of a case all differ, so that no two axes can be mixed up unnoticed.
"""

import json
import sys

import numpy as np
from extras import folder_to_fill, optional

from numpygpt import Tokenizer
from numpygpt.files.terminal import without_traceback

tiktoken = optional("tiktoken")
torch = optional("torch")
transformers = optional("transformers")

CASES = {
    "plain": {"n_positions": 19},
    "long": {"n_positions": 150},  # more tokens than attention takes at a time
    "erf": {"n_positions": 17, "activation_function": "gelu", "n_inner": 13,
            "scale_attn_by_inverse_layer_idx": True},
    "untied": {"n_positions": 23, "activation_function": "silu",
               "tie_word_embeddings": False, "layer_norm_epsilon": 1e-3},
    "unscaled": {"n_positions": 29, "activation_function": "relu",
                 "scale_attn_weights": False},
}  # fmt: skip
SIZES = {"vocab_size": 71, "n_embd": 30, "n_layer": 3, "n_head": 5}
# As OpenAI published it; ours is written differently to be faster.
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
TEXTS = [
    "", " ", "  ", "\n\n", "\t", " " * 50, "a" * 100, "0" * 16, "hello world",
    "Hello, world! It's 3 o'clock; they'll see, I'LL too.", "indivisible",
    "hello 👋 world 🌍", " \x850", "hello\x1cworld", "naïve café — “quotes”…",
    "日本語のテキスト", "Привет, мир", "مرحبا بالعالم", "नमस्ते दुनिया", "ⅷ ² ½ ①",
    "def f(x):\n    return x ** 2  # twice\r\n", "e\u0301 \u200b \u3000 x \u00a0y",
    "a b  c   d    e\n f\n\n  g ", "'s't're've'm'll'd 'S ''s", "x" + "^" * 99 + "?!",
    "\ud83d\ude00 and \ud83d alone",
]  # fmt: skip


def make_model(seed, settings):
    """A tiny GPT-2 whose weights are large enough for errors to show."""
    config = transformers.GPT2Config(
        **SIZES, **settings, bos_token_id=0, eos_token_id=0, attn_implementation="eager"
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    rng = np.random.default_rng(seed)
    for tensor in model.parameters():
        values = rng.normal(0.0, 0.3, tuple(tensor.shape)).astype(np.float16)
        tensor.data = torch.from_numpy(values.astype(np.float32))
    return model


def run(model, ids):
    """The residual stream and the logits, as transformers computes them."""
    last_block = []
    hook = model.transformer.h[-1].register_forward_hook(
        lambda module, inputs, output: last_block.append(
            output[0] if isinstance(output, tuple) else output
        )
    )
    with torch.no_grad():
        out = model(torch.from_numpy(ids)[None], output_hidden_states=True)
    hook.remove()
    *states, final = out.hidden_states
    hidden = torch.cat([*states, last_block[0].reshape(final.shape), final])
    return hidden.numpy(), out.logits[0].numpy()


def make_case(folder, number, settings):
    """Write one model folder and its golden.npz."""
    model = make_model(number, settings)
    shard = "60KB" if "untied" in folder.name else "5GB"
    half = "unscaled" in folder.name  # the weights are float16 numbers anyway
    (model.half() if half else model).save_pretrained(folder, max_shard_size=shard)
    ids = np.random.default_rng(number).integers(0, 71, settings["n_positions"])
    golden = {"ids": ids}
    for dtype in (torch.float32, torch.float64):
        hidden, logits = run(model.to(dtype), ids)
        golden[f"hidden_{logits.dtype.name}"] = hidden
        golden[f"logits_{logits.dtype.name}"] = logits
    prompt = torch.from_numpy(ids[:10])[None]
    greedy = model.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_length=len(ids),
        do_sample=False, pad_token_id=0,
    )  # fmt: skip
    np.savez_compressed(folder / "golden.npz", **golden, greedy=greedy[0].numpy())


def gpt2_in_tiktoken():
    """GPT-2's encoding in tiktoken, from the merge table in the package."""
    tokenizer = Tokenizer.gpt2()
    ranks = {tokenizer.decode_bytes([i]): i for i in range(50_256)}
    return tiktoken.Encoding(
        "gpt2", pat_str=PATTERN, mergeable_ranks=ranks,
        special_tokens={"<|endoftext|>": 50256},
    )  # fmt: skip


@without_traceback("make_reference.py")
def main(folder):
    """Write everything."""
    for number, (name, settings) in enumerate(CASES.items()):
        make_case(folder / name, number, settings)
    encoding = gpt2_in_tiktoken()
    pairs = [[text, encoding.encode_ordinary(text)] for text in TEXTS]
    text = json.dumps(pairs, indent=0) + "\n"
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(folder_to_fill(__doc__, "reference", tiktoken, torch, transformers)))
