"""Folders as the real writers leave them, with random flags: what is read here is what
transformers' AutoTokenizer and GPT2LMHeadModel make of them, or it is refused by name.

``NUMPYGPT_FOLDERS=500`` looks at more of them, ``NUMPYGPT_SEED=1000`` at others.
"""

import json
import os
import random
import re
from pathlib import Path

import pytest

from numpygpt import GPT2, Tokenizer
from numpygpt.files.hub import FormatError

pytestmark = pytest.mark.reference

tokenizers = pytest.importorskip("tokenizers")
transformers = pytest.importorskip("transformers")
SCRIPTS = Path(__file__).parents[2] / "scripts"
N = int(os.environ.get("NUMPYGPT_FOLDERS", 50))
SEED = int(os.environ.get("NUMPYGPT_SEED", 0))

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
SPELLED = ["<|endoftext|>", "<pad>", "<s>", "</s>", "[SEP]", "xx", "to day", "Ġcat",
           "café", "<|im_start|>", "<", "the", "\n\n", "ж ж", " mat", "<s", "日本",
           "'s", "é", "_a", "catsat", "  ", "q"]  # fmt: skip
GAPS = [" ", "", "  ", " .", " ' ", " n't", "\n", "\t ", "\u00a0", "_", ".", "9"]


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
    made = kind(
        tokenizer_object=at_work, add_prefix_space=rng.random() < 0.3,
        clean_up_tokenization_spaces=rng.random() < 0.3, **names,
    )  # fmt: skip
    change(rng, made).save_pretrained(folder)


def write_slow(rng, folder):
    """GPT2Tokenizer, in Python or not: vocab.json and merges.txt, perhaps no more."""
    trained(rng).model.save(str(folder))
    kind = rng.choice([transformers.GPT2Tokenizer, transformers.GPT2TokenizerFast])
    made = kind(
        f"{folder}/vocab.json", f"{folder}/merges.txt",
        add_prefix_space=rng.random() < 0.3, add_bos_token=rng.random() < 0.3,
        clean_up_tokenization_spaces=rng.random() < 0.3, **some_names(rng, False),
    )  # fmt: skip
    change(rng, made).save_pretrained(folder)
    for name in os.listdir(folder):
        lost = {"tokenizer.json": 0.5, "tokenizer_config.json": 0.2}.get(name, 0.15)
        if name not in ("vocab.json", "merges.txt") and rng.random() < lost:
            os.remove(folder / name)


