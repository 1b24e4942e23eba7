"""Folders as the real writers leave them, with random flags: what is read here is what
transformers' AutoTokenizer and GPT2LMHeadModel make of them, or it is refused by name.

``NUMPYGPT_FOLDERS=500`` looks at more of them.
"""

import os
import random

import pytest

from numpygpt import GPT2, Tokenizer

pytestmark = pytest.mark.reference

tokenizers = pytest.importorskip("tokenizers")
transformers = pytest.importorskip("transformers")
N = int(os.environ.get("NUMPYGPT_FOLDERS", 50))

WORDS = [
    "the",
    "cat",
    "sat",
    "on",
    "a",
    "mat",
    "today",
    "naïve",
    "ж",
    "x1",
    "'s",
    "日本",
]
SPELLED = ["<|endoftext|>", "<pad>", "<s>", "</s>", "[SEP]", "xx", "to day", "Ġcat", "café",
           "<|im_start|>", "<", "the", "\n\n", "ж ж", " mat", "<s", "日本", "'s", "é", "_a",
           "catsat", "  ", "q"]  # fmt: skip
GAPS = [" ", "", "  ", "\n", "\t ", "\u00a0", "_", ".", "9"]


def text_of(rng, spelled):
    """Words and added tokens, with and without space between them."""
    parts = [rng.choice(WORDS + spelled + SPELLED) for _ in range(rng.randrange(9))]
    return "".join(part + rng.choice(GAPS) for part in parts)


def added_token(rng, special):
    flags = {f: rng.random() < 0.3 for f in ("lstrip", "rstrip", "single_word")}
    if rng.random() < 0.5:
        flags["normalized"] = rng.random() < 0.5
    return tokenizers.AddedToken(rng.choice(SPELLED), special=special, **flags)


def trained(rng):
    """A small vocabulary from tokenizers' own trainer, special tokens first or last."""
    at_work = tokenizers.Tokenizer(tokenizers.models.BPE())
    prefix = rng.random() < 0.3
    at_work.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    at_work.decoder = tokenizers.decoders.ByteLevel()
    first = rng.sample(SPELLED[:6], rng.randrange(3))
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=270 + rng.randrange(60), special_tokens=first, show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    texts = [" ".join(rng.choices(WORDS, k=30)) for _ in range(20)]
    at_work.train_from_iterator(texts, trainer)
    return at_work


def some_names(rng, fast):
    """Which token is the eos and so on, as text or with flags."""
    names = {}
    for name in ("eos_token", "bos_token", "unk_token", "pad_token", "mask_token"):
        if rng.random() < 0.4:
            token = added_token(rng, True)
            names[name] = token if rng.random() < 0.5 else token.content
    if rng.random() < 0.3:
        names["additional_special_tokens"] = rng.sample(SPELLED, 2)
    return names


def change(rng, tokenizer):
    """What people do to a tokenizer before they save it."""
    for _ in range(rng.randrange(4)):
        tokens = [added_token(rng, False) for _ in range(rng.randrange(1, 4))]
        tokens = [t if rng.random() < 0.5 else t.content for t in tokens]
        match rng.randrange(4):
            case 0:
                tokenizer.add_tokens(tokens)
            case 1:
                tokenizer.add_tokens(tokens, special_tokens=True)
            case 2:
                tokenizer.add_special_tokens({"additional_special_tokens": tokens})
            case 3:
                tokenizer.add_special_tokens({"pad_token": rng.choice(SPELLED)})
    return tokenizer


def write_fast(rng, folder):
    """PreTrainedTokenizerFast around a trained one."""
    at_work = trained(rng)
    if rng.random() < 0.3:
        ids = [(t, at_work.token_to_id(t)) for t in ("<s>", "</s>")]
        ids = [(t, i) for t, i in ids if i is not None]
        if ids:
            single = f"{ids[0][0]} $A" + (
                f" {ids[-1][0]}" if rng.random() < 0.5 else ""
            )
            at_work.post_processor = tokenizers.processors.TemplateProcessing(
                single=single, special_tokens=ids
            )
    names = some_names(rng, True)
    kind = transformers.PreTrainedTokenizerFast
    if rng.random() < 0.4:
        kind = transformers.GPT2TokenizerFast
    made = kind(tokenizer_object=at_work, add_prefix_space=rng.random() < 0.3, **names)
    change(rng, made).save_pretrained(folder)


def write_slow(rng, folder):
    """GPT2Tokenizer, as Python code alone: vocab.json and merges.txt."""
    trained(rng).model.save(str(folder))
    kind = rng.choice([transformers.GPT2Tokenizer, transformers.GPT2TokenizerFast])
    made = kind(
        f"{folder}/vocab.json", f"{folder}/merges.txt",
        add_prefix_space=rng.random() < 0.3, add_bos_token=rng.random() < 0.3,
        **some_names(rng, False),
    )  # fmt: skip
    change(rng, made).save_pretrained(folder)
    for name in os.listdir(folder):
        lost = {"tokenizer.json": 0.5, "tokenizer_config.json": 0.2}.get(name, 0.15)
        if name not in ("vocab.json", "merges.txt") and rng.random() < lost:
            os.remove(folder / name)