def write_old(rng, folder):
    """As before 2023: what is added in files of its own, and names of all kinds."""
    trained(rng).model.save(str(folder))
    made = transformers.GPT2Tokenizer(
        f"{folder}/vocab.json", f"{folder}/merges.txt", **some_names(rng, False)
    )
    change(rng, made)
    some = rng.sample(SPELLED, rng.randrange(1, 4))
    made.add_special_tokens({"additional_special_tokens": some})
    made.save_pretrained(folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    del settings["added_tokens_decoder"]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    for name in "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json":
        if rng.random() < 0.2 and (folder / name).exists():
            os.remove(folder / name)


BY_NAME = ("add_prefix_space", "different flags", "additional_special_tokens ends with")
# transformers cannot open a folder whose bos_token is no plain word, and gives two
# reasons, the second because of a package that is not needed.
NO_ANSWER = "Missing SpecialToken|protobuf library"


def written(rng, folder, writers):
    """transformers' tokenizer of a folder that one of these wrote; None if it fails."""
    try:
        rng.choice(writers)(rng, folder)
        transformers.GPT2Config().save_pretrained(folder)
        return transformers.AutoTokenizer.from_pretrained(folder)
    except (ValueError, ImportError) as error:
        assert re.search(NO_ANSWER, str(error)), error
        return None


def opened(folder):
    """Our tokenizer of the folder; None if it is refused by name."""
    try:
        return Tokenizer.from_pretrained(folder)
    except FormatError as error:
        assert any(name in str(error) for name in BY_NAME), error
        return None


def encoded(tokenizer, text):
    """transformers' ids; None where tokenizers panics (an added token of white space
    beside one that takes white space along)."""
    try:
        return tokenizer.encode(text)
    except BaseException as error:
        if "bad split" not in str(error):
            raise
        return None


@pytest.mark.parametrize("seed", range(N))
def test_ids_and_texts(tmp_path, seed):
    rng = random.Random(SEED + seed)
    theirs = written(rng, tmp_path, [write_fast, write_slow, write_old])
    if theirs is None:
        return
    if (ours := opened(tmp_path)) is None:
        return
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
        ids = encoded(theirs, text)
        if ids is None:
            continue
        assert ours.encode(text, allowed_special="all") == ids, text
        assert again.encode(text) == back.encode(text, allowed_special="all") == ids
        bare = theirs.encode(text, add_special_tokens=False)
        for skip in (False, True):
            want = theirs.decode(bare, skip_special_tokens=skip)
            assert ours.decode(bare, skip_special_tokens=skip) == want, (text, skip)
            assert "".join(ours.decode_stream(bare, skip)) == want, (text, skip)
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

    rng = random.Random(1_000_000 + SEED + seed)
    if written(rng, tmp_path, [write_fast, write_slow]) is None:
        return
    if (tokenizer := opened(tmp_path)) is None:
        return
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


def write_gguf(path, folder, tokenizer, model):
    """As llama.cpp's convert_hf_to_gguf.py does it, with the gguf package."""
    import gguf
    import numpy as np

    config = model.config
    writer = gguf.GGUFWriter(path, "gpt2")
    writer.add_block_count(config.n_layer)
    writer.add_context_length(config.n_positions)
    writer.add_embedding_length(config.n_embd)
    writer.add_feed_forward_length(4 * config.n_embd)
    writer.add_head_count(config.n_head)
    writer.add_layer_norm_eps(config.layer_norm_epsilon)
    added, spelled = tokenizer.get_added_vocab(), tokenizer.get_vocab()
    names = {i: token for token, i in spelled.items()}
    tokens, kinds = [], []
    for i in range(config.vocab_size):
        tokens.append(names.get(i, f"[PAD{i}]"))
        kind = gguf.TokenType.NORMAL if i in names else gguf.TokenType.UNUSED
        if names.get(i) in added:
            special = tokenizer.added_tokens_decoder[i].special
            kind = gguf.TokenType.CONTROL if special else gguf.TokenType.USER_DEFINED
        kinds.append(kind)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    merges = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")[1:-1]
    writer.add_token_merges(merges)
    for name, add in {
        "bos": writer.add_bos_token_id, "eos": writer.add_eos_token_id,
        "pad": writer.add_pad_token_id, "unk": writer.add_unk_token_id,
    }.items():  # fmt: skip
        if (i := getattr(tokenizer, f"{name}_token_id")) is not None:
            add(i)
    table = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GPT2, config.n_layer)
    for name, tensor in model.state_dict().items():
        array = tensor.detach().numpy()
        if name == "lm_head.weight":
            continue
        if name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight")):
            array = array.T
        theirs = table.get_name(name, (".weight", ".bias"))
        writer.add_tensor(theirs, np.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize("seed", range(N // 4))
def test_gguf(tmp_path, seed, monkeypatch):
    """A GGUF file by its own package: ids, texts and logits are the model's, there
    (convert_gguf.py reads it) and back (it writes one, and reads that)."""
    import numpy as np
    import torch

    monkeypatch.syspath_prepend(str(SCRIPTS))
    import convert_gguf
    import converting

    rng = random.Random(2_000_000 + SEED + seed)
    folder = tmp_path / "hf"
    folder.mkdir()
    trained(rng).model.save(str(folder))
    end = tokenizers.AddedToken("<|endoftext|>", special=True, normalized=False)
    theirs = transformers.GPT2Tokenizer(
        f"{folder}/vocab.json", f"{folder}/merges.txt",
        bos_token=end, eos_token=end, unk_token=end,
    )  # fmt: skip
    for _ in range(rng.randrange(4)):
        token, special = rng.choice(SPELLED), rng.random() < 0.5
        theirs.add_tokens(
            [tokenizers.AddedToken(token, special=special, normalized=False)]
        )
    theirs.save_pretrained(folder)
    theirs = transformers.GPT2TokenizerFast.from_pretrained(folder)
    config = small_model(rng, len(theirs) + rng.randrange(4))
    config.update({"activation_function": "gelu_new", "tie_word_embeddings": True})
    config.scale_attn_by_inverse_layer_idx = False
    config._attn_implementation = "eager"
    model = transformers.GPT2LMHeadModel(config).eval()
    write_gguf(tmp_path / "x.gguf", folder, theirs, model)

    def run(*argv):
        argv = [str(a) for a in argv]
        doc, options = convert_gguf.__doc__, convert_gguf.options
        assert converting.run(convert_gguf.convert, doc, options, argv) == 0

    run(tmp_path / "x.gguf", tmp_path / "there")
    run(tmp_path / "there", tmp_path / "y.gguf", "--type", "F32")
    run(tmp_path / "y.gguf", tmp_path / "back")
    model = model.double()
    for name in ("there", "back"):
        ours = Tokenizer.from_pretrained(tmp_path / name)
        assert ours.eos_token == theirs.eos_token
        for _ in range(20):
            text = text_of(rng, list(theirs.get_added_vocab()))
            ids = theirs.encode(text)
            assert ours.encode(text, allowed_special="all") == ids, text
            for skip in (False, True):
                want = theirs.decode(ids, skip_special_tokens=skip)
                assert ours.decode(ids, skip_special_tokens=skip) == want, text
        ids = theirs.encode("the cat sat on a mat")[:20]
        with torch.no_grad():
            want = model(torch.tensor([ids])).logits[0].numpy()
        got = GPT2.from_pretrained(tmp_path / name, dtype=np.float64)(ids)
        assert np.abs(got - want).max() <= 1e-10 * np.abs(want).max()