@pytest.mark.parametrize("seed", range(N))
def test_ids_and_texts(tmp_path, seed):
    rng = random.Random(seed)
    rng.choice([write_fast, write_slow])(rng, tmp_path)
    transformers.GPT2Config().save_pretrained(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    ours = Tokenizer.from_pretrained(tmp_path)
    ours.save_pretrained(tmp_path / "again")
    transformers.GPT2Config().save_pretrained(tmp_path / "again")
    again = transformers.AutoTokenizer.from_pretrained(tmp_path / "again")
    back = Tokenizer.from_pretrained(tmp_path / "again")
    spelled = list(theirs.get_added_vocab())
    assert ours.vocab == theirs.get_vocab()
    assert set(spelled) == set(ours.added_tokens)
    for name in ("eos_token", "bos_token", "unk_token", "pad_token"):
        assert getattr(ours, name) == getattr(theirs, name), name
        assert getattr(ours, f"{name}_id") == getattr(theirs, f"{name}_id"), name
    for _ in range(30):
        text = text_of(rng, spelled)
        ids = theirs.encode(text)
        assert ours.encode(text, allowed_special="all") == ids, text
        assert again.encode(text) == back.encode(text, allowed_special="all") == ids
        bare = theirs.encode(text, add_special_tokens=False)
        for skip in (False, True):
            want = theirs.decode(bare, skip_special_tokens=skip)
            assert ours.decode(bare, skip_special_tokens=skip) == want, (text, skip)
            assert again.decode(bare, skip_special_tokens=skip) == want, (text, skip)


def small_model(rng, n_vocab):
    import torch

    torch.manual_seed(rng.randrange(10**6))
    return transformers.GPT2Config(
        vocab_size=n_vocab, n_positions=48, n_embd=16, n_layer=2, n_head=2,
        initializer_range=0.3, bos_token_id=0, eos_token_id=0,
        activation_function=rng.choice(["gelu_new", "gelu", "relu", "silu"]),
        scale_attn_by_inverse_layer_idx=rng.random() < 0.3,
        tie_word_embeddings=rng.random() < 0.7,
    )  # fmt: skip


def save_some_way(rng, model, folder):
    """The ways in which people leave a model; all of them load in transformers."""
    from safetensors.torch import save_model

    how = rng.choice(["resized", "plain", "shards", "save_model", "half", "base"])
    if how == "resized":
        model.resize_token_embeddings(
            len(model.transformer.wte.weight) + rng.randrange(9)
        )
    model.save_pretrained(folder, max_shard_size="10KB" if how == "shards" else "5GB")
    if how == "save_model":
        save_model(model, f"{folder}/model.safetensors", metadata={"format": "pt"})
    if how == "half":
        model.half().save_pretrained(folder)
    if how == "base" and model.config.tie_word_embeddings:
        model.transformer.save_pretrained(folder)
    return how


@pytest.mark.parametrize("seed", range(N // 2))
def test_logits_and_greedy_text(tmp_path, seed):
    import numpy as np
    import torch

    rng = random.Random(1000 + seed)
    rng.choice([write_fast, write_slow])(rng, tmp_path)
    tokenizer = Tokenizer.from_pretrained(tmp_path)
    config = small_model(rng, tokenizer.n_vocab + rng.randrange(4))
    kind = transformers.GPT2LMHeadModel
    if rng.random() < 0.2:
        config.num_labels, kind = 1, transformers.GPT2DoubleHeadsModel
    model = kind(config)
    how = save_some_way(rng, model, tmp_path)
    if rng.random() < 0.5:
        (tmp_path / "generation_config.json").unlink(missing_ok=True)
    if how == "save_model" and config.tie_word_embeddings:
        theirs = (
            model  # which transformers' from_pretrained leaves without an embedding
        )
        theirs.set_attn_implementation("eager")
    else:
        theirs = transformers.AutoModelForCausalLM.from_pretrained(
            tmp_path, attn_implementation="eager"
        )
    theirs = theirs.double().eval()
    ours = GPT2.from_pretrained(tmp_path, dtype=np.float64)
    ids = tokenizer.encode("the cat sat on a mat", allowed_special="all")[:20]
    with torch.no_grad():
        want = theirs(torch.tensor([ids])).logits[0].numpy()
    assert np.abs(ours(ids) - want).max() <= 1e-10 * np.abs(want).max()
    if type(theirs) is transformers.GPT2LMHeadModel:
        out = theirs.generate(torch.tensor([ids]), max_new_tokens=20, do_sample=False)
        assert ours.generate(ids, max_new_tokens=20).tolist() == out.tolist()
    ours.save_pretrained(tmp_path / "again")
    again = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "again", attn_implementation="eager", dtype=torch.float64
    )
    with torch.no_grad():
        logits = again(torch.tensor([ids])).logits[0].numpy()
    assert np.abs(ours(ids) - logits).max() <= 1e-10 * np.abs(logits).max()
